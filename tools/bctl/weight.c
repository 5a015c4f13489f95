// SPDX-License-Identifier: GPL-2.0
/*
 * io.weight: the part of a block device that a pool gets while others want it, too
 *
 * io.cost and BFQ do that by the weight of a cgroup, each with a file of its own. These
 * files cannot be written from a module, as the kernel finds the cgroup by the file that
 * is open. So bctl writes them, the same number into both, as far as they are there; the
 * kernel's files are the truth, and what is shown is read from them.
 *
 * What was there before is noted beside the value that we put there, as an extended
 * attribute of the cgroup's directory, which goes with it. When the pool is deleted a
 * file that still has our value gets the old one back, as with what the module sets.
 * The note comes before the value: who is killed in between leaves a note of a value that
 * is not there, which restores nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/beancounter.h>

#include "assign.h"
#include "cli.h"
#include "fetch.h"
#include "sys.h"
#include "weight.h"

static const struct {
	const char *file;
	const char *note;
	uint32_t highest;
} bc_weight_files[BC_WEIGHERS] = {
	[BC_WEIGHER_COST] = {
		"io.weight", "trusted.beancounter.io.weight", BC_WEIGHT_HIGHEST,
	},
	[BC_WEIGHER_BFQ] = {
		"io.bfq.weight", "trusted.beancounter.io.bfq.weight", BC_WEIGHT_BFQ_HIGHEST,
	},
};

static uint32_t bc_weight_for(int i, uint32_t value)
{
	return value < bc_weight_files[i].highest ? value : bc_weight_files[i].highest;
}

static int bc_weight_read_note(int dir, int i, struct bc_weight_file *file)
{
	char text[64];
	int ret = bc_sys_note_get(dir, bc_weight_files[i].note, text, sizeof(text));

	if (ret)
		return ret == -ENODATA || ret == -EOPNOTSUPP ? 0 : ret;
	file->noted = sscanf(text, "%u %u", &file->before, &file->ours) == 2;
	return 0;
}

/* "default 100" in a line of its own, before those of single devices. */
static int bc_weight_read_file(int dir, int i, struct bc_weight_file *file)
{
	int fd = openat(dir, bc_weight_files[i].file, O_RDONLY | O_CLOEXEC);
	char text[256];
	ssize_t len;

	*file = (struct bc_weight_file) { 0 };
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	/* The controller is being disabled. */
	if (len < 0)
		return errno == ENODEV ? 0 : -errno;
	text[len] = '\0';
	if (sscanf(text, "default %u", &file->now) != 1 && sscanf(text, "%u", &file->now) != 1)
		return -EBADMSG;
	file->there = true;
	return bc_weight_read_note(dir, i, file);
}

static int bc_weight_read_files(int dir, struct bc_weight_file file[BC_WEIGHERS])
{
	int ret = 0, i;

	for (i = 0; i < BC_WEIGHERS && !ret; i++)
		ret = bc_weight_read_file(dir, i, &file[i]);
	return ret;
}

