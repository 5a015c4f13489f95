/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A kernel that is made up, below bctl; see fake_sys.c.
 */
#ifndef BCTL_TEST_FAKE_H
#define BCTL_TEST_FAKE_H

#include <stddef.h>
#include <stdint.h>

struct nl_msg;
struct nlmsghdr;

#define FAKE_FAMILY	0x1d

void fake_answer(const void *buf, size_t len);
void fake_answer_msg(struct nl_msg *msg);
struct nl_msg *fake_new(uint16_t type, uint32_t seq, int flags, uint8_t cmd);
void fake_ack(const struct nlmsghdr *req, int err, const char *words, uint32_t offset);
void fake_done(const struct nlmsghdr *req, int flags, int err);
void fake_family(const struct nlmsghdr *req);

/* Called for each request; the kernel of fake_sys.c unless a test sets another. */
extern void (*fake_handler)(const struct nlmsghdr *req);

#endif /* BCTL_TEST_FAKE_H */
