// SPDX-License-Identifier: GPL-2.0
/*
 * What memory is used for: the kernel's own sums
 *
 * The kernel's sums by kind are private to it, summed up from all CPUs and all
 * cgroups below when memory.stat is read, and come as text. So that text is what
 * is read here, for who asks for details: some 70,000 instructions for each
 * cgroup. It is made by the very function that cgroupfs calls. That gets at the
 * cgroup by way of an open file, and relies on cgroupfs to keep the controller
 * enabled meanwhile. A module cannot do that; it can hold a reference of the
 * controller's state. So the function is given a stand-in for an open file,
 * in a stand-in for a cgroup, with the state that is held.
 */
#include <linux/cgroup.h>
#include <linux/kernel.h>
#include <linux/kernfs.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "hook.h"
#include "memory.h"

#define BC_MEMSTAT_TEXT		8192

/* Under the tree mutex. */
static struct cgroup bc_memstat_cgrp;
static char bc_memstat_text[BC_MEMSTAT_TEXT];

/* Where the figures are found; bytes all of them. */
static const struct {
	const char	*key;
	size_t		offset;
} bc_memstat_keys[] = {
	{ "anon ",		offsetof(struct bc_memory, anon) },
	{ "file_mapped ",	offsetof(struct bc_memory, file) },
	{ "shmem ",		offsetof(struct bc_memory, shmem) },
	{ "file ",		offsetof(struct bc_memory, cache) },
	{ "kernel ",		offsetof(struct bc_memory, kernel) },
	{ "slab ",		offsetof(struct bc_memory, slab) },
	{ "slab_reclaimable ",	offsetof(struct bc_memory, reclaimable) },
	{ "sock ",		offsetof(struct bc_memory, sock) },
};

/* memory.stat, or NULL */
static struct cftype *bc_memstat_file(void)
{
	struct cftype *cft = memory_cgrp_subsys.dfl_cftypes;

	for (; cft && cft->name[0]; cft++)
		if (!strcmp(cft->name, "stat") && cft->seq_show)
			return cft;
	return NULL;
}

static bool bc_memstat_show(struct cgroup_subsys_state *css)
{
	struct cftype *cft = bc_memstat_file();
	struct kernfs_node dir = { .priv = &bc_memstat_cgrp };
	struct kernfs_node node = { .parent = &dir, .priv = cft };
	struct kernfs_open_file of = { .kn = &node };
	struct seq_file seq = {
		.buf = bc_memstat_text,
		.size = sizeof(bc_memstat_text) - 1,
		.private = &of,
	};
	int ret;

	if (!cft)
		return false;
	RCU_INIT_POINTER(bc_memstat_cgrp.subsys[memory_cgrp_id], css);
	ret = cft->seq_show(&seq, NULL);
	RCU_INIT_POINTER(bc_memstat_cgrp.subsys[memory_cgrp_id], NULL);
	if (ret || seq.count >= seq.size)
		return false;
	bc_memstat_text[seq.count] = '\0';
	return true;
}

static bool bc_memstat_parse(struct bc_memory *mem)
{
	char *pos = bc_memstat_text, *line;
	unsigned int found = 0;
	size_t i, len;

	while ((line = strsep(&pos, "\n"))) {
		for (i = 0; i < ARRAY_SIZE(bc_memstat_keys); i++) {
			len = strlen(bc_memstat_keys[i].key);
			if (strncmp(line, bc_memstat_keys[i].key, len) ||
			    kstrtou64(line + len, 10, (void *)mem + bc_memstat_keys[i].offset))
				continue;
			found |= BIT(i);
		}
	}
	return found == BIT(ARRAY_SIZE(bc_memstat_keys)) - 1;
}

/**
 * bc_memstat_read() - read what the memory of a pool's cgroup is used for
 * @pool: pool
 * @mem: filled
 *
 * As exact as memory.stat: the kernel brings its sums up to date when the changes
 * exceed 64 pages for each CPU, and every two seconds.
 *
 * Context: under the tree mutex; may sleep.
 * Return: false when the memory controller is not enabled for the cgroup.
 */
bool bc_memstat_read(struct bc_pool *pool, struct bc_memory *mem)
{
	struct cgroup_subsys_state *css;
	bool good;

	rcu_read_lock();
	css = bc_memory_css(pool->cgrp);
	if (css && !css_tryget_online(css))
		css = NULL;
	rcu_read_unlock();
	if (!css)
		return false;
	memset(mem, 0, sizeof(*mem));
	good = bc_memstat_show(css) && bc_memstat_parse(mem);
	/* File pages include shared memory there. */
	mem->cache -= min(mem->cache, mem->shmem);
	mem->swap = (u64)page_counter_read(&mem_cgroup_from_css(css)->swap) * PAGE_SIZE;
	css_put(css);
	return good;
}
