// SPDX-License-Identifier: GPL-2.0
/*
 * The account of a container
 *
 * Container 101 has the pool "101", with the id 101, bound to the cgroup bc/101. The
 * container itself lives in bc/101/ct, which liblxc makes and removes with each start and
 * stop, so the pool and its figures go on until the container is destroyed.
 *
 * Limits are in force before the first task runs: the pool is there, with all its limits
 * from one transaction, before liblxc is asked for anything. At a start the file counts
 * and nothing else: what was set without --save goes back to what the file says, or to
 * unlimited, in the same transaction.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assign.h"
#include "cgroup.h"
#include "cli.h"
#include "cpuset.h"
#include "ct.h"
#include "enable.h"
#include "fetch.h"
#include "keys.h"
#include "pool.h"
#include "print.h"
#include "tuning.h"

/**
 * struct ct_account - what is being done to a pool
 * @ct: the container
 * @snap: resources and settings of the module
 * @list: the list behind @pool
 * @pool: the pool
 * @there: it is there
 * @map: what the configuration says
 * @more: what has to be reset
 * @nmore: how many of these
 * @limits: both together
 */
struct ct_account {
	struct ct *ct;
	struct bc_snapshot snap;
	struct bcn_list *list;
	struct bcn_pool pool;
	bool there;
	struct ct_map map;
	char more[CT_MAP_MAX][64];
	size_t nmore;
	struct bc_limits limits;
};

/* What a function of bctl has said, said by this program. */
static int ct_said(struct ct *ct, int status)
{
	return ct_fail(ct->run, status, ct->text, "%s", ct->run->said);
}

static int ct_pool_open(struct ct *ct)
{
	ct->run->b.said = ct->run->said;
	return bctl_open(&ct->run->b) ? ct_said(ct, CT_E_MODULE) : CT_OK;
}

static void ct_account_close(struct ct_account *acc)
{
	bc_snapshot_clear(&acc->snap);
	bcn_list_free(acc->list);
	bc_limits_clear(&acc->limits);
}

/* Is the pool of that name the one that this program has made? */
static bool ct_pool_ours(const struct ct_account *acc)
{
	char want[32];

	snprintf(want, sizeof(want), "%s/%s", BC_CGROUP_BASE, acc->ct->text);
	return acc->pool.cgroup && !strcmp(acc->pool.cgroup, want);
}

static int ct_pool_find(struct ct_account *acc)
{
	struct ct *ct = acc->ct;
	int ret;

	ret = bc_fetch_pool(&ct->run->b, ct->text, &acc->list, &acc->pool);
	acc->there = !ret;
	if (ret == -ENOENT)
		return CT_OK;
	if (ret) {
		bctl_fail_nl(&ct->run->b, NULL, ret);
		return ct_said(ct, CT_E_UBC);
	}
	return CT_OK;
}

/* Another pool of that name is not for this program to change. */
static int ct_pool_check_ours(const struct ct_account *acc)
{
	if (!acc->there || ct_pool_ours(acc))
		return CT_OK;
	return ct_fail(acc->ct->run, CT_E_UBC, acc->ct->text,
		       "there is another pool of that name, with the cgroup /%s",
		       acc->pool.cgroup ? acc->pool.cgroup : "");
}

static int ct_account_open(struct ct_account *acc, struct ct *ct, const struct ct_conf *conf)
{
	const char *key, *why;
	int status;

	memset(acc, 0, sizeof(*acc));
	acc->ct = ct;
	if (ct_map_conf(conf, bc_page_size(), &acc->map, &key, &why))
		return ct_fail(ct->run, CT_E_VALUE, ct->text, "%s: %s", key, why);
	status = ct_pool_open(ct);
	if (!status && bctl_fetch_resources(&ct->run->b, &acc->snap))
		status = ct_said(ct, CT_E_UBC);
	if (!status)
		status = ct_pool_find(acc);
	return status ? status : ct_pool_check_ours(acc);
}

/* These two are promised, not bounded: none is a barrier of 0, not an unlimited one. */
static bool ct_is_guarantee(uint32_t res)
{
	return res == BC_RES_VMGUARPAGES || res == BC_RES_OOMGUARPAGES;
}

