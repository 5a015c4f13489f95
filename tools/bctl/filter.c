// SPDX-License-Identifier: GPL-2.0
/*
 * Which events are wanted
 *
 * A pool is named by name: one that is deleted and made again is still wanted.
 * An event belongs to the pool that it is about and, if it is a refusal, to the
 * pool of the culprit as well: who watches a pool wants to hear that its
 * processes were refused something, at whatever level.
 *
 * An event does not tell what its pool is below of. With "tree" each pool that
 * is not known yet is looked for in a dump, once for each incarnation, and kept
 * until it is gone. A pool that comes and goes before bctl gets to ask cannot be
 * placed; its events are left out, and counted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "beancounter.h"
#include "fetch.h"
#include "filter.h"
#include "parse.h"
#include "print.h"

/* So many pools are remembered, dead ones among them whose end was lost. */
#define BC_PLACES_MAX	65536

static bool bc_in_list(const char * const *list, const char *word)
{
	for (; word && *list; list++)
		if (!strcmp(*list, word))
			return true;
	return false;
}

static int bctl_filter_type(struct bctl *b, struct bc_filter *f, const char *word)
{
	const char *name;
	uint32_t i;

	if (!strcmp(word, "lost")) {
		f->lost = true;
		return BCTL_OK;
	}
	for (i = 1; !(name = bc_event_name(i)) || *name; i++) {
		if (!name || strcmp(name, word))
			continue;
		f->type_bits |= 1ULL << i;
		return BCTL_OK;
	}
	return bctl_usage(b, "--type %.*s: no such type of event", BC_WORD_MAX, word);
}

/* The kernel's rule for names; it is not asked, as the pool need not exist. */
static int bctl_filter_pool(struct bctl *b, const char *name)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789_.:-";
	int status = bctl_check_name(b, name);

	if (!status && name[strspn(name, good)])
		return bctl_usage(b, "--pool %.*s: not the name of a pool", BC_WORD_MAX, name);
	return status;
}

/**
 * bctl_filter_parse() - check what was given as far as that goes without the kernel
 * @b: the run
 * @f: the filter, its lists filled
 *
 * Return: BCTL_OK or BCTL_USAGE.
 */
int bctl_filter_parse(struct bctl *b, struct bc_filter *f)
{
	struct bc_value val;
	const char *why = "";
	int status = BCTL_OK, i;

	f->lost = !f->types[0];
	for (i = 0; f->types[i] && !status; i++)
		status = bctl_filter_type(b, f, f->types[i]);
	for (i = 0; f->pools[i] && !status; i++)
		status = bctl_filter_pool(b, f->pools[i]);
	if (status)
		return status;
	if ((f->tree || f->absent_ok) && !f->pools[0])
		return bctl_usage(b, "--%s needs --pool", f->tree ? "tree" : "absent-ok");
	if (!f->min)
		return BCTL_OK;
	if (!f->res[0])
		return bctl_usage(b, "--min needs --res, whose unit it is in");
	if (strchr(f->min, ':') || bc_value_parse(f->min, &val, &why) || val.barrier.unlimited)
		return bctl_usage(b, "--min %.*s: not an amount", BC_WORD_MAX, f->min);
	return BCTL_OK;
}

static int bctl_filter_res(struct bctl *b, struct bc_filter *f, int i,
			   const struct bc_snapshot *snap)
{
	const struct bcn_res *res = bc_find_res(snap, f->res[i]);
	struct bc_value val;
	const char *why;
	uint64_t limit;

	if (!res)
		return bctl_usage(b, "--res %.*s: unknown resource; 'bctl resources' lists them",
				  BC_WORD_MAX, f->res[i]);
	f->res_id[i] = res->id;
	if (!f->min)
		return BCTL_OK;
	if (bc_value_parse(f->min, &val, &why) ||
	    bc_value_resolve(&val, res->unit, bc_page_size(), &f->res_min[i], &limit, &why))
		return bctl_usage(b, "--min %.*s: %s: %s", BC_WORD_MAX, f->min, res->name, why);
	return BCTL_OK;
}

static struct bc_place *bc_place_find(const struct bc_filter *f, uint64_t incarnation)
{
	size_t i;

	for (i = 0; i < f->nplaces; i++)
		if (f->places[i].incarnation == incarnation)
			return &f->places[i];
	return NULL;
}

/* The last one with this name and id: a pool of now rather than one of before. */
static struct bc_place *bc_place_named(const struct bc_filter *f, uint32_t id, const char *name)
{
	size_t i = f->nplaces;

	while (i--)
		if (f->places[i].id == id && !strcmp(f->places[i].name, name))
			return &f->places[i];
	return NULL;
}

static void bc_place_forget(struct bc_filter *f, uint64_t incarnation)
{
	struct bc_place *place = bc_place_find(f, incarnation);

	if (place)
		memmove(place, place + 1, (char *)&f->places[f->nplaces--] - (char *)(place + 1));
}

