// SPDX-License-Identifier: GPL-2.0
/*
 * bctl stat -w: what pools do, line by line
 *
 * Headings are repeated on a terminal, once for each screen; elsewhere they stand
 * once, at the beginning.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"
#include "fetch.h"
#include "parse.h"
#include "pool.h"
#include "rates.h"
#include "watch.h"

/**
 * struct bctl_lines - what stat -w prints
 * @b: the run
 * @names: the pools, all if there are none
 * @count: how many
 * @left: lines until the headings are due again, 0 at the beginning, -1 for never
 */
struct bctl_lines {
	struct bctl *b;
	char **names;
	int count;
	int left;
};

/* Lines on the screen, without one for the headings; 0 if there is no screen. */
static int bc_screen_lines(void)
{
	struct winsize ws;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws))
		return 0;
	return ws.ws_row > 2 ? ws.ws_row - 1 : 24;
}

/* Keep the pools that were asked for on the board, in the order of the names. */
static int bc_keep_named(struct bc_board *board, char **names, int count)
{
	size_t kept = 0, room = board->count, j;
	struct bc_row *rows;
	int i;

	if (!count)
		return 0;
	rows = calloc(count + room + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		for (j = 0; j < board->count && kept < count + room; j++)
			if (!strcmp(board->rows[j].flow->name, names[i]))
				rows[kept++] = board->rows[j];
	free(board->rows);
	board->rows = rows;
	board->count = kept;
	return 0;
}

/* So many lines may follow before the headings are due again, which may be now. */
static size_t bc_lines_room(struct bctl_lines *l, size_t want, FILE *out)
{
	if (!l->left) {
		bc_rate_head(out);
		l->left = bc_screen_lines();
		if (!l->left)
			l->left = -1;
	}
	return l->left > 0 && want > (size_t)l->left ? (size_t)l->left : want;
}

static int bctl_lines_out(struct bctl_lines *l, struct bc_watch *w)
{
	struct bc_printer p = bctl_printer(l->b);
	int ret = bc_keep_named(&w->board, l->names, l->count);
	struct bc_board part = w->board;
	struct bc_doc doc;
	size_t i = 0;

	do {
		if (ret)
			return bctl_fail_nl(l->b, NULL, ret);
		part.rows = w->board.rows + i;
		part.count = w->board.count - i;
		if (!l->b->json)
			part.count = bc_lines_room(l, part.count, p.out);
		bc_doc_rates(&doc, &w->now, &part);
		ret = bc_print(&p, &doc, BC_VIEW_RATES);
		bc_doc_end(&doc);
		i += part.count;
		if (l->left > 0)
			l->left -= part.count;
	} while (i < w->board.count);
	if (ret)
		return bctl_fail_nl(l->b, NULL, ret);
	return fflush(stdout) || ferror(stdout) ? BCTL_FAILED : BCTL_OK;
}

/* Names that are wrong are to be told at once, not after an interval. */
static int bctl_lines_check(struct bctl_lines *l, const struct bc_watch *w)
{
	size_t j;
	int i;

	for (i = 0; i < l->count; i++) {
		for (j = 0; j < w->now.count && strcmp(w->now.v[j].name, l->names[i]); j++)
			;
		if (j == w->now.count)
			return bctl_fail(l->b, l->names[i], "no such pool (%s)", strerror(ENOENT));
	}
	return BCTL_OK;
}

/* Once for each time that the module goes. */
static void bctl_lines_lost(struct bctl_lines *l, const struct bc_watch *w, bool *lost)
{
	if (!*lost)
		bctl_note(l->b, NULL, "%s; waiting", w->said);
	*lost = true;
}

/**
 * bctl_stat_watch() - bctl stat -w
 * @b: the run
 * @argc: number of pools
 * @argv: their names
 * @seconds: interval, NULL for a second
 * @count: how often, NULL for ever
 *
 * Return: the exit status.
 */
int bctl_stat_watch(struct bctl *b, int argc, char **argv, const char *seconds,
		    const char *count)
{
	struct bctl_lines l = { .b = b, .names = argv, .count = argc };
	struct bc_watch w = { .b = b, .order = { .key = BC_KEY_NAME, .tree = true } };
	uint64_t next = bc_boottime();
	int status, ms = 1000, i;
	bool lost = false;
	uint32_t left = 0;

	if (bctl_watch_seconds(b, "-w", seconds, &ms))
		return BCTL_USAGE;
	if (count && (bc_u32_parse(count, &left) || !left))
		return bctl_usage(b, "--count %.*s: not a number above 0", BC_WORD_MAX, count);
	for (i = 0; i < argc; i++)
		if (bctl_check_name(b, argv[i]))
			return BCTL_USAGE;
	status = bctl_watch_first(&w);
	if (!status)
		status = bctl_lines_check(&l, &w);
	while (!status) {
		next = bc_watch_next(next, ms);
		bc_watch_sleep(next);
		if (bctl_watch_look(&w)) {
			bctl_lines_lost(&l, &w, &lost);
			continue;
		}
		lost = false;
		if (!w.now.interval)
			continue;
		status = bctl_lines_out(&l, &w);
		if (count && !--left)
			break;
	}
	bc_watch_clear(&w);
	return status;
}
