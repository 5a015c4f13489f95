// SPDX-License-Identifier: GPL-2.0
/*
 * Reading the module for the store, round by round
 *
 * A closing record is kept here until it is stored, and in the module until it is told so; if
 * some were lost on the way the module is asked for them. Only when it unloads there is nobody
 * to ask any more, and what it sent on leaving is all there is.
 *
 * The module may go and come at any time. Then all of the connection begins anew; what is
 * in the store is never in doubt, because records are made from that and from the module's
 * figures alone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/beancounter.h>

#include "booking.h"
#include "cli.h"
#include "collector.h"
#include "fetch.h"
#include "ledger.h"

/* Errors of the store, by whether it makes sense to try again. */
static enum bc_round bc_collector_trouble(struct bc_collector *c, int ret)
{
	snprintf(c->said, sizeof(c->said), "the store: %s", bc_ledger_message(c->ledger));
	return ret == -EBADMSG || ret == -EROFS ? BC_ROUND_FATAL : BC_ROUND_AGAIN;
}

/* The same of one that could not be opened. A full disk may have room later, a reader may go. */
static enum bc_round bc_collector_shut(struct bc_collector *c, const char *path, int ret)
{
	enum bc_round round = BC_ROUND_AGAIN;

	(void)bc_collector_trouble(c, ret);
	if (ret != -ENOSPC && ret != -EAGAIN) {
		snprintf(c->said, sizeof(c->said), "%s: %s", path, bc_ledger_message(c->ledger));
		round = BC_ROUND_FATAL;
	}
	bc_ledger_close(c->ledger);
	c->ledger = NULL;
	return round;
}

static int bc_collector_ack(struct bc_collector *c, uint64_t serial)
{
	int ret = bcn_acknowledge(c->ask.nl, c->reader, serial);

	/* A module without closing records has nothing to acknowledge. */
	return ret == -EOPNOTSUPP ? 0 : ret;
}

/*
 * Are the next peaks those since the newest record? Not if this reader is a new one, and not
 * if its peaks were taken since, as by a collector that was killed before it stored them.
 */
static bool bc_collector_fresh_peaks(struct bc_collector *c)
{
	char text[BC_BOOT_ID_MAX + 24];
	unsigned long long taken = 0;
	const struct bcn_reader *reader;
	struct bcn_list *list = NULL;
	size_t len = strlen(c->boot), i;
	bool fresh = false;

	if (bc_ledger_get_meta(c->ledger, "taken", text, sizeof(text)) ||
	    strncmp(text, c->boot, len) || sscanf(text + len, " %llu", &taken) != 1)
		return false;
	if (bcn_readers(c->ask.nl, &list))
		return false;
	for (i = 0; i < bcn_list_count(list); i++) {
		reader = bcn_list_reader(list, i);
		if (reader->name && !strcmp(reader->name, c->reader))
			fresh = reader->taken <= taken;
	}
	bcn_list_free(list);
	return fresh;
}

static const char *bc_collector_unit(uint32_t unit)
{
	return unit == BC_UNIT_PAGES ? "pages" : unit == BC_UNIT_BYTES ? "bytes" : "items";
}

/* Write down what goes for all records of this load of the module. */
static int bc_collector_facts(struct bc_collector *c, const struct bc_snapshot *snap,
			      uint32_t page_size)
{
	char text[16];
	size_t i;
	int ret = bc_ledger_begin(c->ledger);

	if (ret)
		return ret;
	for (i = 0; i < snap->nres && !ret; i++)
		ret = bc_ledger_put_res(c->ledger, snap->res[i].id, snap->res[i].name,
					bc_collector_unit(snap->res[i].unit));
	snprintf(text, sizeof(text), "%u", page_size);
	if (!ret)
		ret = bc_ledger_put_meta(c->ledger, "page_size", text);
	return bc_ledger_end(c->ledger, ret);
}

static enum bc_round bc_collector_learn(struct bc_collector *c, struct bc_snapshot *snap)
{
	struct bcn_list *list = NULL;
	const struct bcn_info *info;
	int ret = bcn_module(c->ask.nl, &list);

	if (ret) {
		bctl_fail_nl(&c->ask, NULL, ret);
		return BC_ROUND_AGAIN;
	}
	info = bcn_list_info(list);
	c->instance = info->instance;
	ret = bctl_fetch_resources(&c->ask, snap);
	if (!ret) {
		ret = bc_collector_facts(c, snap, BCN_HAS(info, BC_A_PAGE_SIZE) ?
					 info->page_size : bc_page_size());
		if (ret)
			bc_collector_trouble(c, ret);
	}
	bcn_list_free(list);
	return ret ? BC_ROUND_AGAIN : BC_ROUND_DONE;
}

