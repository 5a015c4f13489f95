// SPDX-License-Identifier: GPL-2.0
/*
 * shmpages: shared memory, and the records of shared memory objects
 *
 * SysV and POSIX shared memory, shared anonymous mappings, memfd and tmpfs are
 * all files of the kernel's shmem. As with the kernel's own overcommit accounts,
 * there are two kinds:
 *
 * Of a fixed size (SysV, shared anonymous mappings; without VM_NORESERVE in the
 *	inode): charged as a whole when it is made, whether touched or not.
 *	alloc_file_pseudo() is hooked, where the new inode has its size and has
 *	not been seen by anybody. ENOMEM.
 * All others: charged page by page. shmem_add_to_page_cache() is hooked, through
 *	which every new page comes, written, faulted in, allocated in advance or
 *	copied by userfaultfd. The kernel's callers make ENOSPC of a refusal, or
 *	SIGBUS of a fault.
 *
 * An object belongs to the pool of the task that made it, a tmpfs file to that
 * of the task that added the first page since there is such a pool, until it is
 * removed. Who adds further pages does not matter.
 *
 * The kernel's figures per inode are followed as those of address spaces are
 * (mm.c): what is charged is an upper bound, and exact after a recount. Pages in
 * swap are in it; holes are not. Nothing is charged for pages on the way down.
 * Pages that several tasks add to one file at the same instant may be charged
 * only with the next one, or by the next recount.
 *
 * A recount visits first the inodes that had pages added or cut off since the
 * last one, then as many others as BC_SHM_RECOUNT allows, for there may be
 * hundreds of thousands of files. Those others can differ only by clean pages of
 * holes that the kernel has reclaimed by itself.
 *
 * Lock order: bc_pool.shm_lock, bc_shm.lock. Records change their pool only
 * while charge sections are excluded, so rec->pool is read without a lock.
 */
#include <linux/magic.h>
#include <linux/slab.h>

#include "bind.h"
#include "compat/shm.h"
#include "hook.h"
#include "member.h"
#include "mm.h"
#include "refusal.h"
#include "shm.h"

/* Records visited in one recount of a pool: when it matters, and for a new peak. */
#define BC_SHM_RECOUNT	4096
#define BC_SHM_GLANCE	64
/* Records moved in one go. */
#define BC_SHM_BATCH	256

static struct bc_ptrmap bc_shm_maps[BC_SHM_KINDS] __read_mostly;

static __always_inline enum bc_res bc_shm_res(enum bc_shm_kind kind)
{
	return kind == BC_SHM_LOCKED ? BC_LOCKEDPAGES : BC_SHMPAGES;
}

static __always_inline struct bc_shm *bc_shm_find(const struct inode *inode,
						  enum bc_shm_kind kind)
{
	struct bc_ptrmap_node *node = bc_ptrmap_find(&bc_shm_maps[kind], inode);

	return node ? container_of(node, struct bc_shm, node) : NULL;
}

static __always_inline bool bc_shm_by_page(struct inode *inode)
{
	return SHMEM_I(inode)->flags & VM_NORESERVE;
}

/* Pages that an inode has. A page on its way to or from swap may be in twice. */
static u64 bc_shm_figure(struct inode *inode, enum bc_shm_kind kind)
{
	const struct shmem_inode_info *info = SHMEM_I(inode);

	if (kind == BC_SHM_LOCKED)
		return READ_ONCE(info->flags) & VM_LOCKED ? bc_shm_size(inode) : 0;
	if (!bc_shm_by_page(inode))
		return bc_shm_size(inode);
	return READ_ONCE(info->swapped) + READ_ONCE(inode->i_mapping->nrpages);
}

/* Uncharges and frees a record that was taken out of its map. */
static void bc_shm_release(struct bc_shm *rec)
{
	struct bc_pool *pool = rec->pool;

	spin_lock(&pool->shm_lock);
	list_del_init(&rec->link);
	pool->nr_shms--;
	bc_counter_uncharge(&pool->cnt[bc_shm_res(rec->kind)], NULL, rec->charged);
	spin_unlock(&pool->shm_lock);
	bc_pool_put(pool);
	kfree_rcu(rec, rcu);
}

