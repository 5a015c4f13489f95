/* SPDX-License-Identifier: GPL-2.0 */
/* The attributes of a dump, by the name of 6.12. Drop with 6.1. */
#ifndef _BC_COMPAT_NET_GENETLINK_H
#define _BC_COMPAT_NET_GENETLINK_H

#include <linux/version.h>
#include_next <net/genetlink.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define genl_info_dump(cb)	genl_dumpit_info(cb)
#endif

#endif /* _BC_COMPAT_NET_GENETLINK_H */
