// SPDX-License-Identifier: GPL-2.0
/*
 * LOCAL_UID and LOCAL_GID: what users and groups of a container are on the host
 */
#include <errno.h>

#include "ids.h"
#include "keys.h"
#include "parse.h"

static int ct_ids_one(const struct ct_conf *conf, const char *name, uint32_t *id, bool *given,
		      const char **why)
{
	const char *text = ct_get(conf, name);

	*given = text;
	*id = 0;
	if (!text)
		return 0;
	*why = "neither 0 nor a number from 65536 to 2147418112";
	if (bc_u32_parse(text, id) || (*id && (*id < CT_IDS_FIRST || *id > CT_IDS_LAST)))
		return -EINVAL;
	return 0;
}

/**
 * ct_ids_read() - what does a configuration say of the ids of its container?
 * @conf: the configuration
 * @ids: receives them; what is given for users only counts for groups, too
 * @key: the key that is wrong
 * @why: what is wrong with it
 *
 * Return: 0, or -EINVAL with @key and @why set.
 */
int ct_ids_read(const struct ct_conf *conf, struct ct_ids *ids, const char **key,
		const char **why)
{
	bool uid, gid;

	*key = "LOCAL_UID";
	if (ct_ids_one(conf, "LOCAL_UID", &ids->uid, &uid, why))
		return -EINVAL;
	*key = "LOCAL_GID";
	if (ct_ids_one(conf, "LOCAL_GID", &ids->gid, &gid, why))
		return -EINVAL;
	*why = "it says what LOCAL_UID does not: whether there are ids of its own";
	if (gid && (!uid || !ids->gid != !ids->uid))
		return -EINVAL;
	if (!gid)
		ids->gid = ids->uid;
	ids->given = uid;
	return 0;
}

/**
 * ct_ids_mapped() - does a container have ids of its own?
 * @ids: its ids
 *
 * Return: whether that is so; else its root is that of the host.
 */
bool ct_ids_mapped(const struct ct_ids *ids)
{
	return ids->uid;
}

/**
 * ct_ids_overlap() - do ids have one in common with those of a container?
 * @start: the first one
 * @count: how many
 * @mine: the first one of the container
 *
 * Return: whether that is so.
 */
bool ct_ids_overlap(uint32_t start, uint64_t count, uint32_t mine)
{
	return start < (uint64_t)mine + CT_IDS_COUNT && mine < start + count;
}
