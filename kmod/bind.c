// SPDX-License-Identifier: GPL-2.0
/*
 * Making and unmaking pools: the order in which tree, membership and records
 * are changed
 *
 * Making:   tree (charges can reach the host) -> map (new charges go to the
 *	     pool) -> grace period -> children that are now below -> what
 *	     members already hold.
 * Unmaking: map (new charges go to the parent) -> grace period -> what members
 *	     hold -> dying -> last reference -> unlinked -> grace period -> freed.
 *
 * A pool whose cgroup was removed keeps its map entries until it is released:
 * sockets outlive the directory and stay on its account.
 *
 * Everything runs under the tree mutex. The hooks are attached before the first
 * pool is made and detached by a worker some time after the last one was released,
 * so that who deletes one pool and makes another does not wait for both.
 */
#include <linux/cgroup.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "bind.h"
#include "closing.h"
#include "cpu.h"
#include "hook.h"
#include "member.h"
#include "netlink.h"
#include "proc.h"
#include "procfs.h"
#include "sample.h"
#include "sock.h"

struct bc_tree bc_tree;
struct workqueue_struct *bc_wq;
static atomic64_t bc_unbalanced_count;
/* The closing record that the host is going to have; under the tree mutex. */
static struct bc_closing *bc_host_closing;

/**
 * bc_unbalanced() - pools that were released with something still charged
 *
 * Return: their number since the module was loaded; not 0 means a bug.
 */
u64 bc_unbalanced(void)
{
	return atomic64_read(&bc_unbalanced_count);
}

static unsigned int linger_ms = 10000;
module_param(linger_ms, uint, 0644);
MODULE_PARM_DESC(linger_ms, "how long to stay attached to the kernel after the last pool is gone");

/* A pool may have come meanwhile; the time begins anew when that is gone. */
static void bc_idle_work_fn(struct work_struct *work)
{
	mutex_lock(&bc_tree.lock);
	if (!bc_tree.nr_live && !bc_tree.nr_dying)
		bc_hooks_detach();
	mutex_unlock(&bc_tree.lock);
}

static DECLARE_DELAYED_WORK(bc_idle_work, bc_idle_work_fn);

/* Nothing stays attached while no pool exists. Under the tree mutex. */
static void bc_idle_check(void)
{
	if (!bc_tree.nr_live && !bc_tree.nr_dying)
		mod_delayed_work(bc_wq, &bc_idle_work, msecs_to_jiffies(READ_ONCE(linger_ms)));
}

static void bc_pool_free_rcu(struct rcu_head *rcu)
{
	struct bc_pool *pool = container_of(rcu, struct bc_pool, rcu);

	bc_pool_put(pool->parent);
	bc_pool_free(pool);
}

/* One that could not be made after all has no closing record. */
static void bc_pool_close(struct bc_pool *pool)
{
	struct bc_closing *closing = pool->closing;

	if (!closing->died)
		return;
	bc_snap_close(pool);
	pool->closing = NULL;
	bc_closing_add(&bc_tree.closed, closing);
	bc_nl_notify_closing(closing);
}

/*
 * The last reference is gone. After a grace period no section can have the pool
 * in its hands any more, so what is still held then is a bug.
 */
static void bc_pool_release_work(struct work_struct *work)
{
	struct bc_pool *pool = container_of(work, struct bc_pool, release_work);

	bc_member_forget(pool);
	synchronize_rcu();
	mutex_lock(&bc_tree.lock);
	if (WARN_ONCE(bc_pool_unbalanced(pool), "beancounter: pool released with charges\n"))
		atomic64_inc(&bc_unbalanced_count);
	bc_pool_close(pool);
	bc_cputime_bury(pool);
	bc_tree_unlink(&bc_tree, pool);
	bc_nl_notify_pool(pool, BC_EVENT_POOL_GONE);
	bc_idle_check();
	mutex_unlock(&bc_tree.lock);
	cgroup_put(pool->cgrp);
	call_rcu(&pool->rcu, bc_pool_free_rcu);
}

static void bc_pool_release(struct bc_pool *pool)
{
	queue_work(bc_wq, &pool->release_work);
}

