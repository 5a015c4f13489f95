/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_PENDING_H
#define BCTL_PENDING_H

#include <stddef.h>
#include <stdint.h>

#include "beancounter.h"

/**
 * struct bc_pending - closing records that wait to be stored, the oldest first
 * @v: they, with the list that owns it at the first one of each list
 * @count: how many
 * @room: how many @v has room for
 */
struct bc_pending {
	struct bc_pending_one {
		const struct bcn_closed *closed;
		struct bcn_list *owner;
	} *v;
	size_t count;
	size_t room;
};

int bc_pending_add(struct bc_pending *p, struct bcn_list *list);
uint64_t bc_pending_last(const struct bc_pending *p);
void bc_pending_cut(struct bc_pending *p, uint64_t serial);
void bc_pending_clear(struct bc_pending *p);

#endif /* BCTL_PENDING_H */
