// SPDX-License-Identifier: GPL-2.0
/*
 * Records of address spaces
 *
 * The kernel keeps exact figures per address space. What is charged for one is
 * an upper bound of them, and exact after a recount:
 *
 *	charged = the kernel's figure + pages being asked for
 *
 * One record has all that is charged for an address space: its private pages
 * (vm.c) and its locked ones (locked.c). Whoever enlarges a figure asks first;
 * nothing is hooked on the way down. An address space that shrinks is noticed
 * when it next grows, when a limit or a new maxheld is about to be reached, or
 * when somebody reads the accounts.
 *
 * Questions are asked with the mmap lock held, for writing except for stacks on
 * 6.1, until the figures are updated. A recount that finds the lock taken leaves
 * the pages last asked for charged, because they may not be in the figures yet.
 *
 * Lock order: bc_mm_move_lock, bc_pool.vm_lock (source, then target), bc_mm.lock.
 */
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/slab.h>

#include "bind.h"
#include "member.h"
#include "mm.h"
#include "refusal.h"

/* Two questions of one system call are asked from places this close, in bytes. */
#define BC_MM_SAME_CALL	1024

struct bc_ptrmap bc_mm_map __read_mostly;
static DEFINE_SPINLOCK(bc_mm_move_lock);

static __always_inline u64 bc_mm_pages(const struct bc_mm *rec, enum bc_mm_kind kind)
{
	return bc_mm_figure(rec->node.key, kind);
}

/*
 * The record of an address space that cannot go away, made if need be. A new one
 * has so many private pages charged; it may be recounted as soon as it is in the
 * map.
 */
static struct bc_mm *bc_mm_get(struct mm_struct *mm, struct bc_pool *pool, u64 charged)
{
	struct bc_mm *rec = bc_mm_find(mm);
	struct bc_ptrmap_node *node;

	if (likely(rec))
		return rec;
	rec = kzalloc(sizeof(*rec), BC_GFP_HOOK);
	if (!rec)
		return NULL;
	if (!bc_pool_tryget(pool)) {
		kfree(rec);
		return NULL;
	}
	spin_lock_init(&rec->lock);
	rec->pool = pool;
	rec->cost[BC_MM_PRIVATE].charged = charged;
	rec->cost[BC_MM_PRIVATE].seen = BC_TICKS();
	rec->cost[BC_MM_LOCKED].seen = rec->cost[BC_MM_PRIVATE].seen;
	spin_lock(&pool->vm_lock);
	node = bc_ptrmap_insert(&bc_mm_map, &rec->node, mm);
	if (node == &rec->node) {
		list_add_tail(&rec->link, &pool->mms);
		spin_unlock(&pool->vm_lock);
		return rec;
	}
	spin_unlock(&pool->vm_lock);
	bc_pool_put(pool);
	kfree(rec);
	return container_of(node, struct bc_mm, node);
}

/* Uncharges and frees a record that was taken out of the map. */
static void bc_mm_release(struct bc_mm *rec)
{
	enum bc_mm_kind kind;
	struct bc_pool *pool;

	for (;;) {
		pool = READ_ONCE(rec->pool);
		spin_lock(&pool->vm_lock);
		if (pool == rec->pool)
			break;
		spin_unlock(&pool->vm_lock);
	}
	list_del_init(&rec->link);
	spin_lock(&rec->lock);
	for (kind = 0; kind < BC_MM_KINDS; kind++) {
		if (!rec->cost[kind].charged)
			continue;
		bc_counter_uncharge(&pool->cnt[bc_mm_res(kind)], NULL, rec->cost[kind].charged);
		rec->cost[kind].charged = 0;
	}
	rec->pool = NULL;
	spin_unlock(&rec->lock);
	spin_unlock(&pool->vm_lock);
	bc_pool_put(pool);
	kfree_rcu(rec, rcu);
}

/*
 * Corrects one figure of a record to the kernel's. @busy was looked at before
 * the figure: when it is false, whatever was charged before is in the figure.
 */
