// SPDX-License-Identifier: GPL-2.0
/*
 * create
 *
 * A template is unpacked beside the place of the private area, put on the disk, and
 * renamed. The configuration comes last: a container exists when that does, so a half
 * made private area is never taken for one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "ct.h"
#include "disk.h"
#include "keys.h"
#include "storage.h"

/**
 * struct ct_new - what is asked for
 * @template: --ostemplate
 * @sample: --config
 * @private: --private
 * @root: --root
 * @hostname: --hostname
 * @name: --name
 * @layout: --layout
 * @uid: --local_uid
 * @gid: --local_gid
 * @storage: --storage
 * @how: what these and the configuration come to
 * @tmpl: the template
 */
struct ct_new {
	const char *template;
	const char *sample;
	const char *private;
	const char *root;
	const char *hostname;
	const char *name;
	const char *layout;
	const char *uid;
	const char *gid;
	const char *storage;
	enum ct_storage how;
	struct ct_tmpl tmpl;
};

static int ct_find_template(struct ct *ct, struct ct_new *new)
{
	if (!ct_global(ct->run, "TEMPLATE", NULL))
		return ct_fail(ct->run, CT_E_TEMPLATE_UNSET, ct->text, "TEMPLATE is not set");
	if (!new->template)
		new->template = ct_global(ct->run, "DEF_OSTEMPLATE", NULL);
	if (!new->template)
		return ct_fail(ct->run, CT_E_NO_OSTEMPLATE, ct->text, "--ostemplate is missing");
	return ct_tmpl_open(ct->run, ct->text, new->template, &new->tmpl);
}

static int ct_copy_sample(struct ct *ct, struct ct_new *new)
{
	char path[PATH_MAX];
	int ret;

	if (!new->sample)
		new->sample = ct_global(ct->run, "CONFIGFILE", "basic");
	if (!*new->sample || strchr(new->sample, '/') ||
	    ct_path(path, sizeof(path), "%s/conf/ve-%s.conf-sample", ct->run->etc, new->sample))
		return ct_fail(ct->run, CT_E_VALUE, ct->text, "'%.96s' is no name of a sample",
			       new->sample);
	ret = ct_conf_load(&ct->conf, path);
	return ret ? ct_fail(ct->run, CT_E_COPY_CONF, path, "%s", strerror(-ret)) : CT_OK;
}

static int ct_new_keys(struct ct *ct, const struct ct_new *new)
{
	const char *pairs[][2] = {
		{ "OSTEMPLATE", new->template }, { "ORIGIN_SAMPLE", new->sample },
		{ "VE_PRIVATE", new->private }, { "VE_ROOT", new->root },
		{ "HOSTNAME", new->hostname }, { "NAME", new->name },
		{ "LOCAL_UID", new->uid }, { "LOCAL_GID", new->gid },
	};
	size_t i;
	int ret = 0;

	for (i = 0; i < sizeof(pairs) / sizeof(*pairs) && !ret; i++)
		if (pairs[i][1])
			ret = ct_conf_set(&ct->conf, pairs[i][0], pairs[i][1]);
	return ret ? ct_fail(ct->run, CT_E_VALUE, ct->text, "%s", strerror(-ret)) : CT_OK;
}

