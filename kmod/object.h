/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_OBJECT_H
#define _BC_OBJECT_H

#include "ptrmap.h"
#include "tree.h"

/**
 * struct bc_object - record of an object that is charged as one of its resource
 * @node: key tells the object; never followed
 * @pool: what it is charged to, with a reference; under the lock of its bucket,
 *	then of whoever took the record out of the map
 */
struct bc_object {
	struct bc_ptrmap_node	node;
	struct bc_pool		*pool;
};

/**
 * struct bc_objects - all records of one resource
 * @map: records by key
 * @res: resource
 */
struct bc_objects {
	struct bc_ptrmap	map;
	enum bc_res		res;
};

int bc_objects_init(struct bc_objects *objs, unsigned int bits);
void bc_objects_exit(struct bc_objects *objs);
int bc_object_charge(struct bc_objects *objs, const void *key, struct bc_pool *pool,
		     enum bc_severity sev, struct bc_counter **fail);
bool bc_object_adopt(struct bc_objects *objs, const void *key, struct bc_pool *pool);
void bc_object_forget(struct bc_objects *objs, const void *key);
void bc_objects_leave(struct bc_objects *objs, struct bc_pool *pool, struct bc_pool *to);
void bc_objects_purge(struct bc_objects *objs);

/**
 * bc_object_gone() - an object is about to be freed
 * @objs: records
 * @key: object
 *
 * Context: any; takes a charge section of its own. A few instructions for an
 * object in a bucket without records.
 */
static __always_inline void bc_object_gone(struct bc_objects *objs, const void *key)
{
	if (!bc_ptrmap_unknown(&objs->map, key))
		bc_object_forget(objs, key);
}

#endif /* _BC_OBJECT_H */
