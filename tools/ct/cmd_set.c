// SPDX-License-Identifier: GPL-2.0
/*
 * set
 *
 * All that is asked for happens or nothing. Everything is checked first; limits of a
 * running container change in one transaction, which the kernel takes or refuses as a
 * whole. With --save the new file is on the disk, beside the old one, before that, and
 * takes its place after it: a set that was killed in between is done again from that file.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/beancounter.h>

#include "cli.h"
#include "ct.h"
#include "disk.h"
#include "fetch.h"
#include "keys.h"
#include "net.h"
#include "parse.h"
#include "rights.h"
#include "set.h"
#include "set_net.h"

#define CT_SET_MAX	64
#define CT_WORDS_MAX	1024

/**
 * enum ct_set_kind - what an option of set takes
 * @CT_SET_UBC: barrier and limit
 * @CT_SET_DISK: limits of the disk, checked with all the others
 * @CT_SET_LIMIT: a limit, whose barrier is 0
 * @CT_SET_RAW: what ct_map_conf() understands as it is
 * @CT_SET_MEGABYTES: a rate; megabytes per second without suffix
 * @CT_SET_YESNO: yes or no
 * @CT_SET_NUMBER: a number
 * @CT_SET_HOST: the name of a host
 * @CT_SET_NAME: the name of a container
 * @CT_SET_WORDS: words NAME:VALUE, which are added to those that there are
 * @CT_SET_TEXT: anything
 */
enum ct_set_kind { CT_SET_UBC, CT_SET_DISK, CT_SET_LIMIT, CT_SET_RAW, CT_SET_MEGABYTES, CT_SET_YESNO,
		   CT_SET_NUMBER, CT_SET_HOST, CT_SET_NAME, CT_SET_WORDS, CT_SET_TEXT };

/* @live: there is something to do to a running container. */
struct ct_set_opt {
	const char *name;
	const char *key;
	enum ct_set_kind kind;
	bool live;
};

/* Besides the resources, which are called like their keys. */
static const struct ct_set_opt ct_set_opts[] = {
	{ "ram", "PHYSPAGES", CT_SET_LIMIT, true },
	{ "swap", "SWAPPAGES", CT_SET_LIMIT, true },
	{ "vm_overcommit", "VM_OVERCOMMIT", CT_SET_RAW, true },
	{ "cpuunits", "CPUUNITS", CT_SET_RAW, true },
	{ "cpulimit", "CPULIMIT", CT_SET_RAW, true },
	{ "cpus", "CPUS", CT_SET_RAW, true },
	{ "cpumask", "CPUMASK", CT_SET_RAW, true },
	{ "nodemask", "NODEMASK", CT_SET_RAW, true },
	{ "ioprio", "IOPRIO", CT_SET_RAW, true },
	{ "iolimit", "IOLIMIT", CT_SET_MEGABYTES, true },
	{ "iopslimit", "IOPSLIMIT", CT_SET_RAW, true },
	{ "hostname", "HOSTNAME", CT_SET_HOST, true },
	{ "name", "NAME", CT_SET_NAME, false },
	{ "description", "DESCRIPTION", CT_SET_TEXT, false },
	{ "diskspace", "DISKSPACE", CT_SET_DISK, true },
	{ "diskinodes", "DISKINODES", CT_SET_DISK, true },
	{ "quotatime", "QUOTATIME", CT_SET_NUMBER, true },
	{ "diskquota", "DISK_QUOTA", CT_SET_YESNO, true },
	{ "onboot", "ONBOOT", CT_SET_YESNO, false },
	{ "bootorder", "BOOTORDER", CT_SET_NUMBER, false },
	{ "disabled", "DISABLED", CT_SET_YESNO, false },
	{ "avnumproc", "AVNUMPROC", CT_SET_NUMBER, false },
	{ "ostemplate", "OSTEMPLATE", CT_SET_TEXT, false },
	{ "stop-timeout", "STOP_TIMEOUT", CT_SET_NUMBER, false },
	{ "local_uid", "LOCAL_UID", CT_SET_NUMBER, false },
	{ "local_gid", "LOCAL_GID", CT_SET_NUMBER, false },
	{ "capability", "CAPABILITY", CT_SET_WORDS, false },
	{ "features", "FEATURES", CT_SET_WORDS, false },
	{ "devnodes", "DEVNODES", CT_SET_WORDS, false },
	{ "devices", "DEVICES", CT_SET_WORDS, false },
	{ NULL, NULL, CT_SET_TEXT, false },
};

