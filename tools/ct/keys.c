// SPDX-License-Identifier: GPL-2.0
/*
 * What the keys of a container's configuration mean
 *
 * One table says for every key that OpenVZ knew what becomes of it here. Barriers, limits
 * and settings turn into the arguments that "bctl pool set" takes, so that one parser and
 * one netlink transaction serve both.
 *
 * OpenVZ wrote "unlimited" as LONG_MAX, on 32-bit machines as 2147483647; both are read
 * as that. A configuration with a limit of physpages is one of VSwap: its memory is bounded
 * by that and swappages, the barriers of the two mean nothing, and what is not given is
 * unlimited, except that lockedpages has the limit of physpages, and privvmpages what
 * VM_OVERCOMMIT makes of the two. Guarantees are never derived: here they are real, and
 * must be backed.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <linux/beancounter.h>

#include "keys.h"

#define CT_CPUS_MAX	100000

#define CT_UBC(key, alias, word, unit) { key, alias, CT_KEY_UBC, word, BC_UNIT_ ## unit, false }
#define CT_COUNTED(key, alias, word, unit) \
	{ key, alias, CT_KEY_UBC, word, BC_UNIT_ ## unit, true }
#define CT_SETTING(key, word)	{ key, NULL, CT_KEY_SETTING, word, 0, false }
#define CT_USED(key)		{ key, NULL, CT_KEY_USED, NULL, 0, false }
#define CT_KEPT(key)		{ key, NULL, CT_KEY_KEPT, NULL, 0, false }

/* The first CT_UBC_COUNT are the resources. */
const struct ct_key ct_keys[] = {
	CT_COUNTED("KMEMSIZE", NULL, "kmemsize", BYTES),
	CT_UBC("LOCKEDPAGES", NULL, "lockedpages", PAGES),
	CT_UBC("PRIVVMPAGES", NULL, "privvmpages", PAGES),
	CT_UBC("SHMPAGES", NULL, "shmpages", PAGES),
	CT_UBC("NUMPROC", NULL, "numproc", ITEMS),
	CT_UBC("PHYSPAGES", NULL, "physpages", PAGES),
	CT_UBC("VMGUARPAGES", NULL, "vmguarpages", PAGES),
	CT_UBC("OOMGUARPAGES", NULL, "oomguarpages", PAGES),
	CT_UBC("NUMTCPSOCK", NULL, "numtcpsock", ITEMS),
	CT_UBC("NUMFLOCK", NULL, "numflock", ITEMS),
	CT_UBC("NUMPTY", NULL, "numpty", ITEMS),
	CT_UBC("NUMSIGINFO", NULL, "numsiginfo", ITEMS),
	CT_UBC("TCPSNDBUF", NULL, "tcpsndbuf", BYTES),
	CT_UBC("TCPRCVBUF", NULL, "tcprcvbuf", BYTES),
	CT_UBC("OTHERSOCKBUF", NULL, "othersockbuf", BYTES),
	CT_UBC("DGRAMRCVBUF", NULL, "dgramrcvbuf", BYTES),
	CT_UBC("NUMOTHERSOCK", NULL, "numothersock", ITEMS),
	CT_COUNTED("DCACHESIZE", "DCACHE", "dcachesize", BYTES),
	CT_UBC("NUMFILE", NULL, "numfile", ITEMS),
	CT_COUNTED("NUMIPTENT", "IPTENTRIES", "numiptent", ITEMS),
	CT_UBC("SWAPPAGES", NULL, "swappages", PAGES),

	CT_SETTING("CPUUNITS", "cpu.shares"),
	CT_SETTING("CPULIMIT", "cpu.limit"),
	CT_SETTING("IOLIMIT", "io.bps"),
	CT_SETTING("IOPSLIMIT", "io.iops"),
	CT_SETTING("IOPRIO", "ioprio"),

	CT_USED("VM_OVERCOMMIT"), CT_USED("AVNUMPROC"), CT_USED("HOSTNAME"),
	CT_USED("NAME"), CT_USED("DESCRIPTION"), CT_USED("OSTEMPLATE"),
	CT_USED("ORIGIN_SAMPLE"), CT_USED("VE_ROOT"), CT_USED("VE_PRIVATE"),
	CT_USED("VE_LAYOUT"), CT_USED("TEMPLATE"), CT_USED("DISABLED"),
	CT_USED("STOP_TIMEOUT"), CT_USED("VEID"), CT_USED("LOCAL_UID"), CT_USED("LOCAL_GID"),
	CT_USED("DISK_QUOTA"), CT_USED("DISKSPACE"), CT_USED("DISKINODES"),
	CT_USED("QUOTATIME"), CT_USED("TEMPLATE_TREE"),
	CT_USED("CAPABILITY"), CT_USED("FEATURES"), CT_USED("DEVNODES"), CT_USED("DEVICES"),
	CT_USED("ONBOOT"), CT_USED("BOOTORDER"), CT_USED("IP_ADDRESS"), CT_USED("NAMESERVER"),
	CT_USED("SEARCHDOMAIN"), CT_USED("NETIF"), CT_USED("RATE"), CT_USED("RATEBOUND"),

	CT_USED("CPUS"), CT_USED("CPUMASK"), CT_USED("NODEMASK"),

	CT_KEPT("QUOTAUGIDLIMIT"),
	CT_KEPT("TOTALRATE"), CT_KEPT("RATEMPU"), CT_KEPT("TRAFFIC_SHAPING"), CT_KEPT("VETH"),
	CT_KEPT("NETDEV"), CT_KEPT("IPTABLES"), CT_KEPT("NETFILTER"), CT_KEPT("MOUNT_OPTS"),
	CT_KEPT("PCI"),
	CT_KEPT("MEMINFO"),
	{ NULL, NULL, CT_KEY_KEPT, NULL, 0, false },
};

