// SPDX-License-Identifier: GPL-2.0
/*
 * Limits of block I/O: who is in debt sleeps before it returns to user mode
 *
 * Nothing is delayed inside the kernel, where locks are held that others wait for. Each
 * request is let through at once and charged to the buckets of its pool and of those
 * above (bucket.c). When one of these is overdrawn, and the task that causes the request
 * is a member, it gets a task work: a function that it runs on its way back to user mode,
 * when it holds nothing. There it sleeps until the debt is paid.
 *
 * - Requests that somebody else submits, the kernel when it writes back dirty pages for
 *   instance, only make the debt. Members pay it when they next make a page dirty, by
 *   write() or through a mapping, or do I/O themselves.
 * - A task that io_uring uses as a worker never returns to user mode, but runs its works
 *   between two requests, and sleeps there. The thread that polls a submission queue
 *   holds a lock while it runs them; the process's first thread sleeps in its place.
 * - Kernel threads never sleep for a pool.
 *
 * The sleep ends for every signal. Who makes use of that to get along without paying, by
 * a timer for instance, sleeps the next time in slices that only SIGKILL ends: it does
 * one request for each slice at most. What io_uring completes meanwhile is looked after.
 *
 * Works cannot be taken back from a task. They are counted, and when the module goes,
 * tasks are sent to run them and waited for. One that still has a work when its pool is
 * gone finds nothing to pay.
 */
#include <linux/freezer.h>
#include <linux/hash.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/task_work.h>
#include <linux/wait.h>
#include <net/netlink.h>

#include "hook.h"
#include "io.h"
#include "io_worker.h"
#include "member.h"
#include "throttle.h"

/* Debts below this are left to grow: a sleep costs more than it is worth. */
#define BC_DEBT_MIN	NSEC_PER_MSEC
/* After so long a time it is looked again what the debt is. */
#define BC_SLICE	NSEC_PER_SEC

#define BC_SLEEPER_BITS	8
#define BC_LET_GO_BITS	6

/**
 * struct bc_sleeper - a task that is to sleep, or does
 * @node: key is the task; in the map until the work is done
 * @work: runs when the task is about to return to user mode
 * @kick: makes it go there
 * @refs: of the two works
 * @dirs: BIT() mask of the directions whose debts it pays
 * @rcu: for the free
 */
struct bc_sleeper {
	struct bc_ptrmap_node	node;
	struct callback_head	work;
	struct callback_head	kick;
	refcount_t		refs;
	unsigned long		dirs;
	struct rcu_head		rcu;
};

/**
 * struct bc_let_go - a task that a signal took out of its sleep
 * @task: never followed; tasks with the same hash take the place from each other
 * @when: ns
 */
struct bc_let_go {
	const void	*task;
	u64		when;
};

static struct bc_ptrmap bc_sleepers __read_mostly;
static DECLARE_WAIT_QUEUE_HEAD(bc_sleep_queue);
static struct bc_let_go bc_let_gos[1 << BC_LET_GO_BITS];
/* Works that are on their way: callbacks in this module that will still run. */
static atomic_t bc_works;
static DECLARE_WAIT_QUEUE_HEAD(bc_works_queue);
static bool bc_throttle_stopped;
unsigned int bc_throttle_pools __read_mostly;

/* Which buckets a direction draws from. */
#define BC_LIMIT_BIT(id)	BIT(BC_SETTING_IO_##id - BC_SETTING_IO_BPS)

static const unsigned long bc_limits_of[] = {
	[BC_IO_READ]	= BC_LIMIT_BIT(BPS) | BC_LIMIT_BIT(RBPS) |
			  BC_LIMIT_BIT(IOPS) | BC_LIMIT_BIT(RIOPS),
	[BC_IO_WRITE]	= BC_LIMIT_BIT(BPS) | BC_LIMIT_BIT(WBPS) |
			  BC_LIMIT_BIT(IOPS) | BC_LIMIT_BIT(WIOPS),
};

static const unsigned long bc_limits_of_bytes =
	BC_LIMIT_BIT(BPS) | BC_LIMIT_BIT(RBPS) | BC_LIMIT_BIT(WBPS);

static u64 bc_limits_wait(const struct bc_limits *limits, unsigned long which, u64 now)
{
	unsigned long set = limits->set & which;
	u64 wait = 0;
	int i;

	for_each_set_bit(i, &set, BC_NR_LIMITS)
		wait = max(wait, bc_bucket_wait(&limits->bucket[i], now));
	return wait;
}

static void bc_limits_charge(struct bc_limits *limits, unsigned long which, u64 bytes, u64 now)
{
	unsigned long set = limits->set & which;
	int i;

	for_each_set_bit(i, &set, BC_NR_LIMITS)
		bc_bucket_charge(&limits->bucket[i], bc_limits_of_bytes & BIT(i) ? bytes : 1, now);
}