/* Options of vzctl that are known not to be there. */
static const char ct_set_absent[] =
	" netdev_add netdev_del quotaugidlimit"
	" iptables netfilter meminfo pci_add pci_del mount_opts root private ";

/**
 * struct ct_change - what is to be set
 * @ct: the container
 * @conf: the new configuration
 * @keys: what was asked for
 * @count: how many
 * @live: one of them concerns a running container
 * @filed: one of them does not
 * @save: --save
 * @net: what concerns the network
 * @restart: --setmode restart
 * @password: USER:PASSWORD, or NULL
 */
struct ct_change {
	struct ct *ct;
	struct ct_conf conf;
	char *keys[CT_SET_MAX];
	size_t count;
	bool live;
	bool filed;
	bool save;
	struct ct_set_net net;
	bool restart;
	const char *password;
};

static bool ct_same_nocase(const char *key, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < len && key[i]; i++)
		if (tolower((unsigned char)key[i]) != name[i])
			return false;
	return i == len && !key[i];
}

/* Find an option; the resources have none of their own in the table. */
static bool ct_set_find(const char *name, size_t len, struct ct_set_opt *found)
{
	const struct ct_set_opt *opt;
	size_t i;

	for (opt = ct_set_opts; opt->name; opt++)
		if (strlen(opt->name) == len && !memcmp(opt->name, name, len)) {
			*found = *opt;
			return true;
		}
	for (i = 0; i < CT_UBC_COUNT; i++)
		if (ct_same_nocase(ct_keys[i].key, name, len) ||
		    (ct_keys[i].alias && ct_same_nocase(ct_keys[i].alias, name, len))) {
			*found = (struct ct_set_opt) { NULL, ct_keys[i].key, CT_SET_UBC, true };
			return true;
		}
	return false;
}

static bool ct_host_ok(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) && !(i && strchr("-._", name[i])))
			return false;
	return i && i <= 64;
}

static void ct_num_text(uint64_t num, char *out, size_t size)
{
	if (num == BC_UNLIMITED)
		snprintf(out, size, "unlimited");
	else
		snprintf(out, size, "%" PRIu64, num);
}

static int ct_set_amount(const struct ct_set_opt *opt, const char *text, char *out, size_t size,
			 const char **why)
{
	const struct ct_key *key = ct_key_find(opt->key, strlen(opt->key));
	char bar[24], lim[24];
	struct ct_value val;
	uint64_t rate;
	int ret;

	if (opt->kind == CT_SET_MEGABYTES) {
		ret = ct_rate_parse(text, 1 << 20, &rate, why);
		ct_num_text(ret ? 0 : rate, out, size);
		return ret;
	}
	ret = ct_value_parse(text, key->unit, bc_page_size(), &val, why);
	if (ret)
		return ret;
	if (opt->kind == CT_SET_LIMIT)
		val.barrier = 0;
	*why = "the barrier is above the limit";
	if (val.barrier > val.limit)
		return -EINVAL;
	ct_num_text(val.barrier, bar, sizeof(bar));
	ct_num_text(val.limit, lim, sizeof(lim));
	snprintf(out, size, "%s:%s", bar, lim);
	return 0;
}

/* The value as it goes into the file, in @out or @text itself. */
static const char *ct_set_value(const struct ct_set_opt *opt, const char *text, char *out,
				size_t size, const char **why)
{
	uint32_t num;

	switch (opt->kind) {
	case CT_SET_UBC:
	case CT_SET_LIMIT:
	case CT_SET_MEGABYTES:
		return ct_set_amount(opt, text, out, size, why) ? NULL : out;
	case CT_SET_YESNO:
		*why = "neither yes nor no";
		/* Whether it ran when the machine went down; the same as no ONBOOT at all. */
		if (!strcmp(opt->key, "ONBOOT") && !strcmp(text, "auto"))
			return text;
		return strcmp(text, "yes") && strcmp(text, "no") ? NULL : text;
	case CT_SET_NUMBER:
		*why = "not a number";
		return bc_u32_parse(text, &num) ? NULL : text;
	case CT_SET_HOST:
		*why = "not the name of a host";
		return ct_host_ok(text) ? text : NULL;
	case CT_SET_NAME:
		*why = "not a name for a container";
		return !*text || ct_name_ok(text) ? text : NULL;
	default:
		*why = "it has control characters";
		return text;
	}
}

static int ct_set_note(struct ct_change *change, const char *key, bool live)
{
	if (change->count == CT_SET_MAX)
		return ct_fail(change->ct->run, CT_E_SYNTAX, NULL, "too many options");
	change->keys[change->count++] = (char *)ct_key_find(key, strlen(key))->key;
	change->live |= live;
	change->filed |= !live;
	return CT_OK;
}