/* Is the resource bounded, or guaranteed, now? */
static bool ct_is_bounded(const struct ct_account *acc, uint32_t res)
{
	struct bc_record rec;
	size_t i;

	for (i = 0; acc->there && i < acc->pool.records; i++) {
		bcn_pool_record(&acc->pool, i, &rec);
		if (rec.res == res && ct_is_guarantee(res))
			return rec.barrier && rec.barrier != BC_UNLIMITED;
		if (rec.res == res)
			return rec.barrier != BC_UNLIMITED || rec.limit != BC_UNLIMITED;
	}
	return false;
}

static bool ct_is_set(const struct ct_account *acc, uint32_t id)
{
	struct bc_setting setting;
	size_t i;

	for (i = 0; acc->there && i < acc->pool.nsettings; i++) {
		bcn_pool_setting(&acc->pool, i, &setting);
		if (setting.id == id)
			return setting.flags & BC_SETTING_F_SET;
	}
	return false;
}

/* What bctl calls "ram" and "swap" are these. */
static size_t ct_word_len(const char *arg)
{
	return strchr(arg, '=') - arg;
}

static bool ct_same_word(const char *arg, const char *word)
{
	size_t len = ct_word_len(arg);

	if (len == strlen(word) && !memcmp(arg, word, len))
		return true;
	return (!strncmp(arg, "ram=", 4) && !strcmp(word, "physpages")) ||
	       (!strncmp(arg, "physpages=", 10) && !strcmp(word, "ram")) ||
	       (!strncmp(arg, "swap=", 5) && !strcmp(word, "swappages")) ||
	       (!strncmp(arg, "swappages=", 10) && !strcmp(word, "swap"));
}

static bool ct_mapped(const struct ct_map *map, const char *word)
{
	size_t i;

	for (i = 0; i < map->count; i++)
		if (ct_same_word(map->arg[i], word))
			return true;
	return false;
}

/* What the pool has and the configuration does not say. */
static void ct_find_resets(struct ct_account *acc)
{
	const struct ct_key *key;
	const struct bcn_res *res;
	const struct bc_tuning_word *word;
	char *more;

	for (key = ct_keys; key->key; key++) {
		if ((key->kind != CT_KEY_UBC && key->kind != CT_KEY_SETTING) || key->counted ||
		    ct_mapped(&acc->map, key->word))
			continue;
		more = acc->more[acc->nmore];
		if (key->kind == CT_KEY_UBC) {
			res = bc_find_res(&acc->snap, key->word);
			if (!res || !ct_is_bounded(acc, res->id))
				continue;
			snprintf(more, sizeof(acc->more[0]), "%s=%sunlimited", key->word,
				 ct_is_guarantee(res->id) ? "0:" : "");
		} else {
			word = bc_tuning_find(key->word, strlen(key->word));
			if (!word || !ct_is_set(acc, bc_tuning_id(word)))
				continue;
			snprintf(more, sizeof(acc->more[0]), "%s=%s", key->word,
				 !strcmp(key->word, "cpu.shares") ? "1000" :
				 !strcmp(key->word, "ioprio") ? "4" : "unlimited");
		}
		acc->nmore++;
	}
}

/* Nobody has to be told to leave unlimited what is unlimited already. */
static void ct_drop_needless(struct ct_account *acc)
{
	struct bc_limits *limits = &acc->limits;
	size_t i, kept = 0;

	for (i = 0; i < limits->count; i++) {
		struct bc_limit *lim = &limits->v[i];
		bool unbounded = lim->limit == BC_UNLIMITED &&
				 (lim->tuning || lim->barrier ==
				  (ct_is_guarantee(lim->res) ? 0 : BC_UNLIMITED));

		if (!unbounded || (lim->tuning ? ct_is_set(acc, bc_tuning_id(lim->tuning)) :
				   ct_is_bounded(acc, lim->res)))
			limits->v[kept++] = *lim;
	}
	limits->count = kept;
}

static int ct_account_resolve(struct ct_account *acc)
{
	struct bctl *b = &acc->ct->run->b;
	char *argv[2 * CT_MAP_MAX];
	size_t argc = 0, i;

	for (i = 0; i < acc->map.count; i++)
		argv[argc++] = acc->map.arg[i];
	for (i = 0; i < acc->nmore; i++)
		argv[argc++] = acc->more[i];
	if (bctl_limits_parse(b, argc, argv, &acc->limits) ||
	    bctl_limits_resolve(b, &acc->snap, &acc->limits))
		return ct_said(acc->ct, CT_E_VALUE);
	ct_drop_needless(acc);
	return CT_OK;
}

