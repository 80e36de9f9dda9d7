#include <check.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "microvisor/vm/snapshot.h"
#include "tests/support/suite.h"
#include "tests/support/vsock_owner.h"

static struct mv_snapshot snapshot;
static struct mv_snapshot read_back;
static uint8_t key[MV_KEY_BYTES] = "key";
static const struct mv_snapshot_want want = {
	.key = key, .ram_bytes = 256 << 20, .root_bytes = 2 << 20};
static int file;

static void setup_file(void)
{
	snapshot = (struct mv_snapshot){
		.key = "key", .ram_bytes = want.ram_bytes, .root_bytes = want.root_bytes};
	for (unsigned i = 0; i < MV_STATE_CHIPS; i++)
		snapshot.cpu.chips[i].chip_id = i;
	snapshot.cpu.msrs.count = MV_STATE_MSRS;
	snapshot.cpu.cpuid.count = MV_CPUID_MAX;
	mv_snapshot_finish(&snapshot);
	file = memfd_create("state", MFD_CLOEXEC);
	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(mv_snapshot_write(file, &snapshot), 0);
}

static void teardown_file(void)
{
	close(file);
}

START_TEST(what_was_written_is_read)
{
	ck_assert_int_eq(mv_snapshot_read(file, &want, &read_back), 0);
	ck_assert_mem_eq(&read_back, &snapshot, sizeof(snapshot));
}
END_TEST

START_TEST(a_truncated_file_is_refused)
{
	static const off_t lengths[] = {0, 1, sizeof(snapshot) - 1, sizeof(snapshot) + 1};

	ck_assert_int_eq(ftruncate(file, lengths[_i]), 0);
	ck_assert_int_eq(mv_snapshot_read(file, &want, &read_back), -EBADMSG);
}
END_TEST

START_TEST(any_byte_that_changed_is_noticed)
{
	for (size_t at = 0; at < sizeof(snapshot); at++) {
		((uint8_t *)&snapshot)[at] ^= 0x10;
		ck_assert_ptr_nonnull(mv_snapshot_find_fault(&snapshot, &want));
		((uint8_t *)&snapshot)[at] ^= 0x10;
	}
	ck_assert_ptr_null(mv_snapshot_find_fault(&snapshot, &want));
}
END_TEST

#define FAULT(name, change)    \
	static void name(void) \
	{                      \
		change;        \
	}
FAULT(foreign_key, snapshot.key[31] = 1)
FAULT(more_ram, snapshot.ram_bytes *= 2)
FAULT(another_root, snapshot.root_bytes = 0)
FAULT(dax_of_two, snapshot.is_dax = 2)
FAULT(too_many_msrs, snapshot.cpu.msrs.count = MV_STATE_MSRS + 1)
FAULT(endless_msrs, snapshot.cpu.msrs.count = UINT32_MAX)
FAULT(too_many_leaves, snapshot.cpu.cpuid.count = MV_CPUID_MAX + 1)
FAULT(no_such_chip, snapshot.cpu.chips[2].chip_id = 3)
FAULT(a_chip_twice, snapshot.cpu.chips[1].chip_id = 0)

static void (*const faults[])(void) = {foreign_key,     more_ram,      another_root,
				       dax_of_two,      too_many_msrs, endless_msrs,
				       too_many_leaves, no_such_chip,  a_chip_twice};

START_TEST(a_number_out_of_range_is_refused_though_the_checksum_is_right)
{
	faults[_i]();
	mv_snapshot_finish(&snapshot);
	ck_assert_ptr_nonnull(mv_snapshot_find_fault(&snapshot, &want));
}
END_TEST

/* The device of a parked guest into a new one over the same memory. */
static void move_vsock(struct mv_vsock *to)
{
	struct mv_device_state device;
	struct mv_port_counts state;

	ck_assert_int_eq(mv_vsock_save(g.vsock, &state), 0);
	mv_device_save(mv_vsock_device(g.vsock), &device);
	ck_assert_int_eq(mv_device_restore(mv_vsock_device(to), &device), 0);
	mv_vsock_restore(to, &state);
	mv_vsock_serve(to, &ops, &owner);
	mv_device_free(mv_vsock_device(g.vsock));
	g.vsock = to;
	mv_vsock_device(to)->raise = guest_raise;
	mv_vsock_device(to)->machine = &g;
}

