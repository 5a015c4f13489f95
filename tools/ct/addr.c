// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses: IP_ADDRESS of a container, networks of a class; pure
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "parse.h"

/**
 * ct_addr_bits() - how long is an address of this kind?
 * @addr: the address
 *
 * Return: 32 or 128.
 */
unsigned int ct_addr_bits(const struct ct_addr *addr)
{
	return addr->family == AF_INET ? 32 : 128;
}

/* 255.255.255.0 is 24. */
static int ct_mask_prefix(const char *text, unsigned int *prefix)
{
	struct in_addr mask;
	uint32_t bits;

	if (inet_pton(AF_INET, text, &mask) != 1)
		return -EINVAL;
	bits = ntohl(mask.s_addr);
	*prefix = __builtin_popcount(bits);
	return *prefix && bits != ~0U << (32 - *prefix) ? -EINVAL : 0;
}

/* ADDRESS[/PREFIX]; a mask in the place of the prefix for IPv4. */
static int ct_addr_read(const char *text, struct ct_addr *addr, const char **why)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char host[INET6_ADDRSTRLEN];
	uint32_t prefix;

	*why = "not an address of IPv4 or IPv6";
	memset(addr, 0, sizeof(*addr));
	if (!len || len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	addr->family = strchr(host, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(addr->family, host, addr->byte) != 1)
		return -EINVAL;
	addr->prefix = ct_addr_bits(addr);
	*why = "not a length of prefix, nor a mask";
	if (slash && addr->family == AF_INET && strchr(slash, '.'))
		return ct_mask_prefix(slash + 1, &addr->prefix);
	if (slash && (bc_u32_parse(slash + 1, &prefix) || prefix > ct_addr_bits(addr)))
		return -EINVAL;
	if (slash)
		addr->prefix = prefix;
	return 0;
}

/* May one host have it, and be reached by it from others? */
static bool ct_addr_usable(const struct ct_addr *addr)
{
	static const unsigned char none[16], one[16] = { [15] = 1 };
	const unsigned char *b = addr->byte;

	if (addr->family == AF_INET)
		return b[0] && b[0] != 127 && b[0] < 224;
	return memcmp(b, none, 16) && memcmp(b, one, 16) && b[0] != 0xff &&
	       !(b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
}

/**
 * ct_addr_parse() - read the address of a container
 * @text: ADDRESS[/PREFIX]
 * @addr: receives it
 * @why: what is wrong with it
 *
 * Return: 0, or -EINVAL with @why set.
 */
int ct_addr_parse(const char *text, struct ct_addr *addr, const char **why)
{
	if (ct_addr_read(text, addr, why))
		return -EINVAL;
	*why = "not an address that a host can have";
	return ct_addr_usable(addr) && addr->prefix ? 0 : -EINVAL;
}

/**
 * ct_net_parse() - read a network
 * @text: NETWORK[/PREFIX]
 * @net: receives it; bits behind the prefix are cleared
 * @why: what is wrong with it
 *
 * Return: 0, or -EINVAL with @why set.
 */
int ct_net_parse(const char *text, struct ct_addr *net, const char **why)
{
	unsigned int i;

	if (ct_addr_read(text, net, why))
		return -EINVAL;
	for (i = net->prefix; i < ct_addr_bits(net); i++)
		net->byte[i / 8] &= ~(0x80 >> i % 8);
	return 0;
}

/**
 * ct_addr_text() - write an address
 * @addr: the address
 * @prefix: with its prefix, if that is shorter than the address
 * @out: receives the text
 * @size: room there
 */
void ct_addr_text(const struct ct_addr *addr, bool prefix, char *out, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "";

	inet_ntop(addr->family, addr->byte, host, sizeof(host));
	if (prefix && addr->prefix != ct_addr_bits(addr))
		snprintf(out, size, "%s/%u", host, addr->prefix);
	else
		snprintf(out, size, "%s", host);
}

/**
 * ct_addr_same() - is it the same address, whatever the prefixes?
 * @a: one
 * @b: the other
 *
 * Return: whether that is so.
 */
bool ct_addr_same(const struct ct_addr *a, const struct ct_addr *b)
{
	return a->family == b->family && !memcmp(a->byte, b->byte, sizeof(a->byte));
}

/**
 * ct_addr_within() - is an address in a network?
 * @addr: the address
 * @net: any address of the network, with its prefix
 *
 * Return: whether that is so.
 */
bool ct_addr_within(const struct ct_addr *addr, const struct ct_addr *net)
{
	unsigned int i;

	if (addr->family != net->family)
		return false;
	for (i = 0; i < net->prefix; i++)
		if ((addr->byte[i / 8] ^ net->byte[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

/**
 * ct_addrs_have() - is an address in the list?
 * @list: the list
 * @addr: the address
 *
 * Return: whether that is so.
 */
bool ct_addrs_have(const struct ct_addrs *list, const struct ct_addr *addr)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (ct_addr_same(&list->a[i], addr))
			return true;
	return false;
}

/**
 * ct_addrs_add() - put an address into the list
 * @list: the list
 * @addr: the address
 *
 * Return: 0, -EEXIST if it is there, or -E2BIG.
 */
int ct_addrs_add(struct ct_addrs *list, const struct ct_addr *addr)
{
	if (ct_addrs_have(list, addr))
		return -EEXIST;
	if (list->count == CT_ADDR_MAX)
		return -E2BIG;
	list->a[list->count++] = *addr;
	return 0;
}

/**
 * ct_addrs_del() - take an address from the list
 * @list: the list
 * @addr: the address
 *
 * Return: whether it was there.
 */
bool ct_addrs_del(struct ct_addrs *list, const struct ct_addr *addr)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (ct_addr_same(&list->a[i], addr)) {
			list->count--;
			memmove(&list->a[i], &list->a[i + 1],
				(list->count - i) * sizeof(*list->a));
			return true;
		}
	return false;
}

/**
 * ct_addrs_parse() - read a list of addresses
 * @text: addresses with blanks between them, or NULL for none
 * @list: receives them; the same one twice is one
 * @why: what is wrong
 *
 * Return: 0, or -EINVAL with @why set.
 */
int ct_addrs_parse(const char *text, struct ct_addrs *list, const char **why)
{
	struct ct_addr addr;
	char word[CT_ADDR_TEXT + 16];
	size_t len;

	list->count = 0;
	for (text = text ? text : ""; *(text += strspn(text, " \t,")); text += len) {
		len = strcspn(text, " \t,");
		*why = "not an address of IPv4 or IPv6";
		if (len >= sizeof(word))
			return -EINVAL;
		memcpy(word, text, len);
		word[len] = '\0';
		/* OpenVZ wrote this one for "none". */
		if (!strcmp(word, "0.0.0.0"))
			continue;
		if (ct_addr_parse(word, &addr, why))
			return -EINVAL;
		*why = "more than 128 addresses";
		if (ct_addrs_add(list, &addr) == -E2BIG)
			return -EINVAL;
	}
	return 0;
}

/**
 * ct_addrs_text() - write a list of addresses
 * @list: the list
 * @out: receives the text
 * @size: room there, CT_ADDRS_TEXT for any list
 */
void ct_addrs_text(const struct ct_addrs *list, char *out, size_t size)
{
	char text[CT_ADDR_TEXT];
	size_t used = 0, i;

	*out = '\0';
	for (i = 0; i < list->count && used < size; i++) {
		ct_addr_text(&list->a[i], true, text, sizeof(text));
		used += snprintf(out + used, size - used, "%s%s", i ? " " : "", text);
	}
}
