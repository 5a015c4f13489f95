// SPDX-License-Identifier: GPL-2.0
/*
 * oomguarpages.failcnt: processes that were killed for want of memory
 *
 * Counted at the victim's pool and nowhere above, whether the limit that could
 * not be kept was the pool's own, one of a cgroup above, or the machine's. The
 * amount is what the victim had in memory and swap.
 *
 * The function hooked is called once for each process that is killed, those of
 * memory.oom.group included, and mark_oom_victim() also for tasks that are
 * exiting already and only get access to reserves.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "hook.h"
#include "member.h"
#include "memory.h"
#include "refusal.h"

/* The main thread may have ended before the others. NULL: so have those. */
static struct task_struct *bc_oom_task(struct task_struct *victim, unsigned long *pages)
{
	struct task_struct *task;
	struct mm_struct *mm;

	for_each_thread(victim, task) {
		task_lock(task);
		mm = task->mm;
		if (mm)
			*pages = get_mm_rss(mm) + get_mm_counter(mm, MM_SWAPENTS);
		task_unlock(task);
		if (mm)
			return task;
	}
	return NULL;
}

static void bc_oom_count(struct task_struct *task, unsigned long pages)
{
	struct bc_denial why = {
		.res = BC_OOMGUARPAGES, .bound = BC_BOUND_BARRIER, .amount = pages, .task = task,
	};
	struct bc_section sec;
	struct bc_record rec;

	bc_enter(&sec);
	why.origin = bc_task_pool(task);
	if (why.origin) {
		why.fail = &why.origin->cnt[BC_OOMGUARPAGES];
		if (bc_memory_read(why.origin, BC_OOMGUARPAGES, &rec))
			why.rec = &rec;
		bc_denied(&why);
	}
	bc_leave(&sec);
}

/* __oom_kill_process(victim, message); process context, under oom_lock. */
BC_HANDLER(bc_on_oom_kill)
{
	struct task_struct *task;
	unsigned long pages = 0;

	rcu_read_lock();
	task = bc_oom_task(BC_ARG(fregs, 0, struct task_struct *), &pages);
	if (task && !bc_cgroup_unknown(rcu_dereference(task->cgroups)->dfl_cgrp))
		bc_oom_count(task, pages);
	rcu_read_unlock();
}

static struct bc_hook bc_oom_hooks[] = {
	{ .func = "__oom_kill_process", .handler = bc_on_oom_kill },
	{}
};

struct bc_source bc_source_oom = {
	.name = "oom",
	.resources = BIT(BC_OOMGUARPAGES),
	.needs = &bc_source_memory,
	.hooks = bc_oom_hooks,
};
