/* docs/openapi.yaml and the route table say the same, in both directions.
 *
 * With OPENAPI_ANSWERS=DIR in the environment (tests/system/test_api.sh), real answers are held to their
 * schemas too: each DIR/OPERATION.STATUS[.ANYTHING].json is one. */
#include <ctype.h>
#include <dirent.h>

#include "server/rest/blobs.h"
#include "server/rest/route.h"
#include "tests/support/suite.h"
#include "tests/unit/server/openapi.h"

static json_t *root;

static void setup(void)
{
	root = openapi_load();
}

static void teardown(void)
{
	json_decref(root);
}

static json_t *operation_of(const struct srv_route *route)
{
	char method[16];
	size_t i;

	for (i = 0; route->method[i] && i < sizeof(method) - 1; i++)
		method[i] = (char)tolower((unsigned char)route->method[i]);
	method[i] = '\0';
	json_t *path = json_object_get(json_object_get(root, "paths"), route->path);
	json_t *operation = json_object_get(path, method);

	ck_assert_msg(operation != NULL, "%s %s is not in docs/openapi.yaml", route->method,
		      route->path);
	return operation;
}

static json_int_t number_of(const json_t *schema, const char *name)
{
	return json_integer_value(json_object_get(schema, name));
}

/* One field and its schema: type, bounds, words. */
static void check_field(const struct srv_field *f, json_t *schema)
{
	const char *type = json_string_value(json_object_get(schema, "type"));
	const json_t *words = json_object_get(schema, "enum"), *word;
	static const char *const types[] = {"string", "integer", "boolean", "array"};
	static const char *const mins[] = {"minLength", "minimum", "none", "minItems"};
	static const char *const maxs[] = {"maxLength", "maximum", "none", "maxItems"};
	char list[200] = "";
	size_t i;

	ck_assert_str_eq(type, types[f->kind]);
	ck_assert_msg(number_of(schema, mins[f->kind]) == f->min, "%s: min", f->name);
	ck_assert_msg(number_of(schema, maxs[f->kind]) == f->max, "%s: max", f->name);
	json_array_foreach(words, i, word)
	{
		size_t used = strlen(list);

		snprintf(list + used, sizeof(list) - used, "%s%s", i ? "|" : "",
			 json_string_value(word));
	}
	ck_assert_str_eq(list, f->words ? f->words : "");
}

START_TEST(each_route_is_described_with_its_roles_and_reach)
{
	const struct srv_route *route = &srv_routes[_i];
	json_t *operation = operation_of(route);

	char roles[160];

	srv_route_roles(route, roles, sizeof(roles));
	ck_assert_str_eq(json_string_value(json_object_get(operation, "x-roles")), roles);
	ck_assert_str_eq(json_string_value(json_object_get(operation, "x-reach")),
			 srv_reach_name(route->reach));
	ck_assert_int_eq(json_object_get(operation, "security") != NULL,
			 route->roles == SRV_ROLE_NONE);
}
END_TEST

/* Those of one place: "query" or "header". */
static json_t *parameters_in(const struct srv_route *route, const char *place)
{
	json_t *list = json_object_get(operation_of(route), "parameters"), *parameter;
	json_t *found = json_array();
	size_t i;

	json_array_foreach(list, i, parameter)
	{
		parameter = openapi_deref(root, parameter);
		if (!strcmp(json_string_value(json_object_get(parameter, "in")), place))
			json_array_append(found, parameter);
	}
	return found;
}

START_TEST(each_route_has_the_parameters_described)
{
	const struct srv_route *route = &srv_routes[_i];
	json_t *list = parameters_in(route, "query"), *parameter;
	size_t i, count = 0;

	while (route->query && route->query[count].name)
		count++;
	ck_assert_uint_eq(json_array_size(list), count);
	json_array_foreach(list, i, parameter)
	{
		const char *name = json_string_value(json_object_get(parameter, "name"));
		int at = srv_fields_find(route->query, name);

		ck_assert_msg(at >= 0, "%s: %s", route->path, name);
		check_field(&route->query[at], json_object_get(parameter, "schema"));
	}
	json_decref(list);
}
END_TEST

START_TEST(each_route_has_the_headers_described)
{
	const struct srv_route *route = &srv_routes[_i];
	json_t *list = parameters_in(route, "header"), *parameter;
	bool changes = srv_route_changes(route), match = false, none_match = false, key = false;
	size_t i;

	json_array_foreach(list, i, parameter)
	{
		const char *name = json_string_value(json_object_get(parameter, "name"));

		match |= !strcmp(name, "If-Match");
		none_match |= !strcmp(name, "If-None-Match");
		key |= !strcmp(name, "Idempotency-Key");
	}
	ck_assert_msg(match == (route->current && changes), "%s: If-Match", route->path);
	ck_assert_msg(none_match == (route->current && !changes), "%s: If-None-Match", route->path);
	ck_assert_msg(key == route->repeatable, "%s: Idempotency-Key", route->path);
	json_decref(list);
}
END_TEST

static json_t *body_schema(const struct srv_route *route, const char *type)
{
	json_t *body = json_object_get(operation_of(route), "requestBody");
	json_t *media = json_object_get(json_object_get(body, "content"), type);

	return openapi_deref(root, json_object_get(media, "schema"));
}

