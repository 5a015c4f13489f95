// SPDX-License-Identifier: GPL-2.0
/*
 * Snapshots of the accounts for readers
 *
 * A dump of many pools goes out in many messages, but shows one instant: what all
 * pools hold is copied while charging is excluded, so that a parent is the sum of its
 * children and of its own. The copy takes some hundred nanoseconds at most for each
 * pool; all the rest is done outside. Derived figures are recounted before, and what the
 * kernel itself counts is read there, too: it changes whenever it likes.
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

/* Odd and arbitrary. */
#define BC_KEY_1	0x9e3779b97f4a7c15ULL
#define BC_KEY_2	0xbf58476d1ce4e5b9ULL
#define BC_KEY_3	0x94d049bb133111ebULL
#define BC_KEY_4	0xd6e8feb86659fd93ULL
#define BC_KEY_5	0xa0761d6478bd642fULL

/* Resources that are not always asked for, so their coming and going means nothing. */
#define BC_DETAILS	(BIT(BC_KMEMSIZE) | BIT(BC_DCACHESIZE) | BIT(BC_NUMIPTENT))

static u64 bc_snap_mix(u64 hash, u64 sum)
{
	hash = (hash ^ sum) * BC_KEY_1;
	return hash ^ hash >> 32;
}

/*
 * What makes a change in a record. The amount and the time of failures change with their
 * number, integrals rise by themselves, and peaks are the readers' own.
 */
static u64 bc_snap_hash(u64 hash, const struct bc_record *rec)
{
	return bc_snap_mix(hash, (rec->res ^ rec->held) * BC_KEY_1 + rec->maxheld * BC_KEY_2 +
				 rec->barrier * BC_KEY_3 + rec->limit * BC_KEY_4 +
				 rec->failcnt * BC_KEY_5);
}

static struct bc_record *bc_snap_row(struct bc_snap *snap, enum bc_res res)
{
	snap->rows |= BIT(res);
	return &snap->table[res];
}

/**
 * struct bc_frozen - what has to be read of a counter while nobody can charge
 * @held: what it holds
 * @moment: its moment
 */
struct bc_frozen {
	s64	held;
	u64	moment;
};

/* Of the counters of a pool. With charging excluded; some ten instructions for each. */
static void bc_snap_freeze(struct bc_frozen frozen[BC_NR_RES], const struct bc_pool *pool)
{
	int res;

	for (res = 0; res < BC_NR_RES; res++) {
		frozen[res].held = atomic64_read(&pool->cnt[res].held);
		frozen[res].moment = atomic64_read(&pool->cnt[res].moment);
	}
}

/**
 * bc_snap_integrate() - bring the integrals of a pool's counters up to date
 * @pool: pool
 *
 * Context: under the tree mutex, with charging excluded.
 */
void bc_snap_integrate(struct bc_pool *pool)
{
	u64 now = BC_TICKS();
	int res;

	for (res = 0; res < BC_NR_RES; res++)
		if (!(bc_native & BIT(res)))
			bc_counter_integrate(&pool->cnt[res], &pool->integral[res], now);
}

/*
 * Makes a record of what was frozen @now. What is never summed up over pools is read
 * when charging goes on, so it may be of a moment later.
 */
static void bc_snap_figure(struct bc_record *rec, struct bc_counter *cnt, struct bc_integral *in,
			   const struct bc_frozen *frozen, u64 now)
{
	if (frozen->held * now - frozen->moment >= HZ)
		atomic64_add(bc_integral_fold(in, frozen->held, frozen->moment, now),
			     &cnt->moment);
	rec->flags = BC_RECORD_F_ENFORCED | BC_RECORD_F_INTEGRAL;
	rec->held = max(frozen->held, 0LL);
	rec->maxheld = atomic64_read(&cnt->maxheld);
	rec->barrier = READ_ONCE(cnt->barrier);
	rec->limit = READ_ONCE(cnt->limit);
	rec->failcnt = atomic64_read(&cnt->failcnt);
	rec->failed = atomic64_read(&cnt->failed);
	rec->last_fail = READ_ONCE(cnt->last_fail);
	rec->peak = 0;
	rec->integral = in->total;
}

