// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the queue of closing records
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/slab.h>

#include "../../kmod/closing.h"
#include "../../kmod/reader.h"
#include "pools.h"

#define FIRST	1000

static struct bc_tree *closing_tree(struct kunit *test)
{
	return &((struct pools *)test->priv)->tree;
}

static int closing_test_init(struct kunit *test)
{
	int ret = pools_init(test);

	if (!ret)
		bc_closings_init(&closing_tree(test)->closed, 10, FIRST);
	return ret;
}

/* Serials come after FIRST. */
static void closing_some(struct kunit *test, int nr)
{
	struct bc_closing *closing;

	while (nr--) {
		closing = kzalloc(sizeof(*closing), GFP_KERNEL);
		KUNIT_ASSERT_TRUE(test, closing);
		mutex_lock(&closing_tree(test)->lock);
		bc_closing_add(&closing_tree(test)->closed, closing);
		mutex_unlock(&closing_tree(test)->lock);
	}
}

static int closing_reader(struct kunit *test, const char *name, u64 now)
{
	int reader;

	mutex_lock(&closing_tree(test)->lock);
	reader = bc_reader_open(closing_tree(test), name, now);
	mutex_unlock(&closing_tree(test)->lock);
	KUNIT_ASSERT_GE(test, reader, 0);
	return reader;
}

static void closing_ack(struct kunit *test, int reader, u64 serial)
{
	mutex_lock(&closing_tree(test)->lock);
	bc_closing_ack(closing_tree(test), reader, FIRST + serial);
	mutex_unlock(&closing_tree(test)->lock);
}

static void closing_forget(struct kunit *test, int reader)
{
	mutex_lock(&closing_tree(test)->lock);
	bc_reader_close(closing_tree(test), reader);
	mutex_unlock(&closing_tree(test)->lock);
}

/* Those from @first to @last are there, in order, and no others. */
static void closing_expect(struct kunit *test, u64 first, u64 last)
{
	struct bc_closings *all = &closing_tree(test)->closed;
	struct bc_closing *closing;
	u64 serial = 0, want;

	for (want = FIRST + first; want <= FIRST + last; want++) {
		closing = bc_closing_next(all, serial);
		KUNIT_ASSERT_TRUE(test, closing);
		KUNIT_ASSERT_EQ(test, closing->serial, want);
		serial = want;
	}
	KUNIT_EXPECT_FALSE(test, bc_closing_next(all, serial));
	KUNIT_EXPECT_EQ(test, all->nr, last + 1 - first);
}

static void closing_records_stand_in_a_queue(struct kunit *test)
{
	closing_expect(test, 1, 0);
	closing_some(test, 3);
	closing_expect(test, 1, 3);
	KUNIT_EXPECT_EQ(test, bc_closing_next(&closing_tree(test)->closed, FIRST + 1)->serial,
			FIRST + 2);
	KUNIT_EXPECT_EQ(test, closing_tree(test)->closed.lost, 0);
}

static void closing_queue_is_bounded_and_counts_what_is_lost(struct kunit *test)
{
	closing_some(test, 10);
	KUNIT_EXPECT_EQ(test, closing_tree(test)->closed.lost, 0);
	closing_some(test, 3);
	closing_expect(test, 4, 13);
	KUNIT_EXPECT_EQ(test, closing_tree(test)->closed.lost, 3);
	/* One that was not in time may still acknowledge what it has not seen. */
	closing_ack(test, closing_reader(test, "late", 1), 2);
	closing_expect(test, 4, 13);
}

static void closing_records_go_when_they_are_acknowledged(struct kunit *test)
{
	int reader = closing_reader(test, "one", 1);

	closing_some(test, 5);
	closing_ack(test, reader, 0);
	closing_expect(test, 1, 5);
	closing_ack(test, reader, 2);
	closing_expect(test, 3, 5);
	/* Said before. */
	closing_ack(test, reader, 1);
	closing_expect(test, 3, 5);
	closing_ack(test, reader, 5);
	closing_expect(test, 6, 5);
	closing_some(test, 1);
	closing_expect(test, 6, 6);
	KUNIT_EXPECT_EQ(test, closing_tree(test)->closed.lost, 0);
}

static void closing_records_wait_for_all_who_acknowledge(struct kunit *test)
{
	int fast = closing_reader(test, "fast", 1), slow = closing_reader(test, "slow", 1);

	closing_reader(test, "peaks", 1);	/* takes peaks alone */
	closing_some(test, 5);
	closing_ack(test, slow, 0);
	closing_ack(test, fast, 4);
	closing_expect(test, 1, 5);
	closing_ack(test, slow, 3);
	closing_expect(test, 4, 5);
	closing_forget(test, slow);
	closing_expect(test, 5, 5);
	/* With nobody left the rest waits for the next one. */
	closing_forget(test, fast);
	closing_some(test, 1);
	closing_expect(test, 5, 6);
	closing_ack(test, closing_reader(test, "next", 1), 6);
	closing_expect(test, 7, 6);
}

static void closing_reader_that_loses_its_place_is_not_waited_for(struct kunit *test)
{
	int slow = closing_reader(test, "slow", 1), fast = closing_reader(test, "fast", 2), i;
	char name[] = "r0";

	closing_some(test, 4);
	closing_ack(test, slow, 1);
	closing_ack(test, fast, 3);
	closing_expect(test, 2, 4);
	for (i = 2; i < BC_READERS_MAX; i++) {
		name[1] = '0' + i;
		closing_reader(test, name, 3);
	}
	KUNIT_EXPECT_EQ(test, closing_reader(test, "new", 1 + BC_READER_IDLE_NS), slow);
	/* Who has its place now has acknowledged nothing, and is not waited for either. */
	closing_expect(test, 4, 4);
	closing_ack(test, slow, 0);
	closing_ack(test, fast, 4);
	closing_expect(test, 4, 4);
}

static void closing_numbers_do_not_come_twice(struct kunit *test)
{
	struct bc_tree *tree = closing_tree(test), *again = kunit_kzalloc(test, sizeof(*again),
									  GFP_KERNEL);
	u64 loaded = tree->loaded, incarnation;

	KUNIT_ASSERT_TRUE(test, again);
	pools_add(test, "a", tree->host);
	pools_add(test, "b", tree->host);
	incarnation = pools_find(test, "b")->incarnation;
	/* The module takes longer than that for one pool. */
	usleep_range(100, 200);
	KUNIT_ASSERT_EQ(test, bc_tree_init(again, 1, NULL), 0);
	KUNIT_EXPECT_GT(test, again->loaded, loaded);
	KUNIT_EXPECT_GT(test, again->host->incarnation, incarnation);
	KUNIT_EXPECT_GT(test, again->generation, tree->generation);
	bc_tree_destroy(again);
}

static struct kunit_case closing_cases[] = {
	KUNIT_CASE(closing_records_stand_in_a_queue),
	KUNIT_CASE(closing_queue_is_bounded_and_counts_what_is_lost),
	KUNIT_CASE(closing_records_go_when_they_are_acknowledged),
	KUNIT_CASE(closing_records_wait_for_all_who_acknowledge),
	KUNIT_CASE(closing_reader_that_loses_its_place_is_not_waited_for),
	KUNIT_CASE(closing_numbers_do_not_come_twice),
	{}
};

static struct kunit_suite closing_suite = {
	.name = "beancounter_closing",
	.init = closing_test_init,
	.exit = pools_exit,
	.test_cases = closing_cases,
};

kunit_test_suite(closing_suite);
