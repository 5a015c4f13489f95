// SPDX-License-Identifier: GPL-2.0
/*
 * beancounter - hierarchical container accounts and limits for stock kernels
 *
 * This file only brings the parts up and down. Documentation/design.rst tells
 * what they are; tree.c, hook.c and bind.c are the ones to read first.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "bind.h"
#include "closing.h"
#include "hook.h"
#include "netlink.h"
#include "procfs.h"
#include "sample.h"
#include "version.h"

static unsigned int max_pools = 4096;
module_param(max_pools, uint, 0444);
MODULE_PARM_DESC(max_pools, "how many pools may exist at a time (1..65536)");

static unsigned int max_closed = BC_CLOSED_MAX;
module_param(max_closed, uint, 0444);
MODULE_PARM_DESC(max_closed, "how many closing records of pools may be kept (1..1048576)");

/* One bucket for each MiB of memory: 8 KiB of table for each GiB. */
static unsigned int __init bc_map_bits(void)
{
	return clamp(ilog2(totalram_pages() >> (20 - PAGE_SHIFT) ?: 1), 10, 18);
}

static int __init bc_module_init(void)
{
	int ret;

	if (!max_pools || max_pools > 65536 || !max_closed || max_closed > 1048576)
		return -EINVAL;
	ret = bc_bind_init(max_pools, max_closed);
	if (ret)
		return ret;
	ret = bc_sources_init(bc_map_bits());
	if (ret)
		goto err_bind;
	ret = bc_procfs_init();
	if (ret)
		goto err_sources;
	bc_sampler_init();
	ret = bc_nl_init();
	if (ret)
		goto err_procfs;
	return 0;

err_procfs:
	bc_procfs_exit();
err_sources:
	bc_sources_exit();
err_bind:
	bc_bind_exit();
	return ret;
}

static void __exit bc_module_exit(void)
{
	bc_procfs_exit();
	bc_nl_refuse();
	bc_sampler_stop();
	bc_bind_unbind_all();
	bc_nl_exit();
	bc_sources_exit();
	bc_bind_exit();
}

module_init(bc_module_init);
module_exit(bc_module_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("hierarchical container accounts and limits");
MODULE_AUTHOR("The beancounter developers");
MODULE_VERSION(BC_VERSION);
