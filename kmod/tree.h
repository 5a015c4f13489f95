/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_TREE_H
#define _BC_TREE_H

#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/irqflags.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "counter.h"
#include "cputime.h"
#include "iobook.h"
#include "reflog.h"
#include "resource.h"
#include "setting.h"
#include "solver.h"

struct bc_closing;
struct bc_limits;
struct bc_snap;
struct cgroup;
struct bc_tree;

/*
 * Locking key of the structures below (Documentation/locking.rst has the order
 * of the locks and the proofs):
 *
 * I:  set before the pool can be found, never changed after
 * T:  bc_tree.lock
 * TR: written under bc_tree.lock, read under RCU
 * X:  written under bc_tree.lock while all charging is excluded
 *     (bc_topo_lock()), read inside a charge section or under bc_tree.lock
 * A:  atomic
 * WO: WRITE_ONCE()/READ_ONCE(), races are harmless and explained where used
 * V:  bc_pool.vm_lock
 * S:  bc_pool.sk_lock
 * M:  bc_pool.shm_lock
 */

/* What memory.c steers in a cgroup: high, max, low and min of memory, high and max of swap. */
#define BC_NR_KNOBS	6

/**
 * struct bc_knobs - what we have changed in the kernel's own settings of a cgroup
 * @serial: of the controller's state that was changed; meaningless while @set is 0
 * @set: BIT() mask of what was changed
 * @before: what was in force, to be restored
 * @ours: what we made of it
 */
struct bc_knobs {
	u64		serial;
	unsigned long	set;
	unsigned long	before[BC_NR_KNOBS];
	unsigned long	ours[BC_NR_KNOBS];
};

/* What cpu.c steers in a cgroup: weight, quota, and the period of the quota. */
#define BC_NR_CPU_KNOBS	3

/**
 * struct bc_cpu_knobs - what we have changed in the cpu controller of a cgroup
 * @serial: of the controller's state that was changed; meaningless while @set is 0
 * @set: BIT() mask of what was changed
 * @before: what was in force, to be restored
 * @ours: what we made of it
 */
struct bc_cpu_knobs {
	u64		serial;
	unsigned long	set;
	s64		before[BC_NR_CPU_KNOBS];
	s64		ours[BC_NR_CPU_KNOBS];
};

/**
 * struct bc_cpu_seen - what was in force in the cpu controller of a cgroup when we last looked
 * @there: the controller was enabled; else the rest means nothing
 * @lost: somebody else has changed a weight that enforces a reservation
 * @shares: shares in force
 * @weight: weight that the shares say
 * @limit: ns per second, or BC_UNLIMITED
 */
struct bc_cpu_seen {
	bool	there;
	bool	lost;
	u64	shares;
	s64	weight;
	u64	limit;
};

/**
 * struct bc_throttled - for how long a pool's own limit has kept it from running
 * @serial: of the controller's state that @time and @nr are of; 0 for none
 * @time: what it last said, ns
 * @nr: how often it said that was
 * @time_before: what is to be added: of states that are gone, less what was there
 *	when the pool was made
 * @nr_before: the same
 */
struct bc_throttled {
	u64	serial;
	u64	time;
	u64	nr;
	u64	time_before;
	u64	nr_before;
};

/**
 * struct bc_frozen - what is read of a counter while nobody can charge
 * @held: what it held
 * @maxheld: its maxheld
 * @moment: its moment, if that is needed
 */
struct bc_frozen {
	s64	held;
	s64	maxheld;
	u64	moment;
};

/**
 * struct bc_settings_key - what the settings of a pool that are shown follow from
 * @shares: in force
 * @limit: in force
 * @active: settings on which something acts
 * @serial: counts changes by request
 * @flags: what is known of the cgroup's controllers
 */
struct bc_settings_key {
	u64		shares;
	u64		limit;
	unsigned long	active;
	unsigned int	serial;
	unsigned int	flags;
};

/**
 * struct bc_pool - a pool (beancounter): accounts and limits of one cgroup
 *
 * Life: bc_pool_alloc() -> bc_tree_add(), live -> bc_tree_kill(), dying: no
 * longer found by name, still charged -> the last reference is dropped ->
 * bc_tree.release(), which unlinks it and frees it after a grace period.
 *
 * References are held by: the live state, each child, each record of a task,
 * address space, socket or shared memory object, and readers that sleep.
 */
