// SPDX-License-Identifier: GPL-2.0
/*
 * bctl collect
 *
 * Writes a record of each pool whenever a multiple of the interval has passed in UTC, and the
 * closing records of pools as they come. Nothing that can go wrong with the store or the
 * module ends it, as long as it may come right again: it says so once, and goes on trying.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/beancounter.h>

#include "caps.h"
#include "cli.h"
#include "collector.h"
#include "compact.h"
#include "host.h"
#include "ledger.h"
#include "meter.h"
#include "mhz.h"
#include "notify.h"
#include "parse.h"
#include "shipping.h"
#include "wake.h"

#define BC_COLLECT_DB		"/var/lib/beancounter/usage.db"
#define BC_COLLECT_INTERVAL	300
#define BC_COLLECT_LONGEST	3600
#define BC_COLLECT_KEEP		"90d:400d:forever"
#define BC_COLLECT_READER	"collect"
/*
 * How long it sleeps at most. The clock may be set meanwhile, and then it would sleep for too
 * long by so much.
 */
#define BC_COLLECT_TICK_MS	10000
/* How often to look whether the module is there, and to try again what failed. */
#define BC_COLLECT_RETRY_MS	5000
/* New pools are looked for at most so often. */
#define BC_COLLECT_SIGHT_MS	1000
/* A reader that is idle for an hour may lose its place. */
#define BC_COLLECT_COMPACT_MS	200

/**
 * struct bc_collect - a run of bctl collect
 * @c: what it collects with
 * @keep: how long records are kept
 * @ship: who sends them elsewhere
 * @wake: descriptor of the signals
 * @due_ms: when the next records are written, UTC
 * @again_ns: when to try again, 0 if nothing failed
 * @sight_ns: when new pools may be looked for
 * @told: what went wrong last, and was said
 * @waits: the destination that waits for records, and was told of
 * @watchdog_ms: how often the service manager wants to hear of us, -1 for never
 * @drop: --drop-caps
 */
struct bc_collect {
	struct bc_collector c;
	struct bc_keep keep;
	struct bc_shipping ship;
	int wake;
	int64_t due_ms;
	uint64_t again_ns;
	uint64_t sight_ns;
	char told[BC_SAID_MAX];
	char waits[BC_SAID_MAX];
	int watchdog_ms;
	bool drop;
};

/* Say what is wrong, unless it was said already; or that it is over. */
static void bctl_collect_tell(struct bc_collect *k, const char *words)
{
	if (!strcmp(k->told, words))
		return;
	if (*words)
		bctl_note(k->c.b, NULL, "%s; trying again", words);
	else
		bctl_note(k->c.b, NULL, "it works again");
	snprintf(k->told, sizeof(k->told), "%s", words);
}

static void bctl_collect_status(struct bc_collect *k)
{
	time_t due = k->due_ms / 1000;
	struct tm tm;
	char text[32];

	gmtime_r(&due, &tm);
	strftime(text, sizeof(text), "%F %T", &tm);
	if (*k->told)
		bc_notify("STATUS=%s\nWATCHDOG=1", k->told);
	else if (k->c.holding)
		bc_notify("STATUS=The clock was set back: no records for %lld s\nWATCHDOG=1",
			  (long long)(k->c.holding / 1000));
	else
		bc_notify("STATUS=%llu records written, the next ones at %s UTC\nWATCHDOG=1",
			  (unsigned long long)k->c.records, text);
}

/* What came of a round: when to try again, and whether there is any use in that. */
static int bctl_collect_result(struct bc_collect *k, enum bc_round round)
{
	struct bc_now now;

	bc_clock_now(&now);
	k->again_ns = 0;
	if (round == BC_ROUND_FATAL)
		return bctl_fail(k->c.b, NULL, "%s", k->c.said);
	if (round == BC_ROUND_DONE) {
		bctl_collect_tell(k, "");
		return BCTL_OK;
	}
	k->again_ns = now.boot_ns + BC_COLLECT_RETRY_MS * 1000000ULL;
	bctl_collect_tell(k, k->c.said);
	return BCTL_OK;
}

/*
 * The store's housekeeping. What it cannot do now is for the next time; what it must not do until
 * somebody has the records may never be done, so that is said.
 */
static void bctl_collect_compact(struct bc_collect *k, int64_t utc_ms)
{
	char waits[BC_SAID_MAX];

	if (!bc_compact_waits(k->c.ledger, utc_ms, waits, sizeof(waits)) &&
	    strcmp(waits, k->waits)) {
		if (*waits)
			bctl_note(k->c.b, NULL,
				  "%s; no older ones go before it has them: see bctl-ship(8)", waits);
		snprintf(k->waits, sizeof(k->waits), "%s", waits);
	}
	if (bc_compact(k->c.ledger, &k->keep, utc_ms, BC_COLLECT_COMPACT_MS) && !*k->told)
		bctl_note(k->c.b, NULL, "old records could not be compacted");
}

