// SPDX-License-Identifier: GPL-2.0
/*
 * Links, addresses, routes and neighbours, by libnl-route
 *
 * A container's own network is configured through a socket that was opened in its network
 * namespace: nothing of the container is run for that, and no file of it is looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include "wire.h"

/**
 * ct_wire_errno() - what an error of libnl's is called elsewhere
 * @err: the error
 *
 * Return: a negative errno, 0 for none.
 */
int ct_wire_errno(int err)
{
	switch (-err) {
	case 0:			return 0;
	case NLE_EXIST:		return -EEXIST;
	case NLE_OBJ_NOTFOUND:	return -ESRCH;
	case NLE_NODEV:		return -ENODEV;
	case NLE_NOADDR:	return -EADDRNOTAVAIL;
	case NLE_PERM:		return -EPERM;
	case NLE_NOMEM:		return -ENOMEM;
	case NLE_OPNOTSUPP:	return -EOPNOTSUPP;
	case NLE_BUSY:		return -EBUSY;
	default:		return -EINVAL;
	}
}

static struct nl_sock *ct_wire_socket(void)
{
	struct nl_sock *sock = nl_socket_alloc();

	if (sock && !nl_connect(sock, NETLINK_ROUTE))
		return sock;
	nl_socket_free(sock);
	return NULL;
}

/* A socket stays in the namespace where it was opened. */
static int ct_wire_enter(struct ct_wire *wire)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), ret = 0;

	if (home < 0)
		return -errno;
	if (setns(wire->ns, CLONE_NEWNET)) {
		ret = -errno;
	} else {
		wire->in = ct_wire_socket();
		if (!wire->in)
			ret = -ENOMEM;
		/* Nowhere else is anything of the machine's to be found. */
		if (setns(home, CLONE_NEWNET))
			abort();
	}
	close(home);
	return ret;
}

/**
 * ct_wire_open() - have both sides at hand
 * @wire: receives them; to be closed by the caller even after an error
 * @init: a process of the container, or -1 for the machine's side alone
 *
 * Return: 0 or a negative errno.
 */
int ct_wire_open(struct ct_wire *wire, pid_t init)
{
	char path[64];

	*wire = (struct ct_wire) { .ns = -1 };
	wire->host = ct_wire_socket();
	if (!wire->host)
		return -ENOMEM;
	if (init < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)init);
	wire->ns = open(path, O_RDONLY | O_CLOEXEC);
	return wire->ns < 0 ? -errno : ct_wire_enter(wire);
}

/**
 * ct_wire_close() - done with both sides
 * @wire: the sides
 */
void ct_wire_close(struct ct_wire *wire)
{
	nl_socket_free(wire->in);
	nl_socket_free(wire->host);
	if (wire->ns >= 0)
		close(wire->ns);
	*wire = (struct ct_wire) { .ns = -1 };
}

static int ct_wire_index(struct nl_sock *sock, const char *name)
{
	struct rtnl_link *link;
	int ret = rtnl_link_get_kernel(sock, 0, name, &link);

	if (ret)
		return -ENODEV;
	ret = rtnl_link_get_ifindex(link);
	rtnl_link_put(link);
	return ret;
}

/**
 * ct_wire_there() - is there a card of that name on the machine?
 * @wire: the sides
 * @ifname: the name
 *
 * Return: whether that is so.
 */
bool ct_wire_there(struct ct_wire *wire, const char *ifname)
{
	return ct_wire_index(wire->host, ifname) > 0;
}

/**
 * ct_wire_sysctl() - set what the kernel does on a card by itself
 * @family: ipv4 or ipv6
 * @ifname: the card
 * @name: the setting; where there is none there is nothing to be set
 * @value: its value
 */
void ct_wire_sysctl(const char *family, const char *ifname, const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, ifname, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, value, strlen(value)) < 0)
		errno = 0;
	if (fd >= 0)
		close(fd);
}

static int ct_wire_set_up(struct nl_sock *sock, const char *ifname, bool arp)
{
	struct rtnl_link *link = rtnl_link_alloc(), *change = rtnl_link_alloc();
	int index = ct_wire_index(sock, ifname), ret = index < 0 ? -NLE_NODEV : -NLE_NOMEM;

	if (index > 0 && link && change) {
		rtnl_link_set_ifindex(link, index);
		rtnl_link_set_flags(change, IFF_UP | (arp ? 0 : IFF_NOARP));
		ret = rtnl_link_change(sock, link, change, 0);
	}
	rtnl_link_put(link);
	rtnl_link_put(change);
	return ct_wire_errno(ret);
}

