/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CT_TRAFFIC_H
#define BCTL_CT_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"

/* Classes 0 to 15; 0 is not counted. */
#define CT_CLASS_MAX	16
#define CT_CLASS_NETS	4096

/**
 * struct ct_class_net - a line of networks_classes
 * @class: the class
 * @net: the network
 */
struct ct_class_net {
	uint32_t class;
	struct ct_addr net;
};

/**
 * struct ct_classes - networks_classes; the last line that fits counts
 * @line: the lines
 * @count: how many
 * @used: a bit for each class that a line names
 */
struct ct_classes {
	struct ct_class_net *line;
	size_t count;
	uint32_t used;
};

/**
 * struct ct_rate - bounds of what a container sends
 * @bytes: bytes per second for each class, 0 for no bound
 */
struct ct_rate {
	uint64_t bytes[CT_CLASS_MAX];
};

/**
 * struct ct_flow - one direction
 * @bytes: bytes of packets, without the heads of frames
 * @packets: packets
 */
struct ct_flow {
	uint64_t bytes;
	uint64_t packets;
};

enum ct_way { CT_IN, CT_OUT, CT_WAYS };

/**
 * struct ct_traffic - what went in and out
 * @flow: by class, family (0 for IPv4, 1 for IPv6) and direction
 * @seen: a bit for each class that is counted
 * @spoofed: what was thrown away for its source
 * @over: what was thrown away as it was beyond the rate
 */
struct ct_traffic {
	struct ct_flow flow[CT_CLASS_MAX][2][CT_WAYS];
	uint32_t seen;
	struct ct_flow spoofed;
	struct ct_flow over;
};

int ct_classes_parse(struct ct_classes *classes, const char *text, size_t *line,
		     const char **why);
int ct_classes_load(struct ct_classes *classes, const char *path, size_t *line, const char **why);
void ct_classes_clear(struct ct_classes *classes);
int ct_rate_list(const char *text, struct ct_rate *rate, const char **why);
void ct_flow_name(unsigned int class, int family, enum ct_way way, char *out, size_t size);

#endif /* BCTL_CT_TRAFFIC_H */
