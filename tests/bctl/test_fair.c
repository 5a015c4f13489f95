// SPDX-License-Identifier: GPL-2.0
/*
 * Shares of pages against a slow second way: a set of pools for each frame
 *
 * Random trees of pools, random mappings, and room for few keys, so that there
 * are many slices. The exact shares of the second way are fractions over the
 * least common multiple of 1 to 20.
 */
#include <errno.h>
#include <stdlib.h>

#include "fair.h"
#include "tap.h"

#define POOLS	20
#define FRAMES	3000
#define LCM	232792560ULL

/* One process maps one page. */
struct mapping {
	uint64_t pfn;
	uint32_t pool;
	enum bc_fair_kind kind;
};

/* For each frame the pools that map it in this way or a surer one. */
struct frame {
	uint32_t pools[3];
};

static struct frame frames[FRAMES];
static uint32_t parents[POOLS];
static uint64_t lowest_pfn;

/* Every 7th frame is zero, every other one is anonymous. */
static int check(void *arg, uint64_t pfn, enum bc_fair_kind kind)
{
	uint64_t *last = arg;

	if (pfn < *last)
		return -ERANGE;
	*last = pfn;
	return kind == BC_FAIR_FILE ? pfn % 7 != 0 : pfn % 2 == 0;
}

static int refuse(void *arg, uint64_t pfn, enum bc_fair_kind kind)
{
	(void)arg;
	(void)pfn;
	return kind == BC_FAIR_ANON ? -EIO : 1;
}

/* The pools that map frame @i, as a set. */
static uint32_t sharers(size_t i)
{
	uint32_t set = frames[i].pools[BC_FAIR_SURE], file, anon;
	uint64_t last = 0;

	file = frames[i].pools[BC_FAIR_FILE] & ~set;
	anon = frames[i].pools[BC_FAIR_ANON] & ~set & ~file;
	if (check(&last, lowest_pfn + i, BC_FAIR_FILE))
		set |= file;
	if (check(&last, lowest_pfn + i, BC_FAIR_ANON))
		set |= anon;
	return set;
}

/* A pool and all below it, as a set. */
static uint32_t subtree(uint32_t pool, uint32_t npools)
{
	uint32_t set = 1U << pool, i;

	for (i = pool + 1; i < npools; i++)
		if (set >> parents[i] & 1)
			set |= 1U << i;
	return set;
}

/* Does @pool have in @fair what the second way says? */
static int pool_is_right(const struct bc_fair *fair, uint32_t pool, uint64_t page_size)
{
	const struct bc_fair_pool *p = &fair->pools[pool];
	uint32_t below = subtree(pool, fair->npools), set, i;
	uint64_t mapped = 0, private = 0, own_mapped = 0, own_private = 0, bytes = 0;
	unsigned __int128 exact = 0, have;

	for (i = 0; i < FRAMES; i++) {
		set = sharers(i);
		mapped += !!(set & below);
		private += set && !(set & ~below);
		if (!(set >> pool & 1))
			continue;
		own_mapped++;
		own_private += set == 1U << pool;
		exact += page_size * (LCM / __builtin_popcount(set));
	}
	have = (unsigned __int128)p->own_bytes * LCM;
	for (i = 0; i < fair->npools; i++)
		bytes += below >> i & 1 ? fair->pools[i].own_bytes : 0;
	return p->mapped == mapped && p->private == private && p->bytes == bytes &&
	       p->own_mapped == own_mapped && p->own_private == own_private &&
	       have < exact + LCM && exact < have + LCM;
}

static int all_is_right(const struct bc_fair *fair, uint64_t page_size)
{
	uint64_t pages = 0, excluded = 0, bytes = 0;
	uint32_t i, set;

	for (i = 0; i < FRAMES; i++) {
		set = frames[i].pools[0] | frames[i].pools[1] | frames[i].pools[2];
		pages += !!sharers(i);
		excluded += set && !sharers(i);
	}
	for (i = 0; i < fair->npools; i++) {
		if (!pool_is_right(fair, i, page_size))
			return 0;
		bytes += fair->pools[i].own_bytes;
	}
	return fair->pages == pages && fair->excluded == excluded &&
	       bytes == pages * page_size && fair->pools[0].bytes == bytes &&
	       fair->pools[0].mapped == pages && fair->pools[0].private == pages;
}