/**
 * ct_key_find() - look a key up in the table
 * @name: a key, or its other name
 * @len: length of @name
 *
 * Return: its entry, or NULL.
 */
const struct ct_key *ct_key_find(const char *name, size_t len)
{
	const struct ct_key *key;

	for (key = ct_keys; key->key; key++)
		if ((strlen(key->key) == len && !memcmp(key->key, name, len)) ||
		    (key->alias && strlen(key->alias) == len && !memcmp(key->alias, name, len)))
			return key;
	return NULL;
}

/**
 * ct_key_get() - look a key up in a configuration, under either name
 * @conf: the configuration
 * @key: the key
 *
 * Return: its value, or NULL if it is not there, or empty.
 */
const char *ct_key_get(const struct ct_conf *conf, const struct ct_key *key)
{
	const char *value = ct_conf_get(conf, key->key);

	if (!value && key->alias)
		value = ct_conf_get(conf, key->alias);
	return value && *value ? value : NULL;
}

/**
 * ct_get() - look a key up in a configuration
 * @conf: the configuration
 * @name: the key
 *
 * Return: its value, or NULL if it is not there, or empty.
 */
const char *ct_get(const struct ct_conf *conf, const char *name)
{
	const char *value = ct_conf_get(conf, name);

	return value && *value ? value : NULL;
}

/**
 * ct_ubc_value() - barrier and limit of a resource
 * @ubc: barriers and limits
 * @key: its key, which must be one
 *
 * Return: the pair.
 */
struct ct_value *ct_ubc_value(struct ct_ubc *ubc, const char *key)
{
	return &ubc->v[ct_key_find(key, strlen(key)) - ct_keys];
}

/**
 * ct_ubc_read() - read all barriers and limits
 * @conf: the configuration
 * @page_size: bytes in a page
 * @ubc: receives them; what is not given is unlimited
 * @key: the key that is wrong
 * @why: what is wrong with its value
 *
 * Return: 0, or -EINVAL with @key and @why set.
 */
int ct_ubc_read(const struct ct_conf *conf, uint64_t page_size, struct ct_ubc *ubc,
		const char **key, const char **why)
{
	const char *text;
	size_t i;

	ubc->page_size = page_size;
	for (i = 0; i < CT_UBC_COUNT; i++) {
		ubc->v[i] = (struct ct_value) { BC_UNLIMITED, BC_UNLIMITED, false };
		text = ct_key_get(conf, &ct_keys[i]);
		if (text && ct_value_parse(text, ct_keys[i].unit, page_size, &ubc->v[i], why)) {
			*key = ct_keys[i].key;
			return -EINVAL;
		}
	}
	return 0;
}

/**
 * ct_ubc_vswap() - is this a configuration of VSwap?
 * @ubc: barriers and limits
 *
 * Return: whether physpages has a limit.
 */
bool ct_ubc_vswap(const struct ct_ubc *ubc)
{
	return ct_ubc_value((struct ct_ubc *)ubc, "PHYSPAGES")->limit != BC_UNLIMITED;
}

/**
 * ct_ubc_missing() - is there everything that a start needs?
 * @ubc: barriers and limits
 *
 * Return: the first key that must be given and is not, or NULL.
 */
