/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CT_CPUSET_H
#define BCTL_CT_CPUSET_H

#include "ct.h"

#define CT_MASKS	2
#define CT_MASK_MAX	512

/**
 * struct ct_cpuset - where a container may run
 * @list: of processors, and of nodes of memory; empty is all
 */
struct ct_cpuset {
	char list[CT_MASKS][CT_MASK_MAX];
};

int ct_cpuset_conf(const struct ct_conf *conf, struct ct_cpuset *set, const char **key,
		   const char **why);
int ct_cpuset_set(struct ct *ct, const struct ct_cpuset *set, struct ct_cpuset *before);

#endif /* BCTL_CT_CPUSET_H */
