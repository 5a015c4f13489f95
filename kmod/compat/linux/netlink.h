/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages of an extended ACK that have a number in them. Drop with 6.1.
 *
 * 6.12 keeps the text in the ACK itself. Here it has to outlive the handler, so
 * it is put into one of a few buffers that are used in turn: a caller could read
 * the words of another only if so many were refused before its ACK is built.
 */
#ifndef _BC_COMPAT_LINUX_NETLINK_H
#define _BC_COMPAT_LINUX_NETLINK_H

#include_next <linux/netlink.h>

#ifndef NL_SET_ERR_MSG_FMT
#include <linux/atomic.h>
#include <linux/kernel.h>

#define BC_EXTACK_TEXTS		32
#define BC_EXTACK_LEN		80

#define NL_SET_ERR_MSG_FMT(extack, fmt, args...) do {			\
	static char __texts[BC_EXTACK_TEXTS][BC_EXTACK_LEN];		\
	static atomic_t __next;						\
	char *__text = __texts[(unsigned int)atomic_inc_return(&__next) % BC_EXTACK_TEXTS]; \
	struct netlink_ext_ack *__extack = (extack);			\
									\
	snprintf(__text, BC_EXTACK_LEN, fmt, ##args);			\
	if (__extack)							\
		__extack->_msg = __text;				\
} while (0)
#endif

#endif /* _BC_COMPAT_LINUX_NETLINK_H */