/*
 * Connect, if that is not so, and first of all listen: what comes from now on is heard of.
 * From the first acknowledgment on the module keeps closing records for this reader.
 */
static enum bc_round bc_collector_meet(struct bc_collector *c)
{
	struct bc_snapshot snap = { 0 };
	enum bc_round round;
	int ret;

	if (c->known)
		return BC_ROUND_DONE;
	round = c->listens ? bc_collector_listen(c) : BC_ROUND_DONE;
	if (round != BC_ROUND_DONE)
		return round;
	if (bctl_open(&c->ask)) {
		bc_collector_part(c);
		return BC_ROUND_ABSENT;
	}
	c->peaks = bc_collector_fresh_peaks(c);
	ret = bc_collector_ack(c, 0);
	if (ret) {
		bctl_fail_nl(&c->ask, NULL, ret);
		return ret == -EPERM || ret == -EINVAL ? BC_ROUND_FATAL : BC_ROUND_AGAIN;
	}
	c->stored = 0;
	round = bc_collector_learn(c, &snap);
	bc_snapshot_clear(&snap);
	c->known = round == BC_ROUND_DONE;
	return round;
}

/*
 * Ask for the closing records that are not stored. Those at hand that are not older are among
 * them; older ones are from a module that has gone, or had to go because they were too many.
 */
static int bc_collector_gather(struct bc_collector *c)
{
	struct bcn_list *list;
	int ret = bcn_closed(c->ask.nl, c->stored, &list);
	size_t i;

	for (i = 0; i < bcn_list_count(list); i++) {
		if (bcn_list_closed(list, i))
			bc_pending_cut(&c->closed, bcn_list_closed(list, i)->serial);
		else
			bctl_note(c->b, NULL, "skipped a malformed closing record");
	}
	if (!ret)
		ret = bc_pending_add(&c->closed, list);
	c->dumped = !ret;
	/* A module of before has none. */
	return ret == -EOPNOTSUPP ? 0 : ret;
}

/* What is stored is acknowledged; if that fails it is the next time. */
static void bc_collector_stored(struct bc_collector *c, const struct bc_booking *k)
{
	bc_pending_clear(&c->closed);
	c->stored = k->serial;
	c->records += k->written;
	if (c->ask.nl && c->stored)
		(void)bc_collector_ack(c, c->stored);
}

static enum bc_round bc_collector_book(struct bc_collector *c, const struct bc_snapshot *snap)
{
	struct bc_booking k;
	int ret = bc_book(c, snap, &c->closed, &k);

	if (ret) {
		/* The peaks of the dump are gone. */
		c->peaks &= !snap;
		return bc_collector_trouble(c, ret);
	}
	c->peaks |= !!snap;
	bc_collector_stored(c, &k);
	return BC_ROUND_DONE;
}

/*
 * What the module sent when it left is stored without it, and also if it has come again and we
 * may not listen any more.
 */
static enum bc_round bc_collector_without(struct bc_collector *c, enum bc_round round)
{
	char said[BC_SAID_MAX];
	enum bc_round book;

	if (round == BC_ROUND_AGAIN || !c->closed.count)
		return round;
	memcpy(said, c->said, sizeof(said));
	book = bc_collector_book(c, NULL);
	if (book != BC_ROUND_DONE)
		return book;
	memcpy(c->said, said, sizeof(said));
	return round;
}

static enum bc_round bc_collector_try(struct bc_collector *c)
{
	enum bc_round round = bc_collector_meet(c);
	struct bc_snapshot snap = { 0 };

	if (round != BC_ROUND_DONE)
		return bc_collector_without(c, round);
	c->ask.reader = c->reader;
	if (bctl_fetch_figures(&c->ask, &snap) || bc_collector_gather(c)) {
		/* The peaks may have been taken, or not. */
		c->peaks = false;
		round = BC_ROUND_AGAIN;
	} else {
		round = bc_collector_book(c, &snap);
	}
	bc_snapshot_clear(&snap);
	return round;
}

/* Do it, and once more on a new connection: the module may be another one by now. */
static enum bc_round bc_collector_twice(struct bc_collector *c,
					enum bc_round (*what)(struct bc_collector *c))
{
	bool known = c->known;
	enum bc_round round;

	c->said[0] = '\0';
	round = what(c);
	if (round != BC_ROUND_AGAIN || !known || !strncmp(c->said, "the store", 9))
		return round;
	bc_collector_part(c);
	return what(c);
}