static void bc_mm_correct(struct bc_mm *rec, enum bc_mm_kind kind, bool busy)
{
	struct bc_counter *cnt = &rec->pool->cnt[bc_mm_res(kind)];
	struct bc_mm_charge *cost = &rec->cost[kind];
	u64 want = bc_mm_pages(rec, kind);
	u64 floor = max(want, cost->charged);

	if (busy)
		want = min(want + READ_ONCE(cost->pending), floor);
	else
		WRITE_ONCE(cost->pending, 0);
	bc_counter_correct(cnt, cost->charged, want, cost->seen);
	cost->charged = want;
	cost->seen = BC_TICKS();
}

/* The record is locked, and the address space has not been freed. */
static void bc_mm_recount_locked(struct bc_mm *rec)
{
	struct mm_struct *mm = (struct mm_struct *)rec->node.key;
	bool busy = rwsem_is_locked(&mm->mmap_lock);
	enum bc_mm_kind kind;

	smp_rmb();	/* the lock first, then the figures */
	for (kind = 0; rec->pool && kind < BC_MM_KINDS; kind++)
		bc_mm_correct(rec, kind, busy);
}

static void bc_mm_recount(struct bc_mm *rec)
{
	spin_lock(&rec->lock);
	bc_mm_recount_locked(rec);
	spin_unlock(&rec->lock);
}

/**
 * bc_mm_recount_pool() - make the figures of one pool's address spaces exact
 * @pool: pool
 *
 * Costs some tens of instructions for each address space.
 *
 * Context: inside a charge section.
 */
void bc_mm_recount_pool(struct bc_pool *pool)
{
	struct bc_mm *rec;

	if (list_empty(&pool->mms))
		return;
	spin_lock(&pool->vm_lock);
	list_for_each_entry(rec, &pool->mms, link)
		bc_mm_recount(rec);
	spin_unlock(&pool->vm_lock);
}

/**
 * bc_mm_may_recount() - the same for a subtree, unless it was done just now
 * @root: pool
 *
 * Context: inside a charge section, in a hook; see bc_recount_begin().
 */
void bc_mm_may_recount(struct bc_pool *root)
{
	struct bc_pool *pos;
	u64 start;

	if (!bc_recount_begin(&root->vm_next, &start))
		return;
	for (pos = root; pos; pos = bc_pool_next_pre(pos, root))
		bc_mm_recount_pool(pos);
	bc_recount_end(&root->vm_next, start);
}

/*
 * What is charged is an upper bound, so a new peak may be false. Before one is
 * recorded, the subtree is recounted, if that was not done only just now:
 * maxheld may exceed the true peak by what was unmapped in that short time.
 */
static void bc_mm_check_pool_peak(struct bc_pool *pool, enum bc_res res, u64 amount)
{
	struct bc_counter *top = bc_counter_new_peak(&pool->cnt[res], amount);

	if (!top)
		return;
	bc_mm_may_recount(bc_counter_pool(top, res));
}

static void bc_mm_check_peak(struct bc_mm *rec, enum bc_mm_kind kind, u64 npages)
{
	u64 want = bc_mm_pages(rec, kind) + npages;
	u64 charged = READ_ONCE(rec->cost[kind].charged);
	struct bc_pool *pool = READ_ONCE(rec->pool);

	if (pool && want > charged)
		bc_mm_check_pool_peak(pool, bc_mm_res(kind), want - charged);
}

/* Charges what an address space has and asks for; false if @fail refuses. */
static bool bc_mm_charge(struct bc_mm *rec, enum bc_mm_kind kind, u64 npages,
			 enum bc_severity sev, struct bc_counter **fail)
{
	struct bc_mm_charge *cost = &rec->cost[kind];
	enum bc_res res = bc_mm_res(kind);
	struct bc_pool *pool;
	bool ok = true;
	u64 want;

	spin_lock(&rec->lock);
	pool = rec->pool;
	want = bc_mm_pages(rec, kind) + npages;
	if (pool && want > cost->charged)
		ok = bc_counter_try_charge(&pool->cnt[res], want - cost->charged, sev, fail);
	else if (pool && want < cost->charged)
		bc_counter_correct(&pool->cnt[res], cost->charged, want, cost->seen);
	if (pool && ok) {
		cost->charged = want;
		cost->pending = npages;
		cost->seen = BC_TICKS();
	}
	spin_unlock(&rec->lock);
	return ok;
}

