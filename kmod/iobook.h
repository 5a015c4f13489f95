/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_IOBOOK_H
#define _BC_IOBOOK_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/gfp.h>
#include <linux/math64.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/time64.h>
#include <linux/beancounter.h>

/* Devices with figures of their own in one pool; what goes to others is only summed up. */
#define BC_IODEVS_MAX	64

/**
 * struct bc_iodev - what a pool itself has done with one device
 * @next: I once it can be found, RCU: next device of the book
 * @dev: I: device number
 * @stacked: I: it makes I/O of other devices of it, where it is counted again; not
 *	part of sums over all devices
 * @since: WO: time from which on all requests are known from their beginning, ns
 * @in_flight: A: reads and writes that the device has; may be below 0 at one level
 *	when a pool came or went meanwhile, the sum over a subtree is right
 * @bytes: A: read, written, discarded
 * @ios: A: reads, writes, discards, flushes
 * @wait: A: ns before the device had it, of finished reads and writes
 * @service: A: ns that the device took
 * @wait_times: A: numbers of reads and writes by wait
 * @service_times: A: the same by service
 */
struct bc_iodev {
	struct bc_iodev	*next;
	u32		dev;
	bool		stacked;
	u64		since;
	atomic64_t	in_flight[2];
	atomic64_t	bytes[3];
	atomic64_t	ios[4];
	atomic64_t	wait[2];
	atomic64_t	service[2];
	atomic64_t	wait_times[2][BC_IO_BUCKETS];
	atomic64_t	service_times[2][BC_IO_BUCKETS];
};

/**
 * struct bc_iobook - the block I/O of one pool, without that of pools below it
 * @lock: for adding devices; interrupts off, nothing is taken inside
 * @devs: devices, read without the lock
 * @nr: how many there are
 * @used: WO: never false again once there was a device, in @devs or in @other
 * @other: those for which there was no place or no memory
 * @throttled: A: ns that tasks slept for a limit
 * @nr_throttled: A: how often
 * @dirtied: A: bytes made dirty in the page cache
 * @cancelled: A: bytes that were dirty when they were cut off
 */
struct bc_iobook {
	spinlock_t	lock;
	struct bc_iodev	*devs;
	unsigned int	nr;
	bool		used;
	struct bc_iodev	other;
	atomic64_t	throttled;
	atomic64_t	nr_throttled;
	atomic64_t	dirtied;
	atomic64_t	cancelled;
};

void bc_iobook_init(struct bc_iobook *book);
void bc_iobook_destroy(struct bc_iobook *book);
struct bc_iodev *bc_iobook_add(struct bc_iobook *book, u32 dev, bool stacked, u64 now, gfp_t gfp);
void bc_iobook_move_in_flight(struct bc_iobook *from, struct bc_iobook *to);
void bc_iobook_fold(struct bc_iobook *to, struct bc_iobook *from);
void bc_iobook_sum(const struct bc_iobook *book, struct bc_io *io, struct bc_io_times *times);
void bc_iodev_sum(const struct bc_iodev *iodev, struct bc_io *io, struct bc_io_times *times);

static __always_inline struct bc_iodev *bc_iobook_first(const struct bc_iobook *book)
{
	/* A record is complete before it can be found. */
	return smp_load_acquire(&book->devs);
}

/**
 * bc_iobook_unused() - is there nothing in a book?
 * @book: book
 *
 * Context: any.
 * Return: true when all its sums are 0.
 */
static inline bool bc_iobook_unused(const struct bc_iobook *book)
{
	return !READ_ONCE(book->used) &&
	       !(atomic64_read(&book->throttled) | atomic64_read(&book->nr_throttled) |
		 atomic64_read(&book->dirtied) | atomic64_read(&book->cancelled));
}

/**
 * bc_iobook_find() - find a device
 * @book: book
 * @dev: device number
 *
 * Context: preemption off, or under the tree mutex.
 * Return: the device or NULL.
 */
static __always_inline struct bc_iodev *bc_iobook_find(const struct bc_iobook *book, u32 dev)
{
	struct bc_iodev *iodev = bc_iobook_first(book);

	while (iodev && iodev->dev != dev)
		iodev = READ_ONCE(iodev->next);
	return iodev;
}

/**
 * bc_io_bucket() - where a time belongs in a histogram
 * @ns: time
 *
 * Return: 0 below 1 us, n from 2^(n-1) us on, at most BC_IO_BUCKETS - 1.
 */
static __always_inline unsigned int bc_io_bucket(u64 ns)
{
	unsigned int bucket = fls64(div_u64(ns, NSEC_PER_USEC));

	return bucket < BC_IO_BUCKETS ? bucket : BC_IO_BUCKETS - 1;
}

/**
 * bc_iodev_done() - a read or write is finished
 * @iodev: device
 * @dir: BC_IO_READ or BC_IO_WRITE
 * @wait: ns before the device had it
 * @service: ns that the device took
 *
 * Context: any.
 */
static __always_inline void bc_iodev_done(struct bc_iodev *iodev, unsigned int dir, u64 wait,
					  u64 service)
{
	atomic64_dec(&iodev->in_flight[dir]);
	atomic64_add(wait, &iodev->wait[dir]);
	atomic64_add(service, &iodev->service[dir]);
	atomic64_inc(&iodev->wait_times[dir][bc_io_bucket(wait)]);
	atomic64_inc(&iodev->service_times[dir][bc_io_bucket(service)]);
}

#endif /* _BC_IOBOOK_H */
