// SPDX-License-Identifier: GPL-2.0
/*
 * The documents that -j prints
 *
 * The keys are an interface: Documentation/json describes them, and a test
 * holds every output against that. Amounts are integers in the base unit.
 * "Unlimited" is null. What the module did not send is left out.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "beancounter.h"
#include "doc.h"
#include "print.h"

#define BC_NAME_OF(table, value) \
	((value) < sizeof(table) / sizeof((table)[0]) ? (table)[value] : NULL)

static const char * const bc_units[] = {
	"items", "bytes", "pages", "shares", "ns-per-second", "bytes-per-second", "per-second",
	"ms", "boolean",
};
static const char * const bc_kinds[] = { "native", "derived", "charged", "flow" };
static const char * const bc_statuses[] = { "idle", "enforced", "counted", "unavailable" };
static const char * const bc_states[] = { "live", "dying" };
static const char * const bc_events[] = {
	NULL, "refusal", "pool-new", "pool-set", "pool-dying", "pool-gone", "threshold",
};
static const char * const bc_directions[] = { "up", "down" };

/**
 * bc_page_size() - how large a page is
 *
 * Return: the bytes.
 */
uint64_t bc_page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/**
 * bc_boottime() - the clock of the module
 *
 * Return: nanoseconds since boot.
 */
uint64_t bc_boottime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/**
 * bc_put() - add a member to an object
 * @doc: the document, which remembers a failure
 * @obj: the object
 * @key: name of the member
 * @val: its value, NULL for one that could not be made
 */
void bc_put(struct bc_doc *doc, json_object *obj, const char *key, json_object *val)
{
	if (val && !doc->err && !json_object_object_add(obj, key, val))
		return;
	json_object_put(val);
	doc->err = -ENOMEM;
}

/**
 * bc_put_int() - add a number
 * @doc: the document
 * @obj: the object
 * @key: name of the member
 * @val: its value
 */
void bc_put_int(struct bc_doc *doc, json_object *obj, const char *key, uint64_t val)
{
	bc_put(doc, obj, key, json_object_new_uint64(val));
}

/**
 * bc_put_bound() - add a barrier or limit
 * @doc: the document
 * @obj: the object
 * @key: name of the member
 * @val: its value; BC_UNLIMITED becomes null, which is a NULL object in json-c
 */
void bc_put_bound(struct bc_doc *doc, json_object *obj, const char *key, uint64_t val)
{
	if (val != BC_UNLIMITED)
		bc_put_int(doc, obj, key, val);
	else if (json_object_object_add(obj, key, NULL))
		doc->err = -ENOMEM;
}

