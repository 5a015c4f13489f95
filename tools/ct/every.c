// SPDX-License-Identifier: GPL-2.0
/*
 * Every container that there is
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ct.h"
#include "keys.h"

static int ct_id_order(const void *one, const void *other)
{
	const uint32_t *a = one, *b = other;

	return *a < *b ? -1 : *a > *b;
}

/* The number in CTID.conf, or 0. */
static uint32_t ct_conf_id(const char *name)
{
	size_t len = strlen(name);
	char number[16];
	uint32_t id;

	if (len < 6 || len > 15 || strcmp(name + len - 5, ".conf"))
		return 0;
	snprintf(number, sizeof(number), "%.*s", (int)(len - 5), name);
	return ct_id_parse(number, &id) ? 0 : id;
}

/**
 * ct_every() - the numbers of all containers, in their order
 * @run: the run
 * @ids: receives them; to be freed by the caller
 * @count: how many
 *
 * Return: CT_OK or CT_E_SYSTEM.
 */
int ct_every(const struct ct_run *run, uint32_t **ids, size_t *count)
{
	char path[PATH_MAX];
	struct dirent *entry;
	uint32_t id, *more;
	int ret = 0;
	DIR *dir;

	*ids = NULL;
	*count = 0;
	if (ct_path(path, sizeof(path), "%s/conf", run->etc))
		return CT_E_SYSTEM;
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? CT_OK : ct_fail(run, CT_E_SYSTEM, path, "%s",
							 strerror(errno));
	while (!ret && (entry = readdir(dir))) {
		id = ct_conf_id(entry->d_name);
		more = id ? reallocarray(*ids, *count + 1, sizeof(**ids)) : *ids;
		if (id && !more)
			ret = -ENOMEM;
		else if (id)
			more[(*count)++] = id;
		*ids = more ? more : *ids;
	}
	closedir(dir);
	if (*count)
		qsort(*ids, *count, sizeof(**ids), ct_id_order);
	return ret ? ct_fail(run, CT_E_SYSTEM, path, "%s", strerror(-ret)) : CT_OK;
}
