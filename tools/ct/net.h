/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CT_NET_H
#define BCTL_CT_NET_H

#include <stdbool.h>
#include <sys/types.h>

#include "addr.h"
#include "ct.h"
#include "nic.h"
#include "traffic.h"

/**
 * struct ct_net - the network of a container
 * @addrs: addresses that are routed to it
 * @nics: its cards, besides the one of those
 * @rate: bounds of what it sends
 */
struct ct_net {
	struct ct_addrs addrs;
	struct ct_nics nics;
	struct ct_rate rate;
};

/* netconf.c: as it is configured */
int ct_net_read(const struct ct *ct, const struct ct_conf *conf, struct ct_net *net);
int ct_net_check(const struct ct *ct, const struct ct_conf *conf);
bool ct_net_any(const struct ct_conf *conf);

/* net.c: as it is */
struct ct_nic ct_net_line(const struct ct *ct);
int ct_net_attach(struct ct *ct, pid_t init, bool back);
int ct_net_change(struct ct *ct, const struct ct_conf *conf);
int ct_net_down(struct ct *ct);

/* hold.c: as it is while the container is dumped, and restored */
int ct_net_hold(struct ct *ct);
int ct_net_premake(struct ct *ct, char *words, size_t size);

/* up.c: the record of a container that runs */
int ct_up_begin(struct ct *ct);
int ct_up_sync(struct ct *ct);
int ct_up_copy(struct ct_conf *up, const struct ct_conf *conf);
int ct_up_net(struct ct *ct, const struct ct_conf *conf);
int ct_up_load(const struct ct *ct, struct ct_conf *up);
int ct_up_save(const struct ct *ct, const struct ct_conf *up);
bool ct_up_now(const struct ct_conf *up);
int ct_up_end(const struct ct *ct, bool shutdown);
void ct_up_fail(const struct ct *ct, int status, const char *why);
int ct_up_failure(const struct ct *ct);

/* counts.c: what was counted, on the disk */
int ct_traffic_load(const struct ct *ct, struct ct_traffic *traffic);
int ct_traffic_save(const struct ct *ct, const struct ct_traffic *traffic);
int ct_traffic_keep(const struct ct *ct);

/* ipdup.c: whose address is it? */
int ct_ip_lock(const struct ct_run *run);
int ct_ip_taken(const struct ct *ct, const struct ct_addrs *addrs);

#endif /* BCTL_CT_NET_H */