/* An option about the network; -1 if it is none. */
static int ct_set_one_net(struct ct_change *change, const char *name, size_t len,
			  const char *text)
{
	const char *key, *why;
	char word[32];
	int ret;

	snprintf(word, sizeof(word), "%.*s", (int)(len < 31 ? len : 31), name);
	change->net.conf = &change->conf;
	change->net.id = change->ct->id;
	ret = ct_set_net(&change->net, word, text, &key, &why);
	if (!key)
		return -1;
	if (ret)
		return ct_fail(change->ct->run, !text ? CT_E_SYNTAX : !strncmp(word, "ip", 2) ?
			       CT_E_IP : CT_E_VALUE, NULL, "--%s %.96s: %s", word,
			       text ? text : "", why);
	return ct_set_note(change, key, true);
}

static bool ct_is_option(const char *name, size_t len, const char *option)
{
	return strlen(option) == len && !memcmp(name, option, len);
}

/* An option that is not about one key; -1 if it is. */
static int ct_set_other(struct ct_change *change, const char *name, size_t len, const char *text)
{
	const struct ct_run *run = change->ct->run;

	if (ct_is_option(name, len, "applyconfig") && text) {
		change->live = true;
		return ct_sample_apply(run, text, &change->conf, change->keys, &change->count,
				       CT_SET_MAX);
	}
	/* The only part of a configuration that vzctl knew was its name: its link is made anew. */
	if (ct_is_option(name, len, "applyconfig_map") && text) {
		if (strcmp(text, "name") || !ct_get(&change->conf, "NAME"))
			return ct_fail(run, CT_E_VALUE, NULL, "--applyconfig_map %.96s: %s", text,
				       strcmp(text, "name") ? "it can be name" : "there is no NAME");
		return ct_set_note(change, "NAME", false);
	}
	if (ct_is_option(name, len, "userpasswd") && text) {
		change->password = text;
		return ct_password_check(run, text);
	}
	if (!ct_is_option(name, len, "setmode") || !text)
		return -1;
	change->restart = !strcmp(text, "restart");
	return change->restart || !strcmp(text, "ignore") ? CT_OK :
	       ct_fail(run, CT_E_VALUE, NULL, "--setmode is restart or ignore");
}

static int ct_set_one(struct ct_change *change, const char *name, size_t len, const char *text)
{
	const struct ct_run *run = change->ct->run;
	char out[CT_WORDS_MAX], word[80];
	struct ct_set_opt opt;
	const char *why, *value;
	int status = ct_set_other(change, name, len, text);

	if (status < 0)
		status = ct_set_one_net(change, name, len, text);
	if (status >= 0)
		return status;
	snprintf(word, sizeof(word), " %.*s ", (int)(len < 70 ? len : 70), name);
	if (!ct_set_find(name, len, &opt)) {
		if (strstr(ct_set_absent, word))
			return ct_fail(run, CT_E_SYNTAX, NULL,
				       "--%.*s is not there yet; see LIMITS in bctl-ct(8)",
				       (int)len, name);
		return ct_fail(run, CT_E_SYNTAX, NULL, "unknown option '--%.*s'",
			       (int)(len < 70 ? len : 70), name);
	}
	if (!text)
		return ct_fail(run, CT_E_SYNTAX, NULL, "--%.*s needs a value", (int)len, name);
	value = ct_set_value(&opt, text, out, sizeof(out), &why);
	if (opt.kind == CT_SET_WORDS) {
		value = ct_words_merge(ct_get(&change->conf, opt.key), text, out, sizeof(out)) ?
			NULL : out;
		why = "too long";
	}
	if (!value || ct_conf_set(&change->conf, opt.key, value))
		return ct_fail(run, CT_E_VALUE, NULL, "--%.*s %.96s: %s", (int)len, name, text,
			       why);
	return ct_set_note(change, opt.key, opt.live);
}

/* Under the other name of a key its old value would go on to count. */
static void ct_drop_alias(struct ct_change *change)
{
	const struct ct_key *key;
	size_t i;

	for (i = 0; i < change->count; i++) {
		key = ct_key_find(change->keys[i], strlen(change->keys[i]));
		if (key->alias)
			ct_conf_unset(&change->conf, key->alias);
	}
}

