// SPDX-License-Identifier: GPL-2.0
/*
 * Block devices, and who divides them by weight
 *
 * BFQ is the scheduler of a device ("none mq-deadline [bfq]"); io.cost is switched
 * on for a device in io.cost.qos of the root cgroup ("8:0 enable=1 ..."), and acts
 * whatever the scheduler is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"
#include "sys.h"

/**
 * bc_weigher_name() - who it is
 * @weigher: one that there is
 *
 * Return: its name.
 */
const char *bc_weigher_name(enum bc_weigher weigher)
{
	return weigher == BC_WEIGHER_BFQ ? "bfq" : "io.cost";
}

/* The first line of a file below /sys/block. */
static int bc_disk_line(int dir, const char *name, const char *file, char *line, size_t size)
{
	char path[512];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", name, file);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, line, size - 1);
	close(fd);
	if (len < 0)
		return -errno;
	line[len] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return 0;
}

static int bc_disks_add(struct bc_disks *disks, const char *device, enum bc_weigher weigher)
{
	struct bc_disk *v = realloc(disks->v, (disks->count + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	disks->v = v;
	v += disks->count++;
	snprintf(v->device, sizeof(v->device), "%s", device);
	v->weigher = weigher;
	return 0;
}

/* A device that goes meanwhile is none. */
static int bc_disk_read(int dir, const char *name, struct bc_disks *disks)
{
	char device[24], sched[256] = "";

	if (bc_disk_line(dir, name, "dev", device, sizeof(device)))
		return 0;
	(void)bc_disk_line(dir, name, "queue/scheduler", sched, sizeof(sched));
	return bc_disks_add(disks, device,
			    strstr(sched, "[bfq]") ? BC_WEIGHER_BFQ : BC_WEIGHERS);
}

/* One line of io.cost.qos. */
static void bc_disks_cost(struct bc_disks *disks, const char *line)
{
	size_t i, len = strcspn(line, " ");

	if (!strstr(line, " enable=1"))
		return;
	for (i = 0; i < disks->count; i++)
		if (strlen(disks->v[i].device) == len && !memcmp(disks->v[i].device, line, len))
			disks->v[i].weigher = BC_WEIGHER_COST;
}

/* Without io.cost in the kernel there is no such file. */
static void bc_disks_read_cost(int root, struct bc_disks *disks)
{
	int fd = openat(root, "io.cost.qos", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		bc_disks_cost(disks, line);
	if (f)
		fclose(f);
	else if (fd >= 0)
		close(fd);
}

/**
 * bc_disks_read() - find all block devices
 * @root: root of the cgroup hierarchy
 * @disks: receives them; to be cleared by the caller
 *
 * Return: 0 or a negative errno.
 */
int bc_disks_read(int root, struct bc_disks *disks)
{
	DIR *dir = opendir(bc_sys_block());
	struct dirent *entry;
	int ret = 0;

	*disks = (struct bc_disks) { 0 };
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (!ret && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			ret = bc_disk_read(dirfd(dir), entry->d_name, disks);
	closedir(dir);
	bc_disks_read_cost(root, disks);
	return ret;
}

/**
 * bc_disks_clear() - forget them
 * @disks: the devices
 */
void bc_disks_clear(struct bc_disks *disks)
{
	free(disks->v);
	*disks = (struct bc_disks) { 0 };
}