/*
 * Puts the table together, without gaps, from what the counters have and from what is at
 * its index already: a record moves to the front or stays. Returns its digest.
 */
static u64 bc_snap_table(struct bc_snap *snap, const struct bc_frozen frozen[BC_NR_RES],
			 unsigned long charged, u64 now)
{
	unsigned long rows = snap->rows | charged;
	struct bc_record *rec = snap->table;
	struct bc_pool *pool = snap->pool;
	u64 digest = 0;
	int res;

	for (res = 0; res < BC_NR_RES; res++) {
		if (charged & BIT(res))
			bc_snap_figure(rec, &pool->cnt[res], &pool->integral[res], &frozen[res],
				       now);
		else if (!(rows & BIT(res)))
			continue;
		else if (rec != &snap->table[res])
			*rec = snap->table[res];
		rec->res = bc_resources[res].id;
		if (!(BC_DETAILS & BIT(res)))
			digest = bc_snap_hash(digest, rec);
		rec++;
	}
	snap->rows = rows;
	snap->nr = rec - snap->table;
	return digest;
}

/* What the host has is what pools have, and the integral as well. */
static void bc_snap_book(struct bc_pool *pool, enum bc_res res, u64 halves)
{
	bc_integral_book(&pool->integral[res], halves);
	if (pool->depth > 1)
		return;
	bc_integral_book(&bc_tree.host->integral[res], halves);
	bc_tree.host->integral[res].known = true;
}

/* Reads one figure of the kernel: a sample of its integral. */
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
	return true;
}

/*
 * What the kernel itself counts for the cgroup of a live pool; of others it knows
 * nothing. It counts whether charging is excluded or not, so there is no need to wait
 * for that with interrupts off.
 */
static void bc_snap_native(struct bc_snap *snap, struct bc_pool *pool, bool detail)
{
	unsigned long native = bc_native & bc_active;
	int res;

	if (!pool->depth || pool->state != BC_POOL_LIVE)
		return;
	if (detail && bc_res_active(BC_KMEMSIZE))
		snap->detailed = bc_memstat_read(pool, &snap->memory);
	rcu_read_lock();
	for_each_set_bit(res, &native, BC_NR_RES)
		if (bc_snap_read(pool, res, &snap->table[res]))
			snap->rows |= BIT(res);
	rcu_read_unlock();
}

/*
 * What the host has is what pools have; it refuses nothing, and peaks do not add up. Its
 * integrals stay when no pool is left of which it is known what it holds.
 */
static void bc_snap_host(struct bc_snap *host)
{
	unsigned long polled = bc_polled & bc_active;
	int res;

	for_each_set_bit(res, &polled, BC_NR_RES) {
		if (!bc_tree.host->integral[res].known)
			continue;
		*bc_snap_row(host, res) = (struct bc_record) {
			.flags = BC_RECORD_F_NO_HELD | BC_RECORD_F_NO_MAXHELD |
				 BC_RECORD_F_INTEGRAL,
			.barrier = BC_UNLIMITED, .limit = BC_UNLIMITED,
			.integral = bc_tree.host->integral[res].total,
		};
	}
}