static int bc_place_add(struct bc_filter *f, uint64_t incarnation, uint32_t id,
			const char *name, bool in)
{
	struct bc_place *list;

	list = realloc(f->places, (f->nplaces + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	f->places = list;
	list += f->nplaces++;
	memset(list, 0, sizeof(*list));
	list->incarnation = incarnation;
	list->id = id;
	list->in = in;
	memcpy(list->name, name, strnlen(name, BC_NAME_MAX));
	return 0;
}

/* Parents come first, so that one pass finds all that is below. */
static bool bc_is_below(const struct bc_filter *f, const struct bc_snapshot *snap,
			const bool *in, size_t i)
{
	const struct bcn_pool *pool = &snap->pools[i];

	if (bc_in_list(f->pools, pool->name))
		return true;
	while (pool->parent && i--)
		if (in[i] && !strcmp(snap->pools[i].name, pool->parent))
			return true;
	return false;
}

/* Look where all pools are. What cannot be had now may be had the next time. */
static void bc_places_read(struct bc_filter *f)
{
	struct bc_snapshot snap = { 0 };
	size_t i;
	bool *in = NULL;

	if (f->nplaces > BC_PLACES_MAX)
		f->nplaces = 0;
	if (!bctl_fetch_pools(f->ask, &snap))
		in = calloc(snap.npools + 1, sizeof(*in));
	for (i = 0; in && i < snap.npools; i++) {
		const struct bcn_pool *pool = &snap.pools[i];

		in[i] = bc_is_below(f, &snap, in, i);
		if (!bc_place_find(f, pool->incarnation) &&
		    bc_place_add(f, pool->incarnation, pool->id, pool->name, in[i]))
			break;
	}
	free(in);
	bc_snapshot_clear(&snap);
}

/**
 * bctl_filter_resolve() - check what was given against the kernel
 * @b: the run
 * @f: the filter
 * @snap: the resources of the module
 *
 * Return: BCTL_OK, BCTL_USAGE or BCTL_FAILED.
 */
int bctl_filter_resolve(struct bctl *b, struct bc_filter *f, const struct bc_snapshot *snap)
{
	struct bcn_list *list = NULL;
	struct bcn_pool pool;
	int status = BCTL_OK, i, ret;

	for (i = 0; f->res[i] && !status; i++)
		status = bctl_filter_res(b, f, i, snap);
	for (i = 0; f->pools[i] && !status && !f->absent_ok; i++) {
		ret = bc_fetch_pool(b, f->pools[i], &list, &pool);
		bcn_list_free(list);
		if (ret == -ENOENT)
			status = bctl_fail(b, f->pools[i],
					   "no such pool; --absent-ok waits for one");
		else if (ret)
			status = bctl_fail_nl(b, f->pools[i], ret);
	}
	if (!status && f->tree)
		bc_places_read(f);
	return status;
}

/* Where a pool is; the answer is kept, even if it is that nobody can tell any more. */
static struct bc_place *bc_place_get(struct bc_filter *f, const struct bcn_notice *n)
{
	struct bc_place *place = bc_place_find(f, n->incarnation);

	if (place)
		return place;
	bc_places_read(f);
	place = bc_place_find(f, n->incarnation);
	if (place || bc_place_add(f, n->incarnation, n->id, n->name ? n->name : "",
				  bc_in_list(f->pools, n->name)))
		return place;
	place = bc_place_find(f, n->incarnation);
	place->unknown = !place->in;
	return place;
}

static bool bc_origin_in_tree(struct bc_filter *f, const struct bcn_notice *n)
{
	struct bc_place *origin = bc_place_named(f, n->origin_id, n->origin);

	if (!origin) {
		bc_places_read(f);
		origin = bc_place_named(f, n->origin_id, n->origin);
	}
	return origin && origin->in;
}

static bool bc_filter_in_tree(struct bc_filter *f, const struct bcn_notice *n)
{
	struct bc_place *place = bc_place_get(f, n);
	bool in;

	if (!place)
		return bc_in_list(f->pools, n->name);
	in = place->in;
	f->unplaced += place->unknown;
	if (!in && n->origin && strcmp(n->origin, place->name))
		in = bc_origin_in_tree(f, n);
	if (n->event == BC_EVENT_POOL_GONE)
		bc_place_forget(f, n->incarnation);
	return in;
}

static bool bc_filter_amount(const struct bc_filter *f, const struct bcn_notice *n)
{
	int i;

	for (i = 0; f->res[i]; i++)
		if (BCN_HAS(n, BC_A_RES) && f->res_id[i] == n->res)
			return !f->min || (BCN_HAS(n, BC_A_AMOUNT) && n->amount >= f->res_min[i]);
	return !i;
}

/**
 * bc_filter_match() - is an event wanted?
 * @f: the filter
 * @n: the event
 *
 * Return: whether it is.
 */
bool bc_filter_match(struct bc_filter *f, const struct bcn_notice *n)
{
	bool pool = !f->pools[0];

	/* first, as it has to see every pool go */
	if (f->tree)
		pool = bc_filter_in_tree(f, n);
	else if (!pool)
		pool = bc_in_list(f->pools, n->name) || bc_in_list(f->pools, n->origin);
	if (f->types[0] && (n->event > 63 || !(f->type_bits & 1ULL << n->event)))
		return false;
	return pool && bc_filter_amount(f, n);
}

/**
 * bc_filter_clear() - forget what the filter has seen
 * @f: the filter
 */
void bc_filter_clear(struct bc_filter *f)
{
	free(f->places);
	f->places = NULL;
	f->nplaces = 0;
}
