/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_PAGEWALK_H
#define BCTL_PAGEWALK_H

#include <stddef.h>
#include <stdint.h>

#include "fair.h"

/* What is read at a time: page table entries, and frames to look up. */
#define BC_WALK_ENTRIES	8192
#define BC_WALK_FRAMES	64

/**
 * struct bc_owner - which pool has the processes of a cgroup and below
 * @cgroup: path of the cgroup, without leading slashes
 * @pool: index of the pool
 */
struct bc_owner {
	const char *cgroup;
	uint32_t pool;
};

/**
 * struct bc_pagewalk - reader of all address spaces
 * @fair: receives what they map
 * @owners: the pools, in order of their paths by strcmp()
 * @nowners: how many
 * @rate: page table entries to read in a second, 0 for as fast as possible
 * @processes: address spaces that were read in the last pass
 * @vanished: address spaces that went before their end was reached, in all passes
 * @entries: page table entries that were read
 * @named: present entries with a PFN
 * @hidden: present entries without
 * @blamed: what an error is about
 * @proc: descriptor of /proc
 * @kpageflags: descriptor of /proc/kpageflags
 * @began: when, on the clock of bc_boottime()
 * @first: PFN that @frame begins with
 * @nframes: how many @frame has
 * @frame: flags of some frames
 * @entry: some page table entries
 */
struct bc_pagewalk {
	struct bc_fair *fair;
	const struct bc_owner *owners;
	size_t nowners;
	uint64_t rate;
	uint64_t processes;
	uint64_t vanished;
	uint64_t entries;
	uint64_t named;
	uint64_t hidden;
	char blamed[64];
	int proc;
	int kpageflags;
	uint64_t began;
	uint64_t first;
	size_t nframes;
	uint64_t frame[BC_WALK_FRAMES];
	uint64_t entry[BC_WALK_ENTRIES];
};

int bc_pagewalk_open(struct bc_pagewalk *w, const char **why);
int bc_pagewalk_pass(struct bc_pagewalk *w);
int bc_pagewalk_check(void *arg, uint64_t pfn, enum bc_fair_kind kind);
void bc_pagewalk_close(struct bc_pagewalk *w);

#endif /* BCTL_PAGEWALK_H */
