// SPDX-License-Identifier: GPL-2.0
/*
 * A gate before the cards of a container, by nftables: shut, or not there
 *
 * A table of its own, "netdev bc_gate_CTID", whose chains come before those of the fence and
 * drop everything. So nothing is counted that does not pass, and the fence stays as it is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fence.h"

#define CT_GATE		"netdev bc_gate_"
#define CT_GATE_FIRST	"-10"

static void ct_gate_card(FILE *f, const char *ct, size_t i, const char *host)
{
	static const char * const ways[] = { "ingress", "egress" };
	size_t way;

	for (way = 0; way < 2; way++)
		fprintf(f, "add chain " CT_GATE "%s %s_%zu { type filter hook %s device \"%s\" "
			"priority " CT_GATE_FIRST "; policy drop; }\n", ct, ways[way], i,
			ways[way], host);
}

/**
 * ct_gate_shut() - let nothing through the cards of a container
 * @ct: the container
 * @cards: the cards
 * @count: how many, one at least
 *
 * Return: 0 or a negative errno.
 */
int ct_gate_shut(const char *ct, const struct ct_nic *cards, size_t count)
{
	char *commands = NULL;
	size_t len, i;
	FILE *f = open_memstream(&commands, &len);
	int ret = -ENOMEM;

	if (!f)
		return ret;
	fprintf(f, "add table " CT_GATE "%s\ndelete table " CT_GATE "%s\nadd table " CT_GATE "%s\n",
		ct, ct, ct);
	for (i = 0; i < count; i++)
		ct_gate_card(f, ct, i, cards[i].host);
	if (!fclose(f))
		ret = ct_nft(commands, NULL, NULL, 0);
	free(commands);
	return ret;
}

/**
 * ct_gate_open() - let everything through again
 * @ct: the container
 *
 * Return: 0, also if there is no gate, or -EIO.
 */
int ct_gate_open(const char *ct)
{
	char command[128];

	snprintf(command, sizeof(command), "add table " CT_GATE "%s\ndelete table " CT_GATE "%s",
		 ct, ct);
	return ct_nft(command, NULL, NULL, 0);
}
