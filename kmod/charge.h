/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_CHARGE_H
#define _BC_CHARGE_H

#include "member.h"
#include "object.h"
#include "refusal.h"

/**
 * bc_current_charge() - charge an object that the current task makes
 * @objs: records
 * @key: object
 * @sev: severity
 *
 * An object without memory for its record is left uncounted, not refused.
 *
 * Context: a hook, outside of charge sections; bc_current_unknown() was false.
 * Return: false when it was refused, and counted as such.
 */
static inline bool bc_current_charge(struct bc_objects *objs, const void *key,
				     enum bc_severity sev)
{
	struct bc_counter *fail;
	struct bc_section sec;
	struct bc_pool *pool;
	int ret = 0;

	bc_enter(&sec);
	pool = bc_task_pool(current);
	if (pool)
		ret = bc_object_charge(objs, key, pool, sev, &fail);
	if (unlikely(ret == -EDQUOT))
		bc_refused(pool, fail, objs->res, 1);
	bc_leave(&sec);
	if (unlikely(ret == -ENOMEM))
		bc_note_untracked();
	return ret != -EDQUOT;
}

#endif /* _BC_CHARGE_H */
