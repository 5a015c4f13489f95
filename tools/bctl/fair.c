// SPDX-License-Identifier: GPL-2.0
/*
 * Shares of pages
 *
 * One key of 8 bytes for each pair of a page and a pool that maps it:
 *
 *	 63            24 23       2 1   0
 *	| PFN            | pool     | kind |
 *
 * Sorted, all who map a page stand side by side, and a pool that maps it many
 * times is a run of keys of which the first is the surest.
 *
 * Memory is bounded. When there is no room, duplicates are thrown out. If that
 * does not help, the slice of frames that is being looked at is made shorter,
 * and the keys beyond its new end are forgotten; they come again in the next
 * pass, which begins there. So the number of passes follows from what there is
 * and need not be known before.
 *
 * What is counted is not shares but pages: for each pool, how many of its pages
 * have 1, 2, 3... pools. These are integers, nothing is lost. Only at the end
 * they are turned into bytes, by the method of the largest remainder: every pool
 * gets its exact share rounded down, and the bytes that are left over go, one
 * each, to the pools that were rounded down by most. Hence the sum of all pools
 * is exactly the size of all pages, and no pool is wrong by a byte or more.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fair.h"

#define BC_KEY_POOL_SHIFT	BC_FAIR_KIND_BITS
#define BC_KEY_PFN_SHIFT	(BC_FAIR_POOL_BITS + BC_FAIR_KIND_BITS)
#define BC_KEY_KIND(key)	((enum bc_fair_kind)((key) & ((1 << BC_FAIR_KIND_BITS) - 1)))
#define BC_KEY_POOL(key)	((key) >> BC_KEY_POOL_SHIFT & ((1U << BC_FAIR_POOL_BITS) - 1))
#define BC_KEY_PFN(key)		((key) >> BC_KEY_PFN_SHIFT)

/* Below this many keys, inserting is faster than counting. */
#define BC_SORT_FEW		32

/**
 * bc_fair_init() - begin
 * @fair: the pools, to be ended by bc_fair_clear() even after an error; the
 *	caller sets the parents
 * @npools: how many
 * @memory: bytes for keys
 *
 * Return: 0, -EINVAL if @memory is too little for so many pools, or -ENOMEM.
 */
int bc_fair_init(struct bc_fair *fair, size_t npools, uint64_t memory)
{
	memset(fair, 0, sizeof(*fair));
	fair->room = memory / sizeof(*fair->key);
	/* One page that all pools map must fit twice: see bc_fair_cut(). */
	if (!npools || npools >> BC_FAIR_POOL_BITS || fair->room < 2 * npools)
		return -EINVAL;
	fair->end = 1ULL << BC_FAIR_PFN_BITS;
	fair->npools = npools;
	fair->pools = calloc(npools, sizeof(*fair->pools));
	fair->key = malloc(fair->room * sizeof(*fair->key));
	return fair->pools && fair->key ? 0 : -ENOMEM;
}

/**
 * bc_fair_clear() - free everything
 * @fair: the pools
 */
void bc_fair_clear(struct bc_fair *fair)
{
	size_t i;

	for (i = 0; fair->pools && i < fair->npools; i++)
		free(fair->pools[i].share);
	free(fair->pools);
	free(fair->key);
	memset(fair, 0, sizeof(*fair));
}

static void bc_sort_few(uint64_t *key, size_t n)
{
	size_t i, j;
	uint64_t k;

	for (i = 1; i < n; i++) {
		k = key[i];
		for (j = i; j && key[j - 1] > k; j--)
			key[j] = key[j - 1];
		key[j] = k;
	}
}

/* Sort by the byte at @shift and all below it, in place and without a comparison. */
static void bc_sort_bytes(uint64_t *key, size_t n, int shift)
{
	size_t next[256], end[256] = { 0 }, i, at = 0;
	uint64_t k, other;
	int b, to;

	if (n <= BC_SORT_FEW) {
		bc_sort_few(key, n);
		return;
	}
	for (i = 0; i < n; i++)
		end[key[i] >> shift & 255]++;
	for (b = 0; b < 256; b++) {
		next[b] = at;
		at += end[b];
		end[b] = at;
	}
	for (b = 0; b < 256; b++) {
		while (next[b] < end[b]) {
			k = key[next[b]];
			while ((to = k >> shift & 255) != b) {
				other = key[next[to]];
				key[next[to]++] = k;
				k = other;
			}
			key[next[b]++] = k;
		}
	}
	for (b = 0, at = 0; shift && b < 256; at = end[b++])
		bc_sort_bytes(key + at, end[b] - at, shift - 8);
}

