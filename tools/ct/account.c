// SPDX-License-Identifier: GPL-2.0
/*
 * The account of a container on all machines on which it was
 *
 * The module counts what it has seen, and a pool that is new begins with nothing. So what was
 * counted elsewhere goes with the container, in STATEDIR/CTID.account: for each resource the
 * highest that it held, refusals, and units times seconds, and the processor time. They are
 * sums over all pools that it had before this one; "account" adds those of the pool that it
 * has. Written when it comes, and never changed.
 */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "ct.h"
#include "fetch.h"
#include "keys.h"
#include "move.h"

#define CT_ACCOUNT_SCHEMA	"bctl.account/1"
#define CT_ACCOUNT_CPU		"cpu"
#define CT_ACCOUNT_MOVES	"moves"

/**
 * struct ct_sum - what is known of one resource
 * @max: the highest that was held
 * @fails: refusals
 * @integral: units times seconds
 * @known: which of these, as bits in that order
 */
struct ct_sum {
	uint64_t max;
	uint64_t fails;
	uint64_t integral;
	unsigned int known;
};

static void ct_sum_load(const struct ct_conf *conf, const char *name, struct ct_sum *sum)
{
	const char *text = ct_get(conf, name);

	if (!text || sscanf(text, "%u %" SCNu64 " %" SCNu64 " %" SCNu64, &sum->known, &sum->max,
			    &sum->fails, &sum->integral) != 4)
		memset(sum, 0, sizeof(*sum));
}

static int ct_sum_save(struct ct_conf *conf, const char *name, const struct ct_sum *sum)
{
	char text[96];

	snprintf(text, sizeof(text), "%u %" PRIu64 " %" PRIu64 " %" PRIu64, sum->known, sum->max,
		 sum->fails, sum->integral);
	return ct_conf_set(conf, name, text);
}

/* What is not known of one of the pools is not known of the sum, unless there is no other. */
static void ct_sum_add(struct ct_sum *sum, const struct bc_record *rec)
{
	unsigned int known = (rec->flags & BC_RECORD_F_NO_MAXHELD ? 0 : 1) |
			     (rec->flags & BC_RECORD_F_NO_FAILCNT ? 0 : 2) |
			     (rec->flags & BC_RECORD_F_INTEGRAL ? 4 : 0);

	sum->known = sum->known ? sum->known & known : known;
	sum->max = rec->maxheld > sum->max ? rec->maxheld : sum->max;
	sum->fails += rec->failcnt;
	sum->integral += rec->integral;
}

static uint64_t ct_account_number(const struct ct_conf *conf, const char *name)
{
	const char *text = ct_get(conf, name);
	uint64_t value = 0;

	if (text && sscanf(text, "%" SCNu64, &value) != 1)
		value = 0;
	return value;
}

static int ct_account_note(struct ct_conf *conf, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return ct_conf_set(conf, name, text);
}

/* Add the figures of the pool that it has. */
static int ct_account_pool(struct ct_conf *conf, const struct bc_snapshot *snap,
			   const struct bcn_pool *pool)
{
	struct bc_record rec;
	struct ct_sum sum;
	size_t i;
	int ret = 0;

	for (i = 0; i < snap->nres && !ret; i++) {
		if (!bcn_record_of(pool, snap->res[i].id, &rec, sizeof(rec)))
			continue;
		ct_sum_load(conf, snap->res[i].name, &sum);
		ct_sum_add(&sum, &rec);
		ret = ct_sum_save(conf, snap->res[i].name, &sum);
	}
	if (!ret && pool->cpu.known & BC_CPU_F_USAGE)
		ret = ct_account_note(conf, CT_ACCOUNT_CPU, pool->cpu.usage +
				      ct_account_number(conf, CT_ACCOUNT_CPU));
	return ret;
}

/**
 * ct_account_load() - the account of a container, on this machine and before
 * @ct: the container
 * @conf: receives the sums; to be cleared by the caller
 *
 * Return: CT_OK, also if there is no module and nothing was counted, or CT_E_UBC.
 */
int ct_account_load(struct ct *ct, struct ct_conf *conf)
{
	struct bc_snapshot snap = { 0 };
	struct bcn_list *list = NULL;
	struct bcn_pool pool;
	char path[PATH_MAX];
	int ret;

	memset(conf, 0, sizeof(*conf));
	if (!ct_state_path(ct, "account", path))
		(void)ct_conf_load(conf, path);
	ct->run->b.said = ct->run->said;
	if (bctl_open(&ct->run->b))
		return CT_OK;
	ret = bctl_fetch_resources(&ct->run->b, &snap) ? -EIO :
	      bc_fetch_pool(&ct->run->b, ct->text, &list, &pool);
	if (!ret)
		ret = ct_account_pool(conf, &snap, &pool);
	bcn_list_free(list);
	bc_snapshot_clear(&snap);
	return ret && ret != -ENOENT ? ct_fail(ct->run, CT_E_UBC, ct->text,
					       "its account cannot be read") : CT_OK;
}