static int ct_account_send(struct ct_account *acc, int dir)
{
	struct ct *ct = acc->ct;
	struct bctl *b = &ct->run->b;
	struct bcn_new what = {
		.name = ct->text, .cgroup_fd = dir, .has_id = true, .id = ct->id,
	};
	int ret = bc_limits_change(&acc->limits, &what.change);

	if (!ret && acc->there)
		ret = bcn_pool_set(b->nl, ct->text, &what.change);
	else if (!ret)
		ret = bcn_pool_new(b->nl, &what, NULL);
	bc_change_clear(&what.change);
	if (!ret)
		return CT_OK;
	bctl_pool_refused(b, ct->text, &acc->limits, ret);
	return ct_fail(ct->run, CT_E_UBC, NULL, "%s", ct->run->said);
}

/* In the directory of the pool, with the controllers that its limits take, or as before. */
static int ct_account_apply_in(struct ct_account *acc, int root, int dir)
{
	struct bc_enables enabled = { .v[0].count = 0 };
	struct ct *ct = acc->ct;
	int status = CT_OK;

	if (bctl_enable(&ct->run->b, ct->text, &acc->limits, root, dir, &enabled))
		status = ct_fail(ct->run, CT_E_UBC, NULL, "%s", ct->run->said);
	if (!status)
		status = ct_account_send(acc, dir);
	if (!status)
		bc_enables_keep(&enabled);
	bc_enables_undo(&enabled);
	return status;
}

static int ct_account_apply(struct ct_account *acc)
{
	struct bc_made made = { .count = 0 };
	struct ct *ct = acc->ct;
	int root, dir, status;

	if (acc->there && !acc->limits.count)
		return CT_OK;
	root = bc_cgroup_open_root();
	dir = root < 0 ? root : bc_cgroup_make(root, BC_CGROUP_BASE, ct->text, &made);
	if (dir < 0) {
		status = ct_fail(ct->run, CT_E_UBC, ct->text, "cannot make the cgroup %s/%s: %s",
				 BC_CGROUP_BASE, ct->text, strerror(-dir));
	} else {
		status = ct_account_apply_in(acc, root, dir);
		close(dir);
	}
	if (status && root >= 0)
		bc_cgroup_unmake(root, &made);
	if (root >= 0)
		close(root);
	return status;
}

static int ct_cpuset_read(struct ct *ct, const struct ct_conf *conf, struct ct_cpuset *set)
{
	const char *key, *why;

	return ct_cpuset_conf(conf, set, &key, &why) ?
	       ct_fail(ct->run, CT_E_VALUE, ct->text, "%s: %s", key, why) : CT_OK;
}

/**
 * ct_pool_start() - have the pool there, with the limits of the configuration
 * @ct: the container
 * @made: receives whether the pool is new
 *
 * Return: CT_OK, or an error; nothing has changed then.
 */
int ct_pool_start(struct ct *ct, bool *made)
{
	struct ct_account acc;
	struct ct_cpuset set;
	int status = ct_account_open(&acc, ct, &ct->conf);

	if (!status)
		status = ct_cpuset_read(ct, &ct->conf, &set);
	if (!status)
		ct_find_resets(&acc);
	if (!status)
		status = ct_account_resolve(&acc);
	if (!status)
		status = ct_account_apply(&acc);
	*made = !status && !acc.there;
	if (!status)
		status = ct_cpuset_set(ct, &set, NULL);
	if (status && *made) {
		(void)ct_pool_delete(ct);
		*made = false;
	}
	ct_account_close(&acc);
	return status;
}

/* What followed from the old configuration and does not from the new one. */
static void ct_find_gone(struct ct_account *acc, const struct ct_map *old)
{
	char word[64];
	size_t i;

	for (i = 0; i < old->count; i++) {
		snprintf(word, sizeof(word), "%.*s", (int)ct_word_len(old->arg[i]), old->arg[i]);
		if (!ct_mapped(&acc->map, word) && acc->nmore < CT_MAP_MAX)
			snprintf(acc->more[acc->nmore++], sizeof(acc->more[0]), "%.40s=unlimited",
				 word);
	}
}

