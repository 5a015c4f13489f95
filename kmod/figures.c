// SPDX-License-Identifier: GPL-2.0
/*
 * The figures of one pool, kept as readers want them
 *
 * Each pool has a copy of all that is told of it (struct bc_snap), which is brought up to
 * date when somebody looks. Most of it has not changed then, and is only compared; what
 * is different is noted (bc_pool.differs), so that it is known of a pool whether its
 * figures have changed, without anything noted while charging. Readers of many pools
 * take references instead of copies.
 *
 * Looking takes three steps, as all pools are to be shown at one instant: what may take
 * its time comes first (prepare), then what all counters hold is read while charging is
 * excluded (freeze), then the rest of the counters is compared (settle). All is under the
 * tree mutex.
 */
#include "bind.h"
#include "cpu.h"
#include "hook.h"
#include "io.h"
#include "memory.h"
#include "snapshot.h"

/* Resources that are not always asked for, so their coming and going means nothing. */
#define BC_DETAILS	(BIT(BC_KMEMSIZE) | BIT(BC_DCACHESIZE) | BIT(BC_NUMIPTENT))

static unsigned long bc_charged(void)
{
	return bc_active & ~bc_native;
}

/**
 * bc_figures_alloc() - make a copy of a pool that shows nothing yet
 *
 * Return: figures with one reference, or NULL.
 */
struct bc_snap *bc_figures_alloc(void)
{
	struct bc_snap *snap = kzalloc(sizeof(*snap), GFP_KERNEL_ACCOUNT);
	int res;

	if (!snap)
		return NULL;
	refcount_set(&snap->refs, 1);
	for (res = 0; res < BC_NR_RES; res++)
		snap->table[res].res = bc_resources[res].id;
	return snap;
}

/**
 * bc_figures_own() - get figures that may be written to
 * @snap: reference that nobody else uses; another copy if somebody has one of this one
 *
 * Context: under the tree mutex, so nobody takes a reference meanwhile; may sleep.
 * Return: false when there is no memory; then nothing has changed.
 */
bool bc_figures_own(struct bc_snap **snap)
{
	struct bc_snap *own;

	lockdep_assert_held(&bc_tree.lock);
	if (likely(refcount_read(&(*snap)->refs) == 1))
		return true;
	own = kmemdup(*snap, sizeof(*own), GFP_KERNEL_ACCOUNT);
	if (!own)
		return false;
	refcount_set(&own->refs, 1);
	bc_snap_put(*snap);
	*snap = own;
	return true;
}

/*
 * What makes a change in a record. The amount and the time of failures change with their
 * number, integrals rise by themselves, and peaks are the readers' own.
 */
static __always_inline bool bc_record_differs(const struct bc_record *a, const struct bc_record *b)
{
	return (a->held ^ b->held) | (a->maxheld ^ b->maxheld) | (a->barrier ^ b->barrier) |
	       (a->limit ^ b->limit) | (a->failcnt ^ b->failcnt);
}

/* Which of the resources in @mask are shown. */
static void bc_figures_rows(struct bc_pool *pool, unsigned long mask, unsigned long rows)
{
	struct bc_snap *snap = pool->snap;

	rows |= snap->rows & ~mask;
	pool->differs |= ((rows ^ snap->rows) & ~BC_DETAILS) != 0;
	snap->rows = rows;
}

/* What the host has is what pools have, and the integral as well. */
static void bc_figures_book(struct bc_pool *pool, enum bc_res res, u64 halves)
{
	if (halves)
		bc_integral_book(&pool->integral[res], halves);
	if (pool->depth > 1)
		return;
	if (halves)
		bc_integral_book(&bc_tree.host->integral[res], halves);
	bc_tree.host->integral[res].known = true;
}

/* One figure of the kernel was read: a sample of its integral. */
static void bc_figures_sample(struct bc_pool *pool, enum bc_res res)
{
	struct bc_record *rec = &pool->snap->table[res];
	struct bc_integral *in = &pool->integral[res];

	bc_figures_book(pool, res, bc_integral_sample(in, rec->held, BC_TICKS()));
	rec->flags |= BC_RECORD_F_INTEGRAL;
	rec->integral = in->total;
}

/*
 * What the kernel itself counts for the cgroup of a live pool; of others it knows
 * nothing. It counts whether charging is excluded or not, so there is no need to wait
 * for that with interrupts off.
 */
