// SPDX-License-Identifier: GPL-2.0
/*
 * bctl events
 *
 * One line for each event that passes the filter, written out at once; before
 * that a snapshot, behind it a command, if they are wanted. When the kernel had to
 * drop events because bctl did not keep up, that is itself an event, "lost":
 * whoever counts must know that he cannot.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "cli.h"
#include "fetch.h"
#include "filter.h"
#include "parse.h"
#include "runner.h"
#include "snaps.h"
#include "wake.h"

#define BC_RATE_DEFAULT		60
#define BC_KEEP_DEFAULT		100
#define BC_KEEP_MAX		100000
#define BC_COMMAND_MS		60000

/**
 * struct bc_watch - what to wait for and what to do then
 * @counted: stop after @count events
 * @count: how many are left
 * @timed: stop at @end
 * @end: on the clock of bc_boottime()
 * @snap: the resources of the module
 * @filter: which events
 * @snaps: the snapshots
 * @runner: the commands
 * @wake: descriptor of the signals, from bc_wake_init()
 * @ends: how often a signal asked to end
 * @ask: a connection for questions, as @b's has events on it; says nothing
 * @said: where the words of @ask go
 */
struct bc_watch {
	bool counted;
	uint32_t count;
	bool timed;
	uint64_t end;
	struct bc_snapshot snap;
	struct bc_filter filter;
	struct bc_snaps snaps;
	struct bc_runner runner;
	int wake;
	int ends;
	struct bctl ask;
	char said[BC_SAID_MAX];
};

/* Print an event and run the command for it. */
static int bctl_event_out(struct bctl *b, struct bc_watch *w, struct bc_doc *doc)
{
	struct bc_printer p = bctl_printer(b);
	int ret = bc_print(&p, doc, BC_VIEW_EVENT);
	int status = BCTL_OK;

	if (ret)
		status = bctl_fail_nl(b, NULL, ret);
	else if (fflush(stdout) || ferror(stdout))
		status = BCTL_FAILED;
	else
		bc_runner_event(b, &w->runner, doc->root);
	bc_doc_end(doc);
	return status;
}

static int bctl_event(struct bctl *b, struct bc_watch *w, const struct bcn_notice *notice)
{
	struct bc_doc doc;

	if (!notice) {
		bctl_note(b, NULL, "skipped a malformed event");
		return BCTL_OK;
	}
	if (!bc_filter_match(&w->filter, notice))
		return BCTL_OK;
	bc_doc_begin(&doc, "bctl.event/1", NULL, 0);
	bc_doc_notice(&doc, notice, w->snap.res, w->snap.nres);
	if (!doc.err)
		bc_snaps_event(b, &w->snaps, notice, doc.root);
	w->count--;
	return bctl_event_out(b, w, &doc);
}

static int bctl_event_lost(struct bctl *b, struct bc_watch *w)
{
	struct bc_doc doc;

	bctl_note(b, NULL, "events were lost: they came faster than they could be written");
	if (!w->filter.lost)
		return BCTL_OK;
	bc_doc_begin(&doc, "bctl.event/1", NULL, 0);
	bc_doc_lost(&doc, bc_boottime());
	return bctl_event_out(b, w, &doc);
}

/* Milliseconds that are left, rounded up; -1 for ever. */
static int bc_watch_left(const struct bc_watch *w)
{
	uint64_t now = bc_boottime();

	if (!w->timed)
		return -1;
	return now >= w->end ? 0 : (int)((w->end - now + 999999) / 1000000);
}

static bool bc_watch_over(const struct bc_watch *w)
{
	return w->ends || (w->counted && !w->count) || (w->timed && !bc_watch_left(w));
}

/* Signals first: no command begins after one, whatever has come besides. */
static void bc_watch_turn(struct bctl *b, struct bc_watch *w)
{
	w->ends += bc_wake_ended(w->wake);
	if (w->ends)
		bc_runner_drop(&w->runner);
	bc_runner_tick(b, &w->runner);
}

/* Wait for an event, a signal, or the time to do something. */
static int bc_watch_wait(struct bctl *b, struct bc_watch *w)
{
	int left = bc_watch_left(w), jobs = bc_runner_left(&w->runner), ret;

	if (left < 0 || (jobs >= 0 && jobs < left))
		left = jobs;
	ret = bcn_wait(b->nl, w->wake, left);
	bc_watch_turn(b, w);
	return ret == -ETIMEDOUT && left >= 0 ? -EAGAIN : ret;
}

