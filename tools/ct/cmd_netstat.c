// SPDX-License-Identifier: GPL-2.0
/*
 * netstat: what went in and out of containers, by class
 */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "ct.h"
#include "fence.h"
#include "keys.h"
#include "net.h"
#include "parse.h"

/**
 * struct ct_netstat - a run of netstat
 * @run: the run
 * @four: IPv4
 * @six: IPv6; both if neither is chosen
 * @save: write sums to the disk
 * @class: the class that is asked for, 0 for all
 * @list: the answer, for JSON
 */
struct ct_netstat {
	struct ct_run *run;
	bool four;
	bool six;
	bool save;
	uint32_t class;
	struct json_object *list;
};

static struct json_object *ct_flow_json(const struct ct_flow *flow)
{
	struct json_object *obj = json_object_new_object();

	json_object_object_add(obj, "bytes", json_object_new_uint64(flow->bytes));
	json_object_object_add(obj, "packets", json_object_new_uint64(flow->packets));
	return obj;
}

static struct json_object *ct_class_json(const struct ct_netstat *stat, uint32_t class,
					 const struct ct_flow flow[2][CT_WAYS])
{
	static const char * const families[] = { "ipv4", "ipv6" };
	const bool want[] = { stat->four, stat->six };
	struct json_object *obj = json_object_new_object(), *part;
	int family;

	json_object_object_add(obj, "class", json_object_new_int(class));
	for (family = 0; family < 2; family++) {
		if (!want[family])
			continue;
		part = json_object_new_object();
		json_object_object_add(part, "in", ct_flow_json(&flow[family][CT_IN]));
		json_object_object_add(part, "out", ct_flow_json(&flow[family][CT_OUT]));
		json_object_object_add(obj, families[family], part);
	}
	return obj;
}

static void ct_class_line(const struct ct_netstat *stat, const struct ct *ct, uint32_t class,
			  const struct ct_flow flow[2][CT_WAYS])
{
	struct ct_flow sum[CT_WAYS] = { { 0 } };
	const bool want[] = { stat->four, stat->six };
	int family, way;

	for (family = 0; family < 2; family++)
		for (way = 0; way < CT_WAYS && want[family]; way++) {
			sum[way].bytes += flow[family][way].bytes;
			sum[way].packets += flow[family][way].packets;
		}
	printf("%10s %9" PRIu32 " %16" PRIu64 " %14" PRIu64 " %16" PRIu64 " %14" PRIu64 "\n",
	       ct->text, class, sum[CT_IN].bytes, sum[CT_IN].packets, sum[CT_OUT].bytes,
	       sum[CT_OUT].packets);
}

static void ct_netstat_show(struct ct_netstat *stat, const struct ct *ct,
			    const struct ct_traffic *traffic)
{
	struct json_object *obj = NULL, *classes = NULL;
	uint32_t class;

	if (stat->list) {
		obj = json_object_new_object();
		classes = json_object_new_array();
		json_object_object_add(obj, "ctid", json_object_new_int64(ct->id));
		json_object_object_add(obj, "classes", classes);
		json_object_object_add(obj, "spoofed", ct_flow_json(&traffic->spoofed));
		json_object_object_add(obj, "over_rate", ct_flow_json(&traffic->over));
		json_object_array_add(stat->list, obj);
	}
	for (class = 1; class < CT_CLASS_MAX; class++) {
		if (!(traffic->seen & 1U << class) || (stat->class && stat->class != class))
			continue;
		if (classes)
			json_object_array_add(classes, ct_class_json(stat, class,
								     traffic->flow[class]));
		else
			ct_class_line(stat, ct, class, traffic->flow[class]);
	}
}

/*
 * Who flushes the ruleset of nftables takes our tables with it. They are made again, and go
 * on at the sums on the disk.
 */
static int ct_netstat_mend(struct ct *ct)
{
	struct ct_conf up;
	int status = CT_OK;

	if (ct_up_load(ct, &up))
		return CT_OK;
	if (ct_up_now(&up) && ct_net_any(&up) && ct_running(ct)) {
		ct_note(ct->run, ct->text, "its table of nftables had gone, and is made again");
		status = ct_net_change(ct, &up);
	}
	ct_conf_clear(&up);
	return status;
}

static int ct_netstat_one(struct ct_netstat *stat, const char *name, bool asked)
{
	struct ct_traffic traffic;
	struct ct ct;
	int status = ct_open(stat->run, name, &ct), ret = 0;

	if (!status && asked)
		status = ct_must_exist(&ct);
	/* Whoever holds the lock is about to write them himself. */
	if (!status && stat->save)
		status = ct_lock(&ct);
	if (status == CT_E_LOCKED && !asked)
		status = CT_OK;
	if (!status) {
		ret = ct_fence_read(ct.text, &traffic);
		if (!ret && stat->save && ct.lock >= 0)
			status = ct_traffic_save(&ct, &traffic);
		if (ret && stat->save && ct.lock >= 0)
			status = ct_netstat_mend(&ct);
		if (ret)
			ret = ct_traffic_load(&ct, &traffic);
		/* Nothing was ever counted of one that has no network. */
		if (!ret && !status)
			ct_netstat_show(stat, &ct, &traffic);
	}
	ct_close(&ct);
	return status;
}

static int ct_netstat_each(struct ct_netstat *stat, int argc, char **argv)
{
	int status = CT_OK, one, i;
	char number[16];
	uint32_t *ids;
	size_t count, k;

	if (!stat->list)
		printf("%10s %9s %16s %14s %16s %14s\n", "CTID", "Net.Class", "Input(bytes)",
		       "Input(pkts)", "Output(bytes)", "Output(pkts)");
	for (i = 0; i < argc; i++) {
		one = ct_netstat_one(stat, argv[i], true);
		status = status ? status : one;
	}
	if (argc)
		return status;
	status = ct_every(stat->run, &ids, &count);
	for (k = 0; k < count; k++) {
		snprintf(number, sizeof(number), "%u", ids[k]);
		one = ct_netstat_one(stat, number, false);
		status = status ? status : one;
	}
	free(ids);
	return status;
}

/**
 * ct_cmd_netstat() - netstat
 * @run: the run
 * @argc: number of arguments, the name of the command included
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_netstat(struct ct_run *run, int argc, char **argv)
{
	struct ct_netstat stat = { .run = run };
	const char *class = NULL;
	const struct bc_opt opts[] = {
		BC_OPT_JSON(&run->b), { "ipv4", '4', &stat.four, NULL },
		{ "ipv6", '6', &stat.six, NULL }, { "save", 0, &stat.save, NULL },
		{ "class", 'c', NULL, &class }, BC_OPT_END
	};
	int status;

	argc--;
	argv++;
	status = bctl_args(&run->b, &argc, argv, opts);
	if (status >= 0)
		return status ? ct_fail(run, CT_E_SYNTAX, NULL, "%s", run->said) : CT_OK;
	if (class && (bc_u32_parse(class, &stat.class) || !stat.class ||
		      stat.class >= CT_CLASS_MAX))
		return ct_fail(run, CT_E_VALUE, NULL, "--class %.32s: not a class, 1 to 15", class);
	if (!stat.four && !stat.six) {
		stat.four = true;
		stat.six = true;
	}
	if (run->b.json)
		stat.list = json_object_new_array();
	status = ct_netstat_each(&stat, argc, argv);
	if (stat.list)
		puts(json_object_to_json_string_ext(stat.list, JSON_C_TO_STRING_PLAIN));
	json_object_put(stat.list);
	return status;
}
