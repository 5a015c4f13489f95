// SPDX-License-Identifier: GPL-2.0
/*
 * Block I/O: who did how much of it, and how long it took
 *
 * Amounts are counted when a bio is submitted (block_bio_queue), once for each bio
 * however it is split or merged later, and on the account of
 *
 * - the cgroup that the kernel has noted in it, when that is not the one that the
 *   current task would get: buffered writes carry the cgroup of who made the pages dirty,
 *   swapped pages that of their owner, and both are mostly submitted by somebody else;
 * - the current task, when the cgroups are the same.
 *
 * The kernel's I/O controller need not be enabled for the second: without it the cgroup
 * of all bios is an ancestor's, and so is the task's. What a task causes directly is then
 * counted, and what is written back later by the kernel is not. bc_io_writeback_known()
 * tells which; io and memory both have to be enabled, as the kernel notes the writer by
 * the memory's owner.
 *
 * Times come from the request level (block_rq_issue, block_rq_complete), where no task is
 * known. There the io controller is needed always. The time of issue is kept in the
 * request itself, see bc_rq_issued().
 *
 * Some devices make I/O of other devices of what they get: loop, device-mapper, MD. The
 * kernel passes the cgroup on, so it is seen twice. It is counted twice for the devices,
 * but in the sum over all devices and against limits only once: at the lower device,
 * which does the work.
 */
#include <linux/backing-dev.h>
#include <linux/blk-cgroup.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/ktime.h>
#include <linux/major.h>
#include <linux/pagemap.h>

#include "bind.h"
#include "hook.h"
#include "io.h"
#include "member.h"
#include "snapshot.h"
#include "throttle.h"

static const char *const bc_io_stackers[] = { "loop", "dm-", "md", "bcache", "drbd" };

/* A device-mapper disk that is queued by itself does not submit its bios to others. */
static bool bc_disk_stacked(struct gendisk *disk)
{
	int i;

	if (disk->major == LOOP_MAJOR)
		return true;
	for (i = 0; i < ARRAY_SIZE(bc_io_stackers); i++)
		if (!strncmp(disk->disk_name, bc_io_stackers[i], strlen(bc_io_stackers[i])))
			return disk->fops->submit_bio;
	return false;
}

/*
 * The first I/O of a pool to a device. The pools above get a line as well: what is under
 * way when a pool goes, or comes in between, is finished on their account.
 */
static noinline struct bc_iodev *bc_iodev_new(struct bc_pool *pool, struct gendisk *disk)
{
	bool stacked = bc_disk_stacked(disk);
	u64 now = ktime_get_ns();
	struct bc_pool *above;

	for (above = pool->parent; above && above->depth; above = above->parent)
		bc_iobook_add(&above->io, disk_devt(disk), stacked, now, BC_GFP_HOOK);
	return bc_iobook_add(&pool->io, disk_devt(disk), stacked, now, BC_GFP_HOOK);
}

static __always_inline struct bc_iodev *bc_iodev(struct bc_pool *pool, struct gendisk *disk)
{
	return bc_iobook_find(&pool->io, disk_devt(disk)) ?: bc_iodev_new(pool, disk);
}

static __always_inline bool bc_iodev_own(const struct bc_pool *pool, const struct bc_iodev *iodev)
{
	return iodev == &pool->io.other;
}

/* A write without data, zeroes for instance, is counted with its bytes, but costs none. */
static __always_inline void bc_io_submitted(struct bc_pool *pool, struct bc_iodev *iodev,
					    struct bio *bio, bool sleeps)
{
	u64 bytes = bio->bi_iter.bi_size;
	enum req_op op = bio_op(bio);
	unsigned int kind = (__force unsigned int)op;

