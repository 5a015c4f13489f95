// SPDX-License-Identifier: GPL-2.0
/*
 * Where things are
 *
 *	/etc/vz/vz.conf			the machine; BCTL_VZ_CONF in the environment moves it
 *	/etc/vz/conf/CTID.conf		a container; it exists when, and only when, this does
 *	/etc/vz/names/NAME		a link to that
 *	VE_PRIVATE			its files; the last component is its number
 *	VE_ROOT				where they are mounted while it runs
 *	LOCKDIR/CTID.lck		held while something is being done to it
 *	STATEDIR/CTID.step		what was begun and has not ended
 */
#include <errno.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ct.h"
#include "keys.h"
#include "text.h"

#define CT_VZ_CONF	"/etc/vz/vz.conf"

/* One line, whatever names the container has chosen for what the message is about. */
static void ct_say(const struct ct_run *run, const char *object, const char *fmt, va_list ap)
{
	char what[97], *text = NULL, *line = NULL;
	size_t size;
	FILE *f = open_memstream(&line, &size);

	if (!f)
		return;
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	fprintf(f, "%s: ", run->prog);
	if (run->verb)
		fprintf(f, "%s: ", run->verb);
	if (object) {
		snprintf(what, sizeof(what), "%s", object);
		bc_safe(f, what);
		fputs(": ", f);
	}
	bc_safe(f, text ? text : strerror(ENOMEM));
	fputc('\n', f);
	/* Written at once, so that what others say is not in the middle of it. */
	if (!fclose(f))
		fputs(line, stderr);
	free(line);
	free(text);
}

/**
 * ct_fail() - report a failure
 * @run: the run
 * @status: the exit status for it
 * @object: what it failed on, or NULL
 * @fmt: why
 *
 * Return: @status.
 */
int ct_fail(const struct ct_run *run, int status, const char *object, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	ct_say(run, object, fmt, ap);
	va_end(ap);
	return status;
}

/**
 * ct_note() - say something that is no failure, unless --quiet
 * @run: the run
 * @object: what it is about, or NULL
 * @fmt: the message
 */
void ct_note(const struct ct_run *run, const char *object, const char *fmt, ...)
{
	va_list ap;

	if (run->quiet)
		return;
	va_start(ap, fmt);
	ct_say(run, object, fmt, ap);
	va_end(ap);
}

/**
 * ct_path() - put a path together
 * @out: receives it
 * @size: room there
 * @fmt: like printf()
 *
 * Return: 0 or -ENAMETOOLONG.
 */
int ct_path(char *out, size_t size, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(out, size, fmt, ap);
	va_end(ap);
	return len >= 0 && (size_t)len < size ? 0 : -ENAMETOOLONG;
}

/**
 * ct_state_path() - where something is that is known of a container
 * @ct: the container
 * @what: the suffix of the file
 * @out: receives the path, PATH_MAX bytes
 *
 * Return: 0 or -ENAMETOOLONG.
 */
int ct_state_path(const struct ct *ct, const char *what, char *out)
{
	return ct_path(out, PATH_MAX, "%s/%s.%s",
		       ct_global(ct->run, "STATEDIR", "/var/lib/beancounter/ct"), ct->text, what);
}

/**
 * ct_make_dirs() - make a directory and what is missing above it
 * @path: absolute path
 * @mode: permissions of what is made
 *
 * Return: 0, also if it is there already, or a negative errno.
 */
int ct_make_dirs(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	char *pos;

	if (ct_path(part, sizeof(part), "%s", path))
		return -ENAMETOOLONG;
	for (pos = strchr(part + 1, '/'); pos; pos = strchr(pos + 1, '/')) {
		*pos = '\0';
		if (mkdir(part, mode) && errno != EEXIST)
			return -errno;
		*pos = '/';
	}
	return mkdir(part, mode) && errno != EEXIST ? -errno : 0;
}

/**
 * ct_run_open() - read vz.conf
 * @run: the run
 *
 * Return: CT_OK or CT_E_NO_GLOBAL.
 */
int ct_run_open(struct ct_run *run)
{
	const char *path = getenv("BCTL_VZ_CONF");
	char copy[PATH_MAX];
	int ret;

	if (!path || *path != '/')
		path = CT_VZ_CONF;
	ret = ct_path(copy, sizeof(copy), "%s", path);
	if (!ret)
		ret = ct_path(run->etc, sizeof(run->etc), "%s", dirname(copy));
	if (!ret)
		ret = ct_conf_load(&run->global, path);
	return ret ? ct_fail(run, CT_E_NO_GLOBAL, path, "%s", strerror(-ret)) : CT_OK;
}

/**
 * ct_global() - look a key of vz.conf up
 * @run: the run
 * @key: the key
 * @fallback: what it is if it is not there
 *
 * Return: its value.
 */
const char *ct_global(const struct ct_run *run, const char *key, const char *fallback)
{
	const char *value = ct_get(&run->global, key);

	return value ? value : fallback;
}

/* Put the number of the container in the place of $VEID; nothing else is expanded. */
static int ct_expand(const struct ct *ct, const char *value, char *out, size_t size)
{
	size_t used = 0, skip;
	int len;

	while (*value && used < size) {
		skip = !strncmp(value, "$VEID", 5) ? 5 : !strncmp(value, "${VEID}", 7) ? 7 : 0;
		if (*value == '$' && !skip)
			return -EINVAL;
		len = skip ? snprintf(out + used, size - used, "%s", ct->text) :
			     snprintf(out + used, size - used, "%c", *value);
		used += len;
		value += skip ? skip : 1;
	}
	if (used >= size)
		return -ENAMETOOLONG;
	while (used > 1 && out[used - 1] == '/')
		out[--used] = '\0';
	if (*out != '/' || strstr(out, "/../") || strstr(out, "/./") || strstr(out, "//") ||
	    (used > 2 && !strcmp(out + used - 3, "/..")))
		return -EINVAL;
	return 0;
}