/* An end that has no neighbours gets no address but those that it is given. */
static int ct_wire_plain(struct nl_sock *sock, const char *ifname)
{
	struct rtnl_link *link = rtnl_link_alloc(), *change = rtnl_link_alloc();
	int index = ct_wire_index(sock, ifname), ret = index < 0 ? -NLE_NODEV : -NLE_NOMEM;

	if (index > 0 && link && change) {
		rtnl_link_set_ifindex(link, index);
		ret = rtnl_link_inet6_set_addr_gen_mode(change,
							rtnl_link_inet6_str2addrgenmode("none"));
		if (!ret)
			ret = rtnl_link_change(sock, link, change, 0);
	}
	rtnl_link_put(link);
	rtnl_link_put(change);
	return ct_wire_errno(ret);
}

static void ct_wire_mac(struct rtnl_link *link, const unsigned char *mac)
{
	struct nl_addr *addr = nl_addr_build(AF_LLC, mac, 6);

	if (addr)
		rtnl_link_set_addr(link, addr);
	nl_addr_put(addr);
}

static int ct_wire_make(struct ct_wire *wire, const struct ct_nic *nic)
{
	struct rtnl_link *link = rtnl_link_veth_alloc(), *peer;
	int ret;

	if (!link)
		return -ENOMEM;
	peer = rtnl_link_veth_get_peer(link);
	rtnl_link_set_name(link, nic->host);
	ct_wire_mac(link, nic->host_mac);
	rtnl_link_set_name(peer, nic->ifname);
	ct_wire_mac(peer, nic->mac);
	if (wire->ns >= 0)
		rtnl_link_set_ns_fd(peer, wire->ns);
	ret = rtnl_link_add(wire->host, link, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_link_put(peer);
	rtnl_link_veth_release(link);
	return ct_wire_errno(ret);
}

/**
 * ct_wire_pair() - make a pair of cards, one on each side
 * @wire: the sides
 * @nic: what they are called
 * @arp: whether they have neighbours
 *
 * The kernel configures nothing on the machine's end: what is there is what is put there.
 *
 * Return: 0 or a negative errno.
 */
int ct_wire_pair(struct ct_wire *wire, const struct ct_nic *nic, bool arp)
{
	int ret = ct_wire_make(wire, nic);

	if (ret)
		return ret;
	ct_wire_sysctl("ipv6", nic->host, "addr_gen_mode", "1");
	ct_wire_sysctl("ipv6", nic->host, "accept_ra", "0");
	ct_wire_sysctl("ipv6", nic->host, "disable_ipv6", arp ? "1" : "0");
	ct_wire_sysctl("ipv4", nic->host, "accept_redirects", "0");
	ct_wire_sysctl("ipv4", nic->host, "rp_filter", arp ? "0" : "1");
	return 0;
}

/**
 * ct_wire_up() - put both ends of a pair to use
 * @wire: the sides
 * @nic: what they are called
 * @arp: whether they have neighbours
 *
 * Without, and with the same address on both ends, the pair is a line between two points:
 * there is nobody to be asked for, and no table of neighbours to be filled.
 *
 * Return: 0 or a negative errno.
 */
int ct_wire_up(struct ct_wire *wire, const struct ct_nic *nic, bool arp)
{
	int ret = ct_wire_set_up(wire->host, nic->host, arp);

	/* Where there is no IPv6 there is nothing to be kept from doing anything. */
	if (!arp)
		(void)ct_wire_plain(wire->in, nic->ifname);
	return ret ? ret : ct_wire_set_up(wire->in, nic->ifname, arp);
}

/* The address that the kernel makes up out of that of the card. */
static struct ct_addr ct_wire_local(const unsigned char *mac)
{
	struct ct_addr addr = {
		.family = AF_INET6, .prefix = 64,
		.byte = { 0xfe, 0x80, [8] = mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3],
			  mac[4], mac[5] },
	};

	return addr;
}

/**
 * ct_wire_back() - put a pair to use whose one end has been restored in the container
 * @wire: the sides
 * @nic: what they are called
 * @arp: whether they have neighbours
 *
 * criu does not restore that an end has no address of its own.
 *
 * Return: 0 or a negative errno.
 */
int ct_wire_back(struct ct_wire *wire, const struct ct_nic *nic, bool arp)
{
	struct ct_addr local = ct_wire_local(nic->mac);

	if (!arp) {
		(void)ct_wire_plain(wire->in, nic->ifname);
		(void)ct_wire_addr(wire->in, nic->ifname, &local, false);
	}
	return ct_wire_set_up(wire->host, nic->host, arp);
}

/**
 * ct_wire_drop() - remove a pair
 * @wire: the sides
 * @host: the end on the machine
 *
 * Return: 0, also if there is none, or a negative errno.
 */