/* Write the records that are due. */
static int bctl_collect_round(struct bc_collect *k, const struct bc_now *now)
{
	enum bc_round round = bc_collector_round(&k->c);
	int status = bctl_collect_result(k, round);

	/* What failed for want of the store is tried again soon, else there is no hurry. */
	if (round != BC_ROUND_AGAIN)
		k->due_ms = bc_meter_due(now->utc_ms, k->c.step_ms);
	if (round == BC_ROUND_DONE)
		bctl_collect_compact(k, now->utc_ms);
	return status;
}

/* Do what there is to do. */
static int bctl_collect_step(struct bc_collect *k)
{
	struct bc_collector *c = &k->c;
	bool fresh = !c->b->nl || !c->ledger;
	enum bc_round round, begun;
	struct bc_now now;

	bc_clock_now(&now);
	if (now.boot_ns < k->again_ns)
		return BCTL_OK;
	round = bc_collector_listen(c);
	if (round == BC_ROUND_FATAL && !c->closed.count)
		return bctl_fail(c->b, NULL, "%s", c->said);
	/* What comes until there is room on the disk waits where it is. */
	begun = bc_collector_begin(c, k->ship.db);
	if (begun != BC_ROUND_DONE)
		return bctl_collect_result(k, begun);
	/* Pools may have come before we heard of it. */
	c->sighted |= round == BC_ROUND_DONE && fresh;
	if (round == BC_ROUND_DONE)
		round = bc_collector_events(c);
	if (now.utc_ms >= k->due_ms || k->due_ms - now.utc_ms > c->step_ms)
		return bctl_collect_round(k, &now);
	if (c->closed.count || (round == BC_ROUND_DONE && !c->dumped))
		round = bc_collector_closings(c);
	if (round == BC_ROUND_DONE && c->sighted && now.boot_ns >= k->sight_ns) {
		k->sight_ns = now.boot_ns + BC_COLLECT_SIGHT_MS * 1000000ULL;
		round = bc_collector_sight(c);
	}
	return bctl_collect_result(k, round);
}

static int bc_least(int a, int64_t b)
{
	return b < 0 ? 0 : b < a ? (int)b : a;
}

/* How long nothing has to be done unless something happens. */
static int bc_collect_left(const struct bc_collect *k)
{
	struct bc_now now;
	int left = BC_COLLECT_TICK_MS;

	bc_clock_now(&now);
	if (k->watchdog_ms >= 0)
		left = bc_least(left, k->watchdog_ms);
	if (k->again_ns)
		return bc_least(left, (int64_t)(k->again_ns - now.boot_ns) / 1000000 + 1);
	if (k->c.sighted)
		left = bc_least(left, (int64_t)(k->sight_ns - now.boot_ns) / 1000000 + 1);
	return bc_least(left, k->due_ms - now.utc_ms);
}

static int bctl_collect_wait(struct bc_collect *k)
{
	int left = bc_shipping_left(&k->ship, bc_collect_left(k)), ret;

	/* While something has failed, notifications wait where they are. */
	if (k->c.b->nl && !k->again_ns)
		ret = bcn_wait(k->c.b->nl, k->wake, left);
	else
		ret = bc_host_wait(k->wake, left);
	return ret && ret != -ETIMEDOUT && ret != -EINTR ? bctl_fail_nl(k->c.b, NULL, ret) :
							   BCTL_OK;
}

/* The last records, on the way out. */
static int bctl_collect_last(struct bc_collect *k)
{
	enum bc_round round;

	bc_notify("STOPPING=1\nSTATUS=Writing the last records");
	round = bc_collector_begin(&k->c, k->ship.db);
	if (round == BC_ROUND_DONE) {
		if (k->c.b->nl)
			(void)bc_collector_events(&k->c);
		round = bc_collector_round(&k->c);
	}
	if (round == BC_ROUND_AGAIN || round == BC_ROUND_FATAL)
		return bctl_fail(k->c.b, NULL, "the last records: %s", k->c.said);
	return BCTL_OK;
}

static int bctl_collect_loop(struct bc_collect *k)
{
	int status = BCTL_OK;
	bool ready = false;

	k->wake = bc_wake_init();
	if (k->wake < 0)
		return bctl_fail_nl(k->c.b, NULL, k->wake);
	k->watchdog_ms = bc_notify_watchdog_ms();
	k->c.listens = true;
	while (!status) {
		status = bctl_collect_step(k);
		if (!status && !ready) {
			if (k->drop && bc_caps_drop())
				return bctl_fail(k->c.b, NULL, "cannot drop capabilities: %s",
						 strerror(errno));
			bc_notify("READY=1");
			fputs("collecting\n", stderr);
			ready = true;
		}
		bctl_collect_status(k);
		if (!status) {
			bc_shipping_tick(&k->ship);
			status = bctl_collect_wait(k);
		}
		if (bc_wake_ended(k->wake))
			return status ? status : bctl_collect_last(k);
	}
	return status;
}