/* A new record, or the one that there is; NULL for want of memory. */
static struct bc_shm *bc_shm_new(struct inode *inode, enum bc_shm_kind kind,
				 struct bc_pool *pool, u64 charged)
{
	struct bc_shm *rec = kzalloc(sizeof(*rec), BC_GFP_HOOK);
	struct bc_ptrmap_node *node;

	if (!rec)
		return NULL;
	if (!bc_pool_tryget(pool)) {
		kfree(rec);
		return NULL;
	}
	spin_lock_init(&rec->lock);
	rec->pool = pool;
	rec->kind = kind;
	rec->charged = charged;
	rec->seen = BC_TICKS();
	rec->dirty = true;
	spin_lock(&pool->shm_lock);
	node = bc_ptrmap_insert(&bc_shm_maps[kind], &rec->node, inode);
	if (node == &rec->node) {
		list_add(&rec->link, &pool->shms);
		pool->nr_shms++;
	}
	spin_unlock(&pool->shm_lock);
	if (node == &rec->node)
		return rec;
	bc_pool_put(pool);
	kfree(rec);
	return container_of(node, struct bc_shm, node);
}

/* Corrects a record to the kernel's figure; false when there was nothing to do. */
static bool bc_shm_correct(struct bc_shm *rec)
{
	struct bc_counter *cnt = &rec->pool->cnt[bc_shm_res(rec->kind)];
	u64 want, charged;

	spin_lock(&rec->lock);
	want = bc_shm_figure((struct inode *)rec->node.key, rec->kind);
	charged = rec->charged;
	bc_counter_correct(cnt, charged, want, rec->seen);
	WRITE_ONCE(rec->charged, want);
	rec->seen = BC_TICKS();
	spin_unlock(&rec->lock);
	return want != charged;
}

/*
 * An inode stays dirty while a write or a truncation may be going on, and until
 * a recount has found it at rest: pages that were asked for appear in the figure
 * a moment later.
 */
static void bc_shm_recount_some(struct bc_pool *pool, unsigned int left)
{
	struct bc_shm *rec, *next;

	if (list_empty(&pool->shms))
		return;
	spin_lock(&pool->shm_lock);
	left = min(left, pool->nr_shms);
	list_for_each_entry_safe(rec, next, &pool->shms, link) {
		if (!left--)
			break;
		if (bc_shm_correct(rec) || inode_is_locked((struct inode *)rec->node.key))
			continue;
		WRITE_ONCE(rec->dirty, false);
		list_move_tail(&rec->link, &pool->shms);
	}
	spin_unlock(&pool->shm_lock);
}

static void bc_shm_recount_pool(struct bc_pool *pool)
{
	bc_shm_recount_some(pool, BC_SHM_RECOUNT);
}

/* For hooks; see bc_recount_begin(). munlock() has no hook either. */
static void bc_shm_may_recount(struct bc_pool *root, enum bc_shm_kind kind, unsigned int nr)
{
	struct bc_pool *pos;
	u64 start;

	if (kind == BC_SHM_LOCKED)
		bc_mm_may_recount(root);
	if (!bc_recount_begin(&root->shm_next, &start))
		return;
	for (pos = root; pos; pos = bc_pool_next_pre(pos, root))
		bc_shm_recount_some(pos, nr);
	bc_recount_end(&root->shm_next, start);
}

/*
 * A new peak may be false, so there is a recount before one is recorded, but
 * only one in each tick, and of few inodes, those with changes first: a file that
 * grows makes a new peak with every page. maxheld may exceed the true peak by
 * what was cut off within a tick.
 */
static void bc_shm_check_peak(struct bc_pool *pool, enum bc_shm_kind kind, u64 pages)
{
	enum bc_res res = bc_shm_res(kind);
	struct bc_counter *top = bc_counter_new_peak(&pool->cnt[res], pages);
	unsigned long now = jiffies;
	struct bc_pool *root;

	if (!top)
		return;
	root = bc_counter_pool(top, res);
	if (READ_ONCE(root->shm_tick) == now)
		return;
	WRITE_ONCE(root->shm_tick, now);
	bc_shm_may_recount(root, kind, BC_SHM_GLANCE);
}