static int ct_set_args(struct ct_change *change, int argc, char **argv)
{
	int status = CT_OK, i;

	for (i = 0; i < argc && !status; i++) {
		const char *eq = strchr(argv[i], '=');
		size_t len = eq ? (size_t)(eq - argv[i]) : strlen(argv[i]);

		if (!strcmp(argv[i], "--save"))
			change->save = true;
		else if (!strcmp(argv[i], "--force"))
			continue;
		else if (strncmp(argv[i], "--", 2) || len < 3)
			status = ct_fail(change->ct->run, CT_E_SYNTAX, NULL,
					 "'%.96s' is not an option", argv[i]);
		else if (eq)
			status = ct_set_one(change, argv[i] + 2, len - 2, eq + 1);
		else
			status = ct_set_one(change, argv[i] + 2, len - 2,
					    i + 1 < argc ? argv[i + 1] : NULL);
		i += !status && !eq && strcmp(argv[i], "--save");
	}
	if (!status)
		ct_drop_alias(change);
	return status;
}

static int ct_new_path(const struct ct *ct, char *out)
{
	return ct_path(out, PATH_MAX, "%s.new", ct->conf_path);
}

/* The new file takes the place of the old one, and the new name that of the old one. */
static int ct_set_commit(struct ct *ct, const struct ct_conf *conf)
{
	const char *name = ct_get(conf, "NAME"), *before = ct_get(&ct->step, "OLD_NAME");
	char path[PATH_MAX], link[PATH_MAX], target[64];
	uint32_t owner;
	int ret = 0;

	snprintf(target, sizeof(target), "../conf/%s.conf", ct->text);
	if (name && !ct_path(path, sizeof(path), "%s/names", ct->run->etc))
		ret = ct_make_dirs(path, 0755);
	if (!ret && name)
		ret = ct_name_link(ct, name, link, sizeof(link));
	if (!ret && name && symlink(target, link) && errno != EEXIST)
		ret = -errno;
	if (!ret)
		ret = ct_new_path(ct, path);
	if (!ret && rename(path, ct->conf_path) && errno != ENOENT)
		ret = -errno;
	if (!ret)
		ret = ct_sync_dir(ct->conf_path);
	if (ret)
		return ct_fail(ct->run, CT_E_SAVE, ct->conf_path, "%s", strerror(-ret));
	if (before && (!name || strcmp(before, name)) &&
	    !ct_name_owner(ct->run, before, &owner) && owner == ct->id &&
	    !ct_name_link(ct, before, link, sizeof(link)))
		(void)unlink(link);
	return CT_OK;
}

/**
 * ct_set_finish() - finish a set that was interrupted
 * @ct: the container; the journal tells what was asked for
 *
 * Return: CT_OK or an error.
 */
int ct_set_finish(struct ct *ct)
{
	char path[PATH_MAX], *list, *pos, *save, *keys[CT_SET_MAX];
	const char *asked = ct_get(&ct->step, "KEYS");
	struct ct_conf conf;
	size_t count = 0;
	int status, ret;

	ret = ct_new_path(ct, path);
	if (!ret)
		ret = ct_conf_load(&conf, path);
	/* It has taken its place already; what is left concerns names. */
	if (ret)
		return ret == -ENOENT ? ct_set_commit(ct, &ct->conf) :
			ct_fail(ct->run, CT_E_BAD_CONF, path, "%s", strerror(-ret));
	list = strdup(asked ? asked : "");
	for (pos = list ? strtok_r(list, " ", &save) : NULL; pos && count < CT_SET_MAX;
	     pos = strtok_r(NULL, " ", &save))
		keys[count++] = pos;
	status = ct_set_live(ct, &conf, keys, count);
	if (!status) {
		status = ct_set_commit(ct, &conf);
	} else {
		ct_note(ct->run, ct->text, "what was to be set is refused, and is not saved");
		status = unlink(path) ? CT_E_SAVE : CT_OK;
	}
	if (!status) {
		ct_conf_clear(&ct->conf);
		status = ct_conf_load(&ct->conf, ct->conf_path) ? CT_E_BAD_CONF : CT_OK;
	}
	free(list);
	ct_conf_clear(&conf);
	return status;
}

static int ct_set_begin(struct ct_change *change)
{
	struct ct *ct = change->ct;
	const char *name = ct_get(&ct->conf, "NAME");
	char path[PATH_MAX], list[1024] = "";
	size_t i;
	int ret;

	for (i = 0; i < change->count; i++)
		if (strlen(list) + strlen(change->keys[i]) + 2 < sizeof(list))
			strcat(strcat(list, change->keys[i]), " ");
	ret = ct_new_path(ct, path);
	if (!ret)
		ret = ct_conf_write(&change->conf, path);
	if (!ret)
		ret = ct_conf_set(&ct->step, "KEYS", list);
	if (!ret && name)
		ret = ct_conf_set(&ct->step, "OLD_NAME", name);
	if (ret)
		return ct_fail(ct->run, CT_E_SAVE, path, "%s", strerror(-ret));
	return ct_step_begin(ct, "set");
}

