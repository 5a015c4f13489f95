// SPDX-License-Identifier: GPL-2.0
/*
 * quota, quotaon, quotaoff, quotainit
 */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "disk.h"

#define CT_QUOTA_SCHEMA	"bctl.quota/1"

/**
 * ct_quota_recover() - finish a quotainit that was interrupted
 * @ct: the container; its places are those of the journal
 *
 * Return: CT_OK or an error.
 */
int ct_quota_recover(struct ct *ct)
{
	return ct_quota_walk(ct);
}

static int ct_quota_begin(struct ct *ct, int argc, char **argv, struct ct_quota *quota)
{
	int status = CT_OK;

	if (argc)
		return ct_fail(ct->run, CT_E_SYNTAX, NULL, "'%.96s' is not an option", argv[0]);
	status = ct_must_exist(ct);
	if (!status)
		status = ct_lock(ct);
	if (!status)
		status = ct_must_exist(ct);
	if (!status)
		status = ct_places(ct);
	if (!status && access(ct->private, F_OK))
		status = ct_fail(ct->run, CT_E_NO_PRIVATE, ct->text, "the private area %s: %s",
				 ct->private, strerror(errno));
	return status ? status : ct_quota_conf(ct, &ct->conf, quota);
}

/**
 * ct_cmd_quotaon() - quotaon
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_quotaon(struct ct *ct, int argc, char **argv)
{
	struct ct_quota quota;
	int status = ct_quota_begin(ct, argc, argv, &quota);

	if (!status && !quota.space)
		status = ct_fail(ct->run, CT_E_NO_DISKSPACE, ct->text, "DISKSPACE is not set");
	if (!status && !quota.inodes)
		status = ct_fail(ct->run, CT_E_NO_DISKINODES, ct->text, "DISKINODES is not set");
	return status ? status : ct_quota_on(ct, &quota, ct_running(ct) || ct_mounted(ct));
}

/**
 * ct_cmd_quotaoff() - quotaoff
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_quotaoff(struct ct *ct, int argc, char **argv)
{
	static const struct ct_disk none;
	struct ct_quota quota;
	int status = ct_quota_begin(ct, argc, argv, &quota), ret;

	if (status)
		return status;
	if (ct_disk_state(ct->private) != CT_DISK_LIMITS)
		return ct_fail(ct->run, CT_E_QUOTA_OFF, ct->text, "it is off");
	ret = ct_disk_set(ct->private, ct_project(ct), &none);
	return ret ? ct_fail(ct->run, CT_E_QUOTA_OFF, ct->text, "%s", strerror(-ret)) : CT_OK;
}

/**
 * ct_cmd_quotainit() - quotainit
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_quotainit(struct ct *ct, int argc, char **argv)
{
	struct ct_quota quota;
	int status = ct_quota_begin(ct, argc, argv, &quota);

	if (!status && ct_running(ct))
		status = ct_fail(ct->run, CT_E_RUNNING, ct->text, "it is running; stop it first");
	if (!status && ct_mounted(ct))
		status = ct_fail(ct->run, CT_E_MOUNTED, ct->text, "it is mounted; umount it first");
	if (!status && ct_disk_state(ct->private) == CT_DISK_ABSENT)
		status = ct_quota_unable(ct);
	if (!status)
		status = ct_quota_foreign(ct);
	if (!status)
		status = ct_step_begin(ct, "quotainit");
	if (!status)
		status = ct_quota_walk(ct);
	/* What is not done stays to be done. */
	return status ? status : ct_step_end(ct);
}

static void ct_quota_row(const char *name, uint64_t used, uint64_t soft, uint64_t hard)
{
	char s[24] = "unlimited", h[24] = "unlimited";

	if (soft)
		snprintf(s, sizeof(s), "%" PRIu64, soft);
	if (hard)
		snprintf(h, sizeof(h), "%" PRIu64, hard);
	printf("%-10s %15" PRIu64 " %15s %15s\n", name, used, s, h);
}

static void ct_quota_json(struct json_object *doc, const char *name, uint64_t used, uint64_t soft,
			  uint64_t hard, uint64_t end)
{
	struct json_object *obj = json_object_new_object();

	json_object_object_add(obj, "used", json_object_new_int64(used));
	json_object_object_add(obj, "soft", soft ? json_object_new_int64(soft) : NULL);
	json_object_object_add(obj, "hard", hard ? json_object_new_int64(hard) : NULL);
	if (end)
		json_object_object_add(obj, "until", json_object_new_int64(end));
	json_object_object_add(doc, name, obj);
}

static void ct_quota_print(struct ct *ct, const struct ct_disk *disk)
{
	struct json_object *doc;

	if (!ct->run->b.json) {
		printf("%-10s %15s %15s %15s\n", "", "USED", "SOFT", "HARD");
		ct_quota_row("bytes", disk->space, disk->space_soft, disk->space_hard);
		ct_quota_row("inodes", disk->inodes, disk->inodes_soft, disk->inodes_hard);
		return;
	}
	doc = json_object_new_object();
	json_object_object_add(doc, "schema", json_object_new_string(CT_QUOTA_SCHEMA));
	json_object_object_add(doc, "ctid", json_object_new_int64(ct->id));
	json_object_object_add(doc, "project", json_object_new_int64(ct_project(ct)));
	json_object_object_add(doc, "grace", json_object_new_int64(disk->grace));
	ct_quota_json(doc, "bytes", disk->space, disk->space_soft, disk->space_hard,
		      disk->space_end);
	ct_quota_json(doc, "inodes", disk->inodes, disk->inodes_soft, disk->inodes_hard,
		      disk->inodes_end);
	puts(json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PRETTY));
	json_object_put(doc);
}

/**
 * ct_cmd_quota() - quota: use and limits
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_quota(struct ct *ct, int argc, char **argv)
{
	const struct bc_opt opts[] = { BC_OPT_JSON(&ct->run->b), BC_OPT_END };
	int status = bctl_args(&ct->run->b, &argc, argv, opts);
	struct ct_disk disk;

	if (status >= 0)
		return status ? ct_fail(ct->run, CT_E_SYNTAX, NULL, "%s", ct->run->said) : CT_OK;
	if (argc)
		return ct_fail(ct->run, CT_E_SYNTAX, NULL, "'%.96s' is not an option", argv[0]);
	status = ct_must_exist(ct);
	if (!status)
		status = ct_places(ct);
	if (status)
		return status;
	if (!ct_quota_read(ct, &disk))
		return ct_fail(ct->run, CT_E_QUOTA_USE, ct->text,
			       "its files are not counted; see quotainit");
	ct_quota_print(ct, &disk);
	return CT_OK;
}