/* Makes a record of a whole object and charges it; false when that is refused. */
static bool bc_shm_take_for(struct bc_pool *pool, struct inode *inode, enum bc_shm_kind kind,
			    u64 pages)
{
	struct bc_shm *old = bc_shm_find(inode, kind);
	enum bc_res res = bc_shm_res(kind);
	struct bc_counter *fail;

	/* Of a SHM_LOCK that the kernel has refused after it was charged. */
	if (old && bc_ptrmap_remove_node(&bc_shm_maps[kind], &old->node))
		bc_shm_release(old);
	bc_shm_check_peak(pool, kind, pages);
	if (!bc_counter_try_charge(&pool->cnt[res], pages, BC_HARD, &fail)) {
		bc_shm_may_recount(bc_counter_pool(fail, res), kind, BC_SHM_RECOUNT);
		if (!bc_counter_try_charge(&pool->cnt[res], pages, BC_HARD, &fail)) {
			bc_refused(pool, fail, res, pages);
			return false;
		}
	}
	if (!bc_shm_new(inode, kind, pool, pages)) {
		bc_counter_uncharge(&pool->cnt[res], NULL, pages);
		bc_note_untracked();
	}
	return true;
}

/**
 * bc_shm_take() - charge an object to the pool of the current task
 * @inode: its inode, of shmem, which nobody else charges at the same time
 * @kind: of what
 * @pages: how much
 *
 * Context: in a hook, not in a charge section.
 * Return: false when it was refused, and counted as such.
 */
bool bc_shm_take(struct inode *inode, enum bc_shm_kind kind, u64 pages)
{
	struct bc_section sec;
	struct bc_pool *pool;
	bool ok = true;

	bc_enter(&sec);
	pool = bc_task_pool(current);
	if (pool)
		ok = bc_shm_take_for(pool, inode, kind, pages);
	bc_leave(&sec);
	return ok;
}

/**
 * bc_shm_drop() - uncharge an object, if it is charged
 * @inode: its inode
 * @kind: of what
 *
 * Context: in a hook, not in a charge section.
 */
void bc_shm_drop(struct inode *inode, enum bc_shm_kind kind)
{
	struct bc_ptrmap_node *node;
	struct bc_section sec;

	if (bc_ptrmap_unknown(&bc_shm_maps[kind], inode))
		return;
	bc_enter(&sec);
	node = bc_ptrmap_remove(&bc_shm_maps[kind], inode);
	if (node)
		bc_shm_release(container_of(node, struct bc_shm, node));
	bc_leave(&sec);
}

/* The figure of an inode is about to change. */
static void bc_shm_touch(struct bc_shm *rec)
{
	struct bc_pool *pool = rec->pool;

	if (READ_ONCE(rec->dirty))
		return;
	spin_lock(&pool->shm_lock);
	WRITE_ONCE(rec->dirty, true);
	list_move(&rec->link, &pool->shms);
	spin_unlock(&pool->shm_lock);
}

/* Charges what an inode has and asks for; false if @fail refuses. */
static bool bc_shm_charge(struct bc_shm *rec, u64 pages, struct bc_counter **fail)
{
	struct bc_counter *cnt = &rec->pool->cnt[BC_SHMPAGES];
	bool ok = true;
	u64 want;

	spin_lock(&rec->lock);
	want = bc_shm_figure((struct inode *)rec->node.key, BC_SHM_SIZE) + pages;
	if (want > rec->charged) {
		ok = bc_counter_try_charge(cnt, want - rec->charged, BC_HARD, fail);
		if (ok) {
			WRITE_ONCE(rec->charged, want);
			rec->seen = BC_TICKS();
		}
	}
	spin_unlock(&rec->lock);
	return ok;
}

/* Is this the second question of a call whose first one was counted? */
static bool bc_shm_asked_before(struct bc_shm *rec, pgoff_t index)
{
	bool again = BC_SHM_ASKS_TWICE && READ_ONCE(rec->refused_by) == current &&
		     READ_ONCE(rec->refused_index) == index;

	WRITE_ONCE(rec->refused_by, again ? NULL : current);
	WRITE_ONCE(rec->refused_index, index);
	return again;
}

