// SPDX-License-Identifier: GPL-2.0
/*
 * Unpacking a template
 *
 * libarchive reads tar in every compression that it knows. The archive is not trusted: a
 * name that is absolute or goes through "..", a hard link to such a name, and a name that
 * leads through a symbolic link are refused, and with that the whole template. What a
 * symbolic link says is left alone: it means something inside the container only.
 *
 * Owners, modes, times, access control lists and extended attributes come along, device
 * nodes too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "ct.h"

#define CT_UNPACK_BLOCK	(256 << 10)
#define CT_UNPACK_FLAGS	(ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | \
			 ARCHIVE_EXTRACT_ACL | ARCHIVE_EXTRACT_XATTR | \
			 ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT | \
			 ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS)

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

	while ((ret = archive_read_data_block(in, &block, &size, &offset)) == ARCHIVE_OK)
		if (archive_write_data_block(out, block, size, offset) < ARCHIVE_WARN)
			return ARCHIVE_FATAL;
	return ret == ARCHIVE_EOF ? ARCHIVE_OK : ARCHIVE_FAILED;
}

static int ct_unpack_failed(struct ct *ct, struct archive *from, const char *name)
{
	int err = archive_errno(from);
	const char *words = archive_error_string(from);
	int status = err == ENOSPC || err == EDQUOT ? CT_E_NO_SPACE : CT_E_BAD_TEMPLATE;

	return ct_fail(ct->run, status, ct->text, "template: %s: %s", name,
		       words ? words : strerror(err));
}

static int ct_unpack_entry(struct ct *ct, struct archive *in, struct archive *out,
			   struct archive_entry *entry)
{
	const char *name = archive_entry_pathname(entry);
	const char *link = archive_entry_hardlink(entry);

	if (!ct_inside(name))
		return ct_fail(ct->run, CT_E_BAD_TEMPLATE, ct->text,
			       "template: the name '%s' leads out of it",
			       name ? name : "(not readable)");
	if (link && !ct_inside(link))
		return ct_fail(ct->run, CT_E_BAD_TEMPLATE, ct->text,
			       "template: '%s' is a hard link to '%s', which is not inside", name,
			       link);
	if (archive_write_header(out, entry) < ARCHIVE_OK)
		return ct_unpack_failed(ct, out, name);
	if (!archive_entry_size_is_set(entry) || archive_entry_size(entry) > 0)
		switch (ct_unpack_data(in, out)) {
		case ARCHIVE_OK:
			break;
		case ARCHIVE_FATAL:
			return ct_unpack_failed(ct, out, name);
		default:
			return ct_unpack_failed(ct, in, name);
		}
	if (archive_write_finish_entry(out) < ARCHIVE_OK)
		return ct_unpack_failed(ct, out, name);
	return CT_OK;
}

static int ct_unpack_all(struct ct *ct, struct archive *in, struct archive *out)
{
	struct archive_entry *entry;
	int ret, status = CT_OK;

	while (!status && (ret = archive_read_next_header(in, &entry)) != ARCHIVE_EOF) {
		if (ret < ARCHIVE_WARN)
			status = ct_unpack_failed(ct, in, "not a tar archive, or cut off");
		else
			status = ct_unpack_entry(ct, in, out, entry);
	}
	if (!status && archive_write_close(out) < ARCHIVE_OK)
		status = ct_unpack_failed(ct, out, "the end");
	return status;
}

/* libarchive takes names relative to the working directory. */
static int ct_unpack_here(struct ct *ct, const char *archive)
{
	struct archive *in = archive_read_new(), *out = archive_write_disk_new();
	int status = CT_E_SYSTEM;

	if (!in || !out) {
		ct_fail(ct->run, status, NULL, "%s", strerror(ENOMEM));
	} else {
		archive_read_support_filter_all(in);
		archive_read_support_format_tar(in);
		archive_write_disk_set_options(out, CT_UNPACK_FLAGS);
		archive_write_disk_set_standard_lookup(out);
		if (archive_read_open_filename(in, archive, CT_UNPACK_BLOCK) == ARCHIVE_OK)
			status = ct_unpack_all(ct, in, out);
		else
			status = ct_unpack_failed(ct, in, archive);
	}
	archive_read_free(in);
	archive_write_free(out);
	return status;
}

/* There must be something to start. */
static bool ct_has_init(int dir)
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
 * ct_unpack() - unpack a template and have it on the disk
 * @ct: the container
 * @archive: the template, an absolute path
 * @dir: a directory that is there
 *
 * Return: CT_OK, or what is wrong; something may be in @dir then.
 */
int ct_unpack(struct ct *ct, const char *archive, const char *dir)
{
	int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), status;
	mode_t mask = umask(0);

	if (fd < 0 || fchdir(fd)) {
		status = ct_fail(ct->run, CT_E_MAKE_PRIVATE, dir, "%s", strerror(errno));
	} else {
		status = ct_unpack_here(ct, archive);
		if (!status && !ct_has_init(fd))
			status = ct_fail(ct->run, CT_E_BAD_TEMPLATE, ct->text,
					 "template: %s: there is no /sbin/init", archive);
		if (!status && syncfs(fd))
			status = ct_fail(ct->run, CT_E_SYSTEM, dir, "%s", strerror(errno));
	}
	umask(mask);
	if (back < 0 || fchdir(back))
		(void)!chdir("/");
	if (back >= 0)
		close(back);
	if (fd >= 0)
		close(fd);
	return status;
}