/* Length of the UTF-8 sequence at @s, 0 if that is none. */
static int bc_utf8_len(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	int len = s[0] < 0x80 ? 1 : (s[0] & 0xe0) == 0xc0 ? 2 :
		  (s[0] & 0xf0) == 0xe0 ? 3 : (s[0] & 0xf8) == 0xf0 ? 4 : 0;
	uint32_t code;
	int i;

	if (len < 2)
		return len;
	code = s[0] & (0x7f >> len);
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	return code < least[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ?
	       0 : len;
}

/**
 * bc_new_str() - make a string of what need not be UTF-8
 * @val: a path, or what a process calls itself
 *
 * What is not UTF-8 becomes U+FFFD, as JSON has no room for it.
 *
 * Return: the string, or NULL for want of memory.
 */
json_object *bc_new_str(const char *val)
{
	const unsigned char *s = (const unsigned char *)val;
	json_object *obj;
	char *text, *to;
	int len;

	to = text = malloc(3 * strlen(val) + 1);
	if (!text)
		return NULL;
	for (; *s; s += len ? len : 1) {
		len = bc_utf8_len(s);
		memcpy(to, len ? (const char *)s : "\xef\xbf\xbd", len ? len : 3);
		to += len ? len : 3;
	}
	*to = '\0';
	obj = json_object_new_string(text);
	free(text);
	return obj;
}

/**
 * bc_put_str() - add a string
 * @doc: the document, which keeps the error
 * @obj: the object
 * @key: its name
 * @val: the string, as for bc_new_str()
 */
void bc_put_str(struct bc_doc *doc, json_object *obj, const char *key, const char *val)
{
	bc_put(doc, obj, key, bc_new_str(val));
}

/**
 * bc_put_enum() - add the name of an enum's value
 * @doc: the document
 * @obj: the object
 * @key: name of the member
 * @name: name of the value, NULL if it is not known yet
 * @what: what stands before the number of such a value
 * @val: the value
 */
void bc_put_enum(struct bc_doc *doc, json_object *obj, const char *key,
			const char *name, const char *what, uint32_t val)
{
	char text[32];

	snprintf(text, sizeof(text), "%s-%u", what, val);
	bc_put(doc, obj, key, json_object_new_string(name ? name : text));
}

/**
 * bc_put_unit() - add the unit of an object's amounts
 * @doc: the document
 * @obj: the object
 * @unit: enum bc_unit
 */
void bc_put_unit(struct bc_doc *doc, json_object *obj, uint32_t unit)
{
	bc_put_enum(doc, obj, "unit", BC_NAME_OF(bc_units, unit), "unit", unit);
}

/**
 * bc_put_status() - add what can be said of a resource or setting on this kernel
 * @doc: the document
 * @obj: the object
 * @status: enum bc_status
 */
void bc_put_status(struct bc_doc *doc, json_object *obj, uint32_t status)
{
	bc_put_enum(doc, obj, "status", BC_NAME_OF(bc_statuses, status), "status", status);
}

/**
 * bc_event_name() - what an event is called
 * @event: enum bc_event
 *
 * Return: the name; NULL for a number that has none here; "" behind the last.
 */
const char *bc_event_name(uint32_t event)
{
	return event < sizeof(bc_events) / sizeof(bc_events[0]) ? bc_events[event] : "";
}

static void bc_put_boot_id(struct bc_doc *doc)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	char id[64] = "";

	if (f) {
		if (!fgets(id, sizeof(id), f))
			*id = '\0';
		fclose(f);
	}
	id[strcspn(id, "\n")] = '\0';
	bc_put_str(doc, doc->root, "boot_id", id);
}

/**
 * bc_doc_begin() - begin a document
 * @doc: the document, to be ended by bc_doc_end()
 * @schema: its kind and version
 * @list: name of the array in it, or NULL
 * @taken: time of the figures, 0 to leave that out
 */
void bc_doc_begin(struct bc_doc *doc, const char *schema, const char *list, uint64_t taken)
{
	memset(doc, 0, sizeof(*doc));
	doc->root = json_object_new_object();
	if (!doc->root) {
		doc->err = -ENOMEM;
		return;
	}
	bc_put_str(doc, doc->root, "schema", schema);
	bc_put_boot_id(doc);
	if (taken)
		bc_put_int(doc, doc->root, "taken_ns", taken);
	if (!list)
		return;
	doc->list = json_object_new_array();
	bc_put(doc, doc->root, list, doc->list);
}

/**
 * bc_doc_end() - free a document
 * @doc: the document
 */
void bc_doc_end(struct bc_doc *doc)
{
	json_object_put(doc->root);
	memset(doc, 0, sizeof(*doc));
}

/**
 * bc_put_object() - add a new object at the end of an array
 * @doc: the document
 * @list: the array
 *
 * Return: the object, or NULL after an error.
 */
json_object *bc_put_object(struct bc_doc *doc, json_object *list)
{
	json_object *obj;

	if (doc->err)
		return NULL;
	obj = json_object_new_object();
	if (obj && !json_object_array_add(list, obj))
		return obj;
	json_object_put(obj);
	doc->err = -ENOMEM;
	return NULL;
}

/**
 * bc_doc_append() - add an object to the end of the document's list
 * @doc: the document
 *
 * Return: the object, which is the document's; NULL after an error.
 */
json_object *bc_doc_append(struct bc_doc *doc)
{
	return bc_put_object(doc, doc->list);
}

/**
 * bc_res_by_id() - look a resource up
 * @res: the resources
 * @nres: how many there are
 * @id: number of the resource
 *
 * Return: the resource, or NULL.
 */
const struct bcn_res *bc_res_by_id(const struct bcn_res *res, size_t nres, uint32_t id)
{
	size_t i;

	for (i = 0; i < nres; i++)
		if (res[i].id == id)
			return &res[i];
	return NULL;
}