static void bc_pool_die(struct bc_pool *pool, enum bc_cause cause)
{
	/* Someone may still be looking at it. */
	bc_pool_get(pool);
	pool->closing->cause = cause;
	pool->closing->died = ktime_get_boottime_ns();
	pool->closing->active = bc_active;
	pool->closing->parent_incarnation = pool->parent->incarnation;
	pool->closing->snap = bc_snap_get(pool->snap);
	bc_tree_kill(&bc_tree, pool);
	bc_share_update(pool);
	bc_nl_notify_pool(pool, BC_EVENT_POOL_DYING);
	bc_procfs_changed();
	bc_pool_put(pool);
}

/* The cgroup of a live pool was removed: no task is in it, sockets may be. */
static void bc_pool_unbind_work(struct work_struct *work)
{
	struct bc_pool *pool = container_of(work, struct bc_pool, unbind_work);

	mutex_lock(&bc_tree.lock);
	if (pool->state == BC_POOL_LIVE) {
		bc_figures_end(pool);
		bc_pool_die(pool, BC_CAUSE_CGROUP);
	}
	mutex_unlock(&bc_tree.lock);
	bc_pool_put(pool);
}

/**
 * bc_pool_cgroup_gone() - the cgroup of a pool was removed
 * @pool: pool found through the map, whose lock is held
 *
 * Context: any; the work is done later.
 */
void bc_pool_cgroup_gone(struct bc_pool *pool)
{
	if (bc_pool_tryget(pool) && !queue_work(bc_wq, &pool->unbind_work))
		bc_pool_put(pool);
}

/**
 * bc_bind_settle() - let what was caused before this call take effect
 *
 * A removed cgroup makes its pool dying by a worker, and address spaces follow
 * their tasks by a worker. Whoever asks afterwards must not see the time before.
 *
 * Context: may sleep; not under the tree mutex.
 */
void bc_bind_settle(void)
{
	flush_workqueue(bc_wq);
}

static int bc_check_add(const char *name, u32 id, const struct bc_pool *parent,
			struct netlink_ext_ack *extack)
{
	int ret = bc_tree_may_add(&bc_tree, name, id, parent);

	switch (ret) {
	case -EINVAL:
		NL_SET_ERR_MSG_MOD(extack, "name must be 1 to 63 of A-Z a-z 0-9 _ . : -");
		break;
	case -EEXIST:
		NL_SET_ERR_MSG_MOD(extack, "a pool of that name exists");
		break;
	case -EADDRINUSE:
		NL_SET_ERR_MSG_MOD(extack, "a pool with that id exists");
		return -EEXIST;
	case -ENOSPC:
		NL_SET_ERR_MSG_MOD(extack, "too many pools (module parameter max_pools)");
		break;
	case -ELOOP:
		NL_SET_ERR_MSG_MOD(extack, "pools would be nested more than 16 deep");
		return -ENOSPC;
	}
	return ret;
}

static bool bc_pool_below(const struct bc_pool *child, struct cgroup *cgrp)
{
	return child->state == BC_POOL_LIVE && cgroup_is_descendant(child->cgrp, cgrp);
}

/* Without a cgroup below there is no pool below, whatever the number of siblings. */
static bool bc_cgroup_has_below(const struct cgroup *cgrp)
{
	return READ_ONCE(cgrp->nr_descendants) || READ_ONCE(cgrp->nr_dying_descendants);
}

/* Would the children that a new pool takes over become too deep? */
static int bc_check_depth(struct bc_pool *parent, struct cgroup *cgrp,
			  struct netlink_ext_ack *extack)
{
	struct bc_pool *child;

	if (!bc_cgroup_has_below(cgrp))
		return 0;
	list_for_each_entry(child, &parent->children, sibling) {
		if (!bc_pool_below(child, cgrp) ||
		    child->depth + bc_pool_height(child) < BC_DEPTH_MAX)
			continue;
		NL_SET_ERR_MSG_MOD(extack, "pools below would be nested more than 16 deep");
		return -ENOSPC;
	}
	return 0;
}

/* Puts a new pool above those of its siblings whose cgroups are below its own. */
static void bc_take_children(struct bc_pool *pool)
{
	struct bc_pool *child, *next;
	unsigned long flags;
	bool any = false;

	if (!bc_cgroup_has_below(pool->cgrp))
		return;
	list_for_each_entry(child, &pool->parent->children, sibling)
		any |= child != pool && bc_pool_below(child, pool->cgrp);
	if (!any)
		return;
	bc_cputime_collect(pool->parent);
	bc_topo_begin();
	list_for_each_entry_safe(child, next, &pool->parent->children, sibling) {
		if (child == pool || !bc_pool_below(child, pool->cgrp))
			continue;
		bc_cputime_insert_above(pool, child);
		bc_topo_lock(&flags);
		bc_tree_insert_above(&bc_tree, pool, child);
		bc_topo_unlock(flags);
	}
	bc_topo_end();
}