/* For want of a huge page the kernel tries a small one, so that does not count. */
static bool bc_shm_grow(struct bc_shm *rec, u64 pages, pgoff_t index)
{
	struct bc_counter *fail;

	bc_shm_touch(rec);
	bc_shm_check_peak(rec->pool, BC_SHM_SIZE, pages);
	if (likely(bc_shm_charge(rec, pages, &fail)))
		return true;
	bc_shm_correct(rec);
	bc_shm_may_recount(bc_counter_pool(fail, BC_SHMPAGES), BC_SHM_SIZE, BC_SHM_RECOUNT);
	if (bc_shm_charge(rec, pages, &fail))
		return true;
	if (pages == 1 && !bc_shm_asked_before(rec, index))
		bc_refused(rec->pool, fail, BC_SHMPAGES, pages);
	return false;
}

/* The record of a file that has pages, perhaps of old; made if need be. */
static struct bc_shm *bc_shm_adopt(struct inode *inode)
{
	struct bc_pool *pool = bc_task_pool(current);
	struct bc_shm *rec;

	if (!pool)
		return NULL;
	rec = bc_shm_new(inode, BC_SHM_SIZE, pool, 0);
	if (rec)
		bc_shm_correct(rec);
	else
		bc_note_untracked();
	return rec;
}

/*
 * A file that was cut off and grows again finds its pages still charged, and
 * touches neither lock nor counter.
 */
static __always_inline bool bc_shm_unchanged(struct inode *inode, u64 pages)
{
	struct bc_shm *rec;
	bool same = false;

	if (bc_fast_enter()) {
		rec = bc_shm_find(inode, BC_SHM_SIZE);
		same = rec && READ_ONCE(rec->dirty) &&
		       bc_shm_figure(inode, BC_SHM_SIZE) + pages <= READ_ONCE(rec->charged);
	}
	bc_fast_leave();
	return same;
}

static noinline void bc_shm_add_pages(struct ftrace_regs *fregs, struct inode *inode, u64 pages)
{
	pgoff_t index = BC_ARG(fregs, 2, pgoff_t);
	struct bc_section sec;
	struct bc_shm *rec;
	bool ok = true;

	bc_enter(&sec);
	rec = bc_shm_find(inode, BC_SHM_SIZE) ?: bc_shm_adopt(inode);
	if (rec)
		ok = bc_shm_grow(rec, pages, index);
	bc_leave(&sec);
	if (unlikely(!ok))
		bc_refuse_call(fregs, bc_instead_enospc);
}

/* A folio is added to an inode; it comes from swap when one is expected there. */
BC_HANDLER(bc_on_add_to_page_cache)
{
	struct inode *inode = BC_ARG(fregs, 1, struct address_space *)->host;
	u64 pages;

	if (!bc_shm_by_page(inode) || BC_ARG(fregs, 3, void *))
		return;
	if (bc_current_unknown() && bc_ptrmap_unknown(&bc_shm_maps[BC_SHM_SIZE], inode))
		return;
	pages = folio_nr_pages(BC_ARG(fregs, 0, struct folio *));
	if (!bc_shm_unchanged(inode, pages))
		bc_shm_add_pages(fregs, inode, pages);
}

/* The last step of making an inode without a name: pipes and sockets pass, too. */
BC_HANDLER(bc_on_alloc_file)
{
	struct inode *inode = BC_ARG(fregs, 0, struct inode *);

	if (likely(inode->i_sb->s_magic != TMPFS_MAGIC) || bc_current_unknown())
		return;
	if (!bc_shm_take(inode, BC_SHM_SIZE, bc_shm_figure(inode, BC_SHM_SIZE)))
		bc_refuse_call(fregs, bc_instead_enomem);
}

