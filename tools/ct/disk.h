/* SPDX-License-Identifier: GPL-2.0 */
/* Quotas of the disk: what the kernel does, and what a container is to have. */
#ifndef BCTL_CT_DISK_H
#define BCTL_CT_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "ct.h"

/* The project of container N is this plus N. */
#define CT_PROJECT_BASE	0x80000000U
/* The word for no limit, as in the kernel. */
#define CT_DISK_NONE	0

/**
 * struct ct_disk - use and limits of a project; limits are CT_DISK_NONE for none
 * @space: bytes in use
 * @space_soft: bytes, may be exceeded for a while
 * @space_hard: bytes
 * @inodes: files in use
 * @inodes_soft: files, may be exceeded for a while
 * @inodes_hard: files
 * @space_end: when the while of space is over, seconds since 1970; 0 if it is not exceeded
 * @inodes_end: the same of files
 * @grace: how long such a while is, for all projects of this file system, in seconds
 */
struct ct_disk {
	uint64_t space;
	uint64_t space_soft;
	uint64_t space_hard;
	uint64_t inodes;
	uint64_t inodes_soft;
	uint64_t inodes_hard;
	uint64_t space_end;
	uint64_t inodes_end;
	uint64_t grace;
};

/**
 * struct ct_quota - what the configuration says
 * @off: DISK_QUOTA="no"
 * @space: DISKSPACE is given
 * @inodes: DISKINODES is given
 * @time: QUOTATIME is given
 * @disk: the limits
 */
struct ct_quota {
	bool off;
	bool space;
	bool inodes;
	bool time;
	struct ct_disk disk;
};

/**
 * enum ct_disk_state - what a file system does about projects
 * @CT_DISK_ABSENT: nothing
 * @CT_DISK_COUNTS: it counts, and limits nothing
 * @CT_DISK_LIMITS: it limits
 */
enum ct_disk_state { CT_DISK_ABSENT, CT_DISK_COUNTS, CT_DISK_LIMITS };

/* disk.c: the kernel */
enum ct_disk_state ct_disk_state(const char *path);
const char *ct_disk_fs(const char *path);
int ct_disk_get(const char *path, uint32_t project, struct ct_disk *disk);
int ct_disk_set(const char *path, uint32_t project, const struct ct_disk *disk);
int ct_disk_set_grace(const char *path, uint64_t seconds);
int ct_project_get(int fd, uint32_t *project);
int ct_project_set(int fd, uint32_t project, bool directory);

/* project.c: files of a container */
uint32_t ct_project(const struct ct *ct);
bool ct_project_done(const char *path, uint32_t project);
int ct_project_new(const char *path, uint32_t project);
int ct_project_walk(const char *path, uint32_t project, unsigned long *count);

/* quota.c: what a container is to have */
int ct_quota_conf(const struct ct *ct, const struct ct_conf *conf, struct ct_quota *quota);
int ct_quota_unable(const struct ct *ct);
int ct_quota_foreign(const struct ct *ct);
int ct_quota_walk(struct ct *ct);
int ct_quota_on(struct ct *ct, const struct ct_quota *quota, bool running);
int ct_quota_check(const struct ct *ct, const struct ct_conf *conf);
int ct_quota_new(struct ct *ct, const char *dir);
int ct_quota_start(struct ct *ct);
int ct_quota_set(struct ct *ct, const struct ct_conf *conf, struct ct_disk *before);
void ct_quota_back(struct ct *ct, const struct ct_disk *before);
void ct_quota_forget(struct ct *ct);
bool ct_quota_read(const struct ct *ct, struct ct_disk *disk);
void ct_quota_cell(const struct ct *ct, const char *what, char *out, size_t size);

/* cmd_quota.c */
int ct_quota_recover(struct ct *ct);
int ct_cmd_quotaon(struct ct *ct, int argc, char **argv);
int ct_cmd_quotaoff(struct ct *ct, int argc, char **argv);
int ct_cmd_quotainit(struct ct *ct, int argc, char **argv);
int ct_cmd_quota(struct ct *ct, int argc, char **argv);

#endif /* BCTL_CT_DISK_H */
