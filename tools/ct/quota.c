// SPDX-License-Identifier: GPL-2.0
/*
 * DISKSPACE, DISKINODES, QUOTATIME, DISK_QUOTA
 *
 * A container's private area is a project of its file system, whose number follows from
 * that of the container; the limits are those of the project. Use is counted wherever the
 * file system can, and limited when the configuration says so. Where it says so and the
 * file system cannot, the container does not start: a limit that is not kept is none.
 *
 * Unlike in OpenVZ the time for which a soft limit may be exceeded is one for all projects
 * of a file system; QUOTATIME of the container that started last counts. With a time of 0
 * the soft limit is a hard one.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/beancounter.h>

#include "disk.h"
#include "keys.h"
#include "parse.h"

static uint64_t ct_quota_bound(uint64_t num, uint64_t unit)
{
	return num == BC_UNLIMITED ? CT_DISK_NONE : num * unit;
}

static int ct_quota_pair(const struct ct *ct, const struct ct_conf *conf, const char *key,
			 uint32_t unit, struct ct_value *val)
{
	const char *text = ct_get(conf, key), *why;

	val->given = false;
	if (!text)
		return CT_OK;
	/* Blocks of 1 KiB are what it counts in, as pages elsewhere. */
	if (ct_value_parse(text, unit, 1024, val, &why))
		return ct_fail(ct->run, CT_E_VALUE, ct->text, "%s=\"%.64s\": %s", key, text, why);
	if (val->barrier > val->limit)
		return ct_fail(ct->run, CT_E_VALUE, ct->text,
			       "%s=\"%.64s\": the soft limit is above the hard one", key, text);
	if (!val->limit)
		return ct_fail(ct->run, CT_E_VALUE, ct->text, "%s=\"%.64s\": nothing fits into 0",
			       key, text);
	return CT_OK;
}

/**
 * ct_quota_conf() - read the keys of the disk
 * @ct: the container
 * @conf: the configuration
 * @quota: receives what they say
 *
 * Return: CT_OK or CT_E_VALUE.
 */
int ct_quota_conf(const struct ct *ct, const struct ct_conf *conf, struct ct_quota *quota)
{
	const char *on = ct_get(conf, "DISK_QUOTA"), *time = ct_get(conf, "QUOTATIME");
	struct ct_value space, inodes;
	uint32_t seconds = 0;
	int status;

	memset(quota, 0, sizeof(*quota));
	if (!on)
		on = ct_global(ct->run, "DISK_QUOTA", "yes");
	quota->off = !strcmp(on, "no");
	status = ct_quota_pair(ct, conf, "DISKSPACE", BC_UNIT_PAGES, &space);
	if (!status)
		status = ct_quota_pair(ct, conf, "DISKINODES", BC_UNIT_ITEMS, &inodes);
	if (!status && time && bc_u32_parse(time, &seconds))
		status = ct_fail(ct->run, CT_E_VALUE, ct->text,
				 "QUOTATIME=\"%.32s\": not a number of seconds", time);
	if (status)
		return status;
	quota->space = space.given;
	quota->inodes = inodes.given;
	quota->time = time;
	quota->disk.grace = seconds;
	if (space.given) {
		quota->disk.space_soft = ct_quota_bound(space.barrier, 1024);
		quota->disk.space_hard = ct_quota_bound(space.limit, 1024);
	}
	if (inodes.given) {
		quota->disk.inodes_soft = ct_quota_bound(inodes.barrier, 1);
		quota->disk.inodes_hard = ct_quota_bound(inodes.limit, 1);
	}
	/* No time at all to be above the soft limit. */
	if (time && !seconds && quota->disk.space_soft)
		quota->disk.space_hard = quota->disk.space_soft;
	if (time && !seconds && quota->disk.inodes_soft)
		quota->disk.inodes_hard = quota->disk.inodes_soft;
	return CT_OK;
}

/**
 * ct_quota_check() - are the keys of the disk right?
 * @ct: the container
 * @conf: the configuration
 *
 * Return: CT_OK or CT_E_VALUE.
 */
int ct_quota_check(const struct ct *ct, const struct ct_conf *conf)
{
	struct ct_quota quota;

	return ct_quota_conf(ct, conf, &quota);
}

/**
 * ct_quota_unable() - refuse limits that the file system cannot keep
 * @ct: the container
 *
 * Return: CT_E_QUOTA_ON, having said what the admin can do about it.
 */
