// SPDX-License-Identifier: GPL-2.0
/*
 * Where a suspended container is: a directory with criu's images
 *
 *	DUMPDIR/Dump.101/images		what ran, memory above all
 *	DUMPDIR/Dump.101/manifest	whose it is, how much, and its network; written last
 *	DUMPDIR/Dump.101.tmp		one that is being made, or was
 *
 * Whoever can write the images decides what the restored tasks are, root of the host if he
 * likes, and whoever can read them has every secret of the container. So the directory is
 * nobody's but root's, and one that is not is not used. What is in it has other
 * permissions: criu reads the images with the ids of the container, from a descriptor.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "ct.h"
#include "keys.h"
#include "net.h"

#define CT_MANIFEST	"manifest"
#define CT_DUMP_VERSION	"1"

/**
 * ct_dump_path() - where the dump of a container is, or would be
 * @ct: the container
 * @given: what was asked for, or NULL
 * @out: receives the path of the directory, PATH_MAX bytes
 *
 * Return: CT_OK or CT_E_VALUE.
 */
int ct_dump_path(const struct ct *ct, const char *given, char *out)
{
	const char *dir = ct_global(ct->run, "DUMPDIR", "/var/lib/vz/dump");
	int ret;

	if (given && *given != '/')
		return ct_fail(ct->run, CT_E_VALUE, given, "not an absolute path");
	ret = given ? ct_path(out, PATH_MAX - 32, "%s", given) :
		      ct_path(out, PATH_MAX - 32, "%s/Dump.%s", dir, ct->text);
	if (ret)
		return ct_fail(ct->run, CT_E_VALUE, given ? given : dir, "%s", strerror(-ret));
	while (strlen(out) > 1 && out[strlen(out) - 1] == '/')
		out[strlen(out) - 1] = '\0';
	return CT_OK;
}

/**
 * ct_dump_images() - where the images of a dump are
 * @path: the directory of the dump
 * @out: receives the path, PATH_MAX bytes
 *
 * Return: 0 or -ENAMETOOLONG.
 */
int ct_dump_images(const char *path, char *out)
{
	return ct_path(out, PATH_MAX, "%s/images", path);
}

static void ct_manifest_path(const char *path, char *out)
{
	ct_path(out, PATH_MAX, "%s/%s", path, CT_MANIFEST);
}

/**
 * ct_dump_there() - is there a dump that is complete?
 * @path: its directory
 *
 * Return: whether its manifest, which is written last, is there.
 */
bool ct_dump_there(const char *path)
{
	char manifest[PATH_MAX];

	ct_manifest_path(path, manifest);
	return !access(manifest, F_OK);
}

/**
 * ct_suspended() - was a container suspended?
 * @ct: the container
 *
 * Return: whether its dump is where it is looked for; not if it was put elsewhere.
 */
bool ct_suspended(const struct ct *ct)
{
	char path[PATH_MAX];

	return !ct_dump_path(ct, NULL, path) && ct_dump_there(path);
}

/* How many files there are, and bytes in them; with @sync all of that is on the disk. */
static int ct_dump_measure(const char *path, bool sync, uint64_t *files, uint64_t *bytes)
{
	char images[PATH_MAX];
	struct dirent *entry;
	const char *dot;
	struct stat st;
	int fd, ret = ct_dump_images(path, images);
	DIR *dir = ret ? NULL : opendir(images);

	*files = 0;
	*bytes = 0;
	if (!dir)
		return ret ? ret : -errno;
	while (!ret && (entry = readdir(dir))) {
		/* criu leaves logs and statistics beside them. */
		dot = strrchr(entry->d_name, '.');
		if (!dot || strcmp(dot, ".img"))
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC |
			    O_NONBLOCK);
		if (fd < 0 || fstat(fd, &st) || (sync && fsync(fd)))
			ret = -errno;
		else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
			 st.st_mode & (S_IWGRP | S_IWOTH))
			ret = -EPERM;
		if (fd >= 0)
			close(fd);
		*files += 1;
		*bytes += ret ? 0 : st.st_size;
	}
	if (!ret && sync && fsync(dirfd(dir)))
		ret = -errno;
	closedir(dir);
	return ret;
}

/**
 * ct_file_move() - move a file, maybe to another file system
 * @from: the file
 * @to: its new name; a file of that name is replaced
 *
 * Return: 0 or a negative errno.
 */
int ct_file_move(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), out, ret = 0;
	ssize_t done;

	if (in < 0)
		return -errno;
	(void)unlink(to);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	do {
		done = out < 0 ? -1 : sendfile(out, in, NULL, 1 << 20);
		ret = done < 0 ? -errno : 0;
	} while (done > 0);
	close(in);
	if (out >= 0)
		close(out);
	if (!ret)
		(void)unlink(from);
	return ret;
}

/* Nobody else's, and nobody else can look into it. */
static int ct_dump_ours(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		return -errno;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & (S_IRWXG | S_IRWXO)) ? 0 : -EPERM;
}

static const char *ct_manifest_wrong(const struct ct *ct, const struct ct_conf *manifest,
				     uint64_t files, uint64_t bytes)
{
	const char *version = ct_get(manifest, "VERSION"), *id = ct_get(manifest, "CTID");
	const char *have_files = ct_get(manifest, "FILES"), *have = ct_get(manifest, "BYTES");

	if (!version || !id || !have_files || !have)
		return "its manifest is not one";
	if (strcmp(version, CT_DUMP_VERSION))
		return "it is of another version of this program";
	if (strcmp(id, ct->text))
		return "it is of another container";
	if (strtoull(have_files, NULL, 10) != files || strtoull(have, NULL, 10) != bytes)
		return "it is damaged: files are missing, or cut short";
	return NULL;
}

