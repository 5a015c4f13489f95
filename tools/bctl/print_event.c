// SPDX-License-Identifier: GPL-2.0
/*
 * Events as text: one line for each
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "print.h"
#include "text.h"

/* Not a request that was refused, but a process that was killed for want of memory. */
static bool bc_is_kill(json_object *doc)
{
	const char *res = bc_str(doc, "resource");

	return res && !strcmp(res, "oomguarpages");
}

static void bc_print_culprit(const struct bc_printer *p, json_object *doc)
{
	const char *pid = bc_str(doc, "pid"), *comm = bc_str(doc, "comm");
	const char *origin = bc_str(doc, "origin"), *more = bc_str(doc, "suppressed");

	if (pid) {
		fprintf(p->out, "; %s pid %s", bc_is_kill(doc) ? "killed" : "by", pid);
		if (comm) {
			fputs(" (", p->out);
			bc_safe(p->out, comm);
			fputc(')', p->out);
		}
	}
	if (origin) {
		fputs(pid ? " of " : "; of ", p->out);
		bc_safe(p->out, origin);
	}
	if (more && strcmp(more, "0"))
		fprintf(p->out, "; %s before it not reported", more);
}

static void bc_print_refusal(const struct bc_printer *p, json_object *doc)
{
	static const char * const keys[] = { "held", "barrier", "limit" };
	char text[64];
	size_t i;

	bc_amount(p, text, sizeof(text), doc, "amount");
	fprintf(p->out, ": %s %s", bc_is_kill(doc) ? "out of memory, the victim had" :
		"asked for", text);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		bc_amount(p, text, sizeof(text), doc, keys[i]);
		fprintf(p->out, ", %s %s", keys[i], text);
	}
}

static void bc_print_crossing(const struct bc_printer *p, json_object *doc)
{
	const char *direction = bc_str(doc, "direction"), *percent = bc_str(doc, "percent");
	char held[64], barrier[64];

	bc_amount(p, held, sizeof(held), doc, "held");
	bc_amount(p, barrier, sizeof(barrier), doc, "barrier");
	fprintf(p->out, ": %s %s%%, held %s, barrier %s",
		!strcmp(direction, "up") ? "rose to" :
		!strcmp(direction, "down") ? "fell to" : direction,
		percent ? percent : "- ", held, barrier);
}

/**
 * bc_print_event() - print an event as a line
 * @p: where and how
 * @doc: the document
 *
 * Return: 0.
 */
int bc_print_event(const struct bc_printer *p, json_object *doc)
{
	const char *pool = bc_str(doc, "pool"), *res = bc_str(doc, "resource");
	uint64_t ns = bc_num(doc, "time_ns");

	fprintf(p->out, "%" PRIu64 ".%06u %s", ns / 1000000000,
		(unsigned int)(ns / 1000 % 1000000), bc_str(doc, "event"));
	if (pool) {
		fputc(' ', p->out);
		bc_safe(p->out, pool);
	}
	if (res) {
		fputc(' ', p->out);
		bc_safe(p->out, res);
		if (bc_str(doc, "direction"))
			bc_print_crossing(p, doc);
		else
			bc_print_refusal(p, doc);
	}
	bc_print_culprit(p, doc);
	fputc('\n', p->out);
	return 0;
}