/* Everything that belongs to the pool is sent to where it belongs without it. */
static void bc_pool_evict(struct bc_pool *pool)
{
	bc_member_unbind(pool);
	synchronize_rcu_expedited();
	bc_sources_leave(pool, pool->parent->depth ? pool->parent : NULL);
}

/* Before the pool is in the tree, too: what is charged first must find its bounds. */
static void bc_pool_set_counters(struct bc_pool *pool, const struct bc_bounds bounds[BC_NR_RES])
{
	int res;

	for (res = 0; res < BC_NR_RES; res++)
		if (bounds[res].set && !bc_readers[res])
			bc_counter_set_bounds(&pool->cnt[res], bounds[res].barrier,
					      bounds[res].limit);
	bc_pool_stale(pool);
}

/* With the path of the cgroup, which never changes; empty if it is too long. */
static struct bc_closing *bc_closing_alloc(struct cgroup *cgrp)
{
	static char path[BC_PATH_MAX + 2];	/* under the tree mutex */
	int len = cgroup_path(cgrp, path, sizeof(path));
	struct bc_closing *closing;

	lockdep_assert_held(&bc_tree.lock);
	if (len <= 0 || len >= sizeof(path))
		len = 1;
	closing = kzalloc(struct_size(closing, path, len), GFP_KERNEL_ACCOUNT);
	if (!closing)
		return NULL;
	memcpy(closing->path, path + 1, len - 1);
	closing->path_len = len - 1;
	closing->cgroup_id = cgroup_id(cgrp);
	return closing;
}

static struct bc_pool *bc_pool_prepare(const char *name, struct cgroup *cgrp,
				       const struct bc_bounds bounds[BC_NR_RES])
{
	struct bc_pool *pool = bc_pool_alloc(&bc_tree, name);

	if (!pool)
		return NULL;
	pool->snap = bc_figures_alloc();
	pool->closing = bc_closing_alloc(cgrp);
	if (!pool->snap || !pool->closing) {
		bc_pool_free(pool);
		return NULL;
	}
	INIT_WORK(&pool->release_work, bc_pool_release_work);
	INIT_WORK(&pool->unbind_work, bc_pool_unbind_work);
	bc_pool_set_counters(pool, bounds);
	cgroup_get(cgrp);
	pool->cgrp = cgrp;
	return pool;
}

/**
 * bc_pool_create() - make a pool and bind it to a cgroup
 * @name: name
 * @id: wanted number, 0 for any
 * @parent_name: name the parent must have, or NULL
 * @cgrp: cgroup v2 directory, the caller holds a reference
 * @bounds: wanted bounds
 * @wishes: wanted settings
 * @extack: for messages
 *
 * Context: under the tree mutex; may sleep.
 * Return: the pool, or an error pointer; then nothing has changed.
 */
struct bc_pool *bc_pool_create(const char *name, u32 id, const char *parent_name,
			       struct cgroup *cgrp, const struct bc_bounds bounds[BC_NR_RES],
			       const struct bc_wish wishes[BC_NR_SETTINGS],
			       struct netlink_ext_ack *extack)
{
	struct bc_pool *parent, *pool;
	int ret;

	if (!cgroup_parent(cgrp)) {
		NL_SET_ERR_MSG_MOD(extack, "the root cgroup belongs to the host");
		return ERR_PTR(-EINVAL);
	}
	if (bc_member_bound(cgrp)) {
		NL_SET_ERR_MSG_MOD(extack, "this cgroup has a pool already");
		return ERR_PTR(-EEXIST);
	}
	parent = bc_member_nearest(cgrp) ?: bc_tree.host;
	if (parent_name && !bc_tree_find(&bc_tree, parent_name)) {
		NL_SET_ERR_MSG_MOD(extack, "there is no pool with the parent's name");
		return ERR_PTR(-ENOENT);
	}
	if (parent_name && strcmp(parent_name, parent->name)) {
		NL_SET_ERR_MSG_MOD(extack, "the cgroup is not directly below the parent's");
		return ERR_PTR(-EINVAL);
	}
	ret = bc_check_add(name, id, parent, extack);
	if (!ret)
		ret = bc_check_depth(parent, cgrp, extack);
	if (ret)
		return ERR_PTR(ret);

