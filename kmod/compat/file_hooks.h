/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Are there files that are made by alloc_empty_backing_file()? Drop with 6.1.
 */
#ifndef _BC_COMPAT_FILE_HOOKS_H
#define _BC_COMPAT_FILE_HOOKS_H

#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define BC_HAVE_BACKING_FILES
#endif

#endif /* _BC_COMPAT_FILE_HOOKS_H */
