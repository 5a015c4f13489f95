/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the library touches the kernel
 *
 * Small enough that the tests link another implementation in its place.
 */
#ifndef LIBBEANCOUNTER_SOCK_H
#define LIBBEANCOUNTER_SOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct bc_sock;

int bc_sock_open(struct bc_sock **sockp);
void bc_sock_close(struct bc_sock *sock);
int bc_sock_fd(struct bc_sock *sock);
int bc_sock_send(struct bc_sock *sock, const void *buf, size_t len);
ssize_t bc_sock_recv(struct bc_sock *sock, void **buf, int timeout_ms);
int bc_sock_wait(struct bc_sock *sock, int fd, int timeout_ms);
int bc_sock_join(struct bc_sock *sock, uint32_t group);

#endif /* LIBBEANCOUNTER_SOCK_H */