static void bc_doc_threshold(struct bc_doc *doc, json_object *obj,
			     const struct bcn_threshold *th)
{
	json_object *threshold = json_object_new_object();

	bc_put(doc, obj, "threshold", threshold);
	if (doc->err)
		return;
	bc_put_int(doc, threshold, "rise", th->rise);
	bc_put_int(doc, threshold, "fall", th->fall);
	bc_put(doc, threshold, "above", json_object_new_boolean(th->above));
}

/**
 * bc_put_figures() - add the figures of a record; what the kernel does not keep is left out
 * @doc: the document
 * @obj: the object
 * @rec: the record
 */
void bc_put_figures(struct bc_doc *doc, json_object *obj, const struct bc_record *rec)
{
	if (!(rec->flags & BC_RECORD_F_NO_HELD))
		bc_put_int(doc, obj, "held", rec->held);
	if (!(rec->flags & BC_RECORD_F_NO_MAXHELD))
		bc_put_int(doc, obj, "maxheld", rec->maxheld);
	bc_put_bound(doc, obj, "barrier", rec->barrier);
	bc_put_bound(doc, obj, "limit", rec->limit);
	if (!(rec->flags & BC_RECORD_F_NO_FAILCNT))
		bc_put_int(doc, obj, "failcnt", rec->failcnt);
	if (!(rec->flags & BC_RECORD_F_NO_FAILED))
		bc_put_int(doc, obj, "failed", rec->failed);
	if (rec->last_fail)
		bc_put_int(doc, obj, "last_failure_ns", rec->last_fail);
}

static void bc_doc_record(struct bc_doc *doc, json_object *resources,
			  const struct bc_record *rec, const struct bcn_res *res,
			  const struct bcn_threshold *th)
{
	json_object *obj = json_object_new_object();
	char name[32];

	snprintf(name, sizeof(name), "resource-%u", rec->res);
	bc_put(doc, resources, res ? res->name : name, obj);
	if (doc->err)
		return;
	if (res)
		bc_put_unit(doc, obj, res->unit);
	bc_put_figures(doc, obj, rec);
	bc_put(doc, obj, "enforced",
	       json_object_new_boolean(!!(rec->flags & BC_RECORD_F_ENFORCED)));
	if (rec->flags & BC_RECORD_F_INTEGRAL)
		bc_put_int(doc, obj, "held_time", rec->integral);
	if (rec->flags & BC_RECORD_F_PEAK)
		bc_put_int(doc, obj, "peak", rec->peak);
	if (th)
		bc_doc_threshold(doc, obj, th);
}

/**
 * bc_doc_parent() - name the pool above, null for one at the top
 * @doc: the document
 * @obj: where to
 * @pool: the pool
 */
void bc_doc_parent(struct bc_doc *doc, json_object *obj, const struct bcn_pool *pool)
{
	if (pool->parent)
		bc_put_str(doc, obj, "parent", pool->parent);
	else if (json_object_object_add(obj, "parent", NULL))
		doc->err = -ENOMEM;
}

/* Each kind on its own: page cache is not memory that a program needs. */
static void bc_doc_memory(struct bc_doc *doc, json_object *obj, const struct bc_memory *mem)
{
	json_object *memory = json_object_new_object();

	bc_put(doc, obj, "memory", memory);
	if (doc->err)
		return;
	bc_put_int(doc, memory, "anon", mem->anon);
	bc_put_int(doc, memory, "file", mem->file);
	bc_put_int(doc, memory, "shmem", mem->shmem);
	bc_put_int(doc, memory, "cache", mem->cache);
	bc_put_int(doc, memory, "kernel", mem->kernel);
	bc_put_int(doc, memory, "slab", mem->slab);
	bc_put_int(doc, memory, "sock", mem->sock);
	bc_put_int(doc, memory, "swap", mem->swap);
}

/**
 * bc_doc_page_size() - tell in the document what a page is
 * @doc: the document
 * @page_size: its bytes
 */
void bc_doc_page_size(struct bc_doc *doc, uint64_t page_size)
{
	if (!doc->err)
		bc_put_int(doc, doc->root, "page_size", page_size);
}

/**
 * bc_doc_reader() - tell in the document who has taken the peaks
 * @doc: the document
 * @reader: name of the reader
 */
void bc_doc_reader(struct bc_doc *doc, const char *reader)
{
	if (!doc->err)
		bc_put_str(doc, doc->root, "reader", reader);
}

/**
 * bc_doc_pool() - add a pool
 * @doc: the document
 * @pool: the pool
 * @res: the resources of the module
 * @nres: how many there are
 */
