/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CT_DUMP_ARGS_H
#define BCTL_CT_DUMP_ARGS_H

#include "console.h"
#include "ct.h"

#define CT_ARGS_MAX	128

/**
 * struct ct_args - arguments of a program
 * @v: the arguments, each allocated, ended by NULL
 * @count: how many
 */
struct ct_args {
	char *v[CT_ARGS_MAX + 1];
	size_t count;
};

struct lxc_container;

int ct_dump_args(struct ct *ct, struct lxc_container *c, const char *dir,
		 const struct ct_console *console, struct ct_args *args);
void ct_args_clear(struct ct_args *args);

#endif /* BCTL_CT_DUMP_ARGS_H */
