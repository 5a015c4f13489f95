/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CT_SET_NET_H
#define BCTL_CT_SET_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "nic.h"

/**
 * struct ct_set_net - options of set that concern the network, while they are read
 * @conf: the configuration to be changed
 * @id: the number of the container
 * @ifname: the card that --mac and the like are about, "" before --ifname
 * @servers: there was a --nameserver
 * @domains: there was a --searchdomain
 */
struct ct_set_net {
	struct ct_conf *conf;
	uint32_t id;
	char ifname[IFNAMSIZ];
	bool servers;
	bool domains;
};

int ct_set_net(struct ct_set_net *set, const char *name, const char *text, const char **key,
	       const char **why);

#endif /* BCTL_CT_SET_NET_H */
