// SPDX-License-Identifier: GPL-2.0
/*
 * CPU time of pools, without a hook where tasks are switched
 *
 * Usage: the kernel adds up the CPU time of each cgroup on each CPU, whether there
 * is a cpu controller or not, for the sums in cpu.stat. The addends are what is read
 * here: written by their CPU only, never reset, and not hierarchical. A pool's own
 * usage is the sum over its cgroups, each less what it had when it came to the pool
 * (bc_cgroup.base), and what cgroups that left had meanwhile (@left). A running task's
 * time since the last tick or switch is not in yet, as in cpu.stat.
 *
 * Waiting and switches: the kernel counts them for each task. A pool's own are those
 * of its tasks, found in one pass over all records of tasks, and what tasks that left
 * had (@gone); what a task had when it came is subtracted there. A task's present
 * wait is in when it ends.
 *
 * A task may leave, or move, beside the pass. It is added once for all that: its
 * record notes the pass that has seen it, and what concerns such a task is kept apart
 * (@late) until the next pass begins.
 *
 * A pool's total is its own, that of all pools below, and of those that were
 * (@dead_times). So nothing is lost or counted twice when cgroups, tasks and pools come,
 * go and move; and what never falls at its source never falls here.
 *
 * Load averages are made as the kernel makes its own: the number of tasks that run or
 * sleep uninterruptibly, from a pass every five seconds while there are pools.
 */
#include <linux/math64.h>
#include <linux/percpu.h>
#include <linux/sched/loadavg.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>

#include "bind.h"
#include "closing.h"
#include "cputime.h"
#include "hook.h"
#include "member.h"
#include "proc.h"

/* How often a walk is begun again because cgroups left the pool meanwhile. */
#define BC_WALK_TRIES	8

/* Written under the tree mutex. */
static u32 bc_pass;
/* Under the tree mutex. */
static unsigned long bc_load_time;

static void bc_cgroup_times(const struct cgroup *cgrp, struct bc_cputimes *sum)
{
	const struct cgroup_rstat_cpu *part;
	struct bc_cputimes one;
	unsigned int start;
	int cpu;

	*sum = (struct bc_cputimes){};
	for_each_possible_cpu(cpu) {
		part = per_cpu_ptr(cgrp->rstat_cpu, cpu);
		do {
			start = u64_stats_fetch_begin(&part->bsync);
			one.usage = READ_ONCE(part->bstat.cputime.sum_exec_runtime);
			one.utime = READ_ONCE(part->bstat.cputime.utime);
			one.stime = READ_ONCE(part->bstat.cputime.stime);
		} while (u64_stats_fetch_retry(&part->bsync, start));
		bc_cputimes_add(sum, &one);
	}
}

/**
 * bc_cputime_join() - a cgroup comes to a pool
 * @entry: entry of the cgroup, which cannot be freed meanwhile
 *
 * Context: under bc_member_lock.
 */
void bc_cputime_join(struct bc_cgroup *entry)
{
	bc_cgroup_times(entry->node.key, &entry->base);
}

/**
 * bc_cputime_leave() - a cgroup leaves its pool
 * @entry: entry of the cgroup, which cannot be freed meanwhile
 *
 * Context: under bc_member_lock.
 */
void bc_cputime_leave(struct bc_cgroup *entry)
{
	struct bc_cputime *cpu = &entry->pool->cpu;
	struct bc_cputimes now;

	bc_cgroup_times(entry->node.key, &now);
	write_seqcount_begin(&cpu->left_seq);
	bc_cputimes_add(&cpu->left, &now);
	bc_cputimes_sub(&cpu->left, &entry->base);
	write_seqcount_end(&cpu->left_seq);
	entry->base = now;
}

/*
 * What the cgroups of a pool have used in it. Entries come to a list and move only
 * under the tree mutex, but for new and empty ones; they may go at any time.
 */
static void bc_pool_walk(struct bc_pool *pool, struct bc_cputimes *sum)
{
	struct bc_cputimes one;
	struct bc_cgroup *entry;

	*sum = pool->cpu.left;
	list_for_each_entry_rcu(entry, &pool->cgroups, pool_link, true) {
		bc_cgroup_times(entry->node.key, &one);
		bc_cputimes_add(sum, &one);
		bc_cputimes_sub(sum, &entry->base);
	}
}

/* Where cgroups are removed faster than the walk is done again, they have to wait for it. */
static void bc_pool_times(struct bc_pool *pool, struct bc_cputimes *sum)
{
	unsigned int seq, tries = 0;
	unsigned long flags;
	bool retry;

	rcu_read_lock();
	do {
		seq = read_seqcount_begin(&pool->cpu.left_seq);
		bc_pool_walk(pool, sum);
		retry = read_seqcount_retry(&pool->cpu.left_seq, seq);
	} while (retry && ++tries < BC_WALK_TRIES);
	rcu_read_unlock();
	if (!retry)
		return;
	bc_member_freeze(&flags);
	bc_pool_walk(pool, sum);
	bc_member_thaw(flags);
}

