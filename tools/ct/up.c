// SPDX-License-Identifier: GPL-2.0
/*
 * STATEDIR/CTID.up: a container that runs, or that nobody has stopped
 *
 * Written before a container is started, removed when it has been stopped. So one that is
 * there while the container does not run tells that it has halted by itself, or that the
 * machine has gone down with it: by the boot in it, which of the two. It says how the
 * network is that was made for it, which "set" without --save may have changed, and which
 * is what it gets again when it reboots by itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ct.h"
#include "keys.h"
#include "net.h"

#define CT_UP_BOOT	"BOOT"
/* In the place of a boot: it was stopped for the machine to go down. */
#define CT_UP_SHUTDOWN	"shutdown"

static const char * const ct_up_keys[] = { "IP_ADDRESS", "NETIF", "RATE", "RATEBOUND" };

static int ct_up_path(const struct ct *ct, char *out)
{
	return ct_state_path(ct, "up", out);
}

static void ct_boot_id(char *out, size_t size)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	*out = '\0';
	if (f && fgets(out, size, f))
		out[strcspn(out, "\n")] = '\0';
	if (f)
		fclose(f);
}

/**
 * ct_up_load() - read the record
 * @ct: the container
 * @up: receives it; to be cleared by the caller
 *
 * Return: 0, or a negative errno, -ENOENT if there is none.
 */
int ct_up_load(const struct ct *ct, struct ct_conf *up)
{
	char path[PATH_MAX];
	int ret = ct_up_path(ct, path);

	memset(up, 0, sizeof(*up));
	return ret ? ret : ct_conf_load(up, path);
}

static int ct_up_put(const struct ct *ct, const struct ct_conf *up, bool sync)
{
	char path[PATH_MAX];
	int ret = ct_up_path(ct, path);

	if (!ret)
		ret = sync ? ct_conf_save(up, path) : ct_conf_save_volatile(up, path);
	return ret ? ct_fail(ct->run, CT_E_SYSTEM, path, "%s", strerror(-ret)) : CT_OK;
}

/**
 * ct_up_save() - write the record
 * @ct: the container
 * @up: the record
 *
 * Return: CT_OK or CT_E_SYSTEM.
 */
int ct_up_save(const struct ct *ct, const struct ct_conf *up)
{
	return ct_up_put(ct, up, true);
}

/**
 * ct_up_now() - is a record of this boot?
 * @up: the record
 *
 * Return: whether that is so.
 */
bool ct_up_now(const struct ct_conf *up)
{
	const char *boot = ct_get(up, CT_UP_BOOT);
	char now[64];

	ct_boot_id(now, sizeof(now));
	return boot && !strcmp(boot, now);
}

/**
 * ct_up_copy() - take over what concerns the network
 * @up: a record
 * @conf: what says how it is; NETIF with what was made up for it
 *
 * Return: 0 or a negative errno.
 */
int ct_up_copy(struct ct_conf *up, const struct ct_conf *conf)
{
	const char *value;
	size_t i;
	int ret = 0;

	for (i = 0; i < sizeof(ct_up_keys) / sizeof(*ct_up_keys) && !ret; i++) {
		value = ct_get(conf, ct_up_keys[i]);
		if (value)
			ret = ct_conf_set(up, ct_up_keys[i], value);
		else
			ct_conf_unset(up, ct_up_keys[i]);
	}
	return ret;
}

static int ct_up_note(struct ct *ct, const struct ct_conf *conf, bool sync)
{
	struct ct_conf up;
	char boot[64];
	int ret = ct_up_load(ct, &up), status;

	if (ret == -ENOENT)
		ret = 0;
	ct_boot_id(boot, sizeof(boot));
	if (!ret)
		ret = ct_conf_set(&up, CT_UP_BOOT, boot);
	if (!ret)
		ret = ct_up_copy(&up, conf);
	ct_conf_unset(&up, "FAILED");
	status = ret ? ct_fail(ct->run, CT_E_SYSTEM, ct->text, "%s", strerror(-ret)) :
		 ct_up_put(ct, &up, sync);
	ct_conf_clear(&up);
	return status;
}

/**
 * ct_up_net() - note how the network of a container is
 * @ct: the container
 * @conf: what says how it is
 *
 * Return: CT_OK or CT_E_SYSTEM.
 */
int ct_up_net(struct ct *ct, const struct ct_conf *conf)
{
	return ct_up_note(ct, conf, true);
}

/**
 * ct_up_begin() - note that a container is about to run
 * @ct: the container
 *
 * It is there for all on this machine, and on the disk with ct_up_sync(). Until then a reset
 * may leave any part of it, or nothing: there is no container then, and whether one that was
 * being started is started again is the same to somebody who was not told that it was.
 *
 * Return: CT_OK or CT_E_SYSTEM.
 */
int ct_up_begin(struct ct *ct)
{
	int status = ct_up_note(ct, &ct->conf, false);

	ct->unsynced = !status;
	return status;
}

/**
 * ct_up_sync() - have on the disk what ct_up_begin() has noted
 * @ct: the container; the disk is waited for while it is being started
 *
 * Return: CT_OK or CT_E_SYSTEM.
 */
int ct_up_sync(struct ct *ct)
{
	char path[PATH_MAX];
	int ret;

	if (!ct->unsynced)
		return CT_OK;
	ret = ct_up_path(ct, path);
	if (!ret)
		ret = ct_conf_sync(path);
	ct->unsynced = false;
	return ret ? ct_fail(ct->run, CT_E_SYSTEM, path, "%s", strerror(-ret)) : CT_OK;
}

/**
 * ct_up_end() - note that a container does not run any more
 * @ct: the container, with nothing left of what the record tells of
 * @shutdown: it would run, would the machine not go down
 *
 * Return: CT_OK or CT_E_SYSTEM.
 */
int ct_up_end(const struct ct *ct, bool shutdown)
{
	struct ct_conf up = { 0 };
	char path[PATH_MAX];
	int status;

	if (shutdown) {
		status = ct_conf_set(&up, CT_UP_BOOT, CT_UP_SHUTDOWN) ? CT_E_SYSTEM :
			 ct_up_save(ct, &up);
		ct_conf_clear(&up);
		return status;
	}
	if (ct_up_path(ct, path) || (unlink(path) && errno != ENOENT))
		return ct_fail(ct->run, CT_E_SYSTEM, path, "%s", strerror(errno));
	return CT_OK;
}

/**
 * ct_up_fail() - have the command that starts a container know why it cannot be
 * @ct: the container
 * @status: the exit status
 * @why: the reason
 */
void ct_up_fail(const struct ct *ct, int status, const char *why)
{
	struct ct_conf up;
	char text[512];

	snprintf(text, sizeof(text), "%d %s", status, why);
	if (!ct_up_load(ct, &up) && !ct_conf_set(&up, "FAILED", text))
		(void)ct_up_save(ct, &up);
	ct_conf_clear(&up);
}

/**
 * ct_up_failure() - was there a reason?
 * @ct: the container, whose start has failed
 *
 * Return: the exit status, with the reason on stderr, or CT_OK if there was none.
 */
int ct_up_failure(const struct ct *ct)
{
	struct ct_conf up;
	const char *text = ct_up_load(ct, &up) ? NULL : ct_get(&up, "FAILED");
	int status = CT_OK, used = 0;

	if (text && sscanf(text, "%d %n", &status, &used) == 1)
		(void)ct_fail(ct->run, status, ct->text, "%s", text + used);
	ct_conf_clear(&up);
	return status;
}
