/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_CPUTIME_H
#define _BC_CPUTIME_H

#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct bc_cgroup;
struct bc_cpu;
struct bc_pool;
struct bc_task;
struct task_struct;

/**
 * struct bc_cputimes - what the kernel counts for each cgroup and CPU, ns
 * @usage: CPU time, exact
 * @utime: ticks in user mode
 * @stime: ticks in the kernel
 */
struct bc_cputimes {
	u64	usage;
	u64	utime;
	u64	stime;
};

/**
 * struct bc_waits - what the kernel counts for each task
 * @wait: runnable without a CPU, ns
 * @switches: times that the CPU was given up
 * @preemptions: times that it was taken
 */
struct bc_waits {
	u64	wait;
	u64	switches;
	u64	preemptions;
};

/*
 * All sums are taken modulo 2^64: what was there before a cgroup or a task came to
 * a pool is subtracted, and a ledger alone may be "negative".
 */
static inline void bc_cputimes_add(struct bc_cputimes *to, const struct bc_cputimes *what)
{
	to->usage += what->usage;
	to->utime += what->utime;
	to->stime += what->stime;
}

static inline void bc_cputimes_sub(struct bc_cputimes *to, const struct bc_cputimes *what)
{
	to->usage -= what->usage;
	to->utime -= what->utime;
	to->stime -= what->stime;
}

static inline void bc_waits_add(struct bc_waits *to, const struct bc_waits *what)
{
	to->wait += what->wait;
	to->switches += what->switches;
	to->preemptions += what->preemptions;
}

static inline void bc_waits_sub(struct bc_waits *to, const struct bc_waits *what)
{
	to->wait -= what->wait;
	to->switches -= what->switches;
	to->preemptions -= what->preemptions;
}

/**
 * struct bc_cputime - the CPU time of one pool
 *
 * Key as in tree.h. L: under @lock.
 */
struct bc_cputime {
	/** @left_seq: changes with @left */
	seqcount_t		left_seq;
	/** @left: of cgroups that left the pool; under the member map's lock */
	struct bc_cputimes	left;

	/** @lock: protects the next five; taken in sections, inside a task's record's */
	spinlock_t		lock;
	/** @pass: L: the last pass over all tasks that has touched the pool */
	u32			pass;
	/** @gone: L: of tasks that came (less) and left (more) */
	struct bc_waits		gone;
	/** @late: L: the same of those that @pass had seen already; not to be added to @seen */
	struct bc_waits		late;

	/** @seen: L: of the tasks that @pass found */
	struct bc_waits		seen;
	/** @busy: L: how many of them the load counts */
	unsigned int		busy;

	/** @dead_times: T: of child pools that are gone */
	struct bc_cputimes	dead_times;
	/** @dead_waits: T: the same */
	struct bc_waits		dead_waits;
	/** @times: T: of the pool and all below, when it was last collected */
	struct bc_cputimes	times;
	/** @waits: T: the same */
	struct bc_waits		waits;
	/** @below: T: @busy of the pool and all below, when the load was last made */
	unsigned int		below;
	/** @told: T: what was last told, so that it never falls */
	struct bc_waits		told;
	/** @user: T: the same */
	u64			user;
	/** @system: T: the same */
	u64			system;
	/** @load: T: averages in the kernel's fixed point */
	unsigned long		load[3];
};

/**
 * bc_cputime_init() - nothing is counted yet
 * @cpu: of a new pool
 */
static inline void bc_cputime_init(struct bc_cputime *cpu)
{
	seqcount_init(&cpu->left_seq);
	spin_lock_init(&cpu->lock);
}

void bc_cputime_join(struct bc_cgroup *entry);
void bc_cputime_leave(struct bc_cgroup *entry);
void bc_cputime_task_join(struct bc_pool *pool, const struct bc_task *rec,
			  const struct task_struct *task);
void bc_cputime_task_leave(struct bc_pool *pool, const struct bc_task *rec,
			   const struct task_struct *task);
void bc_cputime_collect(struct bc_pool *root);
void bc_cputime_insert_above(struct bc_pool *pool, struct bc_pool *child);
void bc_cputime_bury(struct bc_pool *pool);
void bc_cputime_fill(struct bc_pool *pool, struct bc_cpu *cpu);
void bc_cputime_close(struct bc_pool *pool, struct bc_cpu *cpu);
void bc_cputime_start(void);
void bc_cputime_stop(void);

#endif /* _BC_CPUTIME_H */
