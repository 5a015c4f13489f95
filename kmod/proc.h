/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_PROC_H
#define _BC_PROC_H

#include <linux/sched.h>

#include "ptrmap.h"
#include "tree.h"

/**
 * struct bc_task - record of a charged task
 * @node: key is the task_struct
 * @lock: protects @pool, @sigs, @seen, @pass and the charges that go with them
 * @sigs: queued signals charged for the process that this task leads (signal.c)
 * @pool: what the task is charged to, with a reference; NULL once uncharged
 * @seen: when @sigs was last made what it should be, the lower half of ticks
 * @pass: the last pass over all tasks that has seen it (cputime.c); under @lock
 * @sig_link: in @pool->sigs while it may have queued signals; under the lock of
 *	those lists
 * @rcu: for the free
 */
struct bc_task {
	struct bc_ptrmap_node		node;
	spinlock_t			lock;
	u32				sigs;
	struct bc_pool			*pool;
	u32				pass;
	u32				seen;
	union {
		struct list_head	sig_link;
		struct rcu_head		rcu;
	};
};

extern struct bc_ptrmap bc_task_map;

/**
 * bc_task_find() - the record of a task
 * @task: task
 *
 * Context: inside a charge section.
 * Return: record or NULL.
 */
static inline struct bc_task *bc_task_find(const struct task_struct *task)
{
	struct bc_ptrmap_node *node = bc_ptrmap_find(&bc_task_map, task);

	return node ? container_of(node, struct bc_task, node) : NULL;
}

void bc_proc_walk(void (*func)(struct task_struct *leader, void *data), void *data);
void bc_proc_resync(struct bc_pool *newcomer);
void bc_proc_settle(void);

#endif /* _BC_PROC_H */
