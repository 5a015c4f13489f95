// SPDX-License-Identifier: GPL-2.0
/*
 * What "set" does to a container that runs
 */
#include <stdio.h>
#include <string.h>

#include "ct.h"
#include "disk.h"
#include "keys.h"
#include "net.h"

#define CT_KEYS_NET	" IP_ADDRESS NETIF RATE RATEBOUND "
#define CT_KEYS_DISK	" DISKSPACE DISKINODES QUOTATIME DISK_QUOTA "
/* Of which the pool is told something, though they are none of its settings. */
#define CT_KEYS_POOL	" VM_OVERCOMMIT CPUS CPUMASK NODEMASK "
#define CT_KEYS_DNS	" NAMESERVER SEARCHDOMAIN "

/**
 * ct_asked() - is a key among those that were asked for?
 * @keys: the keys
 * @count: how many
 * @key: the key
 *
 * Return: whether that is so.
 */
bool ct_asked(char * const *keys, size_t count, const char *key)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!strcmp(keys[i], key))
			return true;
	return false;
}

static bool ct_asked_any(char * const *keys, size_t count, const char *list)
{
	char word[32];
	size_t i;

	for (i = 0; i < count; i++) {
		snprintf(word, sizeof(word), " %.28s ", keys[i]);
		if (strstr(list, word))
			return true;
	}
	return false;
}

/* Does one of the keys concern the pool? */
static bool ct_asked_pool(char * const *keys, size_t count)
{
	const struct ct_key *key;
	size_t i;

	for (i = 0; i < count; i++) {
		key = ct_key_find(keys[i], strlen(keys[i]));
		if (key && (key->kind == CT_KEY_UBC || key->kind == CT_KEY_SETTING))
			return true;
	}
	return ct_asked_any(keys, count, CT_KEYS_POOL);
}

/**
 * ct_asked_net() - does one of the keys concern the network?
 * @keys: the keys
 * @count: how many
 *
 * Return: whether that is so.
 */
bool ct_asked_net(char * const *keys, size_t count)
{
	return ct_asked_any(keys, count, CT_KEYS_NET);
}

/* The network, then the pool, which is all or nothing. */
static int ct_set_live_net(struct ct *ct, const struct ct_conf *conf, char * const *keys,
			   size_t count)
{
	bool net = ct_asked_any(keys, count, CT_KEYS_NET);
	struct ct_conf before = { 0 };
	int status = CT_OK;

	if (net && ct_up_load(ct, &before))
		return ct_fail(ct->run, CT_E_SYSTEM, ct->text, "its record cannot be read");
	if (net)
		status = ct_net_change(ct, conf);
	if (!status && ct_asked_pool(keys, count)) {
		status = ct_pool_set(ct, conf, keys, count);
		if (status && net)
			(void)ct_net_change(ct, &before);
	}
	ct_conf_clear(&before);
	return status;
}

/* The disk, then those. */
static int ct_set_live_disk(struct ct *ct, const struct ct_conf *conf, char * const *keys,
			    size_t count)
{
	struct ct_disk before;
	int status;

	if (!ct_asked_any(keys, count, CT_KEYS_DISK))
		return ct_set_live_net(ct, conf, keys, count);
	status = ct_quota_set(ct, conf, &before);
	if (status)
		return status;
	status = ct_set_live_net(ct, conf, keys, count);
	if (status)
		ct_quota_back(ct, &before);
	return status;
}

static int ct_set_live_dns(struct ct *ct, const struct ct_conf *conf)
{
	int ret = ct_inside_dns(ct, conf);

	return ret ? ct_fail(ct->run, CT_E_DNS, ct->text, "its /etc/resolv.conf: %s",
			     strerror(-ret)) : CT_OK;
}

/**
 * ct_set_live() - change a container that runs
 * @ct: the container, with its old configuration
 * @conf: the new one
 * @keys: what was asked for
 * @count: how many
 *
 * What can be taken back comes first, and is when the rest fails.
 *
 * Return: CT_OK, also if it does not run, or an error.
 */
int ct_set_live(struct ct *ct, const struct ct_conf *conf, char * const *keys, size_t count)
{
	bool host = ct_asked(keys, count, "HOSTNAME");
	bool dns = ct_asked_any(keys, count, CT_KEYS_DNS);
	const char *name = ct_get(conf, "HOSTNAME");
	char old[256] = "", ignored[256];
	int status = CT_OK;

	if (!ct_running(ct))
		return CT_OK;
	if (host)
		status = ct_engine_hostname(ct, name ? name : ct->text, old, sizeof(old));
	if (!status && dns)
		status = ct_set_live_dns(ct, conf);
	if (!status)
		status = ct_set_live_disk(ct, conf, keys, count);
	if (status && *old)
		(void)ct_engine_hostname(ct, old, ignored, sizeof(ignored));
	if (status && dns)
		(void)ct_inside_dns(ct, &ct->conf);
	if (!status && host && name)
		(void)ct_inside_hostname(ct, name);
	return status;
}
