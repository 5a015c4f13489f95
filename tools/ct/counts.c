// SPDX-License-Identifier: GPL-2.0
/*
 * STATEDIR/CTID.traffic: what went in and out of a container
 *
 * Sums since the container was made. While it runs they are the kernel's, which go on where
 * the file ends; they are written when it stops, and by "netstat --save". As they are sums
 * and no differences, it does no harm to write them twice.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ct.h"
#include "fence.h"
#include "keys.h"
#include "net.h"

static void ct_flow_load(const struct ct_conf *conf, const char *name, struct ct_flow *flow)
{
	const char *text = ct_get(conf, name);

	if (text && sscanf(text, "%" SCNu64 " %" SCNu64, &flow->bytes, &flow->packets) != 2)
		*flow = (struct ct_flow) { 0 };
}

static int ct_flow_save(struct ct_conf *conf, const char *name, const struct ct_flow *flow)
{
	char text[48];

	snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, flow->bytes, flow->packets);
	return ct_conf_set(conf, name, text);
}

/**
 * ct_traffic_load() - what was counted up to the last stop
 * @ct: the container
 * @traffic: receives it
 *
 * Return: 0, or -ENOENT if nothing was.
 */
int ct_traffic_load(const struct ct *ct, struct ct_traffic *traffic)
{
	char path[PATH_MAX], name[32];
	struct ct_conf conf;
	unsigned int class;
	int ret = ct_state_path(ct, "traffic", path), family, way;

	memset(traffic, 0, sizeof(*traffic));
	if (!ret)
		ret = ct_conf_load(&conf, path);
	if (ret)
		return ret;
	ct_flow_load(&conf, "spoofed", &traffic->spoofed);
	ct_flow_load(&conf, "over", &traffic->over);
	for (class = 1; class < CT_CLASS_MAX; class++)
		for (family = 0; family < 2; family++)
			for (way = 0; way < CT_WAYS; way++) {
				ct_flow_name(class, family, way, name, sizeof(name));
				if (ct_get(&conf, name))
					traffic->seen |= 1U << class;
				ct_flow_load(&conf, name, &traffic->flow[class][family][way]);
			}
	ct_conf_clear(&conf);
	return 0;
}

/**
 * ct_traffic_save() - write what was counted
 * @ct: the container
 * @traffic: the sums
 *
 * Return: CT_OK or CT_E_SYSTEM.
 */
int ct_traffic_save(const struct ct *ct, const struct ct_traffic *traffic)
{
	char path[PATH_MAX], name[32];
	struct ct_conf conf = { 0 };
	int ret = ct_state_path(ct, "traffic", path), family, way;
	unsigned int class;

	for (class = 1; class < CT_CLASS_MAX; class++)
		for (family = 0; family < 2; family++)
			for (way = 0; way < CT_WAYS && traffic->seen & 1U << class && !ret; way++) {
				ct_flow_name(class, family, way, name, sizeof(name));
				ret = ct_flow_save(&conf, name,
						   &traffic->flow[class][family][way]);
			}
	if (!ret)
		ret = ct_flow_save(&conf, "spoofed", &traffic->spoofed);
	if (!ret)
		ret = ct_flow_save(&conf, "over", &traffic->over);
	if (!ret)
		ret = ct_conf_save(&conf, path);
	ct_conf_clear(&conf);
	return ret ? ct_fail(ct->run, CT_E_SYSTEM, path, "%s", strerror(-ret)) : CT_OK;
}

/**
 * ct_traffic_keep() - write what the kernel has counted
 * @ct: the container
 *
 * Return: CT_OK, also if it counts nothing, or CT_E_SYSTEM.
 */
int ct_traffic_keep(const struct ct *ct)
{
	struct ct_traffic traffic;

	return ct_fence_read(ct->text, &traffic) ? CT_OK : ct_traffic_save(ct, &traffic);
}
