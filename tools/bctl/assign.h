/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_ASSIGN_H
#define BCTL_ASSIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bctl.h"
#include "parse.h"

struct bc_snapshot;
struct bc_tuning_word;
struct bcn_change;

/**
 * struct bc_limit - one RES=VALUE
 * @arg: as it was given
 * @name: name of the resource, not ended by a NUL
 * @name_len: its length
 * @limit_only: it was given by a word that leaves the barrier unlimited
 * @guarantee: it was given by a word that leaves the limit unlimited
 * @tuning: it is this setting and no resource; its value is in @limit, or NULL
 * @val: the VALUE
 * @res: number of the resource, once it is known
 * @barrier: in the unit of the resource, once that is known
 * @limit: likewise
 */
struct bc_limit {
	const char *arg;
	const char *name;
	size_t name_len;
	bool limit_only;
	bool guarantee;
	const struct bc_tuning_word *tuning;
	struct bc_value val;
	uint32_t res;
	uint64_t barrier;
	uint64_t limit;
};

/**
 * struct bc_limits - all of a command
 * @v: the limits
 * @count: how many
 */
struct bc_limits {
	struct bc_limit *v;
	size_t count;
};

const char *bc_limit_word(const char *res);
int bctl_limits_parse(struct bctl *b, int argc, char **argv, struct bc_limits *limits);
int bctl_limits_resolve(struct bctl *b, const struct bc_snapshot *snap,
			struct bc_limits *limits);
const char *bc_limits_need(const struct bc_limits *limits, const char *controller);
const struct bc_limit *bc_limits_weight(const struct bc_limits *limits);
bool bc_limits_sent(const struct bc_limits *limits);
int bc_limits_change(const struct bc_limits *limits, struct bcn_change *change);
void bc_change_clear(struct bcn_change *change);
const char *bc_limits_blamed(const struct bc_limits *limits, int attr, size_t index);
void bc_limits_clear(struct bc_limits *limits);

#endif /* BCTL_ASSIGN_H */
