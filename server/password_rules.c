/* Which passwords are no good. Length is what makes one strong; what is long and still guessed first is made of
 * the words everybody uses, perhaps with digits for letters and a year behind them: so letters are read as such,
 * the rest dropped, and what then consists of nothing but such words is refused. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "server/password.h"

enum {
	DIFFERENT_MIN = 5
};

static const char *const common[] = {
	"password",      "passwort",     "passphrase", "passwd",     "passw",
	"pass",          "kennwort",     "geheim",     "secret",     "admin",
	"administrator", "root",         "user",       "login",      "guest",
	"test",          "testing",      "demo",       "default",    "changeme",
	"change",        "letmein",      "welcome",    "willkommen", "hello",
	"hallo",         "iloveyou",     "love",       "you",        "princess",
	"sunshine",      "dragon",       "monkey",     "football",   "baseball",
	"master",        "superman",     "batman",     "shadow",     "michael",
	"jordan",        "ampoule",      "server",     "console",    "linux",
	"debian",        "trust",        "noone",      "one",        "two",
	"three",         "four",         "five",       "summer",     "winter",
	"spring",        "autumn",       "sommer",     "monday",     "friday",
	"january",       "october",      "november",   "december",   "company",
	"office",        "correct",      "horse",      "battery",    "staple",
	"qwerty",        "qwertyuiop",   "qwertz",     "qwertzuiop", "azerty",
	"asdf",          "asdfgh",       "asdfghjkl",  "zxcvbn",     "zxcvbnm",
	"yxcvbnm",       "qwer",         "abc",        "abcd",       "abcdef",
	"abcdefgh",      "abcdefghijkl", "qaz",        "wsx",        "edc",
	"rfv",           "my",           "the",        "is",         "me",
	"new",           "old",          "please",
};

/* "P@ssw0rd" reads "password". 0: no letter. */
static char letter_of(char c)
{
	static const char from[] = "0134578@$!+", to[] = "oieastbasit";
	const char *at = strchr(from, c);

	if (isalpha((unsigned char)c))
		return (char)(c | 0x20);
	return c && at ? to[at - from] : '\0';
}

/* Whether text is nothing but common words, by which ends can be reached. */
static bool is_common(const char *text, size_t n)
{
	bool reached[SRV_PASSWORD_BYTES_MAX + 1] = {true};

	for (size_t at = 0; at < n; at++) {
		for (size_t i = 0; reached[at] && i < sizeof(common) / sizeof(common[0]); i++) {
			size_t len = strlen(common[i]);

			if (len <= n - at && !memcmp(text + at, common[i], len))
				reached[at + len] = true;
		}
	}
	return reached[n];
}

/* The letters of the n bytes at text, with digits and signs read as such when spelt; whether they are common. */
static bool reads_common(const char *text, size_t n, bool spelt)
{
	char letters[SRV_PASSWORD_BYTES_MAX];
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		char c = spelt || isalpha((unsigned char)text[i]) ? letter_of(text[i]) : '\0';

		if (c)
			letters[len++] = c;
	}
	bool common_all = is_common(letters, len);

	explicit_bzero(letters, sizeof(letters));
	return common_all;
}

/* All readings: digits for letters ("p4ssw0rd"), for decoration ("pass12word34"), and both, where what stands before
 * the first and behind the last letter is decoration ("P4ssw0rd!2026"). */
static bool is_guessed(const char *password)
{
	size_t n = strlen(password), from = 0, to = n;

	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)password[i] >= 0x80)
			return false;
	}
	while (from < n && !isalpha((unsigned char)password[from]))
		from++;
	while (to > from && !isalpha((unsigned char)password[to - 1]))
		to--;
	return reads_common(password, n, true) || reads_common(password, n, false) ||
	       reads_common(password + from, to - from, true);
}

static size_t count_different(const char *password)
{
	bool seen[256] = {false};
	size_t n = 0;

	for (const char *p = password; *p; p++) {
		n += !seen[(unsigned char)*p];
		seen[(unsigned char)*p] = true;
	}
	return n;
}

/* Steps of one up or down, as in "abcdefghijkl" and "987654321098", for most of it. */
static bool is_run(const char *password, size_t n)
{
	size_t steps = 0;

	for (size_t i = 1; i < n; i++) {
		int step = password[i] - password[i - 1];

		steps += step == 1 || step == -1 || step == 0;
	}
	return steps * 4 >= n * 3;
}

int srv_password_check(const char *password, const char *name, struct err *err)
{
	size_t bytes = strlen(password), characters = 0;

	for (const char *p = password; *p; p++)
		characters += ((unsigned char)*p & 0xc0) != 0x80;
	if (characters < SRV_PASSWORD_CHARACTERS_MIN)
		return err_set(err, -EINVAL, "at least %d characters are needed",
			       SRV_PASSWORD_CHARACTERS_MIN);
	if (bytes >= SRV_PASSWORD_BYTES_MAX)
		return err_set(err, -EINVAL, "it is too long");
	if (count_different(password) < DIFFERENT_MIN || is_run(password, bytes))
		return err_set(err, -EINVAL, "it repeats itself too much");
	if (name[0] && strlen(name) >= 4 && strcasestr(password, name))
		return err_set(err, -EINVAL, "the name must not be in it");
	if (is_guessed(password))
		return err_set(err, -EINVAL, "it is among those that are guessed first");
	return 0;
}