int ct_quota_unable(const struct ct *ct)
{
	const char *fs = ct_disk_fs(ct->private), *how;
	bool counts = ct_disk_state(ct->private) == CT_DISK_COUNTS;

	if (!strcmp(fs, "ext4"))
		how = counts ? "mount it with prjquota" :
		      "tune2fs -O project,quota -Q prjquota on the unmounted file system, and mount it with prjquota";
	else if (!strcmp(fs, "xfs"))
		how = "mount it with pquota; for the root file system by rootflags=pquota of the kernel";
	else
		how = "have VE_PRIVATE on ext4 or xfs";
	return ct_fail(ct->run, CT_E_QUOTA_ON, ct->text,
		       "DISKSPACE and DISKINODES cannot be kept on this file system (%s): %s, or DISK_QUOTA=\"no\"",
		       fs, how);
}

/**
 * ct_quota_new() - a private area begins, empty
 * @ct: the container
 * @dir: its directory
 *
 * It is counted from the first file on where that is possible.
 *
 * Return: CT_OK or CT_E_QUOTA_INIT.
 */
int ct_quota_new(struct ct *ct, const char *dir)
{
	struct ct_quota quota;
	int status = ct_quota_conf(ct, &ct->conf, &quota), ret;

	if (status || quota.off || ct_disk_state(dir) == CT_DISK_ABSENT)
		return status;
	ret = ct_project_new(dir, ct_project(ct));
	return ret ? ct_fail(ct->run, CT_E_QUOTA_INIT, dir, "cannot be put into a project: %s",
			     strerror(-ret)) : CT_OK;
}

/**
 * ct_quota_foreign() - is the project somebody else's?
 * @ct: the container
 *
 * /etc/projid has names for projects, and nobody names one of these for us.
 *
 * Return: CT_OK or CT_E_QUOTA_INIT.
 */
int ct_quota_foreign(const struct ct *ct)
{
	FILE *f = fopen("/etc/projid", "re");
	char *line = NULL, *colon, name[64] = "";
	size_t room = 0;

	while (f && !*name && getline(&line, &room, f) > 0) {
		colon = *line == '#' ? NULL : strchr(line, ':');
		if (colon && strtoul(colon + 1, NULL, 10) == ct_project(ct))
			snprintf(name, sizeof(name), "%.*s", (int)(colon - line), line);
	}
	free(line);
	if (f)
		fclose(f);
	return *name ? ct_fail(ct->run, CT_E_QUOTA_INIT, ct->text,
			       "project %u is '%s' in /etc/projid; it would be that of this container",
			       ct_project(ct), name) : CT_OK;
}

/**
 * ct_quota_walk() - put all files of a container into its project
 * @ct: the container, neither running nor mounted
 *
 * xfs takes no file into a project beyond its limits, so there are none meanwhile. Should
 * this be killed there are none until the next start or quotaon, which sets them anew.
 *
 * Return: CT_OK or CT_E_QUOTA_INIT.
 */
int ct_quota_walk(struct ct *ct)
{
	static const struct ct_disk none;
	struct ct_disk limits;
	bool limited = ct_disk_state(ct->private) == CT_DISK_LIMITS &&
		       !ct_disk_get(ct->private, ct_project(ct), &limits) &&
		       !ct_disk_set(ct->private, ct_project(ct), &none);
	unsigned long count = 0;
	int ret;

	ct_note(ct->run, ct->text, "counting the files of %s", ct->private);
	ret = ct_project_walk(ct->private, ct_project(ct), &count);
	if (limited)
		(void)ct_disk_set(ct->private, ct_project(ct), &limits);
	if (ret)
		return ct_fail(ct->run, CT_E_QUOTA_INIT, ct->private,
			       "after %lu files: %s; the next time does the rest", count,
			       strerror(-ret));
	return CT_OK;
}

/* Set the limits, and the time if the configuration has one. */
static int ct_quota_limits(struct ct *ct, const struct ct_quota *quota)
{
	struct ct_disk now = { 0 };
	int ret = ct_disk_set(ct->private, ct_project(ct), &quota->disk);

	if (!ret && quota->time && quota->disk.grace) {
		ret = ct_disk_get(ct->private, ct_project(ct), &now);
		if (!ret && now.grace != quota->disk.grace) {
			ret = ct_disk_set_grace(ct->private, quota->disk.grace);
			ct_note(ct->run, ct->text,
				"QUOTATIME=\"%" PRIu64 "\" counts for all containers on this file system",
				quota->disk.grace);
		}
	}
	return ret ? ct_fail(ct->run, CT_E_QUOTA_SET, ct->text,
			     "the limits of the disk cannot be set: %s", strerror(-ret)) : CT_OK;
}

/**
 * ct_quota_on() - set the limits of the disk
 * @ct: the container
 * @quota: the limits
 * @running: its files are in use, and cannot be walked
 *
 * Return: CT_OK or an error.
 */