	if (!bc_hooks_attached() && bc_hooks_attach()) {
		NL_SET_ERR_MSG_MOD(extack, "cgroups cannot be followed, see the kernel log");
		return ERR_PTR(-EOPNOTSUPP);
	}
	ret = -ENOMEM;
	pool = bc_pool_prepare(name, cgrp, bounds);
	if (!pool)
		goto err_idle;
	ret = bc_check_bounds(pool, parent, bounds, extack) ?:
	      bc_settings_check(pool, parent, wishes, extack);
	if (ret)
		goto err_free;
	ret = bc_tree_add(&bc_tree, pool, parent, id);
	if (ret)
		goto err_free;
	/* What can still fail comes before anybody is a member. */
	ret = bc_settings_apply(pool, parent, wishes, extack);
	bc_sources_want(pool);
	if (!ret)
		ret = bc_member_bind(pool);
	if (ret)
		goto err_kill;
	/* Nobody acts on what the map said before, from here on. */
	synchronize_rcu_expedited();
	bc_take_children(pool);
	/* rmdir before this point was not seen by the map. */
	if (!(cgrp->self.flags & CSS_ONLINE))
		bc_pool_cgroup_gone(pool);
	if (parent->depth)
		bc_sock_rehome(parent);
	if (cgroup_is_populated(cgrp))
		bc_proc_resync(pool);
	bc_sources_set(pool, parent, bounds);
	bc_cpu_start(pool);
	bc_share_update(pool);
	bc_snap_look(pool);
	bc_host_closing->active |= bc_active;
	bc_sampler_start();
	bc_nl_notify_pool(pool, BC_EVENT_POOL_NEW);
	bc_procfs_changed();
	return pool;

err_kill:
	bc_pool_evict(pool);
	bc_tree_kill(&bc_tree, pool);
	bc_share_update(pool);
	return ERR_PTR(ret);
err_free:
	cgroup_put(cgrp);
	bc_pool_free(pool);
err_idle:
	bc_idle_check();
	return ERR_PTR(ret);
}

/**
 * bc_check_bounds() - can these resources of a pool be limited so?
 * @pool: pool, which need not be in the tree yet
 * @parent: its parent, present or future; NULL for the host
 * @bounds: what is wanted
 * @extack: for messages
 *
 * A limit that would not be enforced is refused, not stored.
 *
 * Context: under the tree mutex.
 * Return: 0 or an error; -EOPNOTSUPP for a resource that cannot be limited.
 */
int bc_check_bounds(struct bc_pool *pool, struct bc_pool *parent,
		    const struct bc_bounds bounds[BC_NR_RES], struct netlink_ext_ack *extack)
{
	enum bc_status status;
	const char *reason;
	int res;

	for (res = 0; res < BC_NR_RES; res++) {
		if (!bounds[res].set)
			continue;
		status = bc_resource_status(res, &reason);
		if (status != BC_STATUS_UNAVAILABLE && status != BC_STATUS_COUNTED)
			continue;
		NL_SET_ERR_MSG_ATTR(extack, bounds[res].attr,
				    "this cannot be limited here, see bctl resources");
		return -EOPNOTSUPP;
	}
	return bc_sources_check(pool, parent, bounds, extack);
}

/**
 * bc_pool_set_bounds() - set barriers and limits
 * @pool: pool
 * @bounds: what is wanted, already checked
 *
 * Context: under the tree mutex.
 */
void bc_pool_set_bounds(struct bc_pool *pool, const struct bc_bounds bounds[BC_NR_RES])
{
	bc_pool_set_counters(pool, bounds);
	bc_sources_set(pool, pool->parent, bounds);
}

/* Its last figures are taken before its settings are set back. */
static void bc_pool_unbind(struct bc_pool *pool, enum bc_cause cause)
{
	bc_snap_look(pool);
	bc_pool_evict(pool);
	bc_pool_die(pool, cause);
}

/**
 * bc_pool_delete() - unbind a pool
 * @pool: live pool
 * @extack: for messages
 *
 * Context: under the tree mutex; may sleep. The pool may be freed on return.
 * Return: 0, -EINVAL, -ENOENT or -EBUSY.
 */
