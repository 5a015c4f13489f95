/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CT_WIRE_H
#define BCTL_CT_WIRE_H

#include <stdbool.h>
#include <sys/types.h>

#include "addr.h"
#include "nic.h"

struct nl_addr;
struct nl_sock;

/**
 * struct ct_wire - the two sides of a container's network
 * @host: the machine's
 * @in: the container's, NULL if that does not matter
 * @ns: the network namespace of the container, -1 without
 */
struct ct_wire {
	struct nl_sock *host;
	struct nl_sock *in;
	int ns;
};

int ct_wire_open(struct ct_wire *wire, pid_t init);
void ct_wire_close(struct ct_wire *wire);
int ct_wire_pair(struct ct_wire *wire, const struct ct_nic *nic, bool arp);
int ct_wire_up(struct ct_wire *wire, const struct ct_nic *nic, bool arp);
int ct_wire_back(struct ct_wire *wire, const struct ct_nic *nic, bool arp);
int ct_wire_drop(struct ct_wire *wire, const char *host);
int ct_wire_bridge(struct ct_wire *wire, const char *host, const char *bridge);
int ct_wire_addr(struct nl_sock *sock, const char *ifname, const struct ct_addr *addr, bool add);
int ct_wire_route(struct nl_sock *sock, const char *ifname, const struct ct_addr *addr, bool add);
bool ct_wire_there(struct ct_wire *wire, const char *ifname);
int ct_wire_errno(int err);
void ct_wire_sysctl(const char *family, const char *ifname, const char *name, const char *value);
struct nl_addr *ct_wire_nl(const struct ct_addr *addr, unsigned int prefix);

/* neigh.c */
int ct_wire_proxies(struct ct_wire *wire, const char *devs, const struct ct_addr *addr, bool add);
bool ct_wire_host_has(struct ct_wire *wire, const struct ct_addr *addr);

#endif /* BCTL_CT_WIRE_H */
