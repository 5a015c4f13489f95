// SPDX-License-Identifier: GPL-2.0
/*
 * NETIF: the network cards of a container; pure
 *
 *	NETIF="ifname=eth0,mac=02:...,host_ifname=veth101.0,host_mac=fe:...,bridge=br0;ifname=..."
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nic.h"

/**
 * ct_ifname_ok() - can a card be called like this?
 * @name: the name
 *
 * Return: whether it has 1 to 15 letters, digits, "-", "_" and ".", and is no "." or "..".
 */
bool ct_ifname_ok(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
			return false;
	return i && i < IFNAMSIZ && *name != '-' && strcmp(name, ".") && strcmp(name, "..");
}

/**
 * ct_mac_parse() - read the address of a card
 * @text: six pairs of hexadecimal digits with colons between them
 * @mac: receives it
 *
 * Return: 0, or -EINVAL if it is none, or one of many or no cards.
 */
int ct_mac_parse(const char *text, unsigned char *mac)
{
	static const unsigned char none[6];
	int used = -1;

	if (strlen(text) != CT_MAC_TEXT - 1 ||
	    sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", mac, mac + 1, mac + 2, mac + 3,
		   mac + 4, mac + 5, &used) != 6 || used != CT_MAC_TEXT - 1)
		return -EINVAL;
	return *mac & 1 || !memcmp(mac, none, 6) ? -EINVAL : 0;
}

/**
 * ct_mac_text() - write the address of a card
 * @mac: the address
 * @out: receives CT_MAC_TEXT bytes
 */
void ct_mac_text(const unsigned char *mac, char *out)
{
	snprintf(out, CT_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
}

/*
 * One that nobody else makes, and always the same one for a card of a container of this
 * machine. A bridge takes the lowest address of its ports for its own: those of its ports
 * begin with fe, so that it keeps that of the network card.
 */
static void ct_mac_make(unsigned char *mac, unsigned char first, uint32_t id, const char *ifname)
{
	unsigned long long hash = 0xcbf29ce484222325ULL;
	char text[80] = "", *pos;
	size_t used = 0, i;
	FILE *f = fopen("/etc/machine-id", "re");

	if (f)
		used = fread(text, 1, 32, f);
	if (f)
		fclose(f);
	snprintf(text + used, sizeof(text) - used, "%u %s", id, ifname);
	for (pos = text; *pos; pos++)
		hash = (hash ^ (unsigned char)*pos) * 0x100000001b3ULL;
	*mac = first;
	for (i = 1; i < 6; i++)
		mac[i] = hash >> 8 * i;
}

/**
 * ct_nics_find() - find a card by its name in the container
 * @list: the cards
 * @ifname: the name
 *
 * Return: the card, or NULL.
 */
struct ct_nic *ct_nics_find(struct ct_nics *list, const char *ifname)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (!strcmp(list->n[i].ifname, ifname))
			return &list->n[i];
	return NULL;
}

/**
 * ct_nic_change() - change one thing about a card
 * @nic: the card
 * @name: what: mac, host_ifname, host_mac, bridge or mac_filter
 * @value: its value
 * @why: what is wrong with it
 *
 * Return: 0, or -EINVAL with @why set.
 */
int ct_nic_change(struct ct_nic *nic, const char *name, const char *value, const char **why)
{
	bool mac = !strcmp(name, "mac");

	if (mac || !strcmp(name, "host_mac")) {
		*why = "not the address of a network card, like 02:00:00:12:34:56";
		return ct_mac_parse(value, mac ? nic->mac : nic->host_mac);
	}
	*why = "neither on nor off";
	if (!strcmp(name, "mac_filter")) {
		nic->filter = !strcmp(value, "on");
		return nic->filter || !strcmp(value, "off") ? 0 : -EINVAL;
	}
	*why = "not the name of a network card: up to 15 letters, digits, - _ and .";
	if (!strcmp(name, "bridge")) {
		if (*value && !ct_ifname_ok(value))
			return -EINVAL;
		snprintf(nic->bridge, IFNAMSIZ, "%s", value);
		return 0;
	}
	if (strcmp(name, "host_ifname") && strcmp(name, "ifname")) {
		*why = "not one of ifname, mac, host_ifname, host_mac, bridge, mac_filter";
		return -EINVAL;
	}
	if (!ct_ifname_ok(value))
		return -EINVAL;
	snprintf(*name == 'h' ? nic->host : nic->ifname, IFNAMSIZ, "%s", value);
	return 0;
}

