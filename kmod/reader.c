// SPDX-License-Identifier: GPL-2.0
/*
 * Readers: the highest held of everybody's own interval
 *
 * A counter keeps one peak beside maxheld, that of the interval which runs now.
 * When a reader takes its peaks, this interval is closed: its peak is folded
 * into what each reader has of that counter, and the next interval begins with
 * what is held. So each reader gets the peak since its own last taking, no
 * reader resets another's, and a charge pays for none of them.
 *
 * A reader is a name. It comes into being with its first taking, which can only
 * begin its first interval, and is one of BC_READERS_MAX. If all places are
 * taken, the reader that has not taken anything for longest gives its place up,
 * if that is an hour at least; else the new one is refused.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "closing.h"
#include "reader.h"

/**
 * bc_reader_name_valid() - is this a name of a reader?
 * @name: string
 *
 * Return: true for 1..BC_READER_NAME_MAX characters of those of a pool's name.
 */
bool bc_reader_name_valid(const char *name)
{
	return bc_pool_name_valid(name) && strlen(name) <= BC_READER_NAME_MAX;
}

/**
 * bc_reader_find() - find a reader
 * @tree: tree
 * @name: its name
 *
 * Context: under the tree mutex.
 * Return: its number, or -ENOENT.
 */
int bc_reader_find(const struct bc_tree *tree, const char *name)
{
	int i;

	for (i = 0; i < BC_READERS_MAX; i++)
		if (tree->readers[i].name[0] && !strcmp(tree->readers[i].name, name))
			return i;
	return -ENOENT;
}

/* Closes the interval of one counter and gives every reader its part of it. */
static void bc_reader_fold(struct bc_pool *pool, enum bc_res res)
{
	u64 peak = bc_counter_take_peak(&pool->cnt[res]);
	int i;

	for (i = 0; i < BC_READERS_MAX; i++)
		pool->peaks[i][res] = max(pool->peaks[i][res], peak);
}

/* The place for a new reader, or -ENOSPC. */
static int bc_reader_place(const struct bc_tree *tree, u64 now)
{
	int i, oldest = 0;

	for (i = 0; i < BC_READERS_MAX; i++) {
		if (!tree->readers[i].name[0])
			return i;
		if (tree->readers[i].taken < tree->readers[oldest].taken)
			oldest = i;
	}
	return now - tree->readers[oldest].taken >= BC_READER_IDLE_NS ? oldest : -ENOSPC;
}

/**
 * bc_reader_open() - make a reader; its interval begins
 * @tree: tree
 * @name: valid name that no reader has
 * @now: time, CLOCK_BOOTTIME ns
 *
 * Context: under the tree mutex.
 * Return: its number; -ENOSPC when there are too many.
 */
int bc_reader_open(struct bc_tree *tree, const char *name, u64 now)
{
	int reader = bc_reader_place(tree, now), res;
	struct bc_pool *pool;

	lockdep_assert_held(&tree->lock);
	if (reader < 0)
		return reader;
	strscpy(tree->readers[reader].name, name, sizeof(tree->readers[reader].name));
	tree->readers[reader].taken = now;
	tree->readers[reader].acks = false;
	bc_closings_trim(tree);
	for (pool = tree->host; pool; pool = bc_pool_next_pre(pool, tree->host))
		for (res = 0; res < BC_NR_RES; res++) {
			bc_reader_fold(pool, res);
			pool->peaks[reader][res] = 0;
		}
	return reader;
}

/**
 * bc_reader_close() - forget a reader
 * @tree: tree
 * @reader: its number
 *
 * Context: under the tree mutex.
 */
void bc_reader_close(struct bc_tree *tree, int reader)
{
	lockdep_assert_held(&tree->lock);
	tree->readers[reader].name[0] = '\0';
	bc_closings_trim(tree);
}

/**
 * bc_reader_take() - close the interval of a pool and take a reader's peaks
 * @pool: pool
 * @reader: number of the reader
 * @peaks: where they are stored
 *
 * Context: under the tree mutex. With charging excluded the peaks are exact; see
 * bc_counter_take_peak() for what they are else.
 */
void bc_reader_take(struct bc_pool *pool, int reader, u64 peaks[BC_NR_RES])
{
	int res;

	for (res = 0; res < BC_NR_RES; res++) {
		bc_reader_fold(pool, res);
		peaks[res] = pool->peaks[reader][res];
		pool->peaks[reader][res] = 0;
	}
}
