/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_RESOURCE_H
#define _BC_RESOURCE_H

#include <linux/types.h>
#include <linux/beancounter.h>

/*
 * enum bc_res - index of a resource in a pool's counters
 *
 * In ascending order of the public number, so that a dump is in that order.
 * Not to be confused with enum bc_res_id, which has gaps and is ABI.
 */
enum bc_res {
	BC_KMEMSIZE,
	BC_LOCKEDPAGES,
	BC_PRIVVMPAGES,
	BC_SHMPAGES,
	BC_NUMPROC,
	BC_PHYSPAGES,
	BC_VMGUARPAGES,
	BC_OOMGUARPAGES,
	BC_NUMTCPSOCK,
	BC_NUMFLOCK,
	BC_NUMPTY,
	BC_NUMSIGINFO,
	BC_TCPSNDBUF,
	BC_TCPRCVBUF,
	BC_OTHERSOCKBUF,
	BC_DGRAMRCVBUF,
	BC_NUMOTHERSOCK,
	BC_DCACHESIZE,
	BC_NUMFILE,
	BC_NUMIPTENT,
	BC_SWAPPAGES,
	BC_NR_RES,
};

/**
 * struct bc_resource - what is to be known of a resource
 * @id: public number
 * @name: public name
 * @unit: unit of all its amounts
 * @kind: who counts it
 * @desc: one line for people
 */
struct bc_resource {
	enum bc_res_id	id;
	const char	*name;
	enum bc_unit	unit;
	enum bc_kind	kind;
	const char	*desc;
};

extern const struct bc_resource bc_resources[BC_NR_RES];

int bc_resource_find(u32 id);

#endif /* _BC_RESOURCE_H */
