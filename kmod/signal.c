// SPDX-License-Identifier: GPL-2.0
/*
 * numsiginfo: queued signals
 *
 * A signal that carries information waits in a struct sigqueue, and each POSIX
 * timer owns one. They are charged to the pool of the process that is to receive
 * them when __sigqueue_alloc() makes one. Where they are freed cannot be hooked,
 * so what is charged for a process is an upper bound of what it has, corrected
 * when it next gets a signal while its queues are empty, when a bound or a new
 * maxheld is about to be reached, or when somebody reads the accounts. Between
 * two such events it is too high by the signals that were taken meanwhile.
 *
 * Refused are signals that the kernel may lose: sigqueue(3) and timers get
 * EAGAIN. What the kernel sends in spite of RLIMIT_SIGPENDING, kill(2) included,
 * is charged by force: such signals are queued once each, so a thread can pass
 * the barrier by 31.
 *
 * The figures are kept in the record of the process's leader. An exec by another
 * thread makes that one the leader, and its record takes over.
 *
 * Lock order: siglock (held by whoever sends), bc_sig_lists, bc_task.lock. A
 * recount takes siglocks inside these, so it only tries, and leaves a process
 * whose lock is taken as it is; the one that is held by the sender it knows of.
 */
#include <linux/sched/signal.h>

#include "compat/signal.h"
#include "hook.h"
#include "member.h"
#include "refusal.h"
#include "signal.h"

/* Protects the lists of all pools: taken by migrations, recounts, first signals. */
static DEFINE_SPINLOCK(bc_sig_lists);

/**
 * bc_sig_lock_lists() - keep records from joining or leaving a pool's list
 * @flags: for bc_sig_unlock_lists()
 */
void bc_sig_lock_lists(unsigned long *flags)
	__acquires(&bc_sig_lists)
{
	unsigned long irq;

	spin_lock_irqsave(&bc_sig_lists, irq);
	*flags = irq;
}

/**
 * bc_sig_unlock_lists() - the opposite
 * @flags: from bc_sig_lock_lists()
 */
void bc_sig_unlock_lists(unsigned long flags)
	__releases(&bc_sig_lists)
{
	spin_unlock_irqrestore(&bc_sig_lists, flags);
}

/**
 * bc_sig_move() - a task's queued signals follow it to another pool
 * @rec: record of the task
 * @from: pool it is in
 * @to: pool it goes to
 *
 * Context: inside a charge section, with the lists and the record locked.
 */
void bc_sig_move(struct bc_task *rec, struct bc_pool *from, struct bc_pool *to)
{
	bc_pool_move(from, to, BC_NUMSIGINFO, rec->sigs);
	rec->seen = BC_TICKS();
	if (!list_empty(&rec->sig_link))
		list_move_tail(&rec->sig_link, &to->sigs);
}

/**
 * bc_sig_link() - a process may have signals queued: recount it from now on
 * @rec: record of its leader; nothing happens when the task is gone
 *
 * Context: inside a charge section.
 */
void bc_sig_link(struct bc_task *rec)
{
	unsigned long flags;

	bc_sig_lock_lists(&flags);
	spin_lock(&rec->lock);
	if (rec->pool && list_empty(&rec->sig_link))
		list_add_tail(&rec->sig_link, &rec->pool->sigs);
	spin_unlock(&rec->lock);
	bc_sig_unlock_lists(flags);
}

/* Books signals on a record by force; false when its task is gone. */
static bool bc_sig_inherit(struct bc_task *rec, u32 sigs)
{
	struct bc_pool *pool;

	spin_lock(&rec->lock);
	pool = rec->pool;
	if (pool) {
		bc_counter_charge(&pool->cnt[BC_NUMSIGINFO], NULL, sigs);
		rec->sigs += sigs;
		rec->seen = BC_TICKS();
	}
	spin_unlock(&rec->lock);
	if (pool)
		bc_sig_link(rec);
	return pool;
}

/**
 * bc_sig_forget() - a task is gone, its queued signals are going
 * @rec: record, taken out of the map, its @pool set to NULL already
 * @pool: pool that it was charged to, with a reference
 *
 * Context: inside a charge section.
 */
