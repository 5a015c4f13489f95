// SPDX-License-Identifier: GPL-2.0
/*
 * Closing records: the final figures of pools that are gone
 *
 * Whoever writes invoices looks at the figures now and then. What a pool did after the
 * last look is in its closing record, and so is a pool that lived between two looks.
 *
 * Records stand in a queue, in the order in which the pools were released, each with a
 * number. A reader acknowledges all records up to a number, when it has stored them. A
 * record goes when all readers that acknowledge have acknowledged it; a reader that
 * never did is not waited for, nor one that has lost its place. While there is none,
 * records wait for the first one.
 *
 * A queue is only so long: then the oldest record goes for the newest, and is counted.
 * A reader sees by the numbers whether it has missed any.
 *
 * All is under the tree mutex.
 */
#include <linux/list.h>
#include <linux/slab.h>

#include "closing.h"

/**
 * bc_closings_init() - make an empty queue
 * @all: queue
 * @max: how many records there may be, at least 1
 * @serial: the last number that was used up already
 */
void bc_closings_init(struct bc_closings *all, unsigned int max, u64 serial)
{
	INIT_LIST_HEAD(&all->list);
	all->nr = 0;
	all->max = max;
	all->serial = serial;
	all->lost = 0;
}

/**
 * bc_closing_free() - free a record that is in no queue
 * @closing: record, or NULL
 */
void bc_closing_free(struct bc_closing *closing)
{
	if (closing)
		bc_snap_put(closing->snap);
	kfree(closing);
}

static void bc_closing_drop(struct bc_closings *all, struct bc_closing *closing)
{
	list_del(&closing->link);
	all->nr--;
	bc_closing_free(closing);
}

static struct bc_closing *bc_closing_first(struct bc_closings *all)
{
	return list_first_entry_or_null(&all->list, struct bc_closing, link);
}

/**
 * bc_closings_destroy() - free all records
 * @all: queue
 */
void bc_closings_destroy(struct bc_closings *all)
{
	struct bc_closing *closing;

	while ((closing = bc_closing_first(all)))
		bc_closing_drop(all, closing);
}

/**
 * bc_closing_add() - a record is complete
 * @all: queue, which owns the record from now on
 * @closing: record; it gets its number
 */
void bc_closing_add(struct bc_closings *all, struct bc_closing *closing)
{
	while (all->nr >= all->max) {
		bc_closing_drop(all, bc_closing_first(all));
		all->lost++;
	}
	closing->serial = ++all->serial;
	list_add_tail(&closing->link, &all->list);
	all->nr++;
}

/**
 * bc_closing_next() - the oldest record after a number
 * @all: queue
 * @serial: number, which no record need have
 *
 * Return: record, or NULL when there is none.
 */
struct bc_closing *bc_closing_next(struct bc_closings *all, u64 serial)
{
	struct bc_closing *closing;

	list_for_each_entry(closing, &all->list, link)
		if (closing->serial > serial)
			return closing;
	return NULL;
}

/**
 * bc_closings_trim() - drop what all readers have acknowledged
 * @tree: tree
 */
void bc_closings_trim(struct bc_tree *tree)
{
	struct bc_closing *closing;
	const struct bc_reader *reader;
	u64 acked = U64_MAX;
	bool any = false;

	for (reader = tree->readers; reader < tree->readers + BC_READERS_MAX; reader++) {
		if (!reader->name[0] || !reader->acks)
			continue;
		any = true;
		acked = min(acked, reader->acked);
	}
	while (any && (closing = bc_closing_first(&tree->closed)) && closing->serial <= acked)
		bc_closing_drop(&tree->closed, closing);
}

/**
 * bc_closing_ack() - a reader has stored all records up to a number
 * @tree: tree
 * @reader: number of the reader
 * @serial: number, not above the last one that was used
 *
 * What it has acknowledged already stays acknowledged.
 */
void bc_closing_ack(struct bc_tree *tree, int reader, u64 serial)
{
	struct bc_reader *who = &tree->readers[reader];

	who->acked = who->acks ? max(who->acked, serial) : serial;
	who->acks = true;
	bc_closings_trim(tree);
}
