/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_DISK_H
#define BCTL_DISK_H

#include <stddef.h>

/**
 * enum bc_weigher - who divides a block device by weight
 * @BC_WEIGHER_COST: io.cost, by io.weight
 * @BC_WEIGHER_BFQ: the scheduler BFQ, by io.bfq.weight
 * @BC_WEIGHERS: nobody
 */
enum bc_weigher { BC_WEIGHER_COST, BC_WEIGHER_BFQ, BC_WEIGHERS };

/**
 * struct bc_disk - a block device, which is no partition
 * @device: "major:minor"
 * @weigher: who divides it
 */
struct bc_disk {
	char device[24];
	enum bc_weigher weigher;
};

/**
 * struct bc_disks - all there are
 * @v: the devices
 * @count: how many
 */
struct bc_disks {
	struct bc_disk *v;
	size_t count;
};

int bc_disks_read(int root, struct bc_disks *disks);
void bc_disks_clear(struct bc_disks *disks);
const char *bc_weigher_name(enum bc_weigher weigher);

#endif /* BCTL_DISK_H */
