/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CT_FENCE_H
#define BCTL_CT_FENCE_H

#include "addr.h"
#include "nic.h"
#include "traffic.h"

#define CT_VENET	"venet"
#define CT_VENET_IN	"venet0"

/**
 * struct ct_fence - what goes through the cards of a container, and is counted
 * @ct: the container
 * @addrs: the addresses it may send from by its routed card
 * @nics: its other cards
 * @rate: bounds
 * @classes: what is counted apart
 */
struct ct_fence {
	const char *ct;
	const struct ct_addrs *addrs;
	const struct ct_nics *nics;
	const struct ct_rate *rate;
	const struct ct_classes *classes;
};

struct json_object;
int ct_nft(const char *commands, struct json_object **answer, char *why, size_t size);

int ct_fence_put(const struct ct_fence *fence, const struct ct_traffic *begin, char *why,
		 size_t size);
int ct_fence_drop(const char *ct);
int ct_fence_read(const char *ct, struct ct_traffic *traffic);

/* gate.c */
int ct_gate_shut(const char *ct, const struct ct_nic *cards, size_t count);
int ct_gate_open(const char *ct);

#endif /* BCTL_CT_FENCE_H */
