/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_NETLINK_H
#define _BC_NETLINK_H

#include <net/genetlink.h>

#include "setting.h"
#include "threshold.h"
#include "tree.h"

struct bc_closing;
struct bc_snap;

int bc_nl_init(void);
void bc_nl_refuse(void);
void bc_nl_exit(void);
void bc_nl_notify_pool(struct bc_pool *pool, enum bc_event event);
void bc_nl_notify_crossing(struct bc_pool *pool, enum bc_res res, const struct bc_crossing *x,
			   u64 suppressed);

void bc_nl_notify_closing(const struct bc_closing *closing);

/* For the other files that answer requests (nl_*.c). */
enum bc_mcgrp {
	BC_MCGRP_I_REFUSAL,
	BC_MCGRP_I_POOL,
	BC_MCGRP_I_THRESHOLD,
	BC_MCGRP_I_USAGE,
};

extern struct genl_family bc_genl_family;
int bc_nl_privileged(struct sk_buff *skb, struct netlink_ext_ack *extack);
int bc_nl_begin(struct sk_buff *skb, struct genl_info *info);
struct bc_pool *bc_nl_find(struct nlattr **attrs, struct netlink_ext_ack *extack);
int bc_nl_put_pool(struct sk_buff *skb, u32 id, const char *name, u64 incarnation);
int bc_nl_put_res(struct sk_buff *skb, enum bc_res res);
int bc_nl_list(struct sk_buff *skb, struct netlink_callback *cb, enum bc_cmd cmd, unsigned int nr,
	       int (*fill)(struct sk_buff *skb, unsigned int i));
int bc_nl_reader(struct nlattr *attr, struct netlink_ext_ack *extack);
int bc_nl_put_thresholds(struct sk_buff *skb, const struct bc_pool *pool);

int bc_nl_parse_settings(struct genl_info *info, struct bc_wish wishes[BC_NR_SETTINGS]);
int bc_nl_put_flows(struct sk_buff *skb, const struct bc_snap *snap);

struct sk_buff *bc_nl_event_new(enum bc_mcgrp group, enum bc_cmd cmd, void **hdr);
void bc_nl_event_send(struct sk_buff *skb, void *hdr, enum bc_mcgrp group, int ret);
void bc_nl_events_start(void);
void bc_nl_events_stop(void);
struct sk_buff *bc_nl_new_reply(void);
int bc_nl_put_table(struct sk_buff *skb, const struct bc_snap *snap);
int bc_nl_reply_pool(struct sk_buff *skb, struct genl_info *info, struct bc_pool *pool,
		     bool detail, int reader);
int bc_nl_pool_new(struct sk_buff *skb, struct genl_info *info);
int bc_nl_pool_set(struct sk_buff *skb, struct genl_info *info);
int bc_nl_pool_del(struct sk_buff *skb, struct genl_info *info);
int bc_nl_pool_get(struct sk_buff *skb, struct genl_info *info);
int bc_nl_dump_start(struct netlink_callback *cb);
int bc_nl_pool_dump(struct sk_buff *skb, struct netlink_callback *cb);
int bc_nl_pool_dump_done(struct netlink_callback *cb);
int bc_nl_res_dump(struct sk_buff *skb, struct netlink_callback *cb);
int bc_nl_info_get(struct sk_buff *skb, struct genl_info *info);
int bc_nl_closed_dump(struct sk_buff *skb, struct netlink_callback *cb);
int bc_nl_closed_ack(struct sk_buff *skb, struct genl_info *info);
void bc_nl_notify_unload(void);
int bc_nl_io_dump(struct sk_buff *skb, struct netlink_callback *cb);
int bc_nl_refusal_dump(struct sk_buff *skb, struct netlink_callback *cb);
int bc_nl_refusal_done(struct netlink_callback *cb);
int bc_nl_threshold_set(struct sk_buff *skb, struct genl_info *info);
int bc_nl_setting_dump(struct sk_buff *skb, struct netlink_callback *cb);
int bc_nl_reader_dump(struct sk_buff *skb, struct netlink_callback *cb);
int bc_nl_reader_del(struct sk_buff *skb, struct genl_info *info);
extern const struct nla_policy bc_limit_policy[BC_LIMIT_A_MAX + 1];
extern const struct nla_policy bc_setting_policy[BC_SETTING_A_MAX + 1];
extern const struct nla_policy bc_threshold_policy[BC_THRESHOLD_A_MAX + 1];

#endif /* _BC_NETLINK_H */