static unsigned long bc_limits_of_dirs(unsigned long dirs)
{
	return (dirs & BIT(BC_IO_READ) ? bc_limits_of[BC_IO_READ] : 0) |
	       (dirs & BIT(BC_IO_WRITE) ? bc_limits_of[BC_IO_WRITE] : 0);
}

/* How long a member of the pool has to wait; inside a charge section. */
static u64 bc_throttle_due(struct bc_pool *pool, unsigned long dirs)
{
	unsigned long which = bc_limits_of_dirs(dirs);
	u64 now = ktime_get_ns(), wait = 0;
	const struct bc_limits *limits;

	for (; pool; pool = pool->parent) {
		limits = READ_ONCE(pool->limits);
		if (limits)
			wait = max(wait, bc_limits_wait(limits, which, now));
	}
	return wait;
}

static void bc_sleeper_put(struct bc_sleeper *sleeper)
{
	if (refcount_dec_and_test(&sleeper->refs))
		kfree_rcu(sleeper, rcu);
}

/* The last thing that a callback does; its return is covered by a grace period of RCU tasks. */
static void bc_work_done(void)
{
	if (atomic_dec_and_test(&bc_works))
		wake_up_all(&bc_works_queue);
}

/* Another signal so soon after the last one? Then this task does not want to pay. */
static bool bc_was_let_go(void)
{
	const struct bc_let_go *slot = &bc_let_gos[hash_ptr(current, BC_LET_GO_BITS)];

	return READ_ONCE(slot->task) == current &&
	       ktime_get_ns() - READ_ONCE(slot->when) < 2 * BC_SLICE;
}

static void bc_let_go(void)
{
	struct bc_let_go *slot = &bc_let_gos[hash_ptr(current, BC_LET_GO_BITS)];

	WRITE_ONCE(slot->when, ktime_get_ns());
	WRITE_ONCE(slot->task, current);
}

static u64 bc_sleep_due(unsigned long dirs)
{
	struct bc_section sec;
	struct bc_pool *pool;
	u64 due = 0;

	/* During an exec the task holds a lock against who traces it. */
	if (READ_ONCE(bc_throttle_stopped) || (current->flags & PF_EXITING) || current->in_execve)
		return 0;
	bc_enter(&sec);
	pool = bc_task_pool(current);
	if (pool)
		due = bc_throttle_due(pool, dirs);
	bc_leave(&sec);
	return due;
}

static void bc_sleep_account(u64 slept, bool first)
{
	struct bc_section sec;
	struct bc_pool *pool;

	bc_enter(&sec);
	pool = bc_task_pool(current);
	if (pool) {
		atomic64_add(slept, &pool->io.throttled);
		atomic64_add(first, &pool->io.nr_throttled);
	}
	bc_leave(&sec);
}

/* One slice, or until it is looked again for another reason. */
static void bc_sleep_slice(unsigned long dirs, unsigned int state)
{
	DEFINE_WAIT(wait);
	ktime_t expires;
	u64 due;

	prepare_to_wait(&bc_sleep_queue, &wait, state | TASK_FREEZABLE);
	/* After we are on the queue: who changes a limit wakes us, or we see the change. */
	due = bc_sleep_due(dirs);
	if (due) {
		expires = min(due, BC_SLICE);
		schedule_hrtimeout(&expires, HRTIMER_MODE_REL);
	}
	finish_wait(&bc_sleep_queue, &wait);
}

/* Sleeps until the debt is paid. False: there are other works to be done in between. */
static bool bc_sleep(unsigned long dirs)
{
	unsigned int state = bc_was_let_go() ? TASK_KILLABLE : TASK_INTERRUPTIBLE;
	bool first = true;
	u64 start;

	while (bc_sleep_due(dirs)) {
		if (state == TASK_INTERRUPTIBLE && signal_pending(current)) {
			if (!task_sigpending(current)) {
				clear_notify_signal();
				return false;
			}
			bc_let_go();
			break;
		}
		if (fatal_signal_pending(current))
			break;
		start = ktime_get_ns();
		bc_sleep_slice(dirs, state);
		bc_sleep_account(ktime_get_ns() - start, first);
		first = false;
		if (state == TASK_KILLABLE && task_sigpending(current)) {
			bc_let_go();
			break;
		}
	}
	return true;
}

/* Runs in the task that is to pay, with no lock held. */
static void bc_sleeper_work(struct callback_head *head)
{
	struct bc_sleeper *sleeper = container_of(head, struct bc_sleeper, work);

	/* io_uring has something to finish: after that, here again. */
	if (!bc_sleep(READ_ONCE(sleeper->dirs)) &&
	    !task_work_add(current, &sleeper->work, TWA_RESUME))
		return;
	bc_ptrmap_remove_node(&bc_sleepers, &sleeper->node);
	bc_sleeper_put(sleeper);
	bc_work_done();
}

