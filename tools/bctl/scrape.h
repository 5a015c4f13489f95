/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_SCRAPE_H
#define BCTL_SCRAPE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "beancounter.h"

#define BC_SCRAPE_RES	64

/**
 * struct bc_scrape - all that the module tells at one time
 * @bcn: the connection, or NULL
 * @detail: also what takes the kernel long to find out
 * @times: also how long block I/O takes, which is a request for each pool
 * @up: the rest is valid
 * @why: if it is not: why
 * @info: the module
 * @resources: the resources
 * @res: the same by their numbers, if these are below BC_SCRAPE_RES
 * @pools: the pools
 * @devices: for each pool its block devices, or NULL
 * @page_size: bytes in a page
 * @taken_ns: the instant that the figures are of, ns since 1970
 * @since_boot_ns: what is to be added to CLOCK_BOOTTIME to get that
 * @took_ns: how long it took to find all this out
 */
struct bc_scrape {
	struct bcn *bcn;
	bool detail;
	bool times;
	bool up;
	char why[256];
	struct bcn_list *info;
	struct bcn_list *resources;
	const struct bcn_res *res[BC_SCRAPE_RES];
	struct bcn_list *pools;
	struct bcn_list **devices;
	uint64_t page_size;
	uint64_t taken_ns;
	uint64_t since_boot_ns;
	uint64_t took_ns;
};

void bc_scrape_now(struct bc_scrape *s);
void bc_scrape_clear(struct bc_scrape *s);
void bc_scrape_end(struct bc_scrape *s);
const struct bcn_res *bc_scrape_res(const struct bc_scrape *s, uint32_t id);

#endif /* BCTL_SCRAPE_H */
