/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LIBBEANCOUNTER_NL_H
#define LIBBEANCOUNTER_NL_H

#include <stddef.h>
#include <stdint.h>

#include "beancounter.h"

struct nl_msg;
struct nlmsghdr;

/**
 * struct bc_msgs - messages that were received, in order
 * @hdr: copies of them
 * @count: how many
 * @room: how many @hdr has room for
 */
struct bc_msgs {
	struct nlmsghdr **hdr;
	size_t count;
	size_t room;
};

void bc_msgs_clear(struct bc_msgs *msgs);

struct nl_msg *bc_nl_new(struct bcn *nl, uint8_t cmd, int flags);
int bc_nl_call(struct bcn *nl, struct nl_msg *msg, struct bc_msgs *answer);
int bc_nl_next(struct bcn *nl, int timeout_ms, struct bc_msgs *events);

#endif /* LIBBEANCOUNTER_NL_H */
