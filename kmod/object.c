// SPDX-License-Identifier: GPL-2.0
/*
 * Objects that are counted one by one: open files, file locks, pseudo-terminals
 *
 * Such an object has a record from the moment it is charged until it is freed,
 * which names the pool that is to be uncharged then. There is no list of a
 * pool's records: an open and a close would have to take one more lock for it.
 * Who needs all records of a pool walks the map, which happens only when a pool
 * is unbound.
 *
 * Nobody looks a record up without the lock of its bucket. So this lock is all
 * that protects rec->pool, a record may be freed at once, without a grace
 * period, and a walk that meets a record has it for as long as it holds the
 * lock. A record in the map is charged: the charge is made before the insertion
 * and taken back after the removal.
 *
 * Files come and go fast. Each CPU keeps some free records in stock, which spares
 * an open and a close a third of what they cost in a pool. A stock serves all
 * pools, so its records belong to no memory cgroup. The object itself does, and
 * is several times as large.
 */
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "object.h"

/* Buckets walked between two pauses. */
#define BC_OBJECT_BATCH	1024
/* Free records that one CPU keeps. */
#define BC_OBJECT_STOCK	64

/**
 * struct bc_object_stock - free records of one CPU; used with interrupts off
 * @head: chain of them, linked by their node
 * @nr: how many
 */
struct bc_object_stock {
	struct hlist_head	head;
	unsigned int		nr;
};

static DEFINE_PER_CPU(struct bc_object_stock, bc_object_stock);

static struct bc_object *bc_object_of(struct bc_ptrmap_node *node)
{
	return container_of(node, struct bc_object, node);
}

/**
 * bc_objects_init() - prepare for no records
 * @objs: its resource is set
 * @bits: logarithm of the number of buckets
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int bc_objects_init(struct bc_objects *objs, unsigned int bits)
{
	return bc_ptrmap_init(&objs->map, bits);
}

/**
 * bc_objects_exit() - free the map
 * @objs: no record is left
 *
 * Context: may sleep.
 */
void bc_objects_exit(struct bc_objects *objs)
{
	bc_ptrmap_destroy(&objs->map);
}

static struct bc_object *bc_object_alloc(void)
{
	struct bc_object_stock *stock = this_cpu_ptr(&bc_object_stock);
	struct hlist_node *link = stock->head.first;

	if (unlikely(!link))
		return kmalloc(sizeof(struct bc_object), GFP_ATOMIC | __GFP_NOWARN);
	stock->head.first = link->next;
	stock->nr--;
	return container_of(link, struct bc_object, node.link);
}

static void bc_object_free(struct bc_object *rec)
{
	struct bc_object_stock *stock = this_cpu_ptr(&bc_object_stock);

	if (unlikely(stock->nr == BC_OBJECT_STOCK)) {
		kfree(rec);
		return;
	}
	rec->node.link.next = stock->head.first;
	stock->head.first = &rec->node.link;
	stock->nr++;
}

/* Frees the stocks, when nobody charges or uncharges any more. */
static void bc_object_drain(void)
{
	struct bc_object_stock *stock;
	struct hlist_node *link;
	int cpu;

	for_each_possible_cpu(cpu) {
		stock = per_cpu_ptr(&bc_object_stock, cpu);
		while ((link = stock->head.first)) {
			stock->head.first = link->next;
			kfree(container_of(link, struct bc_object, node.link));
		}
		stock->nr = 0;
	}
}

/* Uncharges and frees a record that was taken out of the map; in a charge section. */
static void bc_object_release(struct bc_objects *objs, struct bc_object *rec)
{
	bc_counter_uncharge(&rec->pool->cnt[objs->res], NULL, 1);
	bc_pool_put(rec->pool);
	bc_object_free(rec);
}

/* A record of a charge that was made; the charge goes with it if there is none. */
static struct bc_object *bc_object_new(struct bc_objects *objs, struct bc_pool *pool)
{
	struct bc_object *rec = bc_object_alloc();

	if (likely(rec && bc_pool_tryget(pool))) {
		rec->pool = pool;
		return rec;
	}
	bc_counter_uncharge(&pool->cnt[objs->res], NULL, 1);
	if (rec)
		bc_object_free(rec);
	return NULL;
}

/* Takes the record of a key out and gives it back; inside a charge section. */
static void bc_object_drop(struct bc_objects *objs, const void *key)
{
	struct bc_ptrmap_node *node = bc_ptrmap_remove(&objs->map, key);

	if (node)
		bc_object_release(objs, bc_object_of(node));
}

/**
 * bc_object_charge() - charge an object that comes to exist now
 * @objs: records
 * @key: object; nobody else charges or frees it meanwhile
 * @pool: pool
 * @sev: severity
 * @fail: set to the counter that refused
 *
 * A record that the key has already is of an object whose creation failed
 * without our being told; it is given back first.
 *
 * Context: inside a charge section.
 * Return: 0; -EDQUOT when it was refused, which the caller counts; -ENOMEM when
 * there was no memory for the record, so that the object is not counted.
 */
int bc_object_charge(struct bc_objects *objs, const void *key, struct bc_pool *pool,
		     enum bc_severity sev, struct bc_counter **fail)
{
	struct bc_object *rec;

