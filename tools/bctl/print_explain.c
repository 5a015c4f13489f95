// SPDX-License-Identifier: GPL-2.0
/*
 * The text of bctl explain
 *
 *	web: numproc: 37 requests were refused by web itself, at its barrier of 32
 *	  asked for 37 in all; holds 32 now, 32 at most
 *	  3.0 s ago (2026-11-21 10:37:04) pid 183 (apache2) asked for 1 when 32 was held;
 *	  35 times, for up to 1, since 12 s ago
 *	  proposal: bctl pool set web numproc=45
 *
 * Of oomguarpages it is processes that were killed.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "print.h"
#include "text.h"

static void bc_put_ago(FILE *out, uint64_t now, uint64_t then)
{
	uint64_t ms = now > then ? (now - then) / 1000000 : 0, s = ms / 1000;

	if (s < 10)
		fprintf(out, "%" PRIu64 ".%u s ago", s, (unsigned int)(ms / 100 % 10));
	else if (s < 600)
		fprintf(out, "%" PRIu64 " s ago", s);
	else if (s < 36000)
		fprintf(out, "%" PRIu64 " min ago", s / 60);
	else
		fprintf(out, "%" PRIu64 " h ago", s / 3600);
}

static void bc_put_date(FILE *out, uint64_t ns)
{
	time_t when = ns / 1000000000;
	char text[32] = "?";
	struct tm tm;

	if (localtime_r(&when, &tm))
		strftime(text, sizeof(text), "%F %T", &tm);
	fprintf(out, " (%s)", text);
}

static void bc_put_who(FILE *out, json_object *obj)
{
	const char *pid = bc_str(obj, "pid"), *comm = bc_str(obj, "comm");

	if (!pid) {
		fputs(" the network", out);
		return;
	}
	fprintf(out, " pid %s", pid);
	if (comm) {
		fputs(" (", out);
		bc_safe(out, comm);
		fputc(')', out);
	}
}

/* Nobody asked for these pages. */
static bool bc_is_killing(json_object *cause)
{
	return !strcmp(bc_str(cause, "resource"), "oomguarpages");
}

static void bc_print_culprit_line(const struct bc_printer *p, json_object *doc,
				  const char *pool, json_object *obj, bool killed)
{
	const char *origin = bc_str(obj, "origin");
	uint64_t count = bc_num(obj, "count"), now = bc_num(doc, "taken_ns");
	char amount[64], held[64];

	bc_amount(p, amount, sizeof(amount), obj, "amount");
	bc_amount(p, held, sizeof(held), obj, "held");
	fputs("  ", p->out);
	bc_put_ago(p->out, now, bc_num(obj, "time_ns"));
	bc_put_date(p->out, bc_num(obj, "realtime_ns"));
	bc_put_who(p->out, obj);
	if (origin && strcmp(origin, pool)) {
		fputs(bc_str(obj, "pid") ? " of " : " for ", p->out);
		bc_safe(p->out, origin);
	}
	fprintf(p->out, killed ? " was killed with %s when %s was held" :
		" asked for %s when %s was held", amount, held);
	if (count > 1) {
		bc_amount(p, amount, sizeof(amount), obj, "largest");
		fprintf(p->out, "; %" PRIu64 " times, for up to %s, since ", count, amount);
		bc_put_ago(p->out, now, bc_num(obj, "first_ns"));
	}
	fputc('\n', p->out);
}

static void bc_print_by(const struct bc_printer *p, json_object *cause)
{
	const char *relation = bc_str(cause, "relation");

	fputs(" refused by ", p->out);
	if (!strcmp(relation, "self")) {
		bc_safe(p->out, bc_str(cause, "pool"));
		fputs(" itself", p->out);
		return;
	}
	fprintf(p->out, "its %s ", relation);
	bc_safe(p->out, bc_str(cause, "pool"));
}