static void bc_sleeper_kick(struct callback_head *head)
{
	bc_sleeper_put(container_of(head, struct bc_sleeper, kick));
	bc_work_done();
}

/* Who sleeps for what the current task does; NULL for nobody. */
static struct task_struct *bc_sleeper_task(void)
{
	if (current->flags & PF_KTHREAD)
		return NULL;
	/* A worker of io_uring has private data, the thread that polls a queue has none. */
	if (current->flags & PF_IO_WORKER)
		return current->worker_private ? current : current->group_leader;
	return current->flags & (PF_EXITING | PF_USER_WORKER) ? NULL : current;
}

/* No memory: then it is somebody else who sleeps, or this one next time. The debt stays. */
static void bc_sleeper_new(struct task_struct *task, unsigned int dir)
{
	struct bc_sleeper *sleeper = kzalloc(sizeof(*sleeper), BC_GFP_HOOK);

	if (!sleeper)
		return;
	init_task_work(&sleeper->work, bc_sleeper_work);
	init_task_work(&sleeper->kick, bc_sleeper_kick);
	refcount_set(&sleeper->refs, 1);
	sleeper->dirs = BIT(dir);
	if (bc_ptrmap_insert(&bc_sleepers, &sleeper->node, task) != &sleeper->node) {
		kfree(sleeper);
		return;
	}
	atomic_inc(&bc_works);
	if (!task_work_add(task, &sleeper->work, TWA_RESUME))
		return;
	bc_ptrmap_remove_node(&bc_sleepers, &sleeper->node);
	bc_sleeper_put(sleeper);
	bc_work_done();
}

/* Inside a charge section, which keeps the first thread of the process, too. */
static void bc_sleeper_add(unsigned int dir)
{
	struct task_struct *task = bc_sleeper_task();
	struct bc_ptrmap_node *node;
	struct bc_sleeper *sleeper;

	if (!task)
		return;
	node = bc_ptrmap_find(&bc_sleepers, task);
	if (!node) {
		bc_sleeper_new(task, dir);
		return;
	}
	sleeper = container_of(node, struct bc_sleeper, node);
	WRITE_ONCE(sleeper->dirs, READ_ONCE(sleeper->dirs) | BIT(dir));
}

/**
 * bc_throttle_look_slow() - see bc_throttle_look()
 * @pool: its pool
 * @dir: BC_IO_READ or BC_IO_WRITE
 */
void bc_throttle_look_slow(struct bc_pool *pool, unsigned int dir)
{
	if (bc_throttle_due(pool, BIT(dir)) >= BC_DEBT_MIN &&
	    READ_ONCE(bc_source_throttle.attached))
		bc_sleeper_add(dir);
}

/**
 * bc_throttle_charge() - one more request of a pool for which bc_throttle_any() is true
 * @pool: who pays
 * @dir: BC_IO_READ or BC_IO_WRITE
 * @bytes: how much data
 * @sleeps: the current task is a member, and sleeps if there is a debt
 *
 * Context: inside a charge section.
 */
void bc_throttle_charge(struct bc_pool *pool, unsigned int dir, u64 bytes, bool sleeps)
{
	struct bc_limits *limits;
	u64 now = ktime_get_ns();
	struct bc_pool *pos;

	for (pos = pool; pos; pos = pos->parent) {
		limits = READ_ONCE(pos->limits);
		if (limits)
			bc_limits_charge(limits, bc_limits_of[dir], bytes, now);
	}
	if (sleeps)
		bc_throttle_look_slow(pool, dir);
}

/* What a bucket of the old limits still has to get is owed to a tighter new one only. */
static void bc_limits_carry(struct bc_limits *limits, const struct bc_limits *old, u64 now)
{
	int i;

	for (i = 0; i < BC_NR_LIMITS; i++)
		if (old && (old->set & limits->set & BIT(i)) &&
		    limits->bucket[i].rate <= old->bucket[i].rate)
			bc_bucket_charge(&limits->bucket[i],
					 bc_bucket_debt(&old->bucket[i], now), now);
}

static void bc_throttle_replace(struct bc_pool *pool, struct bc_limits *limits)
{
	struct bc_limits *old = pool->limits;

	if (limits)
		WRITE_ONCE(bc_throttle_pools, bc_throttle_pools + 1);
	/* Complete, and counted, before it is seen. */
	smp_store_release(&pool->limits, limits);
	if (!old)
		return;
	WRITE_ONCE(bc_throttle_pools, bc_throttle_pools - 1);
	kfree_rcu(old, rcu);
}