struct bc_pool {
	/** @cnt: the accounts, by enum bc_res */
	struct bc_counter	cnt[BC_NR_RES];
	/** @parent: X: pool of the nearest bound ancestor cgroup; NULL for the host */
	struct bc_pool		*parent;
	/** @depth: X: 0 for the host */
	unsigned int		depth;
	/** @refs: A: see above */
	refcount_t		refs;
	/** @tree: I: the tree it is or was in */
	struct bc_tree		*tree;
	/** @cgrp: I: the bound cgroup, with a reference; NULL for the host */
	struct cgroup		*cgrp;
	/** @id: I: public number */
	u32			id;
	/** @state: T, WO: enum bc_pool_state */
	u32			state;
	/** @incarnation: I: never used twice between two boots, whatever is loaded again */
	u64			incarnation;
	/** @created: I: CLOCK_BOOTTIME ns */
	u64			created;
	/** @name: I: unique among the live */
	char			name[BC_NAME_MAX + 1];

	/** @children: TR, X: child pools, dying ones too */
	struct list_head	children;
	/** @sibling: TR, X: in the parent's @children */
	struct list_head	sibling;
	/** @nr_live: T: live children */
	unsigned int		nr_live;
	/** @name_link: T: in bc_tree.names while live */
	struct hlist_node	name_link;
	/** @dying_link: T: in bc_tree.dying while dying */
	struct list_head	dying_link;

	/** @vm_lock: protects @mms; taken in sections only, outside the records' own locks */
	spinlock_t		vm_lock;
	/** @mms: V: records of address spaces */
	struct list_head	mms;
	/** @vm_next: A: local_clock() before which this subtree's mms are not recounted */
	u64			vm_next;
	/** @sigs: records of processes with queued signals; under the lock in signal.c */
	struct list_head	sigs;
	/** @sig_next: A: local_clock() before which this subtree's signals are not recounted */
	u64			sig_next;
	/** @sk_lock: protects @socks; taken with softirqs off */
	spinlock_t		sk_lock;
	/** @socks: S: records of sockets */
	struct list_head	socks;
	/** @sk_next: A: local_clock() before which this subtree's sockets are not recounted */
	u64			sk_next;
	/** @read_next: A: local_clock() before which no member makes us recount for a reader */
	u64			read_next;

	/** @shm_lock: protects @shms and @nr_shms; taken in sections, outside the records' own */
	spinlock_t		shm_lock;
	/** @shms: M: records of shared memory objects, those that may have changed first */
	struct list_head	shms;
	/** @nr_shms: M: how many there are */
	unsigned int		nr_shms;
	/** @shm_next: A: local_clock() before which this subtree's objects are not recounted */
	u64			shm_next;
	/** @shm_tick: WO: jiffies when they were last recounted for a new peak */
	unsigned long		shm_tick;

	/** @event_stamp: A: tick in which @event_burst was last refilled */
	atomic_long_t		event_stamp;
	/** @event_burst: A: refusal events that may be sent in this second */
	atomic_t		event_burst;
	/** @suppressed: A: refusals not sent since the last event */
	atomic64_t		suppressed;
	/** @reflog: I: the last refusals; has its own lock */
	struct bc_reflog	*reflog;

	/** @thresholds: T: counters that have a threshold */
	unsigned int		thresholds;
	/** @crossing_second: T: second in which @crossing_burst was last refilled */
	long			crossing_second;
	/** @crossing_burst: T: crossings that may be sent in this second */
	unsigned int		crossing_burst;
	/** @crossings_kept: T: crossings not sent since the last one that was */
	u64			crossings_kept;
	/** @peaks: T: of closed intervals, not yet taken by each reader */
	u64			peaks[BC_READERS_MAX][BC_NR_RES];