void bc_doc_pool(struct bc_doc *doc, const struct bcn_pool *pool,
		 const struct bcn_res *res, size_t nres)
{
	json_object *obj = bc_doc_append(doc), *resources;
	struct bcn_threshold th;
	struct bc_record rec;
	size_t i;

	if (!obj)
		return;
	bc_put_int(doc, obj, "id", pool->id);
	bc_put_str(doc, obj, "name", pool->name);
	bc_doc_parent(doc, obj, pool);
	if (BCN_HAS(pool, BC_A_INCARNATION))
		bc_put_int(doc, obj, "incarnation", pool->incarnation);
	if (pool->cgroup || !pool->id)
		bc_put_str(doc, obj, "cgroup", pool->cgroup ? pool->cgroup : "");
	if (BCN_HAS(pool, BC_A_CGROUP_ID))
		bc_put_int(doc, obj, "cgroup_id", pool->cgroup_id);
	if (BCN_HAS(pool, BC_A_STATE))
		bc_put_enum(doc, obj, "state", BC_NAME_OF(bc_states, pool->state),
			    "state", pool->state);
	if (BCN_HAS(pool, BC_A_CREATED))
		bc_put_int(doc, obj, "created_ns", pool->created);
	if (BCN_HAS(pool, BC_A_CHANGED))
		bc_put_int(doc, obj, "changed_ns", pool->changed);
	if (BCN_HAS(pool, BC_A_CHILDREN))
		bc_put_int(doc, obj, "children", pool->children);
	if (BCN_HAS(pool, BC_A_GENERATION))
		bc_put_int(doc, obj, "generation", pool->generation);
	resources = json_object_new_object();
	bc_put(doc, obj, "resources", resources);
	for (i = 0; i < pool->records && !doc->err; i++) {
		bcn_pool_record(pool, i, &rec);
		bc_doc_record(doc, resources, &rec, bc_res_by_id(res, nres, rec.res),
			      bcn_pool_threshold(pool, rec.res, &th) ? &th : NULL);
	}
	if (BCN_HAS(pool, BC_A_MEMORY) && !doc->err)
		bc_doc_memory(doc, obj, &pool->memory);
}

/**
 * bc_doc_res() - add a resource
 * @doc: the document
 * @res: the resource
 */
void bc_doc_res(struct bc_doc *doc, const struct bcn_res *res)
{
	json_object *obj = bc_doc_append(doc);

	if (!obj)
		return;
	bc_put_int(doc, obj, "id", res->id);
	bc_put_str(doc, obj, "name", res->name);
	bc_put_unit(doc, obj, res->unit);
	if (BCN_HAS(res, BC_A_RES_KIND))
		bc_put_enum(doc, obj, "kind", BC_NAME_OF(bc_kinds, res->kind),
			    "kind", res->kind);
	if (BCN_HAS(res, BC_A_RES_STATUS))
		bc_put_status(doc, obj, res->status);
	if (res->reason)
		bc_put_str(doc, obj, "reason", res->reason);
	if (res->desc)
		bc_put_str(doc, obj, "description", res->desc);
}

/**
 * bc_doc_add_reader() - add a reader of peaks
 * @doc: the document
 * @reader: the reader
 */
void bc_doc_add_reader(struct bc_doc *doc, const struct bcn_reader *reader)
{
	json_object *obj = bc_doc_append(doc);

	if (!obj)
		return;
	bc_put_str(doc, obj, "name", reader->name);
	if (BCN_HAS(reader, BC_A_TIME))
		bc_put_int(doc, obj, "last_taken_ns", reader->taken);
}

/**
 * bc_doc_info() - fill a document with the state of the module
 * @doc: the document
 * @info: the state
 */