static void bc_figures_native(struct bc_pool *pool)
{
	unsigned long native = bc_native & bc_active & ~BC_DETAILS, rows = 0, rest;
	struct bc_snap *snap = pool->snap;
	int res;

	if (!pool->depth)
		return;
	if (native && pool->state == BC_POOL_LIVE) {
		rcu_read_lock();
		rows = bc_memory_look(pool, snap->table, &pool->differs) & native;
		rcu_read_unlock();
	}
	for (rest = bc_polled; rest; rest &= rest - 1) {
		res = __ffs(rest);
		if (rows & BIT(res))
			bc_figures_sample(pool, res);
		else
			pool->integral[res].known = false;
	}
	bc_figures_rows(pool, bc_native, rows);
	snap->detailed = false;
}

/* All that settings are made of. What others have set in cgroupfs is in @cpu_seen. */
static void bc_figures_settings(struct bc_pool *pool)
{
	struct bc_settings_key *seen = &pool->settings_seen, now = {
		.shares = pool->cpu_seen.shares,
		.limit = pool->cpu_seen.limit,
		.active = bc_settings_active,
		.serial = pool->settings_serial,
		.flags = pool->cpu_seen.there | pool->cpu_seen.lost << 1 |
			 bc_io_writeback_known(pool) << 2,
	};
	struct bc_snap *snap = pool->snap;
	unsigned int nr = 0;
	int id;

	if (likely(!((now.shares ^ seen->shares) | (now.limit ^ seen->limit) |
		     (now.active ^ seen->active) | (now.serial ^ seen->serial) |
		     (now.flags ^ seen->flags))))
		return;
	*seen = now;
	pool->differs = true;
	for (id = 0; id < BC_NR_SETTINGS; id++)
		if (bc_settings_active & BIT(id))
			nr += bc_setting_get(pool, id, &snap->settings[nr]);
	snap->nr_settings = nr;
}

/* What a reader has taken is not what the next one gets. */
static void bc_figures_forget_peaks(struct bc_snap *snap)
{
	int res;

	for (res = 0; res < BC_NR_RES; res++) {
		snap->table[res].flags &= ~BC_RECORD_F_PEAK;
		snap->table[res].peak = 0;
	}
	snap->peaked = false;
}

/**
 * bc_figures_prepare() - look at what needs no exclusion of charging
 * @pool: pool with figures of its own
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_figures_prepare(struct bc_pool *pool)
{
	pool->snap->pool = pool;
	if (pool->snap->peaked)
		bc_figures_forget_peaks(pool->snap);
	bc_figures_native(pool);
	bc_cpu_see(pool);
	bc_figures_settings(pool);
}

/**
 * bc_figures_freeze() - read what has to be read while nobody can charge
 * @pool: pool
 * @now: time, ticks
 *
 * Only notes what is not as it was, in the first cache line of each counter.
 *
 * Context: under the tree mutex, with charging excluded.
 */
void bc_figures_freeze(struct bc_pool *pool, u64 now)
{
	unsigned long moved = 0, grown = 0, rest, bit;
	struct bc_frozen *frozen;
	struct bc_counter *cnt;
	u64 held, moment;

	/* Runs of resources that follow one another, so that most pass by without a search. */
	for (rest = bc_charged(); rest; rest &= ~(bit - 1)) {
		cnt = &pool->cnt[__ffs(rest)];
		frozen = &pool->frozen[__ffs(rest)];
		for (bit = rest & -rest; rest & bit; bit <<= 1, cnt++, frozen++) {
			held = atomic64_read(&cnt->held);
			moment = atomic64_read(&cnt->moment);
			if (unlikely((s64)(held * now - moment) >= HZ)) {
				frozen->moment = moment;
				grown |= bit;
			}
			if (likely(held == frozen->held &&
				   atomic64_read(&cnt->maxheld) == frozen->maxheld))
				continue;
			frozen->held = held;
			frozen->maxheld = atomic64_read(&cnt->maxheld);
			moved |= bit;
		}
	}
	pool->moved |= moved;
	pool->folds = grown;
}

static void bc_figures_count(struct bc_record *rec, const struct bc_counter *cnt,
			     const struct bc_frozen *frozen)
{
	rec->flags = BC_RECORD_F_ENFORCED | BC_RECORD_F_INTEGRAL;
	rec->held = max(frozen->held, 0LL);
	rec->maxheld = frozen->maxheld;
	rec->barrier = READ_ONCE(cnt->barrier);
	rec->limit = READ_ONCE(cnt->limit);
	rec->failcnt = atomic64_read(&cnt->failcnt);
	rec->failed = atomic64_read(&cnt->failed);
	rec->last_fail = READ_ONCE(cnt->last_fail);
}

/*
 * Copies what has changed of the counters. What is never summed up over pools is read when
 * charging goes on, so it may be of a moment later than what was frozen.
 */
