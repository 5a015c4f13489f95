/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_WEIGHT_H
#define BCTL_WEIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk.h"

struct bctl;
struct bc_device_list;
struct bc_doc;
struct bc_limits;
struct bcn_tunable;

/* What the kernel takes for io.weight, and of that BFQ. */
#define BC_WEIGHT_LOWEST	1
#define BC_WEIGHT_HIGHEST	10000
#define BC_WEIGHT_BFQ_HIGHEST	1000

/**
 * struct bc_weight_file - one of the files that have a weight
 * @there: it is
 * @noted: we have noted what was there before
 * @now: its value
 * @before: what was noted
 * @ours: the value that we have put there
 */
struct bc_weight_file {
	bool there;
	bool noted;
	uint32_t now;
	uint32_t before;
	uint32_t ours;
};

/**
 * struct bc_weight - the weight of a pool for block I/O
 * @file: as the kernel has it, by the one who acts on it
 * @known: there is one at all
 * @value: what it is
 * @set: bctl has set it, and nobody else since
 * @disks: the devices that are looked at
 * @ndisks: how many there are
 * @own: they are those that the pool has used, else it has used none
 */
struct bc_weight {
	struct bc_weight_file file[BC_WEIGHERS];
	bool known;
	uint32_t value;
	bool set;
	struct bc_disk *disks;
	size_t ndisks;
	bool own;
};

/**
 * struct bc_weight_change - a weight that was set and may have to be set back
 * @dir: the cgroup, open for as long as this is of use; below 0 for nothing
 * @was: the files as they were
 */
struct bc_weight_change {
	int dir;
	struct bc_weight_file was[BC_WEIGHERS];
};

int bctl_weight_set(struct bctl *b, const char *name, const struct bc_limits *limits, int dir,
		    struct bc_weight_change *change);
void bc_weight_undo(struct bc_weight_change *change);
void bc_weight_restore(int dir);
int bc_weight_read(int dir, struct bc_weight *weight);
int bc_weight_judge(struct bc_weight *weight, const struct bc_disks *all,
		    const struct bc_device_list *used);
bool bc_weight_acts(const struct bc_weight *weight, const struct bc_disk *disk);
const char *bc_weight_why_not(const struct bc_weight *weight);
void bc_weight_clear(struct bc_weight *weight);
void bc_weight_describe(struct bcn_tunable *tunable, const struct bc_disks *all);
void bc_doc_weight(struct bc_doc *doc, const struct bc_weight *weight);

#endif /* BCTL_WEIGHT_H */