	BUILD_BUG_ON((__force unsigned int)REQ_OP_READ != BC_IO_READ ||
		     (__force unsigned int)REQ_OP_WRITE != BC_IO_WRITE);
	if (unlikely(kind > BC_IO_WRITE))
		kind = op == REQ_OP_DISCARD || op == REQ_OP_SECURE_ERASE ? BC_IO_DISCARD :
		       op_is_write(op) ? BC_IO_WRITE : BC_IO_READ;
	if (unlikely(bio->bi_opf & REQ_PREFLUSH)) {
		atomic64_inc(&iodev->ios[BC_IO_FLUSH]);
		if (!bytes)
			goto charge;
	}
	atomic64_add(bytes, &iodev->bytes[kind]);
	atomic64_inc(&iodev->ios[kind]);
charge:
	if (bc_throttle_any(pool) && !iodev->stacked)
		bc_throttle_charge(pool, kind == BC_IO_READ ? BC_IO_READ : BC_IO_WRITE,
				   bio_has_data(bio) ? bytes : 0, sleeps);
}

static void bc_io_times_work_func(struct work_struct *work);
static DECLARE_WORK(bc_io_times_work, bc_io_times_work_func);

/* A pool has the io controller, and requests are not looked at yet. */
static noinline void bc_io_want_times(void)
{
	if (!bc_source_iotimes.reason[0])
		queue_work(bc_wq, &bc_io_times_work);
}

/* Inside a charge section, or a probe while the tree is not being rearranged. */
static __always_inline void bc_bio_count(struct bio *bio, struct cgroup_subsys_state *css,
					 struct cgroup *cgrp, bool own)
{
	struct bc_pool *pool = bc_cgroup_pool(cgrp);
	struct bc_iodev *iodev;

	if (!pool)
		return;
	iodev = bc_iodev(pool, bio->bi_bdev->bd_disk);
	if (iodev)
		bc_io_submitted(pool, iodev, bio, own);
	if (unlikely(!READ_ONCE(bc_source_iotimes.attached)) && css != blkcg_root_css &&
	    bc_cgroup_pool(css->cgroup))
		bc_io_want_times();
}

static noinline void notrace bc_bio_count_slow(struct bio *bio, struct cgroup_subsys_state *css,
					       struct cgroup *cgrp, bool own)
{
	struct bc_section sec;

	bc_enter(&sec);
	bc_bio_count(bio, css, cgrp, own);
	bc_leave(&sec);
}

/* What is for a pool: apart from the rest, so that strangers do not even pay for registers. */
static noinline void notrace bc_bio_queued(struct bio *bio, struct cgroup_subsys_state *css,
					   struct cgroup *cgrp, bool own)
{
	if (bc_probe_free())
		bc_bio_count(bio, css, cgrp, own);
	else
		bc_bio_count_slow(bio, css, cgrp, own);
}

static void notrace bc_on_bio_queue(void *data, struct bio *bio)
{
	struct cgroup_subsys_state *css = bio_blkcg_css(bio);
	struct cgroup *cgrp;
	struct css_set *cset;
	bool own = false;

	/* Preemption is off in a probe, which keeps the css_set. */
	cset = in_task() ? rcu_dereference_raw(current->cgroups) : NULL;
	if (cset && cset->subsys[io_cgrp_id] == css) {
		cgrp = cset->dfl_cgrp;
		own = true;
	} else if (css) {
		cgrp = css->cgroup;
	} else {
		return;
	}
	if (!bc_cgroup_unknown(cgrp))
		bc_bio_queued(bio, css, cgrp, own);
}

/* The cgroup of a read or write that is known; NULL for all others. */
static __always_inline struct cgroup *bc_rq_cgroup(struct request *rq)
{
	struct cgroup_subsys_state *css;

	if (!rq->bio)
		return NULL;
	css = bio_blkcg_css(rq->bio);
	return css && !bc_cgroup_unknown(css->cgroup) ? css->cgroup : NULL;
}

static __always_inline bool bc_rq_counts(const struct request *rq)
{
	return rq->q->disk && (req_op(rq) == REQ_OP_READ || req_op(rq) == REQ_OP_WRITE);
}

