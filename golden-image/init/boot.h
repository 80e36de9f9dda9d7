/* From the initramfs to the golden root: modules, the pmem disk, overlay, the switch of root.
 * Called once each, in this order, by PID 1. Failures return -errno with the reason in *fault. */
#ifndef INIT_BOOT_H
#define INIT_BOOT_H

#include <stdbool.h>

#include "golden-image/message/fault.h"

/* Mounts /proc, /sys and /dev of the initramfs. */
int boot_mounts(struct fault *fault) __attribute__((warn_unused_result));
/* Loads /modules/NAME for each line NAME of /modules/order and removes the files: they are memory.
 * A module that the kernel has built in, or has no hardware for, is passed over. */
int boot_modules(struct fault *fault) __attribute__((warn_unused_result));
/* Waits for /dev/pmem0, mounts it as EROFS with DAX, lays a tmpfs over it and makes the whole the root
 * with fresh /proc, /sys, /dev, /tmp and /run. *ret_dax: whether the mount has DAX indeed: the kernel
 * drops the option without a word. */
int boot_root(bool *ret_dax, struct fault *fault) __attribute__((warn_unused_result));

#endif
