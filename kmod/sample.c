// SPDX-License-Identifier: GPL-2.0
/*
 * The worker that keeps integrals true while nobody reads them
 *
 * Every sample_ms it makes the derived figures exact, so that what was given back is
 * noticed; looks at what the kernel counts; and folds what the counters have summed up.
 * So nothing of the error of an integral depends on how often somebody asks.
 *
 * It runs while there are pools, on a queue of the system: bc_wq is flushed by every
 * request. It goes from pool to pool and lets others in after each few: what comes or
 * moves meanwhile is met now or the next time.
 */
#include <linux/module.h>
#include <linux/workqueue.h>

#include "bind.h"
#include "sample.h"
#include "snapshot.h"

#define BC_SAMPLE_MS_MIN	100
#define BC_SAMPLE_MS_MAX	60000
/* Pools looked at under the tree mutex in one go. */
#define BC_SAMPLE_BATCH		128

static unsigned int bc_sample_ms = 10000;
static DEFINE_SPINLOCK(bc_sample_lock);
static bool bc_sample_on;	/* it may be queued; under bc_sample_lock */

static void bc_sample_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(bc_sample_work, bc_sample_work_fn);

/* A new period begins at once. */
static int bc_sample_set_ms(const char *text, const struct kernel_param *kp)
{
	int ret = param_set_uint_minmax(text, kp, BC_SAMPLE_MS_MIN, BC_SAMPLE_MS_MAX);

	if (ret)
		return ret;
	spin_lock(&bc_sample_lock);
	if (bc_sample_on && delayed_work_pending(&bc_sample_work))
		mod_delayed_work(system_unbound_wq, &bc_sample_work, 0);
	spin_unlock(&bc_sample_lock);
	return 0;
}

static const struct kernel_param_ops bc_sample_ms_ops = {
	.set = bc_sample_set_ms,
	.get = param_get_uint,
};

module_param_cb(sample_ms, &bc_sample_ms_ops, &bc_sample_ms, 0644);
MODULE_PARM_DESC(sample_ms, "how often amounts are sampled for their integrals (100..60000)");

/* Looks at some pools, and returns the next one, or NULL. */
static struct bc_pool *bc_sample_some(struct bc_pool *first)
{
	struct bc_pool *pool = first, *pos;
	unsigned long flags;
	int n;

	for (n = 0; pool && n < BC_SAMPLE_BATCH; n++) {
		bc_snap_recount_one(pool);
		if (pool->depth && pool->state == BC_POOL_LIVE)
			bc_snap_look(pool);
		pool = bc_pool_next_pre(pool, bc_tree.host);
	}
	bc_topo_begin();
	for (pos = first; pos != pool; pos = bc_pool_next_pre(pos, bc_tree.host)) {
		bc_topo_lock(&flags);
		bc_snap_integrate(pos);
		bc_topo_unlock(flags);
	}
	bc_topo_end();
	return pool;
}

static void bc_sample_work_fn(struct work_struct *work)
{
	struct bc_pool *pool;

	mutex_lock(&bc_tree.lock);
	for (pool = bc_sample_some(bc_tree.host); pool; pool = bc_sample_some(pool)) {
		/* Neither freed nor taken out of the tree meanwhile. */
		bc_pool_get(pool);
		mutex_unlock(&bc_tree.lock);
		cond_resched();
		mutex_lock(&bc_tree.lock);
		bc_pool_put(pool);
	}
	if (bc_tree.nr_live || bc_tree.nr_dying)
		bc_sampler_start();
	mutex_unlock(&bc_tree.lock);
}

/**
 * bc_sampler_init() - allow it to run
 */
void bc_sampler_init(void)
{
	spin_lock(&bc_sample_lock);
	bc_sample_on = true;
	spin_unlock(&bc_sample_lock);
}

/**
 * bc_sampler_start() - there is a pool
 *
 * Context: under the tree mutex.
 */
void bc_sampler_start(void)
{
	spin_lock(&bc_sample_lock);
	if (bc_sample_on)
		queue_delayed_work(system_unbound_wq, &bc_sample_work,
				   msecs_to_jiffies(READ_ONCE(bc_sample_ms)));
	spin_unlock(&bc_sample_lock);
}

/**
 * bc_sampler_stop() - look no more; nothing runs or will run afterwards
 *
 * Context: may sleep.
 */
void bc_sampler_stop(void)
{
	spin_lock(&bc_sample_lock);
	bc_sample_on = false;
	spin_unlock(&bc_sample_lock);
	cancel_delayed_work_sync(&bc_sample_work);
}
