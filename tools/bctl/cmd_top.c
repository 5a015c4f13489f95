// SPDX-License-Identifier: GPL-2.0
/*
 * bctl top: what pools do, on a screen of its own
 *
 * Without a terminal on both sides it prints plain lines instead, once if nothing
 * else is asked for: no headings, no escape codes, something for awk.
 */
#include <curses.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "fetch.h"
#include "parse.h"
#include "screen.h"
#include "watch.h"

/**
 * struct bctl_top - a run of top
 * @b: the run
 * @w: the pools
 * @ms: interval
 * @left: how often still, 0 for ever
 * @endless: no count was given
 * @term: the terminal
 * @screen: what it shows
 * @doc: what the screen is made from
 */
struct bctl_top {
	struct bctl *b;
	struct bc_watch w;
	int ms;
	uint32_t left;
	bool endless;
	struct bc_terminal term;
	struct bc_screen screen;
	struct bc_doc doc;
};

/* Plain lines. */
static int bctl_top_lines(struct bctl_top *t)
{
	struct bc_printer p = bctl_printer(t->b);
	uint64_t next = bc_boottime();
	int status = bctl_watch_first(&t->w), ret;
	bool lost = false;

	while (!status && t->left) {
		next = bc_watch_next(next, t->ms);
		bc_watch_sleep(next);
		if (bctl_watch_look(&t->w)) {
			if (!lost)
				bctl_note(t->b, NULL, "%s; waiting", t->w.said);
			lost = true;
			continue;
		}
		lost = false;
		if (!t->w.now.interval)
			continue;
		bc_doc_rates(&t->doc, &t->w.now, &t->w.board);
		ret = bc_print(&p, &t->doc, BC_VIEW_RATES);
		bc_doc_end(&t->doc);
		if (ret)
			status = bctl_fail_nl(t->b, NULL, ret);
		else if (fflush(stdout) || ferror(stdout))
			status = BCTL_FAILED;
		t->left--;
	}
	return status;
}

/* Sort by @key; the same key again turns the order round. */
static void bc_top_sort(struct bctl_top *t, enum bc_key key)
{
	struct bc_order *order = &t->w.order;

	order->reversed = order->key == key && !order->reversed;
	order->key = key;
}

/* Make the document anew. The message stays until the next look. */
static void bc_top_arrange(struct bctl_top *t)
{
	if (t->w.now.taken && bctl_watch_sort(&t->w))
		bc_board_clear(&t->w.board);
	bc_doc_end(&t->doc);
	bc_doc_rates(&t->doc, &t->w.now, &t->w.board);
	if (t->doc.err)
		bc_board_clear(&t->w.board);
}

static void bc_top_look(struct bctl_top *t)
{
	size_t len;

	t->screen.message = "";
	if (bctl_watch_look(&t->w)) {
		len = strlen(t->w.said);
		snprintf(t->w.said + len, sizeof(t->w.said) - len, "; waiting");
		t->screen.message = t->w.said;
	}
	bc_doc_end(&t->doc);
	bc_doc_rates(&t->doc, &t->w.now, &t->w.board);
	if (t->doc.err)
		bc_board_clear(&t->w.board);
	if (t->w.now.interval && t->left)
		t->left--;
}

/* Where that goes beyond the end, drawing puts it right. */
static void bc_top_scroll(struct bc_screen *s, int key)
{
	size_t page = s->rows > 1 ? s->rows - 1 : 1;

	if (key == KEY_UP)
		s->first -= !!s->first;
	else if (key == KEY_DOWN)
		s->first++;
	else if (key == KEY_PPAGE)
		s->first -= s->first < page ? s->first : page;
	else if (key == KEY_NPAGE)
		s->first += page;
	else if (key == KEY_HOME)
		s->first = 0;
	else if (key == KEY_END)
		s->first = s->watch->board.count;
}

/* false: quit */
static bool bc_top_key(struct bctl_top *t, int key)
{
	static const char keys[] = "cmifn";
	const char *pos = key > 0 && key < 128 ? strchr(keys, key) : NULL;

	if (t->screen.help && key != KEY_RESIZE) {
		t->screen.help = false;
		return key != 'q';
	}
	if (key == 'q')
		return false;
	if (key == 'h' || key == '?') {
		t->screen.help = true;
	} else if (key == 't') {
		t->w.order.tree = !t->w.order.tree;
		bc_top_arrange(t);
	} else if (pos) {
		bc_top_sort(t, pos - keys);
		bc_top_arrange(t);
	} else {
		bc_top_scroll(&t->screen, key);
	}
	return true;
}