static void bc_task_waits(const struct task_struct *task, struct bc_waits *waits)
{
	*waits = (struct bc_waits) {
#ifdef CONFIG_SCHED_INFO
		.wait = READ_ONCE(task->sched_info.run_delay),
#endif
		.switches = READ_ONCE(task->nvcsw),
		.preemptions = READ_ONCE(task->nivcsw),
	};
}

/*
 * A pass begins for a pool when it is first touched afterwards, so that those without tasks
 * cost nothing. A hook may still read the number of the pass before: what it books then is
 * folded here with the rest of that pass.
 */
static void bc_pass_touch(struct bc_cputime *cpu)
{
	u32 pass = READ_ONCE(bc_pass);

	lockdep_assert_held(&cpu->lock);
	if (cpu->pass == pass)
		return;
	cpu->pass = pass;
	bc_waits_add(&cpu->gone, &cpu->late);
	cpu->late = (struct bc_waits){};
	cpu->seen = (struct bc_waits){};
	cpu->busy = 0;
}

static struct bc_waits *bc_task_ledger(struct bc_cputime *cpu, const struct bc_task *rec)
{
	bc_pass_touch(cpu);
	return rec->pass == cpu->pass ? &cpu->late : &cpu->gone;
}

/**
 * bc_cputime_task_join() - a task comes to a pool
 * @pool: pool
 * @rec: record of the task; its lock is held, or nobody else has it yet
 * @task: the task
 *
 * Context: inside a charge section.
 */
void bc_cputime_task_join(struct bc_pool *pool, const struct bc_task *rec,
			  const struct task_struct *task)
{
	struct bc_waits waits;

	bc_task_waits(task, &waits);
	/* Forked just now. */
	if (!(waits.wait | waits.switches | waits.preemptions))
		return;
	spin_lock(&pool->cpu.lock);
	bc_waits_sub(bc_task_ledger(&pool->cpu, rec), &waits);
	spin_unlock(&pool->cpu.lock);
}

/**
 * bc_cputime_task_leave() - a task leaves a pool, or has ended
 * @pool: pool
 * @rec: record of the task; its lock is held
 * @task: the task
 *
 * Context: inside a charge section.
 */
void bc_cputime_task_leave(struct bc_pool *pool, const struct bc_task *rec,
			   const struct task_struct *task)
{
	struct bc_waits waits;

	bc_task_waits(task, &waits);
	spin_lock(&pool->cpu.lock);
	bc_waits_add(bc_task_ledger(&pool->cpu, rec), &waits);
	spin_unlock(&pool->cpu.lock);
}

/* Like the kernel's task_contributes_to_load(), and the running ones. */
static bool bc_task_busy(const struct task_struct *task)
{
	unsigned int state = READ_ONCE(task->__state);

	if (READ_ONCE(task->exit_state))
		return false;
	return state == TASK_RUNNING ||
	       ((state & TASK_UNINTERRUPTIBLE) && !(state & (TASK_NOLOAD | TASK_FROZEN)));
}

static void bc_pass_record(struct bc_task *rec)
{
	struct bc_cputime *cpu;
	struct bc_waits waits;

	spin_lock(&rec->lock);
	/* As long as the record has a pool, the task has not been freed. */
	if (rec->pool) {
		cpu = &rec->pool->cpu;
		bc_task_waits(rec->node.key, &waits);
		spin_lock(&cpu->lock);
		bc_pass_touch(cpu);
		bc_waits_add(&cpu->seen, &waits);
		cpu->busy += bc_task_busy(rec->node.key);
		spin_unlock(&cpu->lock);
		rec->pass = bc_pass;
	}
	spin_unlock(&rec->lock);
}

/* One pass over all tasks that are in a pool; some 60 instructions for each. */
static void bc_pass_run(void)
{
	struct bc_ptrmap_node *node;
	struct bc_section sec;
	unsigned long i;

	WRITE_ONCE(bc_pass, bc_pass + 1);
	for (i = 0; i < 1UL << bc_task_map.bits; i++) {
		if (!(i % 4096))
			cond_resched();
		if (hlist_empty(&bc_task_map.buckets[i]))
			continue;
		bc_enter(&sec);
		hlist_for_each_entry_rcu(node, &bc_task_map.buckets[i], link, true)
			bc_pass_record(container_of(node, struct bc_task, node));
		bc_leave(&sec);
	}
}