START_TEST(each_body_has_the_fields_described)
{
	const struct srv_route *route = &srv_routes[_i];
	json_t *schema = body_schema(route, "application/json");
	const char *name;
	json_t *field;
	size_t count = 0;

	if (!route->body) {
		ck_assert_ptr_null(schema);
		return;
	}
	while (route->body[count].name)
		count++;
	ck_assert_uint_eq(json_object_size(json_object_get(schema, "properties")), count);
	json_object_foreach(json_object_get(schema, "properties"), name, field)
	{
		int at = srv_fields_find(route->body, name);

		ck_assert_msg(at >= 0, "%s: %s", route->path, name);
		check_field(&route->body[at], field);
		ck_assert_int_eq(openapi_is_listed(json_object_get(schema, "required"), name),
				 route->body[at].required);
	}
}
END_TEST

START_TEST(a_streamed_body_is_described_as_bytes)
{
	const struct srv_route *route = &srv_routes[_i];

	ck_assert_int_eq(body_schema(route, "application/octet-stream") != NULL,
			 route->begin != NULL);
}
END_TEST

START_TEST(nothing_is_described_that_is_not_there)
{
	const char *path, *method;
	json_t *item, *operation;
	size_t count = 0;

	json_object_foreach(json_object_get(root, "paths"), path, item)
	{
		json_object_foreach(item, method, operation) count +=
			strcmp(method, "parameters") != 0;
	}
	ck_assert_uint_eq(count, srv_route_count);
}
END_TEST

START_TEST(the_problem_codes_are_those_described)
{
	json_t *schemas = json_object_get(json_object_get(root, "components"), "schemas");
	json_t *problem = json_object_get(json_object_get(schemas, "Problem"), "properties");
	json_t *codes = json_object_get(json_object_get(problem, "code"), "enum");

	ck_assert_uint_eq(json_array_size(codes), SRV_PROBLEMS);
	for (int i = 0; i < SRV_PROBLEMS; i++)
		ck_assert(openapi_is_listed(codes, srv_problem_code((enum srv_problem)i)));
}
END_TEST

START_TEST(each_problem_has_its_section_in_the_docs)
{
	enum srv_problem problem = (enum srv_problem)_i;
	FILE *f = fopen("docs/problems.md", "re");
	char line[300], wanted[120];
	int found = 0, sections = 0;

	ck_assert_ptr_nonnull(f);
	snprintf(wanted, sizeof(wanted), "### `%s` (%d)\n", srv_problem_code(problem),
		 srv_problem_status(problem));
	while (fgets(line, sizeof(line), f)) {
		found += !strcmp(line, wanted);
		sections += !strncmp(line, "### ", 4);
	}
	fclose(f);
	ck_assert_msg(found == 1, "docs/problems.md has no \"%.*s\"", (int)strcspn(wanted, "\n"),
		      wanted);
	ck_assert_int_eq(sections, SRV_PROBLEMS);
}
END_TEST

/* The operation's schema for a status; that of "default" when the status has none of its own. */
static json_t *answer_schema(const char *id, const char *status)
{
	const char *path, *method;
	json_t *item, *operation, *found = NULL;

	json_object_foreach(json_object_get(root, "paths"), path, item)
	{
		json_object_foreach(item, method, operation)
		{
			const char *name =
				json_string_value(json_object_get(operation, "operationId"));

			if (name && !strcmp(name, id))
				found = json_object_get(operation, "responses");
		}
	}
	ck_assert_msg(found != NULL, "no operation %s", id);
	json_t *response = json_object_get(found, status);

	response = openapi_deref(root, response ? response : json_object_get(found, "default"));
	json_t *content = json_object_get(response, "content");
	json_t *media = json_object_get(content, "application/json");

	media = media ? media : json_object_get(content, "application/problem+json");
	ck_assert_msg(media != NULL, "%s %s has no body", id, status);
	return json_object_get(media, "schema");
}

START_TEST(real_answers_fit_their_schemas)
{
	const char *folder = getenv("OPENAPI_ANSWERS");
	DIR *d = folder ? opendir(folder) : NULL;
	int count = 0;

	for (struct dirent *e; d && (e = readdir(d));) {
		char path[600], id[64], status[8];

		if (sscanf(e->d_name, "%63[A-Za-z].%7[0-9].", id, status) != 2)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		json_t *answer = json_load_file(path, 0, NULL);

		ck_assert_msg(answer != NULL, "%s: is not JSON", path);
		openapi_check(root, answer_schema(id, status), answer, e->d_name);
		json_decref(answer);
		count++;
	}
	if (!folder)
		return;
	closedir(d);
	printf("%d answers fit\n", count);
	ck_assert_int_gt(count, 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("openapi");
	int rows = (int)srv_route_count;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, each_route_is_described_with_its_roles_and_reach, 0, rows);
	tcase_add_loop_test(t, each_route_has_the_parameters_described, 0, rows);
	tcase_add_loop_test(t, each_route_has_the_headers_described, 0, rows);
	tcase_add_loop_test(t, each_body_has_the_fields_described, 0, rows);
	tcase_add_loop_test(t, a_streamed_body_is_described_as_bytes, 0, rows);
	tcase_add_test(t, nothing_is_described_that_is_not_there);
	tcase_add_test(t, the_problem_codes_are_those_described);
	tcase_add_loop_test(t, each_problem_has_its_section_in_the_docs, 0, SRV_PROBLEMS);
	tcase_add_test(t, real_answers_fit_their_schemas);
	return suite_run("server/rest/openapi", t);
}