static __always_inline unsigned int bc_rq_dir(const struct request *rq)
{
	return req_op(rq) == REQ_OP_READ ? BC_IO_READ : BC_IO_WRITE;
}

/*
 * Where the time of issue is noted. The kernel's own field for it has, since 6.12, a time
 * that was read when plugging began. So it is put where iocost keeps the time of
 * allocation, which nobody else looks at; while iocost runs on the queue, the kernel's own
 * time has to do. The former is 0 in a request that was not noted.
 */
static __always_inline u64 *bc_rq_issued(struct request *rq)
{
#ifdef CONFIG_BLK_RQ_ALLOC_TIME
	if (likely(!blk_queue_rq_alloc_time(rq->q)))
		return &rq->alloc_time_ns;
#endif
	return &rq->io_start_time_ns;
}

static __always_inline void bc_rq_note(struct request *rq, struct cgroup *cgrp)
{
	struct bc_pool *pool = bc_cgroup_pool(cgrp);
	struct bc_iodev *iodev = pool ? bc_iodev(pool, rq->q->disk) : NULL;

	if (!iodev || bc_iodev_own(pool, iodev))
		return;
	*bc_rq_issued(rq) = ktime_get_ns();
	atomic64_inc(&iodev->in_flight[bc_rq_dir(rq)]);
}

static noinline void notrace bc_rq_note_slow(struct request *rq, struct cgroup *cgrp)
{
	struct bc_section sec;

	bc_enter(&sec);
	bc_rq_note(rq, cgrp);
	bc_leave(&sec);
}

static noinline void notrace bc_rq_issue(struct request *rq, struct cgroup *cgrp)
{
	if (!bc_rq_counts(rq))
		return;
	if (bc_probe_free())
		bc_rq_note(rq, cgrp);
	else
		bc_rq_note_slow(rq, cgrp);
}

static void notrace bc_on_rq_issue(void *data, struct request *rq)
{
	struct cgroup *cgrp = bc_rq_cgroup(rq);

	if (cgrp)
		bc_rq_issue(rq, cgrp);
}

/* Where a request was noted when it was issued: at the pool, or at one above it. */
static __always_inline struct bc_iodev *bc_iodev_of_rq(struct cgroup *cgrp, struct request *rq,
						       u64 issued)
{
	struct bc_pool *pool = bc_cgroup_pool(cgrp);
	struct bc_iodev *iodev;

	for (; pool; pool = pool->parent) {
		iodev = bc_iobook_find(&pool->io, disk_devt(rq->q->disk));
		if (iodev && issued >= READ_ONCE(iodev->since))
			return iodev;
	}
	return NULL;
}

/* The driver did not take it, and it will be issued again. */
static void notrace bc_on_rq_requeue(void *data, struct request *rq)
{
	struct cgroup *cgrp = bc_rq_cgroup(rq);
	struct bc_section sec;
	struct bc_iodev *iodev;

	if (!cgrp || !bc_rq_counts(rq) || !blk_mq_request_started(rq))
		return;
	bc_enter(&sec);
	iodev = bc_iodev_of_rq(cgrp, rq, *bc_rq_issued(rq));
	if (iodev)
		atomic64_dec(&iodev->in_flight[bc_rq_dir(rq)]);
	bc_leave(&sec);
}

static __always_inline void bc_rq_finish(struct request *rq, struct cgroup *cgrp, u64 issued)
{
	struct bc_iodev *iodev = bc_iodev_of_rq(cgrp, rq, issued);

	if (iodev)
		bc_iodev_done(iodev, bc_rq_dir(rq),
			      rq->start_time_ns && rq->start_time_ns < issued ?
			      issued - rq->start_time_ns : 0, ktime_get_ns() - issued);
}