static void bc_figures_charged(struct bc_pool *pool, unsigned long charged)
{
	unsigned long moved = pool->moved;
	int res;

	if (unlikely(READ_ONCE(pool->stale))) {
		WRITE_ONCE(pool->stale, false);
		/* Pairs with bc_pool_stale(): who sets it once more has changed something since. */
		smp_mb();
		moved = charged;
	}
	if (likely(!moved))
		return;
	pool->moved = 0;
	pool->differs = true;
	for_each_set_bit(res, &moved, BC_NR_RES)
		bc_figures_count(&pool->snap->table[res], &pool->cnt[res], &pool->frozen[res]);
}

/* What is not a figure. */
static void bc_figures_name(struct bc_snap *snap, const struct bc_pool *pool)
{
	snap->state = pool->state;
	snap->children = pool->nr_live;
	snap->generation = pool->generation;
	snap->changed = pool->changed;
	if (unlikely(snap->incarnation != pool->incarnation)) {
		snap->id = pool->id;
		snap->incarnation = pool->incarnation;
		snap->created = pool->created;
		snap->name_len = strlen(pool->name);
		memcpy(snap->name, pool->name, sizeof(snap->name));
	}
	if (pool->parent && unlikely(snap->parent_incarnation != pool->parent->incarnation)) {
		snap->parent_id = pool->parent->id;
		snap->parent_incarnation = pool->parent->incarnation;
		snap->parent_len = strlen(pool->parent->name);
		memcpy(snap->parent, pool->parent->name, sizeof(snap->parent));
	}
}

/**
 * bc_figures_settle() - all but flows and integrals, from what was frozen
 * @pool: pool
 * @taken: when it was frozen, CLOCK_BOOTTIME ns
 *
 * The generation follows from what is different.
 *
 * Context: under the tree mutex.
 */
void bc_figures_settle(struct bc_pool *pool, u64 taken)
{
	unsigned long charged = bc_charged();

	pool->moved |= charged & ~pool->snap->rows;
	bc_figures_rows(pool, ~bc_native, charged);
	bc_figures_charged(pool, charged);
	if (pool->differs) {
		pool->differs = false;
		pool->generation = ++pool->tree->generation;
		pool->changed = taken;
	}
	pool->snap->taken = taken;
	bc_figures_name(pool->snap, pool);
}

/**
 * bc_figures_integrate() - bring the integrals of what was frozen up to date
 * @pool: pool
 * @now: when it was frozen, ticks
 *
 * Context: under the tree mutex since then.
 */
void bc_figures_integrate(struct bc_pool *pool, u64 now)
{
	const struct bc_frozen *frozen;
	u64 told;
	int res;

	for_each_set_bit(res, &pool->folds, BC_NR_RES) {
		frozen = &pool->frozen[res];
		told = bc_integral_fold(&pool->integral[res], frozen->held, frozen->moment, now);
		atomic64_add(told, &pool->cnt[res].moment);
	}
	pool->grown |= pool->folds;
	pool->folds = 0;
	if (!pool->grown)
		return;
	for_each_set_bit(res, &pool->grown, BC_NR_RES)
		pool->snap->table[res].integral = pool->integral[res].total;
	pool->grown = 0;
}

static void bc_figures_counted(struct bc_snap *snap, enum bc_res res, u64 held)
{
	struct bc_record *rec = &snap->table[res];

	*rec = (struct bc_record) {
		.res = rec->res,
		.flags = BC_RECORD_F_NO_MAXHELD | BC_RECORD_F_NO_FAILCNT | BC_RECORD_F_NO_FAILED,
		.held = held,
		.barrier = BC_UNLIMITED,
		.limit = BC_UNLIMITED,
	};
	snap->rows |= BIT(res);
}

/* Adds what the memory of the pools right below the host is used for. */
static void bc_figures_memory_sum(struct bc_snap *host)
{
	u64 *to = (u64 *)&host->memory;
	struct bc_pool *child;
	const u64 *from;
	int i;

	memset(&host->memory, 0, sizeof(host->memory));
	list_for_each_entry(child, &bc_tree.host->children, sibling) {
		if (!child->snap->detailed)
			continue;
		from = (const u64 *)&child->snap->memory;
		for (i = 0; i < sizeof(host->memory) / sizeof(*to); i++)
			to[i] += from[i];
		host->detailed = true;
	}
}

