/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LIBBEANCOUNTER_DECODE_H
#define LIBBEANCOUNTER_DECODE_H

#include "beancounter.h"

int bc_decode_pool(struct nlmsghdr *hdr, struct bcn_pool *pool);
int bc_decode_closed(struct nlmsghdr *hdr, struct bcn_closed *closed);
int bc_decode_tunable(struct nlmsghdr *hdr, struct bcn_tunable *tunable);
int bc_decode_device(struct nlmsghdr *hdr, struct bcn_device *device);
int bc_decode_res(struct nlmsghdr *hdr, struct bcn_res *res);
int bc_decode_info(struct nlmsghdr *hdr, struct bcn_info *info);
int bc_decode_reader(struct nlmsghdr *hdr, struct bcn_reader *reader);
int bc_decode_culprit(struct nlmsghdr *hdr, struct bcn_notice *notice);
int bc_decode_notice(struct nlmsghdr *hdr, struct bcn_notice *notice);
uint8_t bc_message_cmd(struct nlmsghdr *hdr);

#endif /* LIBBEANCOUNTER_DECODE_H */
