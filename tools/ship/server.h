/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIP_SERVER_H
#define SHIP_SERVER_H

#include <stdbool.h>

/**
 * struct ship_server - where to ship to
 * @url: as it was given, with the password if it has one
 * @user: who talks to it, if this is root; NULL for root itself
 * @passfile: that the URL names, or NULL
 * @answer_ms: how long it may take to answer
 * @name: what to call it in messages and in the store; has no password
 */
struct ship_server {
	char *url;
	const char *user;
	char *passfile;
	int answer_ms;
	char name[256];
};

int ship_server_parse(struct ship_server *server, bool masked);
void ship_server_run(const struct ship_server *server, int fd) __attribute__((noreturn));

#endif /* SHIP_SERVER_H */