static int ct_set_saved(struct ct_change *change)
{
	struct ct *ct = change->ct;
	char path[PATH_MAX];
	int status = ct_set_begin(change);

	if (!status)
		status = ct_set_live(ct, &change->conf, change->keys, change->count);
	if (!status)
		status = ct_set_commit(ct, &change->conf);
	else if (!ct_new_path(ct, path))
		(void)unlink(path);
	return ct_step_end(ct) ? CT_E_SYSTEM : status;
}

/* The bounds of a container are those of its start. */
static int ct_set_check_bounds(struct ct_change *change)
{
	bool ids = ct_asked(change->keys, change->count, "LOCAL_UID") ||
		   ct_asked(change->keys, change->count, "LOCAL_GID");
	struct ct *ct = change->ct;
	struct ct_rights rights;
	struct ct_wrong wrong;

	if (ids && (ct_running(ct) || ct_mounted(ct)))
		return ct_fail(ct->run, CT_E_MOUNTED, ct->text,
			       "ids cannot change while it is mounted");
	if (ct_rights_read(&change->conf, &rights, &wrong))
		return ct_fail(ct->run, CT_E_VALUE, ct->text, "%s: '%s': %s", wrong.key,
			       wrong.word, wrong.why);
	return ids ? ct_ids_try(ct, &change->conf) : CT_OK;
}

static int ct_set_check(struct ct_change *change)
{
	struct ct *ct = change->ct;
	const char *name = ct_get(&change->conf, "NAME");
	uint32_t owner;
	int status;

	if (!change->count)
		return change->password ? CT_OK :
		       ct_fail(ct->run, CT_E_SYNTAX, ct->text, "nothing to set");
	if (change->filed && !change->save)
		return ct_fail(ct->run, CT_E_SYNTAX, ct->text,
			       "some of this stands in the file only, and takes --save");
	if (!change->save && !ct_running(ct))
		return ct_fail(ct->run, CT_E_NOT_RUNNING, ct->text,
			       "it is not running, and --save is not given: nothing to do");
	if (name && !ct_name_owner(ct->run, name, &owner) && owner != ct->id)
		return ct_fail(ct->run, CT_E_NAME, ct->text, "the name %s belongs to %u", name,
			       owner);
	status = ct_set_check_bounds(change);
	if (!status)
		status = ct_quota_check(ct, &change->conf);
	if (!status && ct_asked_net(change->keys, change->count))
		status = ct_net_check(ct, &change->conf);
	return status ? status : ct_pool_check(ct, &change->conf);
}

/* What was set counts from the next start, and that is now. */
static int ct_set_restart(struct ct *ct)
{
	int status;

	ct_conf_clear(&ct->conf);
	if (ct_conf_load(&ct->conf, ct->conf_path))
		return ct_fail(ct->run, CT_E_BAD_CONF, ct->conf_path, "cannot be read again");
	status = ct_do_stop(ct, false);
	return status ? status : ct_do_start(ct, false);
}

static int ct_set(struct ct *ct, int argc, char **argv)
{
	struct ct_change change = { .ct = ct };
	int status, ret;

	ret = ct_conf_load(&change.conf, ct->conf_path);
	if (ret)
		return ct_fail(ct->run, CT_E_BAD_CONF, ct->conf_path, "%s", strerror(-ret));
	status = ct_set_args(&change, argc, argv);
	if (!status)
		status = ct_places(ct);
	if (!status)
		status = ct_set_check(&change);
	if (!status && change.count)
		status = change.save ? ct_set_saved(&change) :
			 ct_set_live(ct, &change.conf, change.keys, change.count);
	if (!status && change.password)
		status = ct_password_set(ct, change.password);
	if (!status && change.restart && ct_running(ct) &&
	    ct_needs_restart(change.keys, change.count))
		status = ct_set_restart(ct);
	if (!status && !change.save && change.count)
		ct_note(ct->run, ct->text, "not saved: the next start goes back to the file");
	ct_conf_clear(&change.conf);
	return status;
}

/**
 * ct_cmd_set() - set
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_set(struct ct *ct, int argc, char **argv)
{
	int status = ct_must_exist(ct);

	if (!status)
		status = ct_lock(ct);
	if (!status)
		status = ct_must_exist(ct);
	if (!status && argc == 1 && !strcmp(argv[0], "--reset_ub"))
		return ct_reset_ub(ct);
	return status ? status : ct_set(ct, argc, argv);
}
