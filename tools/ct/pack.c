// SPDX-License-Identifier: GPL-2.0
/*
 * Packing a template: always a pax archive compressed by zstd
 *
 * What another program has archived is compressed as it is; a directory is archived with
 * numeric owners, hard links, access control lists and the extended attributes that a
 * template may have.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ct.h"
#include "late_archive.h"
#include "unpack.h"

#define CT_PACK_BLOCK	(256 << 10)

static int ct_pack_failed(const struct ct_run *run, const char *path, struct archive *from)
{
	int err = ct_arc->last_errno(from);
	const char *words = ct_arc->error_string(from);

	return ct_fail(run, err == ENOSPC || err == EDQUOT ? CT_E_NO_SPACE : CT_E_SYSTEM, path,
		       "%s", words ? words : strerror(err));
}

/**
 * ct_pack_open() - begin an archive
 * @run: the run
 * @path: the file; one of that name is replaced
 * @raw: what is written is an archive already
 * @out: receives it
 *
 * Return: CT_OK or an error.
 */
int ct_pack_open(const struct ct_run *run, const char *path, bool raw, struct archive **out)
{
	struct archive *a = ct_arc->write_new();

	*out = NULL;
	if (!a)
		return ct_fail(run, CT_E_SYSTEM, NULL, "%s", strerror(ENOMEM));
	(void)unlink(path);
	if (ct_arc->write_add_filter_zstd(a) == ARCHIVE_OK &&
	    (raw ? ct_arc->write_set_format_raw(a) : ct_arc->write_set_format_pax_restricted(a)) ==
	    ARCHIVE_OK && ct_arc->write_open_filename(a, path) == ARCHIVE_OK) {
		*out = a;
		return CT_OK;
	}
	ct_pack_failed(run, path, a);
	ct_arc->write_free(a);
	return CT_E_SYSTEM;
}

/**
 * ct_pack_close() - end an archive and have it on the disk
 * @run: the run
 * @path: the file
 * @out: the archive
 * @status: CT_OK, or what went wrong meanwhile
 *
 * Return: @status or an error; then there is no such file.
 */
int ct_pack_close(const struct ct_run *run, const char *path, struct archive *out, int status)
{
	int fd;

	if (!status && ct_arc->write_close(out) != ARCHIVE_OK)
		status = ct_pack_failed(run, path, out);
	ct_arc->write_free(out);
	fd = status ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (!status && (fd < 0 || fsync(fd)))
		status = ct_fail(run, CT_E_SYSTEM, path, "%s", strerror(errno));
	if (fd >= 0)
		close(fd);
	if (status)
		(void)unlink(path);
	return status;
}

/**
 * ct_pack_stream() - compress an archive
 * @run: the run
 * @path: the file
 * @from: descriptor that it comes from
 *
 * Return: CT_OK, or an error, without such a file.
 */
int ct_pack_stream(const struct ct_run *run, const char *path, int from)
{
	static char buf[CT_PACK_BLOCK];
	struct archive_entry *entry = ct_arc->entry_new();
	struct archive *out;
	ssize_t got = 1;
	int status = ct_pack_open(run, path, true, &out);

	if (status) {
		ct_arc->entry_free(entry);
		return status;
	}
	ct_arc->entry_set_filetype(entry, AE_IFREG);
	ct_arc->entry_set_pathname(entry, "tar");
	if (ct_arc->write_header(out, entry) != ARCHIVE_OK)
		status = ct_pack_failed(run, path, out);
	while (!status && got) {
		got = read(from, buf, sizeof(buf));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			status = ct_fail(run, CT_E_SYSTEM, path, "%s", strerror(errno));
		else if (got && ct_arc->write_data(out, buf, got) != got)
			status = ct_pack_failed(run, path, out);
	}
	ct_arc->entry_free(entry);
	return ct_pack_close(run, path, out, status);
}

/* The directory itself is ".", as in every template. */
static int ct_pack_entry(const struct ct_run *run, const char *path, struct archive *out,
			 struct archive_entry *entry)
{
	static char buf[CT_PACK_BLOCK];
	ssize_t got = 1;
	int fd, status = CT_OK;

	ct_xattrs_filter(entry);
	/* Names of owners mean nothing where it is unpacked. */
	ct_arc->entry_set_uname(entry, NULL);
	ct_arc->entry_set_gname(entry, NULL);
	if (ct_arc->write_header(out, entry) < ARCHIVE_WARN)
		return ct_pack_failed(run, path, out);
	if (ct_arc->entry_size(entry) <= 0 || ct_arc->entry_filetype(entry) != AE_IFREG)
		return CT_OK;
	fd = open(ct_arc->entry_sourcepath(entry), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return ct_fail(run, CT_E_SYSTEM, ct_arc->entry_pathname(entry), "%s",
			       strerror(errno));
	while (!status && got) {
		got = read(fd, buf, sizeof(buf));
		if (got < 0)
			status = ct_fail(run, CT_E_SYSTEM, ct_arc->entry_pathname(entry), "%s",
					 strerror(errno));
		else if (got && ct_arc->write_data(out, buf, got) < 0)
			status = ct_pack_failed(run, path, out);
	}
	close(fd);
	return status;
}

static int ct_pack_walk(const struct ct_run *run, const char *path, struct archive *disk,
			struct archive *out)
{
	struct archive_entry_linkresolver *links = ct_arc->entry_linkresolver_new();
	struct archive_entry *entry, *spare;
	int status = CT_OK, ret;

	ct_arc->entry_linkresolver_set_strategy(links, ARCHIVE_FORMAT_TAR_PAX_RESTRICTED);
	while (!status) {
		entry = ct_arc->entry_new();
		ret = ct_arc->read_next_header2(disk, entry);
		if (ret == ARCHIVE_EOF || ret < ARCHIVE_WARN) {
			if (ret != ARCHIVE_EOF)
				status = ct_pack_failed(run, path, disk);
			ct_arc->entry_free(entry);
			break;
		}
		ct_arc->read_disk_descend(disk);
		ct_arc->entry_linkify(links, &entry, &spare);
		if (entry)
			status = ct_pack_entry(run, path, out, entry);
		ct_arc->entry_free(entry);
	}
	ct_arc->entry_linkresolver_free(links);
	return status;
}

/**
 * ct_pack_tree() - archive a directory
 * @run: the run
 * @path: the file
 * @dir: the directory, on one file system, which nobody changes meanwhile
 *
 * Return: CT_OK, or an error, without such a file.
 */
int ct_pack_tree(const struct ct_run *run, const char *path, const char *dir)
{
	int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), status;
	struct archive *disk = ct_arc->read_disk_new(), *out;

	status = ct_pack_open(run, path, false, &out);
	if (status) {
		ct_arc->read_free(disk);
		if (back >= 0)
			close(back);
		return status;
	}
	ct_arc->read_disk_set_symlink_physical(disk);
	ct_arc->read_disk_set_behavior(disk, ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS);
	if (chdir(dir))
		status = ct_fail(run, CT_E_SYSTEM, dir, "%s", strerror(errno));
	else if (ct_arc->read_disk_open(disk, ".") != ARCHIVE_OK)
		status = ct_pack_failed(run, dir, disk);
	else
		status = ct_pack_walk(run, path, disk, out);
	ct_arc->read_free(disk);
	if (back < 0 || fchdir(back))
		(void)!chdir("/");
	if (back >= 0)
		close(back);
	return ct_pack_close(run, path, out, status);
}
