// SPDX-License-Identifier: GPL-2.0
/*
 * Project quotas, as the kernel has them: ext4 and xfs by the same calls
 *
 * Every call is by a descriptor of the file system, so that no block device has to be
 * found. A limit that there is not is 0 for the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "disk.h"

#define CT_QUOTA_BLOCK	1024

static int ct_quotactl(const char *path, unsigned int cmd, uint32_t project, void *data)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_quotactl_fd, fd, QCMD(cmd, PRJQUOTA), project, data) ? -errno : 0;
	close(fd);
	return ret;
}

/**
 * ct_disk_state() - what does a file system do about projects?
 * @path: a directory on it
 *
 * Return: that.
 */
enum ct_disk_state ct_disk_state(const char *path)
{
	struct fs_quota_stat stat = { .qs_version = FS_QSTAT_VERSION };

	if (ct_quotactl(path, Q_XGETQSTAT, 0, &stat) || !(stat.qs_flags & FS_QUOTA_PDQ_ACCT))
		return CT_DISK_ABSENT;
	return stat.qs_flags & FS_QUOTA_PDQ_ENFD ? CT_DISK_LIMITS : CT_DISK_COUNTS;
}

/**
 * ct_disk_fs() - a name for a file system
 * @path: a directory on it
 *
 * Return: its name, "other" for one that is not known here.
 */
const char *ct_disk_fs(const char *path)
{
	static const struct { unsigned long magic; const char *name; } names[] = {
		{ 0xef53, "ext4" }, { 0x58465342, "xfs" }, { 0x9123683e, "btrfs" },
		{ 0x01021994, "tmpfs" }, { 0x6969, "nfs" }, { 0x794c7630, "overlayfs" },
		{ 0x2fc12fc1, "zfs" },
	};
	struct statfs fs;
	size_t i;

	for (i = 0; !statfs(path, &fs) && i < sizeof(names) / sizeof(*names); i++)
		if ((unsigned long)fs.f_type == names[i].magic)
			return names[i].name;
	return "other";
}

/**
 * ct_disk_get() - use and limits of a project
 * @path: a directory on the file system
 * @project: the project
 * @disk: receives them
 *
 * Return: 0 or a negative errno.
 */
int ct_disk_get(const char *path, uint32_t project, struct ct_disk *disk)
{
	struct if_dqblk dq = { 0 };
	struct if_dqinfo info = { 0 };
	int ret = ct_quotactl(path, Q_GETQUOTA, project, &dq);

	/* xfs has no record of a project that has nothing. */
	if (ret && ret != -ENOENT)
		return ret;
	*disk = (struct ct_disk) {
		.space = dq.dqb_curspace,
		.space_soft = dq.dqb_bsoftlimit * CT_QUOTA_BLOCK,
		.space_hard = dq.dqb_bhardlimit * CT_QUOTA_BLOCK,
		.inodes = dq.dqb_curinodes,
		.inodes_soft = dq.dqb_isoftlimit,
		.inodes_hard = dq.dqb_ihardlimit,
		.space_end = dq.dqb_btime,
		.inodes_end = dq.dqb_itime,
	};
	if (!ct_quotactl(path, Q_GETINFO, 0, &info))
		disk->grace = info.dqi_bgrace;
	return 0;
}

/**
 * ct_disk_set() - set the limits of a project
 * @path: a directory on the file system
 * @project: the project
 * @disk: the limits
 *
 * Return: 0 or a negative errno.
 */
int ct_disk_set(const char *path, uint32_t project, const struct ct_disk *disk)
{
	struct if_dqblk dq = {
		.dqb_bsoftlimit = (disk->space_soft + CT_QUOTA_BLOCK - 1) / CT_QUOTA_BLOCK,
		.dqb_bhardlimit = (disk->space_hard + CT_QUOTA_BLOCK - 1) / CT_QUOTA_BLOCK,
		.dqb_isoftlimit = disk->inodes_soft,
		.dqb_ihardlimit = disk->inodes_hard,
		.dqb_valid = QIF_LIMITS,
	};

	return ct_quotactl(path, Q_SETQUOTA, project, &dq);
}

/**
 * ct_disk_set_grace() - set for how long soft limits may be exceeded
 * @path: a directory on the file system
 * @seconds: how long; it counts for all projects there, from the next time on
 *
 * Return: 0 or a negative errno.
 */
int ct_disk_set_grace(const char *path, uint64_t seconds)
{
	struct if_dqinfo info = { .dqi_bgrace = seconds, .dqi_igrace = seconds,
				  .dqi_valid = IIF_BGRACE | IIF_IGRACE };

	return ct_quotactl(path, Q_SETINFO, 0, &info);
}

/**
 * ct_project_get() - the project of a file
 * @fd: descriptor of a file or directory
 * @project: receives it
 *
 * Return: 0 or a negative errno.
 */
int ct_project_get(int fd, uint32_t *project)
{
	struct fsxattr attr;

	if (ioctl(fd, FS_IOC_FSGETXATTR, &attr))
		return -errno;
	*project = attr.fsx_projid;
	return 0;
}

/**
 * ct_project_set() - put a file into a project
 * @fd: descriptor of a file or directory
 * @project: the project
 * @directory: it is a directory, and what is made in it shall be in the project, too
 *
 * Return: 0 or a negative errno.
 */
int ct_project_set(int fd, uint32_t project, bool directory)
{
	struct fsxattr attr;
	uint32_t flag = directory ? FS_XFLAG_PROJINHERIT : 0;

	if (ioctl(fd, FS_IOC_FSGETXATTR, &attr))
		return -errno;
	if (attr.fsx_projid == project && (attr.fsx_xflags & flag) == flag)
		return 0;
	attr.fsx_projid = project;
	attr.fsx_xflags |= flag;
	return ioctl(fd, FS_IOC_FSSETXATTR, &attr) ? -errno : 0;
}
