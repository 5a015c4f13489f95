// SPDX-License-Identifier: GPL-2.0
/*
 * Unpacking an archive
 *
 * libarchive reads tar in every compression that it knows. The archive is not trusted: a
 * name that is absolute or goes through "..", a hard link to such a name, and a name that
 * leads through a symbolic link are refused, and with that the whole archive. What a
 * symbolic link says is left alone: it means something inside the container only.
 *
 * Owners by number, modes, times and access control lists come along. Owners by name do
 * not: the names would be looked up on this host. Of extended attributes those of users
 * and the capabilities of files come along; the others tell file systems, overlayfs for
 * one, how to treat a file. Device nodes other than the well-known ones of /dev stay away.
 *
 * A layer of an image may say that a file of the layers below is gone, by a file with
 * ".wh." before its name, or all files of a directory, by ".wh..wh..opq". That concerns the
 * layers below alone, so these are looked for first, in a reading of their own.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "ct.h"
#include "late_archive.h"
#include "unpack.h"

#define CT_UNPACK_BLOCK	(256 << 10)
#define CT_UNPACK_FLAGS	(ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | \
			 ARCHIVE_EXTRACT_ACL | ARCHIVE_EXTRACT_XATTR | \
			 ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT | \
			 ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS)
#define CT_WHITEOUT	".wh."
#define CT_OPAQUE	".wh..wh..opq"

/**
 * struct ct_unpacking - an archive that is being unpacked
 * @run: the run
 * @what: what to call it
 * @layer: it is a layer of an image
 * @dir: where to
 * @size: bytes of the archive
 * @shown: percent that were shown last, -1 for none
 * @devices: device nodes that were left out
 */
struct ct_unpacking {
	const struct ct_run *run;
	const char *what;
	bool layer;
	int dir;
	uint64_t size;
	int shown;
	unsigned long devices;
};

/* Does this name stay below the directory where it is taken? */
static bool ct_inside(const char *name)
{
	const char *pos;

	if (!name || *name == '/')
		return false;
	for (pos = name; pos; pos = strchr(pos, '/')) {
		pos += *pos == '/';
		if (!strncmp(pos, "..", 2) && (pos[2] == '/' || !pos[2]))
			return false;
	}
	return true;
}

static int ct_unpack_data(struct archive *in, struct archive *out)
{
	const void *block;
	la_int64_t offset;
	size_t size;
	int ret;

	while ((ret = ct_arc->read_data_block(in, &block, &size, &offset)) == ARCHIVE_OK)
		if (ct_arc->write_data_block(out, block, size, offset) < ARCHIVE_WARN)
			return ARCHIVE_FATAL;
	return ret == ARCHIVE_EOF ? ARCHIVE_OK : ARCHIVE_FAILED;
}

static int ct_unpack_failed(const struct ct_unpacking *u, struct archive *from, const char *name)
{
	int err = ct_arc->last_errno(from);
	const char *words = ct_arc->error_string(from);
	int status = err == ENOSPC || err == EDQUOT ? CT_E_NO_SPACE : CT_E_BAD_TEMPLATE;

	return ct_fail(u->run, status, u->what, "template: %s: %s", name,
		       words ? words : strerror(err));
}

/* Nodes without which nothing runs, and which give access to nothing. */
static bool ct_device_ok(struct archive_entry *entry)
{
	static const struct { unsigned int major, minor; } ok[] = {
		{ 1, 3 }, { 1, 5 }, { 1, 7 }, { 1, 8 }, { 1, 9 }, { 5, 0 }, { 5, 1 }, { 5, 2 },
	};
	unsigned int major = ct_arc->entry_rdevmajor(entry), minor = ct_arc->entry_rdevminor(entry);
	size_t i;

	if (ct_arc->entry_filetype(entry) == AE_IFBLK)
		return false;
	if (ct_arc->entry_filetype(entry) != AE_IFCHR)
		return true;
	for (i = 0; i < sizeof(ok) / sizeof(*ok); i++)
		if (ok[i].major == major && ok[i].minor == minor)
			return true;
	return false;
}