void bc_sig_forget(struct bc_task *rec, struct bc_pool *pool)
{
	const struct task_struct *task = rec->node.key;
	struct bc_task *heir;
	unsigned long flags;

	/* Whoever links asks for rec->pool first, so nobody links any more. */
	if (!list_empty_careful(&rec->sig_link)) {
		bc_sig_lock_lists(&flags);
		list_del_init(&rec->sig_link);
		bc_sig_unlock_lists(flags);
	}
	if (likely(!rec->sigs))
		return;
	/* The leader goes before its process when another thread has called exec. */
	heir = bc_hooks_attached() && task->group_leader != task ?
	       bc_task_find(task->group_leader) : NULL;
	if (heir)
		bc_sig_inherit(heir, rec->sigs);
	bc_counter_uncharge(&pool->cnt[BC_NUMSIGINFO], NULL, rec->sigs);
	rec->sigs = 0;
}

static unsigned int bc_sig_count_queue(const struct sigpending *pending)
{
	struct sigqueue *q;
	unsigned int nr = 0;

	/* Those of timers are counted with the timers. */
	list_for_each_entry(q, &pending->list, list)
		nr += !(q->flags & SIGQUEUE_PREALLOC);
	return nr;
}

/* What a process has; the caller holds its siglock. */
static unsigned int bc_sig_count(struct task_struct *leader)
{
	unsigned int nr = bc_sig_count_queue(&leader->signal->shared_pending);
	struct task_struct *task;

	for_each_thread(leader, task)
		nr += bc_sig_count_queue(&task->pending);
	return nr + bc_posix_timers(leader->signal);
}

/* The record is locked, and has a pool. */
static void bc_sig_book(struct bc_task *rec, u32 nr)
{
	u64 now = BC_TICKS();

	bc_counter_correct(&rec->pool->cnt[BC_NUMSIGINFO], rec->sigs, nr,
			   now - ((u32)now - rec->seen));
	rec->sigs = nr;
	rec->seen = now;
}

static void bc_sig_correct(struct bc_task *rec, unsigned int nr)
{
	spin_lock(&rec->lock);
	if (rec->pool)
		bc_sig_book(rec, nr);
	spin_unlock(&rec->lock);
}

/*
 * Corrects one record. A task with a record on a list has not been freed, and
 * its sighand_struct is freed by RCU and may only be taken over by another
 * process, which the second look finds.
 */
static void bc_sig_recount_one(struct bc_task *rec, const struct sighand_struct *held)
{
	struct task_struct *leader = (struct task_struct *)rec->node.key;
	struct sighand_struct *sighand = rcu_dereference_raw(leader->sighand);

	if (!sighand) {
		bc_sig_correct(rec, 0);
	} else if (sighand == held) {
		bc_sig_correct(rec, bc_sig_count(leader));
	} else if (spin_trylock(&sighand->siglock)) {
		if (sighand == rcu_access_pointer(leader->sighand))
			bc_sig_correct(rec, bc_sig_count(leader));
		spin_unlock(&sighand->siglock);
	}
}

/* Makes the figures of one pool's processes exact; inside a charge section. */
static void bc_sig_recount_pool(struct bc_pool *pool, const struct sighand_struct *held)
{
	struct bc_task *rec, *next;

	if (list_empty(&pool->sigs))
		return;
	spin_lock(&bc_sig_lists);
	list_for_each_entry_safe(rec, next, &pool->sigs, sig_link) {
		bc_sig_recount_one(rec, held);
		if (!READ_ONCE(rec->sigs))
			list_del_init_careful(&rec->sig_link);
	}
	spin_unlock(&bc_sig_lists);
}

static void bc_sig_recount(struct bc_pool *pool)
{
	bc_sig_recount_pool(pool, NULL);
}

