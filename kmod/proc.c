// SPDX-License-Identifier: GPL-2.0
/*
 * numproc: tasks, processes and threads alike
 *
 * A task is charged when it is forked and uncharged when it is reaped, so a
 * zombie still counts, as it does with the kernel's pids controller. Each
 * charged task has a record that names the pool it was charged to; whatever
 * happens to cgroups and pools, this pool is uncharged.
 *
 * fork: cgroup_can_fork is the place where the kernel itself lets controllers
 * refuse, so it is hooked and refused there with EAGAIN. The same call carries
 * the address space of the child, whose private pages are charged too (ENOMEM).
 * A fork that fails later, or in cgroup_can_fork itself, always passes
 * perf_event_free_task(), which nothing else calls for a task that never ran.
 * The child's cgroup is known for sure only after it was linked into it
 * (CLONE_INTO_CGROUP, a migration in between): the tracepoint sched_process_fork
 * comes after that and corrects the record, and has the address space follow.
 *
 * Moving: a task that enters a pool is charged by force. A migration cannot be
 * refused, as with the pids controller.
 *
 * The address space of a task that moved is moved by a worker, because the
 * tracepoint fires under a spinlock and the task may be exiting.
 */
#include <linux/llist.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "bind.h"
#include "file.h"
#include "hook.h"
#include "member.h"
#include "proc.h"
#include "refusal.h"
#include "signal.h"
#include "sock.h"
#include "mm.h"

/* A task whose address space is to follow it to another pool. */
struct bc_mover {
	struct llist_node	link;
	struct task_struct	*task;
};

/* Processes looked at between two pauses, and pauses that may be in vain. */
#define BC_WALK_BATCH	32
#define BC_WALK_TRIES	8

struct bc_ptrmap bc_task_map __read_mostly;
static LLIST_HEAD(bc_movers);

/* A record without a charge; takes a reference of the pool. */
static struct bc_task *bc_task_new(struct bc_pool *pool)
{
	struct bc_task *rec;

	rec = kmalloc(sizeof(*rec), BC_GFP_HOOK);
	if (!rec)
		return NULL;
	if (!bc_pool_tryget(pool)) {
		kfree(rec);
		return NULL;
	}
	spin_lock_init(&rec->lock);
	rec->pool = pool;
	rec->sigs = 0;
	rec->seen = BC_TICKS();
	rec->pass = 0;
	INIT_LIST_HEAD(&rec->sig_link);
	return rec;
}

/*
 * Uncharges a record that was taken out of the map. The task is still there, except
 * when records are purged: nothing is active any more then.
 */
static void bc_task_release(struct bc_task *rec, const struct task_struct *task)
{
	struct bc_pool *pool;
	unsigned long flags;

	spin_lock_irqsave(&rec->lock, flags);
	pool = rec->pool;
	if (bc_res_active(BC_NUMPROC))
		bc_cputime_task_leave(pool, rec, task);
	rec->pool = NULL;
	spin_unlock_irqrestore(&rec->lock, flags);
	bc_sig_forget(rec, pool);
	bc_counter_uncharge(&pool->cnt[BC_NUMPROC], NULL, 1);
	bc_pool_put(pool);
	kfree_rcu(rec, rcu);
}

static void bc_task_forget(const struct task_struct *task)
{
	struct bc_ptrmap_node *node = bc_ptrmap_remove(&bc_task_map, task);

	if (node)
		bc_task_release(container_of(node, struct bc_task, node), task);
}

/* Charges a task that has no record yet by force. */
static void bc_task_adopt(struct task_struct *task, struct bc_pool *pool)
{
	struct bc_task *rec = bc_task_new(pool);

	if (!rec) {
		bc_note_untracked();
		return;
	}
	bc_counter_charge(&pool->cnt[BC_NUMPROC], NULL, 1);
	bc_cputime_task_join(pool, rec, task);
	if (bc_ptrmap_insert(&bc_task_map, &rec->node, task) != &rec->node) {
		bc_task_release(rec, task);	/* somebody was faster, and as right */
		return;
	}
	/*
	 * The task may have been reaped meanwhile. It was marked dead before
	 * that, so either its hook has found the record, or this sees the mark.
	 */
	smp_mb();
	if (READ_ONCE(task->exit_state) & EXIT_DEAD)
		bc_task_forget(task);
	else if (thread_group_leader(task) && bc_res_active(BC_NUMSIGINFO))
		bc_sig_link(rec);
}

