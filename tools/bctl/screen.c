// SPDX-License-Identifier: GPL-2.0
/*
 * Drawing "top"
 *
 * From the top: a line about all, the headings, a row for each pool. Where there
 * is little room the first two go, and then the columns that matter least, so that
 * a window of one character still shows something. Everything is drawn at a given
 * place and cut at the edge; nothing wraps or scrolls.
 *
 * The figures are those of the document, written as "stat -w" writes them.
 */
#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include <json-c/json.h>

#include "board.h"
#include "flow.h"
#include "print.h"
#include "rates.h"
#include "screen.h"
#include "text.h"
#include "watch.h"

/* The name has at least so many columns before figures are shown beside it. */
#define BC_NAME_LEAST	12
#define BC_LINE_MAX	512

static const char * const bc_help[] = {
	"bctl top: what the pools do, refreshed again and again",
	"",
	"  c m i f n   sort by CPU, memory, I/O, failures, name;",
	"              the same key again reverses the order",
	"  t           tree or list",
	"  arrows, PgUp, PgDn, Home, End   scroll",
	"  h           this help;  q   quit",
	"",
	"  CPU%   CPU time, 100 is one CPU     WAIT%   runnable, but without a CPU",
	"  THR%   kept from running by its limit",
	"  MEM    memory held                  TASKS   processes and threads",
	"  READ/s WRITE/s IO/s   block I/O     IOTHR%  slept for its I/O limits",
	"  FAIL   requests refused in the interval; such pools are marked with !",
	"",
	"Any key goes back.",
};

#define BC_HELP_LINES	((int)(sizeof(bc_help) / sizeof(bc_help[0])))

/* Draw @text at most @width columns wide. What cannot be shown becomes a '?'. */
static void bc_draw(int y, int x, int width, const char *text)
{
	wchar_t line[BC_LINE_MAX];
	mbstate_t state = { 0 };
	int n = 0, cols = 0, w;
	size_t len;
	wchar_t c;

	while (*text && n < BC_LINE_MAX - 1) {
		len = mbrtowc(&c, text, MB_CUR_MAX, &state);
		if (len == (size_t)-1 || len == (size_t)-2 || wcwidth(c) < 0) {
			memset(&state, 0, sizeof(state));
			c = L'?';
			len = len > MB_CUR_MAX ? 1 : len;
		}
		w = wcwidth(c);
		if (cols + w > width)
			break;
		line[n++] = c;
		cols += w;
		text += len;
	}
	if (n)
		mvaddnwstr(y, x, line, n);
}

static void bc_paint(const struct bc_screen *s, enum bc_colour colour, attr_t attr)
{
	attrset(attr);
	if (s->term->colours && colour)
		color_set(colour, NULL);
}

/* Which columns there is room for beside a name. */
static uint32_t bc_columns_that_fit(int width)
{
	uint32_t shown = (1U << BC_RATE_COLUMNS) - 1;
	int used = 0, i, worst;

	for (i = 0; i < BC_RATE_COLUMNS; i++)
		used += bc_rate_columns[i].width;
	while (shown && used + BC_NAME_LEAST > width) {
		for (worst = -1, i = 0; i < BC_RATE_COLUMNS; i++)
			if (shown & (1U << i) &&
			    (worst < 0 || bc_rate_columns[i].rank > bc_rate_columns[worst].rank))
				worst = i;
		shown &= ~(1U << worst);
		used -= bc_rate_columns[worst].width;
	}
	return shown;
}

static int bc_columns_width(uint32_t shown)
{
	int used = 0, i;

	for (i = 0; i < BC_RATE_COLUMNS; i++)
		used += shown & (1U << i) ? bc_rate_columns[i].width : 0;
	return used;
}

/* Right-aligned; a figure that is too wide for its column takes the blank before it. */
static void bc_draw_cell(int y, int x, int width, const char *text)
{
	char cell[BC_RATE_CELL_MAX];

	snprintf(cell, sizeof(cell), "%*s", width, text);
	bc_draw(y, x, width, cell);
}

static void bc_draw_title(const struct bc_screen *s, int y)
{
	const struct bc_watch *w = s->watch;
	char text[BC_LINE_MAX], clock[16];
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	snprintf(text, sizeof(text),
		 "bctl top %s  pools %zu  every %d.%ds  by %s%s%s  h help  q quit", clock,
		 w->board.count, s->interval_ms / 1000, s->interval_ms % 1000 / 100,
		 bc_key_name(w->order.key), w->order.reversed ? " reversed" : "",
		 w->order.tree ? ", tree" : "");
	bc_paint(s, *s->message ? BC_COLOUR_ALARM : BC_COLOUR_NONE, A_BOLD);
	bc_draw(y, 0, COLS, *s->message ? s->message : text);
	bc_paint(s, BC_COLOUR_NONE, A_NORMAL);
}

