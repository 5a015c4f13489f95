// SPDX-License-Identifier: GPL-2.0
/*
 * The mount of a container on top of a template
 *
 * Each layer is mounted with the ids of the container, and overlayfs on these mounts. It
 * takes layers only from mounts that are somewhere, so a process with a mount namespace of
 * its own puts them over their own directories there, makes the overlay, and hands it back
 * as a descriptor. With that process the namespace goes, and what remains is the overlay
 * alone: nobody sees its layers, and killing anybody on the way leaves nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keys.h"
#include "spawn.h"
#include "storage.h"

/**
 * ct_is_overlay() - does a container have its files on top of a template?
 * @ct: the container
 *
 * Return: whether its configuration says so.
 */
bool ct_is_overlay(const struct ct *ct)
{
	const char *layout = ct_get(&ct->conf, "VE_LAYOUT");

	return layout && !strcmp(layout, "simfs:overlay");
}

static int ct_send_fd(int sock, int fd)
{
	union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; } control = { 0 };
	struct iovec byte = { "", 1 };
	struct msghdr msg = { .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

static int ct_receive_fd(int sock)
{
	union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; } control = { 0 };
	char c;
	struct iovec byte = { &c, 1 };
	struct msghdr msg = { .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *head;
	int fd = -1;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	head = CMSG_FIRSTHDR(&msg);
	if (head && head->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

/* The reasons that the kernel gives for the last call. */
static void ct_overlay_why(const struct ct *ct, int fs)
{
	char text[512];
	int err = errno;
	ssize_t len = fs < 0 ? -1 : read(fs, text, sizeof(text) - 1);

	text[len > 0 ? len : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	ct_fail(ct->run, CT_E_MOUNT, ct->text, "overlayfs: %s%s%s", strerror(err),
		len > 0 ? ": " : "", text);
}

/* An overlay of the mounts; paths of descriptors have nothing in them to be escaped. */
static int ct_overlay_make(const struct ct *ct, int lower, int private)
{
	const char *keys[] = { "lowerdir", "upperdir", "workdir", "redirect_dir", "index",
			       "metacopy" };
	char values[3][64];
	const char *value[] = { values[0], values[1], values[2], "on", "off", "off" };
	int fs = fsopen("overlay", FSOPEN_CLOEXEC), mnt = -1, ret = fs < 0 ? -errno : 0;
	size_t i;

	snprintf(values[0], sizeof(values[0]), "/proc/self/fd/%d", lower);
	snprintf(values[1], sizeof(values[1]), "/proc/self/fd/%d/upper", private);
	snprintf(values[2], sizeof(values[2]), "/proc/self/fd/%d/work", private);
	for (i = 0; i < sizeof(keys) / sizeof(*keys) && !ret; i++)
		ret = fsconfig(fs, FSCONFIG_SET_STRING, keys[i], value[i], 0);
	if (!ret)
		ret = fsconfig(fs, FSCONFIG_SET_STRING, "source", "overlay", 0);
	if (!ret)
		ret = fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (!ret)
		mnt = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
	if (mnt < 0)
		ct_overlay_why(ct, fs);
	if (fs >= 0)
		close(fs);
	return mnt;
}

/*
 * What overlayfs makes on its own account, directories and copies, belongs to who has mounted
 * it until it is given to its owner: that must be somebody whom the layers know, the root of
 * the container. The capabilities stay.
 */
static int ct_overlay_become(const struct ct_ids *ids)
{
	if (!ct_ids_mapped(ids))
		return 0;
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP))
		return -errno;
	setfsgid(ids->gid);
	setfsuid(ids->uid);
	return 0;
}

static int ct_overlay_child(struct ct *ct, const char *tree, int lower, int private, int sock)
{
	struct ct_ids ids;
	int mnt;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return ct_fail(ct->run, CT_E_MOUNT, ct->text, "%s", strerror(errno));
	if (ct_idmap_attach(ct, lower, tree) || ct_idmap_attach(ct, private, ct->private))
		return CT_E_MOUNT;
	/* They were given when the layers were cloned. */
	if (ct_ids_own(ct, &ids) || ct_overlay_become(&ids))
		return ct_fail(ct->run, CT_E_MOUNT, ct->text, "its ids cannot be used: %s",
			       strerror(errno));
	mnt = ct_overlay_make(ct, lower, private);
	return mnt < 0 || ct_send_fd(sock, mnt) ? CT_E_MOUNT : CT_OK;
}

static int ct_overlay_fork(struct ct *ct, const char *tree, int lower, int private, int *mnt)
{
	pid_t self = getpid(), pid;
	int ends[2];

	*mnt = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return ct_fail(ct->run, CT_E_RESOURCES, ct->text, "%s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(getppid() != self ? CT_E_SYSTEM :
		      ct_overlay_child(ct, tree, lower, private, ends[1]));
	}
	close(ends[1]);
	if (pid > 0) {
		*mnt = ct_receive_fd(ends[0]);
		(void)ct_wait(pid);
	} else {
		ct_fail(ct->run, CT_E_RESOURCES, ct->text, "%s", strerror(errno));
	}
	close(ends[0]);
	return *mnt < 0 ? CT_E_MOUNT : CT_OK;
}

static int ct_overlay_tree(const struct ct *ct, char *tree)
{
	const char *name = ct_get(&ct->conf, CT_TREE_KEY);
	const char *base = ct_global(ct->run, "TEMPLATE", "");

	if (!name || strchr(name, '/') || *name == '.' ||
	    ct_path(tree, PATH_MAX, "%s/tree/%s", base, name))
		return ct_fail(ct->run, CT_E_VALUE, ct->text, "%s=\"%s\" names no template",
			       CT_TREE_KEY, name ? name : "");
	if (access(tree, F_OK))
		return ct_fail(ct->run, CT_E_NO_TEMPLATE, ct->text, "the template below it, %s: %s",
			       tree, strerror(errno));
	return CT_OK;
}

/**
 * ct_overlay_mount() - mount a container on top of its template
 * @ct: the container, locked, whose places are known and there
 *
 * Return: CT_OK or an error, with nothing mounted.
 */
int ct_overlay_mount(struct ct *ct)
{
	int lower = -1, private = -1, mnt = -1, status;
	char tree[PATH_MAX];

	status = ct_overlay_tree(ct, tree);
	if (!status)
		status = ct_idmap_clone(ct, tree, &lower);
	if (!status)
		status = ct_idmap_clone(ct, ct->private, &private);
	if (!status)
		status = ct_overlay_fork(ct, tree, lower, private, &mnt);
	if (!status)
		status = ct_idmap_attach(ct, mnt, ct->root);
	if (mnt >= 0)
		close(mnt);
	if (private >= 0)
		close(private);
	if (lower >= 0)
		close(lower);
	return status;
}
