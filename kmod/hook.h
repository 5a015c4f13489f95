/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_HOOK_H
#define _BC_HOOK_H

#include <linux/ftrace.h>
#include <linux/tracepoint.h>

#include "resource.h"
#include "setting.h"

struct bc_bounds;
struct bc_wish;
struct bc_pool;
struct netlink_ext_ack;

/**
 * struct bc_hook - a function of the kernel that tells us, or asks us
 * @func: its name
 * @handler: called before it runs, in its context, preemption not disabled;
 *	never sleeps
 * @refuses: @handler may divert the call with bc_refuse_call()
 * @ops: ftrace's part
 */
struct bc_hook {
	const char		*func;
	ftrace_func_t		handler;
	bool			refuses;
	struct ftrace_ops	ops;
};

/**
 * struct bc_probe - a tracepoint of the kernel
 * @name: its name
 * @func: called with NULL and the tracepoint's arguments
 * @tp: set while attached
 */
struct bc_probe {
	const char		*name;
	void			*func;
	struct tracepoint	*tp;
};

/**
 * struct bc_source - a set of hooks that is of use only as a whole
 * @name: for messages
 * @resources: BIT() mask of the resources that need it
 * @needs: another source that must be attached first, or NULL
 * @lacks: what the kernel lacks for it, or NULL for nothing; or NULL for nothing ever
 * @wanted: is it of use to a pool, or to any if that is NULL? It is attached when this is
 *	first true, and stays; under the tree mutex; or NULL for "always"
 * @probes: tracepoints, ends with an empty entry, or NULL
 * @hooks: functions, ends with an empty entry, or NULL; what sees an object go
 *	comes before what sees it appear
 * @init: prepares its maps of 2^bits buckets when the module is loaded; returns 0
 *	or an error; may sleep; or NULL
 * @exit: frees them, after everything is detached; may sleep; or NULL
 * @recount: makes the figures of one pool's own members exact, inside a charge
 *	section; or NULL
 * @leave: sends what is charged to a pool that is unbound to where it belongs
 *	now: to the parent, or to nobody when @to is NULL; under the tree mutex,
 *	may sleep; or NULL
 * @purge: forgets every record, once nothing is attached; or NULL
 * @counted: BIT() mask of those of @resources whose limits cannot be enforced
 * @why_counted: why not
 * @read: of resources that the kernel counts by itself: fills all of the record
 *	but its number with what is in force for the pool's own cgroup; under RCU;
 *	false when the kernel counts nothing there; NULL when the counters have it
 * @polled: BIT() mask of those of them of which @read knows what is held, at little
 *	cost: they can have thresholds
 * @check: may these bounds be set for the pool, that is or will be below @parent?
 *	Only those of @resources concern it; under the tree mutex; returns 0, or an
 *	error with a message, and changes nothing; or NULL
 * @set: sets what @check has just allowed, and cannot fail; or NULL
 * @settings: BIT() mask of enum bc_setting_id that it acts on
 * @lacks_setting: why one of these cannot be set on this kernel, or NULL when it
 *	can; under the tree mutex; or NULL for "all can"
 * @check_settings: may these of @settings be set for the pool, that is or will be below
 *	@parent? Under the tree mutex; returns 0, or an error with a message, and
 *	changes nothing; or NULL
 * @apply_settings: makes what @check_settings has just allowed effective, and after
 *	an error everything as it was; the pool still has the old values; under the
 *	tree mutex, may sleep; or NULL
 * @get_setting: what is in force for one of @settings: fills all of it but its
 *	number; false when there is none; under the tree mutex; or NULL for "what
 *	was set, and it is effective"
 * @attached: WO: under the tree mutex
 * @reason: why it is not attached; empty when nothing went wrong
 */
struct bc_source {
	const char		*name;
	unsigned long		resources;
	struct bc_source	*needs;
	const char		*(*lacks)(void);
	bool			(*wanted)(const struct bc_pool *pool);
	struct bc_probe		*probes;
	struct bc_hook		*hooks;
	int			(*init)(unsigned int bits);
	void			(*exit)(void);
	void			(*recount)(struct bc_pool *pool);
	void			(*leave)(struct bc_pool *pool, struct bc_pool *to);
	void			(*purge)(void);
	unsigned long		counted;
	const char		*why_counted;
	bool			(*read)(struct bc_pool *pool, enum bc_res res,
					struct bc_record *rec);
	unsigned long		polled;
	int			(*check)(struct bc_pool *pool, struct bc_pool *parent,
					 const struct bc_bounds *bounds,
					 struct netlink_ext_ack *extack);
	void			(*set)(struct bc_pool *pool, struct bc_pool *parent,
				       const struct bc_bounds *bounds);
	unsigned long		settings;
	const char		*(*lacks_setting)(enum bc_setting_id id);
	int			(*check_settings)(struct bc_pool *pool, struct bc_pool *parent,
						  const struct bc_wish *wishes,
						  struct netlink_ext_ack *extack);
	int			(*apply_settings)(struct bc_pool *pool, struct bc_pool *parent,
						  const struct bc_wish *wishes,
						  struct netlink_ext_ack *extack);
	bool			(*get_setting)(struct bc_pool *pool, enum bc_setting_id id,
					       struct bc_setting *setting);
	bool			attached;
	char			reason[96];
};

