// SPDX-License-Identifier: GPL-2.0
/*
 * Which templates there are
 *
 * The lock of a template is a POSIX record lock like that of a container, and never stale.
 * Who uses the tree of a template is not written down anywhere beside: the configurations
 * and journals of the containers say it, and so it cannot be wrong after a crash.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "keys.h"
#include "template.h"

static const char * const ct_tmpl_kinds[] = { "", ".gz", ".xz", ".zst", ".bz2", ".lzma" };

#define CT_TMPL_KINDS	(sizeof(ct_tmpl_kinds) / sizeof(*ct_tmpl_kinds))

/**
 * ct_tmpl_name_ok() - can a template be called that?
 * @name: the name
 *
 * Return: whether it consists of letters, digits, "-", "_", "." and "+", and begins with
 * a letter or digit.
 */
bool ct_tmpl_name_ok(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) && !(i && strchr("-_.+", name[i])))
			return false;
	return i && i <= CT_TMPL_NAME_MAX;
}

/**
 * ct_tmpl_base() - a template by its name, whether it is there or not
 * @run: the run
 * @name: the name
 * @tmpl: receives it
 *
 * Return: CT_OK, or what is wrong with TEMPLATE or the name.
 */
int ct_tmpl_base(struct ct_run *run, const char *name, struct ct_tmpl *tmpl)
{
	const char *base = ct_global(run, "TEMPLATE", NULL);

	memset(tmpl, 0, sizeof(*tmpl));
	tmpl->run = run;
	tmpl->lock = -1;
	tmpl->work = -1;
	if (!base)
		return ct_fail(run, CT_E_TEMPLATE_UNSET, NULL, "TEMPLATE is not set");
	if (!ct_tmpl_name_ok(name))
		return ct_fail(run, CT_E_VALUE, NULL, "'%.96s' is no name of a template", name);
	strcpy(tmpl->name, name);
	if (*base != '/' || ct_path(tmpl->base, sizeof(tmpl->base) - 2 * NAME_MAX, "%s", base))
		return ct_fail(run, CT_E_VALUE, NULL, "TEMPLATE=\"%s\": not an absolute path", base);
	return CT_OK;
}

