// SPDX-License-Identifier: GPL-2.0
/*
 * RES=VALUE arguments
 *
 * Read in two steps, the first without the kernel. The names of the resources
 * are the module's: bctl has no list of its own. Settings, which have values of all
 * kinds, are known by name (tuning.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "assign.h"
#include "cli.h"
#include "fetch.h"
#include "tuning.h"

/* Other words for a resource, with a barrier or a limit only. */
static const struct {
	const char *word;
	const char *res;
	bool guarantee;
} bc_presets[] = {
	{ "ram", "physpages", false },
	{ "swap", "swappages", false },
	{ "memory.reservation", "vmguarpages", true },
};

/**
 * bc_limits_clear() - forget the limits
 * @limits: the limits
 */
void bc_limits_clear(struct bc_limits *limits)
{
	free(limits->v);
	memset(limits, 0, sizeof(*limits));
}

/**
 * bc_limit_word() - how is the limit of a resource set, and no barrier with it?
 * @res: the resource
 *
 * Return: a word, which is @res itself if there is none for that.
 */
const char *bc_limit_word(const char *res)
{
	size_t i;

	for (i = 0; i < sizeof(bc_presets) / sizeof(bc_presets[0]); i++)
		if (!strcmp(bc_presets[i].res, res) && !bc_presets[i].guarantee)
			return bc_presets[i].word;
	return res;
}

static bool bc_word_is(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && !memcmp(word, name, len);
}

/* What the word before the = means. */
static void bc_limit_name(struct bc_limit *lim, size_t len, bool colon)
{
	size_t i;

	lim->name = lim->arg;
	lim->name_len = len;
	lim->tuning = bc_tuning_find(lim->arg, len);
	if (lim->tuning) {
		lim->name = bc_tuning_name(lim->tuning);
		lim->name_len = strlen(lim->name);
	}
	for (i = 0; i < sizeof(bc_presets) / sizeof(bc_presets[0]); i++) {
		if (!bc_word_is(lim->arg, len, bc_presets[i].word))
			continue;
		lim->name = bc_presets[i].res;
		lim->name_len = strlen(lim->name);
		lim->guarantee = bc_presets[i].guarantee;
		lim->limit_only = !lim->guarantee && !colon;
	}
}

static int bctl_tuning_parse(struct bctl *b, struct bc_limit *lim, const char *text)
{
	const char *why;

	if (bc_tuning_parse(lim->tuning, text, bc_cpu_khz(), &lim->limit, &why))
		return bctl_usage(b, "%.*s: %s", BC_WORD_MAX, lim->arg, why);
	return BCTL_OK;
}

static int bctl_limit_parse(struct bctl *b, const char *arg, struct bc_limits *limits)
{
	struct bc_limit *lim = &limits->v[limits->count];
	const char *eq = strchr(arg, '='), *why;
	size_t i;

	if (!eq || eq == arg)
		return bctl_usage(b, "'%.*s' is not of the form RES=VALUE", BC_WORD_MAX, arg);
	lim->arg = arg;
	bc_limit_name(lim, eq - arg, strchr(eq, ':'));
	for (i = 0; i < limits->count; i++)
		if (limits->v[i].name_len == lim->name_len &&
		    !memcmp(limits->v[i].name, lim->name, lim->name_len))
			return bctl_usage(b, "%.*s: the %s '%.*s' is given twice", BC_WORD_MAX, arg,
					  lim->tuning ? "setting" : "resource",
					  (int)lim->name_len, lim->name);
	if (lim->tuning) {
		limits->count++;
		return bctl_tuning_parse(b, lim, eq + 1);
	}
	if (bc_value_parse(eq + 1, &lim->val, &why))
		return bctl_usage(b, "%.*s: %s", BC_WORD_MAX, arg, why);
	if (lim->guarantee && (strchr(eq, ':') || lim->val.barrier.unlimited))
		return bctl_usage(b, "%.*s: a reservation is one amount", BC_WORD_MAX, arg);
	limits->count++;
	return BCTL_OK;
}

/**
 * bctl_limits_parse() - read the arguments as far as that goes without the kernel
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 * @limits: the result; to be cleared by the caller even after an error
 *
 * Return: BCTL_OK, BCTL_USAGE or BCTL_FAILED.
 */
int bctl_limits_parse(struct bctl *b, int argc, char **argv, struct bc_limits *limits)
{
	int status = BCTL_OK, i;

	memset(limits, 0, sizeof(*limits));
	limits->v = calloc(argc + 1, sizeof(*limits->v));
	if (!limits->v)
		return bctl_fail(b, NULL, "%s", strerror(ENOMEM));
	for (i = 0; i < argc && !status; i++)
		status = bctl_limit_parse(b, argv[i], limits);
	return status;
}

static int bctl_limit_resolve(struct bctl *b, const struct bc_snapshot *snap,
			      struct bc_limit *lim)
{
	char name[BC_WORD_MAX + 1];
	const struct bcn_res *res = NULL;
	const char *why;

