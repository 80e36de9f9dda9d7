/* docs/security-tests.md names files and tests that are there. */
#include <stdio.h>
#include <string.h>

#include "tests/support/suite.h"

/* Whether the file has the text; "" = whether it is there. */
static int has(const char *path, const char *text)
{
	static char content[1 << 20];
	FILE *f = fopen(path, "re");

	if (!f)
		return 0;
	content[fread(content, 1, sizeof(content) - 1, f)] = '\0';
	fclose(f);
	return strstr(content, text) != NULL;
}

/* One `word` of a row: a file becomes the one that the next tests are looked for in. */
static void check_word(const char *word, char file[200], int *count)
{
	size_t n = strlen(word);
	char start[200];

	if (n > 2 && (!strcmp(word + n - 2, ".c") || !strcmp(word + n - 3, ".sh"))) {
		snprintf(file, 200, "%s%s", strchr(word, '/') ? "" : "tests/unit/server/", word);
		ck_assert_msg(has(file, ""), "there is no %s", file);
	} else if (strchr(word, '_') && !strpbrk(word, "./ ")) {
		snprintf(start, sizeof(start), "START_TEST(%s)", word);
		ck_assert_msg(has(file, start), "%s is not in %s", word, file);
		*count += 1;
	}
}

START_TEST(every_test_that_is_named_is_there)
{
	FILE *f = fopen("docs/security-tests.md", "re");
	char line[2000], file[200] = "";
	int count = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		char *save = NULL;
		int inside = 0;

		if (line[0] != '|')
			continue;
		/* Every second piece between backquotes is a word. */
		for (char *piece = strtok_r(line, "`", &save); piece;
		     piece = strtok_r(NULL, "`", &save), inside = !inside) {
			if (inside)
				check_word(piece, file, &count);
		}
	}
	fclose(f);
	ck_assert_int_gt(count, 30);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("table");

	tcase_add_test(t, every_test_that_is_named_is_there);
	return suite_run("server/security-table", t);
}
