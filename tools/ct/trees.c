// SPDX-License-Identifier: GPL-2.0
/*
 * Unpacked templates, the layers below containers of overlayfs
 *
 * A tree is unpacked once, under the lock of its template, and never changed; its name has
 * the digest of the archive, so that a template that is built anew gets another one, and
 * containers keep theirs. It is complete when it has its name. A tree that nobody uses goes
 * when its template does, or when one of another digest is made.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "template.h"
#include "unpack.h"

/**
 * ct_tmpl_tree() - where the tree of a template is, or would be
 * @tmpl: the template, measured
 * @path: receives it; room for PATH_MAX. The last component is what the container notes
 *
 * Return: 0 or -ENAMETOOLONG.
 */
int ct_tmpl_tree(struct ct_tmpl *tmpl, char *path)
{
	return ct_path(path, PATH_MAX, "%s/tree/%s@%.*s", tmpl->base, tmpl->name, CT_TMPL_KEY,
		       tmpl->digest);
}

/* Is this a tree of the template, or half of one? */
static bool ct_tree_of(const struct ct_tmpl *tmpl, const char *name)
{
	size_t len = strlen(tmpl->name);

	return !strncmp(name, tmpl->name, len) && name[len] == '@';
}

/**
 * ct_tmpl_trees_remove() - remove the trees of a template that nobody uses
 * @tmpl: the template, locked
 * @all: also the one of the archive that is there
 *
 * Return: CT_OK, or an error; one that is in use is none unless @all.
 */
int ct_tmpl_trees_remove(struct ct_tmpl *tmpl, bool all)
{
	char dir[PATH_MAX], path[PATH_MAX], now[PATH_MAX] = "", users[256];
	int status = CT_OK, ret;
	struct dirent *entry;
	DIR *stream;

	if (ct_path(dir, sizeof(dir), "%s/tree", tmpl->base))
		return CT_OK;
	if (!all)
		(void)ct_tmpl_tree(tmpl, now);
	stream = opendir(dir);
	while (!status && stream && (entry = readdir(stream))) {
		if (!ct_tree_of(tmpl, entry->d_name) ||
		    ct_path(path, sizeof(path), "%s/%s", dir, entry->d_name) || !strcmp(path, now))
			continue;
		if (ct_tmpl_users(tmpl, entry->d_name, users, sizeof(users))) {
			if (all)
				status = ct_fail(tmpl->run, CT_E_MOUNTED, tmpl->name,
						 "containers are on top of it: %s", users);
			continue;
		}
		ret = ct_tree_remove(path);
		if (ret)
			status = ct_fail(tmpl->run, CT_E_DELETE, path, "%s", strerror(-ret));
	}
	if (stream)
		closedir(stream);
	return status;
}

static int ct_tree_unpack(struct ct_tmpl *tmpl, const char *path, const char *tmp)
{
	int ret, status;

	ret = ct_tree_remove(tmp);
	if (!ret && mkdir(tmp, 0755))
		ret = -errno;
	if (ret)
		return ct_fail(tmpl->run, CT_E_MAKE_PRIVATE, tmp, "%s", strerror(-ret));
	status = ct_room(tmpl->run, tmpl->name, tmp, tmpl->bytes, tmpl->inodes);
	if (!status)
		status = ct_unpack(tmpl->run, tmpl->name, tmpl->archive, tmp);
	if (!status && (rename(tmp, path) || ct_sync_dir(path)))
		status = ct_fail(tmpl->run, CT_E_SYSTEM, path, "%s", strerror(errno));
	if (status)
		(void)ct_tree_remove(tmp);
	return status;
}

/**
 * ct_tmpl_tree_make() - have the tree of a template
 * @tmpl: the template, measured and locked; nobody can remove the tree before it is
 *	unlocked, nor later if a journal or a configuration names it by then
 *
 * Return: CT_OK, also if it was there, or an error, with nothing of it there.
 */
int ct_tmpl_tree_make(struct ct_tmpl *tmpl)
{
	char path[PATH_MAX], tmp[PATH_MAX], dir[PATH_MAX];
	int ret = ct_tmpl_tree(tmpl, path);

	if (!ret && !access(path, F_OK))
		return CT_OK;
	if (!ret)
		ret = ct_path(tmp, sizeof(tmp), "%s.tmp", path);
	if (!ret)
		ret = ct_path(dir, sizeof(dir), "%s/tree", tmpl->base);
	/* Set-user-id programs of containers are none of the host's. */
	if (!ret)
		ret = ct_make_dirs(dir, 0700);
	if (ret)
		return ct_fail(tmpl->run, CT_E_MAKE_PRIVATE, path, "%s", strerror(-ret));
	(void)ct_tmpl_trees_remove(tmpl, false);
	return ct_tree_unpack(tmpl, path, tmp);
}
