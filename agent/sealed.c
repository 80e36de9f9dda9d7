#include "agent/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

int agent_sealed_read(int fd, size_t max, struct buf *out)
{
	static const int needed = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & needed) != needed)
		return -EPERM;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return buf_read_fd(out, fd, max);
}