/* Is everything right that can be found wrong before anything is made? */
static int ct_new_check(struct ct *ct, struct ct_new *new)
{
	const char *layout = new->layout;
	uint32_t owner;
	int status;

	if (ct->exists)
		return ct_fail(ct->run, CT_E_EXISTS, ct->text, "it exists already");
	status = ct_find_template(ct, new);
	if (!status)
		status = ct_copy_sample(ct, new);
	if (!status)
		status = ct_new_keys(ct, new);
	if (!status)
		status = ct_places(ct);
	/* Should vz.conf change, the container stays where it is. */
	if (!status && (ct_conf_set(&ct->conf, "VE_ROOT", ct->root) ||
			ct_conf_set(&ct->conf, "VE_PRIVATE", ct->private)))
		status = ct_fail(ct->run, CT_E_VALUE, ct->text, "%s", strerror(EINVAL));
	if (!status)
		status = ct_pool_check(ct, &ct->conf);
	if (!status)
		status = ct_ids_try(ct, &ct->conf);
	if (status)
		return status;
	if (!layout)
		layout = ct_get(&ct->conf, "VE_LAYOUT");
	if (!layout)
		layout = ct_global(ct->run, "VE_LAYOUT", "simfs");
	status = ct_storage_parse(ct, layout, &new->how);
	if (!status)
		status = ct_storage_option(ct, new->storage, &new->how);
	if (!status)
		status = ct_quota_check(ct, &ct->conf);
	if (status)
		return status;
	if (new->name && !ct_name_ok(new->name))
		return ct_fail(ct->run, CT_E_NAME, ct->text, "'%.96s' is no name for a container",
			       new->name);
	if (new->name && !ct_name_owner(ct->run, new->name, &owner))
		return ct_fail(ct->run, CT_E_NAME, ct->text, "the name %s belongs to %u",
			       new->name, owner);
	if (!access(ct->private, F_OK))
		return ct_fail(ct->run, CT_E_EXISTS, ct->text,
			       "the private area %s is there already", ct->private);
	return CT_OK;
}

/* The private area, complete or not there. */
static int ct_make_private(struct ct *ct, struct ct_new *new)
{
	char tmp[PATH_MAX], above[PATH_MAX];
	int status, ret;

	strcpy(above, ct->private);
	*strrchr(above, '/') = '\0';
	ret = ct_path(tmp, sizeof(tmp), "%s.tmp", ct->private);
	/* Nobody on the host has any business with the set-user-id files of containers. */
	if (!ret)
		ret = ct_make_dirs(above, 0700);
	if (!ret)
		ret = ct_tree_remove(tmp);
	if (!ret && mkdir(tmp, 0755))
		ret = -errno;
	if (ret)
		return ct_fail(ct->run, CT_E_MAKE_PRIVATE, ct->private, "%s", strerror(-ret));
	status = ct_quota_new(ct, tmp);
	if (!status)
		status = ct_storage_fill(ct, new->how, &new->tmpl, tmp);
	/* Should somebody have made it meanwhile, it is not this program's to remove. */
	if (!status && renameat2(AT_FDCWD, tmp, AT_FDCWD, ct->private, RENAME_NOREPLACE)) {
		status = ct_fail(ct->run, CT_E_MAKE_PRIVATE, ct->private, "%s", strerror(errno));
		(void)ct_tree_remove(tmp);
		(void)ct_step_end(ct);
		return status;
	}
	ret = status ? 0 : ct_sync_dir(ct->private);
	return ret ? ct_fail(ct->run, CT_E_SYSTEM, ct->private, "%s", strerror(-ret)) : status;
}

/**
 * ct_make_name() - make the link of the name that the configuration says
 * @ct: the container
 *
 * Return: CT_OK, also if it has none, or CT_E_NAME.
 */
int ct_make_name(struct ct *ct)
{
	char link[PATH_MAX], target[64], dir[PATH_MAX];
	const char *name = ct_get(&ct->conf, "NAME");
	int ret;

	if (!name)
		return CT_OK;
	snprintf(target, sizeof(target), "../conf/%s.conf", ct->text);
	ret = ct_path(dir, sizeof(dir), "%s/names", ct->run->etc);
	if (!ret)
		ret = ct_make_dirs(dir, 0755);
	if (!ret)
		ret = ct_name_link(ct, name, link, sizeof(link));
	if (!ret && symlink(target, link) && errno != EEXIST)
		ret = -errno;
	return ret ? ct_fail(ct->run, CT_E_NAME, name, "%s", strerror(-ret)) : CT_OK;
}