/* Is this the second question of a call whose first one was counted? */
static bool bc_mm_asked_before(struct bc_mm *rec, u64 npages, unsigned long ip)
{
	unsigned long last = rec->refused_ip;

	if (last && ip > last && ip - last < BC_MM_SAME_CALL && npages <= rec->refused_pages) {
		rec->refused_ip = 0;
		return true;
	}
	rec->refused_ip = ip;
	rec->refused_pages = npages;
	return false;
}

static bool bc_mm_expand(struct bc_mm *rec, enum bc_mm_kind kind, u64 npages,
			 enum bc_severity sev, unsigned long ip)
{
	enum bc_res res = bc_mm_res(kind);
	struct bc_counter *fail;
	struct bc_pool *pool;

	bc_mm_check_peak(rec, kind, npages);
	if (likely(bc_mm_charge(rec, kind, npages, sev, &fail)))
		return true;
	bc_mm_may_recount(bc_counter_pool(fail, res));
	if (bc_mm_charge(rec, kind, npages, sev, &fail))
		return true;
	pool = READ_ONCE(rec->pool);
	if (pool && !bc_mm_asked_before(rec, npages, ip))
		bc_refused_by(pool, fail, res, npages,
			      sev == BC_SOFT ? BC_BOUND_LIMIT : BC_BOUND_BARRIER);
	return false;
}

/**
 * bc_mm_ask() - may an address space have more?
 * @mm: address space that cannot go away
 * @kind: of what
 * @npages: how much more
 * @sev: which bound applies
 * @ip: where the question comes from
 *
 * An address space without a record gets one if the current task is in a pool.
 *
 * Context: with the mmap lock held, in a hook; not in a charge section.
 * Return: false when it was refused, and counted as such.
 */
bool bc_mm_ask(struct mm_struct *mm, enum bc_mm_kind kind, u64 npages, enum bc_severity sev,
	       unsigned long ip)
{
	struct bc_section sec;
	struct bc_pool *pool;
	struct bc_mm *rec;
	bool ok = true;

	bc_enter(&sec);
	rec = bc_mm_find(mm);
	pool = rec ? NULL : bc_task_pool(current);
	if (pool) {
		rec = bc_mm_get(mm, pool, 0);
		if (!rec)
			bc_note_untracked();
	}
	if (rec)
		ok = bc_mm_expand(rec, kind, npages, sev, ip);
	bc_leave(&sec);
	return ok;
}

/* What it had unmapped before must not count up to now. */
static void bc_mm_drop(struct mm_struct *mm)
{
	struct bc_ptrmap_node *node = bc_ptrmap_remove(&bc_mm_map, mm);
	struct bc_mm *rec;

	if (!node)
		return;
	rec = container_of(node, struct bc_mm, node);
	bc_mm_recount(rec);
	bc_mm_release(rec);
}

/**
 * bc_mm_forget() - an address space is going away
 * @mm: address space
 *
 * Context: any; not in a charge section.
 */
void bc_mm_forget(struct mm_struct *mm)
{
	struct bc_section sec;

	bc_enter(&sec);
	bc_mm_drop(mm);
	bc_leave(&sec);
}

/**
 * bc_mm_fork() - charge the address space of a child
 * @mm: the child's own, not shared yet; nothing of it is locked
 * @pool: the parent's pool
 *
 * If the fork fails later, the address space is freed and uncharged by its hook.
 *
 * Context: inside a charge section.
 * Return: false when it was refused, and counted as such.
 */
bool bc_mm_fork(struct mm_struct *mm, struct bc_pool *pool)
{
	struct bc_counter *cnt = &pool->cnt[BC_PRIVVMPAGES], *fail;
	u64 pages = bc_mm_figure(mm, BC_MM_PRIVATE);

	/* Before there is a record, or a recount would charge the copy by force. */
	bc_mm_check_pool_peak(pool, BC_PRIVVMPAGES, pages);
	if (unlikely(!bc_counter_try_charge(cnt, pages, BC_HARD, &fail))) {
		bc_mm_may_recount(bc_counter_pool(fail, BC_PRIVVMPAGES));
		if (!bc_counter_try_charge(cnt, pages, BC_HARD, &fail)) {
			bc_refused(pool, fail, BC_PRIVVMPAGES, pages);
			return false;
		}
	}
	if (likely(bc_mm_get(mm, pool, pages)))
		return true;
	bc_counter_uncharge(cnt, NULL, pages);
	return false;
}