const char *ct_ubc_missing(const struct ct_ubc *ubc)
{
	size_t i;

	if (ct_ubc_vswap(ubc))
		return ct_ubc_value((struct ct_ubc *)ubc, "SWAPPAGES")->given ? NULL : "SWAPPAGES";
	for (i = 0; i < CT_UBC_COUNT; i++)
		if (!ubc->v[i].given && strcmp(ct_keys[i].key, "SWAPPAGES"))
			return ct_keys[i].key;
	return NULL;
}

static const char *ct_amount_text(uint64_t num, char *buf, size_t size)
{
	if (num == BC_UNLIMITED)
		return "unlimited";
	snprintf(buf, size, "%" PRIu64, num);
	return buf;
}

static void ct_map_add(struct ct_map *map, const char *word, uint64_t barrier, uint64_t limit)
{
	char bar[24], lim[24];

	snprintf(map->arg[map->count++], sizeof(map->arg[0]), "%s=%s:%s", word,
		 ct_amount_text(barrier, bar, sizeof(bar)),
		 ct_amount_text(limit, lim, sizeof(lim)));
}

/* A factor with decimals; what is left out of the result is less than a page. */
static int ct_overcommit(const struct ct_conf *conf, struct ct_ubc *ubc, const char **why)
{
	const char *text = ct_get(conf, "VM_OVERCOMMIT"), *end;
	struct ct_value *ram = ct_ubc_value(ubc, "PHYSPAGES");
	struct ct_value *swap = ct_ubc_value(ubc, "SWAPPAGES");
	struct ct_value *vm = ct_ubc_value(ubc, "PRIVVMPAGES");
	unsigned __int128 micro;
	bool decimals;

	if (!text || vm->given || swap->limit == BC_UNLIMITED)
		return 0;
	end = ct_number(text, &micro, &decimals);
	*why = "not a factor";
	if (!end || *end || !micro || micro > 1000000 * CT_MILLION)
		return -EINVAL;
	micro = micro * (ram->limit + swap->limit) / CT_MILLION;
	if (micro > BC_AMOUNT_MAX)
		return -EINVAL;
	vm->barrier = micro;
	vm->limit = micro;
	vm->given = true;
	return 0;
}

static int ct_fill_vswap(const struct ct_conf *conf, struct ct_ubc *ubc, const char **key,
			 const char **why)
{
	struct ct_value *ram = ct_ubc_value(ubc, "PHYSPAGES");
	struct ct_value *locked = ct_ubc_value(ubc, "LOCKEDPAGES");

	if (!locked->given)
		*locked = (struct ct_value) { ram->limit, ram->limit, true };
	*key = "VM_OVERCOMMIT";
	return ct_overcommit(conf, ubc, why);
}

/*
 * In OpenVZ the barriers of these two mean nothing, whether they are 0 or the limit; here
 * they would be memory.high.
 */
static const char *ct_limit_only(const char *word)
{
	return !strcmp(word, "physpages") ? "ram" : !strcmp(word, "swappages") ? "swap" : NULL;
}

static void ct_map_ubc(const struct ct_ubc *ubc, struct ct_map *map)
{
	const struct ct_value *val;
	const char *preset;
	char limit[24];
	size_t i;

	for (i = 0; i < CT_UBC_COUNT; i++) {
		val = &ubc->v[i];
		if (!val->given || ct_keys[i].counted)
			continue;
		preset = ct_limit_only(ct_keys[i].word);
		if (preset && (!val->barrier || val->barrier == BC_UNLIMITED ||
			       val->barrier == val->limit))
			snprintf(map->arg[map->count++], sizeof(map->arg[0]), "%s=%s", preset,
				 ct_amount_text(val->limit, limit, sizeof(limit)));
		else
			ct_map_add(map, ct_keys[i].word, val->barrier, val->limit);
	}
}

/*
 * Percent of one CPU, 0 being no limit, and a number of CPUs, which all the processes at
 * once have the time of: the lower one counts.
 */
static int ct_cpulimit(const struct ct_conf *conf, const char *text, char *out, size_t size,
		       const char **key, const char **why)
{
	const char *cpus = ct_get(conf, "CPUS"), *end;
	unsigned __int128 micro = 0, most = 0;
	bool decimals = false;

	*key = "CPULIMIT";
	*why = "not a percentage of one CPU";
	end = text ? ct_number(text, &micro, &decimals) : "";
	if (!end || (strcmp(end, "%") && *end) || micro > 100000000 * CT_MILLION)
		return -EINVAL;
	if (cpus) {
		*key = "CPUS";
		*why = "not a number of processors";
		end = ct_number(cpus, &most, &decimals);
		if (!end || *end || decimals || !most || most > CT_CPUS_MAX * CT_MILLION)
			return -EINVAL;
		most *= 100;
	}
	if (most && (!micro || most < micro))
		micro = most;
	if (micro)
		snprintf(out, size, "%llu.%03llu%%", (unsigned long long)(micro / CT_MILLION),
			 (unsigned long long)(micro % CT_MILLION / 1000));
	else
		snprintf(out, size, "unlimited");
	return 0;
}

