// SPDX-License-Identifier: GPL-2.0
/*
 * The one table of resources
 *
 * A new resource is one line here, one in enum bc_res, and the file that
 * charges or reads it. Netlink, bctl and the tests take everything else from this table.
 */
#include <linux/errno.h>
#include <linux/kernel.h>

#include "resource.h"

#define BC_RESOURCE(index, unit_, kind_, name_, desc_) \
	[BC_##index] = {		\
		.id = BC_RES_##index,	\
		.name = name_,		\
		.unit = BC_UNIT_##unit_,\
		.kind = BC_KIND_##kind_,\
		.desc = desc_,		\
	}

const struct bc_resource bc_resources[BC_NR_RES] = {
	BC_RESOURCE(KMEMSIZE, BYTES, NATIVE, "kmemsize",
		    "kernel memory"),
	BC_RESOURCE(LOCKEDPAGES, PAGES, DERIVED, "lockedpages",
		    "locked memory"),
	BC_RESOURCE(PRIVVMPAGES, PAGES, DERIVED, "privvmpages",
		    "private writable address space and stacks"),
	BC_RESOURCE(SHMPAGES, PAGES, DERIVED, "shmpages",
		    "shared memory and files of tmpfs"),
	BC_RESOURCE(NUMPROC, ITEMS, CHARGED, "numproc",
		    "processes and threads"),
	BC_RESOURCE(PHYSPAGES, PAGES, NATIVE, "physpages",
		    "memory in use, page cache and kernel memory included"),
	BC_RESOURCE(VMGUARPAGES, PAGES, NATIVE, "vmguarpages",
		    "memory that is reclaimed only when nothing else is left"),
	BC_RESOURCE(OOMGUARPAGES, PAGES, NATIVE, "oomguarpages",
		    "memory that is never reclaimed; failures are processes killed for want of it"),
	BC_RESOURCE(NUMTCPSOCK, ITEMS, CHARGED, "numtcpsock",
		    "TCP sockets"),
	BC_RESOURCE(NUMFLOCK, ITEMS, CHARGED, "numflock",
		    "file locks"),
	BC_RESOURCE(NUMPTY, ITEMS, CHARGED, "numpty",
		    "pseudo-terminals"),
	BC_RESOURCE(NUMSIGINFO, ITEMS, DERIVED, "numsiginfo",
		    "queued signals and POSIX timers"),
	BC_RESOURCE(TCPSNDBUF, BYTES, DERIVED, "tcpsndbuf",
		    "send buffers of TCP sockets"),
	BC_RESOURCE(TCPRCVBUF, BYTES, DERIVED, "tcprcvbuf",
		    "receive buffers of TCP sockets"),
	BC_RESOURCE(OTHERSOCKBUF, BYTES, DERIVED, "othersockbuf",
		    "send buffers of all other sockets"),
	BC_RESOURCE(DGRAMRCVBUF, BYTES, DERIVED, "dgramrcvbuf",
		    "receive buffers of datagram sockets"),
	BC_RESOURCE(NUMOTHERSOCK, ITEMS, CHARGED, "numothersock",
		    "sockets other than TCP"),
	BC_RESOURCE(DCACHESIZE, BYTES, NATIVE, "dcachesize",
		    "kernel memory that can be reclaimed, mostly directory entries and inodes"),
	BC_RESOURCE(NUMFILE, ITEMS, CHARGED, "numfile",
		    "open files"),
	BC_RESOURCE(NUMIPTENT, ITEMS, NATIVE, "numiptent",
		    "packet filter rules of nf_tables"),
	BC_RESOURCE(SWAPPAGES, PAGES, NATIVE, "swappages",
		    "swap in use"),
};

/**
 * bc_resource_find() - index of a public resource number
 * @id: enum bc_res_id
 *
 * Return: enum bc_res, or -ENOENT.
 */
int bc_resource_find(u32 id)
{
	int res;

	for (res = 0; res < BC_NR_RES; res++)
		if (bc_resources[res].id == id)
			return res;
	return -ENOENT;
}
