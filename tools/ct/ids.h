/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CT_IDS_H
#define BCTL_CT_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"

/* How many ids a container has, from 0 to this. */
#define CT_IDS_COUNT	65536U
/* Below are those of the host, above those of which programs make negative numbers. */
#define CT_IDS_FIRST	65536U
#define CT_IDS_LAST	(0x80000000U - CT_IDS_COUNT)

/**
 * struct ct_ids - which users and groups of the host a container's are
 * @uid: user 0 of the container
 * @gid: group 0 of the container
 * @given: the configuration says so
 *
 * If both are 0 the container has no user namespace: its users are those of the host.
 */
struct ct_ids {
	uint32_t uid;
	uint32_t gid;
	bool given;
};

int ct_ids_read(const struct ct_conf *conf, struct ct_ids *ids, const char **key,
		const char **why);
bool ct_ids_mapped(const struct ct_ids *ids);
bool ct_ids_overlap(uint32_t start, uint64_t count, uint32_t mine);

#endif /* BCTL_CT_IDS_H */
