// SPDX-License-Identifier: GPL-2.0
/*
 * How the network of a container is to be, and whether it can be
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ct.h"
#include "keys.h"
#include "net.h"
#include "wire.h"

/**
 * ct_net_any() - is there a network at all?
 * @conf: a configuration, or a record
 *
 * Return: whether it has addresses or cards.
 */
bool ct_net_any(const struct ct_conf *conf)
{
	return ct_get(conf, "IP_ADDRESS") || ct_get(conf, "NETIF");
}

/**
 * ct_net_read() - how is the network to be?
 * @ct: the container
 * @conf: its configuration, or its record
 * @net: receives it
 *
 * Return: CT_OK, or an error for what is wrong.
 */
int ct_net_read(const struct ct *ct, const struct ct_conf *conf, struct ct_net *net)
{
	const char *bound = ct_get(conf, "RATEBOUND"), *why;

	if (ct_addrs_parse(ct_get(conf, "IP_ADDRESS"), &net->addrs, &why))
		return ct_fail(ct->run, CT_E_IP, ct->text, "IP_ADDRESS: %s", why);
	if (ct_nics_parse(ct_get(conf, "NETIF"), ct->id, &net->nics, &why))
		return ct_fail(ct->run, CT_E_VETH, ct->text, "NETIF: %s", why);
	if (ct_rate_list(ct_get(conf, "RATE"), &net->rate, &why))
		return ct_fail(ct->run, CT_E_VALUE, ct->text, "RATE: %s", why);
	/* Without it RATE is a part that is guaranteed, which is nothing that can be given. */
	if (!bound || strcmp(bound, "yes"))
		memset(&net->rate, 0, sizeof(net->rate));
	return CT_OK;
}

/* An address of the machine's own cannot be that of a container. */
static int ct_net_check_host(const struct ct *ct, const struct ct_net *net)
{
	char text[CT_ADDR_TEXT];
	struct ct_wire wire;
	int status = CT_OK;
	size_t i;

	if (!net->addrs.count || ct_wire_open(&wire, -1))
		return CT_OK;
	for (i = 0; i < net->addrs.count && !status; i++)
		if (ct_wire_host_has(&wire, &net->addrs.a[i])) {
			ct_addr_text(&net->addrs.a[i], false, text, sizeof(text));
			status = ct_fail(ct->run, CT_E_IP_IN_USE, ct->text,
					 "the address %s is this machine's own", text);
		}
	ct_wire_close(&wire);
	return status;
}

/* Without routing the container is heard by this machine alone. */
static void ct_net_routing(const struct ct *ct, const struct ct_net *net)
{
	FILE *f = net->addrs.count ? fopen("/proc/sys/net/ipv4/ip_forward", "re") : NULL;

	if (f && fgetc(f) == '0')
		ct_note(ct->run, ct->text,
			"net.ipv4.ip_forward is 0: its addresses reach this machine only");
	if (f)
		fclose(f);
}

/**
 * ct_net_check() - can a container have this network?
 * @ct: the container
 * @conf: its configuration
 *
 * Nobody else gives an address to a container from here on until this command ends.
 *
 * Return: CT_OK, CT_E_IP_IN_USE, or another error.
 */
int ct_net_check(const struct ct *ct, const struct ct_conf *conf)
{
	struct ct_net *net = calloc(1, sizeof(*net));
	int status = net ? CT_OK : CT_E_RESOURCES;

	if (!status)
		status = ct_net_read(ct, conf, net);
	if (!status && net->addrs.count)
		status = ct_ip_lock(ct->run);
	if (!status)
		status = ct_ip_taken(ct, &net->addrs);
	if (!status)
		status = ct_net_check_host(ct, net);
	if (!status)
		ct_net_routing(ct, net);
	free(net);
	return status;
}
