#include "server/ctl/text.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "common/log.h"

/* Walks "a.b.c"; NULL when a step is missing. */
static const json_t *find(const json_t *json, const char *path)
{
	while (json && *path) {
		char name[64];
		size_t n = strcspn(path, ".");

		assert(n < sizeof(name));
		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		json = json_object_get(json, name);
		path += n + (path[n] == '.');
	}
	return json;
}

const char *ctl_text(char *out, size_t cap, const json_t *json, const char *path)
{
	const json_t *at = find(json, path);

	out[0] = '\0';
	if (json_is_string(at))
		log_quote(out, cap, json_string_value(at), json_string_length(at));
	else if (json_is_integer(at))
		snprintf(out, cap, "%" JSON_INTEGER_FORMAT, json_integer_value(at));
	else if (json_is_boolean(at))
		snprintf(out, cap, "%s", json_is_true(at) ? "yes" : "no");
	return out;
}

const char *ctl_time(char *out, size_t cap, const json_t *json, const char *path)
{
	const char *text = json_string_value(find(json, path));
	struct tm tm = {0}, local;

	if (!text || !strptime(text, "%Y-%m-%dT%H:%M:%S", &tm))
		return ctl_text(out, cap, json, path);
	time_t t = timegm(&tm);

	if (!localtime_r(&t, &local) || !strftime(out, cap, "%Y-%m-%d %H:%M:%S", &local))
		return ctl_text(out, cap, json, path);
	return out;
}

void ctl_table_start(struct ctl_table *table, const char *const *head)
{
	*table = (struct ctl_table){0};
	while (head[table->columns])
		table->columns++;
	assert(table->columns && table->columns <= CTL_COLUMNS_MAX);
	for (size_t i = 0; i < table->columns; i++)
		ctl_table_cell(table, head[i]);
}

void ctl_table_cell(struct ctl_table *table, const char *text)
{
	if (table->used == table->room) {
		table->room = table->room ? 2 * table->room : 64;
		table->cells = reallocarray(table->cells, table->room, sizeof(*table->cells));
		assert(table->cells);
	}
	table->cells[table->used] = strdup(text[0] ? text : "-");
	assert(table->cells[table->used]);
	table->used++;
}

void ctl_table_finish(struct ctl_table *table, FILE *out)
{
	size_t width[CTL_COLUMNS_MAX] = {0};

	for (size_t i = 0; i < table->used; i++) {
		size_t n = strlen(table->cells[i]), c = i % table->columns;

		width[c] = n > width[c] ? n : width[c];
	}
	for (size_t i = 0; i < table->used; i++) {
		size_t c = i % table->columns;

		if (c + 1 == table->columns)
			fprintf(out, "%s\n", table->cells[i]);
		else
			fprintf(out, "%-*s  ", (int)width[c], table->cells[i]);
		free(table->cells[i]);
	}
	free(table->cells);
	*table = (struct ctl_table){0};
}