static noinline void notrace bc_rq_finish_slow(struct request *rq, struct cgroup *cgrp, u64 issued)
{
	struct bc_section sec;

	bc_enter(&sec);
	bc_rq_finish(rq, cgrp, issued);
	bc_leave(&sec);
}

static noinline void notrace bc_rq_complete(struct request *rq, u64 issued)
{
	struct cgroup *cgrp = bc_rq_cgroup(rq);

	if (!cgrp || !bc_rq_counts(rq))
		return;
	if (bc_probe_free())
		bc_rq_finish(rq, cgrp, issued);
	else
		bc_rq_finish_slow(rq, cgrp, issued);
}

static void notrace bc_on_rq_complete(void *data, struct request *rq, blk_status_t error,
				      unsigned int bytes)
{
	u64 issued = *bc_rq_issued(rq);

	/* Drivers may finish a request bit by bit. */
	if (issued && bytes >= blk_rq_bytes(rq))
		bc_rq_complete(rq, issued);
}

static struct bc_probe bc_io_probes[] = {
	{ "block_bio_queue", bc_on_bio_queue },
	{}
};

static void bc_io_leave(struct bc_pool *pool, struct bc_pool *to)
{
	bc_iobook_move_in_flight(&pool->io, to ? &to->io : NULL);
}

struct bc_source bc_source_io = {
	.name = "block I/O",
	.needs = &bc_source_member,
	.probes = bc_io_probes,
	.leave = bc_io_leave,
};

/*
 * Requests are looked at only while there is a pool of which the kernel knows them: one
 * with the io controller. Who enables it by hand for a pool that there is already has it
 * noticed with the first I/O: what is issued until the worker has run is not timed.
 */
static bool bc_io_times_of(const struct bc_pool *pool)
{
	return pool->cgrp && READ_ONCE(pool->cgrp->subsys[io_cgrp_id]);
}

static bool bc_io_times_wanted(const struct bc_pool *pool)
{
	struct bc_pool *pos;

	if (pool)
		return bc_io_times_of(pool);
	for (pos = bc_tree.host; pos; pos = bc_pool_next_pre(pos, bc_tree.host))
		if (bc_io_times_of(pos))
			return true;
	return false;
}

static void bc_io_times_work_func(struct work_struct *work)
{
	mutex_lock(&bc_tree.lock);
	bc_sources_want(NULL);
	mutex_unlock(&bc_tree.lock);
}

static void bc_io_times_exit(void)
{
	cancel_work_sync(&bc_io_times_work);
}

/* What is seen last is attached first. */
static struct bc_probe bc_iotimes_probes[] = {
	{ "block_rq_complete", bc_on_rq_complete },
	{ "block_rq_requeue", bc_on_rq_requeue },
	{ "block_rq_issue", bc_on_rq_issue },
	{}
};

struct bc_source bc_source_iotimes = {
	.name = "times of block I/O",
	.needs = &bc_source_io,
	.probes = bc_iotimes_probes,
	.wanted = bc_io_times_wanted,
	.exit = bc_io_times_exit,
};

/* A page of a file becomes dirty; process context mostly, under the lock of its mapping. */
static void notrace bc_on_dirty_folio(void *data, struct folio *folio,
				      struct address_space *mapping)
{
	struct bc_section sec;
	struct bc_pool *pool;

	if (bc_current_unknown() || !in_task() || !mapping_can_writeback(mapping))
		return;
	bc_enter(&sec);
	pool = bc_task_pool(current);
	if (pool) {
		atomic64_add(folio_size(folio), &pool->io.dirtied);
		bc_throttle_look(pool, BC_IO_WRITE);
	}
	bc_leave(&sec);
}

/*
 * __folio_cancel_dirty(folio): it is locked, so that its mapping stays, and has just been seen
 * to be dirty. Most of what comes here is memory that is never written to a disk, of tmpfs
 * for instance: that is found out before the section.
 */
