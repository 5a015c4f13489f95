// SPDX-License-Identifier: GPL-2.0
/*
 * CAPABILITY, FEATURES, DEVNODES and DEVICES, each a list of words like sys_time:on
 *
 * A container with ids of its own has all capabilities that mean something in a user
 * namespace: they reach what belongs to the container and nothing else. Those that the
 * kernel asks of root of the host only are taken away nevertheless, so that programs that
 * look see what they cannot do. One without a user namespace is root of the host, and is
 * left what does not reach beyond its namespaces.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "keys.h"
#include "parse.h"
#include "rights.h"

#define CT_WORDS_END	" \t,"

enum ct_cap_keep { CT_KEEP, CT_KEEP_MAPPED, CT_DROP };

/* By the numbers of the kernel. */
static const struct {
	const char *name;
	enum ct_cap_keep keep;
} ct_caps[] = {
	{ "chown", CT_KEEP }, { "dac_override", CT_KEEP },
	/* opens files by handles, whatever directory they are in */
	{ "dac_read_search", CT_KEEP_MAPPED },
	{ "fowner", CT_KEEP }, { "fsetid", CT_KEEP }, { "kill", CT_KEEP }, { "setgid", CT_KEEP },
	{ "setuid", CT_KEEP }, { "setpcap", CT_KEEP }, { "linux_immutable", CT_KEEP_MAPPED },
	{ "net_bind_service", CT_KEEP }, { "net_broadcast", CT_KEEP }, { "net_admin", CT_KEEP },
	{ "net_raw", CT_KEEP }, { "ipc_lock", CT_KEEP_MAPPED }, { "ipc_owner", CT_KEEP },
	{ "sys_module", CT_DROP }, { "sys_rawio", CT_DROP }, { "sys_chroot", CT_KEEP },
	{ "sys_ptrace", CT_KEEP }, { "sys_pacct", CT_DROP }, { "sys_admin", CT_KEEP_MAPPED },
	{ "sys_boot", CT_KEEP },
	/* real time would starve the host, and quotas of the disk would not count */
	{ "sys_nice", CT_KEEP_MAPPED }, { "sys_resource", CT_KEEP_MAPPED },
	{ "sys_time", CT_DROP }, { "sys_tty_config", CT_KEEP }, { "mknod", CT_KEEP },
	{ "lease", CT_KEEP }, { "audit_write", CT_KEEP }, { "audit_control", CT_DROP },
	{ "setfcap", CT_KEEP }, { "mac_override", CT_DROP }, { "mac_admin", CT_DROP },
	{ "syslog", CT_DROP }, { "wake_alarm", CT_DROP }, { "block_suspend", CT_DROP },
	{ "audit_read", CT_DROP }, { "perfmon", CT_DROP }, { "bpf", CT_DROP },
	{ "checkpoint_restore", CT_KEEP_MAPPED },
};

#define CT_CAPS		(sizeof(ct_caps) / sizeof(*ct_caps))

/* Features: what to do for one that is on. */
static const struct {
	const char *name;
	const char *node;
	bool there;
} ct_features[] = {
	{ "sysfs", NULL, true }, { "tun", "net/tun", true }, { "fuse", "fuse", true },
	{ "ppp", "ppp", true },
	/* made in the container's own network, whether this is said or not */
	{ "sit", NULL, true }, { "ipip", NULL, true }, { "ipgre", NULL, true },
	{ "bridge", NULL, true },
	{ "nfs", NULL, false }, { "nfsd", NULL, false },
};

/**
 * ct_cap_name() - the name of a capability
 * @number: its number
 *
 * Return: the name, or NULL if there are fewer.
 */
const char *ct_cap_name(unsigned int number)
{
	return number < CT_CAPS ? ct_caps[number].name : NULL;
}

/**
 * ct_cap_default() - the capabilities that a container has unless it is said
 * @mapped: it has ids of its own
 *
 * Return: bits by their numbers.
 */
uint64_t ct_cap_default(bool mapped)
{
	uint64_t caps = 0;
	size_t i;

	for (i = 0; i < CT_CAPS; i++)
		if (ct_caps[i].keep == CT_KEEP || (mapped && ct_caps[i].keep == CT_KEEP_MAPPED))
			caps |= 1ULL << i;
	return caps;
}