	if (lim->tuning)
		return BCTL_OK;
	if (lim->name_len < sizeof(name)) {
		memcpy(name, lim->name, lim->name_len);
		name[lim->name_len] = '\0';
		res = bc_find_res(snap, name);
	}
	if (!res)
		return bctl_usage(b, "%.*s: unknown resource '%.*s'; 'bctl resources' lists them",
				  BC_WORD_MAX, lim->arg,
				  (int)(lim->name_len < BC_WORD_MAX ? lim->name_len : BC_WORD_MAX),
				  lim->name);
	lim->res = res->id;
	if (bc_value_resolve(&lim->val, res->unit, bc_page_size(), &lim->barrier,
			     &lim->limit, &why))
		return bctl_usage(b, "%.*s: %s", BC_WORD_MAX, lim->arg, why);
	if (lim->limit_only)
		lim->barrier = BC_UNLIMITED;
	if (lim->guarantee)
		lim->limit = BC_UNLIMITED;
	return BCTL_OK;
}

/**
 * bctl_limits_resolve() - look the resources up and convert to their units
 * @b: the run
 * @snap: has the resources of the module
 * @limits: the limits
 *
 * Return: BCTL_OK or BCTL_USAGE.
 */
int bctl_limits_resolve(struct bctl *b, const struct bc_snapshot *snap,
			struct bc_limits *limits)
{
	int status = BCTL_OK;
	size_t i;

	for (i = 0; i < limits->count && !status; i++)
		status = bctl_limit_resolve(b, snap, &limits->v[i]);
	return status;
}

static const char *bc_limit_controller(const struct bc_limit *lim)
{
	if (lim->tuning)
		return bc_tuning_controller(lim->tuning);
	if (lim->res == BC_RES_PHYSPAGES || lim->res == BC_RES_SWAPPAGES ||
	    lim->res == BC_RES_VMGUARPAGES || lim->res == BC_RES_OOMGUARPAGES)
		return "memory";
	return "";
}

/**
 * bc_limits_need() - do the limits take a controller of the kernel?
 * @limits: the limits, resolved
 * @controller: its name
 *
 * Return: the argument that does, or NULL.
 */
const char *bc_limits_need(const struct bc_limits *limits, const char *controller)
{
	const struct bc_limit *lim;

	for (lim = limits->v; lim < limits->v + limits->count; lim++)
		if (strstr(bc_limit_controller(lim), controller))
			return lim->arg;
	return NULL;
}

/* io.weight is not the module's, see weight.c. */
static bool bc_limit_sent(const struct bc_limit *lim)
{
	return !lim->tuning || bc_tuning_id(lim->tuning) != BC_SETTING_IO_WEIGHT;
}

/**
 * bc_limits_weight() - get the setting io.weight
 * @limits: the limits, parsed
 *
 * Return: the argument, its value is in its limit; or NULL.
 */
const struct bc_limit *bc_limits_weight(const struct bc_limits *limits)
{
	const struct bc_limit *lim;

	for (lim = limits->v; lim < limits->v + limits->count; lim++)
		if (!bc_limit_sent(lim))
			return lim;
	return NULL;
}

/**
 * bc_limits_sent() - is there anything in the limits that the module is to know?
 * @limits: the limits, parsed
 *
 * Return: true if so.
 */
bool bc_limits_sent(const struct bc_limits *limits)
{
	return limits->count > (bc_limits_weight(limits) ? 1 : 0);
}

/**
 * bc_limits_change() - put limits into the form of the library
 * @limits: the limits, resolved
 * @change: receives them; to be cleared by the caller even after an error
 *
 * Return: 0 or -ENOMEM.
 */
int bc_limits_change(const struct bc_limits *limits, struct bcn_change *change)
{
	struct bcn_limit *amounts = calloc(limits->count + 1, sizeof(*amounts));
	struct bcn_value *values = calloc(limits->count + 1, sizeof(*values));
	const struct bc_limit *lim;

	*change = (struct bcn_change) { .limits = amounts, .values = values };
	if (!amounts || !values)
		return -ENOMEM;
	for (lim = limits->v; lim < limits->v + limits->count; lim++) {
		if (!bc_limit_sent(lim))
			continue;
		if (lim->tuning)
			values[change->nvalues++] = (struct bcn_value) {
				.setting = bc_tuning_id(lim->tuning), .value = lim->limit,
			};
		else
			amounts[change->nlimits++] = (struct bcn_limit) {
				.res = lim->res, .barrier = lim->barrier, .limit = lim->limit,
			};
	}
	return 0;
}

/**
 * bc_change_clear() - free what bc_limits_change() made
 * @change: what it made
 */
void bc_change_clear(struct bcn_change *change)
{
	free((void *)change->limits);
	free((void *)change->values);
	memset(change, 0, sizeof(*change));
}

/**
 * bc_limits_blamed() - which limit did the kernel blame?
 * @limits: the limits
 * @attr: the kind of attribute that it blamed
 * @index: how many of the kind stood before it in the request
 *
 * Return: the argument, or NULL if it was none of them.
 */
const char *bc_limits_blamed(const struct bc_limits *limits, int attr, size_t index)
{
	const struct bc_limit *lim;

	if (attr != BC_A_LIMIT && attr != BC_A_SETTING)
		return NULL;
	for (lim = limits->v; lim < limits->v + limits->count; lim++)
		if (bc_limit_sent(lim) && !lim->tuning == (attr == BC_A_LIMIT) && !index--)
			return lim->arg;
	return NULL;
}
