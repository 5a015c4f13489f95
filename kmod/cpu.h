/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_CPU_H
#define _BC_CPU_H

#include <linux/cgroup.h>

#include "setting.h"
#include "tree.h"

/* The kernel's weights of cgroups, and the one that a new cgroup has. */
#define BC_WEIGHT_MIN		2
#define BC_WEIGHT_MAX		(1 << 18)
#define BC_WEIGHT_DEFAULT	1024

/**
 * enum bc_cpu_knob - a setting of the cpu controller
 * @BC_CPU_KNOB_WEIGHT: BC_WEIGHT_MIN..BC_WEIGHT_MAX
 * @BC_CPU_KNOB_QUOTA: us of CPU time for each period, or -1
 * @BC_CPU_KNOB_PERIOD: us
 */
enum bc_cpu_knob {
	BC_CPU_KNOB_WEIGHT,
	BC_CPU_KNOB_QUOTA,
	BC_CPU_KNOB_PERIOD,
};

struct cgroup_subsys_state *bc_cpu_css_get(struct cgroup *cgrp);
s64 bc_cpu_knob_read(struct cgroup_subsys_state *css, enum bc_cpu_knob knob);
bool bc_cpu_knob_ours(const struct bc_pool *pool, struct cgroup_subsys_state *css,
		      enum bc_cpu_knob knob);
int bc_cpu_knob_set(struct bc_pool *pool, struct cgroup_subsys_state *css,
		    enum bc_cpu_knob knob, s64 value);
void bc_cpu_knob_restore(struct bc_pool *pool, struct cgroup_subsys_state *css,
			 enum bc_cpu_knob knob);
u64 bc_cpu_limit(struct cgroup_subsys_state *css);
s64 bc_cpu_shares_to_weight(u64 shares);
void bc_cpu_fill(struct bc_pool *pool, struct bc_cpu *cpu);
void bc_cpu_start(struct bc_pool *pool);
void bc_cpu_see(struct bc_pool *pool);
void bc_cpu_close(struct bc_pool *pool, struct bc_cpu *cpu);

u64 bc_share_capacity(void);
int bc_share_check(struct bc_pool *pool, struct bc_pool *parent, const struct bc_wish *wishes,
		   struct netlink_ext_ack *extack);
void bc_share_solve(void);
void bc_share_solve_for(struct bc_pool *pool);
void bc_share_update(struct bc_pool *pool);
u64 bc_share_reservable(struct bc_pool *pool);

#endif /* _BC_CPU_H */