static int bctl_collect_once(struct bc_collect *k)
{
	struct bc_now now;

	if (bc_collector_begin(&k->c, k->ship.db) != BC_ROUND_DONE ||
	    bc_collector_round(&k->c) != BC_ROUND_DONE)
		return bctl_fail(k->c.b, NULL, "%s", k->c.said);
	if (k->c.holding)
		return bctl_fail(k->c.b, NULL,
				 "the clock was set back: there are records of this time already");
	bc_clock_now(&now);
	bctl_collect_compact(k, now.utc_ms);
	return BCTL_OK;
}

/**
 * struct bc_collect_args - the options of bctl collect, as they were given
 * @db: --db
 * @interval: --interval
 * @reader: --reader
 * @node: --node
 * @keep: --keep
 * @ship: --ship
 * @once: --once
 */
struct bc_collect_args {
	const char *db;
	const char *interval;
	const char *reader;
	const char *node;
	const char *keep;
	const char *ship[BC_MANY_MAX + 1];
	bool once;
};

static int bctl_collect_parse(struct bctl *b, struct bc_collect_args *a, struct bc_collect *k)
{
	uint32_t seconds = BC_COLLECT_INTERVAL;

	if (a->interval && (bc_u32_parse(a->interval, &seconds) || !seconds ||
			    seconds > BC_COLLECT_LONGEST || BC_COLLECT_LONGEST % seconds))
		return bctl_usage(b, "--interval %.*s: not a number of seconds that divides an hour",
				  BC_WORD_MAX, a->interval);
	if (!a->keep)
		a->keep = BC_COLLECT_KEEP;
	if (bc_keep_parse(a->keep, &k->keep))
		return bctl_usage(b, "--keep %.*s: not FINE[:HOURS[:DAYS]] as in 90d:400d:forever",
				  BC_WORD_MAX, a->keep);
	if (a->reader && (!*a->reader || strlen(a->reader) > BC_READER_NAME_MAX))
		return bctl_usage(b, "--reader %.*s: a name has 1 to %d characters", BC_WORD_MAX,
				  a->reader, BC_READER_NAME_MAX);
	if (a->node && (!*a->node || strlen(a->node) > 255))
		return bctl_usage(b, "--node %.*s: a name has 1 to 255 characters", BC_WORD_MAX,
				  a->node);
	if (a->once && (k->drop || *a->ship))
		return bctl_usage(b, "--%s makes no sense with --once",
				  k->drop ? "drop-caps" : "ship");
	k->ship.db = a->db ? a->db : BC_COLLECT_DB;
	k->c.step_ms = seconds * 1000;
	k->c.reader = a->reader ? a->reader : BC_COLLECT_READER;
	return bctl_shipping_parse(&k->ship, b, a->ship);
}

/* The directory of the default file may be missing; others are not ours to make. */
static int bctl_collect_claim(struct bctl *b, const struct bc_collect_args *a,
			      struct bc_collect *k)
{
	int ret = bc_host_claim(k->c.reader);

	if (!a->db)
		(void)mkdir("/var/lib/beancounter", 0755);
	if (ret == -EADDRINUSE)
		return bctl_fail(b, k->c.reader,
				 "another collector uses this name; give one of its own with --reader");
	if (ret < 0)
		return bctl_fail(b, k->c.reader, "%s", strerror(-ret));
	return BCTL_OK;
}

/**
 * cmd_collect() - bctl collect
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_collect(struct bctl *b, int argc, char **argv)
{
	struct bc_collect k = { .c.b = b };
	struct bc_collect_args a = { 0 };
	const struct bc_opt opts[] = {
		{ "once", 0, &a.once, NULL },
		{ "db", 0, NULL, &a.db },
		{ "interval", 0, NULL, &a.interval },
		{ "reader", 0, NULL, &a.reader },
		{ "node", 0, NULL, &a.node },
		{ "keep", 0, NULL, &a.keep },
		{ "drop-caps", 0, &k.drop, NULL },
		{ "ship", BC_OPT_MANY, NULL, a.ship },
		BC_OPT_END
	};
	char host[256] = "";
	int status;

	status = bctl_args(b, &argc, argv, opts);
	if (status >= 0)
		return status;
	if (argc)
		return bctl_usage(b, "unexpected argument '%.*s'", BC_WORD_MAX, argv[0]);
	status = bctl_collect_parse(b, &a, &k);
	if (status) {
		bc_shipping_end(&k.ship);
		return status;
	}
	(void)gethostname(host, sizeof(host) - 1);
	k.c.node = a.node ? a.node : host;
	k.c.mhz = bc_mhz();
	status = bctl_collect_claim(b, &a, &k);
	if (!status)
		status = a.once ? bctl_collect_once(&k) : bctl_collect_loop(&k);
	bc_shipping_end(&k.ship);
	bc_collector_end(&k.c);
	return status;
}