/**
 * bc_figures_detail() - look also at what takes its time
 * @pool: pool that was prepared; the host after the pools right below it
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_figures_detail(struct bc_pool *pool)
{
	struct bc_snap *snap = pool->snap;

	if (!pool->depth)
		bc_figures_memory_sum(snap);
	else if (pool->state == BC_POOL_LIVE && bc_res_active(BC_KMEMSIZE))
		snap->detailed = bc_memstat_read(pool, &snap->memory);
	if (snap->detailed) {
		bc_figures_counted(snap, BC_KMEMSIZE, snap->memory.kernel);
		bc_figures_counted(snap, BC_DCACHESIZE, snap->memory.reclaimable);
	}
	/* Known of all pools at once, the host too, since the rules were last counted. */
	if (bc_res_active(BC_NUMIPTENT) && pool->iptents_known && pool->state == BC_POOL_LIVE)
		bc_figures_counted(snap, BC_NUMIPTENT, pool->iptents);
}

/*
 * One figure of the kernel, of the pools right below the host: it refuses nothing, and peaks
 * do not add up. Its integral stays when no pool is left of which it is known what it holds.
 */
static bool bc_figures_sum(struct bc_record *sum, enum bc_res res)
{
	const struct bc_integral *in = &bc_tree.host->integral[res];
	u32 any = BC_RECORD_F_NO_MAXHELD, every = BC_RECORD_F_NO_HELD;
	struct bc_pool *child;
	bool found = false;

	*sum = (struct bc_record){ .res = bc_resources[res].id,
				   .barrier = BC_UNLIMITED, .limit = BC_UNLIMITED };
	list_for_each_entry(child, &bc_tree.host->children, sibling) {
		if (!(child->snap->rows & BIT(res)))
			continue;
		found = true;
		sum->held += child->snap->table[res].held;
		any |= child->snap->table[res].flags;
		every &= child->snap->table[res].flags;
	}
	sum->flags = (any & ~BC_RECORD_F_NO_HELD) | every;
	if (!(bc_polled & BIT(res)) || !in->known)
		return found;
	sum->flags |= BC_RECORD_F_INTEGRAL;
	sum->integral = in->total;
	return true;
}

/**
 * bc_figures_host() - what the host has of what the kernel counts is what pools have
 *
 * Context: under the tree mutex, when the pools right below it were prepared.
 */
void bc_figures_host(void)
{
	unsigned long native = bc_native & bc_active & ~BC_DETAILS, rows = 0;
	struct bc_pool *host = bc_tree.host;
	struct bc_record sum;
	int res;

	for (res = 0; res < BC_NR_RES; res++) {
		if (!(native & BIT(res)) || !bc_figures_sum(&sum, res))
			continue;
		rows |= BIT(res);
		host->differs |= bc_record_differs(&host->snap->table[res], &sum);
		host->snap->table[res] = sum;
	}
	bc_figures_rows(host, bc_native, rows);
	host->snap->detailed = false;
}

/**
 * bc_figures_end() - the cgroup of a pool is gone
 * @pool: live pool
 *
 * Nobody knows when what it had went; it is taken to have fallen evenly since the last
 * sample.
 *
 * Context: under the tree mutex.
 */
void bc_figures_end(struct bc_pool *pool)
{
	struct bc_integral *in;
	int res;

	for (res = 0; res < BC_NR_RES; res++) {
		in = &pool->integral[res];
		if (!in->known)
			continue;
		bc_figures_book(pool, res, bc_integral_sample(in, 0, BC_TICKS()));
		in->known = false;
	}
}

/**
 * bc_figures_close() - the final figures of what a pool's counters have
 * @pool: pool that nothing is charged to any more
 * @snap: what was last seen of it while it was live
 * @charged: BIT() mask of the resources that were counted then
 *
 * Context: under the tree mutex, while the pool is still in the tree.
 */
void bc_figures_close(struct bc_pool *pool, struct bc_snap *snap, unsigned long charged)
{
	unsigned long polled = bc_polled;
	int res;

	bc_figures_forget_peaks(snap);
	charged &= ~bc_native;
	snap->rows = (snap->rows & bc_native & ~BC_DETAILS) | charged;
	snap->detailed = false;
	for_each_set_bit(res, &polled, BC_NR_RES)
		snap->table[res].integral = pool->integral[res].total;
	for_each_set_bit(res, &charged, BC_NR_RES) {
		pool->frozen[res].held = atomic64_read(&pool->cnt[res].held);
		pool->frozen[res].maxheld = atomic64_read(&pool->cnt[res].maxheld);
		bc_counter_integrate(&pool->cnt[res], &pool->integral[res], BC_TICKS());
		bc_figures_count(&snap->table[res], &pool->cnt[res], &pool->frozen[res]);
		snap->table[res].integral = pool->integral[res].total;
	}
	bc_figures_name(snap, pool);
}
