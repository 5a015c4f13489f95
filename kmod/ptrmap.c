// SPDX-License-Identifier: GPL-2.0
/*
 * A map from addresses of kernel objects to our records of them
 *
 * Stock kernels have no field of ours in tasks, address spaces, sockets and
 * cgroups, so what belongs to them is found by address. Readers are lockless
 * and take about ten instructions; writers lock one of BC_PTRMAP_LOCKS locks.
 * The number of buckets is fixed when the map is made, as the kernel's own
 * large hashes do it: no rehash can ever run under a hook.
 *
 * A record must leave the map before the object's memory can be used again,
 * else a new object at the same address would inherit it.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "ptrmap.h"

/**
 * bc_ptrmap_init() - make an empty map
 * @map: map
 * @bits: logarithm of the number of buckets, 1..20
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int bc_ptrmap_init(struct bc_ptrmap *map, unsigned int bits)
{
	struct hlist_head *buckets = kvcalloc(1UL << bits, sizeof(*buckets), GFP_KERNEL);

	if (!buckets)
		return -ENOMEM;
	bc_ptrmap_init_static(map, buckets, bits);
	return 0;
}

/**
 * bc_ptrmap_init_static() - make an empty map of given buckets
 * @map: map, never to be given to bc_ptrmap_destroy()
 * @buckets: 2^@bits empty chains
 * @bits: logarithm of their number
 */
void bc_ptrmap_init_static(struct bc_ptrmap *map, struct hlist_head *buckets, unsigned int bits)
{
	int i;

	map->buckets = buckets;
	map->bits = bits;
	for (i = 0; i < BC_PTRMAP_LOCKS; i++)
		spin_lock_init(&map->lock[i]);
}

/**
 * bc_ptrmap_destroy() - free the map itself
 * @map: map that nobody can reach any more; it must be empty
 *
 * Context: may sleep.
 */
void bc_ptrmap_destroy(struct bc_ptrmap *map)
{
	kvfree(map->buckets);
	map->buckets = NULL;
}

static spinlock_t *bc_ptrmap_lock(struct bc_ptrmap *map, const struct hlist_head *head)
{
	return &map->lock[(head - map->buckets) % BC_PTRMAP_LOCKS];
}

static struct bc_ptrmap_node *bc_ptrmap_find_locked(struct hlist_head *head, const void *key)
{
	struct bc_ptrmap_node *node;

	hlist_for_each_entry(node, head, link)
		if (node->key == key)
			return node;
	return NULL;
}

/**
 * bc_ptrmap_insert() - add a record unless the address has one
 * @map: map
 * @node: new record, complete: readers may see it at once
 * @key: address
 *
 * Context: any.
 * Return: @node, or the record that was there before (then @node is not added).
 */
struct bc_ptrmap_node *bc_ptrmap_insert(struct bc_ptrmap *map, struct bc_ptrmap_node *node,
					const void *key)
{
	struct hlist_head *head = bc_ptrmap_bucket(map, key);
	spinlock_t *lock = bc_ptrmap_lock(map, head);
	struct bc_ptrmap_node *old;
	unsigned long flags;

	node->key = key;
	spin_lock_irqsave(lock, flags);
	old = bc_ptrmap_find_locked(head, key);
	if (likely(!old))
		hlist_add_head_rcu(&node->link, head);
	spin_unlock_irqrestore(lock, flags);
	return old ?: node;
}

/**
 * bc_ptrmap_remove() - take the record of an address out
 * @map: map
 * @key: address
 *
 * Context: any. Most addresses have no record: this is found without the lock.
 * Return: the record, now the caller's to free after a grace period, or NULL.
 */
struct bc_ptrmap_node *bc_ptrmap_remove(struct bc_ptrmap *map, const void *key)
{
	struct hlist_head *head = bc_ptrmap_bucket(map, key);
	struct bc_ptrmap_node *node;
	unsigned long flags;
	spinlock_t *lock;

	if (bc_ptrmap_unknown(map, key))
		return NULL;
	lock = bc_ptrmap_lock(map, head);
	spin_lock_irqsave(lock, flags);
	node = bc_ptrmap_find_locked(head, key);
	if (node)
		hlist_del_init_rcu(&node->link);
	spin_unlock_irqrestore(lock, flags);
	return node;
}

/**
 * bc_ptrmap_remove_node() - take one record out unless somebody else did
 * @map: map
 * @node: record that is or was in the map
 *
 * Context: any.
 * Return: true when this call removed it, and so owns it.
 */
bool bc_ptrmap_remove_node(struct bc_ptrmap *map, struct bc_ptrmap_node *node)
{
	spinlock_t *lock = bc_ptrmap_lock(map, bc_ptrmap_bucket(map, node->key));
	unsigned long flags;
	bool mine;

	spin_lock_irqsave(lock, flags);
	mine = !hlist_unhashed(&node->link);
	if (mine)
		hlist_del_init_rcu(&node->link);
	spin_unlock_irqrestore(lock, flags);
	return mine;
}

/**
 * bc_ptrmap_pick() - look through one bucket with its lock held
 * @map: map that nobody reads without the lock
 * @head: bucket
 * @func: called for each record, with interrupts off; true when it is to be taken out
 * @arg: given to @func
 * @out: gets what was taken out, now the caller's; NULL when @func never says so
 *
 * Context: any.
 */
void bc_ptrmap_pick(struct bc_ptrmap *map, struct hlist_head *head, bc_ptrmap_pick_t func,
		    void *arg, struct hlist_head *out)
{
	spinlock_t *lock = bc_ptrmap_lock(map, head);
	struct bc_ptrmap_node *node;
	struct hlist_node *next;
	unsigned long flags;

	spin_lock_irqsave(lock, flags);
	hlist_for_each_entry_safe(node, next, head, link) {
		if (!func(node, arg))
			continue;
		hlist_del(&node->link);
		hlist_add_head(&node->link, out);
	}
	spin_unlock_irqrestore(lock, flags);
}
