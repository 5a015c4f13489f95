// SPDX-License-Identifier: GPL-2.0
/*
 * Figures relative to an earlier look
 *
 * A failcnt only grows, and cannot be reset. Who wants to know what is new since
 * he last looked would have to keep what he saw; bctl does it for him, under a key
 * of his choice, in
 *
 *	$XDG_STATE_HOME/bctl/delta/KEY.json	if that is set
 *	/var/lib/bctl/delta/KEY.json		for root
 *	$HOME/.local/state/bctl/delta/KEY.json	for others
 *
 * The file has the boot id, and for each pool the figures under "name/incarnation/
 * time of creation". After a reboot, or a reload of the module, or when a pool is
 * made again under its old name, nothing matches: the pool is new, and everything
 * since its creation is shown, which is never negative and never told before.
 *
 * A lock is held from reading the file until it is replaced, so that each failure
 * is told to one of two that run at once. The file is replaced before anything is
 * printed: what is told twice would be worse than what gets lost with the output.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "cli.h"
#include "delta.h"
#include "store.h"

#define BC_DELTA_SCHEMA	"bctl.delta/1"
#define BC_DELTA_MAX	(64 << 20)
#define BC_DELTA_WAIT	10000

/* Figures that never shrink as long as the pool lives. */
static const char * const bc_monotone[] = { "failcnt", "failed" };

/**
 * bctl_delta_key() - refuse what cannot be a key
 * @b: the run
 * @option: the option that has it
 * @key: the key
 *
 * Return: BCTL_OK or BCTL_USAGE.
 */
int bctl_delta_key(struct bctl *b, const char *option, const char *key)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789_.-";
	size_t len = strlen(key);

	if (len && len <= BC_KEY_MAX && key[0] != '.' && strspn(key, good) == len)
		return BCTL_OK;
	return bctl_usage(b, "--%s=%.*s: a key is 1 to %d of A-Z a-z 0-9 _ . - and no . in front",
			  option, BC_WORD_MAX, key, BC_KEY_MAX);
}

static int bc_delta_path(char *path, size_t size)
{
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int len;

	if (xdg && *xdg == '/')
		len = snprintf(path, size, "%s/bctl/delta", xdg);
	else if (!geteuid())
		len = snprintf(path, size, "/var/lib/bctl/delta");
	else if (home && *home == '/')
		len = snprintf(path, size, "%s/.local/state/bctl/delta", home);
	else
		return -ENOENT;
	return (size_t)len < size ? 0 : -ENAMETOOLONG;
}

static json_object *bc_member(json_object *obj, const char *key, json_type type)
{
	json_object *val;

	if (!json_object_is_type(obj, json_type_object) ||
	    !json_object_object_get_ex(obj, key, &val) || !json_object_is_type(val, type))
		return NULL;
	return val;
}

static bool bc_member_int(json_object *obj, const char *key, uint64_t *num)
{
	json_object *val = bc_member(obj, key, json_type_int);

	if (!val || (json_object_get_int64(val) < 0))
		return false;
	*num = json_object_get_uint64(val);
	return true;
}

/* Some resources have no failures, or no sum of them; what is there is a number. */
static bool bc_delta_good_res(json_object *res)
{
	uint64_t num;
	size_t i;

	if (!json_object_is_type(res, json_type_object))
		return false;
	for (i = 0; i < sizeof(bc_monotone) / sizeof(bc_monotone[0]); i++)
		if (json_object_object_get_ex(res, bc_monotone[i], NULL) &&
		    !bc_member_int(res, bc_monotone[i], &num))
			return false;
	return true;
}

/* Is this what bc_delta_apply() makes? Only so much as is needed to use it. */
static bool bc_delta_good(json_object *base)
{
	json_object *schema = bc_member(base, "schema", json_type_string);
	json_object *pools = bc_member(base, "pools", json_type_object);
	uint64_t num;

	if (!schema || strcmp(json_object_get_string(schema), BC_DELTA_SCHEMA) || !pools ||
	    !bc_member(base, "boot_id", json_type_string))
		return false;
	json_object_object_foreach(pools, key, pool) {
		json_object *resources = bc_member(pool, "resources", json_type_object);

		if (!strchr(key, '/') || !resources || !bc_member_int(pool, "taken_ns", &num))
			return false;
		json_object_object_foreach(resources, name, res) {
			(void)name;
			if (!bc_delta_good_res(res))
				return false;
		}
	}
	return true;
}

