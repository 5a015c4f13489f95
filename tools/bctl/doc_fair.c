// SPDX-License-Identifier: GPL-2.0
/*
 * The document of bctl fairpages
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "beancounter.h"
#include "doc.h"
#include "fair.h"
#include "pagewalk.h"
#include "print.h"

/*
 * Bytes as pages, to the last digit: a fraction of a page ends after as many
 * decimals as the size of a page has bits.
 */
static void bc_put_pages(struct bc_doc *doc, json_object *obj, const char *key,
			 uint64_t bytes, uint64_t page_size)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "%" PRIu64, bytes / page_size);
	uint64_t rest = bytes % page_size;

	if (rest)
		text[len++] = '.';
	for (; rest && len < (int)sizeof(text) - 1; rest = rest * 10 % page_size)
		text[len++] = '0' + rest * 10 / page_size;
	text[len] = '\0';
	bc_put(doc, obj, key, json_object_new_double_s((double)bytes / page_size, text));
}

/* What a group of processes maps, in the way that is common to pool and own. */
static void bc_put_fair(struct bc_doc *doc, json_object *obj, uint64_t bytes, uint64_t mapped,
			uint64_t private, uint64_t page_size)
{
	bc_put_pages(doc, obj, "fairpages", bytes, page_size);
	bc_put_int(doc, obj, "fair_bytes", bytes);
	bc_put_int(doc, obj, "mapped", mapped);
	bc_put_int(doc, obj, "shared", mapped - private);
	bc_put_int(doc, obj, "private", private);
}

/* The exact figure behind own_bytes: pages by the number of those who share them. */
static void bc_put_shares(struct bc_doc *doc, json_object *own, const struct bc_fair_pool *fair)
{
	json_object *list = json_object_new_array(), *obj;
	size_t i;

	bc_put(doc, own, "shares", list);
	for (i = 0; i < fair->nshares && !doc->err; i++) {
		obj = json_object_new_object();
		if (!obj || json_object_array_add(list, obj)) {
			json_object_put(obj);
			doc->err = -ENOMEM;
			return;
		}
		bc_put_int(doc, obj, "pools", fair->share[i].pools);
		bc_put_int(doc, obj, "pages", fair->share[i].pages);
	}
}

/**
 * bc_doc_fair() - tell in the document what all pools map, and what it took to know
 * @doc: the document
 * @fair: all pools
 * @walk: who read the pages
 * @took: nanoseconds
 */
void bc_doc_fair(struct bc_doc *doc, const struct bc_fair *fair,
		 const struct bc_pagewalk *walk, uint64_t took)
{
	const struct {
		const char *key;
		uint64_t val;
	} ints[] = {
		{ "took_ns", took },
		{ "passes", fair->passes },
		{ "processes", walk->processes },
		{ "vanished", walk->vanished },
		{ "entries", walk->entries },
		{ "pages", fair->pages },
		{ "excluded", fair->excluded },
	};
	size_t i;

	for (i = 0; i < sizeof(ints) / sizeof(ints[0]) && !doc->err; i++)
		bc_put_int(doc, doc->root, ints[i].key, ints[i].val);
}

/**
 * bc_doc_fair_pool() - add what a pool maps
 * @doc: the document
 * @pool: the pool
 * @fair: its pages
 * @page_size: bytes in a page
 */
void bc_doc_fair_pool(struct bc_doc *doc, const struct bcn_pool *pool,
		      const struct bc_fair_pool *fair, uint64_t page_size)
{
	json_object *obj = bc_doc_append(doc), *own;

	if (!obj)
		return;
	bc_doc_who(doc, obj, pool);
	bc_put_fair(doc, obj, fair->bytes, fair->mapped, fair->private, page_size);
	own = json_object_new_object();
	bc_put(doc, obj, "own", own);
	if (doc->err)
		return;
	bc_put_fair(doc, own, fair->own_bytes, fair->own_mapped, fair->own_private, page_size);
	bc_put_shares(doc, own, fair);
}