int bc_pool_delete(struct bc_pool *pool, struct netlink_ext_ack *extack)
{
	if (pool == bc_tree.host) {
		NL_SET_ERR_MSG_MOD(extack, "the host cannot be deleted");
		return -EINVAL;
	}
	if (pool->state != BC_POOL_LIVE) {
		NL_SET_ERR_MSG_MOD(extack, "the pool is dying already");
		return -ENOENT;
	}
	if (pool->nr_live) {
		NL_SET_ERR_MSG_MOD(extack, "the pool has child pools");
		return -EBUSY;
	}
	bc_pool_unbind(pool, BC_CAUSE_DELETED);
	return 0;
}

/**
 * bc_bind_init() - prepare tree and worker
 * @max_pools: cap on live pools
 * @max_closed: cap on closing records
 *
 * Return: 0 or -ENOMEM.
 */
int bc_bind_init(unsigned int max_pools, unsigned int max_closed)
{
	int ret;

	bc_wq = alloc_workqueue("beancounter", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!bc_wq)
		return -ENOMEM;
	ret = bc_tree_init(&bc_tree, max_pools, bc_pool_release);
	if (ret)
		goto err_wq;
	bc_tree.closed.max = max_closed;
	ret = -ENOMEM;
	bc_tree.host->snap = bc_figures_alloc();
	bc_host_closing = kzalloc(sizeof(*bc_host_closing) + 1, GFP_KERNEL);
	if (bc_tree.host->snap && bc_host_closing)
		return 0;
	bc_closing_free(bc_host_closing);
	bc_tree_destroy(&bc_tree);
err_wq:
	destroy_workqueue(bc_wq);
	return ret;
}

/*
 * Sockets of dying pools are forgotten as well. It is the hooks that keep their
 * records from outliving them, and who waits for room must be let go. They go
 * up the tree, to live pools or to nobody.
 */
static void bc_bind_empty_dying(void)
{
	unsigned int left = BC_DEPTH_MAX;
	struct bc_pool *pool;
	bool any;

	do {
		any = false;
		list_for_each_entry(pool, &bc_tree.dying, dying_link) {
			if (list_empty(&pool->socks))
				continue;
			any = true;
			bc_member_unbind(pool);
			synchronize_rcu_expedited();
			bc_sock_rehome(pool);
		}
	} while (any && left--);
}

/* What the kernel counts is read while there are pools that it counts for. */
static void bc_host_look(void)
{
	bc_snap_look(bc_tree.host);
	bc_figures_host();
	bc_host_closing->died = ktime_get_boottime_ns();
}

/*
 * All pools are released, so that what they had is the host's. It has a closing record
 * as they have, after all of theirs; but for this it does not end.
 */
static void bc_host_close(void)
{
	struct bc_pool *host = bc_tree.host;

	bc_host_closing->cause = BC_CAUSE_UNLOAD;
	bc_host_closing->snap = bc_snap_get(host->snap);
	host->closing = bc_host_closing;
	bc_host_closing = NULL;
	bc_pool_close(host);
}

/**
 * bc_bind_unbind_all() - unbind all pools, detach, wait until all is released
 *
 * Tasks, address spaces and sockets are forgotten while the hooks still see
 * them go; only then are the hooks detached.
 *
 * Context: may sleep; nobody can make pools any more.
 */
void bc_bind_unbind_all(void)
{
	struct bc_pool *pool;
	unsigned long id;

	mutex_lock(&bc_tree.lock);
	bc_host_look();
	bc_bind_empty_dying();
	while (bc_tree.nr_live) {
		xa_for_each(&bc_tree.ids, id, pool)
			if (!pool->nr_live)
				bc_pool_unbind(pool, BC_CAUSE_UNLOAD);
	}
	bc_hooks_detach();
	mutex_unlock(&bc_tree.lock);
	/* A parent is released by the final free of its last child. */
	while (READ_ONCE(bc_tree.nr_dying)) {
		flush_workqueue(bc_wq);
		rcu_barrier();
	}
	flush_workqueue(bc_wq);
	rcu_barrier();
	mutex_lock(&bc_tree.lock);
	bc_host_close();
	mutex_unlock(&bc_tree.lock);
	/* Detached already, it would find nothing to do. No pool is left to queue it. */
	cancel_delayed_work_sync(&bc_idle_work);
}

/**
 * bc_bind_exit() - free tree and worker, after bc_bind_unbind_all() if there were pools
 */
void bc_bind_exit(void)
{
	destroy_workqueue(bc_wq);
	bc_closing_free(bc_host_closing);
	bc_tree_destroy(&bc_tree);
}