/* The bound that was in the way at the last refusal, which may be another by now. */
static void bc_print_bound(const struct bc_printer *p, json_object *cause, json_object *last)
{
	const char *bound = bc_str(cause, "bound");
	char then[64], now[64];

	if (!bound)
		bound = "barrier";
	bc_amount(p, now, sizeof(now), cause, bound);
	if (!last && !strcmp(now, "unlimited")) {
		fprintf(p->out, ", which has no %s now\n", bound);
		return;
	}
	bc_amount(p, then, sizeof(then), last ? last : cause, bound);
	fprintf(p->out, ", at its %s of %s", bound, then);
	if (strcmp(now, then))
		fprintf(p->out, ", which is %s now", now);
	fputc('\n', p->out);
}

/* How much, as far as it is counted. */
static void bc_print_figures(const struct bc_printer *p, json_object *cause)
{
	const char *known = bc_str(cause, "known"), *failcnt = bc_str(cause, "failcnt");
	char text[64];

	fputs("  ", p->out);
	if (bc_str(cause, "failed")) {
		bc_amount(p, text, sizeof(text), cause, "failed");
		fprintf(p->out, "%s %s in all; ", bc_is_killing(cause) ? "they had" : "asked for",
			text);
	}
	bc_amount(p, text, sizeof(text), cause, "held");
	fprintf(p->out, "holds %s now", text);
	if (bc_str(cause, "maxheld")) {
		bc_amount(p, text, sizeof(text), cause, "maxheld");
		fprintf(p->out, ", %s at most", text);
	}
	if (strcmp(bc_str(cause, "relation"), "self"))
		fprintf(p->out, "; at least %s of the %s came from here", known, failcnt);
	fputc('\n', p->out);
}

static void bc_print_advice(const struct bc_printer *p, json_object *cause)
{
	const char *fits = bc_str(cause, "fits_now");
	json_object *proposal;

	if (json_object_object_get_ex(cause, "proposal", &proposal)) {
		fputs("  proposal: ", p->out);
		bc_safe(p->out, bc_str(proposal, "command"));
		fputc('\n', p->out);
	} else if (fits && !strcmp(fits, "true")) {
		fputs("  with the bounds of now the same would be granted\n", p->out);
	}
}

static void bc_print_head(const struct bc_printer *p, json_object *cause, json_object *last)
{
	const char *failcnt = bc_str(cause, "failcnt");
	bool one = !strcmp(failcnt, "1");

	if (bc_is_killing(cause)) {
		fprintf(p->out, ": %s process%s killed for want of memory\n", failcnt,
			one ? " was" : "es were");
		return;
	}
	fprintf(p->out, ": %s request%s", failcnt, one ? " was" : "s were");
	bc_print_by(p, cause);
	bc_print_bound(p, cause, last);
}

static void bc_print_cause(const struct bc_printer *p, json_object *doc, json_object *cause)
{
	json_object *culprits, *last = NULL;
	size_t i;

	if (json_object_object_get_ex(cause, "culprits", &culprits) &&
	    json_object_array_length(culprits))
		last = json_object_array_get_idx(culprits, 0);
	bc_safe(p->out, bc_str(doc, "pool"));
	fputs(": ", p->out);
	bc_safe(p->out, bc_str(cause, "resource"));
	bc_print_head(p, cause, last);
	bc_print_figures(p, cause);
	for (i = 0; i < json_object_array_length(culprits); i++)
		bc_print_culprit_line(p, doc, bc_str(doc, "pool"),
				      json_object_array_get_idx(culprits, i),
				      bc_is_killing(cause));
	bc_print_advice(p, cause);
}

/**
 * bc_print_explain() - print what was refused and what can be done
 * @p: where and how
 * @doc: the document
 * @causes: the list in it
 *
 * Return: 0.
 */
int bc_print_explain(const struct bc_printer *p, json_object *doc, json_object *causes)
{
	size_t i;

	for (i = 0; i < json_object_array_length(causes); i++) {
		if (i)
			fputc('\n', p->out);
		bc_print_cause(p, doc, json_object_array_get_idx(causes, i));
	}
	if (!i) {
		bc_safe(p->out, bc_str(doc, "pool"));
		fputs(": nothing was refused\n", p->out);
	}
	return 0;
}