/**
 * ct_xattrs_filter() - leave out the extended attributes that a template may not have
 * @entry: the entry
 */
void ct_xattrs_filter(struct archive_entry *entry)
{
	struct { char name[256]; void *value; size_t size; } kept[16];
	const char *name;
	const void *value;
	size_t count = 0, size, i;

	ct_arc->entry_xattr_reset(entry);
	while (ct_arc->entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
		if (count == sizeof(kept) / sizeof(*kept) || !name ||
		    strlen(name) >= sizeof(kept[0].name) ||
		    (strncmp(name, "user.", 5) && strcmp(name, "security.capability")) ||
		    !strncmp(name, "user.overlay.", 13))
			continue;
		strcpy(kept[count].name, name);
		kept[count].value = malloc(size ? size : 1);
		kept[count].size = size;
		if (kept[count].value)
			memcpy(kept[count++].value, value, size);
	}
	ct_arc->entry_xattr_clear(entry);
	for (i = 0; i < count; i++) {
		ct_arc->entry_xattr_add_entry(entry, kept[i].name, kept[i].value, kept[i].size);
		free(kept[i].value);
	}
}

/* How far it is, in place on a terminal. */
static void ct_show_progress(struct ct_unpacking *u, struct archive *in)
{
	int percent;

	if (!u->run->progress || !u->size)
		return;
	percent = ct_arc->filter_bytes(in, -1) * 100 / u->size;
	if (percent == u->shown || percent > 100)
		return;
	u->shown = percent;
	fprintf(stderr, "\r%s: %3d %%%s", u->what, percent, percent == 100 ? "\n" : "");
}

static void ct_end_progress(struct ct_unpacking *u)
{
	if (u->shown >= 0 && u->shown < 100)
		fputc('\n', stderr);
	u->shown = -1;
}