/*
 * The buckets are replaced, so that nobody computes with a rate and the count of another
 * one. What is charged to the old ones at this moment is forgiven.
 */
static int bc_throttle_apply(struct bc_pool *pool, struct bc_pool *parent,
			     const struct bc_wish *wishes, struct netlink_ext_ack *extack)
{
	u64 value[BC_NR_LIMITS + 1], now = ktime_get_ns();
	struct bc_limits *limits, *old = pool->limits;
	int i, id;

	limits = kzalloc(sizeof(*limits), GFP_KERNEL_ACCOUNT);
	if (!limits)
		return -ENOMEM;
	for (i = 0; i <= BC_NR_LIMITS; i++) {
		id = BC_SETTING_IO_BPS + i;
		value[i] = wishes[id].set ? wishes[id].value : pool->settings[id];
	}
	for (i = 0; i < BC_NR_LIMITS; i++) {
		if (value[i] == BC_UNLIMITED)
			continue;
		/* The burst comes last in the table. */
		bc_bucket_init(&limits->bucket[i], value[i], value[BC_NR_LIMITS], now);
		limits->set |= BIT(i);
	}
	bc_limits_carry(limits, old, now);
	if (!limits->set) {
		kfree(limits);
		limits = NULL;
	}
	bc_throttle_replace(pool, limits);
	wake_up_all(&bc_sleep_queue);
	return 0;
}

/* A limit that what is written later on escapes does not act as a whole. */
static bool bc_throttle_get(struct bc_pool *pool, enum bc_setting_id id,
			    struct bc_setting *setting)
{
	if (id != BC_SETTING_IO_RBPS && id != BC_SETTING_IO_RIOPS && !bc_io_writeback_known(pool))
		setting->flags &= ~BC_SETTING_F_EFFECTIVE;
	return true;
}

static int bc_throttle_init(unsigned int bits)
{
	BUILD_BUG_ON(BC_SETTING_IO_BURST - BC_SETTING_IO_BPS != BC_NR_LIMITS);
	return bc_ptrmap_init(&bc_sleepers, BC_SLEEPER_BITS);
}

/* Its members are the parent's now, or nobody's: they look again for whom they sleep. */
static void bc_throttle_leave(struct bc_pool *pool, struct bc_pool *to)
{
	bc_throttle_replace(pool, NULL);
	wake_up_all(&bc_sleep_queue);
}

struct bc_kick {
	struct bc_sleeper	*sleeper;
	struct task_struct	*task;
};

/* Notes the first one that was not sent yet; a record in the map has a living task. */
static bool bc_kick_pick(struct bc_ptrmap_node *node, void *arg)
{
	struct bc_sleeper *sleeper = container_of(node, struct bc_sleeper, node);
	struct bc_kick *kick = arg;

	if (!kick->task && sleeper->dirs) {
		sleeper->dirs = 0;
		refcount_inc(&sleeper->refs);
		kick->sleeper = sleeper;
		kick->task = (struct task_struct *)node->key;
		get_task_struct(kick->task);
	}
	return false;
}

/* A task that waits for something else inside the kernel turns round, and then begins anew. */
static void bc_throttle_kick(void)
{
	struct bc_kick kick;
	int i;

	for (i = 0; i < 1 << BC_SLEEPER_BITS; i++) {
		do {
			kick.task = NULL;
			bc_ptrmap_pick(&bc_sleepers, &bc_sleepers.buckets[i], bc_kick_pick, &kick,
				       NULL);
			if (!kick.task)
				continue;
			atomic_inc(&bc_works);
			if (task_work_add(kick.task, &kick.sleeper->kick, TWA_SIGNAL)) {
				bc_sleeper_put(kick.sleeper);
				atomic_dec(&bc_works);
			}
			put_task_struct(kick.task);
		} while (kick.task);
	}
}

/* Nothing is attached, so no work can come. Who has one runs it, and leaves this module. */
static void bc_throttle_exit(void)
{
	WRITE_ONCE(bc_throttle_stopped, true);
	wake_up_all(&bc_sleep_queue);
	bc_throttle_kick();
	wait_event(bc_works_queue, !atomic_read(&bc_works));
	/* The last one may have lowered the count a moment ago, and not have returned yet. */
	synchronize_rcu_tasks();
	bc_ptrmap_destroy(&bc_sleepers);
}

struct bc_source bc_source_throttle = {
	.name = "limits of block I/O",
	.needs = &bc_source_io,
	.init = bc_throttle_init,
	.exit = bc_throttle_exit,
	.leave = bc_throttle_leave,
	.settings = GENMASK(BC_SETTING_IO_BURST, BC_SETTING_IO_BPS),
	.apply_settings = bc_throttle_apply,
	.get_setting = bc_throttle_get,
};