/* For the hook; see bc_recount_begin(). */
static void bc_sig_may_recount(struct bc_counter *top, const struct sighand_struct *held)
{
	struct bc_pool *root = bc_counter_pool(top, BC_NUMSIGINFO), *pos;
	u64 start;

	if (!bc_recount_begin(&root->sig_next, &start))
		return;
	for (pos = root; pos; pos = bc_pool_next_pre(pos, root))
		bc_sig_recount_pool(pos, held);
	bc_recount_end(&root->sig_next, start);
}

/* Is it certain, without counting, that a process has nothing queued? */
static bool bc_sig_idle(struct task_struct *task)
{
	struct signal_struct *sig = task->signal;

	return list_empty(&task->pending.list) && list_empty(&sig->shared_pending.list) &&
	       thread_group_empty(task) && !bc_posix_timers(sig);
}

/* Charges one more; false if @fail refuses. */
static bool bc_sig_charge(struct bc_task *rec, bool idle, enum bc_severity sev,
			  struct bc_counter **fail)
{
	struct bc_pool *pool;
	struct bc_counter *cnt;
	bool ok = true;
	u32 want;

	spin_lock(&rec->lock);
	pool = rec->pool;
	cnt = pool ? &pool->cnt[BC_NUMSIGINFO] : NULL;
	want = (idle ? 0 : rec->sigs) + 1;
	if (cnt && want > rec->sigs)
		ok = bc_counter_try_charge(cnt, want - rec->sigs, sev, fail);
	else if (cnt && want < rec->sigs)
		bc_sig_book(rec, want);
	if (cnt && ok) {
		rec->sigs = want;
		rec->seen = BC_TICKS();
	}
	spin_unlock(&rec->lock);
	return ok;
}

/* @held is the siglock of @task's process when the caller has it. */
static bool bc_sig_queue(struct bc_task *rec, struct task_struct *task, enum bc_severity sev,
			 const struct sighand_struct *held)
{
	bool idle = held && bc_sig_idle(task);
	struct bc_pool *pool = READ_ONCE(rec->pool);
	struct bc_counter *top, *fail;

	if (!pool)
		return true;
	if (!idle || !READ_ONCE(rec->sigs)) {
		top = bc_counter_new_peak(&pool->cnt[BC_NUMSIGINFO], 1);
		if (top)
			bc_sig_may_recount(top, held);
	}
	if (unlikely(!bc_sig_charge(rec, idle, sev, &fail))) {
		bc_sig_may_recount(fail, held);
		if (!bc_sig_charge(rec, idle, sev, &fail)) {
			bc_refused(pool, fail, BC_NUMSIGINFO, 1);
			return false;
		}
	}
	if (unlikely(list_empty(&rec->sig_link)))
		bc_sig_link(rec);
	return true;
}

BC_HANDLER(bc_on_sigqueue_alloc)
{
	struct task_struct *task = BC_ARG(fregs, 1, struct task_struct *);
	bool force = BC_ARG(fregs, 3, int), timer = BC_ARG(fregs, 4, unsigned int);
	struct bc_section sec;
	struct bc_task *rec;
	bool ok = true;

	/* A record is not followed here, and the leader cannot go meanwhile. */
	if (bc_ptrmap_unknown(&bc_task_map, READ_ONCE(task->group_leader)))
		return;
	bc_enter(&sec);
	rec = bc_task_find(task->group_leader);
	if (rec)
		/* Who sends holds the receiver's siglock; who makes a timer, none. */
		ok = bc_sig_queue(rec, task, force ? BC_FORCE : BC_HARD,
				  timer ? NULL : rcu_dereference_raw(task->sighand));
	bc_leave(&sec);
	if (unlikely(!ok))
		bc_refuse_call(fregs, bc_instead_zero);
}

static struct bc_hook bc_sig_hooks[] = {
	{ .func = "__sigqueue_alloc", .handler = bc_on_sigqueue_alloc, .refuses = true },
	{}
};

/* Records are released by numproc's hooks. */
struct bc_source bc_source_sig = {
	.name = "numsiginfo",
	.resources = BIT(BC_NUMSIGINFO),
	.needs = &bc_source_proc,
	.hooks = bc_sig_hooks,
	.recount = bc_sig_recount,
};