/* Take what has come. */
static int bctl_watch_read(struct bctl *b, struct bc_watch *w)
{
	struct bcn_list *events;
	int ret = bcn_next(b->nl, 0, &events), status = BCTL_OK;
	size_t i;

	for (i = 0; i < bcn_list_count(events) && !status && !(w->counted && !w->count); i++)
		status = bctl_event(b, w, bcn_list_notice(events, i));
	bcn_list_free(events);
	if (ret == -ENOBUFS && !status)
		status = bctl_event_lost(b, w);
	else if (ret == -EBADMSG)
		bctl_note(b, NULL, "skipped a malformed message");
	else if (ret && ret != -EINTR && ret != -ENOBUFS && ret != -ETIMEDOUT)
		status = bctl_fail_nl(b, NULL, ret);
	return status;
}

static int bctl_watch(struct bctl *b, struct bc_watch *w)
{
	int status = BCTL_OK, ret;

	while (!status && !bc_watch_over(w)) {
		ret = bc_watch_wait(b, w);
		if (ret == -ETIMEDOUT)
			break;
		if (!ret)
			status = bctl_watch_read(b, w);
		else if (ret != -EAGAIN && ret != -EINTR)
			status = bctl_fail_nl(b, NULL, ret);
	}
	return status;
}

/*
 * Let the commands end. Those that wait are still run if bctl ends by itself;
 * after a signal they are not, and after another one the others are ended, too.
 */
static void bctl_watch_end(struct bctl *b, struct bc_watch *w)
{
	struct pollfd pfd = { .fd = w->wake, .events = POLLIN };
	bool hurried = false;

	bc_watch_turn(b, w);
	while (w->runner.running || w->runner.waiting) {
		if (w->ends > 1 && !hurried) {
			bc_runner_hurry(&w->runner);
			hurried = true;
		}
		(void)poll(&pfd, 1, bc_runner_left(&w->runner));
		bc_watch_turn(b, w);
	}
	bc_runner_report(b, &w->runner);
	bc_snaps_report(b, &w->snaps);
	if (w->filter.unplaced)
		bctl_note(b, NULL, "left out %llu events of pools that were gone too soon",
			  (unsigned long long)w->filter.unplaced);
}

static int bctl_listen(struct bctl *b, struct bc_watch *w)
{
	static const char * const groups[] = {
		BC_MCGRP_REFUSAL, BC_MCGRP_POOL, BC_MCGRP_THRESHOLD
	};
	int status = bctl_fetch_resources(b, &w->snap), ret;
	size_t i;

	if (!status)
		status = bctl_filter_resolve(b, &w->filter, &w->snap);
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]) && !status; i++) {
		ret = bcn_subscribe(b->nl, groups[i]);
		if (ret)
			status = bctl_fail_nl(b, NULL, ret);
	}
	if (status)
		return status;
	w->wake = bc_wake_init();
	if (w->wake < 0)
		return bctl_fail_nl(b, NULL, w->wake);
	fputs("listening\n", stderr);
	return BCTL_OK;
}

/**
 * struct bc_events_args - the options of bctl events, as they were given
 * @count: --count
 * @timeout: --timeout
 * @exec: --exec
 * @rate: --rate
 * @jobs: --jobs
 * @exec_timeout: --exec-timeout
 * @keep: --keep
 */
struct bc_events_args {
	const char *count;
	const char *timeout;
	bool exec;
	const char *rate;
	const char *jobs;
	const char *exec_timeout;
	const char *keep;
};

/* A number of @text, if there is one, 1..@max. */
static int bctl_number(struct bctl *b, const char *option, const char *text, uint32_t max,
		       uint32_t *num)
{
	if (!text || (!bc_u32_parse(text, num) && *num && *num <= max))
		return BCTL_OK;
	if (max == UINT32_MAX)
		return bctl_usage(b, "--%s %.*s: not a number above 0", option, BC_WORD_MAX, text);
	return bctl_usage(b, "--%s %.*s: not a number from 1 to %u", option, BC_WORD_MAX, text, max);
}

/* What makes no sense without another option. */
static int bctl_events_needs(struct bctl *b, const struct bc_events_args *a,
			     const struct bc_watch *w)
{
	if (!a->exec && w->runner.argv)
		return bctl_usage(b, "unexpected argument '%.*s'", BC_WORD_MAX, w->runner.argv[0]);
	if (a->exec && !w->runner.argv)
		return bctl_usage(b, "--exec needs '--' and a command behind it");
	if ((a->jobs || a->exec_timeout) && !a->exec)
		return bctl_usage(b, "--%s needs --exec", a->jobs ? "jobs" : "exec-timeout");
	if (a->keep && !w->snaps.path)
		return bctl_usage(b, "--keep needs --snapshot");
	if (a->rate && !a->exec && !w->snaps.path)
		return bctl_usage(b, "--rate needs --exec or --snapshot");
	return BCTL_OK;
}