/* Pages are about to be cut off or punched out. */
BC_HANDLER(bc_on_undo_range)
{
	struct inode *inode = BC_ARG(fregs, 0, struct inode *);
	struct bc_section sec;
	struct bc_shm *rec;

	if (bc_ptrmap_unknown(&bc_shm_maps[BC_SHM_SIZE], inode))
		return;
	bc_enter(&sec);
	rec = bc_shm_find(inode, BC_SHM_SIZE);
	if (rec)
		bc_shm_touch(rec);
	bc_leave(&sec);
}

BC_HANDLER(bc_on_evict_inode)
{
	bc_shm_drop(BC_ARG(fregs, 0, struct inode *), BC_SHM_SIZE);
}

static void bc_shm_move(struct bc_shm *rec, struct bc_pool *to)
{
	struct bc_pool *from = rec->pool;

	bc_pool_move(from, to, bc_shm_res(rec->kind), rec->charged);
	rec->seen = BC_TICKS();
	bc_pool_get(to);
	rec->pool = to;
	list_move_tail(&rec->link, &to->shms);
	from->nr_shms--;
	to->nr_shms++;
	bc_pool_put(from);
}

/* Sends some objects of a pool elsewhere, or forgets them; false when none is left. */
static bool bc_shm_leave_batch(struct bc_pool *pool, struct bc_pool *to)
{
	struct bc_shm *rec;
	int n;

	for (n = 0; n < BC_SHM_BATCH; n++) {
		rec = list_first_entry_or_null(&pool->shms, struct bc_shm, link);
		if (!rec)
			return false;
		if (to)
			bc_shm_move(rec, to);
		else if (bc_ptrmap_remove_node(&bc_shm_maps[rec->kind], &rec->node))
			bc_shm_release(rec);
	}
	return true;
}

static void bc_shm_leave(struct bc_pool *pool, struct bc_pool *to)
{
	unsigned long flags;
	bool more;

	if (list_empty(&pool->shms))
		return;
	bc_topo_begin();
	do {
		bc_topo_lock(&flags);
		more = bc_shm_leave_batch(pool, to);
		bc_topo_unlock(flags);
		cond_resched();
	} while (more);
	bc_topo_end();
}

/* The inodes may be gone by now: the keys are not to be followed. */
static void bc_shm_purge(void)
{
	struct bc_ptrmap_node *node;
	struct hlist_node *next;
	struct bc_ptrmap *map;
	unsigned long i;

	for (map = bc_shm_maps; map < bc_shm_maps + BC_SHM_KINDS; map++)
		for (i = 0; i < 1UL << map->bits; i++)
			hlist_for_each_entry_safe(node, next, &map->buckets[i], link)
				if (bc_ptrmap_remove_node(map, node))
					bc_shm_release(container_of(node, struct bc_shm, node));
}

static struct bc_hook bc_shm_hooks[] = {
	{ .func = "shmem_evict_inode", .handler = bc_on_evict_inode },
	{ .func = "shmem_undo_range", .handler = bc_on_undo_range },
	{ .func = "shmem_add_to_page_cache", .handler = bc_on_add_to_page_cache,
	  .refuses = true },
	{ .func = "alloc_file_pseudo", .handler = bc_on_alloc_file, .refuses = true },
	{}
};

static int bc_shm_init(unsigned int bits)
{
	int ret = bc_ptrmap_init(&bc_shm_maps[BC_SHM_SIZE], bits);

	if (ret)
		return ret;
	/* Locked segments are few. */
	ret = bc_ptrmap_init(&bc_shm_maps[BC_SHM_LOCKED], 8);
	if (ret)
		bc_ptrmap_destroy(&bc_shm_maps[BC_SHM_SIZE]);
	return ret;
}

static void bc_shm_exit(void)
{
	bc_ptrmap_destroy(&bc_shm_maps[BC_SHM_LOCKED]);
	bc_ptrmap_destroy(&bc_shm_maps[BC_SHM_SIZE]);
}

struct bc_source bc_source_shm = {
	.name = "shmpages",
	.resources = BIT(BC_SHMPAGES),
	.needs = &bc_source_member,
	.hooks = bc_shm_hooks,
	.init = bc_shm_init,
	.exit = bc_shm_exit,
	.recount = bc_shm_recount_pool,
	.leave = bc_shm_leave,
	.purge = bc_shm_purge,
};
