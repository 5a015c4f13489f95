// SPDX-License-Identifier: GPL-2.0
/*
 * bctl stat --delta, bctl stat --interval
 *
 * What is new since an earlier look: since the last call with the same key, or
 * since some seconds ago.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "cli.h"
#include "delta.h"
#include "fetch.h"
#include "parse.h"
#include "pool.h"

#define BC_KEY_DEFAULT	"default"

static int bctl_check_names(struct bctl *b, int argc, char **argv)
{
	int status = BCTL_OK, i;

	for (i = 0; i < argc && !status; i++)
		status = bctl_check_name(b, argv[i]);
	return status;
}

/* Read the pools into @doc, and tell what is new. */
static int bctl_look(struct bctl *b, int argc, char **argv, struct bc_delta *d,
		     struct bc_doc *doc)
{
	struct bc_snapshot snap = { 0 };
	int status = bctl_fetch_named(b, &snap, argc, argv);

	if (!status) {
		bc_pools_doc(&snap, doc);
		bc_delta_apply(d, doc, !argc);
	}
	bc_snapshot_clear(&snap);
	return status;
}

static int bctl_look_out(struct bctl *b, const struct bc_doc *doc)
{
	struct bc_printer p = bctl_printer(b);
	int ret = bc_print(&p, doc, BC_VIEW_DELTA);

	return ret ? bctl_fail_nl(b, NULL, ret) : BCTL_OK;
}

/**
 * bctl_stat_delta() - bctl stat --delta
 * @b: the run
 * @argc: number of pools
 * @argv: their names
 * @key: whose last call counts, NULL for the default
 *
 * Return: the exit status.
 */
int bctl_stat_delta(struct bctl *b, int argc, char **argv, const char *key)
{
	struct bc_delta d = { .key = key ? key : BC_KEY_DEFAULT, .dir = -1, .lock = -1 };
	struct bc_doc doc = { 0 };
	int status = bctl_delta_key(b, "delta", d.key);

	if (!status)
		status = bctl_check_names(b, argc, argv);
	if (!status)
		status = bctl_open(b);
	if (status)
		return status;
	status = bctl_delta_open(b, &d);
	if (!status)
		status = bctl_look(b, argc, argv, &d, &doc);
	if (!status)
		status = bctl_delta_save(b, &d, &doc);
	bc_delta_close(&d);
	if (!status && d.first)
		bctl_note(b, d.key, "no earlier call with this key: all since each pool was made is new");
	if (!status)
		status = bctl_look_out(b, &doc);
	bc_doc_end(&doc);
	return status;
}

/* Sleep until @next, which moves on by @ms: late ones do not add up. */
static void bc_next_look(uint64_t *next, int ms)
{
	struct timespec ts;

	*next += ms * 1000000ULL;
	if (*next < bc_boottime())
		*next = bc_boottime();
	ts.tv_sec = *next / 1000000000;
	ts.tv_nsec = *next % 1000000000;
	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

/**
 * bctl_stat_interval() - bctl stat --interval
 * @b: the run
 * @argc: number of pools
 * @argv: their names
 * @interval: seconds
 * @count: how often, NULL for ever
 *
 * Return: the exit status.
 */
int bctl_stat_interval(struct bctl *b, int argc, char **argv, const char *interval,
		       const char *count)
{
	struct bc_delta d = { 0 };
	uint64_t next = bc_boottime();
	struct bc_doc doc = { 0 };
	uint32_t left = 0;
	int status, ms;

	if (bc_seconds_parse(interval, &ms) || !ms)
		return bctl_usage(b, "--interval %.*s: not a number of seconds above 0",
				  BC_WORD_MAX, interval);
	if (count && (bc_u32_parse(count, &left) || !left))
		return bctl_usage(b, "--count %.*s: not a number above 0", BC_WORD_MAX, count);
	status = bctl_check_names(b, argc, argv);
	if (!status)
		status = bctl_look(b, argc, argv, &d, &doc);
	bc_doc_end(&doc);
	while (!status) {
		bc_next_look(&next, ms);
		status = bctl_look(b, argc, argv, &d, &doc);
		if (!status)
			status = bctl_look_out(b, &doc);
		bc_doc_end(&doc);
		if (!status && (fflush(stdout) || ferror(stdout)))
			status = BCTL_FAILED;
		if (count && !--left)
			break;
	}
	bc_delta_close(&d);
	return status;
}