	/** @cgroups: cgroups mapped to this pool; under the member map's lock */
	struct list_head	cgroups;
	/** @settings: T, WO: what was set, or the initial values */
	u64			settings[BC_NR_SETTINGS];
	/** @settings_set: T: BIT() mask of those that were set */
	unsigned long		settings_set;
	/** @io: block I/O of its own members */
	struct bc_iobook	io;
	/** @limits: written under the tree mutex, RCU: of block I/O; NULL when there are none */
	struct bc_limits	*limits;
	/** @knobs: T: what was changed in the memory controller, for its restoration */
	struct bc_knobs		knobs;
	/** @iptents: T: rules that iptent.c has counted last */
	u64			iptents;
	/** @iptents_known: T: @iptents is all of them */
	bool			iptents_known;
	/** @cpu: CPU time; has its own key */
	struct bc_cputime	cpu;
	/** @throttled: T: see there */
	struct bc_throttled	throttled;
	/** @cpu_seen: T: see there */
	struct bc_cpu_seen	cpu_seen;
	/** @claims_stale: T: claims of the children may have changed since they were solved */
	bool			claims_stale;
	/** @solved_capacity: T: what was divided among them then */
	u64			solved_capacity;
	/** @taken_below: T: what the reservations of the children and below take from it */
	u64			taken_below;
	/** @share_special: T: its reservation or shares take weights of ours, see share.c */
	bool			share_special;
	/** @claim: T: what the solver needs and says of it */
	struct bc_claim		claim;
	/** @cpu_knobs: T: what was changed in the cpu controller, for its restoration */
	struct bc_cpu_knobs	cpu_knobs;
	/** @generation: T: when the figures were last seen to have changed */
	u64			generation;
	/** @differs: T: they were seen to have changed since @generation was given */
	bool			differs;
	/** @changed: T: when that was, CLOCK_BOOTTIME ns */
	u64			changed;
	/** @snap: T: the figures as they were last looked at, for readers */
	struct bc_snap		*snap;
	/** @frozen: T: of the counters, when they were last looked at */
	struct bc_frozen	frozen[BC_NR_RES];
	/** @moved: T: BIT() mask of those that have changed since they are in @snap */
	unsigned long		moved;
	/** @folds: T: BIT() mask of those whose integral is to be folded */
	unsigned long		folds;
	/** @grown: T: BIT() mask of those whose integral is not in @snap */
	unsigned long		grown;
	/** @stale: WO: set by whoever changes what else @snap has of a counter, afterwards */
	bool			stale;
	/** @settings_serial: T: counts requests that changed @settings */
	unsigned int		settings_serial;
	/** @settings_seen: T: of the settings in @snap */
	struct bc_settings_key	settings_seen;
	/** @integral: T: of what is held; of the host also of what is sampled below it */
	struct bc_integral	integral[BC_NR_RES];
	/** @io_known: T: BC_IO_F_* of what was known of @io at any time */
	u64			io_known;
	/** @closing: T: becomes the closing record; NULL for the host */
	struct bc_closing	*closing;

	/** @release_work: frees the pool in process context */
	struct work_struct	release_work;
	/** @unbind_work: makes the pool dying when its cgroup goes away */
	struct work_struct	unbind_work;
	/** @rcu: for the final free */
	struct rcu_head		rcu;
};

#define BC_NAME_BITS	10

/**
 * struct bc_reader - somebody who takes peaks, or acknowledges closing records
 * @name: empty for a place that is free
 * @taken: when it last did something, CLOCK_BOOTTIME ns
 * @acks: closing records are kept for it
 * @acked: number of the last one that it has acknowledged
 */
struct bc_reader {
	char	name[BC_READER_NAME_MAX + 1];
	u64	taken;
	bool	acks;
	u64	acked;
};

/**
 * struct bc_closings - closing records that are kept
 * @list: the oldest first
 * @nr: how many there are
 * @max: how many there may be
 * @serial: number of the last one
 * @lost: how many had to go before they were acknowledged
 */
struct bc_closings {
	struct list_head	list;
	unsigned int		nr;
	unsigned int		max;
	u64			serial;
	u64			lost;
};

/**
 * struct bc_tree - all pools
 * @lock: the tree mutex: creation, deletion, limits, dumps
 * @host: the root, id 0, never dies
 * @ids: T: id -> live pool
 * @names: T: live pools by name
 * @dying: T: dying pools, oldest first
 * @nr_live: T, WO: live pools without the host
 * @nr_dying: T, WO: dying pools
 * @max_live: T: cap on @nr_live
 * @incarnation: T: last incarnation given out
 * @generation: T: counts changes of the tree or of figures, for readers
 * @shape: T: counts changes of the set of pools only
 * @loaded: I: when the tree was made, CLOCK_BOOTTIME ns
 * @readers: T: who takes peaks
 * @closed: T: closing records
 * @release: called when the last reference of a pool is dropped, in any context
 */
struct bc_tree {
	struct mutex		lock;
	struct bc_pool		*host;
	struct xarray		ids;
	DECLARE_HASHTABLE(names, BC_NAME_BITS);
	struct list_head	dying;
	unsigned int		nr_live;
	unsigned int		nr_dying;
	unsigned int		max_live;
	u64			incarnation;
	u64			generation;
	u64			shape;
	u64			loaded;
	struct bc_reader	readers[BC_READERS_MAX];
	struct bc_closings	closed;
	void			(*release)(struct bc_pool *pool);
};

int bc_tree_init(struct bc_tree *tree, unsigned int max_live,
		 void (*release)(struct bc_pool *pool));
void bc_tree_destroy(struct bc_tree *tree);

bool bc_pool_name_valid(const char *name);
struct bc_pool *bc_pool_alloc(struct bc_tree *tree, const char *name);
void bc_pool_free(struct bc_pool *pool);
int bc_tree_may_add(struct bc_tree *tree, const char *name, u32 id,
		    const struct bc_pool *parent);
