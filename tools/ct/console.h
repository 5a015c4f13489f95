/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CT_CONSOLE_H
#define BCTL_CT_CONSOLE_H

#include <stdbool.h>
#include <sys/types.h>

/* In a dump: which terminal of it was the console, and whose. */
#define CT_CONSOLE_FILE	"console"

/**
 * struct ct_console - the console of a container that is being restored
 * @tty: what criu calls the old one
 * @uid: to whom that belonged
 * @gid: and to which group
 * @fd: the new one
 * @name: its name on the host
 */
struct ct_console {
	char tty[64];
	uid_t uid;
	gid_t gid;
	int fd;
	char name[32];
};

int ct_console_save(pid_t init, const char *dir, struct ct_console *console);
bool ct_console_load(const char *path, struct ct_console *console);
int ct_console_keep(struct ct_console *console, int root, const char *dir);

#endif /* BCTL_CT_CONSOLE_H */
