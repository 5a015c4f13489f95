/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_PARSE_H
#define BCTL_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct bc_amount - one side of a value, as it was written
 * @unlimited: it was the word "unlimited"; nothing else counts then
 * @number: the digits
 * @suffix: 0 or one of K M G T P
 */
struct bc_amount {
	bool unlimited;
	unsigned __int128 number;
	char suffix;
};

/**
 * struct bc_value - the VALUE of RES=VALUE, as it was written
 * @barrier: what stands before the colon
 * @limit: what stands behind it; the same as @barrier without a colon
 */
struct bc_value {
	struct bc_amount barrier;
	struct bc_amount limit;
};

int bc_value_parse(const char *text, struct bc_value *val, const char **why);
int bc_value_resolve(const struct bc_value *val, uint32_t unit, uint64_t page_size,
		     uint64_t *barrier, uint64_t *limit, const char **why);
int bc_percents_parse(const char *text, uint32_t *rise, uint32_t *fall, const char **why);
int bc_u32_parse(const char *text, uint32_t *num);
int bc_seconds_parse(const char *text, int *ms);

#endif /* BCTL_PARSE_H */