/* Leave only what was asked for, or follows from it. */
static void ct_keep_changed(struct ct_account *acc, char * const *keys, size_t count)
{
	const struct ct_key *key;
	const char *what, *why;
	struct ct_map old;
	size_t i, j, kept = 0;
	bool keep;

	if (ct_map_conf(&acc->ct->conf, bc_page_size(), &old, &what, &why))
		old.count = 0;
	ct_find_gone(acc, &old);
	for (i = 0; i < acc->map.count; i++) {
		keep = true;
		for (j = 0; j < old.count && keep; j++)
			keep = strcmp(old.arg[j], acc->map.arg[i]);
		for (j = 0; j < count && !keep; j++) {
			key = ct_key_find(keys[j], strlen(keys[j]));
			keep = key && key->word && ct_same_word(acc->map.arg[i], key->word);
		}
		if (keep && kept != i)
			memcpy(acc->map.arg[kept], acc->map.arg[i], sizeof(acc->map.arg[0]));
		kept += keep;
	}
	acc->map.count = kept;
}

/**
 * ct_pool_set() - change the limits of a running container
 * @ct: the container, with its old configuration
 * @conf: the new one
 * @keys: what was asked for
 * @count: how many
 *
 * Return: CT_OK, or an error; nothing has changed then.
 */
int ct_pool_set(struct ct *ct, const struct ct_conf *conf, char * const *keys, size_t count)
{
	bool mask = ct_asked(keys, count, "CPUMASK") || ct_asked(keys, count, "NODEMASK");
	struct ct_cpuset set, before;
	struct ct_account acc;
	int status = ct_account_open(&acc, ct, conf);

	if (!status && mask)
		status = ct_cpuset_read(ct, conf, &set);
	/* A pool that went with the module comes back as a whole. */
	if (!status && acc.there)
		ct_keep_changed(&acc, keys, count);
	if (!status)
		status = ct_account_resolve(&acc);
	mask &= !status;
	if (mask)
		status = ct_cpuset_set(ct, &set, &before);
	if (!status)
		status = ct_account_apply(&acc);
	/* What went wrong may have been that itself, which has changed nothing then. */
	if (status && mask)
		(void)ct_cpuset_set(ct, &before, NULL);
	ct_account_close(&acc);
	return status;
}

/**
 * ct_pool_check() - would a configuration do, as far as that can be told now?
 * @ct: the container
 * @conf: the configuration
 *
 * Return: CT_OK or CT_E_VALUE.
 */
int ct_pool_check(struct ct *ct, const struct ct_conf *conf)
{
	struct bc_limits limits = { 0 };
	char *argv[CT_MAP_MAX];
	const char *key, *why;
	struct ct_cpuset set;
	struct ct_map map;
	int status = ct_cpuset_read(ct, conf, &set);
	size_t i;

	if (status)
		return status;
	if (ct_map_conf(conf, bc_page_size(), &map, &key, &why))
		return ct_fail(ct->run, CT_E_VALUE, ct->text, "%s: %s", key, why);
	for (i = 0; i < map.count; i++)
		argv[i] = map.arg[i];
	ct->run->b.said = ct->run->said;
	if (bctl_limits_parse(&ct->run->b, map.count, argv, &limits))
		status = ct_said(ct, CT_E_VALUE);
	bc_limits_clear(&limits);
	return status;
}

/**
 * ct_pool_delete() - delete the pool and its cgroup
 * @ct: the container, which does not run
 *
 * A pool of that name that is not the container's stays.
 *
 * Return: CT_OK, also if there is none, or no module, or CT_E_UBC.
 */
int ct_pool_delete(struct ct *ct)
{
	struct ct_account acc = { .ct = ct };
	int ret, root, status;
	char path[32];

	ct->run->b.said = ct->run->said;
	status = bctl_open(&ct->run->b) ? CT_OK : ct_pool_find(&acc);
	if (!status && acc.there && ct_pool_ours(&acc)) {
		ret = bcn_pool_delete(ct->run->b.nl, ct->text);
		if (ret && ret != -ENOENT) {
			bctl_fail_nl(&ct->run->b, NULL, ret);
			status = ct_said(ct, CT_E_UBC);
		}
	}
	ct_account_close(&acc);
	root = status ? -1 : bc_cgroup_open_root();
	if (root < 0)
		return status;
	snprintf(path, sizeof(path), "%s/%s", BC_CGROUP_BASE, ct->text);
	ret = bc_cgroup_remove(root, path);
	if (ret)
		status = ct_fail(ct->run, CT_E_UBC, ct->text, "cannot remove the cgroup %s: %s",
				 path, strerror(-ret));
	close(root);
	return status;
}