/* Make up @n mappings, dense or sparse, and note them in the second way. */
static void make_up(struct mapping *map, size_t n, uint32_t npools, uint64_t *state)
{
	uint32_t span = 1 + tap_random(state) % FRAMES, wide = 1 + tap_random(state) % npools;
	uint32_t few = 1 + tap_random(state) % 3;
	size_t i;

	memset(frames, 0, sizeof(frames));
	lowest_pfn = tap_random(state) % 2 ? 1000 : (1ULL << BC_FAIR_PFN_BITS) - FRAMES;
	for (i = 1; i < npools; i++)
		parents[i] = tap_random(state) % i;
	for (i = 0; i < n; i++) {
		uint32_t frame = tap_random(state) % span;

		map[i].pool = tap_random(state) % wide;
		map[i].kind = tap_random(state) % few;
		map[i].pfn = lowest_pfn + frame;
		frames[frame].pools[map[i].kind] |= 1U << map[i].pool;
	}
}

/* All passes over the mappings. */
static int run(struct bc_fair *fair, const struct mapping *map, size_t n, uint64_t page_size)
{
	uint64_t last = 0;
	size_t i;
	int ret;

	do {
		for (i = 0; i < n; i++)
			bc_fair_add(fair, map[i].pfn, map[i].pool, map[i].kind);
		ret = bc_fair_settle(fair, check, &last);
	} while (!ret && bc_fair_next(fair));
	return ret ? ret : bc_fair_finish(fair, page_size);
}

static void test_random(void)
{
	static struct mapping map[40000];
	uint64_t state = 0xfa12, page_size;
	uint32_t most_passes = 0, npools, i, j;
	int bad = 0, sliced = 0;
	struct bc_fair fair;
	size_t n;

	for (i = 0; i < 400; i++) {
		npools = 1 + tap_random(&state) % POOLS;
		n = tap_random(&state) % (i % 10 ? 3000 : 40000);
		page_size = tap_random(&state) % 8 ? 4096 : 65536;
		make_up(map, n, npools, &state);
		/* From the least room there can be to more than enough. */
		if (bc_fair_init(&fair, npools, 16ULL * npools << tap_random(&state) % 16)) {
			bad++;
			continue;
		}
		for (j = 1; j < npools; j++)
			fair.pools[j].parent = parents[j];
		if (run(&fair, map, n, page_size) || !all_is_right(&fair, page_size)) {
			printf("# case %u: %u pools, %zu mappings, %zu keys, %u passes\n", i,
			       npools, n, fair.room, fair.passes);
			bad++;
		}
		sliced += fair.passes > 1;
		if (fair.passes > most_passes)
			most_passes = fair.passes;
		bc_fair_clear(&fair);
	}
	ok(!bad, "shares_agree_with_the_slow_way_in_400_cases");
	ok(sliced > 100 && most_passes > 50, "many_cases_need_several_slices (%d, up to %u)",
	   sliced, most_passes);
}

static int compare(const void *a, const void *b)
{
	return *(const uint64_t *)a < *(const uint64_t *)b ? -1 :
	       *(const uint64_t *)a > *(const uint64_t *)b;
}

/* The sort by itself, through the keys it leaves: runs, gaps, all bytes in use. */
static void test_sort(void)
{
	static uint64_t want[50000];
	uint64_t state = 0x50f7, pfn;
	struct bc_fair fair;
	size_t i, n, bad = 0;
	int round;

	for (round = 0; round < 30; round++) {
		n = 1 + tap_random(&state) % 50000;
		if (bc_fair_init(&fair, 1000, n * 8 < 16000 ? 16000 : n * 8))
			bad++;
		for (i = 0; i < n; i++) {
			pfn = ((uint64_t)tap_random(&state) << 32 | tap_random(&state)) >>
			      (64 - BC_FAIR_PFN_BITS + round % 38);
			bc_fair_add(&fair, pfn, i % 1000, i % 3);
		}
		memcpy(want, fair.key, fair.count * sizeof(*want));
		n = fair.count;
		qsort(want, n, sizeof(*want), compare);
		bc_fair_squeeze(&fair);
		/* What is left is a part of it, in the same order. */
		for (i = 0; i < n && fair.count; i++)
			if (want[i] == *fair.key)
				break;
		for (pfn = 1; pfn < fair.count; pfn++)
			bad += fair.key[pfn - 1] >> 2 >= fair.key[pfn] >> 2;
		bad += i || !fair.count;
		bc_fair_clear(&fair);
	}
	ok(!bad, "keys_are_sorted_and_unique");
}

