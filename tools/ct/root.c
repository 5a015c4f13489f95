// SPDX-License-Identifier: GPL-2.0
/*
 * VE_ROOT: the private area, mounted where the container has its root
 *
 * A bind mount with the ids of the container, private so that nothing that the container
 * mounts shows up beside it. It is made apart and there at once, or not at all. Two mounts
 * on top of each other are taken off together.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ct.h"
#include "storage.h"

/**
 * ct_mounted() - is something mounted on the container's root?
 * @ct: the container, whose places are known
 *
 * Return: whether that is so.
 */
bool ct_mounted(const struct ct *ct)
{
	struct statx st;

	return !statx(AT_FDCWD, ct->root, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, 0, &st) &&
	       st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/**
 * ct_mount() - mount the private area on the root
 * @ct: the container, whose places are known; not mounted yet
 *
 * Return: CT_OK, or what is wrong, with nothing mounted.
 */
int ct_mount(struct ct *ct)
{
	int ret = ct_make_dirs(ct->root, 0755), tree, status;

	if (ret)
		return ct_fail(ct->run, CT_E_MAKE_ROOT, ct->root, "%s", strerror(-ret));
	if (access(ct->private, F_OK))
		return ct_fail(ct->run, CT_E_NO_PRIVATE, ct->text, "the private area %s: %s",
			       ct->private, strerror(errno));
	if (ct_is_overlay(ct))
		return ct_overlay_mount(ct);
	status = ct_idmap_clone(ct, ct->private, &tree);
	if (status)
		return status;
	status = ct_idmap_attach(ct, tree, ct->root);
	close(tree);
	return status;
}

/**
 * ct_umount() - take off what is mounted on the root
 * @ct: the container, whose places are known
 *
 * Return: CT_OK, also if nothing was mounted, or CT_E_UMOUNT.
 */
int ct_umount(struct ct *ct)
{
	while (ct_mounted(ct))
		if (umount2(ct->root, UMOUNT_NOFOLLOW))
			return ct_fail(ct->run, CT_E_UMOUNT, ct->text, "cannot unmount %s: %s",
				       ct->root, strerror(errno));
	return CT_OK;
}