static void bc_sort(uint64_t *key, size_t n)
{
	uint64_t differ = 0;
	size_t i;

	for (i = 1; i < n; i++)
		differ |= key[i] ^ key[0];
	if (differ)
		bc_sort_bytes(key, n, (63 - __builtin_clzll(differ)) / 8 * 8);
}

/* Sort, and keep of each pair of page and pool the surest key. */
static void bc_fair_unique(struct bc_fair *fair)
{
	size_t i, n = 0;

	bc_sort(fair->key, fair->count);
	for (i = 0; i < fair->count; i++)
		if (!n || fair->key[i] >> BC_KEY_POOL_SHIFT !=
			  fair->key[n - 1] >> BC_KEY_POOL_SHIFT)
			fair->key[n++] = fair->key[i];
	fair->count = n;
}

/*
 * Make the slice end in the middle of what has been found. If that is all one
 * page, make it end behind that: there are at most as many keys as pools then,
 * which is half of the room.
 */
static void bc_fair_cut(struct bc_fair *fair)
{
	uint64_t first = BC_KEY_PFN(fair->key[0]);
	size_t n = fair->count / 2;

	fair->end = BC_KEY_PFN(fair->key[n]);
	if (fair->end == first)
		fair->end = first + 1;
	while (n < fair->count && BC_KEY_PFN(fair->key[n]) < fair->end)
		n++;
	while (n && BC_KEY_PFN(fair->key[n - 1]) >= fair->end)
		n--;
	fair->count = n;
}

/**
 * bc_fair_squeeze() - make room for more keys
 * @fair: the pools
 *
 * At least a quarter of all the room is free afterwards, so that what is spent
 * on sorting is bounded by what is added.
 */
void bc_fair_squeeze(struct bc_fair *fair)
{
	bc_fair_unique(fair);
	if (fair->count > fair->room / 4 * 3)
		bc_fair_cut(fair);
}

/* The entry of @pool for pages of @n pools; NULL without memory. */
static struct bc_fair_share *bc_fair_entry(struct bc_fair_pool *pool, uint32_t n)
{
	size_t low = 0, high = pool->nshares, mid;
	struct bc_fair_share *share = pool->share;

	while (low < high) {
		mid = (low + high) / 2;
		if (share[mid].pools < n)
			low = mid + 1;
		else
			high = mid;
	}
	pool->last = low;
	if (low < pool->nshares && share[low].pools == n)
		return &share[low];
	if (pool->nshares == pool->room) {
		share = realloc(share, (2 * pool->room + 4) * sizeof(*share));
		if (!share)
			return NULL;
		pool->share = share;
		pool->room = 2 * pool->room + 4;
	}
	memmove(share + low + 1, share + low, (pool->nshares++ - low) * sizeof(*share));
	share[low] = (struct bc_fair_share) { .pools = n };
	return &share[low];
}

static int bc_fair_count(struct bc_fair_pool *pool, uint32_t n)
{
	struct bc_fair_share *share = pool->share + pool->last;

	if (!pool->nshares || share->pools != n)
		share = bc_fair_entry(pool, n);
	if (!share)
		return -ENOMEM;
	share->pages++;
	return 0;
}

/*
 * A page with several pools, seen from above: whatever contains one of them maps
 * the page, and what contains them all maps it alone. Pages of one pool are not
 * seen here; bc_fair_finish() carries their number up at once.
 */
static void bc_fair_climb(struct bc_fair *fair, const uint64_t *key, size_t n)
{
	struct bc_fair_pool *pool;
	size_t i;
	uint32_t at;

	for (i = 0; i < n; i++) {
		at = BC_KEY_POOL(key[i]);
		do {
			pool = &fair->pools[at];
			if (pool->stamp != fair->pages) {
				pool->stamp = fair->pages;
				pool->inside = 0;
				pool->mapped++;
			}
			pool->private += ++pool->inside == n;
			at = at ? pool->parent : fair->npools;
		} while (at < fair->npools);
	}
}

/* One page: the @n keys are those of all pools that may map it. */
static int bc_fair_page(struct bc_fair *fair, uint64_t *key, size_t n,
			bc_fair_check_t check, void *arg)
{
	size_t i, good = 0;
	int ret = 0;

	for (i = 0; i < n; i++) {
		ret = BC_KEY_KIND(key[i]) == BC_FAIR_SURE ? 1 :
		      check(arg, BC_KEY_PFN(key[i]), BC_KEY_KIND(key[i]));
		if (ret < 0)
			return ret;
		if (ret)
			key[good++] = key[i];
	}
	if (!good) {
		fair->excluded++;
		return 0;
	}
	fair->pages++;
	for (i = 0, ret = 0; i < good && !ret; i++)
		ret = bc_fair_count(&fair->pools[BC_KEY_POOL(key[i])], good);
	if (good > 1)
		bc_fair_climb(fair, key, good);
	return ret;
}

