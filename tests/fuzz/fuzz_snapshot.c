/* A state file that somebody made to hurt: the input is a list of changes {offset u16, value u64} to a
 * sound one, whose checksum is then made right. What passes the checks is restored into devices over
 * fake memory, which are then used as a running guest would. */
#include <assert.h>

#include "common/rd.h"
#include "microvisor/virtio/devices.h"
#include "microvisor/vm/snapshot.h"
#include "tests/support/vsock_guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	CHANGES_MAX = 64
};

static bool accept_port(void *context, unsigned port)
{
	(void)context;
	(void)port;
	return true;
}

static void wake(void *context, unsigned port)
{
	(void)context;
	(void)port;
}

static void incident(void *context, const char *object)
{
	(void)context;
	assert(object[0]);
}

static const struct mv_vsock_ops ops = {accept_port, wake, incident};

/* Of a guest that has come up and connected. */
static void make(struct guest *g, struct mv_snapshot *s)
{
	struct guest_packet packet;

	*s = (struct mv_snapshot){.ram_bytes = GUEST_BYTES, .root_bytes = GUEST_BYTES};
	mv_vsock_serve(g->vsock, &ops, NULL);
	guest_connect(g, MV_PORT_CONTROL);
	(void)guest_receive(g, &packet);
	if (mv_vsock_save(g->vsock, &s->vsock) < 0)
		abort();
	for (unsigned i = 0; i < MV_SLOT_COUNT; i++)
		mv_device_save(mv_vsock_device(g->vsock), &s->devices[i]);
	for (unsigned i = 0; i < MV_STATE_CHIPS; i++)
		s->cpu.chips[i].chip_id = i;
	mv_snapshot_finish(s);
}

static void change(struct mv_snapshot *s, struct rd *r)
{
	for (unsigned i = 0; i < CHANGES_MAX && rd_left(r) >= 10; i++) {
		size_t at = rd_u16le(r) % (sizeof(*s) - 7);
		uint64_t value = rd_u64le(r);

		memcpy((uint8_t *)s + at, &value, sizeof(value));
	}
	/* What no change could hit by chance; a wrong one is refused before anything else is looked at. */
	mv_snapshot_finish(s);
}

static void use(struct guest *g, const struct mv_snapshot *s)
{
	uint8_t bytes[64] = {0};
	struct guest_packet packet;

	assert(s->cpu.msrs.count <= MV_STATE_MSRS && s->cpu.cpuid.count <= MV_CPUID_MAX);
	if (mv_device_restore(mv_vsock_device(g->vsock), &s->devices[MV_SLOT_VSOCK]) < 0)
		return;
	mv_vsock_restore(g->vsock, &s->vsock);
	mv_vsock_serve(g->vsock, &ops, NULL);
	(void)mv_vsock_write(g->vsock, MV_PORT_CONTROL, bytes, sizeof(bytes));
	for (unsigned q = 0; q < 4; q++)
		guest_notify(g, q);
	if (!guest_needs_reset(g))
		(void)guest_receive(g, &packet);
	guest_send(g, MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW, bytes, sizeof(bytes));
	assert(mv_vsock_read(g->vsock, MV_PORT_CONTROL, bytes, sizeof(bytes)) <= sizeof(bytes));
	assert(mv_vsock_room(g->vsock, MV_PORT_CONTROL) <= MV_VSOCK_BUFFER);

	struct mv_device *rng = mv_rng_new(&g->mem);

	if (rng && mv_device_restore(rng, &s->devices[MV_SLOT_RNG]) == 0) {
		const uint32_t queue = 0;

		mv_device_write(rng, VIRTIO_MMIO_QUEUE_NOTIFY, &queue, sizeof(queue));
	}
	mv_device_free(rng);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[MV_KEY_BYTES];
	const struct mv_snapshot_want want = {key, GUEST_BYTES, GUEST_BYTES};
	static struct mv_snapshot s;
	struct rd r = rd_of(data, size);
	struct guest g;

	guest_init(&g);
	make(&g, &s);
	mv_device_free(mv_vsock_device(g.vsock));
	g.vsock = mv_vsock_new(&g.mem);
	change(&s, &r);
	if (!mv_snapshot_find_fault(&s, &want))
		use(&g, &s);
	guest_release(&g);
	return 0;
}
