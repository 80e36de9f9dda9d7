#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "proto/frame.h"
#include "proto/policy.pb-c.h"
#include "server/signer/keeper.h"
#include "server/signer/message.h"
#include "server/signer/service.h"
#include "tests/support/suite.h"

#define POLICY                                                                        \
	"ampoule: 1\nkind: base\nid: office\ntrust_levels: [trusted, untrusted]\n"    \
	"default_task: refuse\n"                                                      \
	"tasks:\n  - id: pdf\n    match: { program: [/usr/bin/mutool] }\n"            \
	"    run: { image: debian-docs, level: untrusted, memory: 256Mi, cpus: 1 }\n" \
	"    file:\n      - { id: docs, path: [\"~/docs/\"], do: read }\n"

enum {
	NOW = 1790000000
};

static char dir[64];
static uint8_t key[SIGN_KEY_BYTES];
static struct srv_keeper *keeper;
static struct err err;
static struct buf envelope;
static uint64_t last;
static const struct srv_passphrase none;

static struct srv_sign_request request_of(uint64_t serial)
{
	return (struct srv_sign_request){.policy_id = "office",
					 .group = "default",
					 .serial = serial,
					 .issued_s = NOW,
					 .expires_s = NOW + 86400,
					 .document = POLICY,
					 .document_bytes = strlen(POLICY)};
}

static void make_keeper(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/ampoule-keeper-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_msg(srv_keeper_init(dir, &none, key, &err) == 0, "%s", err.text);
	keeper = srv_keeper_open(dir, &none, &err);
	ck_assert_msg(keeper != NULL, "%s", err.text);
}

