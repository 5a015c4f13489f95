// SPDX-License-Identifier: GPL-2.0
/*
 * How a container comes by the files of its template
 *
 *	simfs, simfs:copy	unpacked: a directory of its own
 *	simfs:overlay		two directories, "upper" with its own files and "work" of
 *				overlayfs, on top of the unpacked template
 *	simfs:reflink		copied from the unpacked template, with shared blocks, where
 *				the file system can: a directory of its own afterwards
 *
 * Hard links to the files of a template are refused. OpenVZ had them with a patched kernel
 * that took a link apart when somebody wrote; here root of a container would write into the
 * template and so into all other containers, and neither an immutable file, which it could
 * not replace by an update either, nor any mount option changes that.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys.h"
#include "spawn.h"
#include "storage.h"
#include "unpack.h"

static int ct_storage_word(const struct ct *ct, const char *word, enum ct_storage *how)
{
	static const char * const words[] = { "copy", "overlay", "reflink" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(words[i], word)) {
			*how = i;
			return CT_OK;
		}
	if (!strcmp(word, "hardlink"))
		return ct_fail(ct->run, CT_E_PLOOP, ct->text,
			       "hard links would let root of one container write into all others; overlay or reflink share files safely");
	return ct_fail(ct->run, CT_E_PLOOP, ct->text,
		       "storage '%.32s' is not there; copy, overlay and reflink are", word);
}

/**
 * ct_storage_parse() - read a layout
 * @ct: the container
 * @layout: VE_LAYOUT or --layout
 * @how: receives what it says
 *
 * Return: CT_OK or CT_E_PLOOP.
 */
int ct_storage_parse(const struct ct *ct, const char *layout, enum ct_storage *how)
{
	*how = CT_STORE_COPY;
	if (!strcmp(layout, "simfs"))
		return CT_OK;
	if (!strncmp(layout, "simfs:", 6))
		return ct_storage_word(ct, layout + 6, how);
	return ct_fail(ct->run, CT_E_PLOOP, ct->text,
		       "layout '%.32s' is not there; simfs, a directory, and simfs:overlay are",
		       layout);
}

/**
 * ct_storage_option() - read --storage
 * @ct: the container
 * @word: its value, NULL if it is not given
 * @how: receives what it says
 *
 * Return: CT_OK or CT_E_PLOOP.
 */
int ct_storage_option(const struct ct *ct, const char *word, enum ct_storage *how)
{
	return word ? ct_storage_word(ct, word, how) : CT_OK;
}

/**
 * ct_storage_check() - can this container be mounted?
 * @ct: the container
 *
 * Return: CT_OK or CT_E_PLOOP.
 */
int ct_storage_check(const struct ct *ct)
{
	const char *layout = ct_get(&ct->conf, "VE_LAYOUT");
	enum ct_storage how;

	return layout ? ct_storage_parse(ct, layout, &how) : CT_OK;
}

