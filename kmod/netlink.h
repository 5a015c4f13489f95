/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_NETLINK_H
#define _BC_NETLINK_H

#include "tree.h"

int bc_nl_init(void);
void bc_nl_exit(void);
void bc_nl_notify_pool(struct bc_pool *pool, enum bc_event event);

#endif /* _BC_NETLINK_H */
