#include "golden-image/init/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <unistd.h>

int host_connect(unsigned port)
{
	struct sockaddr_vm to = {.svm_family = AF_VSOCK, .svm_cid = MV_CID_HOST, .svm_port = port};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

int host_send(int control, const uint8_t *frame, size_t n)
{
	while (n > 0) {
		ssize_t done = send(control, frame, n, MSG_NOSIGNAL);

		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			frame += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

int host_receive(int control, struct frame_reader *reader, struct frame *out)
{
	for (;;) {
		uint8_t *at;
		size_t want = frame_want(reader, &at);
		ssize_t got = read(control, at, want);

		if (got == 0)
			return -EPIPE;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got < 0)
			continue;
		int r = frame_got(reader, (size_t)got, out);

		if (r != 0)
			return r < 0 ? r : 0;
	}
}

/* "reboot" rather than power off: a machine without ACPI sleep registers can be reset, and the host
 * takes a reset for what it is, a guest that failed. */
void host_give_up(int control, const struct fault *fault)
{
	uint8_t frame[FRAME_SENT_MAX];
	int log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (log >= 0) {
		dprintf(log, "<2>ampoule-init: %s\n", fault->text);
		close(log);
	}
	if (control >= 0 && host_send(control, frame, frame_failed(frame, fault)) == 0)
		host_farewell(control);
	for (;;)
		(void)reboot(RB_AUTOBOOT);
}

void host_farewell(int control)
{
	char byte;

	sync();
	/* The host ends the micro-VM when it has seen the last frame; anything it may still send is not
	 * for us any more. */
	while (read(control, &byte, 1) > 0)
		;
	for (;;)
		(void)reboot(RB_POWER_OFF);
}
