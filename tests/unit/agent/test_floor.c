#include "agent/agent/floor.h"
#include "tests/support/suite.h"

static const char *const views[] = {"/home/user1/a.pdf", "/media/x", "/mnt/.x", "/srv/a/b"};
static const char *const others[] = {
	"/etc/passwd", "/home", "/home/",   "/home/../etc", "/home//x",         "/home/./x",
	"home/x",      "",      "/homes/x", "/home/user1/", "/var/lib/ampoule", "/home/x/.."};

START_TEST(a_view_path_is_taken)
{
	ck_assert(agent_floor_is_view_path(views[_i]));
}
END_TEST

START_TEST(another_path_is_refused)
{
	ck_assert(!agent_floor_is_view_path(others[_i]));
}
END_TEST

START_TEST(the_agents_own_folders_are_never_shown)
{
	ck_assert(agent_floor_allows("/srv/data", "/srv/ampoule/agent", "/run/ampoule"));
	ck_assert(!agent_floor_allows("/srv/ampoule/agent", "/srv/ampoule/agent", "/run/ampoule"));
	ck_assert(!agent_floor_allows("/srv/ampoule", "/srv/ampoule/agent", "/run/ampoule"));
	ck_assert(!agent_floor_allows("/srv/ampoule/agent/images", "/srv/ampoule/agent/",
				      "/run/ampoule"));
	ck_assert(!agent_floor_allows("/srv/run", "/var/lib/ampoule", "/srv/run"));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("floor");

	tcase_add_loop_test(t, a_view_path_is_taken, 0, sizeof(views) / sizeof(views[0]));
	tcase_add_loop_test(t, another_path_is_refused, 0, sizeof(others) / sizeof(others[0]));
	tcase_add_test(t, the_agents_own_folders_are_never_shown);
	return suite_run("agent/floor", t);
}