static int bctl_events_parse(struct bctl *b, const struct bc_events_args *a, struct bc_watch *w)
{
	uint32_t rate = BC_RATE_DEFAULT;
	int status, ms = 0;

	w->runner.jobs = 1;
	w->runner.limit_ms = BC_COMMAND_MS;
	w->snaps.keep = BC_KEEP_DEFAULT;
	status = bctl_number(b, "count", a->count, UINT32_MAX, &w->count);
	if (!status && a->timeout && bc_seconds_parse(a->timeout, &ms))
		status = bctl_usage(b, "--timeout %.*s: not a number of seconds", BC_WORD_MAX,
				    a->timeout);
	if (!status)
		status = bctl_events_needs(b, a, w);
	if (!status)
		status = bctl_number(b, "rate", a->rate, BC_RATE_MAX, &rate);
	if (!status)
		status = bctl_number(b, "jobs", a->jobs, BC_JOBS_MAX, &w->runner.jobs);
	if (!status)
		status = bctl_number(b, "keep", a->keep, BC_KEEP_MAX, &w->snaps.keep);
	if (!status && a->exec_timeout &&
	    (bc_seconds_parse(a->exec_timeout, &w->runner.limit_ms) || !w->runner.limit_ms))
		status = bctl_usage(b, "--exec-timeout %.*s: not a number of seconds above 0",
				    BC_WORD_MAX, a->exec_timeout);
	if (!status)
		status = bctl_filter_parse(b, &w->filter);
	if (status)
		return status;
	w->counted = a->count;
	w->timed = a->timeout;
	w->end = ms * 1000000ULL;
	if (bc_rate_init(&w->runner.rate, rate) || bc_rate_init(&w->snaps.rate, rate))
		return bctl_fail_nl(b, NULL, -ENOMEM);
	return BCTL_OK;
}

/* The command stands behind the first "--"; its options are its own. */
static char **bc_events_split(int *argc, char **argv)
{
	int all = *argc, i;

	for (i = 0; i < all && strcmp(argv[i], "--"); i++)
		;
	*argc = i;
	return i + 1 < all ? argv + i + 1 : NULL;
}

static int bctl_events_run(struct bctl *b, struct bc_watch *w)
{
	int status = bctl_runner_check(b, &w->runner);

	if (!status)
		status = bctl_snaps_open(b, &w->snaps);
	if (!status)
		status = bctl_listen(b, w);
	w->end += bc_boottime();
	if (!status) {
		status = bctl_watch(b, w);
		bctl_watch_end(b, w);
	}
	bc_snaps_clear(&w->snaps);
	bc_runner_clear(&w->runner);
	bc_filter_clear(&w->filter);
	bc_snapshot_clear(&w->snap);
	bcn_close(w->ask.nl);
	return status;
}

/**
 * cmd_events() - bctl events
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_events(struct bctl *b, int argc, char **argv)
{
	struct bc_watch w = { .wake = -1, .ask = *b };
	struct bc_events_args a = { 0 };
	const struct bc_opt opts[] = {
		{ "count", 0, NULL, &a.count },
		{ "timeout", 0, NULL, &a.timeout },
		{ "pool", BC_OPT_MANY, NULL, w.filter.pools },
		{ "tree", 0, &w.filter.tree, NULL },
		{ "absent-ok", 0, &w.filter.absent_ok, NULL },
		{ "res", BC_OPT_MANY, NULL, w.filter.res },
		{ "type", BC_OPT_MANY, NULL, w.filter.types },
		{ "min", 0, NULL, &w.filter.min },
		{ "exec", 0, &a.exec, NULL },
		{ "rate", 0, NULL, &a.rate },
		{ "jobs", 0, NULL, &a.jobs },
		{ "exec-timeout", 0, NULL, &a.exec_timeout },
		{ "snapshot", 0, NULL, &w.snaps.path },
		{ "keep", 0, NULL, &a.keep },
		BC_OPT_JSON(b), BC_OPT_RAW(b), BC_OPT_END
	};
	int status;

	w.ask.said = w.said;
	w.filter.ask = &w.ask;
	w.snaps.ask = &w.ask;
	w.snaps.dir = -1;
	w.runner.argv = bc_events_split(&argc, argv);
	status = bctl_args(b, &argc, argv, opts);
	if (status >= 0)
		return status;
	if (argc)
		return bctl_usage(b, "unexpected argument '%.*s'", BC_WORD_MAX, argv[0]);
	status = bctl_events_parse(b, &a, &w);
	if (!status)
		return bctl_events_run(b, &w);
	bc_rate_clear(&w.runner.rate);
	bc_rate_clear(&w.snaps.rate);
	return status;
}
