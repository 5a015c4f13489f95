// SPDX-License-Identifier: GPL-2.0
/*
 * The facts about the file system that tests replace
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "sys.h"

/**
 * bc_sys_mountinfo() - where the mounts are listed
 *
 * Return: a path.
 */
const char *bc_sys_mountinfo(void)
{
	return "/proc/self/mountinfo";
}

/**
 * bc_sys_proc() - where the processes are
 *
 * Return: a path.
 */
const char *bc_sys_proc(void)
{
	return "/proc";
}

/**
 * bc_sys_compat() - where the files of OpenVZ are switched
 *
 * Return: a path.
 */
const char *bc_sys_compat(void)
{
	return "/sys/module/beancounter/parameters/compat";
}

/**
 * bc_sys_user_beancounters() - one of the files of OpenVZ
 *
 * Return: a path.
 */
const char *bc_sys_user_beancounters(void)
{
	return "/proc/user_beancounters";
}

/**
 * bc_sys_block() - where the block devices are
 *
 * Return: a path.
 */
const char *bc_sys_block(void)
{
	return "/sys/block";
}

/**
 * bc_sys_note_get() - read a note about a directory, an extended attribute
 * @fd: the directory
 * @name: name of the note
 * @text: receives it
 * @size: room there
 *
 * Return: 0, -ENODATA when there is none, or another negative errno.
 */
int bc_sys_note_get(int fd, const char *name, char *text, size_t size)
{
	ssize_t len = fgetxattr(fd, name, text, size - 1);

	if (len < 0)
		return -errno;
	text[len] = '\0';
	return 0;
}

/**
 * bc_sys_note_set() - make or remove a note
 * @fd: the directory
 * @name: name of the note
 * @text: the note, or NULL for none
 *
 * Return: 0 or a negative errno.
 */
int bc_sys_note_set(int fd, const char *name, const char *text)
{
	if (text)
		return fsetxattr(fd, name, text, strlen(text), 0) ? -errno : 0;
	return fremovexattr(fd, name) && errno != ENODATA ? -errno : 0;
}

/**
 * bc_sys_fs_magic() - kind of the file system of an open file
 * @fd: the file
 * @magic: receives one of the numbers of linux/magic.h
 *
 * Return: 0 or a negative errno.
 */
int bc_sys_fs_magic(int fd, uint32_t *magic)
{
	struct statfs st;

	if (fstatfs(fd, &st))
		return -errno;
	*magic = st.f_type;
	return 0;
}