/**
 * ct_account_export() - what goes with a container to another machine
 * @ct: the container
 * @conf: receives it; to be cleared by the caller
 *
 * Return: CT_OK or CT_E_UBC.
 */
int ct_account_export(struct ct *ct, struct ct_conf *conf)
{
	int status = ct_account_load(ct, conf);

	if (!status && ct_account_note(conf, CT_ACCOUNT_MOVES,
				       ct_account_number(conf, CT_ACCOUNT_MOVES) + 1))
		status = CT_E_UBC;
	return status;
}

static bool ct_account_is_sum(const char *name)
{
	return strcmp(name, CT_ACCOUNT_CPU) && strcmp(name, CT_ACCOUNT_MOVES);
}

static void ct_account_cell(bool known, uint64_t value)
{
	if (known)
		printf(" %20" PRIu64, value);
	else
		printf(" %20s", "-");
}

static void ct_account_row(const char *name, const struct ct_sum *sum)
{
	printf("%-14s", name);
	ct_account_cell(sum->known & 1, sum->max);
	ct_account_cell(sum->known & 2, sum->fails);
	ct_account_cell(sum->known & 4, sum->integral);
	putchar('\n');
}

static void ct_account_item(struct json_object *list, const char *name, const struct ct_sum *sum)
{
	struct json_object *obj = json_object_new_object();

	json_object_object_add(obj, "resource", json_object_new_string(name));
	if (sum->known & 1)
		json_object_object_add(obj, "maxheld", json_object_new_uint64(sum->max));
	if (sum->known & 2)
		json_object_object_add(obj, "failcnt", json_object_new_uint64(sum->fails));
	if (sum->known & 4)
		json_object_object_add(obj, "integral", json_object_new_uint64(sum->integral));
	json_object_array_add(list, obj);
}

/* One line for each resource, in either form. */
static void ct_account_sums(const struct ct_conf *conf, struct json_object *list)
{
	char name[64];
	struct ct_sum sum;
	size_t i;

	for (i = 0; i < conf->count; i++) {
		const struct ct_line *line = &conf->line[i];

		if (!line->key_len || line->key_len >= sizeof(name))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)line->key_len, line->text + line->key);
		if (!ct_account_is_sum(name))
			continue;
		ct_sum_load(conf, name, &sum);
		if (list)
			ct_account_item(list, name, &sum);
		else
			ct_account_row(name, &sum);
	}
}

static void ct_account_print(struct ct *ct, const struct ct_conf *conf)
{
	struct json_object *doc, *list;

	if (!ct->run->b.json) {
		printf("%-14s %20s %20s %20s\n", "RESOURCE", "MAXHELD", "FAILCNT", "UNITS*SECONDS");
		ct_account_sums(conf, NULL);
		printf("%-14s %20" PRIu64 " ns\n", CT_ACCOUNT_CPU,
		       ct_account_number(conf, CT_ACCOUNT_CPU));
		printf("%-14s %20" PRIu64 "\n", CT_ACCOUNT_MOVES,
		       ct_account_number(conf, CT_ACCOUNT_MOVES));
		return;
	}
	doc = json_object_new_object();
	list = json_object_new_array();
	json_object_object_add(doc, "schema", json_object_new_string(CT_ACCOUNT_SCHEMA));
	json_object_object_add(doc, "ctid", json_object_new_int64(ct->id));
	json_object_object_add(doc, "moves", json_object_new_uint64(
			       ct_account_number(conf, CT_ACCOUNT_MOVES)));
	if (ct_get(conf, CT_ACCOUNT_CPU))
		json_object_object_add(doc, "cpu_ns", json_object_new_uint64(
				       ct_account_number(conf, CT_ACCOUNT_CPU)));
	ct_account_sums(conf, list);
	json_object_object_add(doc, "resources", list);
	puts(json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PRETTY));
	json_object_put(doc);
}

/**
 * ct_cmd_account() - account: what a container used, wherever it was
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_account(struct ct *ct, int argc, char **argv)
{
	const struct bc_opt opts[] = { BC_OPT_JSON(&ct->run->b), BC_OPT_END };
	int status = bctl_args(&ct->run->b, &argc, argv, opts);
	struct ct_conf conf;

	if (status >= 0)
		return status ? ct_fail(ct->run, CT_E_SYNTAX, NULL, "%s", ct->run->said) : CT_OK;
	if (argc)
		return ct_fail(ct->run, CT_E_SYNTAX, NULL, "'%.96s' is not an option", argv[0]);
	status = ct_must_exist(ct);
	if (status)
		return status;
	status = ct_account_load(ct, &conf);
	if (!status)
		ct_account_print(ct, &conf);
	ct_conf_clear(&conf);
	return status;
}
