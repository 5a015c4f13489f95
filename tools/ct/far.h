/* SPDX-License-Identifier: GPL-2.0 */
/* Two of this program that talk to each other, on two machines. */
#ifndef BCTL_CT_FAR_H
#define BCTL_CT_FAR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "conf.h"

/* What is said is one of these; else it is a whole file. */
#define CT_FAR_VERB	"VERB"
#define CT_FAR_STATUS	"STATUS"
#define CT_FAR_VERSION	"1"

/**
 * struct ct_far - a line to another machine
 * @host: the machine, NULL on the side that is called
 * @ssh: options for ssh, or NULL
 * @pid: ssh, 0 without
 * @to: what is written to
 * @from: what is read from
 */
struct ct_far {
	const char *host;
	const char *ssh;
	pid_t pid;
	int to;
	int from;
};

int ct_far_argv(const struct ct_far *far, char **argv, size_t most, char *words, size_t size);
int ct_far_spawn(char * const *argv, int in, int out, pid_t *pid);
int ct_far_open(struct ct_far *far, const char *number);
void ct_far_close(struct ct_far *far);
int ct_far_put(const struct ct_far *far, const struct ct_conf *conf);
int ct_far_get(const struct ct_far *far, struct ct_conf *conf);
int ct_far_ask(const struct ct_far *far, const struct ct_conf *question, struct ct_conf *answer);

#endif /* BCTL_CT_FAR_H */
