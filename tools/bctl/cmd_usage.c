// SPDX-License-Identifier: GPL-2.0
/*
 * bctl usage
 *
 * What pools used in a period, out of the store of "bctl collect". Needs neither the
 * module nor any privilege but to read the store.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "cmd_usage.h"
#include "fetch.h"
#include "invoice.h"
#include "print.h"
#include "usage_events.h"
#include "usage_live.h"

static int bctl_usage_time(struct bctl *b, const char *option, const char *text, int64_t now,
			   int64_t *ms)
{
	const char *why;

	if (!text || !bc_time_parse(text, now, ms, &why))
		return BCTL_OK;
	return bctl_usage(b, "--%s %.*s: %s", option, BC_WORD_MAX, text, why);
}

/**
 * bctl_usage_period() - read --from and --to
 * @b: the run
 * @from: a time; NULL is the first of this month
 * @to: a time; NULL is now
 * @period: receives them
 *
 * Return: BCTL_OK or BCTL_USAGE.
 */
int bctl_usage_period(struct bctl *b, const char *from, const char *to, struct bc_span *period)
{
	int64_t now = bc_now_ms();
	int status;

	period->begin = bc_step_begin(BC_STEP_MONTH, now);
	period->end = now;
	status = bctl_usage_time(b, "from", from, now, &period->begin);
	if (!status)
		status = bctl_usage_time(b, "to", to, now, &period->end);
	if (!status && period->begin >= period->end)
		status = bctl_usage(b, "the period is empty: it ends before it begins");
	return status;
}

/**
 * bctl_usage_open() - open the store and find the pools
 * @b: the run
 * @path: its file, NULL for the usual one
 * @ask: what is asked for
 * @db: the store, to be closed by bc_db_close() in any case
 * @groups: the pools, to be ended by bc_groups_clear() in any case
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_usage_open(struct bctl *b, const char *path, const struct bc_ask *ask,
		    struct bc_db *db, struct bc_groups *groups)
{
	const char *unknown;
	int ret;

	if (!path)
		path = BC_USAGE_DB;
	ret = bc_db_open(db, path);
	if (ret)
		return bctl_fail(b, path, "%s%s", db->why, ret == -ENOENT ?
				 "; \"bctl collect\" makes it, and --live does without" : "");
	ret = bc_groups_make(groups, db, ask, &unknown);
	if (ret == -ENOENT)
		return bctl_fail(b, unknown, "no record of such a pool");
	return ret ? bctl_fail_nl(b, NULL, ret) : BCTL_OK;
}

/**
 * bctl_usage_fail() - say why a store could not be read
 * @b: the run
 * @db: the store
 * @ret: what was returned
 *
 * Return: BCTL_FAILED.
 */
int bctl_usage_fail(struct bctl *b, const struct bc_db *db, int ret)
{
	if (*db->why)
		return bctl_fail(b, NULL, "%s", db->why);
	return bctl_fail(b, NULL, "%s", ret == -E2BIG ?
			 "more than ten years of records; give a shorter period" : strerror(-ret));
}

/**
 * struct bc_usage_out - how usage is printed
 * @p: the printer
 * @flow: bit by bit, as JSON or CSV; else as tables when all is there
 * @full: with every resource
 * @count: how many pools have been printed
 */
struct bc_usage_out {
	struct bc_printer p;
	bool flow;
	bool full;
	size_t count;
};

static struct bc_usage_out bctl_usage_printer(struct bctl *b, const struct bc_ask *ask, bool csv)
{
	return (struct bc_usage_out){ .p = bctl_printer(b), .flow = b->json || csv,
				      .full = *ask->names };
}

/* To be called when a group has come to the document. */
static int bc_usage_next(struct bc_usage_out *o, struct bc_doc *doc)
{
	return doc->err ? doc->err : o->flow ? bc_usage_pools(&o->p, doc, &o->count) : 0;
}

static int bc_usage_begin(struct bc_usage_out *o, struct bc_doc *doc, const struct bc_db *db,
			  const struct bc_ask *ask)
{
	o->p.page_size = db->page_size;
	bc_doc_usage(doc, db, ask);
	return doc->err ? doc->err : o->flow ? bc_usage_head(&o->p, doc) : 0;
}

static int bc_usage_end(struct bc_usage_out *o, struct bc_doc *doc)
{
	if (!o->flow)
		return bc_print(&o->p, doc, o->full ? BC_VIEW_USAGE_FULL : BC_VIEW_USAGE);
	bc_usage_tail(&o->p);
	return 0;
}

