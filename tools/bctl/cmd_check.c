// SPDX-License-Identifier: GPL-2.0
/*
 * bctl check
 *
 * A plugin for Nagios and what understands the same: one line on stdout, words
 * and then figures behind a bar, and an exit status of its own - the one command
 * where 1 does not mean that the command line is wrong. Whatever keeps it from
 * looking, a wrong command line too, is UNKNOWN.
 *
 * What is judged is how much of its barrier a pool holds. A resource without a
 * barrier is not judged; with a barrier of 0, anything held is critical.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "cli.h"
#include "delta.h"
#include "fetch.h"
#include "parse.h"

#define BC_WARN_DEFAULT	80
#define BC_CRIT_DEFAULT	90
#define BC_KEY_DEFAULT	"check"
/* So many findings are put into words; there is a number for the others. */
#define BC_FINDINGS	8

enum bc_nagios { BC_NAGIOS_OK, BC_NAGIOS_WARNING, BC_NAGIOS_CRITICAL, BC_NAGIOS_UNKNOWN };

static const char * const bc_nagios_words[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

/**
 * struct bc_check - what to look at, and what was found
 * @warn: percent of the barrier
 * @crit: likewise
 * @res: names of the resources that count, none for all
 * @failures: new failures count
 * @state: the worst that was found
 * @words: text of what was found, in two files: [0] critical, [1] warning
 * @found: how many of each
 * @perf: the figures
 * @judged: how many resources were judged
 */
struct bc_check {
	uint32_t warn;
	uint32_t crit;
	const char *res[BC_MANY_MAX + 1];
	bool failures;
	enum bc_nagios state;
	FILE *words[2];
	int found[2];
	FILE *perf;
	unsigned int judged;
};

/* A name for both halves of the line: nothing that means something there. */
static void bc_label(char *text, size_t size, const char *pool, const char *res)
{
	snprintf(text, size, "%s.%s", pool, res);
	for (; *text; text++)
		if (strchr("'=|;,", *text) || (unsigned char)*text <= ' ' || *text == 0x7f)
			*text = '_';
}

static uint64_t bc_num(json_object *obj, const char *key)
{
	return json_object_get_uint64(json_object_object_get(obj, key));
}

/* Begin to tell what is wrong; where to write it, or NULL if enough was told. */
static FILE *bc_finding(struct bc_check *c, enum bc_nagios state)
{
	int i = state == BC_NAGIOS_CRITICAL ? 0 : 1;

	if (state > c->state)
		c->state = state;
	if (c->found[i]++ >= BC_FINDINGS)
		return NULL;
	if (c->found[i] > 1)
		fputs(", ", c->words[i]);
	return c->words[i];
}

/* So much is @percent of @barrier, rounded up. */
static uint64_t bc_percent(uint64_t barrier, uint32_t percent)
{
	return ((unsigned __int128)barrier * percent + 99) / 100;
}

static void bc_check_held(struct bc_check *c, const char *label, json_object *res,
			  uint64_t held, uint64_t barrier)
{
	uint64_t warn = bc_percent(barrier, c->warn), crit = bc_percent(barrier, c->crit);
	enum bc_nagios state = BC_NAGIOS_OK;
	json_object *unit = json_object_object_get(res, "unit");
	FILE *out;

	c->judged++;
	if (held && held >= crit)
		state = BC_NAGIOS_CRITICAL;
	else if (held && held >= warn)
		state = BC_NAGIOS_WARNING;
	fprintf(c->perf, " '%s'=%" PRIu64 "%s;%" PRIu64 ";%" PRIu64 ";0;%" PRIu64, label, held,
		unit && !strcmp(json_object_get_string(unit), "bytes") ? "B" : "", warn, crit,
		barrier);
	out = state == BC_NAGIOS_OK ? NULL : bc_finding(c, state);
	if (!out)
		return;
	fprintf(out, "%s holds %" PRIu64 " of %" PRIu64, label, held, barrier);
	if (barrier)
		fprintf(out, " (%" PRIu64 " %%)",
			(uint64_t)((unsigned __int128)held * 100 / barrier));
}

static void bc_check_failures(struct bc_check *c, const char *label, json_object *res)
{
	uint64_t fresh = bc_num(json_object_object_get(res, "delta"), "failcnt");
	FILE *out;

	fprintf(c->perf, " '%s.failures'=%" PRIu64, label, fresh);
	out = fresh ? bc_finding(c, BC_NAGIOS_CRITICAL) : NULL;
	if (out)
		fprintf(out, "%s was refused %" PRIu64 " times", label, fresh);
}

static bool bc_check_wants(const struct bc_check *c, const char *name)
{
	int i;

	for (i = 0; c->res[i]; i++)
		if (!strcmp(c->res[i], name))
			return true;
	return !i;
}

static void bc_check_pool(struct bc_check *c, json_object *pool)
{
	const char *name = json_object_get_string(json_object_object_get(pool, "name"));
	const char *state = json_object_get_string(json_object_object_get(pool, "state"));
	json_object *resources = json_object_object_get(pool, "resources"), *barrier;
	char label[192];

	if (state && !strcmp(state, "dying"))
		return;
	json_object_object_foreach(resources, key, res) {
		if (!bc_check_wants(c, key))
			continue;
		bc_label(label, sizeof(label), name, key);
		if (json_object_object_get_ex(res, "barrier", &barrier) && barrier)
			bc_check_held(c, label, res, bc_num(res, "held"),
				      json_object_get_uint64(barrier));
		if (c->failures)
			bc_check_failures(c, label, res);
	}
}

/* A resource that was asked for by name has to be there, or nothing is known. */
static int bctl_check_res(struct bctl *b, const struct bc_check *c,
			  const struct bc_snapshot *snap)
{
	const struct bcn_res *res;
	int i;

	for (i = 0; c->res[i]; i++) {
		res = bc_find_res(snap, c->res[i]);
		if (!res)
			return bctl_fail(b, c->res[i], "unknown resource");
		if (BCN_HAS(res, BC_A_RES_STATUS) && res->status == BC_STATUS_UNAVAILABLE)
			return bctl_fail(b, c->res[i], "not counted on this kernel");
	}
	return BCTL_OK;
}

static int bctl_check_look(struct bctl *b, int argc, char **argv, struct bc_check *c,
			   struct bc_delta *d)
{
	struct bc_snapshot snap = { 0 };
	struct bc_doc doc = { 0 };
	int status = BCTL_OK;
	size_t i;

	if (c->failures)
		status = bctl_delta_open(b, d);
	if (!status)
		status = bctl_fetch_named(b, &snap, argc, argv);
	if (!status)
		status = bctl_check_res(b, c, &snap);
	if (!status)
		bc_pools_doc(&snap, &doc);
	if (!status && c->failures) {
		bc_delta_apply(d, &doc, !argc);
		status = bctl_delta_save(b, d, &doc);
	}
	if (!status && doc.err)
		status = bctl_fail_nl(b, NULL, doc.err);
	for (i = 0; !status && i < json_object_array_length(doc.list); i++)
		bc_check_pool(c, json_object_array_get_idx(doc.list, i));
	bc_doc_end(&doc);
	bc_snapshot_clear(&snap);
	return status;
}

/* The words of one kind of finding, and how many more there are. */
static void bc_findings_out(const struct bc_check *c, int i, const char *text)
{
	if (c->found[i])
		printf("%s%s", i && c->found[0] ? ", " : "", text);
	if (c->found[i] > BC_FINDINGS)
		printf(" and %d more", c->found[i] - BC_FINDINGS);
}

static void bc_check_out(const struct bc_check *c, char *text[3], const struct bc_delta *d)
{
	printf("BEANCOUNTER %s - ", bc_nagios_words[c->state]);
	if (c->state == BC_NAGIOS_OK && c->judged)
		printf("%u resources below %u %% of their barriers", c->judged, c->warn);
	else if (c->state == BC_NAGIOS_OK)
		fputs("nothing has a barrier", stdout);
	bc_findings_out(c, 0, text[0]);
	bc_findings_out(c, 1, text[1]);
	if (c->failures && d->first)
		fputs(", failures since the pools were made", stdout);
	printf("%s%s\n", *text[2] ? " |" : "", text[2]);
}

static int bctl_check_run(struct bctl *b, int argc, char **argv, struct bc_check *c,
			  struct bc_delta *d)
{
	FILE **files[] = { &c->words[0], &c->words[1], &c->perf };
	char *text[3] = { NULL };
	size_t size[3];
	int status = BCTL_OK, i;

	for (i = 0; i < 3; i++) {
		*files[i] = open_memstream(&text[i], &size[i]);
		if (!*files[i])
			status = bctl_fail_nl(b, NULL, -ENOMEM);
	}
	if (!status)
		status = bctl_check_look(b, argc, argv, c, d);
	for (i = 0; i < 3; i++)
		if (*files[i] && fclose(*files[i]) && !status)
			status = bctl_fail_nl(b, NULL, -ENOMEM);
	if (!status)
		bc_check_out(c, text, d);
	for (i = 0; i < 3; i++)
		free(text[i]);
	bc_delta_close(d);
	return status;
}

static int bctl_percent_parse(struct bctl *b, char letter, const char *text, uint32_t *percent)
{
	size_t len = text ? strlen(text) : 0;
	char digits[16];

	if (!text)
		return BCTL_OK;
	if (len > 1 && len < sizeof(digits) && text[len - 1] == '%')
		len--;
	snprintf(digits, sizeof(digits), "%.*s", (int)len, text);
	if (len < sizeof(digits) && !bc_u32_parse(digits, percent) && *percent && *percent <= 100)
		return BCTL_OK;
	return bctl_usage(b, "-%c %.*s: not a percentage from 1 to 100", letter, BC_WORD_MAX, text);
}

static int bctl_check_parse(struct bctl *b, int argc, char **argv, struct bc_check *c,
			    const char *warn, const char *crit, const char *key)
{
	int status = bctl_percent_parse(b, 'w', warn, &c->warn), i;

	if (!status)
		status = bctl_percent_parse(b, 'c', crit, &c->crit);
	if (!status && c->warn > c->crit)
		status = bctl_usage(b, "-w %u is above -c %u", c->warn, c->crit);
	if (!status)
		status = bctl_delta_key(b, "failures", key);
	for (i = 0; i < argc && !status; i++)
		status = bctl_check_name(b, argv[i]);
	return status;
}

/* Say in one line why nothing is known. */
static int bc_check_unknown(const char *said)
{
	fputs("BEANCOUNTER UNKNOWN - ", stdout);
	for (; *said; said++)
		putchar(*said == '|' || (unsigned char)*said < ' ' || *said == 0x7f ? '_' : *said);
	putchar('\n');
	return BC_NAGIOS_UNKNOWN;
}

/**
 * cmd_check() - bctl check
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of a plugin: enum bc_nagios.
 */
int cmd_check(struct bctl *b, int argc, char **argv)
{
	struct bc_check c = { .warn = BC_WARN_DEFAULT, .crit = BC_CRIT_DEFAULT };
	const char *warn = NULL, *crit = NULL, *key = NULL;
	const struct bc_opt opts[] = {
		{ "warning", 'w', NULL, &warn },
		{ "critical", 'c', NULL, &crit },
		{ "res", BC_OPT_MANY, NULL, c.res },
		{ "failures", 0, &c.failures, &key },
		BC_OPT_END
	};
	struct bc_delta d = { .dir = -1, .lock = -1 };
	char said[BC_SAID_MAX] = "";
	int status;

	b->said = said;
	status = bctl_args(b, &argc, argv, opts);
	if (status < 0) {
		d.key = key ? key : BC_KEY_DEFAULT;
		status = bctl_check_parse(b, argc, argv, &c, warn, crit, d.key);
		if (!status)
			status = bctl_check_run(b, argc, argv, &c, &d);
		status = status ? bc_check_unknown(said) : (int)c.state;
	} else if (status) {
		status = bc_check_unknown(said);
	}
	b->said = NULL;
	return status;
}