BC_HANDLER(bc_on_cancel_dirty)
{
	struct folio *folio = BC_ARG(fregs, 0, struct folio *);
	struct address_space *mapping;
	struct bc_section sec;
	struct bc_pool *pool;

	if (bc_current_unknown() || !in_task() || !folio_test_dirty(folio))
		return;
	mapping = READ_ONCE(folio->mapping);
	if (!mapping || folio_test_anon(folio) || !mapping_can_writeback(mapping))
		return;
	bc_enter(&sec);
	pool = bc_task_pool(current);
	if (pool)
		atomic64_add(folio_size(folio), &pool->io.cancelled);
	bc_leave(&sec);
}

static struct bc_probe bc_dirty_probes[] = {
	{ "writeback_dirty_folio", bc_on_dirty_folio },
	{}
};

static struct bc_hook bc_dirty_hooks[] = {
	{ .func = "__folio_cancel_dirty", .handler = bc_on_cancel_dirty },
	{}
};

struct bc_source bc_source_dirty = {
	.name = "dirty pages",
	.needs = &bc_source_io,
	.probes = bc_dirty_probes,
	.hooks = bc_dirty_hooks,
};

/**
 * bc_io_writeback_known() - does the kernel know what is written for a pool later on?
 * @pool: pool
 *
 * Return: false when this is counted for, and limited by, a cgroup further up.
 */
bool bc_io_writeback_known(const struct bc_pool *pool)
{
	return pool->cgrp && READ_ONCE(pool->cgrp->subsys[io_cgrp_id]) &&
	       READ_ONCE(pool->cgrp->subsys[memory_cgrp_id]);
}

static u64 bc_io_known(const struct bc_pool *pool)
{
	u64 known;

	if (!bc_source_io.attached)
		return 0;
	known = BC_IO_F_AMOUNT;
	if (bc_source_iotimes.attached &&
	    (!pool->depth || READ_ONCE(pool->cgrp->subsys[io_cgrp_id])))
		known |= BC_IO_F_TIMES;
	if (!pool->depth || bc_io_writeback_known(pool))
		known |= BC_IO_F_WRITEBACK;
	if (bc_source_throttle.attached)
		known |= BC_IO_F_THROTTLED;
	if (bc_source_dirty.attached)
		known |= BC_IO_F_DIRTY;
	return known;
}

/* A sum over a moving subtree: requests that move meanwhile may be missed or seen twice. */
static void bc_io_finish(struct bc_io *io)
{
	int dir;

	for (dir = BC_IO_READ; dir <= BC_IO_WRITE; dir++)
		io->in_flight[dir] = max_t(s64, io->in_flight[dir], 0);
	if (io->known & BC_IO_F_TIMES)
		return;
	memset(io->in_flight, 0, sizeof(io->in_flight));
	memset(io->wait, 0, sizeof(io->wait));
	memset(io->service, 0, sizeof(io->service));
}

/**
 * bc_io_read() - the block I/O of a pool and those below it, over all devices
 * @pool: pool
 * @io: to be filled; @known is 0 when nothing is counted
 * @times: to be filled with histograms, or NULL
 *
 * Context: under the tree mutex.
 */
void bc_io_read(struct bc_pool *pool, struct bc_io *io, struct bc_io_times *times)
{
	struct bc_pool *pos;

	memset(io, 0, sizeof(*io));
	if (times)
		memset(times, 0, sizeof(*times));
	if (!bc_source_io.attached)
		return;
	for (pos = pool; pos; pos = bc_pool_next_pre(pos, pool))
		bc_iobook_sum(&pos->io, io, times);
	io->known = bc_io_known(pool);
	bc_io_finish(io);
}

static void bc_io_add(struct bc_io *to, const struct bc_io *from)
{
	const u64 *one = (const u64 *)from;
	u64 *sum = (u64 *)to;
	int i;

	/* All but the first, which is @known. */
	for (i = 1; i < sizeof(*to) / sizeof(u64); i++)
		sum[i] += one[i];
}

