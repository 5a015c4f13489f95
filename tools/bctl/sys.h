/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where bctl touches the kernel
 *
 * Small enough that the tests link another implementation in its place.
 */
#ifndef BCTL_SYS_H
#define BCTL_SYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct bc_sock;

int bc_sock_open(struct bc_sock **sockp);
void bc_sock_close(struct bc_sock *sock);
int bc_sock_send(struct bc_sock *sock, const void *buf, size_t len);
ssize_t bc_sock_recv(struct bc_sock *sock, void **buf, int timeout_ms);
int bc_sock_wait(struct bc_sock *sock, int fd, int timeout_ms);
int bc_sock_join(struct bc_sock *sock, uint32_t group);

const char *bc_sys_mountinfo(void);
const char *bc_sys_proc(void);
const char *bc_sys_compat(void);
const char *bc_sys_user_beancounters(void);
const char *bc_sys_block(void);
int bc_sys_fs_magic(int fd, uint32_t *magic);
int bc_sys_note_get(int fd, const char *name, char *text, size_t size);
int bc_sys_note_set(int fd, const char *name, const char *text);

#endif /* BCTL_SYS_H */
