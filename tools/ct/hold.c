// SPDX-License-Identifier: GPL-2.0
/*
 * The network of a container that is dumped, and of one that is restored
 *
 * What is inside is in the dump, as the container has it: cards, addresses, routes, rules.
 * While it is dumped, and until what was dumped is killed, nothing goes in or out: criu lets
 * its sockets go at the end of a dump, and the kernel closes them behind whoever is killed;
 * whoever has the other end must not hear of that. For a restore pairs of cards are made
 * here, under names that say nothing, and criu takes one end of each inside, where it gets
 * back what it was. The machine's side is not in a dump; it is made as at a start.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/netlink.h>
#include <netlink/route/link.h>

#include "ct.h"
#include "fence.h"
#include "keys.h"
#include "net.h"
#include "wire.h"

/* What criu can take inside is a card; those that it makes are not the machine's. */
#define CT_HOLD_KIND	"veth"

/* The cards of a container: those that are configured, and the one of routed addresses. */
static size_t ct_hold_cards(const struct ct *ct, const struct ct_net *net, struct ct_nic *cards)
{
	size_t count = net->nics.count;

	memcpy(cards, net->nics.n, count * sizeof(*cards));
	if (net->addrs.count)
		cards[count++] = ct_net_line(ct);
	return count;
}

/* The network that the record tells of. */
static int ct_hold_read(struct ct *ct, struct ct_net *net)
{
	struct ct_conf up;
	int status = CT_OK;

	memset(net, 0, sizeof(*net));
	if (!ct_up_load(ct, &up))
		status = ct_net_read(ct, &up, net);
	ct_conf_clear(&up);
	return status;
}

/* Its root can rename cards, remove them and make others; these are not known here. */
static int ct_hold_look(struct ct *ct, struct ct_wire *wire, const struct ct_nic *cards,
			size_t count)
{
	struct nl_cache *links;
	struct rtnl_link *link;
	struct nl_object *item;
	size_t i, known = 0;
	const char *name, *kind, *strange = NULL;
	int status = CT_OK;

	if (rtnl_link_alloc_cache(wire->in, AF_UNSPEC, &links))
		return ct_fail(ct->run, CT_E_SUSPEND, ct->text, "its network cannot be read");
	for (item = nl_cache_get_first(links); item; item = nl_cache_get_next(item)) {
		link = (struct rtnl_link *)item;
		name = rtnl_link_get_name(link);
		kind = rtnl_link_get_type(link);
		for (i = 0; i < count && strcmp(cards[i].ifname, name); i++)
			;
		known += i < count;
		if (i == count && kind && !strcmp(kind, CT_HOLD_KIND))
			strange = name;
	}
	if (strange)
		status = ct_fail(ct->run, CT_E_SUSPEND, ct->text,
				 "%s, which was made in it, cannot be dumped", strange);
	else if (known != count)
		status = ct_fail(ct->run, CT_E_SUSPEND, ct->text,
				 "cards that it was given have been removed or renamed in it");
	nl_cache_free(links);
	return status;
}

/**
 * ct_net_hold() - have nothing go in or out
 * @ct: the container, which is frozen
 *
 * Return: CT_OK, also if it has no network, or CT_E_SUSPEND.
 */
int ct_net_hold(struct ct *ct)
{
	struct ct_nic cards[CT_NIC_MAX + 1];
	struct ct_net *net = malloc(sizeof(*net));
	struct ct_wire wire = { .ns = -1 };
	size_t count = 0;
	int status = net ? ct_hold_read(ct, net) : CT_E_RESOURCES, ret;

	if (!status)
		count = ct_hold_cards(ct, net, cards);
	ret = status ? 0 : ct_wire_open(&wire, ct_init_pid(ct));
	if (ret)
		status = ct_fail(ct->run, CT_E_SUSPEND, ct->text, "its network namespace: %s",
				 strerror(-ret));
	if (!status)
		status = ct_hold_look(ct, &wire, cards, count);
	if (!status && count && ct_gate_shut(ct->text, cards, count))
		status = ct_fail(ct->run, CT_E_SUSPEND, ct->text, "its network cannot be held");
	ct_wire_close(&wire);
	free(net);
	return status;
}

/* What a card is called until criu takes it inside; there are CT_NIC_MAX + 1 at most. */
static void ct_hold_name(const struct ct *ct, size_t i, char *name)
{
	_Static_assert(CT_NIC_MAX < 10, "one digit");
	snprintf(name, IFNAMSIZ, "bc%.10s.%c", ct->text, (char)('0' + i));
}

static int ct_hold_make(struct ct *ct, struct ct_wire *wire, const struct ct_nic *card, size_t i,
			FILE *words)
{
	struct ct_nic nic = *card;
	bool arp = strcmp(nic.ifname, CT_VENET_IN);
	int ret;

	ct_hold_name(ct, i, nic.ifname);
	fprintf(words, "%snetdev[%s]:%s", i ? " " : "", card->ifname, nic.ifname);
	(void)ct_wire_drop(wire, nic.host);
	ret = ct_wire_pair(wire, &nic, arp);
	return ret ? ct_fail(ct->run, CT_E_VETH, ct->text, "%s: %s", nic.host, strerror(-ret)) :
	       CT_OK;
}

/**
 * ct_net_premake() - make the cards of a container that is to be restored
 * @ct: the container, whose record says which
 * @words: receives what criu is to be told of them, one word each, "" for nothing
 * @size: room there
 *
 * Return: CT_OK or an error; ct_net_down() removes what was made.
 */
int ct_net_premake(struct ct *ct, char *words, size_t size)
{
	struct ct_nic cards[CT_NIC_MAX + 1];
	struct ct_net *net = malloc(sizeof(*net));
	struct ct_wire wire = { .ns = -1 };
	int status = net ? ct_hold_read(ct, net) : CT_E_RESOURCES;
	size_t count = status ? 0 : ct_hold_cards(ct, net, cards), i;
	FILE *f = fmemopen(words, size, "w");

	*words = '\0';
	if (!f || (count && ct_wire_open(&wire, -1)))
		status = ct_fail(ct->run, CT_E_RESOURCES, ct->text, "%s", strerror(ENOMEM));
	for (i = 0; i < count && !status; i++)
		status = ct_hold_make(ct, &wire, &cards[i], i, f);
	if (f && fclose(f) && !status)
		status = CT_E_RESOURCES;
	ct_wire_close(&wire);
	free(net);
	return status;
}