static int bctl_delta_read(struct bctl *b, struct bc_delta *d, const char *path)
{
	char name[BC_KEY_MAX + 8];
	char *text;
	int ret;

	snprintf(name, sizeof(name), "%s.json", d->key);
	ret = bc_store_read(d->dir, name, BC_DELTA_MAX, &text);
	if (ret == -ENOENT)
		return BCTL_OK;
	if (ret && ret != -EBADMSG)
		return bctl_fail(b, path, "cannot read %s: %s", name, strerror(-ret));
	d->base = ret ? NULL : json_tokener_parse(text);
	free(text);
	if (bc_delta_good(d->base))
		return BCTL_OK;
	json_object_put(d->base);
	d->base = NULL;
	bctl_note(b, path, "%s is damaged and begins anew", name);
	return BCTL_OK;
}

/**
 * bctl_delta_open() - take the earlier look, and keep others from it
 * @b: the run
 * @d: has the key
 *
 * Return: BCTL_OK or BCTL_FAILED; bc_delta_close() is due after both.
 */
int bctl_delta_open(struct bctl *b, struct bc_delta *d)
{
	char path[512], name[BC_KEY_MAX + 8];
	int ret = bc_delta_path(path, sizeof(path));

	d->dir = -1;
	d->lock = -1;
	if (ret)
		return bctl_fail(b, NULL, "no directory to keep the figures in: %s",
				 strerror(-ret));
	d->dir = bc_store_open(path, 4);
	if (d->dir == -EPERM)
		return bctl_fail(b, path, "the directory is another user's");
	if (d->dir < 0)
		return bctl_fail(b, path, "%s", strerror(-d->dir));
	snprintf(name, sizeof(name), "%s.lock", d->key);
	d->lock = bc_store_lock(d->dir, name, BC_DELTA_WAIT);
	if (d->lock < 0)
		return bctl_fail(b, path, "%s: %s", name, d->lock == -EBUSY ?
				 "another bctl has it" : strerror(-d->lock));
	return bctl_delta_read(b, d, path);
}

/* "name/incarnation/created": which pool this is, and no other. */
static bool bc_delta_which(json_object *pool, char *which, size_t size)
{
	json_object *name = bc_member(pool, "name", json_type_string);
	uint64_t incarnation, created;

	if (!name || !bc_member_int(pool, "incarnation", &incarnation) ||
	    !bc_member_int(pool, "created_ns", &created))
		return false;
	snprintf(which, size, "%s/%" PRIu64 "/%" PRIu64, json_object_get_string(name),
		 incarnation, created);
	return true;
}

/* What @res has more than @old, which may be NULL. */
static void bc_delta_res(struct bc_doc *doc, json_object *res, json_object *old)
{
	json_object *obj;
	uint64_t now, then;
	size_t i;

	if (!bc_member_int(res, "failcnt", &now))
		return;
	obj = json_object_new_object();
	bc_put(doc, res, "delta", obj);
	for (i = 0; i < sizeof(bc_monotone) / sizeof(bc_monotone[0]) && !doc->err; i++) {
		if (!bc_member_int(res, bc_monotone[i], &now))
			continue;
		if (!old || !bc_member_int(old, bc_monotone[i], &then) || then > now)
			then = 0;
		bc_put_int(doc, obj, bc_monotone[i], now - then);
	}
}

/*
 * What is to be remembered of a pool. A resource that is not there now may come
 * back with its old figures, so those that were seen before stay.
 */
static json_object *bc_delta_keep(struct bc_doc *doc, json_object *resources,
				  json_object *past, uint64_t taken)
{
	json_object *pool = json_object_new_object(), *list = json_object_new_object(), *obj;
	uint64_t num;
	size_t i;

	if (!pool || !list) {
		json_object_put(pool);
		json_object_put(list);
		doc->err = -ENOMEM;
		return NULL;
	}
	bc_put_int(doc, pool, "taken_ns", taken);
	bc_put(doc, pool, "resources", list);
	json_object_object_foreach(resources, name, res) {
		obj = json_object_new_object();
		bc_put(doc, list, name, obj);
		for (i = 0; i < sizeof(bc_monotone) / sizeof(bc_monotone[0]) && !doc->err; i++)
			if (bc_member_int(res, bc_monotone[i], &num))
				bc_put_int(doc, obj, bc_monotone[i], num);
	}
	if (!past)
		return pool;
	json_object_object_foreach(past, old_name, old) {
		if (!json_object_object_get_ex(resources, old_name, NULL))
			bc_put(doc, list, old_name, json_object_get(old));
	}
	return pool;
}