static int bctl_usage_out(struct bctl *b, struct bc_db *db, const struct bc_groups *groups,
			  const struct bc_ask *ask, bool csv)
{
	struct bc_usage_out o = bctl_usage_printer(b, ask, csv);
	struct bc_sums sums = { 0 };
	struct bc_doc doc = { 0 };
	int ret = bc_usage_begin(&o, &doc, db, ask);
	size_t i;

	for (i = 0; i < groups->count && !ret; i++) {
		ret = bc_group_sums(db, &groups->v[i], ask, &sums);
		if (!ret)
			bc_doc_usage_group(&doc, db, ask, &groups->v[i], &sums);
		bc_sums_clear(&sums);
		if (!ret)
			ret = bc_usage_next(&o, &doc);
	}
	if (!ret)
		ret = bc_usage_end(&o, &doc);
	bc_doc_end(&doc);
	return ret ? bctl_usage_fail(b, db, ret) : BCTL_OK;
}

static int bctl_tariff_open(struct bctl *b, const char *path, const struct bc_db *db,
			    struct bc_tariff *tariff)
{
	struct bc_tariff_reader r = { .res = db->res, .nres = db->nres,
				      .page_size = db->page_size };
	FILE *file = fopen(path, "re");
	char where[BC_WORD_MAX + 16];
	int ret;

	if (!file)
		return bctl_fail(b, path, "%s", strerror(errno));
	ret = bc_tariff_read(tariff, &r, file);
	fclose(file);
	if (!ret)
		return BCTL_OK;
	snprintf(where, sizeof(where), "%.*s:%u", BC_WORD_MAX, path, r.line);
	return bctl_fail(b, where, "%s", r.why);
}

static int bctl_invoice_sum(struct bctl *b, struct bc_invoice *inv,
			    const struct bc_groups *groups, struct bc_doc *doc)
{
	struct bc_sums sums = { 0 };
	int ret = 0;
	size_t i;

	bc_doc_invoice(doc, inv);
	for (i = 0; i < groups->count && !ret; i++) {
		ret = bc_group_sums(inv->db, &groups->v[i], inv->ask, &sums);
		if (!ret)
			ret = bc_doc_invoice_group(doc, inv, &groups->v[i], &sums);
		bc_sums_clear(&sums);
	}
	bc_doc_invoice_total(doc, inv);
	if (ret == -ERANGE)
		return bctl_fail(b, groups->v[i - 1].name, "an amount is too large to be computed exactly");
	return ret ? bctl_usage_fail(b, inv->db, ret) : BCTL_OK;
}

static int bctl_invoice(struct bctl *b, struct bc_db *db, const struct bc_groups *groups,
			const struct bc_ask *ask, const char *path, bool explain, bool csv)
{
	struct bc_tariff tariff = { 0 };
	struct bc_invoice inv = { .db = db, .ask = ask, .tariff = &tariff, .explain = explain };
	struct bc_printer p = bctl_printer(b);
	struct bc_doc doc = { 0 };
	const char *lower, *upper;
	int status = bctl_tariff_open(b, path, db, &tariff), ret;

	if (!status && !ask->tree && bc_invoice_twice(db, groups, &lower, &upper))
		status = bctl_fail(b, lower, "is below %s, so what it used would be paid twice; use --tree, or name one of them",
				   upper);
	if (!status)
		status = bctl_invoice_sum(b, &inv, groups, &doc);
	if (!status) {
		ret = bc_print(&p, &doc, csv ? BC_VIEW_INVOICE_CSV : BC_VIEW_INVOICE);
		status = ret ? bctl_fail_nl(b, NULL, ret) : BCTL_OK;
	}
	bc_doc_end(&doc);
	bc_tariff_clear(&tariff);
	return status;
}

static int bctl_usage_check(struct bctl *b, const struct bc_ask *ask, bool csv, bool events,
			    const char *price, bool explain)
{
	if (explain && !price)
		return bctl_usage(b, "--explain needs --price");
	if (price && (ask->step != BC_STEP_NONE || ask->lives || events))
		return bctl_usage(b, "--price takes no --by, --incarnations or --cloudevents");

	if (b->json + csv + events > 1)
		return bctl_usage(b, "only one of -j, --csv and --cloudevents");
	if (events && (ask->step != BC_STEP_NONE || ask->tree || ask->lives))
		return bctl_usage(b, "--cloudevents writes each record; it takes no --by, --tree or --incarnations");
	return BCTL_OK;
}

static int bc_live_out(struct bc_usage_out *o, const struct bc_snapshot *snap,
		       struct bc_ask *ask, struct bc_db *db, const char **unknown)
{
	struct bc_groups groups = { 0 };
	struct bc_sums sums = { 0 };
	struct bc_doc doc = { 0 };
	size_t i;
	int ret;

