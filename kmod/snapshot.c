// SPDX-License-Identifier: GPL-2.0
/*
 * Snapshots of the accounts for readers
 *
 * A dump of many pools goes out in many messages, but shows one instant: the
 * figures of all pools are copied while charging is excluded, so that a parent
 * is the sum of its children and of its own. The copy takes some hundred
 * nanoseconds for each pool; derived figures are recounted before, outside, and
 * what the kernel itself counts is read there, too: it changes whenever it likes.
 */
#include <linux/mm.h>

#include "bind.h"
#include "hook.h"
#include "memory.h"
#include "snapshot.h"

/**
 * bc_snap_recount() - make the derived figures of a subtree exact
 * @root: pool
 *
 * Context: under the tree mutex.
 */
void bc_snap_recount(struct bc_pool *root)
{
	struct bc_section sec;
	struct bc_pool *pos;

	/* Interrupts are off in a section, so one for each pool. */
	for (pos = root; pos; pos = bc_pool_next_pre(pos, root)) {
		bc_enter(&sec);
		bc_sources_recount(pos);
		bc_leave(&sec);
	}
}

/* FNV-1a over the bytes of the table; equal digests mean "nothing changed". */
static u64 bc_snap_digest(const struct bc_snap *snap)
{
	const struct bc_record *rec;
	u64 hash = 0xcbf29ce484222325ULL;
	const u8 *byte;

	for (rec = snap->table; rec < &snap->table[snap->nr]; rec++) {
		/* Not always asked for, so its coming and going means nothing. */
		if (rec->res == BC_RES_KMEMSIZE || rec->res == BC_RES_DCACHESIZE)
			continue;
		for (byte = (const u8 *)rec; byte < (const u8 *)(rec + 1); byte++)
			hash = (hash ^ *byte) * 0x100000001b3ULL;
	}
	return hash;
}

static struct bc_record *bc_snap_row(struct bc_snap *snap, enum bc_res res)
{
	snap->rows |= BIT(res);
	return &snap->table[res];
}

static void bc_snap_figures(struct bc_snap *snap, const struct bc_pool *pool)
{
	const struct bc_counter *cnt;
	int res;

	for (res = 0; res < BC_NR_RES; res++) {
		if (!bc_res_active(res) || bc_readers[res])
			continue;
		cnt = &pool->cnt[res];
		*bc_snap_row(snap, res) = (struct bc_record) {
			.flags = BC_RECORD_F_ENFORCED,
			.held = bc_counter_held(cnt),
			.maxheld = atomic64_read(&cnt->maxheld),
			.barrier = READ_ONCE(cnt->barrier),
			.limit = READ_ONCE(cnt->limit),
			.failcnt = atomic64_read(&cnt->failcnt),
			.failed = atomic64_read(&cnt->failed),
			.last_fail = READ_ONCE(cnt->last_fail),
		};
	}
}

/* The kernel has figures for the cgroup of a live pool only: of others it knows nothing. */
static bool bc_snap_read(struct bc_pool *pool, enum bc_res res, struct bc_record *rec)
{
	return pool->state == BC_POOL_LIVE && bc_readers[res](pool, res, rec);
}

/* What the host has is what pools have; it refuses nothing, and peaks do not add up. */
static void bc_snap_add(struct bc_snap *host, enum bc_res res, const struct bc_record *rec)
{
	struct bc_record *sum = &host->table[res];

	if (!(host->rows & BIT(res)))
		*bc_snap_row(host, res) = (struct bc_record) {
			.barrier = BC_UNLIMITED, .limit = BC_UNLIMITED,
		};
	sum->flags |= rec->flags | BC_RECORD_F_NO_MAXHELD;
	sum->held += rec->held;
}

static void bc_snap_native_one(struct bc_snap *snap, struct bc_pool *pool, enum bc_res res)
{
	struct bc_record rec;
	struct bc_pool *child;

	if (pool->depth) {
		if (bc_snap_read(pool, res, &rec))
			*bc_snap_row(snap, res) = rec;
		return;
	}
	list_for_each_entry(child, &pool->children, sibling)
		if (bc_snap_read(child, res, &rec))
			bc_snap_add(snap, res, &rec);
}

/*
 * What the kernel itself counts. It does so whether charging is excluded or not, so
 * there is no need to wait for that with interrupts off.
 */
static void bc_snap_native(struct bc_snap *snap, struct bc_pool *pool)
{
	int res;

	rcu_read_lock();
	for (res = 0; res < BC_NR_RES; res++)
		if (bc_res_active(res) && bc_readers[res])
			bc_snap_native_one(snap, pool, res);
	rcu_read_unlock();
}

