/* fleet-device HOSTNAME: one device of flesh, for tests of what an admin sees. It enrols with the token on
 * the first line of stdin, says Hello, reports each announced policy as applied, and sends one event for each
 * further line: CLASS OPERATION VERDICT RULE TASK USER PROGRAM OBJECT, with "-" for an empty word and "audit:"
 * before a verdict that is only recorded. After a line "fail REASON" it cannot apply policies, for that reason. It
 * ends with stdin. The server is spoken to as an agent would; there
 * is no micro-VM behind it, which needs a /dev/kvm (tests/story has that). */
#include <poll.h>
#include <stdbool.h>
#include <time.h>

#include "common/token.h"
#include "tests/unit/server/client.h"

enum {
	LINE_MAX_BYTES = 8192,
	WORDS = 8
};

static uint8_t stream[16] = "device-of-flesh";
static uint64_t sequence;
static char failure[256]; /* why policies are not applied; "" when they are */

static void send_kind(struct client *c, Ampoule__Frame__KindCase kind, void *message)
{
	Ampoule__Frame frame;

	ampoule__frame__init(&frame);
	frame.kind_case = kind;
	frame.hello = message; /* one member of the union is as good as another */
	client_send(c, &frame);
}

static uint16_t port_of(const struct token *token)
{
	return (uint16_t)strtoul(strrchr(token->server, ':') + 1, NULL, 10);
}

static void enrol(struct identity *id, const struct token *token, char *hostname)
{
	Ampoule__EnrollRequest request;
	struct client c;
	char machine[] = "0123abcd";
	uint8_t *der, secret[sizeof(token->secret)];

	id->key = EVP_EC_gen("P-256");
	memcpy(secret, token->secret, sizeof(secret));
	ck_assert_int_eq(client_connect(&c, port_of(token), "ampoule-enroll/1", NULL), 1);
	ampoule__enroll_request__init(&request);
	request.token_secret = (ProtobufCBinaryData){sizeof(secret), secret};
	request.csr_der.len = (size_t)client_csr(id->key, &der);
	request.csr_der.data = der;
	request.hostname = hostname;
	request.machine_id = machine;
	send_kind(&c, AMPOULE__FRAME__KIND_ENROLL_REQUEST, &request);
	OPENSSL_free(der);
	Ampoule__Frame *frame = client_expect(&c, AMPOULE__FRAME__KIND_ENROLL_REPLY);
	const uint8_t *at = frame->enroll_reply->certificate_der.data;

	id->certificate = d2i_X509(NULL, &at, (long)frame->enroll_reply->certificate_der.len);
	ck_assert_ptr_nonnull(id->certificate);
	wire_free(&frame->base);
	client_close(&c);
}

static void hello(struct client *c, char *hostname)
{
	Ampoule__Hello hello;
	char version[] = "0.1.0";

	ampoule__hello__init(&hello);
	hello.protocol = 1;
	hello.version = version;
	hello.hostname = hostname;
	hello.event_stream = (ProtobufCBinaryData){sizeof(stream), stream};
	hello.isolation = true;
	send_kind(c, AMPOULE__FRAME__KIND_HELLO, &hello);
	wire_free(&client_expect(c, AMPOULE__FRAME__KIND_WELCOME)->base);
}

static void send_event(struct client *c, char *word[WORDS])
{
	Ampoule__Event event, *list[] = {&event};
	Ampoule__EventBatch batch;
	char severity[] = "high", exit_reason[] = "mmio", image[] = "debian-docs",
	     policy[] = "office", vm[] = "4f1c9a2e";
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	ampoule__event__init(&event);
	event.sequence = ++sequence;
	event.wall_clock_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	event.class_ = word[0];
	event.operation = word[1];
	event.audit = !strncmp(word[2], "audit:", 6);
	event.verdict = word[2] + (event.audit ? 6 : 0);
	event.rule = word[3];
	event.task = word[4];
	event.user = word[5];
	event.program = word[6];
	event.object = (ProtobufCBinaryData){strlen(word[7]), (uint8_t *)word[7]};
	event.severity = severity;
	event.exit_reason = exit_reason;
	event.image = image;
	event.policy_id = policy;
	event.vm = vm;
	event.serial = 1;
	event.guest_rip = 0xffffffff81000000;
	event.count = 1;
	ampoule__event_batch__init(&batch);
	batch.stream = (ProtobufCBinaryData){sizeof(stream), stream};
	batch.events = list;
	batch.n_events = 1;
	send_kind(c, AMPOULE__FRAME__KIND_EVENT_BATCH, &batch);
}