static int ct_create_undo(struct ct *ct)
{
	char tmp[PATH_MAX];
	int ret = ct_path(tmp, sizeof(tmp), "%s.tmp", ct->private);

	if (!ret)
		ret = ct_tree_remove(tmp);
	if (!ret)
		ret = ct_tree_remove(ct->private);
	(void)rmdir(ct->root);
	return ret ? ct_fail(ct->run, CT_E_DELETE, ct->private, "%s", strerror(-ret)) : CT_OK;
}

/**
 * ct_create_recover() - finish or undo a create that was interrupted
 * @ct: the container; its places are those of the journal
 *
 * Return: CT_OK or an error.
 */
int ct_create_recover(struct ct *ct)
{
	char tmp[PATH_MAX];

	/* Half a configuration has this name; the container's own is whole or not there. */
	if (!ct_path(tmp, sizeof(tmp), "%s.tmp", ct->conf_path))
		(void)unlink(tmp);
	return ct->exists ? ct_make_name(ct) : ct_create_undo(ct);
}

static int ct_save_conf(struct ct *ct)
{
	int ret = ct_conf_save(&ct->conf, ct->conf_path);

	return ret ? ct_fail(ct->run, CT_E_SAVE, ct->conf_path, "%s", strerror(-ret)) : CT_OK;
}

/* The last thing: from then on there is the container, with ids of its own. */
static int ct_make_conf(struct ct *ct)
{
	char dir[PATH_MAX];
	int ret = ct_make_dirs(ct->root, 0755), status;

	if (ret)
		return ct_fail(ct->run, CT_E_MAKE_ROOT, ct->root, "%s", strerror(-ret));
	ret = ct_path(dir, sizeof(dir), "%s/conf", ct->run->etc);
	if (!ret)
		ret = ct_make_dirs(dir, 0755);
	if (ret)
		return ct_fail(ct->run, CT_E_SAVE, dir, "%s", strerror(-ret));
	status = ct_ids_claim(ct, ct_save_conf);
	ct->exists = !status;
	return status;
}

static int ct_create(struct ct *ct, struct ct_new *new)
{
	int status;

	status = ct_new_check(ct, new);
	if (!status)
		status = ct_storage_prepare(ct, new->how, &new->tmpl);
	if (!status)
		status = ct_step_begin(ct, "create");
	if (status)
		return status;
	status = ct_make_private(ct, new);
	if (!status)
		status = ct_make_conf(ct);
	if (!status) {
		status = ct_make_name(ct);
	} else if (ct_step_verb(ct) && !ct_create_undo(ct)) {
		(void)ct_step_end(ct);
		return status;
	}
	return status ? status : ct_step_end(ct);
}

/**
 * ct_cmd_create() - create
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_create(struct ct *ct, int argc, char **argv)
{
	struct ct_new new = { .tmpl = { .lock = -1, .work = -1 } };
	const struct bc_opt opts[] = {
		{ "ostemplate", 0, NULL, &new.template }, { "config", 0, NULL, &new.sample },
		{ "private", 0, NULL, &new.private }, { "root", 0, NULL, &new.root },
		{ "hostname", 0, NULL, &new.hostname }, { "name", 0, NULL, &new.name },
		{ "layout", 0, NULL, &new.layout }, { "storage", 0, NULL, &new.storage },
		{ "progress", 0, &ct->run->progress, NULL }, { "local_uid", 0, NULL, &new.uid },
		{ "local_gid", 0, NULL, &new.gid }, BC_OPT_END
	};
	int status = bctl_args(&ct->run->b, &argc, argv, opts);

	if (status >= 0)
		return status ? ct_fail(ct->run, CT_E_SYNTAX, NULL, "%s", ct->run->said) : CT_OK;
	if (argc)
		return ct_fail(ct->run, CT_E_SYNTAX, NULL, "'%.96s' is not an option", argv[0]);
	status = ct_lock(ct);
	if (!status)
		status = ct_create(ct, &new);
	ct_tmpl_close(&new.tmpl);
	if (!status)
		ct_note(ct->run, ct->text, "the container was created");
	return status;
}
