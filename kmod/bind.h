/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_BIND_H
#define _BC_BIND_H

#include "setting.h"
#include "tree.h"

struct netlink_ext_ack;
struct nlattr;

extern struct bc_tree bc_tree;
extern struct workqueue_struct *bc_wq;

/**
 * struct bc_bounds - wanted barrier and limit of one resource
 * @set: they are wanted
 * @attr: where they are in the request, for messages, or NULL
 * @barrier: new barrier
 * @limit: new limit
 */
struct bc_bounds {
	bool			set;
	const struct nlattr	*attr;
	u64			barrier;
	u64			limit;
};

int bc_bind_init(unsigned int max_pools, unsigned int max_closed);
void bc_bind_unbind_all(void);
void bc_bind_exit(void);
void bc_bind_settle(void);
struct bc_pool *bc_pool_create(const char *name, u32 id, const char *parent, struct cgroup *cgrp,
			       const struct bc_bounds bounds[BC_NR_RES],
			       const struct bc_wish wishes[BC_NR_SETTINGS],
			       struct netlink_ext_ack *extack);
int bc_check_bounds(struct bc_pool *pool, struct bc_pool *parent,
		    const struct bc_bounds bounds[BC_NR_RES], struct netlink_ext_ack *extack);
void bc_pool_set_bounds(struct bc_pool *pool, const struct bc_bounds bounds[BC_NR_RES]);
int bc_pool_delete(struct bc_pool *pool, struct netlink_ext_ack *extack);
void bc_pool_cgroup_gone(struct bc_pool *pool);
u64 bc_unbalanced(void);

#endif /* _BC_BIND_H */
