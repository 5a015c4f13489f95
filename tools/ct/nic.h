/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CT_NIC_H
#define BCTL_CT_NIC_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CT_NIC_MAX	8
#define CT_MAC_TEXT	18
/* All of a card: names, addresses, and the words before them. */
#define CT_NIC_TEXT	192
#define CT_NICS_TEXT	(CT_NIC_MAX * CT_NIC_TEXT)

/**
 * struct ct_nic - a network card of a container, the one end of a pair
 * @ifname: its name in the container
 * @host: the name of the other end
 * @bridge: the bridge that one is a port of, or ""
 * @mac: its address
 * @host_mac: that of the other end
 * @filter: only frames from @mac go out
 */
struct ct_nic {
	char ifname[IFNAMSIZ];
	char host[IFNAMSIZ];
	char bridge[IFNAMSIZ];
	unsigned char mac[6];
	unsigned char host_mac[6];
	bool filter;
};

/**
 * struct ct_nics - the cards of a container
 * @n: the cards; names differ
 * @count: how many
 */
struct ct_nics {
	struct ct_nic n[CT_NIC_MAX];
	size_t count;
};

bool ct_ifname_ok(const char *name);
int ct_mac_parse(const char *text, unsigned char *mac);
void ct_mac_text(const unsigned char *mac, char *out);
int ct_nics_parse(const char *text, uint32_t id, struct ct_nics *list, const char **why);
void ct_nics_text(const struct ct_nics *list, char *out, size_t size);
struct ct_nic *ct_nics_find(struct ct_nics *list, const char *ifname);
int ct_nics_add(struct ct_nics *list, const char *text, uint32_t id, const char **why);
int ct_nic_change(struct ct_nic *nic, const char *name, const char *value, const char **why);

#endif /* BCTL_CT_NIC_H */
