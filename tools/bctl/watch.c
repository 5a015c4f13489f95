// SPDX-License-Identifier: GPL-2.0
/*
 * Looking at the pools again and again
 *
 * One dump for each look, and nothing else. The module may be unloaded and loaded
 * again between two of them: a look that fails is tried once more on a new
 * connection, because the family has another number then, and if that fails, too,
 * it is for the next one. What is known from before does not count after a
 * failure.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "fetch.h"
#include "parse.h"
#include "watch.h"

/**
 * bctl_watch_seconds() - read how long an interval is
 * @b: the run
 * @option: where it was given
 * @text: what was given, or NULL to leave @ms
 * @ms: receives milliseconds
 *
 * Return: BCTL_OK or BCTL_USAGE.
 */
int bctl_watch_seconds(struct bctl *b, const char *option, const char *text, int *ms)
{
	if (text && (bc_seconds_parse(text, ms) || *ms < BC_WATCH_LEAST_MS))
		return bctl_usage(b, "%s %.*s: not a number of seconds from 0.1", option,
				  BC_WORD_MAX, text);
	return BCTL_OK;
}

static int bctl_watch_once(struct bc_watch *w)
{
	struct bc_snapshot snap = { 0 };
	int status = bctl_fetch_figures(w->b, &snap);

	if (!status && bc_flows_take(&w->now, snap.pools, snap.npools, snap.taken,
				     bc_page_size()))
		status = bctl_fail_nl(w->b, NULL, -ENOMEM);
	bc_snapshot_clear(&snap);
	if (status) {
		bcn_close(w->b->nl);
		w->b->nl = NULL;
	}
	return status;
}

/**
 * bctl_watch_sort() - put the pools of the last look in order
 * @w: the watch
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_watch_sort(struct bc_watch *w)
{
	int ret = bc_board_fill(&w->board, &w->now, &w->order);

	if (ret == -ENOENT)
		return bctl_fail(w->b, w->order.root, "no such pool (%s)", strerror(ENOENT));
	return ret ? bctl_fail_nl(w->b, NULL, ret) : BCTL_OK;
}

static int bctl_watch_try(struct bc_watch *w)
{
	bool connected = w->b->nl;
	int status;

	bc_board_clear(&w->board);
	bc_flows_clear(&w->then);
	w->then = w->now;
	memset(&w->now, 0, sizeof(w->now));
	status = bctl_watch_once(w);
	if (status && connected)
		status = bctl_watch_once(w);
	if (!status && bc_flows_since(&w->now, &w->then))
		status = bctl_fail_nl(w->b, NULL, -ENOMEM);
	if (status)
		bc_flows_clear(&w->now);
	return status ? status : bctl_watch_sort(w);
}

/**
 * bctl_watch_look() - look once
 * @w: the watch
 *
 * Return: BCTL_OK; or BCTL_FAILED, and @w->said tells why.
 */
int bctl_watch_look(struct bc_watch *w)
{
	char *said = w->b->said;
	int status;

	w->said[0] = '\0';
	w->b->said = w->said;
	status = bctl_watch_try(w);
	w->b->said = said;
	return status;
}

/**
 * bctl_watch_first() - look for the first time, when a failure is the end
 * @w: the watch
 *
 * Return: BCTL_OK; or BCTL_FAILED, which was told.
 */
int bctl_watch_first(struct bc_watch *w)
{
	return bctl_watch_try(w);
}

/**
 * bc_watch_next() - when to look next
 * @next: when the last look was due
 * @ms: interval
 *
 * Return: the time. Looks that were late do not add up.
 */
uint64_t bc_watch_next(uint64_t next, int ms)
{
	uint64_t now = bc_boottime();

	next += ms * 1000000ULL;
	return next < now ? now : next;
}

/**
 * bc_watch_sleep() - sleep
 * @until: CLOCK_BOOTTIME
 */
void bc_watch_sleep(uint64_t until)
{
	struct timespec ts = { .tv_sec = until / 1000000000, .tv_nsec = until % 1000000000 };

	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

/**
 * bc_watch_clear() - forget all looks
 * @w: the watch
 */
void bc_watch_clear(struct bc_watch *w)
{
	bc_board_clear(&w->board);
	bc_flows_clear(&w->then);
	bc_flows_clear(&w->now);
}
