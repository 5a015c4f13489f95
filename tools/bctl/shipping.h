/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_SHIPPING_H
#define BCTL_SHIPPING_H

#include <stdint.h>
#include <sys/types.h>

#include "cli.h"

/**
 * struct bc_shipper - a bctl-ship that runs, or is to run again
 * @url: where to, with its password
 * @mask: the same without
 * @pid: its process, 0 if there is none
 * @since_ms: when it was started
 * @again_ms: when to start it again
 * @wait_ms: how long it was waited for last
 */
struct bc_shipper {
	char *url;
	char *mask;
	pid_t pid;
	int64_t since_ms;
	int64_t again_ms;
	int wait_ms;
};

/**
 * struct bc_shipping - all of them
 * @b: the run
 * @db: the store
 * @count: how many
 * @list: them
 */
struct bc_shipping {
	struct bctl *b;
	const char *db;
	size_t count;
	struct bc_shipper list[BC_MANY_MAX];
};

int bctl_shipping_parse(struct bc_shipping *s, struct bctl *b, const char **urls);
void bc_shipping_tick(struct bc_shipping *s);
int bc_shipping_left(const struct bc_shipping *s, int left_ms);
void bc_shipping_end(struct bc_shipping *s);

#endif /* BCTL_SHIPPING_H */
