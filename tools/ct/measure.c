// SPDX-License-Identifier: GPL-2.0
/*
 * What is in a template
 *
 * Room and number of files are counted once, by reading all names, and recorded beside the
 * archive with its digest; so it can be said before anything is unpacked that there is no
 * room for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "late_archive.h"
#include "late_sha256.h"
#include "template.h"

#define CT_MEASURE_BLOCK	(256 << 10)
/* What a file takes at least, and a multiple of which it takes. */
#define CT_FS_BLOCK		4096

/**
 * ct_sha256_file() - the digest of a file
 * @path: the file
 * @hex: receives the digest in hexadecimal digits
 *
 * Return: 0 or a negative errno.
 */
int ct_sha256_file(const char *path, char hex[CT_SHA256_HEX])
{
	static uint8_t buf[CT_MEASURE_BLOCK];
	uint8_t digest[SHA256_DIGEST_SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct sha256_ctx ctx;
	ssize_t got;
	size_t i;

	if (fd < 0)
		return -errno;
	ct_sha256->init(&ctx);
	while ((got = read(fd, buf, sizeof(buf))) > 0)
		ct_sha256->update(&ctx, got, buf);
	got = got < 0 ? -errno : 0;
	close(fd);
	ct_sha256->digest(&ctx, sizeof(digest), digest);
	for (i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return got;
}

/**
 * ct_sha256_inside() - the digest of what a compressed file has in it
 * @path: the file; it need not be compressed
 * @hex: receives the digest in hexadecimal digits
 *
 * Return: 0 or -EIO.
 */
int ct_sha256_inside(const char *path, char hex[CT_SHA256_HEX])
{
	struct archive *in = ct_arc->read_new();
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct archive_entry *entry;
	struct sha256_ctx ctx;
	int ret = ARCHIVE_FATAL;
	la_int64_t offset;
	const void *block;
	size_t size, i;

	ct_sha256->init(&ctx);
	ct_arc->read_support_filter_all(in);
	ct_arc->read_support_format_raw(in);
	if (ct_arc->read_open_filename(in, path, CT_MEASURE_BLOCK) == ARCHIVE_OK &&
	    ct_arc->read_next_header(in, &entry) == ARCHIVE_OK)
		while ((ret = ct_arc->read_data_block(in, &block, &size, &offset)) == ARCHIVE_OK)
			ct_sha256->update(&ctx, size, block);
	ct_arc->read_free(in);
	ct_sha256->digest(&ctx, sizeof(digest), digest);
	for (i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return ret == ARCHIVE_EOF ? 0 : -EIO;
}

static bool ct_is_init(const char *name)
{
	static const char * const inits[] = { "sbin/init", "etc/init", "bin/init", "init",
					      "usr/sbin/init" };
	size_t i;

	name += !strncmp(name, "./", 2) ? 2 : 0;
	for (i = 0; i < sizeof(inits) / sizeof(*inits); i++)
		if (!strcmp(name, inits[i]))
			return true;
	return false;
}

static void ct_measure_entry(struct ct_amount *sum, struct archive_entry *entry)
{
	const char *name = ct_arc->entry_pathname(entry);
	int64_t size = ct_arc->entry_size_is_set(entry) ? ct_arc->entry_size(entry) : 0;

	if (name && ct_is_init(name))
		sum->init = true;
	if (ct_arc->entry_hardlink(entry))
		return;
	sum->inodes++;
	if (ct_arc->entry_filetype(entry) == AE_IFDIR)
		size = CT_FS_BLOCK;
	if (size > 0)
		sum->bytes += ((uint64_t)size + CT_FS_BLOCK - 1) / CT_FS_BLOCK * CT_FS_BLOCK;
}

/**
 * ct_measure() - add up what is in an archive
 * @run: the run
 * @path: the archive
 * @sum: what is added to
 *
 * Return: CT_OK or CT_E_BAD_TEMPLATE.
 */
int ct_measure(const struct ct_run *run, const char *path, struct ct_amount *sum)
{
	struct archive *in = ct_arc->read_new();
	struct archive_entry *entry;
	int ret = ARCHIVE_FATAL, status = CT_OK;
	const char *words;

	if (!in)
		return ct_fail(run, CT_E_SYSTEM, NULL, "%s", strerror(ENOMEM));
	ct_arc->read_support_filter_all(in);
	ct_arc->read_support_format_tar(in);
	if (ct_arc->read_open_filename(in, path, CT_MEASURE_BLOCK) == ARCHIVE_OK)
		while ((ret = ct_arc->read_next_header(in, &entry)) >= ARCHIVE_WARN &&
		       ret != ARCHIVE_EOF)
			ct_measure_entry(sum, entry);
	if (ret != ARCHIVE_EOF) {
		words = ct_arc->error_string(in);
		status = ct_fail(run, CT_E_BAD_TEMPLATE, path,
				 "template: not a tar archive, or cut off: %s",
				 words ? words : "cannot be read");
	}
	ct_arc->read_free(in);
	return status;
}

static void ct_measure_record(struct ct_tmpl *tmpl, const struct stat *st)
{
	char path[PATH_MAX], stamp[64], bytes[24], inodes[24];
	const char *pairs[][2] = {
		{ "STAMP", stamp }, { "SHA256", tmpl->digest }, { "BYTES", bytes },
		{ "INODES", inodes }, { "INIT", tmpl->init ? "yes" : "no" },
	};
	int ret = ct_path(path, sizeof(path), "%s/cache/%s.info", tmpl->base, tmpl->name);
	size_t i;

	snprintf(stamp, sizeof(stamp), "%jd.%09ld.%ju", (intmax_t)st->st_mtim.tv_sec,
		 st->st_mtim.tv_nsec, (uintmax_t)st->st_size);
	snprintf(bytes, sizeof(bytes), "%" PRIu64, tmpl->bytes);
	snprintf(inodes, sizeof(inodes), "%" PRIu64, tmpl->inodes);
	for (i = 0; i < sizeof(pairs) / sizeof(*pairs) && !ret; i++)
		ret = ct_conf_set(&tmpl->info, pairs[i][0], pairs[i][1]);
	/* Where it cannot be written it is counted again the next time. */
	if (!ret)
		(void)ct_conf_save(&tmpl->info, path);
}

/**
 * ct_tmpl_measure() - find out what is in a template
 * @tmpl: the template, which is there
 *
 * Return: CT_OK with @tmpl->known, or an error.
 */
int ct_tmpl_measure(struct ct_tmpl *tmpl)
{
	struct ct_amount sum = { 0 };
	struct stat st;
	int status, ret;

	if (tmpl->known)
		return CT_OK;
	if (stat(tmpl->archive, &st))
		return ct_fail(tmpl->run, CT_E_NO_TEMPLATE, tmpl->archive, "%s", strerror(errno));
	status = ct_measure(tmpl->run, tmpl->archive, &sum);
	if (status)
		return status;
	tmpl->bytes = sum.bytes;
	tmpl->inodes = sum.inodes;
	tmpl->init = sum.init;
	ret = ct_sha256_file(tmpl->archive, tmpl->digest);
	if (ret)
		return ct_fail(tmpl->run, CT_E_SYSTEM, tmpl->archive, "%s", strerror(-ret));
	tmpl->known = true;
	ct_measure_record(tmpl, &st);
	return CT_OK;
}
