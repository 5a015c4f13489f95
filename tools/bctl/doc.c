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

static const char * const bc_units[] = {
	"items", "bytes", "pages", "shares", "ns-per-second", "bytes-per-second", "per-second",
	"ms", "boolean",
};
static const char * const bc_kinds[] = { "native", "derived", "charged", "flow" };
static const char * const bc_statuses[] = { "idle", "enforced", "counted", "unavailable" };

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