void bc_doc_info(struct bc_doc *doc, const struct bcn_info *info)
{
	const struct {
		const char *key;
		int attr;
		uint64_t val;
	} ints[] = {
		{ "pools", BC_A_POOLS, info->pools },
		{ "pools_max", BC_A_POOLS_MAX, info->pools_max },
		{ "dying", BC_A_DYING, info->dying },
		{ "generation", BC_A_GENERATION, info->generation },
		{ "suppressed", BC_A_SUPPRESSED, info->suppressed },
		{ "unbalanced", BC_A_UNBALANCED, info->unbalanced },
		{ "untracked", BC_A_UNTRACKED, info->untracked },
		{ "page_size", BC_A_PAGE_SIZE, info->page_size },
		{ "loaded_ns", BC_A_INSTANCE, info->instance },
		{ "serial", BC_A_SERIAL, info->serial },
		{ "closed_kept", BC_A_CLOSED_KEPT, info->closed_kept },
		{ "closed_max", BC_A_CLOSED_MAX, info->closed_max },
		{ "closed_lost", BC_A_CLOSED_LOST, info->closed_lost },
	};
	size_t i;

	bc_put_str(doc, doc->root, "bctl_version", BCTL_VERSION);
	if (info->version)
		bc_put_str(doc, doc->root, "version", info->version);
	if (BCN_HAS(info, BC_A_HOOKED))
		bc_put(doc, doc->root, "hooked", json_object_new_boolean(!!info->hooked));
	for (i = 0; i < sizeof(ints) / sizeof(ints[0]); i++)
		if (BCN_HAS(info, ints[i].attr))
			bc_put_int(doc, doc->root, ints[i].key, ints[i].val);
}

static void bc_notice_resource(struct bc_doc *doc, const struct bcn_notice *n,
			       const struct bcn_res *res)
{
	json_object *obj = doc->root;

	if (n->res_name || res)
		bc_put_str(doc, obj, "resource", n->res_name ? n->res_name : res->name);
	if (res)
		bc_put_unit(doc, obj, res->unit);
	if (BCN_HAS(n, BC_A_AMOUNT))
		bc_put_int(doc, obj, "amount", n->amount);
	if (BCN_HAS(n, BC_A_HELD))
		bc_put_int(doc, obj, "held", n->held);
	if (BCN_HAS(n, BC_A_BARRIER))
		bc_put_bound(doc, obj, "barrier", n->barrier);
	if (BCN_HAS(n, BC_A_LIMIT_VALUE))
		bc_put_bound(doc, obj, "limit", n->limit);
	if (BCN_HAS(n, BC_A_DIRECTION))
		bc_put_enum(doc, obj, "direction", BC_NAME_OF(bc_directions, n->direction),
			    "direction", n->direction);
	if (BCN_HAS(n, BC_A_PERCENT))
		bc_put_int(doc, obj, "percent", n->percent);
}

/**
 * bc_doc_notice() - fill a document with an event
 * @doc: the document
 * @n: the event
 * @res: the resources of the module
 * @nres: how many there are
 */
void bc_doc_notice(struct bc_doc *doc, const struct bcn_notice *n,
		   const struct bcn_res *res, size_t nres)
{
	json_object *obj = doc->root;

	if (doc->err)
		return;
	bc_put_enum(doc, obj, "event", BC_NAME_OF(bc_events, n->event), "event", n->event);
	if (BCN_HAS(n, BC_A_TIME))
		bc_put_int(doc, obj, "time_ns", n->time);
	if (n->name)
		bc_put_str(doc, obj, "pool", n->name);
	if (BCN_HAS(n, BC_A_ID))
		bc_put_int(doc, obj, "pool_id", n->id);
	if (BCN_HAS(n, BC_A_INCARNATION))
		bc_put_int(doc, obj, "incarnation", n->incarnation);
	if (BCN_HAS(n, BC_A_RES))
		bc_notice_resource(doc, n, bc_res_by_id(res, nres, n->res));
	if (n->origin)
		bc_put_str(doc, obj, "origin", n->origin);
	if (BCN_HAS(n, BC_A_ORIGIN_ID))
		bc_put_int(doc, obj, "origin_id", n->origin_id);
	if (BCN_HAS(n, BC_A_PID))
		bc_put_int(doc, obj, "pid", n->pid);
	if (n->comm)
		bc_put_str(doc, obj, "comm", n->comm);
	if (BCN_HAS(n, BC_A_SUPPRESSED))
		bc_put_int(doc, obj, "suppressed", n->suppressed);
}

/**
 * bc_doc_lost() - fill a document with the event that events were lost
 * @doc: the document
 * @now: when that was noticed
 */
void bc_doc_lost(struct bc_doc *doc, uint64_t now)
{
	if (doc->err)
		return;
	bc_put_str(doc, doc->root, "event", "lost");
	bc_put_int(doc, doc->root, "time_ns", now);
}
