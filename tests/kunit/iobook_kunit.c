// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the books of block I/O: where figures go, and that none is ever lost
 */
#include <kunit/test.h>
#include <linux/slab.h>
#include <linux/time64.h>

#include "../../kmod/iobook.h"
#include "crew.h"
#include "pools.h"

#define DEV(n)	(8 << 20 | (n))

struct books {
	struct bc_iobook	a;
	struct bc_iobook	b;
	struct bc_io		io;
	struct bc_io_times	times;
};

static int iobook_test_init(struct kunit *test)
{
	struct books *books = kunit_kzalloc(test, sizeof(*books), GFP_KERNEL);

	if (!books)
		return -ENOMEM;
	bc_iobook_init(&books->a);
	bc_iobook_init(&books->b);
	test->priv = books;
	return 0;
}

static void iobook_test_exit(struct kunit *test)
{
	struct books *books = test->priv;

	if (!books)
		return;
	bc_iobook_destroy(&books->a);
	bc_iobook_destroy(&books->b);
}

static struct bc_iodev *line(struct kunit *test, struct bc_iobook *book, u32 dev, bool stacked)
{
	struct bc_iodev *iodev = bc_iobook_add(book, dev, stacked, 1, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, iodev);
	return iodev;
}

static const struct bc_io *sum(struct books *books, const struct bc_iobook *book)
{
	memset(&books->io, 0, sizeof(books->io));
	memset(&books->times, 0, sizeof(books->times));
	bc_iobook_sum(book, &books->io, &books->times);
	return &books->io;
}

static void iobook_buckets_are_powers_of_two(struct kunit *test)
{
	u64 us;
	int i;

	KUNIT_EXPECT_EQ(test, bc_io_bucket(0), 0);
	KUNIT_EXPECT_EQ(test, bc_io_bucket(999), 0);
	KUNIT_EXPECT_EQ(test, bc_io_bucket(1000), 1);
	KUNIT_EXPECT_EQ(test, bc_io_bucket(1999), 1);
	for (i = 1; i < BC_IO_BUCKETS - 1; i++) {
		us = 1ULL << i;
		KUNIT_EXPECT_EQ(test, bc_io_bucket(us * NSEC_PER_USEC), i + 1);
		KUNIT_EXPECT_EQ(test, bc_io_bucket(us * NSEC_PER_USEC - 1), i);
	}
	KUNIT_EXPECT_EQ(test, bc_io_bucket(U64_MAX), BC_IO_BUCKETS - 1);
}

static void iobook_has_one_line_for_a_device(struct kunit *test)
{
	struct books *books = test->priv;
	struct bc_iodev *iodev = line(test, &books->a, DEV(1), false);

	KUNIT_EXPECT_PTR_EQ(test, bc_iobook_find(&books->a, DEV(1)), iodev);
	KUNIT_EXPECT_NULL(test, bc_iobook_find(&books->a, DEV(2)));
	KUNIT_EXPECT_PTR_EQ(test, line(test, &books->a, DEV(1), false), iodev);
	KUNIT_EXPECT_EQ(test, books->a.nr, 1);
}

static void iobook_sums_up_without_stacked(struct kunit *test)
{
	struct books *books = test->priv;
	const struct bc_io *io;

	atomic64_add(10, &line(test, &books->a, DEV(1), false)->bytes[BC_IO_READ]);
	atomic64_add(20, &line(test, &books->a, DEV(2), false)->bytes[BC_IO_READ]);
	atomic64_add(40, &line(test, &books->a, DEV(3), true)->bytes[BC_IO_READ]);
	atomic64_add(80, &books->a.other.bytes[BC_IO_READ]);
	atomic64_add(3, &books->a.throttled);
	io = sum(books, &books->a);
	KUNIT_EXPECT_EQ(test, io->bytes[BC_IO_READ], 110);
	KUNIT_EXPECT_EQ(test, io->throttled, 3);
}

static void iobook_notes_times(struct kunit *test)
{
	struct books *books = test->priv;
	struct bc_iodev *iodev = line(test, &books->a, DEV(1), false);
	const struct bc_io *io;

	atomic64_inc(&iodev->in_flight[BC_IO_WRITE]);
	atomic64_inc(&iodev->in_flight[BC_IO_WRITE]);
	bc_iodev_done(iodev, BC_IO_WRITE, 500, 3 * NSEC_PER_MSEC);
	io = sum(books, &books->a);
	KUNIT_EXPECT_EQ(test, io->in_flight[BC_IO_WRITE], 1);
	KUNIT_EXPECT_EQ(test, io->wait[BC_IO_WRITE], 500);
	KUNIT_EXPECT_EQ(test, io->service[BC_IO_WRITE], 3 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, books->times.wait[BC_IO_WRITE][0], 1);
	KUNIT_EXPECT_EQ(test, books->times.service[BC_IO_WRITE][12], 1);
	KUNIT_EXPECT_EQ(test, books->times.service[BC_IO_READ][12], 0);
}

static void iobook_is_bounded(struct kunit *test)
{
	struct books *books = test->priv;
	int i;

	for (i = 0; i < BC_IODEVS_MAX + 20; i++)
		atomic64_inc(&line(test, &books->a, DEV(i), false)->ios[BC_IO_READ]);
	KUNIT_EXPECT_EQ(test, books->a.nr, BC_IODEVS_MAX);
	KUNIT_EXPECT_EQ(test, atomic64_read(&books->a.other.ios[BC_IO_READ]), 20);
	KUNIT_EXPECT_EQ(test, sum(books, &books->a)->ios[BC_IO_READ], BC_IODEVS_MAX + 20);
	/* No sum wants what one of these does. */
	KUNIT_EXPECT_NULL(test, bc_iobook_add(&books->a, DEV(1000), true, 1, GFP_KERNEL));
}