/**
 * bc_io_read_all() - the block I/O of all pools
 * @all: all pools, parents before children; their @io is to be filled
 *
 * Children first, so that a parent never has less than they have together. Most pools
 * have done nothing, and are passed by.
 *
 * Context: under the tree mutex.
 */
void bc_io_read_all(struct bc_snapshot *all)
{
	struct bc_snap *snap, *up;
	unsigned int i;

	for (i = 0; i < all->nr; i++) {
		snap = all->snaps[i];
		if (snap->io_any)
			memset(&snap->io, 0, sizeof(snap->io));
		snap->io.known = 0;
		snap->io_any = false;
	}
	if (!bc_source_io.attached)
		return;
	for (i = all->nr; i--;) {
		snap = all->snaps[i];
		if (!bc_iobook_unused(&snap->pool->io)) {
			bc_iobook_sum(&snap->pool->io, &snap->io, NULL);
			snap->io_any = true;
		}
		if (snap->io_any && i) {
			up = snap->pool->parent->snap;
			bc_io_add(&up->io, &snap->io);
			up->io_any = true;
		}
		snap->io.known = bc_io_known(snap->pool);
		if (snap->io_any)
			bc_io_finish(&snap->io);
	}
}

/**
 * bc_io_look() - note what is known of the block I/O of a pool
 * @pool: live pool
 *
 * Context: under the tree mutex.
 */
void bc_io_look(struct bc_pool *pool)
{
	pool->io_known |= bc_io_known(pool);
}

/**
 * bc_io_close() - the final figures of a pool
 * @pool: pool without pools below, for which nothing is under way
 * @io: to be filled
 *
 * Context: under the tree mutex.
 */
void bc_io_close(struct bc_pool *pool, struct bc_io *io)
{
	memset(io, 0, sizeof(*io));
	bc_iobook_sum(&pool->io, io, NULL);
	io->known = pool->io_known;
	bc_io_finish(io);
}

/**
 * bc_io_read_device() - the same for one device
 * @pool: pool
 * @dev: device number
 * @io: to be filled
 * @times: to be filled
 *
 * Context: under the tree mutex.
 * Return: false when nothing is counted any more.
 */
bool bc_io_read_device(struct bc_pool *pool, u32 dev, struct bc_io *io, struct bc_io_times *times)
{
	struct bc_iodev *iodev;
	struct bc_pool *pos;

	memset(io, 0, sizeof(*io));
	memset(times, 0, sizeof(*times));
	for (pos = pool; pos; pos = bc_pool_next_pre(pos, pool)) {
		iodev = bc_iobook_find(&pos->io, dev);
		if (!iodev)
			continue;
		bc_iodev_sum(iodev, io, times);
		if (iodev->stacked)
			io->known |= BC_IO_F_STACKED;
	}
	dev = io->known;
	io->known = bc_io_known(pool);
	bc_io_finish(io);
	io->known = (io->known & (BC_IO_F_AMOUNT | BC_IO_F_TIMES | BC_IO_F_WRITEBACK)) | dev;
	return io->known & BC_IO_F_AMOUNT;
}

/**
 * bc_io_next_device() - walk the devices that a pool or one below it has used
 * @pool: pool
 * @dev: the last one, 0 to begin; set to the next one in ascending order
 *
 * Context: under the tree mutex.
 * Return: false at the end.
 */
bool bc_io_next_device(struct bc_pool *pool, u32 *dev)
{
	const struct bc_iodev *iodev;
	struct bc_pool *pos;
	u32 next = U32_MAX;

	for (pos = pool; pos; pos = bc_pool_next_pre(pos, pool))
		for (iodev = bc_iobook_first(&pos->io); iodev; iodev = READ_ONCE(iodev->next))
			if (iodev->dev > *dev && iodev->dev < next)
				next = iodev->dev;
	*dev = next;
	return next != U32_MAX;
}
