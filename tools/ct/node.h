/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CT_NODE_H
#define BCTL_CT_NODE_H

#include <stdint.h>
#include <stdio.h>

#include "fetch.h"

/**
 * struct ct_machine_size - what a machine has
 * @page_size: bytes in a page
 * @ram: bytes
 * @swap: bytes
 * @cpus: processors
 * @tasks: how many tasks its kernel allows
 */
struct ct_machine_size {
	uint64_t page_size;
	uint64_t ram;
	uint64_t swap;
	uint64_t cpus;
	uint64_t tasks;
};

struct json_object;

void ct_machine_measure(struct ct_machine_size *size);
struct json_object *ct_node_doc(const struct ct_machine_size *size, const struct bc_snapshot *snap);
int ct_node_split(const struct ct_machine_size *size, uint32_t parts, FILE *out);

#endif /* BCTL_CT_NODE_H */