static void bc_task_move(struct bc_task *rec, struct bc_pool *to)
{
	struct bc_pool *from;
	unsigned long flags;

	if (!bc_pool_tryget(to))
		return;
	bc_sig_lock_lists(&flags);
	spin_lock(&rec->lock);
	from = rec->pool;
	if (from && from != to) {
		bc_pool_move(from, to, BC_NUMPROC, 1);
		bc_cputime_task_leave(from, rec, rec->node.key);
		bc_cputime_task_join(to, rec, rec->node.key);
		bc_sig_move(rec, from, to);
		rec->pool = to;
		to = NULL;
	} else {
		from = NULL;
	}
	spin_unlock(&rec->lock);
	bc_sig_unlock_lists(flags);
	if (from)
		bc_pool_put(from);
	if (to)
		bc_pool_put(to);
}

/* One step of bc_task_fix(): true when the record did not say what the cgroup says. */
static bool bc_task_fix_once(struct task_struct *task)
{
	struct bc_pool *pool = bc_task_pool(task);
	struct bc_task *rec = bc_task_find(task);

	if (likely(rec ? READ_ONCE(rec->pool) == pool : !pool))
		return false;
	if (!pool)
		bc_task_forget(task);
	else if (rec)
		bc_task_move(rec, pool);
	else
		bc_task_adopt(task, pool);
	return true;
}

/*
 * Makes the record of a task say what its cgroup says; true when it did not.
 * The task must be linked into its cgroup. Two CPUs may do this at once for a
 * task that is moving: each looks again after it has changed something, so the
 * last one has seen the last move. A reaped task, or a pool that is being
 * released, would never agree, hence the bound.
 */
static bool bc_task_fix(struct task_struct *task)
{
	int tries = 0;

	while (bc_task_fix_once(task) && ++tries < 4)
		;
	return tries;
}

/* Returns what refuses the fork, or NULL. */
static bc_instead_t bc_fork_charge(struct task_struct *child, struct bc_pool *pool)
{
	struct bc_counter *fail;
	struct bc_task *rec;

	rec = bc_task_new(pool);
	if (!rec)
		return bc_instead_enomem;
	if (!bc_counter_try_charge(&pool->cnt[BC_NUMPROC], 1, BC_HARD, &fail)) {
		bc_refused(pool, fail, BC_NUMPROC, 1);
		bc_pool_put(pool);
		kfree(rec);
		return bc_instead_eagain;
	}
	bc_cputime_task_join(pool, rec, child);
	if (WARN_ON_ONCE(bc_ptrmap_insert(&bc_task_map, &rec->node, child) != &rec->node)) {
		bc_task_release(rec, child);
		return NULL;
	}
	if (bc_res_active(BC_PRIVVMPAGES) && child->mm && child->mm != current->mm &&
	    !bc_mm_fork(child->mm, pool)) {
		bc_task_forget(child);
		return bc_instead_enomem;
	}
	return NULL;
}

BC_HANDLER(bc_on_can_fork)
{
	bc_instead_t instead = NULL;
	struct bc_section sec;
	struct bc_pool *pool;

	if (bc_current_unknown())
		return;
	bc_enter(&sec);
	pool = bc_task_pool(current);
	if (pool)
		instead = bc_fork_charge(BC_ARG(fregs, 0, struct task_struct *), pool);
	bc_leave(&sec);
	if (unlikely(instead))
		bc_refuse_call(fregs, instead);
}