static void bc_pool_waits(struct bc_pool *pool, struct bc_waits *sum)
{
	unsigned long flags;

	spin_lock_irqsave(&pool->cpu.lock, flags);
	bc_pass_touch(&pool->cpu);
	*sum = pool->cpu.gone;
	bc_waits_add(sum, &pool->cpu.seen);
	spin_unlock_irqrestore(&pool->cpu.lock, flags);
}

/* Adds what a pool has by itself to all levels up to @root. */
static void bc_collect_one(struct bc_pool *pool, struct bc_pool *root)
{
	struct bc_cputimes times;
	struct bc_waits waits;
	struct bc_pool *pos;

	bc_pool_times(pool, &times);
	bc_cputimes_add(&times, &pool->cpu.dead_times);
	bc_pool_waits(pool, &waits);
	bc_waits_add(&waits, &pool->cpu.dead_waits);
	for (pos = pool; ; pos = pos->parent) {
		bc_cputimes_add(&pos->cpu.times, &times);
		bc_waits_add(&pos->cpu.waits, &waits);
		if (pos == root)
			return;
	}
}

/**
 * bc_cputime_collect() - find the totals of a pool and of all pools below
 * @root: pool
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_cputime_collect(struct bc_pool *root)
{
	struct bc_pool *pool;

	lockdep_assert_held(&bc_tree.lock);
	bc_pass_run();
	for (pool = root; pool; pool = bc_pool_next_pre(pool, root)) {
		pool->cpu.times = (struct bc_cputimes){};
		pool->cpu.waits = (struct bc_waits){};
	}
	for (pool = root; pool; pool = bc_pool_next_pre(pool, root))
		bc_collect_one(pool, root);
}

/**
 * bc_cputime_insert_above() - a pool is put between a pool and its parent
 * @pool: new pool
 * @child: pool that will be below it, whose totals have just been collected
 *
 * What @child has had so far stays in the totals of the levels above, and is not part
 * of the new one's, which begins with nothing.
 *
 * Context: under the tree mutex, while @child is still below @pool's parent.
 */
void bc_cputime_insert_above(struct bc_pool *pool, struct bc_pool *child)
{
	bc_cputimes_sub(&pool->cpu.dead_times, &child->cpu.times);
	bc_waits_sub(&pool->cpu.dead_waits, &child->cpu.waits);
	bc_cputimes_add(&pool->parent->cpu.dead_times, &child->cpu.times);
	bc_waits_add(&pool->parent->cpu.dead_waits, &child->cpu.waits);
}

/**
 * bc_cputime_bury() - a pool is gone; its parent keeps what it had
 * @pool: pool without cgroups, tasks and pools below
 *
 * Context: under the tree mutex.
 */
void bc_cputime_bury(struct bc_pool *pool)
{
	struct bc_cputime *cpu = &pool->cpu, *up = &pool->parent->cpu;

	bc_cputimes_add(&up->dead_times, &cpu->left);
	bc_cputimes_add(&up->dead_times, &cpu->dead_times);
	bc_waits_add(&up->dead_waits, &cpu->gone);
	bc_waits_add(&up->dead_waits, &cpu->late);
	bc_waits_add(&up->dead_waits, &cpu->dead_waits);
}

/*
 * The kernel counts user and system time in ticks and scales both to the exact usage,
 * so that neither ever falls. So does this, by the same rule (cputime_adjust()).
 */
static void bc_cputime_split(struct bc_cputime *cpu)
{
	const struct bc_cputimes *now = &cpu->times;
	u64 system;

	if (cpu->user + cpu->system >= now->usage)
		return;
	/* The division below must not overflow, whatever happens. */
	if (WARN_ON_ONCE(now->stime + now->utime < now->stime))
		return;
	if (!now->stime)
		system = 0;
	else if (!now->utime)
		system = now->usage;
	else
		system = min(mul_u64_u64_div_u64(now->stime, now->usage,
						 now->stime + now->utime), now->usage);
	system = max(system, cpu->system);
	if (now->usage - system < cpu->user)
		system = now->usage - cpu->user;
	else
		cpu->user = now->usage - system;
	cpu->system = system;
}

/*
 * A record that is on its way out of or into the map beside the pass is not seen,
 * although the ledger does not have it yet or has it already. So a figure may seem to
 * have fallen for this once.
 */
static u64 bc_cputime_rise(u64 *told, u64 now)
{
	if ((s64)(now - *told) > 0)
		*told = now;
	return *told;
}