static void remove_keeper(void)
{
	static const char *const files[] = {"policy.key", "serials", "lock", "socket"};
	char path[96];

	srv_keeper_close(keeper);
	buf_release(&envelope);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

static int sign(const struct srv_sign_request *request)
{
	return srv_keeper_sign(keeper, request, NOW, &envelope, &last, &err);
}

START_TEST(what_is_signed_is_the_content_behind_its_purpose)
{
	struct srv_sign_request request = request_of(1);
	ProtobufCMessage *sealed = NULL, *content = NULL;

	ck_assert_msg(sign(&request) == 0, "%s", err.text);
	ck_assert_uint_eq(last, 1);
	ck_assert_int_eq(wire_unpack(&ampoule__signed_policy__descriptor, envelope.data,
				     envelope.len, &sealed),
			 0);
	const Ampoule__SignedPolicy *s = (const Ampoule__SignedPolicy *)sealed;

	ck_assert_uint_eq(s->signature.len, SIGN_BYTES);
	ck_assert_uint_eq(s->key_id.len, SIGN_KEY_ID_BYTES);
	ck_assert_int_eq(sign_verify(SIGN_PURPOSE_POLICY, key, s->body.data, s->body.len,
				     s->signature.data),
			 0);
	ck_assert_int_eq(sign_verify(SIGN_PURPOSE_IMAGE, key, s->body.data, s->body.len,
				     s->signature.data),
			 -EKEYREJECTED);
	ck_assert_int_eq(wire_unpack(&ampoule__policy_content__descriptor, s->body.data,
				     s->body.len, &content),
			 0);
	const Ampoule__PolicyContent *c = (const Ampoule__PolicyContent *)content;

	ck_assert_str_eq(c->policy_id, "office");
	ck_assert_str_eq(c->group, "default");
	ck_assert_uint_eq(c->serial, 1);
	ck_assert_uint_eq(c->expires_s, NOW + 86400);
	ck_assert_uint_eq(c->document.len, strlen(POLICY));
	wire_free(content);
	wire_free(sealed);
}
END_TEST

START_TEST(a_serial_that_does_not_rise_is_refused_also_after_a_restart)
{
	struct srv_sign_request request = request_of(5);

	ck_assert_int_eq(sign(&request), 0);
	size_t n = envelope.len;

	ck_assert_int_eq(sign(&request), -ESTALE);
	ck_assert_uint_eq(last, 5);
	srv_keeper_close(keeper);
	keeper = srv_keeper_open(dir, &none, &err);
	ck_assert_ptr_nonnull(keeper);
	request.serial = 4;
	last = 0;
	ck_assert_int_eq(sign(&request), -ESTALE);
	ck_assert_uint_eq(last, 5);
	ck_assert_uint_eq(envelope.len, n);
	request.group = "other";
	ck_assert_int_eq(sign(&request), 0);
}
END_TEST

START_TEST(a_serial_that_cannot_be_kept_is_not_signed)
{
	struct srv_sign_request request = request_of(1);
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/serials.new", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0); /* where the new file is to be written */
	ck_assert_int_lt(sign(&request), 0);
	ck_assert_uint_eq(envelope.len, 0);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(sign(&request), 0);
}
END_TEST

static struct srv_sign_request bad_request(int n)
{
	struct srv_sign_request q = request_of(1);

	switch (n) {
	case 0:
		q.policy_id = "another";
		break;
	case 1:
		q.group = "no group";
		break;
	case 2:
		q.group = "";
		break;
	case 3:
		q.serial = 0;
		break;
	case 4:
		q.serial = UINT64_MAX;
		break;
	case 5:
		q.issued_s = NOW + 3600;
		break;
	case 6:
		q.expires_s = NOW;
		break;
	case 7:
		q.document_bytes = strlen(POLICY) / 2;
		break;
	case 8:
		q.document = POLICY "unknown_key: 1\n";
		q.document_bytes = strlen(q.document);
		break;
	default:
		q.document = POLICY "tests:\n  - { task: pdf, given: { user: user1 }, "
				    "open: \"~/docs/a\", expect: { do: deny } }\n";
		q.document_bytes = strlen(q.document);
	}
	return q;
}

START_TEST(a_bad_request_is_refused_with_a_reason)
{
	struct srv_sign_request request = bad_request(_i);

	ck_assert_int_eq(sign(&request), -EINVAL);
	ck_assert_uint_gt(strlen(err.text), 0);
	ck_assert_uint_eq(envelope.len, 0);
}
END_TEST

START_TEST(a_damaged_serials_file_stops_the_keeper)
{
	static const char *const damaged[] = {"default\n", "default x\n", "default 0\n",
					      "no/group 1\n"};
	char path[96];
	struct srv_sign_request request = request_of(1);

	ck_assert_int_eq(sign(&request), 0);
	srv_keeper_close(keeper);
	(void)snprintf(path, sizeof(path), "%s/serials", dir);
	FILE *f = fopen(path, "we");

	(void)fputs(damaged[_i], f);
	(void)fclose(f);
	keeper = srv_keeper_open(dir, &none, &err);
	ck_assert_ptr_null(keeper);
	ck_assert_int_eq(err.code, -EINVAL);
}
END_TEST

START_TEST(a_key_is_never_replaced_and_has_one_keeper)
{
	ck_assert_int_eq(srv_keeper_init(dir, &none, key, &err), -EEXIST);
	ck_assert_ptr_null(srv_keeper_open(dir, &none, &err));
	ck_assert_int_eq(err.code, -EBUSY);
}
END_TEST

/* The service in a process of its own, answering what comes until it is killed. */
static pid_t serve(char path[96])
{
	(void)snprintf(path, 96, "%s/socket", dir);
	int listener = srv_signer_listen(path, geteuid(), getegid(), &err);

	ck_assert_msg(listener >= 0, "%s", err.text);
	pid_t pid = fork();

	if (pid == 0)
		_exit(srv_signer_serve(keeper, listener, (uid_t)-1) < 0);
	close(listener);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static struct srv_passphrase passphrase_of(const char *text)
{
	struct srv_passphrase p = {.n = strlen(text)};

	memcpy(p.bytes, text, p.n);
	return p;
}

static char *key_path(void)
{
	static char path[96];

	(void)snprintf(path, sizeof(path), "%s/policy.key", dir);
	return path;
}

START_TEST(a_key_that_is_sealed_opens_with_its_passphrase_alone)
{
	struct srv_passphrase first = passphrase_of("correct horse 1"),
			      second = passphrase_of("correct horse 2");
	struct srv_sign_request request = request_of(1);

	srv_keeper_close(keeper);
	keeper = NULL;
	ck_assert_int_eq(srv_keeper_protect(dir, &none, &none, &err), -EINVAL);
	ck_assert_msg(srv_keeper_protect(dir, &none, &first, &err) == 0, "%s", err.text);
	ck_assert_ptr_null(srv_keeper_open(dir, &none, &err));
	ck_assert_int_eq(err.code, -ENOKEY);
	err = (struct err){0};
	ck_assert_ptr_null(srv_keeper_open(dir, &second, &err));
	ck_assert_int_eq(err.code, -EKEYREJECTED);
	err = (struct err){0};
	ck_assert_int_eq(srv_keeper_protect(dir, &second, &first, &err), -EKEYREJECTED);
	err = (struct err){0};
	ck_assert_int_eq(srv_keeper_protect(dir, &first, &second, &err), 0);
	keeper = srv_keeper_open(dir, &second, &err);
	ck_assert_msg(keeper != NULL, "%s", err.text);
	ck_assert_mem_eq(srv_keeper_key(keeper), key, sizeof(key));
	ck_assert_int_eq(sign(&request), 0);
}
END_TEST

START_TEST(a_sealed_key_that_was_changed_does_not_open)
{
	struct srv_passphrase p = passphrase_of("correct horse 1");
	cleanup_buf struct buf text = {0};

	srv_keeper_close(keeper);
	keeper = NULL;
	ck_assert_int_eq(srv_keeper_protect(dir, &none, &p, &err), 0);
	ck_assert_int_eq(buf_read_file(&text, key_path(), 4096), 0);
	ck_assert(!memmem(text.data, text.len, key, sizeof(key)));
	/* A digit of the salt, of the sealed key, its last one; a letter that is no digit; a missing end. */
	static const size_t places[] = {25, 70, 0, 25, 0};
	size_t at = places[_i] ? places[_i] : text.len - 2;

	text.data[at] = _i == 3 ? 'G' : text.data[at] == '0' ? '1' : '0';
	if (_i == 4)
		text.len--;
	int fd = open(key_path(), O_WRONLY | O_TRUNC | O_CLOEXEC);

	ck_assert_int_eq(write(fd, text.data, text.len), (ssize_t)text.len);
	close(fd);
	ck_assert_ptr_null(srv_keeper_open(dir, &p, &err));
	ck_assert_int_eq(err.code, _i == 4 ? -EINVAL : -EKEYREJECTED);
}
END_TEST

START_TEST(a_passphrase_is_read_from_a_file_or_systemds_credential)
{
	struct srv_passphrase p;
	char path[96];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/" SRV_VAULT_CREDENTIAL, dir);
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	fputs("a passphrase of some length\n", f);
	fclose(f);
	(void)unsetenv("CREDENTIALS_DIRECTORY");
	ck_assert_int_eq(srv_passphrase_read(NULL, &p, &err), 0);
	ck_assert_uint_eq(p.n, 0);
	ck_assert_int_eq(srv_passphrase_read(path, &p, &err), 0);
	ck_assert_uint_eq(p.n, 27);
	(void)setenv("CREDENTIALS_DIRECTORY", dir, 1);
	ck_assert_int_eq(srv_passphrase_read(NULL, &p, &err), 0);
	ck_assert_mem_eq(p.bytes, "a passphrase of some length", 27);
	ck_assert_int_eq(truncate(path, 8), 0);
	ck_assert_int_eq(srv_passphrase_read(NULL, &p, &err), -EINVAL);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(srv_passphrase_read(path, &p, &err), -ENOENT);
}
END_TEST

START_TEST(a_client_gets_signatures_and_refusals_over_the_socket)
{
	char path[96];
	pid_t pid = serve(path);
	struct srv_sign_request request = request_of(1);
	uint8_t got[SIGN_KEY_BYTES];

	request.issued_s = (uint64_t)time(NULL);
	request.expires_s = request.issued_s + 60;
	ck_assert_msg(srv_signer_key(path, got, &err) == 0, "%s", err.text);
	ck_assert_mem_eq(got, key, sizeof(key));
	ck_assert_msg(srv_sign_policy(path, &request, &envelope, &last, &err) == 0, "%s", err.text);
	ck_assert_uint_gt(envelope.len, strlen(POLICY));
	ck_assert_int_eq(srv_sign_policy(path, &request, &envelope, &last, &err), -ESTALE);
	ck_assert_uint_eq(last, 1);
	request.policy_id = "another";
	request.serial = 2;
	ck_assert_int_eq(srv_sign_policy(path, &request, &envelope, &last, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "another"));
	end(pid);
	ck_assert_int_eq(srv_signer_key(path, got, &err), -ECONNREFUSED);
}
END_TEST

START_TEST(the_socket_is_closed_to_others)
{
	char path[96];
	pid_t pid = serve(path);
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	end(pid);
}
END_TEST

START_TEST(another_uid_gets_no_answer)
{
	char path[96];
	int status;

	if (geteuid() != 0)
		return; /* only root can become somebody else */
	pid_t pid = serve(path);

	ck_assert_int_eq(chmod(dir, 0755), 0);
	ck_assert_int_eq(chmod(path, 0666), 0);
	pid_t stranger = fork();

	if (stranger == 0) {
		uint8_t got[SIGN_KEY_BYTES];

		_exit(setresuid(12345, 12345, 12345) == 0 && srv_signer_key(path, got, &err) < 0 &&
				      err.code != -EACCES && err.code != -ECONNREFUSED
			      ? 0
			      : 1);
	}
	ck_assert_int_eq(waitpid(stranger, &status, 0), stranger);
	ck_assert_int_eq(status, 0);
	end(pid);
}
END_TEST

/* Questions that are none. */
static const struct {
	const char *bytes;
	size_t n;
} nonsense[] = {
	{"", 0},
	{"\3", 1},                 /* an unknown kind */
	{"\2x", 2},                /* something behind it */
	{"\1\1\0\0\0\0\0\0\0", 9}, /* cut */
	{"\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0",
	 34}, /* a NUL in the id */
	{"\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff", 33},
};

START_TEST(nonsense_is_not_a_question)
{
	struct buf fields = {0};
	struct srv_sign_question question;

	ck_assert_int_eq(buf_put(&fields, nonsense[_i].bytes, nonsense[_i].n), 0);
	ck_assert_int_eq(srv_sign_parse_question(&fields, &question), -EPROTO);
	buf_release(&fields);
}
END_TEST

START_TEST(a_length_over_the_limit_is_refused_before_memory_is_taken)
{
	int pair[2];
	struct buf fields = {0};

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(send(pair[0], "ASG1\xff\xff\xff\x7f", 8, 0), 8);
	ck_assert_int_eq(srv_sign_receive(pair[1], &fields), -EPROTO);
	ck_assert_int_eq(send(pair[0], "nope\1\0\0\0", 8, 0), 8);
	ck_assert_int_eq(srv_sign_receive(pair[1], &fields), -EPROTO);
	close(pair[0]);
	ck_assert_int_eq(srv_sign_receive(pair[1], &fields), -EPIPE);
	close(pair[1]);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("keeper"), *socket_case = tcase_create("socket");

	tcase_set_timeout(t, 60); /* argon2id takes its time, on a busy machine more */
	tcase_add_checked_fixture(t, make_keeper, remove_keeper);
	tcase_add_checked_fixture(socket_case, make_keeper, remove_keeper);
	tcase_add_test(t, what_is_signed_is_the_content_behind_its_purpose);
	tcase_add_test(t, a_serial_that_does_not_rise_is_refused_also_after_a_restart);
	tcase_add_test(t, a_serial_that_cannot_be_kept_is_not_signed);
	tcase_add_loop_test(t, a_bad_request_is_refused_with_a_reason, 0, 10);
	tcase_add_loop_test(t, a_damaged_serials_file_stops_the_keeper, 0, 4);
	tcase_add_test(t, a_key_is_never_replaced_and_has_one_keeper);
	tcase_add_test(t, a_key_that_is_sealed_opens_with_its_passphrase_alone);
	tcase_add_loop_test(t, a_sealed_key_that_was_changed_does_not_open, 0, 5);
	tcase_add_test(t, a_passphrase_is_read_from_a_file_or_systemds_credential);
	tcase_add_test(socket_case, a_client_gets_signatures_and_refusals_over_the_socket);
	tcase_add_test(socket_case, the_socket_is_closed_to_others);
	tcase_add_test(socket_case, another_uid_gets_no_answer);
	tcase_add_loop_test(socket_case, nonsense_is_not_a_question, 0,
			    sizeof(nonsense) / sizeof(nonsense[0]));
	tcase_add_test(socket_case, a_length_over_the_limit_is_refused_before_memory_is_taken);
	return suite_run("server/keeper", t, socket_case);
}