/* What is not said: names and addresses. */
static int ct_nic_fill(struct ct_nic *nic, const struct ct_nics *list, uint32_t id,
		       const char **why)
{
	static const unsigned char none[6];
	const char *digits = nic->ifname + strcspn(nic->ifname, "0123456789");
	char name[32];
	size_t i;

	*why = "ifname is missing";
	if (!*nic->ifname)
		return -EINVAL;
	*why = "venet0 is the card of --ipadd";
	if (!strcmp(nic->ifname, "venet0") || !strcmp(nic->ifname, "lo"))
		return -EINVAL;
	if (!*nic->host) {
		snprintf(name, sizeof(name), "veth%u.%.4s", id, *digits ? digits : "0");
		*why = "with a number that long, host_ifname must be given";
		if (!ct_ifname_ok(name))
			return -EINVAL;
		snprintf(nic->host, IFNAMSIZ, "%.15s", name);
	}
	if (!memcmp(nic->mac, none, 6))
		ct_mac_make(nic->mac, 0x02, id, nic->ifname);
	if (!memcmp(nic->host_mac, none, 6))
		ct_mac_make(nic->host_mac, 0xfe, id, nic->ifname);
	*why = "there is one of that name";
	for (i = 0; i < list->count; i++)
		if (!strcmp(list->n[i].ifname, nic->ifname) ||
		    !strcmp(list->n[i].host, nic->host))
			return -EINVAL;
	return 0;
}

static int ct_nics_append(struct ct_nics *list, struct ct_nic *nic, uint32_t id, const char **why)
{
	if (ct_nic_fill(nic, list, id, why))
		return -EINVAL;
	*why = "more than 8 network cards";
	if (list->count == CT_NIC_MAX)
		return -EINVAL;
	list->n[list->count++] = *nic;
	return 0;
}

/* One NAME=VALUE of a card. */
static int ct_nic_word(struct ct_nic *nic, char *word, const char **why)
{
	char *eq = strchr(word, '=');

	*why = "not NAME=VALUE with commas in between";
	if (!eq)
		return -EINVAL;
	*eq = '\0';
	return ct_nic_change(nic, word, eq + 1, why);
}

/**
 * ct_nics_parse() - read NETIF
 * @text: the value, or NULL for no card
 * @id: the number of the container
 * @list: receives the cards
 * @why: what is wrong
 *
 * Return: 0, or -EINVAL with @why set.
 */
int ct_nics_parse(const char *text, uint32_t id, struct ct_nics *list, const char **why)
{
	char copy[CT_NICS_TEXT], *card, *word, *next, *rest;

	list->count = 0;
	*why = "too long";
	if (snprintf(copy, sizeof(copy), "%s", text ? text : "") >= (int)sizeof(copy))
		return -EINVAL;
	for (card = strtok_r(copy, ";", &next); card; card = strtok_r(NULL, ";", &next)) {
		struct ct_nic nic = { 0 };

		for (word = strtok_r(card, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
			if (ct_nic_word(&nic, word, why))
				return -EINVAL;
		if (ct_nics_append(list, &nic, id, why))
			return -EINVAL;
	}
	return 0;
}

/**
 * ct_nics_add() - --netif_add
 * @list: receives one more card
 * @text: ifname[,mac,host_ifname,host_mac,bridge]; what is left out is made up
 * @id: the number of the container
 * @why: what is wrong
 *
 * Return: 0, or -EINVAL with @why set.
 */
int ct_nics_add(struct ct_nics *list, const char *text, uint32_t id, const char **why)
{
	static const char * const order[] = { "ifname", "mac", "host_ifname", "host_mac",
					      "bridge" };
	char copy[CT_NIC_TEXT], *pos = copy, *word;
	struct ct_nic nic = { 0 };
	size_t i;

	*why = "too long";
	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
		return -EINVAL;
	for (i = 0; (word = strsep(&pos, ",")); i++) {
		*why = "more than ifname,mac,host_ifname,host_mac,bridge";
		if (i == sizeof(order) / sizeof(*order))
			return -EINVAL;
		if (*word && ct_nic_change(&nic, order[i], word, why))
			return -EINVAL;
	}
	return ct_nics_append(list, &nic, id, why);
}

/**
 * ct_nics_text() - write NETIF
 * @list: the cards
 * @out: receives the text
 * @size: room there, CT_NICS_TEXT for any list
 */
void ct_nics_text(const struct ct_nics *list, char *out, size_t size)
{
	char mac[CT_MAC_TEXT], host_mac[CT_MAC_TEXT];
	const struct ct_nic *nic;
	size_t used = 0, i;

	*out = '\0';
	for (i = 0; i < list->count && used < size; i++) {
		nic = &list->n[i];
		ct_mac_text(nic->mac, mac);
		ct_mac_text(nic->host_mac, host_mac);
		used += snprintf(out + used, size - used,
				 "%sifname=%s,mac=%s,host_ifname=%s,host_mac=%s%s%s%s",
				 i ? ";" : "", nic->ifname, mac, nic->host, host_mac,
				 *nic->bridge ? ",bridge=" : "", nic->bridge,
				 nic->filter ? ",mac_filter=on" : "");
	}
}
