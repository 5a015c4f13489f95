/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CT_SET_H
#define BCTL_CT_SET_H

#include "ct.h"

int ct_sample_apply(const struct ct_run *run, const char *name, struct ct_conf *conf,
		    char **keys, size_t *count, size_t max);
int ct_password_check(const struct ct_run *run, const char *text);
int ct_password_set(struct ct *ct, const char *text);
int ct_reset_ub(struct ct *ct);
bool ct_needs_restart(char * const *keys, size_t count);

#endif /* BCTL_CT_SET_H */