static int ct_place(struct ct *ct, const char *key, int unset, char *out)
{
	const char *value = ct_get(&ct->conf, key), *last;

	if (!value)
		value = ct_global(ct->run, key, NULL);
	if (!value)
		return ct_fail(ct->run, unset, ct->text, "%s is not set", key);
	if (ct_expand(ct, value, out, PATH_MAX))
		return ct_fail(ct->run, CT_E_VALUE, ct->text,
			       "%s=\"%s\": not a plain absolute path", key, value);
	/* It is removed with all that is below it: never more than is meant. */
	last = strrchr(out, '/') + 1;
	if (strcmp(last, ct->text))
		return ct_fail(ct->run, CT_E_VALUE, ct->text,
			       "%s=\"%s\": the last component must be %s, or $VEID", key, value,
			       ct->text);
	return CT_OK;
}

/**
 * ct_places() - find out where the container's files are
 * @ct: the container; its configuration and vz.conf tell
 *
 * Return: CT_OK, or what is wrong with VE_ROOT or VE_PRIVATE.
 */
int ct_places(struct ct *ct)
{
	int status = ct_place(ct, "VE_ROOT", CT_E_ROOT_UNSET, ct->root);

	return status ? status : ct_place(ct, "VE_PRIVATE", CT_E_PRIVATE_UNSET, ct->private);
}

/**
 * ct_name_link() - where the link of a name is
 * @ct: the container
 * @name: the name
 * @out: receives the path
 * @size: room there
 *
 * Return: 0 or -ENAMETOOLONG.
 */
int ct_name_link(const struct ct *ct, const char *name, char *out, size_t size)
{
	return ct_path(out, size, "%s/names/%s", ct->run->etc, name);
}

/**
 * ct_name_owner() - whose name is this?
 * @run: the run
 * @name: the name
 * @id: receives the number of the container
 *
 * Return: 0, or -ENOENT if it is nobody's.
 */
int ct_name_owner(const struct ct_run *run, const char *name, uint32_t *id)
{
	char link[PATH_MAX], target[PATH_MAX], *dot;
	ssize_t len;

	if (!ct_name_ok(name) || ct_path(link, sizeof(link), "%s/names/%s", run->etc, name))
		return -ENOENT;
	len = readlink(link, target, sizeof(target) - 1);
	if (len < 0)
		return -ENOENT;
	target[len] = '\0';
	dot = strrchr(target, '.');
	if (!dot || strcmp(dot, ".conf"))
		return -ENOENT;
	*dot = '\0';
	return ct_id_parse(basename(target), id) ? -ENOENT : 0;
}

/**
 * ct_open() - find a container by number or name
 * @run: the run
 * @arg: what the user calls it
 * @ct: receives what is known of it; to be closed by the caller even after an error
 *
 * Return: CT_OK, also for a number of a container that does not exist, or an error.
 */
int ct_open(struct ct_run *run, const char *arg, struct ct *ct)
{
	const char *state = ct_global(run, "STATEDIR", "/var/lib/beancounter/ct");
	const char *locks = ct_global(run, "LOCKDIR", "/var/lib/vz/lock");
	int ret;

	memset(ct, 0, sizeof(*ct));
	ct->run = run;
	ct->lock = -1;
	if (ct_id_parse(arg, &ct->id) && ct_name_owner(run, arg, &ct->id))
		return ct_fail(run, CT_E_SYNTAX, arg,
			       "neither the number of a container (1 to %u) nor the name of one",
			       CT_ID_MAX);
	snprintf(ct->text, sizeof(ct->text), "%u", ct->id);
	if (ct_path(ct->conf_path, PATH_MAX, "%s/conf/%s.conf", run->etc, ct->text) ||
	    ct_path(ct->lock_path, PATH_MAX, "%s/%s.lck", locks, ct->text) ||
	    ct_path(ct->step_path, PATH_MAX, "%s/%s.step", state, ct->text))
		return ct_fail(run, CT_E_SYSTEM, ct->text, "%s", strerror(ENAMETOOLONG));
	ret = ct_conf_load(&ct->conf, ct->conf_path);
	ct->exists = !ret;
	if (ret && ret != -ENOENT)
		return ct_fail(run, CT_E_BAD_CONF, ct->conf_path, "%s", strerror(-ret));
	ret = ct_conf_load(&ct->step, ct->step_path);
	if (ret && ret != -ENOENT)
		return ct_fail(run, CT_E_SYSTEM, ct->step_path, "%s", strerror(-ret));
	return CT_OK;
}

/**
 * ct_must_exist() - refuse to go on with a container that there is not
 * @ct: the container
 *
 * Return: CT_OK or CT_E_NO_CONF.
 */
int ct_must_exist(const struct ct *ct)
{
	if (ct->exists)
		return CT_OK;
	return ct_fail(ct->run, CT_E_NO_CONF, ct->text, "no such container: %s: %s",
		       ct->conf_path, strerror(ENOENT));
}

/**
 * ct_close() - done with a container; its lock is released
 * @ct: the container
 */
void ct_close(struct ct *ct)
{
	ct_conf_clear(&ct->conf);
	ct_conf_clear(&ct->step);
	if (ct->lock < 0)
		return;
	/* Removed while it is held, so that nobody can hold the file that is gone. */
	(void)unlink(ct->lock_path);
	close(ct->lock);
	ct->lock = -1;
}