/* The directory of a name below @top, through no link. */
static int ct_open_above(int top, const char *name, const char **last)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
					   RESOLVE_NO_MAGICLINKS };
	char dir[PATH_MAX];
	int fd;

	if (ct_path(dir, sizeof(dir), "./%s", name))
		return -ENAMETOOLONG;
	*strrchr(dir, '/') = '\0';
	*last = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	fd = syscall(SYS_openat2, top, dir, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

/* Remove what a layer says is gone; that it was never there is no error. */
static int ct_whiteout(struct ct_unpacking *u, const char *name)
{
	const char *last;
	int dir, ret;

	if (!ct_inside(name))
		return CT_OK;	/* found and told when the files are unpacked */
	dir = ct_open_above(u->dir, name, &last);
	if (dir == -ENOENT || dir == -ENOTDIR)
		return CT_OK;
	ret = dir;
	if (dir >= 0 && !strcmp(last, CT_OPAQUE))
		ret = ct_tree_clear_at(dir);
	else if (dir >= 0 && last[strlen(CT_WHITEOUT)])
		ret = ct_tree_remove_at(dir, last + strlen(CT_WHITEOUT));
	if (dir >= 0)
		close(dir);
	return ret < 0 ? ct_fail(u->run, CT_E_BAD_TEMPLATE, u->what, "template: %s: %s", name,
				 strerror(-ret)) : CT_OK;
}

static bool ct_is_whiteout(const char *name)
{
	const char *last = name ? strrchr(name, '/') : NULL;

	last = last ? last + 1 : name;
	return last && !strncmp(last, CT_WHITEOUT, strlen(CT_WHITEOUT));
}

/* A file takes the place of a directory of the layers below. */
static int ct_make_way(struct ct_unpacking *u, struct archive_entry *entry, const char *name)
{
	const char *last;
	struct stat st;
	int dir, ret = 0;

	if (ct_arc->entry_filetype(entry) == AE_IFDIR && !ct_arc->entry_hardlink(entry))
		return CT_OK;
	dir = ct_open_above(u->dir, name, &last);
	if (dir < 0)
		return CT_OK;
	if (*last && !fstatat(dir, last, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode))
		ret = ct_tree_remove_at(dir, last);
	close(dir);
	return ret ? ct_fail(u->run, CT_E_BAD_TEMPLATE, u->what, "template: %s: %s", name,
			     strerror(-ret)) : CT_OK;
}

/* May this be unpacked? */
static int ct_unpack_check(struct ct_unpacking *u, struct archive_entry *entry)
{
	const char *name = ct_arc->entry_pathname(entry);
	const char *link = ct_arc->entry_hardlink(entry);

	if (!ct_inside(name))
		return ct_fail(u->run, CT_E_BAD_TEMPLATE, u->what,
			       "template: the name '%s' leads out of it",
			       name ? name : "(not readable)");
	if (link && !ct_inside(link))
		return ct_fail(u->run, CT_E_BAD_TEMPLATE, u->what,
			       "template: '%s' is a hard link to '%s', which is not inside", name,
			       link);
	return u->layer ? ct_make_way(u, entry, name) : CT_OK;
}

static int ct_unpack_entry(struct ct_unpacking *u, struct archive *in, struct archive *out,
			   struct archive_entry *entry)
{
	const char *name = ct_arc->entry_pathname(entry);
	int status;

	if (u->layer && ct_is_whiteout(name))
		return CT_OK;
	if (!ct_device_ok(entry)) {
		u->devices++;
		return CT_OK;
	}
	status = ct_unpack_check(u, entry);
	if (status)
		return status;
	ct_xattrs_filter(entry);
	if (ct_arc->write_header(out, entry) < ARCHIVE_OK)
		return ct_unpack_failed(u, out, name);
	if (!ct_arc->entry_size_is_set(entry) || ct_arc->entry_size(entry) > 0)
		switch (ct_unpack_data(in, out)) {
		case ARCHIVE_OK:
			break;
		case ARCHIVE_FATAL:
			return ct_unpack_failed(u, out, name);
		default:
			return ct_unpack_failed(u, in, name);
		}
	if (ct_arc->write_finish_entry(out) < ARCHIVE_OK)
		return ct_unpack_failed(u, out, name);
	return CT_OK;
}

/* One reading of the archive; without @out for what is gone. */
static int ct_unpack_all(struct ct_unpacking *u, struct archive *in, struct archive *out)
{
	struct archive_entry *entry;
	int ret, status = CT_OK;

	while (!status && (ret = ct_arc->read_next_header(in, &entry)) != ARCHIVE_EOF) {
		if (ret < ARCHIVE_WARN)
			status = ct_unpack_failed(u, in, "not a tar archive, or cut off");
		else if (out)
			status = ct_unpack_entry(u, in, out, entry);
		else if (ct_is_whiteout(ct_arc->entry_pathname(entry)))
			status = ct_whiteout(u, ct_arc->entry_pathname(entry));
		if (out && !status)
			ct_show_progress(u, in);
	}
	if (!status && out && ct_arc->write_close(out) < ARCHIVE_OK)
		status = ct_unpack_failed(u, out, "the end");
	return status;
}

static int ct_read_archive(struct ct_unpacking *u, const char *path, struct archive *out)
{
	struct archive *in = ct_arc->read_new();
	struct stat st;
	int status;

	if (!in)
		return ct_fail(u->run, CT_E_SYSTEM, NULL, "%s", strerror(ENOMEM));
	u->size = stat(path, &st) ? 0 : st.st_size;
	ct_arc->read_support_filter_all(in);
	ct_arc->read_support_format_tar(in);
	if (ct_arc->read_open_filename(in, path, CT_UNPACK_BLOCK) == ARCHIVE_OK)
		status = ct_unpack_all(u, in, out);
	else
		status = ct_unpack_failed(u, in, path);
	ct_arc->read_free(in);
	return status;
}

/* libarchive takes names relative to the working directory. */
static int ct_unpack_here(struct ct_unpacking *u, const char *path)
{
	struct archive *out = ct_arc->write_disk_new();
	int status = CT_OK;

	if (!out)
		return ct_fail(u->run, CT_E_SYSTEM, NULL, "%s", strerror(ENOMEM));
	ct_arc->write_disk_set_options(out, CT_UNPACK_FLAGS);
	if (u->layer)
		status = ct_read_archive(u, path, NULL);
	if (!status)
		status = ct_read_archive(u, path, out);
	ct_end_progress(u);
	ct_arc->write_free(out);
	return status;
}

/**
 * ct_has_init() - is there something to start?
 * @dir: the root of a container
 *
 * Return: whether one of the usual names of an init is there.
 */
bool ct_has_init(int dir)
{
	static const char * const inits[] = { "sbin/init", "etc/init", "bin/init", "init" };
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(inits) / sizeof(*inits); i++)
		if (!fstatat(dir, inits[i], &st, AT_SYMLINK_NOFOLLOW))
			return true;
	/* /sbin may be a link of the container, which is not for the host to follow. */
	return !fstatat(dir, "usr/sbin/init", &st, AT_SYMLINK_NOFOLLOW);
}