/* A task is reaped, or a fork failed. */
BC_HANDLER(bc_on_task_gone)
{
	struct task_struct *task = BC_ARG(fregs, 0, struct task_struct *);
	struct bc_section sec;

	/* After the mark of death was set: pairs with bc_task_adopt(). */
	smp_mb();
	if (bc_ptrmap_unknown(&bc_task_map, task))
		return;
	bc_enter(&sec);
	bc_task_forget(task);
	bc_leave(&sec);
}

/* The address space of a process, whose leader may have exited; with a reference. */
static struct mm_struct *bc_process_mm(struct task_struct *leader)
{
	struct mm_struct *mm = get_task_mm(leader);
	struct task_struct *task;

	if (mm)
		return mm;
	rcu_read_lock();
	for_each_thread(leader, task) {
		mm = get_task_mm(task);
		if (mm)
			break;
	}
	rcu_read_unlock();
	return mm;
}

static void bc_movers_work(struct work_struct *work)
{
	struct llist_node *list = llist_del_all(&bc_movers);
	struct bc_mover *mover, *next;
	struct bc_section sec;
	struct mm_struct *mm;

	llist_for_each_entry_safe(mover, next, list, link) {
		mm = bc_process_mm(mover->task);
		if (mm) {
			bc_enter(&sec);
			bc_mm_fix(mm, bc_task_pool(mover->task));
			bc_leave(&sec);
			/* The last one may wait for the container's own doings. */
			mmput_async(mm);
		}
		put_task_struct(mover->task);
		kfree(mover);
	}
}

static DECLARE_WORK(bc_mover_work, bc_movers_work);

static void bc_mover_queue(struct task_struct *task)
{
	struct bc_mover *mover = kmalloc(sizeof(*mover), GFP_ATOMIC | __GFP_NOWARN);

	if (!mover) {
		bc_note_untracked();
		return;
	}
	get_task_struct(task);
	mover->task = task;
	llist_add(&mover->link, &bc_movers);
	queue_work(bc_wq, &bc_mover_work);
}

static void bc_on_fork(void *data, struct task_struct *parent, struct task_struct *child)
{
	struct bc_section sec;
	bool elsewhere;

	if (bc_current_unknown() && bc_cgroup_unknown(bc_task_cgroup(child)))
		return;
	bc_enter(&sec);
	elsewhere = bc_task_fix(child);
	bc_leave(&sec);
	/* Its address space follows, unless it is the parent's. */
	if (unlikely(elsewhere) && bc_res_active(BC_PRIVVMPAGES) && child->mm != parent->mm)
		bc_mover_queue(child);
}

/* Fired once for a whole thread group, after the move, under cgroup_mutex. */
static void bc_on_attach(void *data, struct cgroup *dst, const char *path,
			 struct task_struct *leader, bool threadgroup)
{
	struct bc_section sec;
	struct task_struct *task;
	bool moved;

	bc_enter(&sec);
	moved = bc_task_fix(leader);
	if (threadgroup) {
		rcu_read_lock();
		for_each_thread(leader, task)
			bc_task_fix(task);
		rcu_read_unlock();
	}
	bc_leave(&sec);
	if (moved && bc_res_active(BC_PRIVVMPAGES))
		bc_mover_queue(leader);
}

/**
 * struct bc_resync - what bc_proc_resync() does with a process
 * @newcomer: as there
 * @last: as bc_sock_adopt_files() has it
 */
struct bc_resync {
	struct bc_pool			*newcomer;
	const struct files_struct	*last;
};

static void bc_proc_resync_process(struct task_struct *leader, void *data)
{
	struct bc_resync *resync = data;
	struct bc_section sec;
	struct task_struct *task;
	struct bc_pool *pool;
	struct mm_struct *mm;

	bc_enter(&sec);
	for_each_thread(leader, task)
		bc_task_fix(task);
	pool = bc_task_pool(leader);
	bc_leave(&sec);
	if (!pool)
		return;
	if (resync->newcomer)
		bc_sock_adopt_files(leader, &resync->last);
	if (resync->newcomer == pool)
		bc_file_adopt_process(leader, pool);
	mm = bc_process_mm(leader);
	if (!mm)
		return;
	bc_enter(&sec);
	bc_mm_fix(mm, bc_task_pool(leader));
	bc_leave(&sec);
	mmput_async(mm);
}

