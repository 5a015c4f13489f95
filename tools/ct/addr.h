/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CT_ADDR_H
#define BCTL_CT_ADDR_H

#include <stdbool.h>
#include <stddef.h>

#define CT_ADDR_MAX	128
/* An address, a slash and its prefix. */
#define CT_ADDR_TEXT	52
#define CT_ADDRS_TEXT	(CT_ADDR_MAX * CT_ADDR_TEXT)

/**
 * struct ct_addr - an address, or a network
 * @family: AF_INET or AF_INET6
 * @byte: its bytes, 4 or 16 of them
 * @prefix: bits of the network
 */
struct ct_addr {
	int family;
	unsigned char byte[16];
	unsigned int prefix;
};

/**
 * struct ct_addrs - the addresses of a container
 * @a: the addresses, no two the same
 * @count: how many
 */
struct ct_addrs {
	struct ct_addr a[CT_ADDR_MAX];
	size_t count;
};

unsigned int ct_addr_bits(const struct ct_addr *addr);
int ct_addr_parse(const char *text, struct ct_addr *addr, const char **why);
int ct_net_parse(const char *text, struct ct_addr *net, const char **why);
void ct_addr_text(const struct ct_addr *addr, bool prefix, char *out, size_t size);
bool ct_addr_same(const struct ct_addr *a, const struct ct_addr *b);
bool ct_addr_within(const struct ct_addr *addr, const struct ct_addr *net);
int ct_addrs_parse(const char *text, struct ct_addrs *list, const char **why);
bool ct_addrs_have(const struct ct_addrs *list, const struct ct_addr *addr);
int ct_addrs_add(struct ct_addrs *list, const struct ct_addr *addr);
bool ct_addrs_del(struct ct_addrs *list, const struct ct_addr *addr);
void ct_addrs_text(const struct ct_addrs *list, char *out, size_t size);

#endif /* BCTL_CT_ADDR_H */