static void bc_snap_add(struct bc_snap *host, const struct bc_snap *snap)
{
	const u64 *from = (const u64 *)&snap->memory;
	unsigned long native = snap->rows & bc_native;
	u64 *to = (u64 *)&host->memory;
	struct bc_record *sum;
	int res, i;

	for_each_set_bit(res, &native, BC_NR_RES) {
		sum = &host->table[res];
		if (!(host->rows & BIT(res)))
			*bc_snap_row(host, res) = (struct bc_record) {
				.barrier = BC_UNLIMITED, .limit = BC_UNLIMITED,
			};
		sum->flags |= snap->table[res].flags | BC_RECORD_F_NO_MAXHELD;
		if (!(snap->table[res].flags & BC_RECORD_F_NO_HELD))
			sum->flags &= ~BC_RECORD_F_NO_HELD;
		sum->held += snap->table[res].held;
		if (bc_polled & BIT(res))
			sum->integral = bc_tree.host->integral[res].total;
	}
	if (!snap->detailed)
		return;
	for (i = 0; i < sizeof(host->memory) / sizeof(*to); i++)
		to[i] += from[i];
	host->detailed = true;
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
	bc_snap_host(snap);
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

/* What follows from the details. */
static void bc_snap_details(struct bc_snap *snap)
{
	if (!snap->detailed)
		return;
	bc_snap_counted(snap, BC_KMEMSIZE, snap->memory.kernel);
	bc_snap_counted(snap, BC_DCACHESIZE, snap->memory.reclaimable);
}

static void bc_snap_settings(struct bc_snap *snap)
{
	unsigned long ids = bc_settings_active;
	int id;

	snap->nr_settings = 0;
	for_each_set_bit(id, &ids, BC_NR_SETTINGS)
		snap->nr_settings += bc_setting_get(snap->pool, id,
						    &snap->settings[snap->nr_settings]);
}

static u64 bc_snap_hash_settings(u64 hash, const struct bc_snap *snap)
{
	const struct bc_setting *set;

	for (set = snap->settings; set < &snap->settings[snap->nr_settings]; set++)
		hash = bc_snap_mix(hash, ((u64)set->flags << 32 | set->id) * BC_KEY_2 +
					 set->value * BC_KEY_3);
	return hash;
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

/*
 * All but flows, from what was frozen @now; and the generation that follows from the
 * figures. After bc_cpu_see().
 */
static void bc_snap_describe(struct bc_snap *snap, const struct bc_frozen frozen[BC_NR_RES],
			     unsigned long charged, u64 now)
{
	struct bc_pool *pool = snap->pool;
	u64 digest;

	bc_snap_details(snap);
	digest = bc_snap_table(snap, frozen, charged, now);
	bc_snap_settings(snap);
	digest = bc_snap_hash_settings(digest, snap);
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
	unsigned long flags, charged = bc_active & ~bc_native;
	struct bc_frozen frozen[BC_NR_RES];
	u64 now;

	memset(snap, 0, sizeof(*snap));
	snap->pool = pool;
	bc_snap_native_alone(snap, pool, detail);
	bc_snap_iptents(snap, detail);
	bc_io_read(pool, &snap->io, NULL);
	bc_topo_begin();
	bc_topo_lock(&flags);
	snap->taken = ktime_get_boottime_ns();
	now = BC_TICKS();
	bc_snap_freeze(frozen, pool);
	if (reader >= 0)
		bc_reader_take(pool, reader, snap->peak);
	bc_topo_unlock(flags);
	bc_topo_end();
	bc_cpu_see(pool);
	bc_snap_describe(snap, frozen, charged, now);
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

static struct bc_snapshot *bc_snapshot_alloc(void)
{
	unsigned int nr = 1 + bc_tree.nr_live + bc_tree.nr_dying;
	struct bc_snapshot *all = kvmalloc(struct_size(all, snaps, nr), GFP_KERNEL_ACCOUNT);
	struct bc_pool *pool;
	struct bc_snap *snap;

	if (!all)
		return NULL;
	all->nr = 0;
	all->shape = bc_tree.shape;
	for (pool = bc_tree.host; pool; pool = bc_pool_next_pre(pool, bc_tree.host)) {
		pool->snap_at = all->nr;
		snap = &all->snaps[all->nr++];
		snap->pool = pool;
		snap->rows = 0;
		snap->detailed = false;
		snap->cpu.known = 0;
		snap->io.known = 0;
	}
	memset(&all->snaps[0].memory, 0, sizeof(all->snaps[0].memory));
	return all;
}

/* What can be read at leisure. */
static void bc_snapshot_prepare(struct bc_snapshot *all, bool detail)
{
	unsigned int i;

	bc_snap_host(&all->snaps[0]);
	for (i = 1; i < all->nr; i++) {
		bc_snap_native(&all->snaps[i], all->snaps[i].pool, detail);
		if (all->snaps[i].pool->depth == 1)
			bc_snap_add(&all->snaps[0], &all->snaps[i]);
	}
	for (i = 0; i < all->nr; i++) {
		bc_snap_iptents(&all->snaps[i], detail);
		bc_snap_recount_one(all->snaps[i].pool);
	}
}

/* One instant of all counters; returns the time, in ticks. */
static u64 bc_snapshot_freeze(struct bc_snapshot *all, struct bc_frozen (*frozen)[BC_NR_RES],
			      int reader)
{
	unsigned long flags;
	unsigned int i;
	u64 now, taken;

	bc_topo_begin();
	bc_topo_lock(&flags);
	taken = ktime_get_boottime_ns();
	now = BC_TICKS();
	for (i = 0; i < all->nr; i++) {
		bc_snap_freeze(frozen[i], all->snaps[i].pool);
		if (reader >= 0)
			bc_reader_take(all->snaps[i].pool, reader, all->snaps[i].peak);
	}
	bc_topo_unlock(flags);
	bc_topo_end();
	for (i = 0; i < all->nr; i++)
		all->snaps[i].taken = taken;
	return now;
}

/* CPU time and block I/O. If nobody is going to be told, it is not looked for. */
static void bc_snapshot_flows(struct bc_snapshot *all, u64 since)
{
	unsigned int i, told = 0;

	for (i = 0; i < all->nr; i++)
		told += all->snaps[i].generation > since;
	if (!told)
		return;
	bc_cputime_collect(bc_tree.host);
	bc_io_read_all(all);
	for (i = 0; i < all->nr; i++)
		if (all->snaps[i].generation > since)
			bc_cpu_fill(all->snaps[i].pool, &all->snaps[i].cpu);
}

/**
 * bc_snapshot_take() - copy all pools at one instant
 * @detail: also what takes its time
 * @reader: reader that takes its peaks, or -1
 * @since: what has not changed after this generation need not be complete
 *
 * Context: under the tree mutex; may sleep.
 * Return: snapshot, to be freed with kvfree(), or NULL.
 */
struct bc_snapshot *bc_snapshot_take(bool detail, int reader, u64 since)
{
	unsigned long charged = bc_active & ~bc_native;
	struct bc_snapshot *all = bc_snapshot_alloc();
	struct bc_frozen (*frozen)[BC_NR_RES] = NULL;
	unsigned int i;
	u64 now;

	if (all)
		frozen = kvmalloc_array(all->nr, sizeof(*frozen), GFP_KERNEL_ACCOUNT);
	if (!frozen) {
		kvfree(all);
		return NULL;
	}
	bc_snapshot_prepare(all, detail);
	now = bc_snapshot_freeze(all, frozen, reader);
	bc_share_solve();
	for (i = 0; i < all->nr; i++) {
		bc_snap_describe(&all->snaps[i], frozen[i], charged, now);
		if (reader >= 0)
			bc_snap_add_peaks(&all->snaps[i]);
	}
	kvfree(frozen);
	bc_snapshot_flows(all, since);
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
	bc_cpu_see(pool);
	bc_snap_settings(&closing->snap);
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
	unsigned long charged = closing->active & ~bc_native, polled = bc_polled;
	struct bc_snap *snap = &closing->snap;
	struct bc_frozen frozen[BC_NR_RES];
	int res;

	snap->pool = pool;
	for_each_set_bit(res, &polled, BC_NR_RES)
		snap->table[res].integral = pool->integral[res].total;
	bc_snap_freeze(frozen, pool);
	bc_snap_table(snap, frozen, charged, BC_TICKS());
	bc_snap_name(snap);
	bc_cpu_close(pool, &snap->cpu);
	bc_io_close(pool, &snap->io);
	snap->pool = NULL;
	closing->closed = ktime_get_boottime_ns();
	snap->taken = closing->closed;
}