	ask->period = (struct bc_span){ db->reach, db->reach, NULL };
	for (i = 0; i < db->npools; i++)
		if (db->pools[i].created < ask->period.begin)
			ask->period.begin = db->pools[i].created;
	ret = bc_groups_make(&groups, db, ask, unknown);
	if (!ret)
		ret = bc_usage_begin(o, &doc, db, ask);
	for (i = 0; i < groups.count && !ret; i++) {
		ret = bc_live_sums(db, snap, groups.v[i].members[0], ask, &sums);
		if (!ret)
			bc_doc_usage_group(&doc, db, ask, &groups.v[i], &sums);
		bc_sums_clear(&sums);
		if (!ret)
			ret = bc_usage_next(o, &doc);
	}
	if (!ret)
		ret = bc_usage_end(o, &doc);
	bc_doc_end(&doc);
	bc_groups_clear(&groups);
	return ret;
}

/* Totals since each pool was made, from the module. */
static int bctl_usage_live(struct bctl *b, struct bc_ask *ask, bool csv)
{
	struct bc_usage_out o = bctl_usage_printer(b, ask, csv);
	struct bc_snapshot snap = { 0 };
	struct bc_db db = { 0 };
	char node[HOST_NAME_MAX + 1] = "";
	int status = bctl_fetch_named(b, &snap, 0, NULL), ret;
	const char *unknown = NULL;

	if (!status) {
		gethostname(node, sizeof(node) - 1);
		/* Two pools may have one name, while the older one is dying. */
		ask->lives = true;
		ret = bc_live_store(&db, &snap, node, bc_now_ms());
		if (!ret)
			ret = bc_live_out(&o, &snap, ask, &db, &unknown);
		if (ret)
			status = unknown ? bctl_fail(b, unknown, "there is no such pool") :
				bctl_usage_fail(b, &db, ret);
	}
	bc_db_close(&db);
	bc_snapshot_clear(&snap);
	return status;
}

/**
 * cmd_usage() - bctl usage
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_usage(struct bctl *b, int argc, char **argv)
{
	const char *names[BC_MANY_MAX + 1] = { NULL }, *from = NULL, *to = NULL, *by = NULL;
	const char *path = NULL, *price = NULL;
	struct bc_ask ask = { .names = names };
	bool csv = false, events = false, explain = false, live = false;
	const struct bc_opt opts[] = {
		{ "from", 0, NULL, &from }, { "to", 0, NULL, &to },
		{ "pool", BC_OPT_MANY, NULL, names }, { "tree", 0, &ask.tree, NULL },
		{ "incarnations", 0, &ask.lives, NULL }, { "by", 0, NULL, &by },
		{ "db", 0, NULL, &path }, { "csv", 0, &csv, NULL },
		{ "cloudevents", 0, &events, NULL }, { "price", 0, NULL, &price },
		{ "explain", 0, &explain, NULL }, { "live", 0, &live, NULL },
		BC_OPT_JSON(b), BC_OPT_RAW(b), BC_OPT_END
	};
	struct bc_groups groups = { 0 };
	struct bc_db db = { 0 };
	int status = bctl_args(b, &argc, argv, opts), ret;

	if (status >= 0)
		return status;
	if (argc)
		return bctl_usage(b, "unexpected argument '%.*s'; pools are named by --pool",
				  BC_WORD_MAX, argv[0]);
	if (by && bc_step_parse(by, &ask.step))
		return bctl_usage(b, "--by %.*s: not hour, day or month", BC_WORD_MAX, by);
	if (live && (from || to || by || path || price || events || ask.lives))
		return bctl_usage(b, "--live tells of all that was used since the pools were made; it takes only --pool, --tree, --csv, -j and -b");
	status = bctl_usage_period(b, from, to, &ask.period);
	if (!status)
		status = bctl_usage_check(b, &ask, csv, events, price, explain);
	ask.top = price && !*names && !ask.tree;
	if (!status && live)
		return bctl_usage_live(b, &ask, csv);
	if (!status)
		status = bctl_usage_open(b, path, &ask, &db, &groups);
	if (!status && events) {
		ret = bc_usage_events(&db, &groups, &ask.period, stdout);
		status = ret ? bctl_usage_fail(b, &db, ret) : BCTL_OK;
	} else if (!status && price) {
		status = bctl_invoice(b, &db, &groups, &ask, price, explain, csv);
	} else if (!status) {
		status = bctl_usage_out(b, &db, &groups, &ask, csv);
	}
	bc_groups_clear(&groups);
	bc_db_close(&db);
	return status;
}
