/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_PTRMAP_H
#define _BC_PTRMAP_H

#include <linux/hash.h>
#include <linux/rculist.h>
#include <linux/spinlock.h>

#define BC_PTRMAP_LOCKS	64

/**
 * struct bc_ptrmap_node - to be embedded as what a map holds
 * @link: chain of the bucket
 * @key: address of the kernel object that is described; never dereferenced here
 */
struct bc_ptrmap_node {
	struct hlist_node	link;
	const void		*key;
};

/**
 * struct bc_ptrmap - address of a kernel object -> our record of it
 * @buckets: 2^@bits chains, read under RCU
 * @bits: logarithm of the number of buckets
 * @lock: one for every BC_PTRMAP_LOCKS-th bucket; inner-most locks, irqs off
 */
struct bc_ptrmap {
	struct hlist_head	*buckets;
	unsigned int		bits;
	spinlock_t		lock[BC_PTRMAP_LOCKS];
};

int bc_ptrmap_init(struct bc_ptrmap *map, unsigned int bits);
void bc_ptrmap_init_static(struct bc_ptrmap *map, struct hlist_head *buckets, unsigned int bits);
void bc_ptrmap_destroy(struct bc_ptrmap *map);
struct bc_ptrmap_node *bc_ptrmap_insert(struct bc_ptrmap *map, struct bc_ptrmap_node *node,
					const void *key);
struct bc_ptrmap_node *bc_ptrmap_remove(struct bc_ptrmap *map, const void *key);
bool bc_ptrmap_remove_node(struct bc_ptrmap *map, struct bc_ptrmap_node *node);

typedef bool (*bc_ptrmap_pick_t)(struct bc_ptrmap_node *node, void *arg);
void bc_ptrmap_pick(struct bc_ptrmap *map, struct hlist_head *head, bc_ptrmap_pick_t func,
		    void *arg, struct hlist_head *out);

static __always_inline struct hlist_head *
bc_ptrmap_bucket(const struct bc_ptrmap *map, const void *key)
{
	return &map->buckets[hash_ptr(key, map->bits)];
}

/**
 * bc_ptrmap_unknown() - is it certain that an address has no record?
 * @map: map
 * @key: address
 *
 * Context: any; follows no pointer into the map's records.
 * Return: true when it has none; false when it may have one.
 */
static __always_inline bool bc_ptrmap_unknown(const struct bc_ptrmap *map, const void *key)
{
	return hlist_empty(bc_ptrmap_bucket(map, key));
}

/**
 * bc_ptrmap_find() - look an address up
 * @map: map
 * @key: address
 *
 * Context: preemption off or inside rcu_read_lock(); the result is good until
 * that section ends. A few instructions when the bucket is empty.
 * Return: the node, or NULL.
 */
static __always_inline struct bc_ptrmap_node *
bc_ptrmap_find(const struct bc_ptrmap *map, const void *key)
{
	struct bc_ptrmap_node *node;

	hlist_for_each_entry_rcu_notrace(node, bc_ptrmap_bucket(map, key), link)
		if (node->key == key)
			return node;
	return NULL;
}

#endif /* _BC_PTRMAP_H */
