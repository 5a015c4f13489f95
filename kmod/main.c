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
#include "member.h"
#include "netlink.h"
#include "proc.h"
#include "sock.h"
#include "version.h"
#include "vm.h"

static unsigned int max_pools = 4096;
module_param(max_pools, uint, 0444);
MODULE_PARM_DESC(max_pools, "how many pools may exist at a time (1..65536)");

/* One bucket for each MiB of memory: 8 KiB of table for each GiB. */
static unsigned int __init bc_map_bits(void)
{
	return clamp(ilog2(totalram_pages() >> (20 - PAGE_SHIFT) ?: 1), 10, 18);
}

static int __init bc_module_init(void)
{
	unsigned int bits = bc_map_bits();
	int ret;

	if (!max_pools || max_pools > 65536)
		return -EINVAL;
	ret = bc_bind_init(max_pools);
	if (ret)
		return ret;
	bc_member_init();
	ret = bc_proc_init(bits);
	if (ret)
		goto err_member;
	ret = bc_vm_init(bits);
	if (ret)
		goto err_proc;
	ret = bc_sock_init(bits);
	if (ret)
		goto err_vm;
	ret = bc_nl_init();
	if (ret)
		goto err_sock;
	return 0;

err_sock:
	bc_sock_exit();
err_vm:
	bc_vm_exit();
err_proc:
	bc_proc_exit();
err_member:
	bc_member_exit();
	bc_bind_exit();
	return ret;
}

static void __exit bc_module_exit(void)
{
	bc_nl_exit();
	bc_bind_unbind_all();
	bc_sock_exit();
	bc_vm_exit();
	bc_proc_exit();
	bc_member_exit();
	bc_bind_exit();
}

module_init(bc_module_init);
module_exit(bc_module_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("hierarchical container accounts and limits");
MODULE_AUTHOR("The beancounter developers");
MODULE_VERSION(BC_VERSION);