static void iobook_fold_loses_nothing(struct kunit *test)
{
	struct books *books = test->priv;
	int i;

	for (i = 0; i < BC_IODEVS_MAX; i++)
		atomic64_add(1, &line(test, &books->a, DEV(i), false)->bytes[BC_IO_WRITE]);
	for (i = 40; i < 40 + BC_IODEVS_MAX; i++)
		bc_iodev_done(line(test, &books->b, DEV(i), false), BC_IO_READ, 0, 5000);
	atomic64_add(7, &books->b.dirtied);
	bc_iobook_fold(&books->a, &books->b);
	sum(books, &books->a);
	KUNIT_EXPECT_EQ(test, books->io.bytes[BC_IO_WRITE], BC_IODEVS_MAX);
	KUNIT_EXPECT_EQ(test, books->io.service[BC_IO_READ], 5000 * BC_IODEVS_MAX);
	KUNIT_EXPECT_EQ(test, books->times.service[BC_IO_READ][3], BC_IODEVS_MAX);
	KUNIT_EXPECT_EQ(test, books->io.dirtied, 7);
	KUNIT_EXPECT_EQ(test, books->a.nr, BC_IODEVS_MAX);
	KUNIT_EXPECT_NULL(test, books->b.devs);
	KUNIT_EXPECT_EQ(test, sum(books, &books->b)->service[BC_IO_READ], 0);
}

static void iobook_fold_into_an_empty_one(struct kunit *test)
{
	struct books *books = test->priv;

	atomic64_add(5, &line(test, &books->b, DEV(1), false)->bytes[BC_IO_READ]);
	atomic64_add(6, &line(test, &books->b, DEV(2), true)->bytes[BC_IO_READ]);
	bc_iobook_fold(&books->a, &books->b);
	KUNIT_EXPECT_EQ(test, books->a.nr, 2);
	KUNIT_EXPECT_EQ(test, sum(books, &books->a)->bytes[BC_IO_READ], 5);
}

static void iobook_in_flight_moves(struct kunit *test)
{
	struct books *books = test->priv;

	atomic64_add(3, &line(test, &books->b, DEV(1), false)->in_flight[BC_IO_READ]);
	bc_iobook_move_in_flight(&books->b, &books->a);
	KUNIT_EXPECT_EQ(test, sum(books, &books->a)->in_flight[BC_IO_READ], 3);
	bc_iobook_move_in_flight(&books->a, NULL);
	KUNIT_EXPECT_EQ(test, sum(books, &books->a)->in_flight[BC_IO_READ], 0);
}

/* A pool that is gone is still part of what its parent did. */
static void iobook_of_a_dead_pool_stays(struct kunit *test)
{
	struct books *books = test->priv;
	struct bc_pool *top, *leaf;

	KUNIT_ASSERT_EQ(test, pools_init(test), 0);
	top = pools_add(test, "top", pools_find(test, "host"));
	leaf = pools_add(test, "leaf", top);
	atomic64_add(99, &line(test, &leaf->io, DEV(1), false)->bytes[BC_IO_READ]);
	pools_kill(test, leaf);
	pools_reap(test);
	memset(&books->io, 0, sizeof(books->io));
	bc_iobook_sum(&top->io, &books->io, NULL);
	KUNIT_EXPECT_EQ(test, books->io.bytes[BC_IO_READ], 99);
	pools_exit(test);
	test->priv = books;
}

#define ROUNDS	20000

static void iobook_worker(void *arg)
{
	struct bc_iobook *book = arg;
	struct bc_iodev *iodev;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		iodev = bc_iobook_find(book, DEV(i % 16)) ?:
			bc_iobook_add(book, DEV(i % 16), false, 1, GFP_KERNEL);
		atomic64_inc(&iodev->ios[BC_IO_READ]);
	}
}

static void iobook_races_lose_nothing(struct kunit *test)
{
	struct books *books = test->priv;
	struct crew crew = {};
	int i;

	for (i = 0; i < 4; i++)
		crew_hire(test, &crew, iobook_worker, &books->a);
	crew_run(&crew);
	KUNIT_EXPECT_EQ(test, sum(books, &books->a)->ios[BC_IO_READ], 4 * ROUNDS);
	/* Injected failures of allocations send some of it elsewhere. */
	KUNIT_EXPECT_LE(test, books->a.nr, 16);
}

static struct kunit_case iobook_cases[] = {
	KUNIT_CASE(iobook_buckets_are_powers_of_two),
	KUNIT_CASE(iobook_has_one_line_for_a_device),
	KUNIT_CASE(iobook_sums_up_without_stacked),
	KUNIT_CASE(iobook_notes_times),
	KUNIT_CASE(iobook_is_bounded),
	KUNIT_CASE(iobook_fold_loses_nothing),
	KUNIT_CASE(iobook_fold_into_an_empty_one),
	KUNIT_CASE(iobook_in_flight_moves),
	KUNIT_CASE(iobook_of_a_dead_pool_stays),
	KUNIT_CASE(iobook_races_lose_nothing),
	{}
};

static struct kunit_suite iobook_suite = {
	.name = "beancounter_iobook",
	.init = iobook_test_init,
	.exit = iobook_test_exit,
	.test_cases = iobook_cases,
};

kunit_test_suite(iobook_suite);
