/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shares of pages: a page that N pools map costs each of them 1/N
 *
 * Pure arithmetic; where the pages come from is the business of pagewalk.h. A
 * page is a page frame, known by its number (PFN). See fair.c.
 */
#ifndef BCTL_FAIR_H
#define BCTL_FAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key is a PFN, a pool and a kind: what x86-64 can address at most, and so on. */
#define BC_FAIR_PFN_BITS	40
#define BC_FAIR_POOL_BITS	22
#define BC_FAIR_KIND_BITS	2

/* The least room for keys, in bytes, and what there is if nobody says otherwise. */
#define BC_FAIR_MEMORY_MIN	(1ULL << 20)
#define BC_FAIR_MEMORY		(64ULL << 20)

/**
 * enum bc_fair_kind - how sure it is that a mapping is one of a page
 * @BC_FAIR_SURE: it is
 * @BC_FAIR_FILE: unless the frame is the huge zero page
 * @BC_FAIR_ANON: only if the frame is anonymous memory; else the mapping is one
 *	of the zero page, of a device, or of memory of the kernel
 */
enum bc_fair_kind {
	BC_FAIR_SURE,
	BC_FAIR_FILE,
	BC_FAIR_ANON,
};

/**
 * struct bc_fair_share - pages that cost a pool the same
 * @pools: how many pools map each of them
 * @pages: how many there are
 */
struct bc_fair_share {
	uint32_t pools;
	uint64_t pages;
};

/**
 * struct bc_fair_pool - what one pool maps
 * @parent: index of its parent, below its own index; 0 for pool 0
 * @bytes: fair share, its own and that of all below
 * @mapped: pages mapped here or below, each counted once
 * @private: those of them that nobody else maps
 * @own_bytes: fair share of the processes right in this pool
 * @own_mapped: pages they map
 * @own_private: those of them that no other pool maps, above or below either
 * @share: the pages that @own_bytes is made from, in ascending order of @pools
 * @nshares: how many entries there are
 * @room: how many entries @share has room for
 * @last: the entry that was used last
 * @alone: pages that one pool maps alone, which is this or one below
 * @stamp: page that @inside is about
 * @inside: how many of those who map that page are here or below
 *
 * Everything up to @own_private is there after bc_fair_finish() only.
 */
struct bc_fair_pool {
	uint32_t parent;
	uint64_t bytes;
	uint64_t mapped;
	uint64_t private;
	uint64_t own_bytes;
	uint64_t own_mapped;
	uint64_t own_private;
	struct bc_fair_share *share;
	size_t nshares;
	size_t room;
	size_t last;
	uint64_t alone;
	uint64_t stamp;
	uint32_t inside;
};

/**
 * struct bc_fair - all pools, and the slice of frames that is being collected
 * @pools: the pools; pool 0 is the root of the tree
 * @npools: how many
 * @key: who maps which page, as far as it is known
 * @count: how many keys
 * @room: how many @key has room for
 * @start: first PFN of the slice
 * @end: first PFN beyond it
 * @pages: frames that somebody maps
 * @excluded: frames that turned out to be no pages
 * @passes: slices that were settled
 */
struct bc_fair {
	struct bc_fair_pool *pools;
	size_t npools;
	uint64_t *key;
	size_t count;
	size_t room;
	uint64_t start;
	uint64_t end;
	uint64_t pages;
	uint64_t excluded;
	uint32_t passes;
};

/**
 * typedef bc_fair_check_t - is a mapping that is not sure one of a page?
 * @arg: what bc_fair_settle() was given
 * @pfn: the frame; never lower than in the call before
 * @kind: BC_FAIR_FILE or BC_FAIR_ANON
 *
 * Return: 1 it is, 0 it is not, or a negative errno.
 */
typedef int (*bc_fair_check_t)(void *arg, uint64_t pfn, enum bc_fair_kind kind);

int bc_fair_init(struct bc_fair *fair, size_t npools, uint64_t memory);
void bc_fair_clear(struct bc_fair *fair);
void bc_fair_squeeze(struct bc_fair *fair);
int bc_fair_settle(struct bc_fair *fair, bc_fair_check_t check, void *arg);
bool bc_fair_next(struct bc_fair *fair);
int bc_fair_finish(struct bc_fair *fair, uint64_t page_size);

/**
 * bc_fair_add() - note that a process of a pool maps a page
 * @fair: the pools
 * @pfn: the page; one outside of the slice is left for another pass
 * @pool: index of the pool
 * @kind: how sure that is
 */
static inline void bc_fair_add(struct bc_fair *fair, uint64_t pfn, uint32_t pool,
			       enum bc_fair_kind kind)
{
	if (pfn < fair->start || pfn >= fair->end)
		return;
	if (fair->count == fair->room) {
		bc_fair_squeeze(fair);
		if (pfn >= fair->end)
			return;
	}
	fair->key[fair->count++] = pfn << (BC_FAIR_POOL_BITS + BC_FAIR_KIND_BITS) |
				   (uint64_t)pool << BC_FAIR_KIND_BITS | kind;
}

#endif /* BCTL_FAIR_H */