static void ct_tmpl_stamp(const struct stat *st, char *out, size_t size)
{
	snprintf(out, size, "%jd.%09ld.%ju", (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		 (uintmax_t)st->st_size);
}

/* What was recorded counts as long as the archive is the same file. */
static void ct_tmpl_recall(struct ct_tmpl *tmpl, const struct stat *st)
{
	const char *stamp, *digest, *bytes, *inodes, *init;
	char path[PATH_MAX], now[64];

	ct_conf_clear(&tmpl->info);
	tmpl->known = false;
	if (ct_path(path, sizeof(path), "%s/cache/%s.info", tmpl->base, tmpl->name) ||
	    ct_conf_load(&tmpl->info, path))
		return;
	ct_tmpl_stamp(st, now, sizeof(now));
	stamp = ct_get(&tmpl->info, "STAMP");
	digest = ct_get(&tmpl->info, "SHA256");
	bytes = ct_get(&tmpl->info, "BYTES");
	inodes = ct_get(&tmpl->info, "INODES");
	init = ct_get(&tmpl->info, "INIT");
	if (!stamp || strcmp(stamp, now) || !digest || strlen(digest) != CT_SHA256_HEX - 1 ||
	    !bytes || !inodes || !init)
		return;
	tmpl->known = true;
	strcpy(tmpl->digest, digest);
	tmpl->bytes = strtoull(bytes, NULL, 10);
	tmpl->inodes = strtoull(inodes, NULL, 10);
	tmpl->init = !strcmp(init, "yes");
	tmpl->source = ct_get(&tmpl->info, "SOURCE");
}

/**
 * ct_tmpl_find() - is the template there?
 * @tmpl: the template; receives its archive, and what is recorded of that
 *
 * Return: whether it is.
 */
bool ct_tmpl_find(struct ct_tmpl *tmpl)
{
	struct stat st;
	size_t i;

	for (i = 0; i < CT_TMPL_KINDS; i++) {
		if (ct_path(tmpl->archive, PATH_MAX, "%s/cache/%s.tar%s", tmpl->base, tmpl->name,
			    ct_tmpl_kinds[i]) || stat(tmpl->archive, &st) || !S_ISREG(st.st_mode))
			continue;
		tmpl->size = st.st_size;
		ct_tmpl_recall(tmpl, &st);
		return true;
	}
	return false;
}

/**
 * ct_tmpl_open() - find a template that must be there
 * @run: the run
 * @object: what it is for, for the message
 * @name: its name
 * @tmpl: receives it; to be closed even after an error
 *
 * Return: CT_OK or an error.
 */
int ct_tmpl_open(struct ct_run *run, const char *object, const char *name, struct ct_tmpl *tmpl)
{
	int status = ct_tmpl_base(run, name, tmpl);

	if (status || ct_tmpl_find(tmpl))
		return status;
	return ct_fail(run, CT_E_NO_TEMPLATE, object,
		       "there is no template %s.tar, or .tar.gz, .xz, .zst, .bz2, in %s/cache",
		       name, tmpl->base);
}

/**
 * ct_tmpl_close() - done with a template; its locks are released
 * @tmpl: the template
 */
void ct_tmpl_close(struct ct_tmpl *tmpl)
{
	ct_conf_clear(&tmpl->info);
	if (tmpl->lock >= 0)
		close(tmpl->lock);
	if (tmpl->work >= 0)
		close(tmpl->work);
	tmpl->lock = -1;
	tmpl->work = -1;
}

static int ct_tmpl_lock_file(struct ct_tmpl *tmpl, const char *suffix, bool wait, int *held)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[PATH_MAX];
	int ret, fd = -1;

	ret = ct_path(path, sizeof(path), "%s/lock", tmpl->base);
	if (!ret)
		ret = ct_make_dirs(path, 0755);
	if (!ret)
		ret = ct_path(path, sizeof(path), "%s/lock/%s%s", tmpl->base, tmpl->name, suffix);
	if (!ret) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		ret = fd < 0 ? -errno : 0;
	}
	while (!ret && fcntl(fd, wait ? F_SETLKW : F_SETLK, &lock))
		if (errno != EINTR)
			ret = -errno;
	if (!ret) {
		*held = fd;
		return CT_OK;
	}
	if (fd >= 0)
		close(fd);
	if (ret == -EAGAIN || ret == -EACCES)
		return ct_fail(tmpl->run, CT_E_LOCKED, tmpl->name,
			       "somebody is working on this template");
	return ct_fail(tmpl->run, CT_E_LOCK_DIR, path, "%s", strerror(-ret));
}

/**
 * ct_tmpl_lock() - keep others from changing a template
 * @tmpl: the template
 * @wait: wait for who holds it
 *
 * Return: CT_OK, CT_E_LOCKED if somebody has it, or an error.
 */
int ct_tmpl_lock(struct ct_tmpl *tmpl, bool wait)
{
	return ct_tmpl_lock_file(tmpl, ".lck", wait, &tmpl->lock);
}

/**
 * ct_tmpl_work() - be the only one who makes a template anew
 * @tmpl: the template; the one that is there can be used meanwhile
 *
 * Return: CT_OK, CT_E_LOCKED if somebody has it, or an error.
 */
int ct_tmpl_work(struct ct_tmpl *tmpl)
{
	return ct_tmpl_lock_file(tmpl, ".work.lck", false, &tmpl->work);
}

/* The same under another name would be found first. */
static void ct_tmpl_drop_others(const struct ct_tmpl *tmpl, const char *kept)
{
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < CT_TMPL_KINDS; i++)
		if (!ct_path(path, sizeof(path), "%s/cache/%s.tar%s", tmpl->base, tmpl->name,
			     ct_tmpl_kinds[i]) && strcmp(path, kept))
			(void)unlink(path);
}

/**
 * ct_tmpl_place() - a new archive becomes the template
 * @tmpl: the template; measured afterwards
 * @tmp: the archive, in TEMPLATE/cache, on the disk; it is gone afterwards
 * @source: where it comes from
 * @replace: instead of one that is there
 *
 * Containers of overlayfs keep the tree that they have.
 *
 * Return: CT_OK, or an error with everything as it was.
 */
