// SPDX-License-Identifier: GPL-2.0
/*
 * The resources that OpenVZ had
 *
 * What the loaded module counts is told by the module, and bctl believes it.
 * This table is for the rest: who comes from OpenVZ looks for a row that he
 * knows, and is to read that it is not there instead of not finding it. A row
 * that the module sends takes the place of the one here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "beancounter.h"
#include "fetch.h"
#include "known.h"

/* Which of the attributes a row of the table has, in one word of the bits. */
#define BC_KNOWN_HAS(word) \
	(BCN_HAS_BIT(word, BC_A_RES) | BCN_HAS_BIT(word, BC_A_RES_UNIT) | \
	 BCN_HAS_BIT(word, BC_A_RES_NAME) | BCN_HAS_BIT(word, BC_A_RES_STATUS) | \
	 BCN_HAS_BIT(word, BC_A_REASON) | BCN_HAS_BIT(word, BC_A_DESC))

#define BC_KNOWN(id_, unit_, name_, desc_) \
	{					\
		.has = { BC_KNOWN_HAS(0), BC_KNOWN_HAS(1) }, \
		.id = BC_RES_##id_,		\
		.unit = BC_UNIT_##unit_,	\
		.status = BC_STATUS_UNAVAILABLE,\
		.name = name_,			\
		.reason = "the loaded module does not have it", \
		.desc = desc_,			\
	}

/* In ascending order of the number. */
const struct bcn_res bc_known_res[] = {
	BC_KNOWN(KMEMSIZE, BYTES, "kmemsize", "kernel memory"),
	BC_KNOWN(LOCKEDPAGES, PAGES, "lockedpages", "locked memory"),
	BC_KNOWN(PRIVVMPAGES, PAGES, "privvmpages", "private writable address space and stacks"),
	BC_KNOWN(SHMPAGES, PAGES, "shmpages", "shared memory"),
	BC_KNOWN(NUMPROC, ITEMS, "numproc", "processes and threads"),
	BC_KNOWN(PHYSPAGES, PAGES, "physpages", "resident memory"),
	BC_KNOWN(VMGUARPAGES, PAGES, "vmguarpages", "guarantee of allocation"),
	BC_KNOWN(OOMGUARPAGES, PAGES, "oomguarpages", "guarantee against being killed"),
	BC_KNOWN(NUMTCPSOCK, ITEMS, "numtcpsock", "TCP sockets"),
	BC_KNOWN(NUMFLOCK, ITEMS, "numflock", "file locks"),
	BC_KNOWN(NUMPTY, ITEMS, "numpty", "pseudo-terminals"),
	BC_KNOWN(NUMSIGINFO, ITEMS, "numsiginfo", "queued signals"),
	BC_KNOWN(TCPSNDBUF, BYTES, "tcpsndbuf", "send buffers of TCP sockets"),
	BC_KNOWN(TCPRCVBUF, BYTES, "tcprcvbuf", "receive buffers of TCP sockets"),
	BC_KNOWN(OTHERSOCKBUF, BYTES, "othersockbuf", "send buffers of all other sockets"),
	BC_KNOWN(DGRAMRCVBUF, BYTES, "dgramrcvbuf", "receive buffers of datagram sockets"),
	BC_KNOWN(NUMOTHERSOCK, ITEMS, "numothersock", "sockets other than TCP"),
	BC_KNOWN(DCACHESIZE, BYTES, "dcachesize", "directory entries in use"),
	BC_KNOWN(NUMFILE, ITEMS, "numfile", "open files"),
	BC_KNOWN(NUMIPTENT, ITEMS, "numiptent", "packet filter rules"),
	BC_KNOWN(SWAPPAGES, PAGES, "swappages", "swap"),
};

const size_t bc_known_count = sizeof(bc_known_res) / sizeof(bc_known_res[0]);

static int bc_res_order(const void *a, const void *b)
{
	uint32_t x = ((const struct bcn_res *)a)->id, y = ((const struct bcn_res *)b)->id;

	return x < y ? -1 : x > y;
}

/**
 * bctl_add_known() - add the resources that the module does not have
 * @b: the run
 * @snap: has what the module sent; sorted by number afterwards
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_add_known(struct bctl *b, struct bc_snapshot *snap)
{
	size_t sent = snap->nres, i, j;
	struct bcn_res *res;

	res = realloc(snap->res, (sent + bc_known_count) * sizeof(*res));
	if (!res)
		return bctl_fail_nl(b, NULL, -ENOMEM);
	snap->res = res;
	for (i = 0; i < bc_known_count; i++) {
		for (j = 0; j < sent && res[j].id != bc_known_res[i].id; j++)
			;
		if (j == sent)
			res[snap->nres++] = bc_known_res[i];
	}
	qsort(res, snap->nres, sizeof(*res), bc_res_order);
	return BCTL_OK;
}