extern struct bc_source bc_source_member;
extern struct bc_source bc_source_proc;
extern struct bc_source bc_source_sig;
extern struct bc_source bc_source_vm;
extern struct bc_source bc_source_shm;
extern struct bc_source bc_source_locked;
extern struct bc_source bc_source_sock;
extern struct bc_source bc_source_tcpmem;
extern struct bc_source bc_source_dgram;
extern struct bc_source bc_source_othersock;
extern struct bc_source bc_source_memory;
extern struct bc_source bc_source_oom;
extern struct bc_source bc_source_file;
extern struct bc_source bc_source_flock;
extern struct bc_source bc_source_pty;
extern struct bc_source bc_source_iptent;
extern struct bc_source bc_source_cpu;
extern struct bc_source bc_source_io;
extern struct bc_source bc_source_iotimes;
extern struct bc_source bc_source_dirty;
extern struct bc_source bc_source_throttle;

int bc_sources_init(unsigned int bits);
void bc_sources_exit(void);
void bc_sources_recount(struct bc_pool *pool);
void bc_sources_leave(struct bc_pool *pool, struct bc_pool *to);
int bc_sources_check(struct bc_pool *pool, struct bc_pool *parent, const struct bc_bounds *bounds,
		     struct netlink_ext_ack *extack);
void bc_sources_set(struct bc_pool *pool, struct bc_pool *parent, const struct bc_bounds *bounds);
int bc_settings_check(struct bc_pool *pool, struct bc_pool *parent, const struct bc_wish *wishes,
		      struct netlink_ext_ack *extack);
int bc_settings_apply(struct bc_pool *pool, struct bc_pool *parent, const struct bc_wish *wishes,
		      struct netlink_ext_ack *extack);
bool bc_setting_get(struct bc_pool *pool, enum bc_setting_id id, struct bc_setting *setting);
enum bc_status bc_setting_status(enum bc_setting_id id, const char **reason);
/* BIT() mask of the settings on which something acts that is attached. */
extern unsigned long bc_settings_active;
int bc_hooks_attach(void);
void bc_sources_want(const struct bc_pool *pool);
void bc_hooks_detach(void);
bool bc_hooks_attached(void);
enum bc_status bc_resource_status(enum bc_res res, const char **reason);

/* Is this resource counted now? Read in hooks that serve several sources. */
extern unsigned long bc_active;

static __always_inline bool bc_res_active(enum bc_res res)
{
	return READ_ONCE(bc_active) & BIT(res);
}

/* Who knows the figures of a resource, when the counters do not; or NULL. */
typedef bool (*bc_read_t)(struct bc_pool *pool, enum bc_res res, struct bc_record *rec);
extern bc_read_t bc_readers[BC_NR_RES];

/* Of which there is somebody. */
extern unsigned long bc_native;

/* Those of them that are polled where they have a threshold. */
extern unsigned long bc_polled;

/* What a refused function returns. */
typedef long (*bc_instead_t)(void);
long bc_instead_zero(void);
long bc_instead_eagain(void);
long bc_instead_enomem(void);
long bc_instead_enfile(void);
long bc_instead_enolck(void);
long bc_instead_enospc(void);
long bc_instead_enobufs(void);
long bc_instead_eopnotsupp(void);

/**
 * bc_refuse_call() - let the hooked function return at once instead of running
 * @fregs: registers of the call
 * @instead: one of the functions above
 *
 * Context: in the handler of a hook with @refuses set.
 */
static __always_inline void bc_refuse_call(struct ftrace_regs *fregs, bc_instead_t instead)
{
	ftrace_regs_set_instruction_pointer(fregs, (unsigned long)instead);
}

#define BC_ARG(fregs, n, type)	((type)ftrace_regs_get_argument(fregs, n))

#define BC_HANDLER(name)						\
	static void notrace name(unsigned long ip, unsigned long parent_ip, \
				 struct ftrace_ops *op, struct ftrace_regs *fregs)

#endif /* _BC_HOOK_H */
