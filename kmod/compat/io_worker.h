/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel threads that belong to a process, other than those of io_uring: vhost, since
 * 6.4. Drop with 6.1.
 */
#ifndef _BC_COMPAT_IO_WORKER_H
#define _BC_COMPAT_IO_WORKER_H

#include <linux/sched.h>

#ifndef PF_USER_WORKER
#define PF_USER_WORKER	0
#endif

#endif /* _BC_COMPAT_IO_WORKER_H */