/**
 * ct_unpack_to() - unpack an archive
 * @run: the run
 * @what: what to call it
 * @archive: the archive, an absolute path
 * @dir: a directory that is there
 * @layer: it is a layer of an image, and what is in @dir are those below it
 *
 * Return: CT_OK, or what is wrong; something may be in @dir then.
 */
int ct_unpack_to(const struct ct_run *run, const char *what, const char *archive, const char *dir,
		 bool layer)
{
	struct ct_unpacking u = { .run = run, .what = what, .layer = layer, .shown = -1 };
	int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), status;
	mode_t mask = umask(0);

	u.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (u.dir < 0 || fchdir(u.dir))
		status = ct_fail(run, CT_E_MAKE_PRIVATE, dir, "%s", strerror(errno));
	else
		status = ct_unpack_here(&u, archive);
	if (!status && u.devices)
		ct_note(run, what, "%lu device nodes were left out", u.devices);
	umask(mask);
	if (back < 0 || fchdir(back))
		(void)!chdir("/");
	if (back >= 0)
		close(back);
	if (u.dir >= 0)
		close(u.dir);
	return status;
}

/**
 * ct_unpack() - unpack a template and have it on the disk
 * @run: the run
 * @what: what to call it
 * @archive: the template, an absolute path
 * @dir: a directory that is there
 *
 * Return: CT_OK, or what is wrong; something may be in @dir then.
 */
int ct_unpack(const struct ct_run *run, const char *what, const char *archive, const char *dir)
{
	int status = ct_unpack_to(run, what, archive, dir, false), fd;

	if (status)
		return status;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ct_fail(run, CT_E_SYSTEM, dir, "%s", strerror(errno));
	if (!ct_has_init(fd))
		status = ct_fail(run, CT_E_BAD_TEMPLATE, what,
				 "template: %s: there is no /sbin/init", archive);
	if (!status && syncfs(fd))
		status = ct_fail(run, errno == ENOSPC ? CT_E_NO_SPACE : CT_E_SYSTEM, dir, "%s",
				 strerror(errno));
	close(fd);
	return status;
}

/**
 * ct_room() - is there room for what is to be written?
 * @run: the run
 * @what: what is to be written
 * @dir: where to; what is there of it
 * @bytes: how many bytes
 * @inodes: how many files
 *
 * Others may take it meanwhile: that is found out when it happens.
 *
 * Return: CT_OK or CT_E_NO_SPACE.
 */
int ct_room(const struct ct_run *run, const char *what, const char *dir, uint64_t bytes,
	    uint64_t inodes)
{
	struct statvfs fs;
	uint64_t room;

	if (statvfs(dir, &fs))
		return CT_OK;
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (room < bytes)
		return ct_fail(run, CT_E_NO_SPACE, what,
			       "it takes %" PRIu64 " MiB, and %" PRIu64 " MiB are free in %s",
			       (bytes >> 20) + 1, room >> 20, dir);
	/* A file system without a fixed number of inodes says 0. */
	if (fs.f_files && fs.f_favail < inodes)
		return ct_fail(run, CT_E_NO_SPACE, what,
			       "it has %" PRIu64 " files, and %" PRIu64 " inodes are free in %s",
			       inodes, (uint64_t)fs.f_favail, dir);
	return CT_OK;
}
