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
#include "closing.h"
#include "cpu.h"
#include "hook.h"
#include "io.h"
#include "memory.h"
#include "reader.h"
#include "snapshot.h"

/**
 * bc_snap_recount_one() - make the derived figures of one pool's own members exact
 * @pool: pool
 *
 * Context: under the tree mutex.
 */
void bc_snap_recount_one(struct bc_pool *pool)
{
	struct bc_section sec;

	bc_enter(&sec);
	bc_sources_recount(pool);
	bc_leave(&sec);
}

/**
 * bc_snap_recount() - make the derived figures of a subtree exact
 * @root: pool
 *
 * Context: under the tree mutex.
 */
void bc_snap_recount(struct bc_pool *root)
{
	struct bc_pool *pos;

	/* Interrupts are off in a section, so one for each pool. */
	for (pos = root; pos; pos = bc_pool_next_pre(pos, root))
		bc_snap_recount_one(pos);
}

static u64 bc_snap_hash(u64 hash, const void *data, size_t size)
{
	const u64 *word;

	for (word = data; word < (const u64 *)(data + size); word++) {
		hash = (hash ^ *word) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 32;
	}
	return hash;
}

/*
 * Of table and settings; equal digests mean "nothing changed". Integrals rise by
 * themselves, and peaks are the readers' own.
 */
static u64 bc_snap_digest(const struct bc_snap *snap)
{
	const size_t size = offsetof(struct bc_record, peak);
	const struct bc_record *rec;
	u64 hash = 0xcbf29ce484222325ULL;

	BUILD_BUG_ON(size % sizeof(u64) || sizeof(struct bc_setting) % sizeof(u64));

	for (rec = snap->table; rec < &snap->table[snap->nr]; rec++) {
		/* Not always asked for, so its coming and going means nothing. */
		if (rec->res == BC_RES_KMEMSIZE || rec->res == BC_RES_DCACHESIZE ||
		    rec->res == BC_RES_NUMIPTENT)
			continue;
		hash = bc_snap_hash(hash, rec, size);
	}
	return bc_snap_hash(hash, snap->settings, snap->nr_settings * sizeof(snap->settings[0]));
}

static struct bc_record *bc_snap_row(struct bc_snap *snap, enum bc_res res)
{
	snap->rows |= BIT(res);
	return &snap->table[res];
}

/**
 * bc_snap_integrate() - bring the integrals of a pool's counters up to date
 * @pool: pool
 * @now: time, ticks
 *
 * Context: under the tree mutex, with charging excluded since before @now was read.
 */
void bc_snap_integrate(struct bc_pool *pool, u64 now)
{
	int res;

	for (res = 0; res < BC_NR_RES; res++)
		if (!bc_readers[res])
			bc_counter_integrate(&pool->cnt[res], &pool->integral[res], now);
}

static void bc_snap_figures(struct bc_snap *snap, const struct bc_pool *pool,
			    unsigned long active)
{
	const struct bc_counter *cnt;
	int res;

	for (res = 0; res < BC_NR_RES; res++) {
		if (!(active & BIT(res)) || bc_readers[res])
			continue;
		cnt = &pool->cnt[res];
		*bc_snap_row(snap, res) = (struct bc_record) {
			.flags = BC_RECORD_F_ENFORCED | BC_RECORD_F_INTEGRAL,
			.held = bc_counter_held(cnt),
			.maxheld = atomic64_read(&cnt->maxheld),
			.barrier = READ_ONCE(cnt->barrier),
			.limit = READ_ONCE(cnt->limit),
			.failcnt = atomic64_read(&cnt->failcnt),
			.failed = atomic64_read(&cnt->failed),
			.last_fail = READ_ONCE(cnt->last_fail),
			.integral = pool->integral[res].total,
		};
	}
}

/* What the host has is what pools have, and the integral as well. */
static void bc_snap_book(struct bc_pool *pool, enum bc_res res, u64 halves)
{
	bc_integral_book(&pool->integral[res], halves);
	if (pool->depth == 1)
		bc_integral_book(&bc_tree.host->integral[res], halves);
}

