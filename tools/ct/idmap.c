// SPDX-License-Identifier: GPL-2.0
/*
 * Mounts with the ids of a container
 *
 * Files are on the disk with the ids that they have inside: 0 is the container's root, and
 * a private area or a template can be used with any range. A mount through which they are
 * used has the range: who is 0 inside, and 1879048192 on the host, say, is 0 on the disk
 * through it, and vice versa. The host's own root is nobody there.
 *
 * The kernel takes the range from a user namespace, so one is made for a moment, by a
 * process that does nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ct.h"
#include "ids.h"

static int ct_write_map(pid_t pid, const char *file, uint32_t first)
{
	char path[64], text[64];
	int fd, len, ret = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	len = snprintf(text, sizeof(text), "0 %u %u\n", first, CT_IDS_COUNT);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != len)
		ret = -errno;
	close(fd);
	return ret;
}

/* It shares all memory with its parent, errno included: none of these calls can fail. */
static int ct_userns_wait(void *data)
{
	const int *ends = data;
	char c;

	syscall(SYS_close, ends[1]);
	return syscall(SYS_read, ends[0], &c, 1) != 0;
}

/* The child waits for the end of its parent, or of what that has to do here. */
static pid_t ct_userns_child(int ends[2])
{
	static char stack[16384] __attribute__((aligned(16)));
	pid_t pid = clone(ct_userns_wait, stack + sizeof(stack), CLONE_NEWUSER | CLONE_VM | SIGCHLD,
			  ends);

	return pid < 0 ? -errno : pid;
}

/**
 * ct_userns_open() - a user namespace with certain ids
 * @ids: the ids
 *
 * Return: a descriptor, or a negative errno.
 */
int ct_userns_open(const struct ct_ids *ids)
{
	int ends[2], ret, fd = -1;
	char path[64];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	pid = ct_userns_child(ends);
	close(ends[0]);
	ret = pid < 0 ? pid : ct_write_map(pid, "uid_map", ids->uid);
	if (!ret)
		ret = ct_write_map(pid, "gid_map", ids->gid);
	if (!ret) {
		snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		ret = fd < 0 ? -errno : fd;
	}
	close(ends[1]);
	if (pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	return ret;
}

/* A name for what statfs() calls a file system, of those that are met. */
static const char *ct_fs_name(const char *path)
{
	static const struct { unsigned long magic; const char *name; } names[] = {
		{ 0x01021994, "tmpfs" }, { 0x794c7630, "overlayfs" }, { 0x6969, "NFS" },
		{ 0x2fc12fc1, "ZFS" }, { 0x65735546, "FUSE" }, { 0xff534d42, "CIFS" },
		{ 0x858458f6, "ramfs" }, { 0x01021997, "9p" },
	};
	struct statfs fs;
	size_t i;

	for (i = 0; !statfs(path, &fs) && i < sizeof(names) / sizeof(*names); i++)
		if ((unsigned long)fs.f_type == names[i].magic)
			return names[i].name;
	return "that";
}

static int ct_idmap_tree(struct ct *ct, const char *path, const struct ct_ids *ids, int tree)
{
	struct mount_attr attr = { .propagation = MS_PRIVATE };
	int userns = -1, ret = 0;

	if (ct_ids_mapped(ids)) {
		userns = ct_userns_open(ids);
		if (userns < 0)
			return ct_fail(ct->run, CT_E_MOUNT, ct->text,
				       "cannot make a user namespace: %s", strerror(-userns));
		/* What root in there cannot make, files that were brought along do not do. */
		attr.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_NODEV;
		attr.userns_fd = userns;
	}
	if (mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)))
		ret = -errno;
	if (userns >= 0)
		close(userns);
	if (ret == -EINVAL && ct_ids_mapped(ids))
		return ct_fail(ct->run, CT_E_MOUNT, ct->text,
			       "%s: this kernel cannot map the ids of files on %s; --local_uid 0 is a container without user namespace",
			       path, ct_fs_name(path));
	return ret ? ct_fail(ct->run, CT_E_MOUNT, path, "%s", strerror(-ret)) : CT_OK;
}

/**
 * ct_idmap_clone() - a mount of a directory with the ids of a container
 * @ct: the container, locked; if it has no ids yet it gets some
 * @path: the directory; nothing that is mounted below it comes along
 * @tree: receives a descriptor of the mount, which is nowhere yet, and private; to be
 *	closed in the end. For a container without user namespace the ids are those on the
 *	disk.
 *
 * Return: CT_OK or an error, with nothing left over.
 */
int ct_idmap_clone(struct ct *ct, const char *path, int *tree)
{
	struct ct_ids ids;
	int status = ct_ids_own(ct, &ids);

	if (status)
		return status;
	*tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
			  AT_SYMLINK_NOFOLLOW);
	if (*tree < 0)
		return ct_fail(ct->run, CT_E_MOUNT, path, "%s", strerror(errno));
	status = ct_idmap_tree(ct, path, &ids, *tree);
	if (status)
		close(*tree);
	return status;
}

/**
 * ct_idmap_attach() - mount what ct_idmap_clone() has made
 * @ct: the container
 * @tree: the mount
 * @point: where
 *
 * Return: CT_OK or CT_E_MOUNT.
 */
int ct_idmap_attach(struct ct *ct, int tree, const char *point)
{
	if (!move_mount(tree, "", AT_FDCWD, point, MOVE_MOUNT_F_EMPTY_PATH))
		return CT_OK;
	return ct_fail(ct->run, CT_E_MOUNT, point, "%s", strerror(errno));
}