/*
 * Because the clock was set back there may be records of this time already. Pools of an earlier
 * boot have theirs; a clock that is behind when the machine starts keeps nobody waiting.
 */
static int bc_collector_hold(struct bc_collector *c)
{
	struct bc_now now;
	int64_t newest;
	int ret = bc_ledger_newest(c->ledger, c->boot, &newest);

	bc_clock_now(&now);
	c->holding = ret || newest == INT64_MIN ? 0 : bc_meter_hold(newest, now.utc_ms);
	return ret;
}

/**
 * bc_collector_round() - write a record of each pool
 * @c: the collector
 *
 * After the clock was set back, just the closing records are written for a while.
 *
 * Return: what came of it.
 */
enum bc_round bc_collector_round(struct bc_collector *c)
{
	int ret = bc_collector_hold(c);

	if (ret)
		return bc_collector_trouble(c, ret);
	if (c->holding)
		return bc_collector_closings(c);
	return bc_collector_twice(c, bc_collector_try);
}

static enum bc_round bc_collector_try_closings(struct bc_collector *c)
{
	enum bc_round round = bc_collector_meet(c);

	if (round != BC_ROUND_DONE)
		return bc_collector_without(c, round);
	if (!c->dumped && bc_collector_gather(c))
		return BC_ROUND_AGAIN;
	return c->closed.count ? bc_collector_book(c, NULL) : BC_ROUND_DONE;
}

/**
 * bc_collector_closings() - write the closing records that have come
 * @c: the collector
 *
 * Return: what came of it.
 */
enum bc_round bc_collector_closings(struct bc_collector *c)
{
	return bc_collector_twice(c, bc_collector_try_closings);
}

static enum bc_round bc_collector_try_sight(struct bc_collector *c)
{
	enum bc_round round = bc_collector_meet(c);
	struct bc_snapshot snap = { 0 };
	int ret;

	if (round != BC_ROUND_DONE)
		return round;
	c->ask.reader = NULL;
	ret = bctl_fetch_figures(&c->ask, &snap);
	if (ret) {
		round = BC_ROUND_AGAIN;
	} else {
		ret = bc_book_rows(c, &snap);
		if (ret)
			round = bc_collector_trouble(c, ret);
	}
	bc_snapshot_clear(&snap);
	c->sighted &= round != BC_ROUND_DONE;
	return round;
}

/**
 * bc_collector_sight() - make rows for new pools
 * @c: the collector
 *
 * Return: what came of it.
 */
enum bc_round bc_collector_sight(struct bc_collector *c)
{
	return bc_collector_twice(c, bc_collector_try_sight);
}

/* The facts that do not depend on the module. */
static int bc_collector_put_meta(struct bc_collector *c)
{
	char text[256];
	int ret = bc_ledger_get_meta(c->ledger, "node", text, sizeof(text));

	if (!ret && !*text)
		ret = bc_ledger_put_meta(c->ledger, "node", c->node);
	if (!ret)
		ret = bc_ledger_put_meta(c->ledger, "schema", "1");
	snprintf(text, sizeof(text), "%u", c->step_ms / 1000);
	return ret ? ret : bc_ledger_put_meta(c->ledger, "interval_s", text);
}

/**
 * bc_collector_begin() - open the store, if that is not so
 * @c: the collector, with what its options tell
 * @path: the file
 *
 * It may already listen: what it hears meanwhile is not lost.
 *
 * Return: what came of it.
 */
enum bc_round bc_collector_begin(struct bc_collector *c, const char *path)
{
	int ret;

	if (c->ledger)
		return BC_ROUND_DONE;
	ret = bc_clock_boot_id(c->boot);
	c->ask = *c->b;
	c->ask.nl = NULL;
	c->ask.said = c->said;
	if (ret) {
		snprintf(c->said, sizeof(c->said), "the boot id: %s", strerror(-ret));
		return BC_ROUND_FATAL;
	}
	ret = bc_ledger_open(&c->ledger, path);
	if (!ret)
		ret = bc_ledger_begin(c->ledger);
	if (!ret)
		ret = bc_ledger_end(c->ledger, bc_collector_put_meta(c));
	return ret ? bc_collector_shut(c, path, ret) : BC_ROUND_DONE;
}

/**
 * bc_collector_end() - forget all
 * @c: the collector; its store is closed, too
 */
void bc_collector_end(struct bc_collector *c)
{
	bc_collector_part(c);
	bc_pending_clear(&c->closed);
	bc_ledger_close(c->ledger);
	c->ledger = NULL;
}
