// SPDX-License-Identifier: GPL-2.0
/*
 * Books of block I/O
 *
 * Each pool counts what its own members do, for each device; what is told of a pool
 * is the sum over its subtree, made when somebody asks. So an operation costs the same
 * at any depth, and pools that do nothing cost nothing. The totals of a pool that is
 * released are folded into its parent's, so that no sum ever falls.
 *
 * Devices are known by their number alone. No reference of a disk is held: one that is
 * removed keeps its line, and another one that gets the number goes on with it.
 *
 * Figures are plain atomics. A pool that does I/O on all CPUs at once shares their
 * cache lines between those, as it shares the cgroup's own.
 */
#include <linux/kernel.h>
#include <linux/slab.h>

#include "iobook.h"

/* Everything from @in_flight on is an array of figures. */
#define BC_IODEV_FIGURES \
	((sizeof(struct bc_iodev) - offsetof(struct bc_iodev, in_flight)) / sizeof(atomic64_t))

static atomic64_t *bc_iodev_figures(struct bc_iodev *iodev)
{
	return iodev->in_flight;
}

/**
 * bc_iobook_init() - make an empty book
 * @book: zeroed memory
 */
void bc_iobook_init(struct bc_iobook *book)
{
	spin_lock_init(&book->lock);
}

/**
 * bc_iobook_destroy() - free what a book has, which nobody can reach
 * @book: book
 */
void bc_iobook_destroy(struct bc_iobook *book)
{
	struct bc_iodev *iodev;

	while ((iodev = book->devs)) {
		book->devs = iodev->next;
		kfree(iodev);
	}
}

/**
 * bc_iobook_add() - find a device, or give it a line
 * @book: book
 * @dev: device number
 * @stacked: see struct bc_iodev
 * @now: time, ns
 * @gfp: how to allocate
 *
 * Context: a charge section, or under the tree mutex.
 * Return: the device; when there is no place or no memory that for all others, or
 * NULL for a stacked one.
 */
struct bc_iodev *bc_iobook_add(struct bc_iobook *book, u32 dev, bool stacked, u64 now, gfp_t gfp)
{
	struct bc_iodev *iodev, *new = NULL;
	unsigned long flags;

	WRITE_ONCE(book->used, true);
	if (READ_ONCE(book->nr) < BC_IODEVS_MAX)
		new = kzalloc(sizeof(*new), gfp);
	spin_lock_irqsave(&book->lock, flags);
	iodev = bc_iobook_find(book, dev);
	if (!iodev && new && book->nr < BC_IODEVS_MAX) {
		new->dev = dev;
		new->stacked = stacked;
		new->since = now;
		new->next = book->devs;
		/* Pairs with the acquire in bc_iobook_find(). */
		smp_store_release(&book->devs, new);
		WRITE_ONCE(book->nr, book->nr + 1);
		iodev = new;
		new = NULL;
	}
	spin_unlock_irqrestore(&book->lock, flags);
	kfree(new);
	if (!iodev && !stacked)
		iodev = &book->other;
	return iodev;
}

/**
 * bc_iobook_move_in_flight() - what is on its way will be finished on another account
 * @from: book to which nothing is added any more
 * @to: book in which it will be finished, or NULL for nowhere
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_iobook_move_in_flight(struct bc_iobook *from, struct bc_iobook *to)
{
	struct bc_iodev *iodev, *other;
	int dir;
	s64 nr;

	for (iodev = from->devs; iodev; iodev = iodev->next) {
		other = to ? bc_iobook_add(to, iodev->dev, iodev->stacked, iodev->since,
					   GFP_KERNEL_ACCOUNT) : NULL;
		for (dir = BC_IO_READ; dir <= BC_IO_WRITE; dir++) {
			nr = atomic64_xchg(&iodev->in_flight[dir], 0);
			if (other)
				atomic64_add(nr, &other->in_flight[dir]);
		}
	}
}

static void bc_iodev_fold(struct bc_iodev *to, struct bc_iodev *from)
{
	int i;

	for (i = 0; i < BC_IODEV_FIGURES; i++)
		atomic64_add(atomic64_read(&bc_iodev_figures(from)[i]), &bc_iodev_figures(to)[i]);
}

/* Gives a device to another book; or its figures when that has the device already, or is full. */
static void bc_iobook_give(struct bc_iobook *to, struct bc_iodev *iodev)
{
	struct bc_iodev *same;
	unsigned long flags;

	spin_lock_irqsave(&to->lock, flags);
	same = bc_iobook_find(to, iodev->dev);
	if (!same && to->nr == BC_IODEVS_MAX)
		same = &to->other;
	if (!same) {
		iodev->next = to->devs;
		/* Pairs with the acquire in bc_iobook_find(). */
		smp_store_release(&to->devs, iodev);
		WRITE_ONCE(to->nr, to->nr + 1);
	}
	spin_unlock_irqrestore(&to->lock, flags);
	if (!same)
		return;
	if (same != &to->other || !iodev->stacked)
		bc_iodev_fold(same, iodev);
	kfree(iodev);
}

