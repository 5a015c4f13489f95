/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Making documents; for doc.c and doc_*.c only
 */
#ifndef BCTL_DOC_H
#define BCTL_DOC_H

#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

/* The word for a value, or NULL for one that this program does not know. */
#define BC_NAME_OF(table, value) \
	((value) < sizeof(table) / sizeof((table)[0]) ? (table)[value] : NULL)

struct bc_doc;
struct bc_record;
struct bcn_pool;
struct bcn_res;

void bc_put_bound(struct bc_doc *doc, json_object *obj, const char *key, uint64_t val);
void bc_put_wide(struct bc_doc *doc, json_object *obj, const char *key, __int128 val);
void bc_put_enum(struct bc_doc *doc, json_object *obj, const char *key,
		 const char *name, const char *what, uint32_t val);
void bc_put_figures(struct bc_doc *doc, json_object *obj, const struct bc_record *rec);
void bc_put_unit(struct bc_doc *doc, json_object *obj, uint32_t unit);
void bc_put_status(struct bc_doc *doc, json_object *obj, uint32_t status);
json_object *bc_doc_append(struct bc_doc *doc);
void bc_doc_who(struct bc_doc *doc, json_object *obj, const struct bcn_pool *pool);
json_object *bc_put_object(struct bc_doc *doc, json_object *list);
const struct bcn_res *bc_res_by_id(const struct bcn_res *res, size_t nres, uint32_t id);

#endif /* BCTL_DOC_H */
