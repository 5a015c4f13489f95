// SPDX-License-Identifier: GPL-2.0
/*
 * validate: is a configuration consistent, and what becomes of it here?
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "cli.h"
#include "ct.h"
#include "fetch.h"
#include "keys.h"
#include "validate.h"

/* The exit statuses of vzcfgvalidate. */
enum ct_validate_status { CT_VALID = 0, CT_UNREADABLE = 1, CT_INVALID = 2 };

static void ct_report_line(const struct ct_conf *conf, size_t i)
{
	static const char * const words[] = { "limit", "setting", "used", "no effect" };
	const struct ct_line *line = &conf->line[i];
	const struct ct_key *key;
	const char *word;

	if (line->bad)
		printf("%-10s line %zu\n", "malformed", i + 1);
	if (!line->value)
		return;
	key = ct_key_find(line->text + line->key, line->key_len);
	word = !key ? "unknown" : key->counted ? "counted" : words[key->kind];
	if (!ct_conf_first(conf, i))
		word = "duplicate";
	printf("%-10s %.*s=\"%s\"\n", word, (int)line->key_len, line->text + line->key,
	       line->value);
}

/**
 * ct_report() - print what becomes of a configuration here
 * @run: the run
 * @conf: the configuration
 * @name: what it is called
 *
 * What was mapped to what, and what was not.
 *
 * Return: 0, or 2 if a value is wrong, which was said.
 */
int ct_report(struct ct_run *run, const struct ct_conf *conf, const char *name)
{
	const char *key, *why;
	struct ct_map map;
	size_t i;

	for (i = 0; i < conf->count; i++)
		ct_report_line(conf, i);
	if (ct_map_conf(conf, bc_page_size(), &map, &key, &why)) {
		ct_fail(run, CT_E_VALUE, name, "%s: %s", key, why);
		return CT_INVALID;
	}
	fputs("pool:", stdout);
	for (i = 0; i < map.count; i++)
		printf(" %s", map.arg[i]);
	putchar('\n');
	return CT_VALID;
}

static int ct_validate_file(struct ct_run *run, const char *path, bool repair, bool report)
{
	struct ct_machine machine = { .page_size = bc_page_size() };
	struct ct_verdict verdict;
	struct ct_conf conf;
	struct sysinfo info;
	int ret = ct_conf_load(&conf, path), status = CT_VALID;

	if (ret)
		return ct_fail(run, CT_UNREADABLE, path, "%s", strerror(-ret));
	if (!sysinfo(&info)) {
		machine.ram = (uint64_t)info.totalram * info.mem_unit / machine.page_size;
		machine.swap = (uint64_t)info.totalswap * info.mem_unit / machine.page_size;
	}
	if (report)
		status = ct_report(run, &conf, path);
	ret = ct_validate(&conf, &machine, repair, stdout, &verdict);
	if (!ret && verdict.repaired)
		ret = ct_conf_save(&conf, path);
	/* What could be repaired is right now; the rest is told by a second look. */
	if (!ret && verdict.repaired)
		ret = ct_validate(&conf, &machine, false, stdout, &verdict);
	ct_conf_clear(&conf);
	if (ret)
		return ct_fail(run, CT_UNREADABLE, path, "%s", strerror(-ret));
	return verdict.errors ? CT_INVALID : status;
}

/**
 * ct_cmd_validate() - validate
 * @run: the run
 * @argc: number of arguments, the name of the command included
 * @argv: the arguments
 *
 * Return: 0 when nothing is wrong but for warnings, 1 when the file cannot be read or
 * written, 2 when an error is left.
 */
int ct_cmd_validate(struct ct_run *run, int argc, char **argv)
{
	bool repair = false, report = false;
	const struct bc_opt opts[] = {
		{ "repair", 'r', &repair, NULL }, { "report", 0, &report, NULL }, BC_OPT_END
	};
	struct ct ct = { .lock = -1 };
	uint32_t id;
	int status;

	argc--;
	argv++;
	status = bctl_args(&run->b, &argc, argv, opts);
	if (status >= 0)
		return status ? ct_fail(run, CT_UNREADABLE, NULL, "%s", run->said) : CT_VALID;
	if (argc != 1)
		return ct_fail(run, CT_UNREADABLE, NULL, "one file or container at a time");
	if (ct_id_parse(argv[0], &id))
		return ct_validate_file(run, argv[0], repair, report);
	status = ct_run_open(run);
	if (!status)
		status = ct_open(run, argv[0], &ct);
	if (!status)
		status = ct_must_exist(&ct);
	if (!status && repair)
		status = ct_lock(&ct);
	status = status ? CT_UNREADABLE : ct_validate_file(run, ct.conf_path, repair, report);
	ct_close(&ct);
	return status;
}