/* Can a file of the tree share its blocks with one of the private area? */
static int ct_reflink_try(const char *from, const char *to)
{
	int src = open(from, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int dst = open(to, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), ret = 0;

	if (src < 0 || dst < 0 || write(src, "x", 1) != 1 || ioctl(dst, FICLONE, src))
		ret = -errno;
	if (src >= 0)
		close(src);
	if (dst >= 0)
		close(dst);
	return ret;
}

static int ct_storage_keys(struct ct *ct, enum ct_storage how, const char *tree)
{
	const char *layout = ct_get(&ct->conf, "VE_LAYOUT");
	int ret = 0;

	ct_conf_unset(&ct->conf, CT_TREE_KEY);
	if (how == CT_STORE_OVERLAY) {
		ret = ct_conf_set(&ct->conf, "VE_LAYOUT", "simfs:overlay");
		if (!ret)
			ret = ct_conf_set(&ct->conf, CT_TREE_KEY, tree);
		/* In the journal as well, so that the tree counts as used from now on. */
		if (!ret)
			ret = ct_conf_set(&ct->step, CT_TREE_KEY, tree);
	} else if (layout && strcmp(layout, "simfs")) {
		ret = ct_conf_set(&ct->conf, "VE_LAYOUT", "simfs");
	}
	return ret ? ct_fail(ct->run, CT_E_VALUE, ct->text, "%s", strerror(-ret)) : CT_OK;
}

/**
 * ct_storage_prepare() - have what a new container is made of
 * @ct: the container; its configuration and journal receive the tree
 * @how: what is asked for
 * @tmpl: the template, found; locked afterwards if it has a tree that is needed
 *
 * Return: CT_OK or an error.
 */
int ct_storage_prepare(struct ct *ct, enum ct_storage how, struct ct_tmpl *tmpl)
{
	char path[PATH_MAX] = "";
	int status = ct_tmpl_measure(tmpl);

	if (!status && !tmpl->init)
		status = ct_fail(ct->run, CT_E_BAD_TEMPLATE, ct->text,
				 "template: %s: there is no /sbin/init", tmpl->archive);
	if (!status && how != CT_STORE_COPY) {
		status = ct_tmpl_lock(tmpl, true);
		/* It may have been built anew while the lock was waited for. */
		if (!status && !ct_tmpl_find(tmpl))
			status = ct_fail(ct->run, CT_E_NO_TEMPLATE, ct->text,
					 "the template %s has gone", tmpl->name);
		if (!status)
			status = ct_tmpl_measure(tmpl);
		if (!status)
			status = ct_tmpl_tree_make(tmpl);
		if (!status && ct_tmpl_tree(tmpl, path))
			status = CT_E_SYSTEM;
	}
	return status ? status : ct_storage_keys(ct, how, *path ? strrchr(path, '/') + 1 : "");
}

/* The root of an overlay looks like its upper directory. */
static int ct_fill_overlay(struct ct *ct, const char *tree, const char *dir)
{
	char upper[PATH_MAX], work[PATH_MAX];
	struct stat st;
	int ret = stat(tree, &st) ? -errno : 0;

	if (!ret)
		ret = ct_path(upper, sizeof(upper), "%s/upper", dir);
	if (!ret)
		ret = ct_path(work, sizeof(work), "%s/work", dir);
	if (!ret && (mkdir(upper, 0755) || mkdir(work, 0700) ||
		     chown(upper, st.st_uid, st.st_gid) || chmod(upper, st.st_mode & 07777)))
		ret = -errno;
	return ret ? ct_fail(ct->run, ret == -ENOSPC ? CT_E_NO_SPACE : CT_E_MAKE_PRIVATE, dir,
			     "%s", strerror(-ret)) : CT_OK;
}

static int ct_fill_reflink(struct ct *ct, const char *tree, const char *dir)
{
	char from[PATH_MAX];
	char *argv[] = { "cp", "-a", "--reflink=always", "--one-file-system", "-T", from,
			 (char *)dir, NULL };
	int ret = ct_reflink_try(tree, dir), out;
	pid_t pid;

	if (ret)
		return ct_fail(ct->run, CT_E_MAKE_PRIVATE, ct->text,
			       "files of %s cannot share blocks with others in %s: %s; both must be on one xfs or btrfs",
			       tree, dir, strerror(-ret));
	if (ct_path(from, sizeof(from), "%s", tree))
		return CT_E_SYSTEM;
	pid = ct_run_piped(argv, &out);
	if (pid > 0)
		close(out);
	if (pid < 0 || ct_wait(pid))
		return ct_fail(ct->run, CT_E_MAKE_PRIVATE, ct->text, "cp has failed");
	return CT_OK;
}

/**
 * ct_storage_fill() - put the files of the template into a private area
 * @ct: the container
 * @how: what is asked for
 * @tmpl: the template, prepared
 * @dir: the private area, empty
 *
 * Return: CT_OK, or an error; something may be in there then.
 */
int ct_storage_fill(struct ct *ct, enum ct_storage how, struct ct_tmpl *tmpl, const char *dir)
{
	char tree[PATH_MAX];
	int status, fd;

	if (how == CT_STORE_COPY) {
		status = ct_room(ct->run, ct->text, dir, tmpl->bytes, tmpl->inodes);
		return status ? status : ct_unpack(ct->run, ct->text, tmpl->archive, dir);
	}
	if (ct_tmpl_tree(tmpl, tree))
		return CT_E_SYSTEM;
	status = how == CT_STORE_OVERLAY ? ct_fill_overlay(ct, tree, dir) :
		 ct_fill_reflink(ct, tree, dir);
	fd = status ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!status && (fd < 0 || syncfs(fd)))
		status = ct_fail(ct->run, CT_E_SYSTEM, dir, "%s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return status;
}