static void bc_cputime_tell(struct bc_pool *pool, struct bc_cpu *cpu, bool records)
{
	const struct bc_waits *now = &pool->cpu.waits;
	struct bc_waits *told = &pool->cpu.told;
	int i;

	cpu->known |= BC_CPU_F_USAGE;
	bc_cputime_split(&pool->cpu);
	cpu->usage = pool->cpu.times.usage;
	cpu->user = pool->cpu.user;
	cpu->system = pool->cpu.system;
	/* What is counted for tasks takes records of them. */
	if (!records)
		return;
	cpu->known |= BC_CPU_F_LOAD;
	for (i = 0; i < 3; i++)
		cpu->load[i] = pool->cpu.load[i] * 1000 / FIXED_1;
	if (!IS_ENABLED(CONFIG_SCHED_INFO))
		return;
	cpu->known |= BC_CPU_F_WAIT;
	cpu->wait = bc_cputime_rise(&told->wait, now->wait);
	cpu->switches = bc_cputime_rise(&told->switches, now->switches);
	cpu->preemptions = bc_cputime_rise(&told->preemptions, now->preemptions);
}

/**
 * bc_cputime_fill() - tell what was collected last
 * @pool: pool
 * @cpu: to be filled in, as far as it is known here
 *
 * Context: under the tree mutex, after bc_cputime_collect().
 */
void bc_cputime_fill(struct bc_pool *pool, struct bc_cpu *cpu)
{
	bc_cputime_tell(pool, cpu, bc_res_active(BC_NUMPROC));
}

/**
 * bc_cputime_close() - tell the final figures of a pool
 * @pool: pool without cgroups, tasks and pools below
 * @cpu: to be filled in
 *
 * Context: under the tree mutex, before bc_cputime_bury().
 */
void bc_cputime_close(struct bc_pool *pool, struct bc_cpu *cpu)
{
	struct bc_cputime *sums = &pool->cpu;

	sums->times = sums->left;
	bc_cputimes_add(&sums->times, &sums->dead_times);
	sums->waits = sums->gone;
	bc_waits_add(&sums->waits, &sums->late);
	bc_waits_add(&sums->waits, &sums->dead_waits);
	bc_cputime_tell(pool, cpu, pool->closing->active & BIT(BC_NUMPROC));
	cpu->known &= ~BC_CPU_F_LOAD;
	memset(cpu->load, 0, sizeof(cpu->load));
}

/* How many tasks of its own the load counts. */
static unsigned int bc_pool_busy(struct bc_pool *pool)
{
	/* Tasks that move or end meanwhile change neither. */
	return READ_ONCE(pool->cpu.pass) == bc_pass ? READ_ONCE(pool->cpu.busy) : 0;
}

/* The same with all below; without the sums of CPU time. */
static void bc_load_count(void)
{
	struct bc_pool *pool, *pos;
	unsigned int busy;

	bc_pass_run();
	for (pool = bc_tree.host; pool; pool = bc_pool_next_pre(pool, bc_tree.host))
		pool->cpu.below = 0;
	for (pool = bc_tree.host; pool; pool = bc_pool_next_pre(pool, bc_tree.host)) {
		busy = bc_pool_busy(pool);
		for (pos = pool; pos && busy; pos = pos->parent)
			pos->cpu.below += busy;
	}
}

static void bc_load_update(struct bc_pool *pool, unsigned int steps)
{
	static const unsigned long decay[3] = { EXP_1, EXP_5, EXP_15 };
	unsigned int step;
	int i;

	for (step = 0; step < steps; step++)
		for (i = 0; i < 3; i++)
			pool->cpu.load[i] = calc_load(pool->cpu.load[i], decay[i],
						      pool->cpu.below * FIXED_1);
}

static void bc_load_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(bc_load_work, bc_load_work_fn);

/* If it is late, the averages catch up with what is there now. */
static void bc_load_work_fn(struct work_struct *work)
{
	unsigned int steps;
	struct bc_pool *pool;

	mutex_lock(&bc_tree.lock);
	if (bc_tree.nr_live || bc_tree.nr_dying) {
		bc_load_count();
		steps = min((jiffies - bc_load_time) / LOAD_FREQ, 180UL);
		bc_load_time += steps * LOAD_FREQ;
		for (pool = bc_tree.host; pool; pool = bc_pool_next_pre(pool, bc_tree.host))
			bc_load_update(pool, steps);
		queue_delayed_work(bc_wq, &bc_load_work, LOAD_FREQ);
	}
	mutex_unlock(&bc_tree.lock);
}

/**
 * bc_cputime_start() - there is a pool
 *
 * Context: under the tree mutex.
 */
void bc_cputime_start(void)
{
	if (delayed_work_pending(&bc_load_work))
		return;
	bc_load_time = jiffies;
	queue_delayed_work(bc_wq, &bc_load_work, LOAD_FREQ);
}

/**
 * bc_cputime_stop() - there will be no pool any more
 *
 * Context: may sleep; not under the tree mutex.
 */
void bc_cputime_stop(void)
{
	cancel_delayed_work_sync(&bc_load_work);
}