/* Moves a record to another pool, charges and all; @to has a reference for it. */
static bool bc_mm_move(struct bc_mm *rec, struct bc_pool *to)
{
	enum bc_mm_kind kind;
	struct bc_pool *from;
	bool moved = false;

	spin_lock(&bc_mm_move_lock);
	from = READ_ONCE(rec->pool);
	if (from && from != to) {
		spin_lock(&from->vm_lock);
		spin_lock_nested(&to->vm_lock, SINGLE_DEPTH_NESTING);
		spin_lock_nested(&rec->lock, 2);
		if (rec->pool) {
			bc_mm_recount_locked(rec);
			for (kind = 0; kind < BC_MM_KINDS; kind++)
				bc_pool_move(from, to, bc_mm_res(kind), rec->cost[kind].charged);
			rec->pool = to;
			list_move_tail(&rec->link, &to->mms);
			moved = true;
		}
		spin_unlock(&rec->lock);
		spin_unlock(&to->vm_lock);
		spin_unlock(&from->vm_lock);
	}
	spin_unlock(&bc_mm_move_lock);
	if (moved)
		bc_pool_put(from);
	return moved;
}

/**
 * bc_mm_fix() - make an address space belong to a pool
 * @mm: address space, with a reference of its user count
 * @pool: pool of its owner, or NULL
 *
 * Context: inside a charge section.
 */
void bc_mm_fix(struct mm_struct *mm, struct bc_pool *pool)
{
	struct bc_mm *rec;

	if (!bc_res_active(BC_PRIVVMPAGES))
		return;
	if (!pool) {
		bc_mm_drop(mm);
		return;
	}
	rec = bc_mm_get(mm, pool, 0);
	if (!rec) {
		bc_note_untracked();
		return;
	}
	if (READ_ONCE(rec->pool) != pool && bc_pool_tryget(pool) && !bc_mm_move(rec, pool))
		bc_pool_put(pool);
	/* Not what it has just now: it may be in the middle of a request. */
	bc_mm_recount(rec);
}

/**
 * bc_mm_leave() - send all address spaces of a pool elsewhere, or forget them
 * @pool: pool that is unbound
 * @to: pool that gets them, or NULL
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_mm_leave(struct bc_pool *pool, struct bc_pool *to)
{
	struct bc_section sec;
	struct bc_mm *rec;

	for (;;) {
		bc_enter(&sec);
		spin_lock(&pool->vm_lock);
		rec = list_first_entry_or_null(&pool->mms, struct bc_mm, link);
		spin_unlock(&pool->vm_lock);
		if (rec && to) {
			bc_pool_get(to);
			if (!bc_mm_move(rec, to))
				bc_pool_put(to);
		} else if (rec && bc_ptrmap_remove_node(&bc_mm_map, &rec->node)) {
			bc_mm_release(rec);
		}
		bc_leave(&sec);
		if (!rec)
			return;
	}
}

/**
 * bc_mm_purge() - forget every address space, once nothing is attached
 */
void bc_mm_purge(void)
{
	struct bc_ptrmap_node *node;
	struct hlist_node *next;
	unsigned long i;

	for (i = 0; i < 1UL << bc_mm_map.bits; i++)
		hlist_for_each_entry_safe(node, next, &bc_mm_map.buckets[i], link)
			if (bc_ptrmap_remove_node(&bc_mm_map, node))
				bc_mm_release(container_of(node, struct bc_mm, node));
}

/**
 * bc_mm_init() - prepare the map of records
 * @bits: logarithm of its size
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int bc_mm_init(unsigned int bits)
{
	return bc_ptrmap_init(&bc_mm_map, bits);
}

/**
 * bc_mm_exit() - free the map of records, which must be empty
 */
void bc_mm_exit(void)
{
	bc_ptrmap_destroy(&bc_mm_map);
}