int ct_wire_drop(struct ct_wire *wire, const char *host)
{
	struct rtnl_link *link = rtnl_link_alloc();
	int ret = -NLE_NOMEM;

	if (link) {
		rtnl_link_set_name(link, host);
		ret = rtnl_link_delete(wire->host, link);
	}
	rtnl_link_put(link);
	return ret == -NLE_NODEV || ret == -NLE_OBJ_NOTFOUND ? 0 : ct_wire_errno(ret);
}

/**
 * ct_wire_bridge() - make the machine's end of a pair a port of a bridge
 * @wire: the sides
 * @host: the end on the machine
 * @bridge: the bridge, "" for none
 *
 * Return: 0 or a negative errno.
 */
int ct_wire_bridge(struct ct_wire *wire, const char *host, const char *bridge)
{
	int port = ct_wire_index(wire->host, host);
	int master = *bridge ? ct_wire_index(wire->host, bridge) : 0;

	if (port < 0 || master < 0)
		return -ENODEV;
	return ct_wire_errno(rtnl_link_enslave_ifindex(wire->host, master, port));
}

/**
 * ct_wire_nl() - an address as libnl has it
 * @addr: the address
 * @prefix: its prefix
 *
 * Return: the address, to be released by the caller, or NULL.
 */
struct nl_addr *ct_wire_nl(const struct ct_addr *addr, unsigned int prefix)
{
	struct nl_addr *nl = nl_addr_build(addr->family, addr->byte, ct_addr_bits(addr) / 8);

	if (nl)
		nl_addr_set_prefixlen(nl, prefix);
	return nl;
}

/**
 * ct_wire_addr() - give an address to a card, or take it
 * @sock: the side
 * @ifname: the card
 * @addr: the address
 * @add: which of the two
 *
 * Return: 0, also if that is so already, or a negative errno.
 */
int ct_wire_addr(struct nl_sock *sock, const char *ifname, const struct ct_addr *addr, bool add)
{
	struct nl_addr *nl = ct_wire_nl(addr, addr->prefix);
	struct rtnl_addr *item = rtnl_addr_alloc();
	int index = ct_wire_index(sock, ifname), ret = -NLE_NOMEM;

	if (index > 0 && nl && item) {
		rtnl_addr_set_ifindex(item, index);
		ret = rtnl_addr_set_local(item, nl);
		if (addr->family == AF_INET6)
			rtnl_addr_set_flags(item, IFA_F_NODAD);
		if (!ret)
			ret = add ? rtnl_addr_add(sock, item, NLM_F_REPLACE) :
				    rtnl_addr_delete(sock, item, 0);
	}
	rtnl_addr_put(item);
	nl_addr_put(nl);
	if (index < 0)
		return index;
	if (add ? ret == -NLE_EXIST : ret == -NLE_NOADDR || ret == -NLE_OBJ_NOTFOUND)
		ret = 0;
	return ct_wire_errno(ret);
}

static struct rtnl_route *ct_wire_route_to(const struct ct_addr *addr, int index)
{
	unsigned int bits = addr->prefix ? ct_addr_bits(addr) : 0;
	struct nl_addr *nl = ct_wire_nl(addr, bits);
	struct rtnl_route *route = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();

	if (!nl || !route || !hop) {
		rtnl_route_nh_free(hop);
		rtnl_route_put(route);
		nl_addr_put(nl);
		return NULL;
	}
	rtnl_route_nh_set_ifindex(hop, index);
	rtnl_route_add_nexthop(route, hop);
	rtnl_route_set_family(route, addr->family);
	rtnl_route_set_dst(route, nl);
	rtnl_route_set_table(route, RT_TABLE_MAIN);
	rtnl_route_set_protocol(route, RTPROT_STATIC);
	rtnl_route_set_scope(route, addr->family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE);
	nl_addr_put(nl);
	return route;
}

/**
 * ct_wire_route() - have a card be the way to an address, or no more
 * @sock: the side
 * @ifname: the card
 * @addr: the address; with a prefix of 0 it stands for everything
 * @add: which of the two
 *
 * Return: 0, also if that is so already, -EEXIST if another card is, or another errno.
 */
int ct_wire_route(struct nl_sock *sock, const char *ifname, const struct ct_addr *addr, bool add)
{
	int index = ct_wire_index(sock, ifname), ret = -NLE_NOMEM;
	struct rtnl_route *route = index > 0 ? ct_wire_route_to(addr, index) : NULL;

	if (index < 0)
		return index;
	if (route)
		ret = add ? rtnl_route_add(sock, route, NLM_F_EXCL) :
			    rtnl_route_delete(sock, route, 0);
	/* Whose it is shows when it can be removed as our own. */
	if (add && ret == -NLE_EXIST && !rtnl_route_delete(sock, route, 0))
		ret = rtnl_route_add(sock, route, NLM_F_EXCL);
	if (!add && ret == -NLE_OBJ_NOTFOUND)
		ret = 0;
	rtnl_route_put(route);
	return ct_wire_errno(ret);
}