/**
 * bc_fair_settle() - count the pages of this slice
 * @fair: the pools; all processes were added
 * @check: tells what becomes of mappings that are not sure
 * @arg: its first argument
 *
 * Return: 0, -ENOMEM, or what @check returned.
 */
int bc_fair_settle(struct bc_fair *fair, bc_fair_check_t check, void *arg)
{
	size_t i, n;
	int ret = 0;

	bc_fair_unique(fair);
	for (i = 0; i < fair->count && !ret; i += n) {
		for (n = 1; i + n < fair->count; n++)
			if (BC_KEY_PFN(fair->key[i + n]) != BC_KEY_PFN(fair->key[i]))
				break;
		ret = bc_fair_page(fair, fair->key + i, n, check, arg);
	}
	fair->passes++;
	return ret;
}

/**
 * bc_fair_next() - go on to the next slice
 * @fair: the pools; the slice was settled
 *
 * Return: whether there is one, so that all processes have to be added again.
 */
bool bc_fair_next(struct bc_fair *fair)
{
	if (fair->end >= 1ULL << BC_FAIR_PFN_BITS)
		return false;
	fair->start = fair->end;
	fair->end = 1ULL << BC_FAIR_PFN_BITS;
	fair->count = 0;
	return true;
}

/* What a pool lost when its share was rounded down, in 2^-64 bytes. */
struct bc_fair_rest {
	uint64_t rest;
	uint32_t pool;
};

static int bc_fair_cmp(const void *a, const void *b)
{
	const struct bc_fair_rest *x = a, *y = b;

	if (x->rest != y->rest)
		return x->rest < y->rest ? 1 : -1;
	return x->pool < y->pool ? -1 : 1;
}

/* Own figures of a pool but for the rounding of its share; what that left. */
static uint64_t bc_fair_own(struct bc_fair_pool *pool, uint64_t page_size)
{
	unsigned __int128 bytes, rest = 0;
	size_t i;

	for (i = 0; i < pool->nshares; i++) {
		bytes = (unsigned __int128)pool->share[i].pages * page_size;
		pool->own_bytes += bytes / pool->share[i].pools;
		/* Falls short by less than 2^-64 byte. */
		rest += (bytes % pool->share[i].pools << 64) / pool->share[i].pools;
		pool->own_mapped += pool->share[i].pages;
		if (pool->share[i].pools == 1)
			pool->own_private = pool->share[i].pages;
	}
	pool->own_bytes += rest >> 64;
	return rest;
}

/**
 * bc_fair_finish() - turn what was counted into shares
 * @fair: the pools; all slices were settled
 * @page_size: bytes in a page
 *
 * The own_bytes of all pools add up to @page_size for each page exactly; each is
 * less than one byte away from the exact share. A parent has the sum of its
 * children's and its own.
 *
 * Return: 0 or -ENOMEM.
 */
int bc_fair_finish(struct bc_fair *fair, uint64_t page_size)
{
	struct bc_fair_rest *rest = calloc(fair->npools, sizeof(*rest));
	struct bc_fair_pool *pool, *parent;
	uint64_t left = fair->pages * page_size;
	size_t i;

	if (!rest)
		return -ENOMEM;
	for (i = 0; i < fair->npools; i++) {
		rest[i].rest = bc_fair_own(&fair->pools[i], page_size);
		rest[i].pool = i;
		left -= fair->pools[i].own_bytes;
	}
	qsort(rest, fair->npools, sizeof(*rest), bc_fair_cmp);
	for (i = 0; i < left && i < fair->npools; i++)
		fair->pools[rest[i].pool].own_bytes++;
	free(rest);
	/* Pages of several pools are in mapped and private already. */
	for (i = fair->npools; i--; ) {
		pool = &fair->pools[i];
		parent = &fair->pools[pool->parent];
		pool->bytes += pool->own_bytes;
		pool->alone += pool->own_private;
		if (i) {
			parent->bytes += pool->bytes;
			parent->alone += pool->alone;
		}
		pool->mapped += pool->alone;
		pool->private += pool->alone;
	}
	return 0;
}