static void bc_draw_heads(const struct bc_screen *s, int y, uint32_t shown)
{
	int x = COLS - bc_columns_width(shown), i;

	bc_paint(s, BC_COLOUR_NONE, A_REVERSE);
	mvhline(y, 0, ' ', COLS);
	bc_draw(y, 1, x - 1, "POOL");
	for (i = 0; i < BC_RATE_COLUMNS; i++) {
		if (!(shown & (1U << i)))
			continue;
		bc_draw_cell(y, x, bc_rate_columns[i].width, bc_rate_columns[i].head);
		x += bc_rate_columns[i].width;
	}
	bc_paint(s, BC_COLOUR_NONE, A_NORMAL);
}

static enum bc_colour bc_row_colour(const struct bc_flow *flow)
{
	if (BC_FLOWED(flow, BC_N_REFUSALS) && flow->diff[BC_N_REFUSALS])
		return BC_COLOUR_ALARM;
	if ((BC_FLOWED(flow, BC_N_CPU_THROTTLED) && flow->diff[BC_N_CPU_THROTTLED]) ||
	    (BC_FLOWED(flow, BC_N_IO_THROTTLED) && flow->diff[BC_N_IO_THROTTLED]))
		return BC_COLOUR_SLOW;
	return flow->state == BC_POOL_LIVE ? BC_COLOUR_NONE : BC_COLOUR_FADED;
}

static void bc_draw_row(const struct bc_screen *s, int y, size_t index, uint32_t shown)
{
	const struct bc_row *row = &s->watch->board.rows[index];
	json_object *pool = json_object_array_get_idx(s->doc->list, index);
	char branch[4 * BC_DRAWN_DEPTH + 1], cell[BC_RATE_CELL_MAX], name[BC_LINE_MAX];
	enum bc_colour colour = bc_row_colour(row->flow);
	int x = COLS - bc_columns_width(shown), i;

	bc_paint(s, colour, colour == BC_COLOUR_ALARM ? A_BOLD : A_NORMAL);
	bc_row_branch(row, s->term->utf8, branch, sizeof(branch));
	snprintf(name, sizeof(name), "%s%s%s%s", COLS < 3 ? "" :
		 colour == BC_COLOUR_ALARM ? "!" : " ", branch, row->flow->name,
		 row->flow->state == BC_POOL_LIVE ? "" : " (dying)");
	bc_draw(y, 0, x, name);
	for (i = 0; i < BC_RATE_COLUMNS; i++) {
		if (!(shown & (1U << i)))
			continue;
		bc_rate_cell(cell, sizeof(cell), i, pool, s->watch->now.interval, s->raw);
		bc_draw_cell(y, x, bc_rate_columns[i].width, cell);
		x += bc_rate_columns[i].width;
	}
	bc_paint(s, BC_COLOUR_NONE, A_NORMAL);
}

/* Not beyond the end: the last page is full, if there are enough rows. */
static void bc_screen_clamp(struct bc_screen *s)
{
	size_t count = s->watch->board.count;
	size_t last = count > s->rows ? count - s->rows : 0;

	if (s->first > last)
		s->first = last;
}

static void bc_draw_help(void)
{
	int i;

	for (i = 0; i < BC_HELP_LINES && i < LINES; i++)
		bc_draw(i, 0, COLS, bc_help[i]);
}

/**
 * bc_screen_draw() - draw everything
 * @s: the screen; @rows and @first are put right
 */
void bc_screen_draw(struct bc_screen *s)
{
	uint32_t shown = bc_columns_that_fit(COLS);
	int y = 0, top = LINES < 3 ? *s->message && LINES ? 1 : 0 : 2;
	size_t i;

	erase();
	s->rows = LINES > top ? LINES - top : 0;
	bc_screen_clamp(s);
	if (s->help) {
		bc_draw_help();
	} else {
		if (top)
			bc_draw_title(s, y++);
		if (top > 1)
			bc_draw_heads(s, y++, shown);
		for (i = s->first; i < s->watch->board.count && y < LINES; i++)
			bc_draw_row(s, y++, i, shown);
	}
	bc_terminal_refresh();
}
