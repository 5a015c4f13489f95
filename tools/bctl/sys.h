/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where bctl touches the kernel, besides its library
 *
 * Small enough that the tests link another implementation in its place.
 */
#ifndef BCTL_SYS_H
#define BCTL_SYS_H

#include <stdint.h>

const char *bc_sys_mountinfo(void);
const char *bc_sys_proc(void);
const char *bc_sys_compat(void);
const char *bc_sys_user_beancounters(void);
const char *bc_sys_block(void);
int bc_sys_fs_magic(int fd, uint32_t *magic);
int bc_sys_note_get(int fd, const char *name, char *text, size_t size);
int bc_sys_note_set(int fd, const char *name, const char *text);

#endif /* BCTL_SYS_H */