/* Milliseconds until @next, rounded up. */
static int bc_top_wait(uint64_t next)
{
	uint64_t now = bc_boottime();

	return next > now ? (next - now + 999999) / 1000000 : 0;
}

static void bc_top_loop(struct bctl_top *t)
{
	/* the first rates soon, from a short interval */
	uint64_t next = bc_watch_next(bc_boottime(), t->ms < 500 ? t->ms : 500);
	int key;

	while ((t->endless || t->left) && !t->term.gone) {
		bc_screen_draw(&t->screen);
		key = bc_terminal_key(&t->term, bc_top_wait(next));
		if (t->term.ending || (key != ERR && !bc_top_key(t, key)))
			return;
		if (bc_boottime() < next)
			continue;
		bc_top_look(t);
		next = bc_watch_next(next, t->ms);
	}
}

/* On the terminal. A signal that ends it is died of once the terminal is back. */
static int bctl_top_screen(struct bctl_top *t)
{
	const char *name = getenv("TERM");
	char said[BC_SAID_MAX];
	int status = bctl_watch_first(&t->w), ret;

	if (status)
		return status;
	ret = bc_terminal_begin(&t->term);
	if (ret == -ENODEV)
		return bctl_fail(t->b, name ? name : "TERM", "%s",
				 "this terminal cannot be drawn on; with | cat there are plain lines");
	if (ret)
		return bctl_fail(t->b, NULL, "cannot take the terminal: %s", strerror(-ret));
	bc_doc_rates(&t->doc, &t->w.now, &t->w.board);
	t->b->said = said;
	bc_top_loop(t);
	t->b->said = NULL;
	bc_terminal_end(&t->term);
	if (t->term.ending)
		raise(t->term.ending);
	return t->term.gone ? BCTL_FAILED : BCTL_OK;
}

static int bctl_top_options(struct bctl_top *t, const char *delay, const char *count,
			    const char *sort)
{
	struct bctl *b = t->b;
	int key;

	if (bctl_watch_seconds(b, "--delay", delay, &t->ms))
		return BCTL_USAGE;
	if (count && (bc_u32_parse(count, &t->left) || !t->left))
		return bctl_usage(b, "--count %.*s: not a number above 0", BC_WORD_MAX, count);
	if (sort) {
		key = bc_key_find(sort);
		if (key < 0)
			return bctl_usage(b, "--sort %.*s: none of cpu, memory, io, failures, name",
					  BC_WORD_MAX, sort);
		t->w.order.key = key;
	}
	if (b->json)
		return bctl_usage(b, "there is no JSON; 'bctl stat -w -j' prints it");
	return t->w.order.root ? bctl_check_name(b, t->w.order.root) : BCTL_OK;
}

/**
 * cmd_top() - bctl top
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_top(struct bctl *b, int argc, char **argv)
{
	struct bctl_top t = { .b = b, .ms = 2000, .w.b = b, .w.order.tree = true };
	const char *delay = NULL, *count = NULL, *sort = NULL;
	bool drawn = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	const struct bc_opt opts[] = {
		{ "delay", 'd', NULL, &delay },
		{ "count", 'n', NULL, &count },
		{ "sort", 's', NULL, &sort },
		{ "pool", 'p', NULL, &t.w.order.root },
		BC_OPT_RAW(b), BC_OPT_END
	};
	int status = bctl_args(b, &argc, argv, opts);

	if (status >= 0)
		return status;
	if (argc)
		return bctl_usage(b, "unexpected argument '%.*s'", BC_WORD_MAX, argv[0]);
	status = bctl_top_options(&t, delay, count, sort);
	if (status)
		return status;
	t.endless = drawn && !count;
	if (!drawn && !count)
		t.left = 1;
	t.screen = (struct bc_screen){
		.term = &t.term, .watch = &t.w, .doc = &t.doc, .raw = b->raw, .message = "",
		.interval_ms = t.ms,
	};
	status = drawn ? bctl_top_screen(&t) : bctl_top_lines(&t);
	bc_doc_end(&t.doc);
	bc_watch_clear(&t.w);
	return status;
}
