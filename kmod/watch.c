// SPDX-License-Identifier: GPL-2.0
/*
 * The worker that looks after thresholds
 *
 * A charge that gets to a threshold wakes it; see threshold.c for what is done
 * then. It looks again every BC_WATCH_MS while a counter is above, because nothing
 * tells it that held falls; while a charge that got to a threshold turned out not
 * to be above, until that is armed again. What the kernel itself counts is polled
 * at the same pace, but only where it has a threshold: no charge passes by there.
 *
 * A pool may tell BC_EVENTS_PER_SEC crossings in a second. What is left out is
 * counted for the next one.
 */
#include <linux/jiffies.h>
#include <linux/workqueue.h>

#include "bind.h"
#include "hook.h"
#include "netlink.h"
#include "refusal.h"
#include "watch.h"

/* How long a fall may go unnoticed, and what only seemed to rise stays unarmed. */
#define BC_WATCH_MS	250

/* What is charged to it is an upper bound until it is recounted. */
static bool bc_watch_is_bound(enum bc_res res)
{
	return bc_resources[res].kind == BC_KIND_DERIVED;
}

static bool bc_watch_needs_look(const struct bc_pool *pool, enum bc_res res)
{
	return bc_readers[res] ? pool->cnt[res].threshold.rise : bc_threshold_open(&pool->cnt[res]);
}

/* Makes the figures exact, if one that is of interest is not. */
static void bc_watch_recount(struct bc_pool *root)
{
	bool inexact = false;
	struct bc_section sec;
	struct bc_pool *pos;
	int res;

	for (res = 0; res < BC_NR_RES; res++)
		inexact |= bc_watch_needs_look(root, res) && bc_watch_is_bound(res);
	for (pos = root; inexact && pos; pos = bc_pool_next_pre(pos, root)) {
		bc_enter(&sec);
		bc_sources_recount(pos);
		bc_leave(&sec);
	}
}

static void bc_watch_tell(struct bc_pool *pool, enum bc_res res, const struct bc_crossing *x)
{
	long now = jiffies / HZ;

	if (pool->crossing_second != now) {
		pool->crossing_second = now;
		pool->crossing_burst = BC_EVENTS_PER_SEC;
	}
	if (!pool->crossing_burst) {
		pool->crossings_kept++;
		return;
	}
	pool->crossing_burst--;
	bc_nl_notify_crossing(pool, res, x, pool->crossings_kept);
	pool->crossings_kept = 0;
}

/*
 * What the kernel counts may be bounded by a limit alone; then that is meant. While
 * it counts nothing, as the controller was disabled, nothing is told.
 */
static bool bc_watch_poll(struct bc_pool *pool, enum bc_res res, struct bc_crossing *x)
{
	struct bc_record rec;
	bool known;

	rcu_read_lock();
	known = bc_res_active(res) && bc_readers[res](pool, res, &rec);
	rcu_read_unlock();
	return known && bc_threshold_poll(&pool->cnt[res].threshold, rec.held,
					  min(rec.barrier, rec.limit), x);
}

static bool bc_watch_look(struct bc_pool *pool, enum bc_res res, bool rearm,
			  struct bc_crossing *x)
{
	if (bc_readers[res])
		return bc_watch_poll(pool, res, x);
	return bc_threshold_look(&pool->cnt[res], bc_watch_is_bound(res), rearm, x);
}

/* Looks at one pool; true when it has to be looked at again. */
static bool bc_watch_pool(struct bc_pool *pool, bool rearm)
{
	struct bc_crossing x;
	bool again = false;
	int res;

	bc_watch_recount(pool);
	for (res = 0; res < BC_NR_RES; res++) {
		if (!bc_watch_needs_look(pool, res))
			continue;
		if (bc_watch_look(pool, res, rearm, &x))
			bc_watch_tell(pool, res, &x);
		again |= bc_watch_needs_look(pool, res);
	}
	return again;
}

static void bc_watch_again(struct work_struct *work);
static DECLARE_DELAYED_WORK(bc_watch_again_work, bc_watch_again);
static bool bc_watch_stopped = true;	/* under the tree mutex */

static void bc_watch_all(bool rearm)
{
	struct bc_pool *pool;
	bool again = false;

	mutex_lock(&bc_tree.lock);
	for (pool = bc_tree.host; pool; pool = bc_pool_next_pre(pool, bc_tree.host))
		if (pool->thresholds && pool->state == BC_POOL_LIVE)
			again |= bc_watch_pool(pool, rearm);
	if (again && !bc_watch_stopped)
		queue_delayed_work(bc_wq, &bc_watch_again_work, msecs_to_jiffies(BC_WATCH_MS));
	mutex_unlock(&bc_tree.lock);
}

static void bc_watch_again(struct work_struct *work)
{
	bc_watch_all(true);
}

static void bc_watch_tripped(struct work_struct *work)
{
	bc_watch_all(false);
}

static DECLARE_WORK(bc_watch_work, bc_watch_tripped);

static void bc_watch_wake(void)
{
	queue_work(bc_wq, &bc_watch_work);
}

/**
 * bc_watch_set() - set or remove a threshold
 * @pool: pool
 * @res: resource
 * @rise: percent of the barrier, 0 to remove it
 * @fall: percent of the barrier
 *
 * Context: under the tree mutex.
 */
void bc_watch_set(struct bc_pool *pool, enum bc_res res, u32 rise, u32 fall)
{
	struct bc_counter *cnt = &pool->cnt[res];

	lockdep_assert_held(&bc_tree.lock);
	pool->thresholds += !!rise - !!cnt->threshold.rise;
	bc_threshold_set(cnt, rise, fall);
	if (bc_watch_needs_look(pool, res))
		bc_watch_wake();
}

/**
 * bc_watch_start() - begin to look
 */
void bc_watch_start(void)
{
	mutex_lock(&bc_tree.lock);
	bc_watch_stopped = false;
	mutex_unlock(&bc_tree.lock);
	bc_threshold_set_notify(bc_watch_wake);
}

/**
 * bc_watch_stop() - look no more; nothing runs or will run afterwards
 *
 * Context: may sleep; no request runs that could set a threshold.
 */
void bc_watch_stop(void)
{
	mutex_lock(&bc_tree.lock);
	bc_watch_stopped = true;
	mutex_unlock(&bc_tree.lock);
	bc_threshold_set_notify(NULL);
	/* Charges that still know of us are over then. */
	synchronize_rcu();
	cancel_work_sync(&bc_watch_work);
	cancel_delayed_work_sync(&bc_watch_again_work);
}
