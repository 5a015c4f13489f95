// SPDX-License-Identifier: GPL-2.0
/*
 * What set does besides changing keys: samples, passwords, limits put back
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ct.h"
#include "keys.h"
#include "set.h"

/* What a container is, and not what it gets. */
static const char * const ct_sample_skips[] = {
	"VEID", "NAME", "HOSTNAME", "DESCRIPTION", "OSTEMPLATE", "TEMPLATE", "ORIGIN_SAMPLE",
	"VE_ROOT", "VE_PRIVATE", "VE_LAYOUT", "IP_ADDRESS", "NETIF", "VETH", "LOCAL_UID", "LOCAL_GID",
	NULL,
};

static bool ct_sample_skipped(const struct ct_line *line)
{
	const char * const *skip = ct_sample_skips;

	while (*skip && (strlen(*skip) != line->key_len ||
			 memcmp(*skip, line->text + line->key, line->key_len)))
		skip++;
	return *skip;
}

static int ct_sample_take(const struct ct_conf *sample, struct ct_conf *conf, char **keys,
			  size_t *count, size_t max)
{
	const struct ct_line *line;
	const struct ct_key *key;
	size_t i;
	int ret = 0;

	for (i = 0; i < sample->count && !ret; i++) {
		line = &sample->line[i];
		key = line->value ? ct_key_find(line->text + line->key, line->key_len) : NULL;
		if (!key || ct_sample_skipped(line) || !ct_conf_first(sample, i))
			continue;
		if (*count == max)
			return -E2BIG;
		ret = ct_conf_set(conf, key->key, line->value);
		keys[(*count)++] = (char *)key->key;
	}
	return ret;
}

/**
 * ct_sample_apply() - change a configuration into what a sample says
 * @run: the run
 * @name: the name of the sample
 * @conf: the configuration; what is not in the sample stays
 * @keys: receives what was changed
 * @count: how many these are; those that there are already stay
 * @max: room in @keys
 *
 * Return: CT_OK or CT_E_APPLY.
 */
int ct_sample_apply(const struct ct_run *run, const char *name, struct ct_conf *conf,
		    char **keys, size_t *count, size_t max)
{
	struct ct_conf sample = { 0 };
	char path[PATH_MAX];
	int ret;

	if (!*name || strchr(name, '/') ||
	    ct_path(path, sizeof(path), "%s/conf/ve-%s.conf-sample", run->etc, name))
		return ct_fail(run, CT_E_APPLY, name, "not the name of a sample");
	ret = ct_conf_load(&sample, path);
	if (!ret)
		ret = ct_sample_take(&sample, conf, keys, count, max);
	if (!ret)
		ret = ct_conf_set(conf, "ORIGIN_SAMPLE", name);
	ct_conf_clear(&sample);
	return ret ? ct_fail(run, CT_E_APPLY, path, "%s", strerror(-ret)) : CT_OK;
}

/**
 * ct_password_check() - is this USER:PASSWORD?
 * @run: the run
 * @text: what was given
 *
 * Return: CT_OK or CT_E_VALUE.
 */
int ct_password_check(const struct ct_run *run, const char *text)
{
	const char *colon = strchr(text, ':');

	if (colon && colon > text && colon[1] && !strpbrk(text, "\n\r") && strlen(text) < 512)
		return CT_OK;
	return ct_fail(run, CT_E_VALUE, NULL, "--userpasswd takes USER:PASSWORD");
}

/* The program of the container does it, and reads it from a pipe. */
static int ct_password_run(struct ct *ct, const char *text)
{
	static char * const program[] = { "chpasswd", NULL };
	int ends[2], command = -1;

	if (pipe(ends))
		return ct_fail(ct->run, CT_E_PASSWORD, ct->text, "%s", strerror(errno));
	/* It is shorter than a pipe. */
	if (dprintf(ends[1], "%s\n", text) > 0 && dup2(ends[0], 0) == 0) {
		close(ends[1]);
		ends[1] = -1;
		command = ct_engine_run(ct, program, false, false);
	}
	close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
	return command ? ct_fail(ct->run, CT_E_PASSWORD, ct->text,
				 "chpasswd of the container did not take it") : CT_OK;
}

/**
 * ct_password_set() - set the password of a user of a container
 * @ct: the container, locked; if it is stopped it is there for as long as that takes
 * @text: USER:PASSWORD, which is written nowhere but in the container
 *
 * Return: CT_OK or an error.
 */
int ct_password_set(struct ct *ct, const char *text)
{
	int status, ended;

	if (ct_running(ct))
		return ct_password_run(ct, text);
	status = ct_idle_begin(ct, "runscript");
	if (status)
		return status;
	status = ct_password_run(ct, text);
	ended = ct_end(ct);
	return status ? status : ended;
}

/**
 * ct_reset_ub() - put the limits of a running container back to what its file says
 * @ct: the container, locked
 *
 * Return: CT_OK or an error, with nothing changed.
 */
int ct_reset_ub(struct ct *ct)
{
	bool made;

	if (!ct_running(ct))
		return ct_fail(ct->run, CT_E_NOT_RUNNING, ct->text, "it is not running");
	return ct_pool_start(ct, &made);
}

/* What a container takes up when it is started, and not before. */
static const char * const ct_start_keys[] = {
	"CAPABILITY", "FEATURES", "DEVICES", "DEVNODES", "LOCAL_UID", "LOCAL_GID", NULL,
};

/**
 * ct_needs_restart() - does a change take effect only at a start?
 * @keys: what was changed
 * @count: how many
 *
 * Return: whether one of them does.
 */
bool ct_needs_restart(char * const *keys, size_t count)
{
	const char * const *start;
	size_t i;

	for (i = 0; i < count; i++)
		for (start = ct_start_keys; *start; start++)
			if (!strcmp(keys[i], *start))
				return true;
	return false;
}