/* Cut "name:value" in two at the last colon, and make the first part small. */
static const char *ct_word_value(char *word)
{
	char *colon = strrchr(word, ':');

	if (colon)
		*colon++ = '\0';
	return colon;
}

static bool ct_on_off(const char *value, bool *on)
{
	*on = value && !strcmp(value, "on");
	return *on || (value && !strcmp(value, "off"));
}

static const char *ct_capability_word(struct ct_rights *rights, char *word)
{
	const char *value = ct_word_value(word), *name = word;
	size_t i;
	bool on;

	for (i = 0; word[i]; i++)
		word[i] = tolower((unsigned char)word[i]);
	if (!strncmp(name, "cap_", 4))
		name += 4;
	if (!ct_on_off(value, &on))
		return "it is said by :on or :off";
	if (!strcmp(name, "ve_admin") || !strcmp(name, "setveid")) {
		i = strlen(rights->ignored);
		snprintf(rights->ignored + i, sizeof(rights->ignored) - i, " %s", name);
		return NULL;
	}
	for (i = 0; i < CT_CAPS; i++) {
		if (strcmp(name, ct_caps[i].name))
			continue;
		/* The first one counts, as with keys. */
		if (on && !(rights->off & 1ULL << i))
			rights->on |= 1ULL << i;
		if (!on && !(rights->on & 1ULL << i))
			rights->off |= 1ULL << i;
		return NULL;
	}
	return "there is no such capability";
}

static const char *ct_device_mode(struct ct_device *dev, const char *mode, bool *none)
{
	*none = !strcmp(mode, "none");
	if (*none)
		return NULL;
	/* q meant quotas of users on it */
	if (!*mode || strspn(mode, "rwq") != strlen(mode))
		return "what may be done is said by r, w, or none";
	dev->read = strchr(mode, 'r');
	dev->write = strchr(mode, 'w');
	return NULL;
}

static const char *ct_device_add(struct ct_rights *rights, const struct ct_device *dev)
{
	if (rights->ndev == CT_DEVICES_MAX)
		return "too many devices";
	rights->dev[rights->ndev++] = *dev;
	return NULL;
}

/* It is taken from /dev of the host, and never from elsewhere. */
static bool ct_node_ok(const char *name)
{
	return *name && *name != '/' && strlen(name) < sizeof(((struct ct_device *)0)->name) &&
	       !strstr(name, "..") && !strstr(name, "//") && name[strlen(name) - 1] != '/' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") ==
	       strlen(name);
}

static const char *ct_devnode_word(struct ct_rights *rights, char *word)
{
	const char *mode = ct_word_value(word), *why;
	struct ct_device dev = { .minor = -1 };
	bool none;

	if (!mode || !ct_node_ok(word))
		return "not NAME:MODE with a name below /dev";
	why = ct_device_mode(&dev, mode, &none);
	if (why || none)
		return why;
	strcpy(dev.name, word);
	return ct_device_add(rights, &dev);
}

static const char *ct_device_word(struct ct_rights *rights, char *word)
{
	const char *form = "not b:MAJOR:MINOR|all:MODE, or c:...";
	const char *mode = ct_word_value(word), *minor, *why;
	struct ct_device dev = { .minor = -1 };
	uint32_t num;
	bool none;

	minor = mode ? ct_word_value(word) : NULL;
	if (!minor || (*word != 'b' && *word != 'c') || word[1] != ':' ||
	    bc_u32_parse(word + 2, &dev.major))
		return form;
	dev.type = *word;
	if (strcmp(minor, "all")) {
		if (bc_u32_parse(minor, &num))
			return form;
		dev.minor = num;
	}
	why = ct_device_mode(&dev, mode, &none);
	return why || none ? why : ct_device_add(rights, &dev);
}

