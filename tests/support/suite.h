/* The main() of every Check program: one suite of the given test cases, its result as exit status. */
#ifndef TESTS_SUPPORT_SUITE_H
#define TESTS_SUPPORT_SUITE_H

#include <check.h>
#include <stdarg.h>
#include <stdlib.h>

/* suite_run("folder/noun", case, case, ...): runs them all; EXIT_SUCCESS when none failed. */
#define suite_run(name, ...) suite_run_all(name, __VA_ARGS__, (TCase *)NULL)

static inline int suite_run_all(const char *name, TCase *first, ...)
{
	Suite *suite = suite_create(name);
	va_list ap;

	va_start(ap, first);
	for (TCase *t = first; t; t = va_arg(ap, TCase *))
		suite_add_tcase(suite, t);
	va_end(ap);
	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