int ct_quota_on(struct ct *ct, const struct ct_quota *quota, bool running)
{
	int status;

	if (ct_disk_state(ct->private) != CT_DISK_LIMITS)
		return ct_quota_unable(ct);
	status = ct_quota_foreign(ct);
	if (!status && !ct_project_done(ct->private, ct_project(ct))) {
		if (running)
			return ct_fail(ct->run, CT_E_QUOTA_INIT, ct->text,
				       "its files are not counted yet; stop it, and start it");
		status = ct_quota_walk(ct);
	}
	return status ? status : ct_quota_limits(ct, quota);
}

/**
 * ct_quota_start() - have the limits of the disk before the container runs
 * @ct: the container, neither running nor mounted, whose places are known
 *
 * Return: CT_OK or an error.
 */
int ct_quota_start(struct ct *ct)
{
	static const struct ct_disk none;
	struct ct_quota quota;
	int status = ct_quota_conf(ct, &ct->conf, &quota);

	if (status)
		return status;
	if (!quota.off && (quota.space || quota.inodes))
		return ct_quota_on(ct, &quota, false);
	/* Those of an earlier start. */
	if (ct_project_done(ct->private, ct_project(ct)))
		(void)ct_disk_set(ct->private, ct_project(ct), &none);
	return CT_OK;
}

/**
 * ct_quota_set() - change the limits of a container that runs
 * @ct: the container
 * @conf: the configuration
 * @before: receives the limits that it had
 *
 * Return: CT_OK, or an error with nothing changed.
 */
int ct_quota_set(struct ct *ct, const struct ct_conf *conf, struct ct_disk *before)
{
	struct ct_quota quota;
	int status = ct_quota_conf(ct, conf, &quota);

	memset(before, 0, sizeof(*before));
	if (status)
		return status;
	(void)ct_disk_get(ct->private, ct_project(ct), before);
	if (quota.off || !(quota.space || quota.inodes)) {
		memset(&quota.disk, 0, sizeof(quota.disk));
		if (ct_disk_state(ct->private) != CT_DISK_LIMITS)
			return CT_OK;
		return ct_quota_limits(ct, &quota);
	}
	return ct_quota_on(ct, &quota, true);
}

/**
 * ct_quota_back() - undo that
 * @ct: the container
 * @before: the limits that it had
 */
void ct_quota_back(struct ct *ct, const struct ct_disk *before)
{
	(void)ct_disk_set(ct->private, ct_project(ct), before);
}

/**
 * ct_quota_forget() - the container is gone, and its limits with it
 * @ct: the container, whose files are removed
 */
void ct_quota_forget(struct ct *ct)
{
	static const struct ct_disk none;
	char above[PATH_MAX];
	struct ct_disk disk;

	if (ct_path(above, sizeof(above), "%s", ct->private) || !strchr(above + 1, '/'))
		return;
	*strrchr(above, '/') = '\0';
	/* A record that has limits alone would stay for ever. */
	if (!ct_disk_get(above, ct_project(ct), &disk) &&
	    (disk.space_soft || disk.space_hard || disk.inodes_soft || disk.inodes_hard))
		(void)ct_disk_set(above, ct_project(ct), &none);
}

/**
 * ct_quota_read() - use and limits of the disk
 * @ct: the container, whose places are known
 * @disk: receives them
 *
 * Return: whether they are known.
 */
bool ct_quota_read(const struct ct *ct, struct ct_disk *disk)
{
	return ct_project_done(ct->private, ct_project(ct)) &&
	       ct_disk_state(ct->private) != CT_DISK_ABSENT &&
	       !ct_disk_get(ct->private, ct_project(ct), disk);
}

/**
 * ct_quota_cell() - a figure of the disk, for the list
 * @ct: the container, whose places are known
 * @what: "space" in blocks of 1 KiB, or "inodes", with ".s" and ".h" for the limits
 * @out: receives the figure; untouched if it is not known
 * @size: room there
 */
void ct_quota_cell(const struct ct *ct, const char *what, char *out, size_t size)
{
	bool space = !strncmp(what, "space", 5);
	const char *dot = strchr(what, '.');
	struct ct_disk disk;
	uint64_t num;

	if (!ct_quota_read(ct, &disk))
		return;
	if (!dot)
		num = space ? disk.space : disk.inodes;
	else if (dot[1] == 's')
		num = space ? disk.space_soft : disk.inodes_soft;
	else
		num = space ? disk.space_hard : disk.inodes_hard;
	if (dot && num == CT_DISK_NONE)
		snprintf(out, size, "unlimited");
	else
		snprintf(out, size, "%" PRIu64, space ? (num + 1023) / 1024 : num);
}
