// SPDX-License-Identifier: GPL-2.0
/*
 * A template of busybox: its init, which halts on the signals that "stop" sends, and what
 * of the host's busybox belongs to it. For tests, and for containers that run one program.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "late_archive.h"
#include "spawn.h"
#include "template.h"
#include "unpack.h"

static int ct_put(struct archive *out, const char *name, int type, int mode, const char *link,
		  const char *data, size_t len)
{
	struct archive_entry *entry = ct_arc->entry_new();
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	int ret;

	ct_arc->entry_set_pathname(entry, name);
	ct_arc->entry_set_filetype(entry, type);
	ct_arc->entry_set_perm(entry, mode);
	ct_arc->entry_set_mtime(entry, epoch ? strtoll(epoch, NULL, 10) : 1700000000, 0);
	if (link)
		ct_arc->entry_set_symlink(entry, link);
	if (type == AE_IFREG)
		ct_arc->entry_set_size(entry, len);
	ret = ct_arc->write_header(out, entry);
	if (ret == ARCHIVE_OK && len && ct_arc->write_data(out, data, len) != (la_ssize_t)len)
		ret = ARCHIVE_FATAL;
	ct_arc->entry_free(entry);
	if (ret == ARCHIVE_OK)
		return 0;
	return ct_arc->last_errno(out) > 0 ? -ct_arc->last_errno(out) : -EIO;
}

/* A program of the host. */
static int ct_put_file(struct archive *out, const char *from, const char *name)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC), ret = 0;
	struct stat st;
	char *data;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st)) {
		ret = -errno;
		if (fd >= 0)
			close(fd);
		return ret;
	}
	data = malloc(st.st_size + 1);
	got = data ? read(fd, data, st.st_size) : -1;
	if (got != st.st_size)
		ret = -EIO;
	if (!ret)
		ret = ct_put(out, name, AE_IFREG, 0755, NULL, data, got);
	free(data);
	close(fd);
	return ret;
}

static int ct_put_fixed(struct archive *out)
{
	static const char inittab[] =
		"# busybox init: SIGUSR1 halts, SIGUSR2 powers off, SIGTERM reboots\n"
		"::sysinit:/bin/mkdir -p /run/lock /run/user\n"
		"::ctrlaltdel:/sbin/reboot\n";
	static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
				     "nobody:x:65534:65534:nobody:/:/bin/false\n";
	static const char group[] = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n";
	static const char hosts[] = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n";
	static const struct { const char *name, *data; size_t len; } files[] = {
		{ "./etc/inittab", inittab, sizeof(inittab) - 1 },
		{ "./etc/passwd", passwd, sizeof(passwd) - 1 },
		{ "./etc/group", group, sizeof(group) - 1 },
		{ "./etc/hosts", hosts, sizeof(hosts) - 1 },
	};
	static const char * const dirs[] = {
		".", "./bin", "./dev", "./etc", "./lib", "./mnt", "./proc", "./root", "./run",
		"./sbin", "./sys", "./usr", "./usr/bin", "./usr/sbin", "./var", "./var/log",
	};
	size_t i;
	int ret = 0;

	for (i = 0; i < sizeof(dirs) / sizeof(*dirs) && !ret; i++)
		ret = ct_put(out, dirs[i], AE_IFDIR, 0755, NULL, NULL, 0);
	if (!ret)
		ret = ct_put(out, "./tmp", AE_IFDIR, 01777, NULL, NULL, 0);
	for (i = 0; i < sizeof(files) / sizeof(*files) && !ret; i++)
		ret = ct_put(out, files[i].name, AE_IFREG, 0644, NULL, files[i].data, files[i].len);
	return ret;
}

/* The lines of what a program prints, each given to @put. */
static int ct_each_line(char * const *argv, struct archive *out,
			int (*put)(struct archive *out, char *line))
{
	char *line = NULL;
	size_t room = 0;
	int from, ret = 0;
	pid_t pid = ct_run_piped(argv, &from);
	FILE *in = pid < 0 ? NULL : fdopen(from, "r");

	while (in && !ret && getline(&line, &room, in) > 0) {
		line[strcspn(line, "\n")] = '\0';
		ret = put(out, line);
	}
	free(line);
	if (in)
		fclose(in);
	if (pid > 0)
		(void)ct_wait(pid);
	return in ? ret : -ENOMEM;
}

static int ct_put_applet(struct archive *out, char *line)
{
	char name[128];

	if (!strcmp(line, "bin/busybox") || ct_path(name, sizeof(name), "./%s", line))
		return 0;
	return ct_put(out, name, AE_IFLNK, 0777, "/bin/busybox", NULL, 0);
}

/* "libc.so.6 => /lib/libc.so.6 (0x7f...)" or "/lib64/ld.so (0x7f...)": where that lies. */
static int ct_put_library(struct archive *out, char *line)
{
	char *path = strchr(line, '/'), *end, dir[PATH_MAX], name[PATH_MAX], *pos;
	int ret = 0;

	if (!path)
		return 0;
	end = strchr(path, ' ');
	if (end)
		*end = '\0';
	if (ct_path(name, sizeof(name), ".%s", path) || ct_path(dir, sizeof(dir), ".%s", path))
		return -ENAMETOOLONG;
	/* A directory that is there twice in an archive does no harm. */
	for (pos = strchr(dir + 2, '/'); pos && !ret; pos = strchr(pos + 1, '/')) {
		*pos = '\0';
		ret = ct_put(out, dir, AE_IFDIR, 0755, NULL, NULL, 0);
		*pos = '/';
	}
	return ret ? ret : ct_put_file(out, path, name);
}

/**
 * ct_build_minimal() - a template of busybox alone
 * @run: the run
 * @name: what to call it
 * @path: the archive
 *
 * Return: CT_OK, or an error, without such a file.
 */
int ct_build_minimal(const struct ct_run *run, const char *name, const char *path)
{
	static const char * const places[] = { "/bin/busybox", "/usr/bin/busybox" };
	const char *busybox = places[access(places[0], X_OK) ? 1 : 0];
	char *list[] = { (char *)busybox, "--list-full", NULL };
	char *libs[] = { "sh", "-c", "ldd \"$1\" 2> /dev/null", "sh", (char *)busybox, NULL };
	struct archive *out;
	int status, ret;

	if (access(busybox, X_OK))
		return ct_fail(run, CT_E_BAD_TEMPLATE, name,
			       "busybox is not installed here, of which it is made");
	status = ct_pack_open(run, path, false, &out);
	if (status)
		return status;
	ret = ct_put_fixed(out);
	if (!ret)
		ret = ct_put_file(out, busybox, "./bin/busybox");
	if (!ret)
		ret = ct_each_line(list, out, ct_put_applet);
	if (!ret)
		ret = ct_each_line(libs, out, ct_put_library);
	if (!ret)
		ret = ct_put(out, "./sbin/init", AE_IFLNK, 0777, "/bin/busybox", NULL, 0);
	if (ret)
		status = ct_fail(run, ret == -ENOSPC ? CT_E_NO_SPACE : CT_E_SYSTEM, path,
				 "it cannot be written: %s",
				 strerror(-ret));
	return ct_pack_close(run, path, out, status);
}
