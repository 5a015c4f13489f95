/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_KNOWN_H
#define BCTL_KNOWN_H

#include <stddef.h>

struct bctl;
struct bcn_res;
struct bc_snapshot;

extern const struct bcn_res bc_known_res[];
extern const size_t bc_known_count;

int bctl_add_known(struct bctl *b, struct bc_snapshot *snap);

#endif /* BCTL_KNOWN_H */