static void bc_snap_add_memory(struct bc_memory *sum, const struct bc_memory *mem)
{
	const u64 *from = (const u64 *)mem;
	u64 *to = (u64 *)sum;
	int i;

	for (i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

static void bc_snap_counted(struct bc_snap *snap, enum bc_res res, u64 held)
{
	*bc_snap_row(snap, res) = (struct bc_record) {
		.flags = BC_RECORD_F_NO_MAXHELD | BC_RECORD_F_NO_FAILCNT | BC_RECORD_F_NO_FAILED,
		.held = held,
		.barrier = BC_UNLIMITED,
		.limit = BC_UNLIMITED,
	};
}

/* What takes the kernel its time. */
static void bc_snap_detail(struct bc_snap *snap, struct bc_pool *pool)
{
	struct bc_memory mem;
	struct bc_pool *child;

	if (!bc_res_active(BC_KMEMSIZE))
		return;
	memset(&snap->memory, 0, sizeof(snap->memory));
	if (pool->depth && pool->state == BC_POOL_LIVE) {
		snap->detailed = bc_memstat_read(pool, &snap->memory);
	} else if (!pool->depth) {
		list_for_each_entry(child, &pool->children, sibling) {
			if (child->state != BC_POOL_LIVE || !bc_memstat_read(child, &mem))
				continue;
			bc_snap_add_memory(&snap->memory, &mem);
			snap->detailed = true;
		}
	}
	if (!snap->detailed)
		return;
	bc_snap_counted(snap, BC_KMEMSIZE, snap->memory.kernel);
	bc_snap_counted(snap, BC_DCACHESIZE, snap->memory.reclaimable);
}

/* Closes the gaps in the table. */
static void bc_snap_pack(struct bc_snap *snap)
{
	int res;

	snap->nr = 0;
	for (res = 0; res < BC_NR_RES; res++) {
		if (!(snap->rows & BIT(res)))
			continue;
		snap->table[res].res = bc_resources[res].id;
		snap->table[snap->nr++] = snap->table[res];
	}
}

/* What is not a figure, and the generation that follows from the figures. */
static void bc_snap_describe(struct bc_snap *snap)
{
	struct bc_pool *pool = snap->pool;
	u64 digest;

	bc_snap_pack(snap);
	digest = bc_snap_digest(snap);
	if (pool->digest != digest) {
		pool->digest = digest;
		pool->generation = ++pool->tree->generation;
	}
	snap->id = pool->id;
	snap->state = pool->state;
	snap->children = pool->nr_live;
	snap->incarnation = pool->incarnation;
	snap->created = pool->created;
	snap->generation = pool->generation;
	memcpy(snap->name, pool->name, sizeof(snap->name));
	snap->parent[0] = '\0';
	if (pool->parent) {
		snap->parent_id = pool->parent->id;
		memcpy(snap->parent, pool->parent->name, sizeof(snap->parent));
	}
}

/**
 * bc_snap_take() - copy one pool
 * @snap: where to
 * @pool: pool
 * @detail: also what takes its time
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_snap_take(struct bc_snap *snap, struct bc_pool *pool, bool detail)
{
	snap->pool = pool;
	snap->rows = 0;
	snap->detailed = false;
	if (detail)
		bc_snap_detail(snap, pool);
	bc_snap_native(snap, pool);
	bc_snap_figures(snap, pool);
	bc_snap_describe(snap);
}

/**
 * bc_snapshot_take() - copy all pools at one instant
 * @detail: also what takes its time
 *
 * Context: under the tree mutex; may sleep.
 * Return: snapshot, to be freed with kvfree(), or NULL.
 */
struct bc_snapshot *bc_snapshot_take(bool detail)
{
	unsigned int i, nr = 1 + bc_tree.nr_live + bc_tree.nr_dying;
	struct bc_snapshot *all;
	struct bc_pool *pool;
	unsigned long flags;

	all = kvzalloc(struct_size(all, snaps, nr), GFP_KERNEL_ACCOUNT);
	if (!all)
		return NULL;
	all->shape = bc_tree.shape;
	for (pool = bc_tree.host; pool; pool = bc_pool_next_pre(pool, bc_tree.host))
		all->snaps[all->nr++].pool = pool;

	for (i = 0; detail && i < all->nr; i++)
		bc_snap_detail(&all->snaps[i], all->snaps[i].pool);
	bc_snap_recount(bc_tree.host);
	for (i = 0; i < all->nr; i++)
		bc_snap_native(&all->snaps[i], all->snaps[i].pool);
	bc_topo_begin();
	bc_topo_lock(&flags);
	for (i = 0; i < all->nr; i++)
		bc_snap_figures(&all->snaps[i], all->snaps[i].pool);
	bc_topo_unlock(flags);
	bc_topo_end();
	for (i = 0; i < all->nr; i++)
		bc_snap_describe(&all->snaps[i]);
	return all;
}
