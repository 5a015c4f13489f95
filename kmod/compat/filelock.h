/* SPDX-License-Identifier: GPL-2.0 */
/*
 * File locks in a struct file_lock_core of their own, since 6.9. Drop with 6.1.
 */
#ifndef _BC_COMPAT_FILELOCK_H
#define _BC_COMPAT_FILELOCK_H

#include <linux/fs.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
#include <linux/filelock.h>
#define bc_for_each_lock(fl, head)	list_for_each_entry(fl, head, c.flc_list)
#define bc_lock_file(fl)		((fl)->c.flc_file)
#else
#define bc_for_each_lock(fl, head)	list_for_each_entry(fl, head, fl_list)
#define bc_lock_file(fl)		((fl)->fl_file)
#endif

#endif /* _BC_COMPAT_FILELOCK_H */
