// SPDX-License-Identifier: GPL-2.0
/*
 * Devices of the host in a container
 *
 * Who may use a device is decided twice: by the device controller, for all of a container,
 * and by owner and mode of the node. In a container with ids of its own nobody is root of
 * the host, so a node is made that belongs to its root: /dev/bctl-ct/CTID/N, which is
 * mounted where the container has the device. It goes when the container is stopped.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "ct.h"
#include "ids.h"
#include "rights.h"

#define CT_NODES	"/dev/bctl-ct"

static int ct_device_dir(const struct ct *ct, char *dir, size_t size)
{
	return ct_path(dir, size, "%s/%s", CT_NODES, ct->text);
}

/* A node like that of the host, for the container's root. */
static int ct_device_node(const char *node, const struct stat *st, const struct ct_ids *ids)
{
	if (mknod(node, (st->st_mode & S_IFMT) | 0600, st->st_rdev) && errno != EEXIST)
		return -errno;
	if (chown(node, ids->uid, ids->gid) || chmod(node, 0660))
		return -errno;
	return 0;
}

static bool ct_device_mount(struct ct *ct, struct lxc_container *c, const struct ct_device *dev,
			    const char *node)
{
	char entry[PATH_MAX + 128];

	snprintf(entry, sizeof(entry), "%s dev/%s none bind,create=file 0 0", node, dev->name);
	return ct_lxc_item(ct, c, "lxc.mount.entry", entry);
}

/* Find out what a name stands for, and have a node of it. */
static bool ct_device_named(struct ct *ct, struct lxc_container *c, struct ct_device *dev,
			    const struct ct_ids *ids, size_t n)
{
	char path[PATH_MAX], node[PATH_MAX], dir[PATH_MAX];
	struct stat st;
	int ret;

	ret = ct_path(path, sizeof(path), "/dev/%s", dev->name);
	if (!ret && stat(path, &st))
		ret = -errno;
	if (!ret && !S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		ret = -ENOTBLK;
	if (!ret)
		ret = ct_device_dir(ct, dir, sizeof(dir));
	if (!ret)
		ret = ct_make_dirs(dir, 0711);
	if (!ret)
		ret = ct_path(node, sizeof(node), "%s/%zu", dir, n);
	if (!ret)
		ret = ct_device_node(node, &st, ids);
	if (ret) {
		ct_fail(ct->run, CT_E_DEVICES, ct->text, "the device /dev/%s: %s", dev->name,
			ret == -ENOTBLK ? "it is not a device" : strerror(-ret));
		return false;
	}
	dev->type = S_ISBLK(st.st_mode) ? 'b' : 'c';
	dev->major = major(st.st_rdev);
	dev->minor = minor(st.st_rdev);
	return ct_device_mount(ct, c, dev, node);
}

/**
 * ct_devices() - describe the devices of a container
 * @ct: the container
 * @c: liblxc's description of it
 * @rights: what it is given
 * @ids: its ids
 *
 * Return: whether they are all there, and liblxc takes them; if not it has been said why.
 */
bool ct_devices(struct ct *ct, struct lxc_container *c, struct ct_rights *rights,
		const struct ct_ids *ids)
{
	char rule[64], minor[16];
	struct ct_device *dev;
	size_t i;

	for (i = 0; i < rights->ndev; i++) {
		dev = &rights->dev[i];
		if (*dev->name && !ct_device_named(ct, c, dev, ids, i))
			return false;
		snprintf(minor, sizeof(minor), "%u", (unsigned int)dev->minor);
		snprintf(rule, sizeof(rule), "%c %u:%s %s%sm", dev->type, dev->major,
			 dev->minor < 0 ? "*" : minor, dev->read ? "r" : "", dev->write ? "w" : "");
		if (!ct_lxc_item(ct, c, "lxc.cgroup2.devices.allow", rule))
			return false;
	}
	return true;
}

/**
 * ct_devices_clear() - remove the nodes of a container that does not run
 * @ct: the container
 */
void ct_devices_clear(struct ct *ct)
{
	char dir[PATH_MAX];

	if (!ct_device_dir(ct, dir, sizeof(dir)) && !access(dir, F_OK))
		(void)ct_tree_remove(dir);
	(void)rmdir(CT_NODES);
}
