// SPDX-License-Identifier: GPL-2.0
/*
 * Whether a container can come here from another machine, and into what
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ct.h"
#include "disk.h"
#include "keys.h"
#include "move.h"
#include "net.h"
#include "storage.h"
#include "template.h"

/**
 * ct_key_is() - does a key have this value?
 * @conf: where it stands
 * @key: the key
 * @value: the value
 *
 * Return: whether it has.
 */
bool ct_key_is(const struct ct_conf *conf, const char *key, const char *value)
{
	const char *text = ct_get(conf, key);

	return text && !strcmp(text, value);
}

/**
 * ct_arrive_tmp() - where something is while it comes
 * @ct: the container
 * @what: private or dump
 * @path: receives it, PATH_MAX bytes
 *
 * Return: CT_OK or an error.
 */
int ct_arrive_tmp(struct ct *ct, const char *what, char *path)
{
	char dump[PATH_MAX];
	int status;

	if (!strcmp(what, "private"))
		return ct_path(path, PATH_MAX, "%s.tmp", ct->private) ? CT_E_SYSTEM : CT_OK;
	status = ct_dump_path(ct, NULL, dump);
	return status ? status : ct_path(path, PATH_MAX, "%s.tmp", dump) ? CT_E_SYSTEM : CT_OK;
}

/* The template below it must be the same one. */
static int ct_arrive_tree(struct ct *ct)
{
	const char *tree = ct_get(&ct->conf, CT_TREE_KEY), *at = tree ? strrchr(tree, '@') : NULL;
	struct ct_tmpl tmpl = { .lock = -1, .work = -1 };
	char name[CT_TMPL_NAME_MAX + 1], path[PATH_MAX];
	int status;

	if (!tree)
		return CT_OK;
	if (!at || ct_path(name, sizeof(name), "%.*s", (int)(at - tree), tree) ||
	    !ct_tmpl_name_ok(name) || ct_conf_set(&ct->step, CT_TREE_KEY, tree))
		return ct_fail(ct->run, CT_E_BAD_CONF, ct->text, "TEMPLATE_TREE=\"%s\"", tree);
	status = ct_tmpl_base(ct->run, name, &tmpl);
	if (!status && !ct_path(path, sizeof(path), "%s/tree/%s", tmpl.base, tree) &&
	    !access(path, F_OK))
		return CT_OK;
	if (!status)
		status = ct_tmpl_open(ct->run, ct->text, name, &tmpl);
	if (!status)
		status = ct_tmpl_lock(&tmpl, true);
	if (!status)
		status = ct_tmpl_measure(&tmpl);
	if (!status && strncmp(tmpl.digest, at + 1, CT_TMPL_KEY))
		status = ct_fail(ct->run, CT_E_NO_TEMPLATE, ct->text,
				 "the template %s is another one here; copy its archive", name);
	if (!status)
		status = ct_tmpl_tree_make(&tmpl);
	ct_tmpl_close(&tmpl);
	return status;
}

/**
 * ct_arrive_check() - can a container be here at all?
 * @ct: the container, which does not exist; its configuration is that of the other side, and
 *	gets places and ids of this one
 * @said: what the other side says
 *
 * Return: CT_OK or an error.
 */
int ct_arrive_check(struct ct *ct, const struct ct_conf *said)
{
	const char *name = ct_get(&ct->conf, "NAME"), *uid = ct_get(&ct->conf, "LOCAL_UID");
	uint32_t owner;
	int status;

	/* What runs has these ids in its hands; any others will do for what does not. */
	if (!ct_key_is(said, CT_MOVE_DUMP, "yes") && uid && strcmp(uid, "0")) {
		ct_conf_unset(&ct->conf, "LOCAL_UID");
		ct_conf_unset(&ct->conf, "LOCAL_GID");
	}
	ct_conf_unset(&ct->conf, "VE_ROOT");
	ct_conf_unset(&ct->conf, "VE_PRIVATE");
	status = ct_places(ct);
	if (!status && (ct_conf_set(&ct->conf, "VE_ROOT", ct->root) ||
			ct_conf_set(&ct->conf, "VE_PRIVATE", ct->private)))
		status = ct_fail(ct->run, CT_E_VALUE, ct->text, "%s", strerror(EINVAL));
	if (!status && !access(ct->private, F_OK))
		status = ct_fail(ct->run, CT_E_EXISTS, ct->private, "it is there already");
	if (!status && name && !ct_name_owner(ct->run, name, &owner) && owner != ct->id)
		status = ct_fail(ct->run, CT_E_NAME, ct->text, "the name %s belongs to %u", name,
				 owner);
	if (!status)
		status = ct_pool_check(ct, &ct->conf);
	if (!status)
		status = ct_storage_check(ct);
	if (!status)
		status = ct_quota_check(ct, &ct->conf);
	if (!status)
		status = ct_ids_try(ct, &ct->conf);
	if (!status && ct_net_any(&ct->conf))
		status = ct_net_check(ct, &ct->conf);
	return status ? status : ct_arrive_tree(ct);
}

/**
 * ct_arrive_dirs() - make what it comes into
 * @ct: the container, with a journal
 *
 * Return: CT_OK or an error.
 */
int ct_arrive_dirs(struct ct *ct)
{
	char path[PATH_MAX], above[PATH_MAX];
	int status = ct_arrive_tmp(ct, "private", path), ret;

	strcpy(above, ct->private);
	*strrchr(above, '/') = '\0';
	ret = status ? 0 : ct_make_dirs(above, 0700);
	if (!status && !ret && mkdir(path, 0755) && errno != EEXIST)
		ret = -errno;
	if (!status && !ret)
		status = ct_quota_new(ct, path);
	if (!status && !ret)
		status = ct_arrive_tmp(ct, "dump", path);
	strcpy(above, path);
	*strrchr(above, '/') = '\0';
	if (!status && !ret)
		ret = ct_make_dirs(above, 0700);
	if (!status && !ret)
		ret = ct_dump_drop(path);
	return ret ? ct_fail(ct->run, CT_E_MAKE_PRIVATE, path, "%s", strerror(-ret)) : status;
}
