/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_MEMORY_H
#define _BC_MEMORY_H

#include <linux/cgroup.h>
#include <linux/memcontrol.h>

#include "bind.h"
#include "tree.h"

/**
 * enum bc_knob - a setting of the memory controller, in pages
 * @BC_KNOB_HIGH: memory.high
 * @BC_KNOB_MAX: memory.max
 * @BC_KNOB_SWAP_HIGH: memory.swap.high
 * @BC_KNOB_SWAP_MAX: memory.swap.max
 * @BC_KNOB_LOW: memory.low
 * @BC_KNOB_MIN: memory.min
 */
enum bc_knob {
	BC_KNOB_HIGH,
	BC_KNOB_MAX,
	BC_KNOB_SWAP_HIGH,
	BC_KNOB_SWAP_MAX,
	BC_KNOB_LOW,
	BC_KNOB_MIN,
};

struct cgroup_subsys_state *bc_memory_css(struct cgroup *cgrp);
unsigned long *bc_knob_field(struct cgroup_subsys_state *css, enum bc_knob knob);
unsigned long bc_memory_look(struct bc_pool *pool, struct bc_record *table, bool *differs);
bool bc_memory_read(struct bc_pool *pool, enum bc_res res, struct bc_record *rec);

int bc_guarantee_check(struct bc_pool *pool, struct bc_pool *parent,
		       const struct bc_bounds *bounds, struct netlink_ext_ack *extack);
void bc_guarantee_changed(struct bc_pool *pool, struct bc_pool *parent, enum bc_knob knob,
			  unsigned long before, unsigned long after);

bool bc_memstat_read(struct bc_pool *pool, struct bc_memory *mem);

#endif /* _BC_MEMORY_H */