/**
 * ct_dump_check() - can a container be resumed from this?
 * @ct: the container
 * @path: the directory of the dump
 * @network: receives what its network was; to be cleared by the caller, also after an error
 *
 * Return: CT_OK or CT_E_RESUME.
 */
int ct_dump_check(struct ct *ct, const char *path, struct ct_conf *network)
{
	char manifest[PATH_MAX];
	struct ct_conf conf = { 0 };
	uint64_t files, bytes;
	const char *wrong, *kernel;
	struct utsname uts;
	int ret = ct_dump_ours(path);

	if (ret == -EPERM)
		return ct_fail(ct->run, CT_E_RESUME, path,
			       "not a directory that nobody but root can use");
	ct_manifest_path(path, manifest);
	if (!ret)
		ret = ct_conf_load(&conf, manifest);
	if (!ret)
		ret = ct_dump_measure(path, false, &files, &bytes);
	if (ret) {
		ct_conf_clear(&conf);
		return ct_fail(ct->run, CT_E_RESUME, path, ret == -ENOENT ?
			       "there is no dump: it was not suspended" : "%s", strerror(-ret));
	}
	wrong = ct_manifest_wrong(ct, &conf, files, bytes);
	if (!wrong && ct_up_copy(network, &conf))
		wrong = strerror(ENOMEM);
	kernel = ct_get(&conf, "KERNEL");
	if (!wrong && kernel && !uname(&uts) && strcmp(kernel, uts.release))
		ct_note(ct->run, ct->text, "it was suspended on the kernel %s, and this is %s",
			kernel, uts.release);
	ct_conf_clear(&conf);
	return wrong ? ct_fail(ct->run, CT_E_RESUME, path, "%s", wrong) : CT_OK;
}

/**
 * ct_dump_new() - make an empty directory for a dump
 * @ct: the container
 * @path: where the dump is to be in the end
 * @tmp: receives where it is made, PATH_MAX bytes
 *
 * Return: CT_OK or CT_E_SUSPEND.
 */
int ct_dump_new(struct ct *ct, const char *path, char *tmp)
{
	char above[PATH_MAX], images[PATH_MAX];
	int ret;

	strcpy(above, path);
	ret = ct_path(tmp, PATH_MAX, "%s.tmp", path);
	if (!ret)
		ret = ct_dump_images(tmp, images);
	if (!ret)
		ret = ct_make_dirs(dirname(above), 0700);
	if (!ret)
		ret = ct_dump_drop(tmp);
	if (!ret && (mkdir(tmp, 0700) || mkdir(images, 0755)))
		ret = -errno;
	return ret ? ct_fail(ct->run, CT_E_SUSPEND, path, "%s", strerror(-ret)) : CT_OK;
}

static int ct_manifest_write(const struct ct *ct, const char *tmp)
{
	struct ct_conf manifest = { 0 }, up = { 0 };
	char path[PATH_MAX], text[32];
	uint64_t files, bytes;
	struct utsname uts;
	int ret = ct_dump_measure(tmp, true, &files, &bytes);

	if (!ret)
		ret = ct_conf_set(&manifest, "VERSION", CT_DUMP_VERSION);
	if (!ret)
		ret = ct_conf_set(&manifest, "CTID", ct->text);
	if (!ret && !uname(&uts))
		ret = ct_conf_set(&manifest, "KERNEL", uts.release);
	snprintf(text, sizeof(text), "%" PRIu64, files);
	if (!ret)
		ret = ct_conf_set(&manifest, "FILES", text);
	snprintf(text, sizeof(text), "%" PRIu64, bytes);
	if (!ret)
		ret = ct_conf_set(&manifest, "BYTES", text);
	if (!ret && !ct_up_load(ct, &up))
		ret = ct_up_copy(&manifest, &up);
	ct_manifest_path(tmp, path);
	if (!ret)
		ret = ct_conf_save(&manifest, path);
	ct_conf_clear(&manifest);
	ct_conf_clear(&up);
	return ret;
}

/**
 * ct_dump_commit() - from here on the dump counts
 * @ct: the container
 * @tmp: where it was made
 * @path: where it is to be
 *
 * Return: CT_OK with all of it on the disk, or CT_E_SUSPEND.
 */
int ct_dump_commit(struct ct *ct, const char *tmp, const char *path)
{
	int ret = ct_manifest_write(ct, tmp);

	if (!ret && rename(tmp, path))
		ret = -errno;
	if (!ret)
		ret = ct_sync_dir(path);
	return ret ? ct_fail(ct->run, CT_E_SUSPEND, path, "%s", strerror(-ret)) : CT_OK;
}

/**
 * ct_dump_drop() - remove a dump, or what there is of one
 * @path: its directory
 *
 * The manifest goes first: from then on there is no dump.
 *
 * Return: 0, also if there was none, or a negative errno.
 */
int ct_dump_drop(const char *path)
{
	char manifest[PATH_MAX];
	int ret = ct_dump_ours(path);

	if (ret)
		return ret == -ENOENT ? 0 : ret;
	ct_manifest_path(path, manifest);
	if (unlink(manifest) && errno != ENOENT)
		return -errno;
	ret = ct_sync_dir(manifest);
	return ret ? ret : ct_tree_remove(path);
}