/**
 * bc_iobook_fold() - add the totals of a book that is given up to another one
 * @to: book that may be in use
 * @from: book that nobody uses any more; empty afterwards
 *
 * Context: under the tree mutex.
 */
void bc_iobook_fold(struct bc_iobook *to, struct bc_iobook *from)
{
	struct bc_iodev *iodev;

	if (from->used)
		WRITE_ONCE(to->used, true);
	while ((iodev = from->devs)) {
		from->devs = iodev->next;
		bc_iobook_give(to, iodev);
	}
	from->nr = 0;
	bc_iodev_fold(&to->other, &from->other);
	memset(&from->other, 0, sizeof(from->other));
	atomic64_add(atomic64_xchg(&from->throttled, 0), &to->throttled);
	atomic64_add(atomic64_xchg(&from->nr_throttled, 0), &to->nr_throttled);
	atomic64_add(atomic64_xchg(&from->dirtied, 0), &to->dirtied);
	atomic64_add(atomic64_xchg(&from->cancelled, 0), &to->cancelled);
}

static void bc_add_figures(u64 *sum, const atomic64_t *figures, unsigned int nr)
{
	while (nr--)
		sum[nr] += atomic64_read(&figures[nr]);
}

/**
 * bc_iodev_sum() - add the figures of a device to a sum
 * @iodev: device
 * @io: sum
 * @times: sum of the histograms, or NULL
 *
 * In flight may be below 0 until everything is summed up.
 */
void bc_iodev_sum(const struct bc_iodev *iodev, struct bc_io *io, struct bc_io_times *times)
{
	bc_add_figures(io->bytes, iodev->bytes, ARRAY_SIZE(io->bytes));
	bc_add_figures(io->ios, iodev->ios, ARRAY_SIZE(io->ios));
	bc_add_figures(io->in_flight, iodev->in_flight, ARRAY_SIZE(io->in_flight));
	bc_add_figures(io->wait, iodev->wait, ARRAY_SIZE(io->wait));
	bc_add_figures(io->service, iodev->service, ARRAY_SIZE(io->service));
	if (!times)
		return;
	bc_add_figures(times->wait[0], iodev->wait_times[0], 2 * BC_IO_BUCKETS);
	bc_add_figures(times->service[0], iodev->service_times[0], 2 * BC_IO_BUCKETS);
}

/**
 * bc_iobook_sum() - add the figures of a book over all devices to a sum
 * @book: book
 * @io: sum
 * @times: sum of the histograms, or NULL
 *
 * Context: under the tree mutex.
 */
void bc_iobook_sum(const struct bc_iobook *book, struct bc_io *io, struct bc_io_times *times)
{
	const struct bc_iodev *iodev;

	for (iodev = bc_iobook_first(book); iodev; iodev = READ_ONCE(iodev->next))
		if (!iodev->stacked)
			bc_iodev_sum(iodev, io, times);
	bc_iodev_sum(&book->other, io, times);
	io->throttled += atomic64_read(&book->throttled);
	io->nr_throttled += atomic64_read(&book->nr_throttled);
	io->dirtied += atomic64_read(&book->dirtied);
	io->cancelled += atomic64_read(&book->cancelled);
}