/* Reads one figure of the kernel: a sample of its integral, and the last one until the next. */
static bool bc_snap_read(struct bc_pool *pool, enum bc_res res, struct bc_record *rec)
{
	struct bc_integral *in = &pool->integral[res];

	if (!bc_res_active(res) || !bc_readers[res](pool, res, rec)) {
		in->known = false;
		return false;
	}
	if (bc_polled & BIT(res)) {
		bc_snap_book(pool, res, bc_integral_sample(in, rec->held, BC_TICKS()));
		rec->flags |= BC_RECORD_F_INTEGRAL;
		rec->integral = in->total;
	}
	*bc_snap_row(&pool->closing->snap, res) = *rec;
	return true;
}

/*
 * What the kernel itself counts for the cgroup of a live pool; of others it knows
 * nothing. It counts whether charging is excluded or not, so there is no need to wait
 * for that with interrupts off.
 */
static void bc_snap_native(struct bc_snap *snap, struct bc_pool *pool, bool detail)
{
	struct bc_record rec;
	int res;

	if (!pool->depth || pool->state != BC_POOL_LIVE)
		return;
	if (detail && bc_res_active(BC_KMEMSIZE))
		snap->detailed = bc_memstat_read(pool, &snap->memory);
	rcu_read_lock();
	for (res = 0; res < BC_NR_RES; res++)
		if (bc_readers[res] && bc_snap_read(pool, res, &rec))
			*bc_snap_row(snap, res) = rec;
	rcu_read_unlock();
}

/* What the host has is what pools have; it refuses nothing, and peaks do not add up. */
static void bc_snap_add(struct bc_snap *host, const struct bc_snap *snap)
{
	const u64 *from = (const u64 *)&snap->memory;
	u64 *to = (u64 *)&host->memory;
	struct bc_record *sum;
	int res, i;

	for (res = 0; res < BC_NR_RES; res++) {
		if (!(snap->rows & BIT(res)) || !bc_readers[res])
			continue;
		sum = &host->table[res];
		if (!(host->rows & BIT(res)))
			*bc_snap_row(host, res) = (struct bc_record) {
				.barrier = BC_UNLIMITED, .limit = BC_UNLIMITED,
			};
		sum->flags |= snap->table[res].flags | BC_RECORD_F_NO_MAXHELD;
		sum->held += snap->table[res].held;
		sum->integral = bc_tree.host->integral[res].total;
	}
	for (i = 0; snap->detailed && i < sizeof(host->memory) / sizeof(*to); i++)
		to[i] += from[i];
	host->detailed |= snap->detailed;
}