static void bc_delta_pool(struct bc_doc *doc, json_object *pool, json_object *old,
			  json_object *keep, uint64_t taken)
{
	json_object *resources = bc_member(pool, "resources", json_type_object);
	json_object *past = bc_member(old, "resources", json_type_object);
	json_object *since = json_object_new_object();
	char which[256];
	uint64_t ns = 0;

	if (!resources || !bc_delta_which(pool, which, sizeof(which))) {
		json_object_put(since);
		return;
	}
	bc_put(doc, pool, "delta", since);
	if (doc->err)
		return;
	bc_member_int(old ? old : pool, old ? "taken_ns" : "created_ns", &ns);
	bc_put_str(doc, since, "since", old ? "last" : "creation");
	bc_put_int(doc, since, "since_ns", ns);
	json_object_object_foreach(resources, name, res)
		bc_delta_res(doc, res, bc_member(past, name, json_type_object));
	bc_put(doc, keep, which, bc_delta_keep(doc, resources, past, taken));
}

/* Keep pools that were not looked at now, unless they were replaced. */
static void bc_delta_others(struct bc_doc *doc, json_object *old, json_object *keep)
{
	json_object_object_foreach(old, which, pool) {
		size_t len = strcspn(which, "/") + 1;
		bool replaced = false;

		json_object_object_foreach(keep, other, unused) {
			(void)unused;
			replaced |= !strncmp(which, other, len);
		}
		if (!replaced)
			bc_put(doc, keep, which, json_object_get(pool));
	}
}

/* Two times of one boot? */
static bool bc_delta_same_boot(json_object *base, json_object *root)
{
	json_object *a = bc_member(base, "boot_id", json_type_string);
	json_object *b = bc_member(root, "boot_id", json_type_string);

	return a && b && !strcmp(json_object_get_string(a), json_object_get_string(b));
}

/**
 * bc_delta_apply() - tell in a document of pools what is new
 * @d: the earlier look; this one afterwards
 * @doc: the document
 * @all: all pools there are are in it
 */
void bc_delta_apply(struct bc_delta *d, struct bc_doc *doc, bool all)
{
	json_object *now = json_object_new_object(), *keep = json_object_new_object();
	json_object *old = NULL, *head = json_object_new_object();
	uint64_t taken = 0;
	char which[256];
	size_t i;

	if (!now || !keep || !head)
		doc->err = -ENOMEM;
	if (doc->err) {
		json_object_put(now);
		json_object_put(keep);
		json_object_put(head);
		return;
	}
	if (bc_delta_same_boot(d->base, doc->root))
		old = bc_member(d->base, "pools", json_type_object);
	d->first = !old;
	bc_member_int(doc->root, "taken_ns", &taken);
	bc_put(doc, doc->root, "delta", head);
	if (!doc->err && d->key)
		bc_put_str(doc, head, "key", d->key);
	if (!doc->err)
		bc_put(doc, head, "first", json_object_new_boolean(d->first));
	for (i = 0; !doc->err && i < json_object_array_length(doc->list); i++) {
		json_object *pool = json_object_array_get_idx(doc->list, i), *was = NULL;

		if (old && bc_delta_which(pool, which, sizeof(which)))
			was = bc_member(old, which, json_type_object);
		bc_delta_pool(doc, pool, was, keep, taken);
	}
	if (old && !all && !doc->err)
		bc_delta_others(doc, old, keep);
	bc_put(doc, now, "pools", keep);
	if (!doc->err) {
		bc_put_str(doc, now, "schema", BC_DELTA_SCHEMA);
		bc_put(doc, now, "boot_id",
		       json_object_get(bc_member(doc->root, "boot_id", json_type_string)));
	}
	json_object_put(d->base);
	d->base = now;
}

/**
 * bctl_delta_save() - keep this look for the next time
 * @b: the run
 * @d: it
 * @doc: the document that bc_delta_apply() has changed
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_delta_save(struct bctl *b, struct bc_delta *d, const struct bc_doc *doc)
{
	const char *text = json_object_to_json_string_ext(d->base, JSON_C_TO_STRING_PLAIN |
							  JSON_C_TO_STRING_NOSLASHESCAPE);
	char name[BC_KEY_MAX + 8];
	int ret = doc->err;

	snprintf(name, sizeof(name), "%s.json", d->key);
	if (!ret)
		ret = text ? bc_store_write(d->dir, name, text) : -ENOMEM;
	return ret ? bctl_fail(b, name, "cannot keep the figures: %s", strerror(-ret)) : BCTL_OK;
}

/**
 * bc_delta_close() - let others at it
 * @d: the delta
 */
void bc_delta_close(struct bc_delta *d)
{
	json_object_put(d->base);
	d->base = NULL;
	if (d->key && d->lock >= 0)
		close(d->lock);
	if (d->key && d->dir >= 0)
		close(d->dir);
}