int bc_tree_add(struct bc_tree *tree, struct bc_pool *pool, struct bc_pool *parent, u32 id);
struct bc_pool *bc_tree_find(struct bc_tree *tree, const char *name);
struct bc_pool *bc_tree_find_id(struct bc_tree *tree, u32 id);
void bc_tree_insert_above(struct bc_tree *tree, struct bc_pool *pool, struct bc_pool *child);
unsigned int bc_pool_height(struct bc_pool *pool);
void bc_tree_kill(struct bc_tree *tree, struct bc_pool *pool);
void bc_tree_unlink(struct bc_tree *tree, struct bc_pool *pool);
unsigned int bc_pool_unbalanced(const struct bc_pool *pool);

struct bc_pool *bc_pool_next_pre(struct bc_pool *pos, struct bc_pool *root);
struct bc_pool *bc_pool_common(struct bc_pool *a, struct bc_pool *b);
void bc_pool_move(struct bc_pool *from, struct bc_pool *to, enum bc_res res, u64 amount);

/*
 * Records are made in hooks, which cannot sleep. They are charged to the memory
 * cgroup of the task that causes them, so that a container pays for its own.
 */
#define BC_GFP_HOOK	(GFP_ATOMIC | __GFP_NOWARN | __GFP_ACCOUNT)

static inline void bc_pool_get(struct bc_pool *pool)
{
	refcount_inc(&pool->refs);
}

/**
 * bc_pool_tryget() - take a reference of a pool found under RCU
 * @pool: pool
 *
 * Return: false when it is already being released.
 */
static inline bool __must_check bc_pool_tryget(struct bc_pool *pool)
{
	return refcount_inc_not_zero(&pool->refs);
}

/**
 * bc_pool_put() - drop a reference
 * @pool: pool
 *
 * Context: any.
 */
static inline void bc_pool_put(struct bc_pool *pool)
{
	if (refcount_dec_and_test(&pool->refs))
		pool->tree->release(pool);
}

static inline struct bc_pool *bc_counter_pool(struct bc_counter *cnt, enum bc_res res)
{
	return container_of(cnt, struct bc_pool, cnt[res]);
}

/*
 * Charge sections. Every use of the chain of parents, and of a record's pool,
 * happens between bc_enter() and bc_leave(). Interrupts are off inside, so that
 * a hook in a soft interrupt never runs in the middle of another one on the same
 * CPU: it might find the tree busy and wait for a CPU that waits for a lock of
 * the interrupted one. While bc_topo_busy is set, sections run one at a time
 * under bc_topo_spin, and whoever set it may take that lock and rearrange.
 */
extern bool bc_topo_busy;

struct bc_section {
	unsigned long	flags;
	bool		locked;
};

void bc_enter_slow(struct bc_section *sec);
void bc_leave_slow(struct bc_section *sec);

static __always_inline void bc_enter(struct bc_section *sec)
{
	local_irq_save(sec->flags);
	sec->locked = false;
	/* Pairs with the release in bc_topo_end(). */
	if (unlikely(smp_load_acquire(&bc_topo_busy)))
		bc_enter_slow(sec);
}

static __always_inline void bc_leave(struct bc_section *sec)
{
	if (unlikely(sec->locked))
		bc_leave_slow(sec);
	local_irq_restore(sec->flags);
}

/**
 * bc_probe_free() - may a probe count without a section?
 *
 * Tracepoints call their probes with preemption off, for which bc_topo_begin() waits as
 * for a section. Interrupts are on, so this is for what holds no lock while they are.
 *
 * Context: in the probe of a tracepoint.
 * Return: false when the tree is being rearranged: it takes a section then.
 */
static __always_inline bool bc_probe_free(void)
{
	/* Pairs with the release in bc_topo_end(). */
	return likely(!smp_load_acquire(&bc_topo_busy));
}

/**
 * bc_fast_enter() - begin a section that only looks
 *
 * For the part of a hook that finds in a few instructions that there is nothing
 * to do. Always to be followed by bc_fast_leave().
 *
 * Return: false when the tree is being rearranged: take the long way then.
 */
static __always_inline bool bc_fast_enter(void)
{
	preempt_disable_notrace();
	/* Pairs with the release in bc_topo_end(). */
	return likely(!smp_load_acquire(&bc_topo_busy));
}

static __always_inline void bc_fast_leave(void)
{
	preempt_enable_notrace();
}

/**
 * bc_pool_stale() - something of a counter has changed that is looked at only if told so
 * @pool: pool
 *
 * Context: any.
 */
static inline void bc_pool_stale(struct bc_pool *pool)
{
	/* Whoever does not see the flag sees the change. */
	smp_mb();
	WRITE_ONCE(pool->stale, true);
}

bool bc_recount_begin(u64 *next, u64 *start);
void bc_recount_end(u64 *next, u64 start);
void bc_topo_begin(void);
void bc_topo_end(void);
void bc_topo_lock(unsigned long *flags);
void bc_topo_unlock(unsigned long flags);

#endif /* _BC_TREE_H */
