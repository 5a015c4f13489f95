// SPDX-License-Identifier: GPL-2.0
/*
 * The machine answers for addresses of containers on its nets; and which are its own
 */
#include <errno.h>
#include <linux/neighbour.h>
#include <string.h>

#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/neighbour.h>

#include "wire.h"

/* Does one of the addresses of a card say that @addr is on its net? */
static bool ct_wire_on_net(struct nl_cache *addrs, int index, const struct ct_addr *addr)
{
	struct ct_addr net = { 0 };
	struct rtnl_addr *item;
	struct nl_object *pos;
	struct nl_addr *local;

	for (pos = nl_cache_get_first(addrs); pos; pos = nl_cache_get_next(pos)) {
		item = (struct rtnl_addr *)pos;
		local = rtnl_addr_get_local(item);
		if (!local || rtnl_addr_get_ifindex(item) != index ||
		    nl_addr_get_family(local) != addr->family)
			continue;
		net.family = addr->family;
		net.prefix = rtnl_addr_get_prefixlen(item);
		memcpy(net.byte, nl_addr_get_binary_addr(local), nl_addr_get_len(local));
		if (net.prefix && ct_addr_within(addr, &net))
			return true;
	}
	return false;
}

static bool ct_wire_listed(const char *devs, const char *name)
{
	size_t len;

	if (!strncmp(devs, "list:", 5))
		devs += 5;
	for (; *(devs += strspn(devs, " ,")); devs += len) {
		len = strcspn(devs, " ,");
		if (strlen(name) == len && !memcmp(devs, name, len))
			return true;
	}
	return false;
}

/* Is a card of the machine one on whose net an address is to be answered for? */
static bool ct_wire_answers(struct ct_wire *wire, struct rtnl_link *link, const char *devs,
			    const struct ct_addr *addr)
{
	const unsigned int flags = rtnl_link_get_flags(link);
	struct nl_cache *addrs;
	bool found;

	if (!(flags & IFF_UP) || flags & (IFF_LOOPBACK | IFF_NOARP | IFF_POINTOPOINT) ||
	    rtnl_link_get_master(link))
		return false;
	if (!strcmp(devs, "all"))
		return true;
	if (strcmp(devs, "detect"))
		return ct_wire_listed(devs, rtnl_link_get_name(link));
	if (rtnl_addr_alloc_cache(wire->host, &addrs))
		return false;
	found = ct_wire_on_net(addrs, rtnl_link_get_ifindex(link), addr);
	nl_cache_free(addrs);
	return found;
}

static int ct_wire_proxy(struct ct_wire *wire, int index, const struct ct_addr *addr, bool add)
{
	struct nl_addr *nl = ct_wire_nl(addr, ct_addr_bits(addr));
	struct rtnl_neigh *neigh = rtnl_neigh_alloc();
	int ret = -NLE_NOMEM;

	if (nl && neigh) {
		rtnl_neigh_set_ifindex(neigh, index);
		rtnl_neigh_set_family(neigh, addr->family);
		rtnl_neigh_set_flags(neigh, NTF_PROXY);
		rtnl_neigh_set_dst(neigh, nl);
		ret = add ? rtnl_neigh_add(wire->host, neigh, NLM_F_CREATE) :
			    rtnl_neigh_delete(wire->host, neigh, 0);
	}
	rtnl_neigh_put(neigh);
	nl_addr_put(nl);
	return ct_wire_errno(ret);
}

/**
 * ct_wire_proxies() - have the machine answer for an address on its nets, or no more
 * @wire: the sides
 * @devs: on which cards: "detect" for those on whose net it is, "all", "none", or names
 * @addr: the address
 * @add: which of the two; it is taken from every card
 *
 * Return: 0 or a negative errno.
 */
int ct_wire_proxies(struct ct_wire *wire, const char *devs, const struct ct_addr *addr, bool add)
{
	struct nl_cache *links;
	struct rtnl_link *link;
	struct nl_object *pos;
	int ret = rtnl_link_alloc_cache(wire->host, AF_UNSPEC, &links);

	if (ret)
		return ct_wire_errno(ret);
	for (pos = nl_cache_get_first(links); pos && !ret; pos = nl_cache_get_next(pos)) {
		link = (struct rtnl_link *)pos;
		if (!add) {
			(void)ct_wire_proxy(wire, rtnl_link_get_ifindex(link), addr, false);
		} else if (strcmp(devs, "none") && ct_wire_answers(wire, link, devs, addr)) {
			ret = ct_wire_proxy(wire, rtnl_link_get_ifindex(link), addr, true);
			if (addr->family == AF_INET6)
				ct_wire_sysctl("ipv6", rtnl_link_get_name(link), "proxy_ndp", "1");
		}
	}
	nl_cache_free(links);
	return ret;
}

/**
 * ct_wire_host_has() - is an address the machine's own?
 * @wire: the sides
 * @addr: the address
 *
 * Return: whether that is so.
 */
bool ct_wire_host_has(struct ct_wire *wire, const struct ct_addr *addr)
{
	struct nl_cache *addrs;
	struct nl_object *pos;
	struct nl_addr *local;
	bool found = false;

	if (rtnl_addr_alloc_cache(wire->host, &addrs))
		return false;
	for (pos = nl_cache_get_first(addrs); pos && !found; pos = nl_cache_get_next(pos)) {
		local = rtnl_addr_get_local((struct rtnl_addr *)pos);
		found = local && nl_addr_get_family(local) == addr->family &&
			!memcmp(nl_addr_get_binary_addr(local), addr->byte,
				ct_addr_bits(addr) / 8);
	}
	nl_cache_free(addrs);
	return found;
}