/* Every number of pools from 1 to 1000, and one page for each; sums that wrap nothing. */
static void test_large(void)
{
	uint64_t sum = 0, last = 0;
	struct bc_fair fair;
	uint32_t i, j;
	int ret = bc_fair_init(&fair, 1000, 16 << 20);

	for (i = 0; i < 1000; i++)
		for (j = 0; j <= i; j++)
			bc_fair_add(&fair, i + 5, j, BC_FAIR_SURE);
	ret = ret ? ret : bc_fair_settle(&fair, check, &last);
	ret = ret ? ret : bc_fair_finish(&fair, 4096);
	for (i = 0; i < 1000; i++)
		sum += fair.pools[i].own_bytes;
	ok(!ret && sum == 1000 * 4096 && fair.pools[999].nshares == 1 &&
	   fair.pools[0].nshares == 1000 && fair.pools[999].own_bytes - 4 < 2,
	   "pages_of_1_to_1000_pools_are_paid_for_exactly_once");
	bc_fair_clear(&fair);

	ret = bc_fair_init(&fair, 3, 1 << 20);
	for (i = 0; i < 3; i++) {
		bc_fair_add(&fair, 9, i, BC_FAIR_SURE);
		ret = ret ? ret : bc_fair_settle(&fair, check, &last);
		fair.count = 0;
	}
	ok(!ret && fair.pages == 3, "slices_add_up");
	fair.pools[1].share[0].pages = fair.pools[2].share[0].pages = 1ULL << 40;
	fair.pools[0].share[0].pages = 1ULL << 40;
	fair.pools[0].share[0].pools = fair.pools[1].share[0].pools = 3;
	fair.pools[2].share[0].pools = 3;
	fair.pages = 1ULL << 40;
	ret = bc_fair_finish(&fair, 4096);
	sum = fair.pools[0].own_bytes + fair.pools[1].own_bytes + fair.pools[2].own_bytes;
	ok(!ret && sum == 1ULL << 52 && fair.pools[0].own_bytes - fair.pools[2].own_bytes < 2,
	   "all_memory_there_can_be_is_shared_exactly");
	bc_fair_clear(&fair);
}

static void test_edges(void)
{
	struct bc_fair fair;
	uint64_t last = 0;

	ok(bc_fair_init(&fair, 0, 1 << 20) == -EINVAL, "there_is_always_the_host");
	bc_fair_clear(&fair);
	ok(bc_fair_init(&fair, 100, 100 * 16 - 1) == -EINVAL, "too_little_memory_is_refused");
	bc_fair_clear(&fair);
	ok(bc_fair_init(&fair, 1 << BC_FAIR_POOL_BITS, 1 << 30) == -EINVAL,
	   "too_many_pools_are_refused");
	bc_fair_clear(&fair);

	ok(!bc_fair_init(&fair, 2, 1 << 20) && !bc_fair_settle(&fair, check, &last) &&
	   !bc_fair_next(&fair) && !bc_fair_finish(&fair, 4096) && !fair.pages &&
	   !fair.pools[0].bytes, "nothing_mapped_costs_nothing");
	bc_fair_clear(&fair);

	bc_fair_init(&fair, 2, 1 << 20);
	bc_fair_add(&fair, 1ULL << BC_FAIR_PFN_BITS, 1, BC_FAIR_SURE);
	bc_fair_add(&fair, (1ULL << BC_FAIR_PFN_BITS) - 1, 1, BC_FAIR_SURE);
	bc_fair_add(&fair, 0, 1, BC_FAIR_SURE);
	ok(!bc_fair_settle(&fair, check, &last) && fair.pages == 2,
	   "first_and_last_frame_count_and_what_is_beyond_does_not");
	bc_fair_add(&fair, 3, 1, BC_FAIR_ANON);
	ok(bc_fair_settle(&fair, refuse, NULL) == -EIO, "error_of_a_look_up_is_passed_on");
	bc_fair_clear(&fair);
}

int main(void)
{
	test_random();
	test_sort();
	test_large();
	test_edges();
	return tap_end();
}