/* The same for one pool; the host alone has to look at all pools right below. */
static void bc_snap_native_alone(struct bc_snap *snap, struct bc_pool *pool, bool detail)
{
	static struct bc_snap one;	/* under the tree mutex */
	struct bc_pool *child;

	lockdep_assert_held(&bc_tree.lock);
	if (pool->depth) {
		bc_snap_native(snap, pool, detail);
		return;
	}
	list_for_each_entry(child, &pool->children, sibling) {
		one.rows = 0;
		one.detailed = false;
		bc_snap_native(&one, child, detail);
		bc_snap_add(snap, &one);
	}
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

/* Known of all pools at once, the host too, since the rules were last counted. */
static void bc_snap_iptents(struct bc_snap *snap, bool detail)
{
	const struct bc_pool *pool = snap->pool;

	if (detail && bc_res_active(BC_NUMIPTENT) && pool->iptents_known &&
	    pool->state == BC_POOL_LIVE)
		bc_snap_counted(snap, BC_NUMIPTENT, pool->iptents);
}

/* Puts in what follows from the details, and closes the gaps in the table. */
static void bc_snap_pack(struct bc_snap *snap)
{
	int res;

	if (snap->detailed) {
		bc_snap_counted(snap, BC_KMEMSIZE, snap->memory.kernel);
		bc_snap_counted(snap, BC_DCACHESIZE, snap->memory.reclaimable);
	}
	snap->nr = 0;
	for (res = 0; res < BC_NR_RES; res++) {
		if (!(snap->rows & BIT(res)))
			continue;
		snap->table[res].res = bc_resources[res].id;
		snap->table[snap->nr++] = snap->table[res];
	}
}

static void bc_snap_settings(struct bc_snap *snap)
{
	int id;

	snap->nr_settings = 0;
	for (id = 0; id < BC_NR_SETTINGS; id++)
		snap->nr_settings += bc_setting_get(snap->pool, id,
						    &snap->settings[snap->nr_settings]);
}

/* What is not a figure. */
static void bc_snap_name(struct bc_snap *snap)
{
	const struct bc_pool *pool = snap->pool;

	snap->id = pool->id;
	snap->state = pool->state;
	snap->children = pool->nr_live;
	snap->incarnation = pool->incarnation;
	snap->created = pool->created;
	snap->generation = pool->generation;
	snap->changed = pool->changed;
	memcpy(snap->name, pool->name, sizeof(snap->name));
	snap->parent[0] = '\0';
	if (pool->parent) {
		snap->parent_id = pool->parent->id;
		memcpy(snap->parent, pool->parent->name, sizeof(snap->parent));
	}
}

/* The same, and the generation that follows from the figures. */
static void bc_snap_describe(struct bc_snap *snap)
{
	struct bc_pool *pool = snap->pool;
	u64 digest;

	bc_snap_pack(snap);
	bc_snap_settings(snap);
	digest = bc_snap_digest(snap);
	if (pool->digest != digest) {
		pool->digest = digest;
		pool->generation = ++pool->tree->generation;
		pool->changed = snap->taken;
	}
	bc_snap_name(snap);
}

/* After the digest, for what a reader takes is no change of the pool. */
static void bc_snap_add_peaks(struct bc_snap *snap)
{
	struct bc_record *rec;
	int res;

	for (rec = snap->table; rec < &snap->table[snap->nr]; rec++) {
		res = bc_resource_find(rec->res);
		/* What the kernel counts has no peaks but its own. */
		if (res < 0 || bc_readers[res])
			continue;
		rec->flags |= BC_RECORD_F_PEAK;
		rec->peak = snap->peak[res];
	}
}

/**
 * bc_snap_take() - copy one pool
 * @snap: where to
 * @pool: pool
 * @detail: also what takes its time
 * @reader: reader that takes its peaks, or -1
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_snap_take(struct bc_snap *snap, struct bc_pool *pool, bool detail, int reader)
{
	unsigned long flags;

	memset(snap, 0, sizeof(*snap));
	snap->pool = pool;
	bc_snap_native_alone(snap, pool, detail);
	bc_snap_iptents(snap, detail);
	bc_io_read(pool, &snap->io, NULL);
	bc_topo_begin();
	bc_topo_lock(&flags);
	snap->taken = ktime_get_boottime_ns();
	bc_snap_integrate(pool, BC_TICKS());
	bc_snap_figures(snap, pool, bc_active);
	if (reader >= 0)
		bc_reader_take(pool, reader, snap->peak);
	bc_topo_unlock(flags);
	bc_topo_end();
	bc_snap_describe(snap);
	if (reader >= 0)
		bc_snap_add_peaks(snap);
}

/**
 * bc_snap_cpu() - add the CPU time of one pool
 * @snap: copy of the pool
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_snap_cpu(struct bc_snap *snap)
{
	bc_cputime_collect(snap->pool);
	bc_share_solve();
	bc_cpu_fill(snap->pool, &snap->cpu);
}

/**
 * bc_snapshot_take() - copy all pools at one instant
 * @detail: also what takes its time
 * @reader: reader that takes its peaks, or -1
 *
 * Context: under the tree mutex; may sleep.
 * Return: snapshot, to be freed with kvfree(), or NULL.
 */
struct bc_snapshot *bc_snapshot_take(bool detail, int reader)
{
	unsigned int i, nr = 1 + bc_tree.nr_live + bc_tree.nr_dying;
	struct bc_snapshot *all;
	struct bc_pool *pool;
	unsigned long flags;
	u64 taken, now;

	all = kvzalloc(struct_size(all, snaps, nr), GFP_KERNEL_ACCOUNT);
	if (!all)
		return NULL;
	all->shape = bc_tree.shape;
	for (pool = bc_tree.host; pool; pool = bc_pool_next_pre(pool, bc_tree.host))
		all->snaps[all->nr++].pool = pool;

	for (i = 1; i < all->nr; i++) {
		bc_snap_native(&all->snaps[i], all->snaps[i].pool, detail);
		if (all->snaps[i].pool->depth == 1)
			bc_snap_add(&all->snaps[0], &all->snaps[i]);
	}
	bc_snap_recount(bc_tree.host);
	bc_topo_begin();
	bc_topo_lock(&flags);
	taken = ktime_get_boottime_ns();
	now = BC_TICKS();
	for (i = 0; i < all->nr; i++) {
		all->snaps[i].taken = taken;
		bc_snap_integrate(all->snaps[i].pool, now);
		bc_snap_figures(&all->snaps[i], all->snaps[i].pool, bc_active);
		if (reader >= 0)
			bc_reader_take(all->snaps[i].pool, reader, all->snaps[i].peak);
	}
	bc_topo_unlock(flags);
	bc_topo_end();
	bc_cputime_collect(bc_tree.host);
	bc_share_solve();
	/* Children first, so that a parent never has less than they have together. */
	for (i = all->nr; i--;)
		bc_io_read(all->snaps[i].pool, &all->snaps[i].io, NULL);
	for (i = 0; i < all->nr; i++) {
		bc_snap_iptents(&all->snaps[i], detail);
		bc_cpu_fill(all->snaps[i].pool, &all->snaps[i].cpu);
		bc_snap_describe(&all->snaps[i]);
		if (reader >= 0)
			bc_snap_add_peaks(&all->snaps[i]);
	}
	return all;
}

/**
 * bc_snap_look() - sample what the kernel counts, and keep it in case the pool ends
 * @pool: live pool
 *
 * The counters need no such look. What is in force for a cgroup is gone with it.
 *
 * Context: under the tree mutex.
 */
void bc_snap_look(struct bc_pool *pool)
{
	struct bc_closing *closing = pool->closing;

	closing->snap.pool = pool;
	bc_snap_native(&closing->snap, pool, false);
	bc_snap_settings(&closing->snap);
	bc_cpu_look(pool);
	bc_io_look(pool);
}

/**
 * bc_snap_end() - the cgroup of a pool is gone
 * @pool: live pool
 *
 * Nobody knows when what it had went; it is taken to have fallen evenly since the last
 * sample.
 *
 * Context: under the tree mutex.
 */
void bc_snap_end(struct bc_pool *pool)
{
	struct bc_integral *in;
	int res;

	for (res = 0; res < BC_NR_RES; res++) {
		in = &pool->integral[res];
		if (!in->known)
			continue;
		bc_snap_book(pool, res, bc_integral_sample(in, 0, BC_TICKS()));
		in->known = false;
	}
}

/**
 * bc_snap_close() - make the closing record of a pool
 * @pool: pool that nothing is charged to any more
 *
 * Context: under the tree mutex, while the pool is still in the tree.
 */
void bc_snap_close(struct bc_pool *pool)
{
	struct bc_closing *closing = pool->closing;
	struct bc_snap *snap = &closing->snap;
	int res;

	snap->pool = pool;
	bc_snap_integrate(pool, BC_TICKS());
	bc_snap_figures(snap, pool, closing->active);
	for (res = 0; res < BC_NR_RES; res++)
		if (bc_polled & BIT(res))
			snap->table[res].integral = pool->integral[res].total;
	bc_snap_pack(snap);
	bc_snap_name(snap);
	bc_cpu_close(pool, &snap->cpu);
	bc_io_close(pool, &snap->io);
	snap->pool = NULL;
	closing->closed = ktime_get_boottime_ns();
	snap->taken = closing->closed;
}
