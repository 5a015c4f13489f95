// SPDX-License-Identifier: GPL-2.0
/*
 * bctl events
 *
 * One line for each event, written out at once. When the kernel had to drop
 * events because bctl did not keep up, that is itself an event, "lost": whoever
 * counts must know that he cannot.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "fetch.h"
#include "parse.h"

/**
 * struct bc_watch - what to wait for
 * @counted: stop after @count events
 * @count: how many are left
 * @timed: stop at @end
 * @end: on the clock of bc_boottime()
 * @snap: the resources of the module
 */
struct bc_watch {
	bool counted;
	uint32_t count;
	bool timed;
	uint64_t end;
	struct bc_snapshot snap;
};

static int bctl_event_out(struct bctl *b, struct bc_doc *doc)
{
	struct bc_printer p = bctl_printer(b);
	int ret = bc_print(&p, doc, BC_VIEW_EVENT);

	bc_doc_end(doc);
	if (ret)
		return bctl_fail_nl(b, NULL, ret);
	return fflush(stdout) || ferror(stdout) ? BCTL_FAILED : BCTL_OK;
}

static int bctl_event(struct bctl *b, struct bc_watch *w, struct nlmsghdr *hdr)
{
	struct bc_notice notice;
	struct bc_doc doc;

	if (bc_message_cmd(hdr) != BC_CMD_EVENT)
		return BCTL_OK;
	if (bc_decode_notice(hdr, &notice)) {
		bctl_note(b, NULL, "skipped a malformed event");
		return BCTL_OK;
	}
	bc_doc_begin(&doc, "bctl.event/1", NULL, 0);
	bc_doc_notice(&doc, &notice, w->snap.res, w->snap.nres);
	w->count--;
	return bctl_event_out(b, &doc);
}

static int bctl_event_lost(struct bctl *b)
{
	struct bc_doc doc;

	bctl_note(b, NULL, "events were lost: they came faster than they could be written");
	bc_doc_begin(&doc, "bctl.event/1", NULL, 0);
	bc_doc_lost(&doc, bc_boottime());
	return bctl_event_out(b, &doc);
}

/* Milliseconds that are left, rounded up; -1 for ever. */
static int bc_watch_left(const struct bc_watch *w)
{
	uint64_t now = bc_boottime();

	if (!w->timed)
		return -1;
	return now >= w->end ? 0 : (int)((w->end - now + 999999) / 1000000);
}

static int bctl_watch(struct bctl *b, struct bc_watch *w)
{
	struct bc_msgs events = { 0 };
	int status = BCTL_OK, left, ret;
	size_t i;

	while (!status && !(w->counted && !w->count)) {
		left = bc_watch_left(w);
		ret = bc_nl_next(b->nl, left, &events);
		for (i = 0; i < events.count && !status && !(w->counted && !w->count); i++)
			status = bctl_event(b, w, events.hdr[i]);
		bc_msgs_clear(&events);
		if (ret == -ETIMEDOUT || (!left && w->timed))
			break;
		if (ret == -ENOBUFS && !status)
			status = bctl_event_lost(b);
		else if (ret == -EBADMSG)
			bctl_note(b, NULL, "skipped a malformed message");
		else if (ret && ret != -EINTR && ret != -ENOBUFS)
			status = bctl_fail_nl(b, NULL, ret);
	}
	return status;
}

static int bctl_listen(struct bctl *b, struct bc_watch *w)
{
	static const char * const groups[] = { BC_MCGRP_REFUSAL, BC_MCGRP_POOL };
	int status = bctl_fetch_resources(b, &w->snap), ret;
	size_t i;

	for (i = 0; i < 2 && !status; i++) {
		ret = bc_nl_subscribe(b->nl, groups[i]);
		if (ret)
			status = bctl_fail_nl(b, NULL, ret);
	}
	if (!status)
		fputs("listening\n", stderr);
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
	const char *count = NULL, *timeout = NULL;
	const struct bc_opt opts[] = {
		{ "count", 0, NULL, &count },
		{ "timeout", 0, NULL, &timeout },
		BC_OPT_JSON(b), BC_OPT_RAW(b), BC_OPT_END
	};
	struct bc_watch w = { 0 };
	int status = bctl_args(b, &argc, argv, opts), ms = 0;

	if (status >= 0)
		return status;
	if (argc)
		return bctl_usage(b, "unexpected argument '%.*s'", BC_WORD_MAX, argv[0]);
	if (count && (bc_u32_parse(count, &w.count) || !w.count))
		return bctl_usage(b, "--count %.*s: not a number above 0", BC_WORD_MAX, count);
	if (timeout && bc_seconds_parse(timeout, &ms))
		return bctl_usage(b, "--timeout %.*s: not a number of seconds", BC_WORD_MAX,
				  timeout);
	w.counted = count;
	w.timed = timeout;
	status = bctl_listen(b, &w);
	w.end = bc_boottime() + ms * 1000000ULL;
	if (!status)
		status = bctl_watch(b, &w);
	bc_snapshot_clear(&w.snap);
	return status;
}