static int bc_weight_write(int dir, int i, uint32_t value)
{
	int fd = openat(dir, bc_weight_files[i].file, O_WRONLY | O_TRUNC | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%u\n", value) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int bc_weight_write_note(int dir, int i, uint32_t before, uint32_t ours)
{
	char text[64];

	snprintf(text, sizeof(text), "%u %u", before, ours);
	return bc_sys_note_set(dir, bc_weight_files[i].note, text);
}

static bool bc_weight_ours(const struct bc_weight_file *file)
{
	return file->there && file->noted && file->ours == file->now;
}

/* Exactly as it was. */
static void bc_weight_put_back(int dir, int i, const struct bc_weight_file *was)
{
	(void)bc_weight_write(dir, i, was->now);
	if (was->noted)
		(void)bc_weight_write_note(dir, i, was->before, was->ours);
	else
		(void)bc_sys_note_set(dir, bc_weight_files[i].note, NULL);
}

static int bc_weight_set(int dir, uint32_t value, struct bc_weight_change *change)
{
	const struct bc_weight_file *was = change->was;
	int ret = bc_weight_read_files(dir, change->was), i;
	uint32_t before;

	if (ret)
		return ret;
	if (!was[BC_WEIGHER_COST].there && !was[BC_WEIGHER_BFQ].there)
		return -ENOENT;
	for (i = 0; i < BC_WEIGHERS && !ret; i++) {
		if (!was[i].there)
			continue;
		before = bc_weight_ours(&was[i]) ? was[i].before : was[i].now;
		ret = bc_weight_write_note(dir, i, before, bc_weight_for(i, value));
		if (!ret)
			ret = bc_weight_write(dir, i, bc_weight_for(i, value));
	}
	change->dir = dir;
	if (ret)
		bc_weight_undo(change);
	return ret;
}

/**
 * bctl_weight_set() - set the weight of a pool, if its limits have one
 * @b: the run
 * @name: the pool
 * @limits: its limits and settings, parsed
 * @dir: its cgroup, or below 0 for none
 * @change: receives what bc_weight_undo() needs
 *
 * Return: BCTL_OK; or BCTL_FAILED, then nothing is changed.
 */
int bctl_weight_set(struct bctl *b, const char *name, const struct bc_limits *limits, int dir,
		    struct bc_weight_change *change)
{
	const struct bc_limit *lim = bc_limits_weight(limits);
	char object[BC_NAME_MAX + BC_WORD_MAX + 3];
	int ret;

	change->dir = -1;
	if (!lim)
		return BCTL_OK;
	snprintf(object, sizeof(object), "%.*s: %.*s", BC_NAME_MAX, name, BC_WORD_MAX, lim->arg);
	if (dir < 0)
		return bctl_fail(b, object, "the pool has no cgroup that could have a weight");
	ret = bc_weight_set(dir, lim->limit, change);
	if (ret == -ENOENT)
		return bctl_fail(b, object,
				 "the kernel has no weights of block I/O, io.cost or bfq");
	if (ret)
		return bctl_fail(b, object, "the weight cannot be set: %s", strerror(-ret));
	return BCTL_OK;
}

/**
 * bc_weight_undo() - set everything back to what it was
 * @change: what bctl_weight_set() has done; nothing afterwards
 */
void bc_weight_undo(struct bc_weight_change *change)
{
	int i;

	for (i = 0; i < BC_WEIGHERS && change->dir >= 0; i++)
		if (change->was[i].there)
			bc_weight_put_back(change->dir, i, &change->was[i]);
	change->dir = -1;
}

/**
 * bc_weight_restore() - the pool goes: its cgroup gets back what it had before
 * @dir: the cgroup
 *
 * What somebody else has set since is left alone.
 */
void bc_weight_restore(int dir)
{
	struct bc_weight_file file;
	int i;

	for (i = 0; i < BC_WEIGHERS; i++) {
		if (bc_weight_read_file(dir, i, &file) || !file.noted)
			continue;
		if (bc_weight_ours(&file))
			(void)bc_weight_write(dir, i, file.before);
		(void)bc_sys_note_set(dir, bc_weight_files[i].note, NULL);
	}
}

/**
 * bc_weight_read() - what the kernel has for a cgroup
 * @dir: the cgroup
 * @weight: receives it; zeroed memory
 *
 * Return: 0 or a negative errno.
 */
int bc_weight_read(int dir, struct bc_weight *weight)
{
	int ret = bc_weight_read_files(dir, weight->file);
	const struct bc_weight_file *main = &weight->file[BC_WEIGHER_COST];

	if (ret)
		return ret;
	if (!main->there)
		main = &weight->file[BC_WEIGHER_BFQ];
	weight->known = main->there;
	weight->value = main->now;
	weight->set = bc_weight_ours(main);
	return 0;
}

static bool bc_disk_used(const struct bc_disk *disk, const struct bc_device_list *used)
{
	size_t i;

	for (i = 0; i < used->count; i++)
		if (used->devices[i].device && !strcmp(used->devices[i].device, disk->device))
			return true;
	return false;
}

/**
 * bc_weight_judge() - find the devices that a pool's weight is about
 * @weight: its weight
 * @all: all devices
 * @used: those that the pool has used, or NULL; without any all devices count
 *
 * Return: 0 or -ENOMEM.
 */
int bc_weight_judge(struct bc_weight *weight, const struct bc_disks *all,
		    const struct bc_device_list *used)
{
	size_t i;

	weight->disks = calloc(all->count + 1, sizeof(*weight->disks));
	if (!weight->disks)
		return -ENOMEM;
	for (i = 0; i < all->count && used; i++)
		if (bc_disk_used(&all->v[i], used))
			weight->disks[weight->ndisks++] = all->v[i];
	weight->own = weight->ndisks;
	if (weight->own || !all->count)
		return 0;
	memcpy(weight->disks, all->v, all->count * sizeof(*all->v));
	weight->ndisks = all->count;
	return 0;
}

/**
 * bc_weight_acts() - does the weight that is shown act on a device?
 * @weight: weight of a pool
 * @disk: one of its devices
 *
 * BFQ acts on a file of its own, which may have another value: it was made when the module
 * bfq was loaded, or somebody else has written to it.
 *
 * Return: true when it does.
 */
bool bc_weight_acts(const struct bc_weight *weight, const struct bc_disk *disk)
{
	const struct bc_weight_file *file = &weight->file[disk->weigher];

	return disk->weigher < BC_WEIGHERS && file->there &&
	       file->now == bc_weight_for(disk->weigher, weight->value);
}

/**
 * bc_weight_why_not() - why the weight acts on no device
 * @weight: weight of a pool
 *
 * Return: the reason, or NULL if it acts on one.
 */
const char *bc_weight_why_not(const struct bc_weight *weight)
{
	bool weigher = false;
	size_t i;

	for (i = 0; i < weight->ndisks; i++) {
		if (bc_weight_acts(weight, &weight->disks[i]))
			return NULL;
		weigher |= weight->disks[i].weigher != BC_WEIGHERS;
	}
	if (weigher)
		return "io.bfq.weight has another value; set io.weight again";
	return weight->own ? "no device that the pool has used has the scheduler bfq or io.cost" :
			     "no device has the scheduler bfq or io.cost";
}

/**
 * bc_weight_clear() - forget it
 * @weight: weight
 */
void bc_weight_clear(struct bc_weight *weight)
{
	free(weight->disks);
	*weight = (struct bc_weight) { 0 };
}

/**
 * bc_weight_describe() - say who acts on io.weight, which the module does not
 * @tunable: a setting, as the module describes it
 * @all: all devices
 */
void bc_weight_describe(struct bcn_tunable *tunable, const struct bc_disks *all)
{
	size_t i;

	if (tunable->id != BC_SETTING_IO_WEIGHT)
		return;
	tunable->desc = "part of a block device under contention; by io.cost or BFQ, in the "
			"files of the cgroup";
	tunable->status = BC_STATUS_UNAVAILABLE;
	tunable->reason = "no device has the scheduler bfq or io.cost";
	for (i = 0; i < all->count; i++)
		if (all->v[i].weigher != BC_WEIGHERS) {
			tunable->status = BC_STATUS_ENFORCED;
			tunable->reason = NULL;
		}
}
