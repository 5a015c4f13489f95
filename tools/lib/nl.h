/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_NL_H
#define BCTL_NL_H

#include <stddef.h>
#include <stdint.h>

struct bc_nl;
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

int bc_nl_open(struct bc_nl **nlp);
int bc_nl_connect(struct bc_nl *nl);
void bc_nl_close(struct bc_nl *nl);
const char *bc_nl_message(const struct bc_nl *nl);
size_t bc_nl_blame(const struct bc_nl *nl);
struct nl_msg *bc_nl_new(struct bc_nl *nl, uint8_t cmd, int flags);
int bc_nl_call(struct bc_nl *nl, struct nl_msg *msg, struct bc_msgs *answer);
int bc_nl_subscribe(struct bc_nl *nl, const char *group);
int bc_nl_wait(struct bc_nl *nl, int fd, int timeout_ms);
int bc_nl_next(struct bc_nl *nl, int timeout_ms, struct bc_msgs *events);

#endif /* BCTL_NL_H */