/* Lets others run in the middle of a walk; false when the walk cannot go on. */
static bool bc_proc_walk_pause(struct task_struct *leader)
{
	bool alive;

	get_task_struct(leader);
	rcu_read_unlock();
	cond_resched();
	rcu_read_lock();
	alive = pid_alive(leader);
	put_task_struct(leader);
	return alive;
}

/**
 * bc_proc_walk() - look at all processes
 * @func: called for each but those of the kernel, under RCU; for some more than once
 * @data: for @func
 *
 * The walk pauses now and then; when the process it stands at ends meanwhile, it
 * begins again, and after some such tries it goes through without a pause.
 *
 * Context: may sleep.
 */
void bc_proc_walk(void (*func)(struct task_struct *leader, void *data), void *data)
{
	struct task_struct *leader;
	unsigned int nr, tries = 0;

	rcu_read_lock();
again:
	nr = 0;
	for_each_process(leader) {
		if (leader->flags & PF_KTHREAD)
			continue;
		func(leader, data);
		if (++nr % BC_WALK_BATCH || tries >= BC_WALK_TRIES)
			continue;
		if (!bc_proc_walk_pause(leader)) {
			tries++;
			goto again;
		}
	}
	rcu_read_unlock();
}

/**
 * bc_proc_resync() - make the records of all tasks say what their cgroups say
 * @newcomer: pool that was just bound: make records of the sockets that members of
 *	any pool have open, and of all files that its own members have open; or NULL
 *
 * After binding or unbinding a populated cgroup. A fork that runs beside this
 * is seen here or corrects itself in sched_process_fork.
 *
 * Context: may sleep.
 */
void bc_proc_resync(struct bc_pool *newcomer)
{
	struct bc_resync resync = { .newcomer = newcomer };

	if (bc_res_active(BC_NUMPROC))
		bc_proc_walk(bc_proc_resync_process, &resync);
}

/**
 * bc_proc_settle() - wait until address spaces have followed their tasks
 *
 * Context: may sleep.
 */
void bc_proc_settle(void)
{
	flush_work(&bc_mover_work);
}

static void bc_proc_purge(void)
{
	struct bc_ptrmap_node *node;
	struct hlist_node *next;
	unsigned long i;

	for (i = 0; i < 1UL << bc_task_map.bits; i++)
		hlist_for_each_entry_safe(node, next, &bc_task_map.buckets[i], link)
			bc_task_forget(node->key);
}

static struct bc_probe bc_proc_probes[] = {
	{ "sched_process_fork", bc_on_fork },
	{ "cgroup_attach_task", bc_on_attach },
	{}
};

static struct bc_hook bc_proc_hooks[] = {
	{ .func = "cgroup_release", .handler = bc_on_task_gone },
	{ .func = "perf_event_free_task", .handler = bc_on_task_gone },
	{ .func = "cgroup_can_fork", .handler = bc_on_can_fork, .refuses = true },
	{}
};

static void bc_proc_leave(struct bc_pool *pool, struct bc_pool *to)
{
	if (cgroup_is_populated(pool->cgrp))
		bc_proc_resync(NULL);
}

static int bc_proc_init(unsigned int bits)
{
	return bc_ptrmap_init(&bc_task_map, bits);
}

static void bc_proc_exit(void)
{
	flush_work(&bc_mover_work);
	bc_ptrmap_destroy(&bc_task_map);
}

struct bc_source bc_source_proc = {
	.name = "numproc",
	.resources = BIT(BC_NUMPROC),
	.needs = &bc_source_member,
	.probes = bc_proc_probes,
	.hooks = bc_proc_hooks,
	.init = bc_proc_init,
	.exit = bc_proc_exit,
	.leave = bc_proc_leave,
	.purge = bc_proc_purge,
};
