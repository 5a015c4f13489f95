/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The list of a process's POSIX timers. Drop with 6.1.
 */
#ifndef _BC_COMPAT_SIGNAL_H
#define _BC_COMPAT_SIGNAL_H

#include <linux/sched/signal.h>
#include <linux/version.h>

/**
 * bc_posix_timers() - POSIX timers of a process, each of which owns one sigqueue
 * @sig: its signal_struct; the caller holds the siglock
 *
 * Return: their number.
 */
static inline unsigned int bc_posix_timers(const struct signal_struct *sig)
{
	unsigned int nr = 0;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
	struct list_head *pos;

	list_for_each(pos, &sig->posix_timers)
		nr++;
#else
	struct hlist_node *pos;

	hlist_for_each(pos, &sig->posix_timers)
		nr++;
#endif
	return nr;
}

#endif /* _BC_COMPAT_SIGNAL_H */