	if (!bc_counter_try_charge(&pool->cnt[objs->res], 1, sev, fail))
		return -EDQUOT;
	rec = bc_object_new(objs, pool);
	if (!rec)
		return -ENOMEM;
	while (unlikely(bc_ptrmap_insert(&objs->map, &rec->node, key) != &rec->node))
		bc_object_drop(objs, key);
	return 0;
}

/**
 * bc_object_forget() - uncharge an object if it is charged
 * @objs: records
 * @key: object
 *
 * Context: any, outside of charge sections.
 */
void bc_object_forget(struct bc_objects *objs, const void *key)
{
	struct bc_section sec;

	bc_enter(&sec);
	bc_object_drop(objs, key);
	bc_leave(&sec);
}

/* What a walk is after. */
struct bc_object_walk {
	struct bc_objects	*objs;
	const void		*key;
	struct bc_pool		*from;
	struct bc_pool		*to;
	bool			found;
};

static void bc_object_move(struct bc_objects *objs, struct bc_object *rec, struct bc_pool *to)
{
	struct bc_pool *from = rec->pool;

	bc_pool_move(from, to, objs->res, 1);
	bc_pool_get(to);
	rec->pool = to;
	bc_pool_put(from);
}

static bool bc_object_adopt_one(struct bc_ptrmap_node *node, void *arg)
{
	struct bc_object_walk *walk = arg;

	if (node->key != walk->key)
		return false;
	walk->found = true;
	if (bc_object_of(node)->pool == walk->from)
		bc_object_move(walk->objs, bc_object_of(node), walk->to);
	return false;
}

/**
 * bc_object_adopt() - take an object into the books of a pool that was just bound
 * @objs: records
 * @key: object that exists and cannot be freed meanwhile
 * @pool: pool, alive
 *
 * One that was on the parent's account is moved, one that any other pool has is
 * left alone, one that nobody has is charged by force.
 *
 * Context: inside a charge section, under the tree mutex.
 * Return: false when there was no memory for a record.
 */
bool bc_object_adopt(struct bc_objects *objs, const void *key, struct bc_pool *pool)
{
	struct bc_object_walk walk = {
		.objs = objs, .key = key, .from = pool->parent, .to = pool
	};
	struct bc_object *rec;

	bc_ptrmap_pick(&objs->map, bc_ptrmap_bucket(&objs->map, key), bc_object_adopt_one, &walk,
		       NULL);
	if (walk.found)
		return true;
	bc_counter_charge(&pool->cnt[objs->res], NULL, 1);
	rec = bc_object_new(objs, pool);
	if (!rec)
		return false;
	if (WARN_ON_ONCE(bc_ptrmap_insert(&objs->map, &rec->node, key) != &rec->node))
		bc_object_release(objs, rec);
	return true;
}

static bool bc_object_leave_one(struct bc_ptrmap_node *node, void *arg)
{
	struct bc_object_walk *walk = arg;

	if (bc_object_of(node)->pool != walk->from)
		return false;
	if (!walk->to)
		return true;
	bc_object_move(walk->objs, bc_object_of(node), walk->to);
	return false;
}

static bool bc_object_purge_one(struct bc_ptrmap_node *node, void *arg)
{
	return true;
}

/* Shows all records to a function, and gives back those for which it says so. */
static void bc_objects_walk(struct bc_objects *objs, bc_ptrmap_pick_t func,
			    struct bc_object_walk *walk)
{
	struct bc_ptrmap_node *node;
	struct hlist_node *next;
	struct bc_section sec;
	unsigned long i;

	for (i = 0; i < 1UL << objs->map.bits; i++) {
		HLIST_HEAD(out);

		if (!(i % BC_OBJECT_BATCH))
			cond_resched();
		if (hlist_empty(&objs->map.buckets[i]))
			continue;
		bc_enter(&sec);
		bc_ptrmap_pick(&objs->map, &objs->map.buckets[i], func, walk, &out);
		hlist_for_each_entry_safe(node, next, &out, link)
			bc_object_release(objs, bc_object_of(node));
		bc_leave(&sec);
	}
}

/**
 * bc_objects_leave() - send the objects of a pool that is unbound elsewhere
 * @objs: records
 * @pool: pool that no new object is charged to any more
 * @to: pool that gets them, or NULL to forget them
 *
 * Objects are freed meanwhile. Whoever frees one either has taken the record
 * out before the walk got there, or uncharges the pool that it was moved to.
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_objects_leave(struct bc_objects *objs, struct bc_pool *pool, struct bc_pool *to)
{
	struct bc_object_walk walk = { .objs = objs, .from = pool, .to = to };

	/* What is in the map is charged. */
	if (bc_counter_held(&pool->cnt[objs->res]))
		bc_objects_walk(objs, bc_object_leave_one, &walk);
}

/**
 * bc_objects_purge() - forget all objects
 * @objs: records; nothing is attached any more, for no resource, so the objects
 *	may be gone
 *
 * Context: may sleep.
 */
void bc_objects_purge(struct bc_objects *objs)
{
	bc_objects_walk(objs, bc_object_purge_one, NULL);
	bc_object_drain();
}