START_TEST(a_parked_connection_goes_on_in_another_device)
{
	char got[8] = "";

	open_port(MV_PORT_CONTROL);
	guest_send(&g, MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW, "ready", 5);
	ck_assert_uint_eq(mv_vsock_read(g.vsock, MV_PORT_CONTROL, got, 5), 5);
	move_vsock(mv_vsock_new(&g.mem));
	ck_assert_uint_eq(mv_vsock_write(g.vsock, MV_PORT_CONTROL, "go", 2), 2);
	expect(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW);
	ck_assert_mem_eq(packet.payload, "go", 2);
	ck_assert_uint_eq(packet.h.fwd_cnt, 5);
	guest_send(&g, MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW, "started", 7);
	ck_assert_uint_eq(mv_vsock_read(g.vsock, MV_PORT_CONTROL, got, 8), 7);
	open_port(MV_PORT_STDOUT);
	ck_assert_uint_eq(owner.incidents, 0);
}
END_TEST

START_TEST(a_guest_that_is_not_parked_is_not_saved)
{
	struct mv_port_counts state;

	ck_assert_int_eq(mv_vsock_save(g.vsock, &state), -EBUSY);
	open_port(MV_PORT_CONTROL);
	ck_assert_int_eq(mv_vsock_save(g.vsock, &state), 0);
	guest_send(&g, MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW, "ready", 5);
	ck_assert_int_eq(mv_vsock_save(g.vsock, &state), -EBUSY);
}
END_TEST

START_TEST(a_guest_with_another_connection_is_not_saved)
{
	struct mv_port_counts state;

	open_port(MV_PORT_CONTROL);
	open_port(MV_PORT_STDOUT);
	ck_assert_int_eq(mv_vsock_save(g.vsock, &state), -EBUSY);
}
END_TEST

static struct mv_device_state device;

FAULT(feature_not_offered, device.regs.driver_features |= 1)
FAULT(queue_of_no_size, device.rings[0].size = 0)
FAULT(queue_of_odd_size, device.rings[0].size = 3)
FAULT(queue_too_large, device.rings[0].size = 512)
FAULT(ring_outside_memory, device.rings[0].desc_gpa = UINT64_MAX & ~15ull)
FAULT(ring_not_aligned, device.rings[1].used_gpa |= 1)
FAULT(avail_outside_memory, device.rings[1].avail_gpa = 0)
FAULT(queue_that_is_not_there, device.rings[3] = device.rings[0])

static void (*const device_faults[])(void) = {feature_not_offered,  queue_of_no_size,
					      queue_of_odd_size,    queue_too_large,
					      ring_outside_memory,  ring_not_aligned,
					      avail_outside_memory, queue_that_is_not_there};

START_TEST(an_impossible_device_is_refused)
{
	struct mv_vsock *to = mv_vsock_new(&g.mem);

	mv_device_save(mv_vsock_device(g.vsock), &device);
	device_faults[_i]();
	ck_assert_int_eq(mv_device_restore(mv_vsock_device(to), &device), -EBADMSG);
	mv_device_free(mv_vsock_device(to));
}
END_TEST

START_TEST(wild_ring_indices_break_the_device_and_nothing_else)
{
	struct mv_vsock *to = mv_vsock_new(&g.mem);

	mv_device_save(mv_vsock_device(g.vsock), &device);
	device.rings[GUEST_TX].next_avail = 0x8000;
	ck_assert_int_eq(mv_device_restore(mv_vsock_device(to), &device), 0);
	mv_device_free(mv_vsock_device(g.vsock));
	g.vsock = to;
	guest_notify(&g, GUEST_TX);
	ck_assert(guest_needs_reset(&g));
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

int main(void)
{
	TCase *format = tcase_create("format");
	TCase *devices = tcase_create("devices");

	tcase_add_checked_fixture(format, setup_file, teardown_file);
	tcase_add_test(format, what_was_written_is_read);
	tcase_add_loop_test(format, a_truncated_file_is_refused, 0, 4);
	tcase_add_test(format, any_byte_that_changed_is_noticed);
	tcase_add_loop_test(format, a_number_out_of_range_is_refused_though_the_checksum_is_right,
			    0, COUNT(faults));
	tcase_add_checked_fixture(devices, setup, teardown);
	tcase_add_test(devices, a_parked_connection_goes_on_in_another_device);
	tcase_add_test(devices, a_guest_that_is_not_parked_is_not_saved);
	tcase_add_test(devices, a_guest_with_another_connection_is_not_saved);
	tcase_add_loop_test(devices, an_impossible_device_is_refused, 0, COUNT(device_faults));
	tcase_add_test(devices, wild_ring_indices_break_the_device_and_nothing_else);
	return suite_run("microvisor/snapshot", format, devices);
}
