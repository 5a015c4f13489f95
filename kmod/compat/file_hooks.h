/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The functions that make a struct file which no descriptor will ever stand
 * for. Backing files came with 6.5. Drop with 6.1.
 */
#ifndef _BC_COMPAT_FILE_HOOKS_H
#define _BC_COMPAT_FILE_HOOKS_H

#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define BC_HOOKS_INTERNAL_FILE(on_internal)						\
	{ .func = "alloc_empty_file_noaccount", .handler = on_internal },		\
	{ .func = "alloc_empty_backing_file", .handler = on_internal }
#else
#define BC_HOOKS_INTERNAL_FILE(on_internal)						\
	{ .func = "alloc_empty_file_noaccount", .handler = on_internal }
#endif

#endif /* _BC_COMPAT_FILE_HOOKS_H */