int ct_tmpl_place(struct ct_tmpl *tmpl, const char *tmp, const char *source, bool replace)
{
	char path[PATH_MAX], now[64], made[40];
	struct stat st;
	time_t seconds;
	int status = ct_tmpl_lock(tmpl, true), ret;

	if (!status && ct_tmpl_find(tmpl) && !replace)
		status = ct_fail(tmpl->run, CT_E_EXISTS, tmpl->name, "there is such a template");
	ret = ct_path(path, sizeof(path), "%s/cache/%s.tar.zst", tmpl->base, tmpl->name);
	if (!status && !ret && rename(tmp, path))
		ret = -errno;
	if (!status && !ret)
		ret = ct_sync_dir(path);
	if (status || ret) {
		(void)unlink(tmp);
		return status ? status : ct_fail(tmpl->run, CT_E_SYSTEM, path, "%s",
						 strerror(-ret));
	}
	ct_tmpl_drop_others(tmpl, path);
	ct_tmpl_find(tmpl);
	ct_conf_clear(&tmpl->info);
	tmpl->known = false;
	if (!stat(path, &st)) {
		seconds = st.st_mtim.tv_sec;
		ct_tmpl_stamp(&st, now, sizeof(now));
		strftime(made, sizeof(made), "%Y-%m-%dT%H:%M:%SZ", gmtime(&seconds));
		(void)ct_conf_set(&tmpl->info, "CREATED", made);
	}
	(void)ct_conf_set(&tmpl->info, "SOURCE", source);
	return ct_tmpl_measure(tmpl);
}

static bool ct_tmpl_uses(const char *path, const char *tree)
{
	struct ct_conf conf = { 0 };
	const char *value;
	bool uses;

	if (ct_conf_load(&conf, path))
		return false;
	value = ct_get(&conf, CT_TREE_KEY);
	uses = value && !strcmp(value, tree);
	ct_conf_clear(&conf);
	return uses;
}

static size_t ct_tmpl_users_in(const char *dir, const char *suffix, const char *tree, char *list,
			       size_t size)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;
	char path[PATH_MAX];
	size_t count = 0, used, len;

	while (stream && (entry = readdir(stream))) {
		len = strlen(entry->d_name);
		if (len <= strlen(suffix) || strcmp(entry->d_name + len - strlen(suffix), suffix) ||
		    ct_path(path, sizeof(path), "%s/%s", dir, entry->d_name) ||
		    !ct_tmpl_uses(path, tree))
			continue;
		count++;
		used = strlen(list);
		if (used + len + 2 < size)
			snprintf(list + used, size - used, "%s%.*s", used ? " " : "",
				 (int)(len - strlen(suffix)), entry->d_name);
	}
	if (stream)
		closedir(stream);
	return count;
}

/**
 * ct_tmpl_users() - which containers are on top of a tree?
 * @tmpl: the template, locked if the answer is to stay true
 * @tree: NAME@DIGEST
 * @list: receives their numbers, as many as there is room for
 * @size: room there
 *
 * A container that is just being made or destroyed may count twice.
 *
 * Return: how many there are.
 */
size_t ct_tmpl_users(struct ct_tmpl *tmpl, const char *tree, char *list, size_t size)
{
	const char *state = ct_global(tmpl->run, "STATEDIR", "/var/lib/beancounter/ct");
	char dir[PATH_MAX];
	size_t count = 0;

	*list = '\0';
	if (!ct_path(dir, sizeof(dir), "%s/conf", tmpl->run->etc))
		count = ct_tmpl_users_in(dir, ".conf", tree, list, size);
	if (!count)
		count = ct_tmpl_users_in(state, ".step", tree, list, size);
	return count;
}

/**
 * ct_tmpl_begin() - where a new archive is made, empty
 * @tmpl: the template, of which who makes it has the lock
 * @tmp: receives the name that the archive has until it is complete, PATH_MAX bytes
 * @scratch: receives a new directory, PATH_MAX bytes
 * @mode: who else gets into that; set-user-id programs of an image are none of the host's
 *
 * Return: CT_OK or CT_E_SYSTEM.
 */
int ct_tmpl_begin(struct ct_tmpl *tmpl, char *tmp, char *scratch, mode_t mode)
{
	char cache[PATH_MAX];
	int ret;

	ret = ct_path(cache, sizeof(cache), "%s/cache", tmpl->base);
	if (!ret)
		ret = ct_make_dirs(cache, 0755);
	if (!ret)
		ret = ct_path(tmp, PATH_MAX, "%s/.%s.tmp", cache, tmpl->name);
	if (!ret)
		ret = ct_path(scratch, PATH_MAX, "%s/.%s.work.tmp", cache, tmpl->name);
	if (!ret)
		ret = ct_tree_remove(scratch);
	if (!ret && mkdir(scratch, mode))
		ret = -errno;
	return ret ? ct_fail(tmpl->run, CT_E_SYSTEM, scratch, "%s", strerror(-ret)) : CT_OK;
}
