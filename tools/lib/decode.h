/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LIBBEANCOUNTER_DECODE_H
#define LIBBEANCOUNTER_DECODE_H

#include "beancounter.h"

int bc_decode_pool(struct nlmsghdr *hdr, void *to);
int bc_decode_closed(struct nlmsghdr *hdr, void *to);
int bc_decode_tunable(struct nlmsghdr *hdr, void *to);
int bc_decode_device(struct nlmsghdr *hdr, void *to);
int bc_decode_res(struct nlmsghdr *hdr, void *to);
int bc_decode_info(struct nlmsghdr *hdr, void *to);
int bc_decode_reader(struct nlmsghdr *hdr, void *to);
int bc_decode_culprit(struct nlmsghdr *hdr, void *to);
int bc_decode_notice(struct nlmsghdr *hdr, void *to);
uint8_t bc_message_cmd(struct nlmsghdr *hdr);

#endif /* LIBBEANCOUNTER_DECODE_H */
