// SPDX-License-Identifier: GPL-2.0
/*
 * Options of set that concern the network: each of them changes a key of the configuration
 *
 * --ipadd and its like add to what is there and take from it, in the order in which they
 * stand; --nameserver replaces what was there, and adds to it from the second one on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "ct.h"
#include "keys.h"
#include "set_net.h"
#include "traffic.h"

struct ct_net_opt {
	const char *name;
	const char *key;
	int (*set)(struct ct_set_net *set, const char *name, const char *text, const char **why);
};

static int ct_set_addrs(struct ct_set_net *set, const struct ct_addrs *list)
{
	char *text = malloc(CT_ADDRS_TEXT);
	int ret = -ENOMEM;

	if (text) {
		ct_addrs_text(list, text, CT_ADDRS_TEXT);
		ret = ct_conf_set(set->conf, "IP_ADDRESS", text);
	}
	free(text);
	return ret;
}

static int ct_set_ip(struct ct_set_net *set, const char *name, const char *text, const char **why)
{
	struct ct_addrs list, more;
	size_t i;
	int ret = ct_addrs_parse(ct_get(set->conf, "IP_ADDRESS"), &list, why);
	bool all = !strcmp(text, "all") && !strcmp(name, "ipdel");

	if (!ret && !all)
		ret = ct_addrs_parse(text, &more, why);
	if (ret)
		return ret;
	*why = "no address";
	if (!all && !more.count)
		return -EINVAL;
	if (all)
		list.count = 0;
	for (i = 0; !all && i < more.count; i++) {
		*why = "more than 128 addresses";
		if (!strcmp(name, "ipadd") && ct_addrs_add(&list, &more.a[i]) == -E2BIG)
			return -EINVAL;
		*why = "it has no such address";
		if (!strcmp(name, "ipdel") && !ct_addrs_del(&list, &more.a[i]))
			return -EINVAL;
	}
	return ct_set_addrs(set, &list);
}

static int ct_set_nics(struct ct_set_net *set, const struct ct_nics *list)
{
	char text[CT_NICS_TEXT];

	ct_nics_text(list, text, sizeof(text));
	return ct_conf_set(set->conf, "NETIF", text);
}

static int ct_set_netif(struct ct_set_net *set, const char *name, const char *text,
			const char **why)
{
	struct ct_nics list;
	struct ct_nic *nic;
	int ret = ct_nics_parse(ct_get(set->conf, "NETIF"), set->id, &list, why);

	if (!ret && !strcmp(name, "netif_add")) {
		ret = ct_nics_add(&list, text, set->id, why);
	} else if (!ret && !strcmp(text, "all")) {
		list.count = 0;
	} else if (!ret) {
		*why = "it has no such card";
		nic = ct_nics_find(&list, text);
		if (!nic)
			return -EINVAL;
		list.count--;
		memmove(nic, nic + 1, (char *)&list.n[list.count] - (char *)nic);
	}
	return ret ? ret : ct_set_nics(set, &list);
}

static int ct_set_card(struct ct_set_net *set, const char *name, const char *text,
		       const char **why)
{
	struct ct_nics list;
	struct ct_nic *nic;
	int ret = ct_nics_parse(ct_get(set->conf, "NETIF"), set->id, &list, why);

	if (ret)
		return ret;
	*why = "it has no such card";
	if (!strcmp(name, "ifname")) {
		if (!ct_nics_find(&list, text))
			return -EINVAL;
		snprintf(set->ifname, sizeof(set->ifname), "%s", text);
		return 0;
	}
	nic = ct_nics_find(&list, set->ifname);
	*why = "--ifname must say before it which card";
	if (!nic)
		return -EINVAL;
	ret = ct_nic_change(nic, name, text, why);
	return ret ? ret : ct_set_nics(set, &list);
}

static int ct_set_dns(struct ct_set_net *set, const char *name, const char *text,
		      const char **why)
{
	bool search = !strcmp(name, "searchdomain");
	bool *again = search ? &set->domains : &set->servers;
	const char *key = search ? "SEARCHDOMAIN" : "NAMESERVER", *old = ct_get(set->conf, key);
	char both[1024];

	*why = search ? "neither \"inherit\" nor the name of a domain" :
			"neither \"inherit\" nor an address";
	if (!ct_dns_ok(text, search))
		return -EINVAL;
	*why = "too long";
	if (snprintf(both, sizeof(both), "%s%s%s", *again && old ? old : "",
		     *again && old ? " " : "", text) >= (int)sizeof(both))
		return -EINVAL;
	*why = "\"inherit\" stands alone";
	if (*again && !ct_dns_ok(both, search))
		return -EINVAL;
	*again = true;
	return ct_conf_set(set->conf, key, both);
}

static int ct_set_rate(struct ct_set_net *set, const char *name, const char *text,
		       const char **why)
{
	struct ct_rate rate;

	*why = "neither yes nor no";
	if (!strcmp(name, "ratebound"))
		return strcmp(text, "yes") && strcmp(text, "no") ? -EINVAL :
			ct_conf_set(set->conf, "RATEBOUND", text);
	return ct_rate_list(text, &rate, why) ? -EINVAL : ct_conf_set(set->conf, "RATE", text);
}

static const struct ct_net_opt ct_net_opts[] = {
	{ "ipadd", "IP_ADDRESS", ct_set_ip },
	{ "ipdel", "IP_ADDRESS", ct_set_ip },
	{ "netif_add", "NETIF", ct_set_netif },
	{ "netif_del", "NETIF", ct_set_netif },
	{ "ifname", "NETIF", ct_set_card },
	{ "mac", "NETIF", ct_set_card },
	{ "host_ifname", "NETIF", ct_set_card },
	{ "host_mac", "NETIF", ct_set_card },
	{ "bridge", "NETIF", ct_set_card },
	{ "mac_filter", "NETIF", ct_set_card },
	{ "nameserver", "NAMESERVER", ct_set_dns },
	{ "searchdomain", "SEARCHDOMAIN", ct_set_dns },
	{ "rate", "RATE", ct_set_rate },
	{ "ratebound", "RATEBOUND", ct_set_rate },
	{ NULL, NULL, NULL },
};

/**
 * ct_set_net() - take an option of set, if it concerns the network
 * @set: the configuration
 * @name: the option
 * @text: its value, or NULL
 * @key: receives the key that it is about; NULL if it is none of these options
 * @why: what is wrong with the value
 *
 * Return: 0, or a negative errno with @why set.
 */
int ct_set_net(struct ct_set_net *set, const char *name, const char *text, const char **key,
	       const char **why)
{
	const struct ct_net_opt *opt;

	for (opt = ct_net_opts; opt->name && strcmp(opt->name, name); opt++)
		;
	*key = opt->key;
	*why = "a value is missing";
	if (!opt->name)
		return 0;
	return text ? opt->set(set, name, text, why) : -EINVAL;
}
