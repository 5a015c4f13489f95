/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_RATE_H
#define BCTL_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define BC_RATE_MAX	60000

/**
 * struct bc_rate - at most so many times in any minute
 * @max: so many
 * @times: when the last @max times were, a ring
 * @count: how many there are in it
 * @next: where the next one goes; once the ring is full, the oldest
 */
struct bc_rate {
	uint32_t max;
	uint64_t *times;
	uint32_t count;
	uint32_t next;
};

int bc_rate_init(struct bc_rate *rate, uint32_t max);
bool bc_rate_take(struct bc_rate *rate, uint64_t now);
void bc_rate_clear(struct bc_rate *rate);

#endif /* BCTL_RATE_H */