/* One line of stdin; false at its end. */
static bool take_line(struct client *c)
{
	static char line[LINE_MAX_BYTES], empty[] = "";
	char *word[WORDS], *rest = line;

	if (!fgets(line, sizeof(line), stdin))
		return false;
	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(line, "fail ", 5)) {
		snprintf(failure, sizeof(failure), "%.255s", line + 5);
		return true;
	}
	for (size_t i = 0; i < WORDS; i++) {
		word[i] = i + 1 < WORDS ? strsep(&rest, " ") : rest;
		ck_assert_msg(word[i] != NULL, "fewer than %d words", WORDS);
		if (!strcmp(word[i], "-"))
			word[i] = empty;
	}
	send_event(c, word);
	return true;
}

/* Whatever the server says; false when it has closed. */
static bool take_frame(struct client *c)
{
	Ampoule__Frame *frame = client_receive(c);
	Ampoule__PolicyState state;

	if (!frame)
		return false;
	ck_assert_msg(frame->kind_case != AMPOULE__FRAME__KIND_REFUSAL, "refused");
	if (frame->kind_case == AMPOULE__FRAME__KIND_POLICY_ANNOUNCE) {
		ampoule__policy_state__init(&state);
		state.serial = frame->policy_announce->serial;
		state.digest = frame->policy_announce->digest;
		state.phase = failure[0] ? AMPOULE__POLICY_STATE__PHASE__FAILED
					 : AMPOULE__POLICY_STATE__PHASE__APPLIED;
		if (failure[0])
			state.reason = failure;
		send_kind(c, AMPOULE__FRAME__KIND_POLICY_STATE, &state);
	}
	wire_free(&frame->base);
	return true;
}

/* A test of Check's only because client.h asserts with Check, which works nowhere else. */
static char *hostname;

START_TEST(a_device_lives_until_its_stdin_ends)
{
	static char text[LINE_MAX_BYTES];
	struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}};
	struct identity id = {0};
	struct token token;
	struct client c;
	struct err err = {0};
	bool more = true;

	setvbuf(stdin, NULL, _IONBF, 0); /* what stdio had read ahead would hide from poll() */
	ck_assert_msg(fgets(text, sizeof(text), stdin) != NULL, "no token on stdin");
	text[strcspn(text, "\n")] = '\0';
	ck_assert_msg(token_parse(text, strlen(text), &token, &err) == 0, "%s", err.text);
	enrol(&id, &token, hostname);
	ck_assert_int_eq(client_connect(&c, port_of(&token), "ampoule/1", &id), 1);
	hello(&c, hostname);
	fds[1] = (struct pollfd){.fd = c.fd, .events = POLLIN};
	while (more && poll(fds, 2, -1) > 0) {
		if (fds[0].revents)
			more = take_line(&c);
		/* A read may have brought several frames, of which poll() knows nothing. */
		for (bool next = fds[1].revents; more && next;
		     next = c.in.len || SSL_pending(c.ssl))
			more = take_frame(&c);
	}
	client_close(&c);
	EVP_PKEY_free(id.key);
	X509_free(id.certificate);
}
END_TEST

int main(int argc, char **argv)
{
	TCase *t = tcase_create("device");
	Suite *s = suite_create("fleet-device");
	SRunner *runner = srunner_create(s);

	if (argc != 2) {
		fputs("usage: fleet-device HOSTNAME < token and events\n", stderr);
		return 2;
	}
	hostname = argv[1];
	tcase_add_test(t, a_device_lives_until_its_stdin_ends);
	suite_add_tcase(s, t);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_MINIMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed ? 1 : 0;
}