static int ct_cpuunits(const char *text, char *out, size_t size, const char **why)
{
	unsigned __int128 micro;
	bool decimals;
	const char *end = ct_number(text, &micro, &decimals);

	*why = "the allowed range is 8-500000";
	if (!end || *end || decimals || micro < 8 * CT_MILLION || micro > 500000 * CT_MILLION)
		return -EINVAL;
	snprintf(out, size, "%llu", (unsigned long long)(micro / CT_MILLION));
	return 0;
}

static int ct_setting(const struct ct_key *key, const char *text, char *out, size_t size,
		      const char **why)
{
	uint64_t rate;
	int ret;

	if (!strcmp(key->key, "CPUUNITS"))
		return ct_cpuunits(text, out, size, why);
	if (!strcmp(key->key, "IOPRIO")) {
		*why = "the allowed range is 0-7";
		snprintf(out, size, "%.1s", text);
		return strlen(text) != 1 || *text < '0' || *text > '7' ? -EINVAL : 0;
	}
	ret = ct_rate_parse(text, 1, &rate, why);
	if (!ret)
		ct_amount_text(rate, out, size);
	if (!ret && rate == BC_UNLIMITED)
		snprintf(out, size, "unlimited");
	return ret;
}

/**
 * ct_map_conf() - turn a configuration into arguments of "bctl pool set"
 * @conf: the configuration
 * @page_size: bytes in a page
 * @map: receives the arguments
 * @key: the key that is wrong
 * @why: what is wrong with its value
 *
 * Resources that the module only counts are left out.
 *
 * Return: 0, or -EINVAL with @key and @why set.
 */
int ct_map_conf(const struct ct_conf *conf, uint64_t page_size, struct ct_map *map,
		const char **key, const char **why)
{
	const struct ct_key *pos;
	struct ct_ubc ubc;
	char value[48];
	const char *text;

	map->count = 0;
	if (ct_ubc_read(conf, page_size, &ubc, key, why) ||
	    (ct_ubc_vswap(&ubc) && ct_fill_vswap(conf, &ubc, key, why)))
		return -EINVAL;
	ct_map_ubc(&ubc, map);
	for (pos = ct_keys + CT_UBC_COUNT; pos->key; pos++) {
		bool limit = !strcmp(pos->key, "CPULIMIT");

		text = pos->kind == CT_KEY_SETTING ? ct_key_get(conf, pos) : NULL;
		if (!text && !(limit && ct_get(conf, "CPUS")))
			continue;
		*key = pos->key;
		if (limit ? ct_cpulimit(conf, text, value, sizeof(value), key, why) :
		    ct_setting(pos, text, value, sizeof(value), why))
			return -EINVAL;
		snprintf(map->arg[map->count++], sizeof(map->arg[0]), "%s=%s", pos->word, value);
	}
	return 0;
}

/**
 * ct_id_parse() - read the number of a container
 * @text: digits, without leading zeros
 * @id: receives it
 *
 * Return: 0, or -EINVAL when it is none, or out of range.
 */
int ct_id_parse(const char *text, uint32_t *id)
{
	uint64_t num = 0;
	size_t i;

	if (*text == '0' || !*text)
		return -EINVAL;
	for (i = 0; text[i]; i++) {
		if (text[i] < '0' || text[i] > '9' || i > 9)
			return -EINVAL;
		num = num * 10 + (text[i] - '0');
	}
	if (num > CT_ID_MAX)
		return -EINVAL;
	*id = num;
	return 0;
}

/**
 * ct_name_ok() - can this be the name of a container?
 * @name: the name
 *
 * Return: whether it consists of letters, digits, "-", "_", "." and ":", begins with
 * none of "-" and ".", and is no number.
 */
bool ct_name_ok(const char *name)
{
	size_t i, digits = 0;

	if (*name == '-' || *name == '.')
		return false;
	for (i = 0; name[i]; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.:", name[i]))
			return false;
		digits += isdigit((unsigned char)name[i]) != 0;
	}
	return i && i <= BC_NAME_MAX && digits < i;
}