static const char *ct_feature_word(struct ct_rights *rights, char *word)
{
	const char *value = ct_word_value(word);
	struct ct_device dev = { .minor = -1, .read = true, .write = true };
	size_t i;
	bool on;

	if (!ct_on_off(value, &on))
		return "it is said by :on or :off";
	for (i = 0; i < sizeof(ct_features) / sizeof(*ct_features); i++)
		if (!strcmp(word, ct_features[i].name))
			break;
	if (i == sizeof(ct_features) / sizeof(*ct_features))
		return "there is no such feature";
	if (!on && (!ct_features[i].there || ct_features[i].node))
		return NULL;
	if (!ct_features[i].there)
		return "a container cannot have that here";
	if (!strcmp(word, "sysfs"))
		rights->no_sysfs = !on;
	else if (!on)
		return "it cannot be taken from a container that has a network of its own";
	if (!ct_features[i].node)
		return NULL;
	strcpy(dev.name, ct_features[i].node);
	return ct_device_add(rights, &dev);
}

static int ct_rights_words(const struct ct_conf *conf, struct ct_rights *rights,
			   struct ct_wrong *wrong,
			   const char *(*one)(struct ct_rights *rights, char *word))
{
	const char *text = ct_get(conf, wrong->key);
	char word[64];
	size_t len;

	for (; text && *text; text += len) {
		text += strspn(text, CT_WORDS_END);
		len = strcspn(text, CT_WORDS_END);
		if (!len)
			break;
		snprintf(wrong->word, sizeof(wrong->word), "%.*s", (int)(len < 63 ? len : 63),
			 text);
		strcpy(word, wrong->word);
		wrong->why = len < sizeof(word) ? one(rights, word) : "too long";
		if (wrong->why)
			return -EINVAL;
	}
	return 0;
}

/**
 * ct_rights_read() - what does a configuration give its container, and take?
 * @conf: the configuration
 * @rights: receives that
 * @wrong: what is wrong
 *
 * Return: 0, or -EINVAL with @wrong filled.
 */
int ct_rights_read(const struct ct_conf *conf, struct ct_rights *rights, struct ct_wrong *wrong)
{
	static const struct {
		const char *key;
		const char *(*one)(struct ct_rights *rights, char *word);
	} lists[] = {
		{ "CAPABILITY", ct_capability_word }, { "FEATURES", ct_feature_word },
		{ "DEVNODES", ct_devnode_word }, { "DEVICES", ct_device_word },
	};
	size_t i;

	memset(rights, 0, sizeof(*rights));
	for (i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		wrong->key = lists[i].key;
		if (ct_rights_words(conf, rights, wrong, lists[i].one))
			return -EINVAL;
	}
	return 0;
}

/* Does a list say something else of what @word speaks of? */
static bool ct_words_speak(const char *list, const char *word, size_t len)
{
	size_t name = len, n;

	while (name && word[name - 1] != ':')
		name--;
	if (!name)
		return false;
	for (; *list; list += n) {
		list += strspn(list, CT_WORDS_END);
		n = strcspn(list, CT_WORDS_END);
		if (n > name && !strncasecmp(list, word, name) &&
		    !memchr(list + name, ':', n - name))
			return true;
	}
	return false;
}

/**
 * ct_words_merge() - add to a list of words
 * @old: the list, or NULL
 * @more: what is to be added; it takes the place of what the list says of the same thing
 * @out: receives the result
 * @size: room there
 *
 * Return: 0, or -ENAMETOOLONG.
 */
int ct_words_merge(const char *old, const char *more, char *out, size_t size)
{
	size_t used = 0, len;

	for (*out = '\0'; old && *old; old += len) {
		old += strspn(old, CT_WORDS_END);
		len = strcspn(old, CT_WORDS_END);
		if (!len || ct_words_speak(more, old, len))
			continue;
		if (used + len + 2 > size)
			return -ENAMETOOLONG;
		used += sprintf(out + used, "%s%.*s", used ? " " : "", (int)len, old);
	}
	for (; *more; more += len) {
		more += strspn(more, CT_WORDS_END);
		len = strcspn(more, CT_WORDS_END);
		if (!len)
			break;
		if (used + len + 2 > size)
			return -ENAMETOOLONG;
		used += sprintf(out + used, "%s%.*s", used ? " " : "", (int)len, more);
	}
	return 0;
}
