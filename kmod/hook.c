// SPDX-License-Identifier: GPL-2.0
/*
 * Attaching to an unmodified kernel
 *
 * Functions are hooked by name through ftrace, events are tracepoints; nothing
 * is patched, looked up in kallsyms or called that is not exported. Hooks are
 * grouped into sources. A source is attached as a whole or not at all, and a
 * resource whose source cannot be attached is reported as unavailable with the
 * name of the function that is missing, while all others work.
 *
 * Handlers get the light trampoline that saves only the argument registers.
 * A handler that refuses sets the instruction pointer to a function that only returns
 * the error, instead of the hooked one. Neither of them sleeps, so that once ftrace has
 * unregistered an ops and a grace period of RCU tasks is over, no CPU can be in
 * this module because of it.
 *
 * Nothing is attached while there is no pool, but for linger_ms after the last one.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/string.h>
#include <net/netlink.h>

#include "hook.h"
#include "tree.h"

static char *deny_hooks = "";
module_param(deny_hooks, charp, 0444);
MODULE_PARM_DESC(deny_hooks, "comma separated functions and tracepoints never to attach to");

unsigned long bc_active __read_mostly;

/* In the order of attaching. */
static struct bc_source *const bc_sources[] = {
	&bc_source_member,
	&bc_source_proc,
	&bc_source_sig,
	&bc_source_vm,
	&bc_source_shm,
	&bc_source_locked,
	&bc_source_sock,
	&bc_source_tcpmem,
	&bc_source_dgram,
	&bc_source_othersock,
	&bc_source_memory,
	&bc_source_oom,
	&bc_source_file,
	&bc_source_flock,
	&bc_source_pty,
	&bc_source_iptent,
	&bc_source_cpu,
	&bc_source_io,
	&bc_source_iotimes,
	&bc_source_dirty,
	&bc_source_throttle,
};

bc_read_t bc_readers[BC_NR_RES] __ro_after_init;
static const struct bc_source *bc_setting_sources[BC_NR_SETTINGS] __ro_after_init;
unsigned long bc_native __ro_after_init;
unsigned long bc_polled __ro_after_init;

unsigned long bc_settings_active;	/* under the tree mutex */

/* What has to be recounted, of what is attached; under the tree mutex. */
static void (*bc_recounts[ARRAY_SIZE(bc_sources) + 1])(struct bc_pool *pool);

/**
 * bc_instead_zero() - what a refused function returns: 0, false or NULL
 *
 * Return: 0.
 */
noinline notrace long bc_instead_zero(void)
{
	return 0;
}

/**
 * bc_instead_eagain() - what a refused function returns
 *
 * Return: -EAGAIN.
 */
noinline notrace long bc_instead_eagain(void)
{
	return -EAGAIN;
}

/**
 * bc_instead_enomem() - what a refused function returns
 *
 * Return: -ENOMEM.
 */
noinline notrace long bc_instead_enomem(void)
{
	return -ENOMEM;
}

/**
 * bc_instead_enfile() - what a refused function returns
 *
 * Return: -ENFILE.
 */
noinline notrace long bc_instead_enfile(void)
{
	return -ENFILE;
}

/**
 * bc_instead_enolck() - what a refused function returns
 *
 * Return: -ENOLCK.
 */
noinline notrace long bc_instead_enolck(void)
{
	return -ENOLCK;
}

/**
 * bc_instead_enospc() - what a refused function returns
 *
 * Return: -ENOSPC.
 */
noinline notrace long bc_instead_enospc(void)
{
	return -ENOSPC;
}

/**
 * bc_instead_enobufs() - what a refused function returns
 *
 * Return: -ENOBUFS.
 */
noinline notrace long bc_instead_enobufs(void)
{
	return -ENOBUFS;
}

/**
 * bc_instead_eopnotsupp() - what a refused function returns
 *
 * Return: -EOPNOTSUPP.
 */
noinline notrace long bc_instead_eopnotsupp(void)
{
	return -EOPNOTSUPP;
}

static bool bc_hook_denied(const char *name)
{
	size_t len = strlen(name);
	const char *pos;

	for (pos = deny_hooks; pos && *pos; pos = strchr(pos, ',') ? strchr(pos, ',') + 1 : NULL)
		if (!strncmp(pos, name, len) && (!pos[len] || pos[len] == ','))
			return true;
	return false;
}

static int bc_hook_attach(struct bc_hook *hook)
{
	int ret;

	if (bc_hook_denied(hook->func))
		return -EPERM;
	memset(&hook->ops, 0, sizeof(hook->ops));
	hook->ops.func = hook->handler;
	/* Permanent: kernel.ftrace_enabled=0 must not take the hooks away unseen. */
	hook->ops.flags = FTRACE_OPS_FL_PERMANENT | (hook->refuses ? FTRACE_OPS_FL_IPMODIFY : 0);
	ret = ftrace_set_filter(&hook->ops, (unsigned char *)hook->func, strlen(hook->func), 1);
	if (!ret)
		ret = register_ftrace_function(&hook->ops);
	if (ret)
		ftrace_free_filter(&hook->ops);
	return ret;
}

static void bc_hook_detach(struct bc_hook *hook)
{
	WARN_ON_ONCE(unregister_ftrace_function(&hook->ops));
	ftrace_free_filter(&hook->ops);
}

static void bc_probe_match(struct tracepoint *tp, void *data)
{
	struct bc_probe *probe = data;

	if (!strcmp(tp->name, probe->name))
		probe->tp = tp;
}

static int bc_probe_attach(struct bc_probe *probe)
{
	int ret;

	probe->tp = NULL;
	if (bc_hook_denied(probe->name))
		return -EPERM;
	for_each_kernel_tracepoint(bc_probe_match, probe);
	if (!probe->tp)
		return -ENOENT;
	ret = tracepoint_probe_register(probe->tp, probe->func, NULL);
	if (ret)
		probe->tp = NULL;
	return ret;
}

static void bc_probe_detach(struct bc_probe *probe)
{
	tracepoint_probe_unregister(probe->tp, probe->func, NULL);
	probe->tp = NULL;
}

/* Detaches the first entries of a source, last attached first. */
static void bc_source_undo(struct bc_source *src, int nr_probes, int nr_hooks)
{
	while (nr_hooks--)
		bc_hook_detach(&src->hooks[nr_hooks]);
	while (nr_probes--)
		bc_probe_detach(&src->probes[nr_probes]);
	tracepoint_synchronize_unregister();
}

static int bc_source_attach(struct bc_source *src)
{
	const char *what = NULL;
	int probes = 0, hooks = 0, ret = 0;

	src->reason[0] = '\0';
	if (src->needs && !src->needs->attached) {
		snprintf(src->reason, sizeof(src->reason), "%s", src->needs->reason);
		return -ENOENT;
	}
	what = src->lacks ? src->lacks() : NULL;
	if (what) {
		snprintf(src->reason, sizeof(src->reason), "%s", what);
		return -ENOENT;
	}
	for (; src->probes && src->probes[probes].name && !ret; probes += !ret) {
		what = src->probes[probes].name;
		ret = bc_probe_attach(&src->probes[probes]);
	}
	for (; !ret && src->hooks && src->hooks[hooks].func; hooks += !ret) {
		what = src->hooks[hooks].func;
		ret = bc_hook_attach(&src->hooks[hooks]);
	}
	if (!ret) {
		WRITE_ONCE(src->attached, true);
		return 0;
	}
	bc_source_undo(src, probes, hooks);
	snprintf(src->reason, sizeof(src->reason), "cannot hook %s (%s)", what,
		 ret == -EPERM ? "denied by parameter" :
		 ret == -EBUSY ? "live patch, or ftrace_enabled is 0" : "not in this kernel");
	pr_warn("beancounter: %s: %s\n", src->name, src->reason);
	return ret;
}

static void bc_source_detach(struct bc_source *src)
{
	int probes = 0, hooks = 0;

	while (src->probes && src->probes[probes].name)
		probes++;
	while (src->hooks && src->hooks[hooks].func)
		hooks++;
	WRITE_ONCE(src->attached, false);
	bc_source_undo(src, probes, hooks);
}

static void bc_update_active(void)
{
	unsigned long active = 0;
	int res, i, nr = 0;

	for (res = 0; res < BC_NR_RES; res++)
		active |= BIT(res);
	for (i = 0; i < ARRAY_SIZE(bc_sources); i++) {
		if (!bc_sources[i]->attached)
			active &= ~bc_sources[i]->resources;
		else if (bc_sources[i]->recount)
			bc_recounts[nr++] = bc_sources[i]->recount;
	}
	bc_recounts[nr] = NULL;
	bc_settings_active = 0;
	for (i = 0; i < BC_NR_SETTINGS; i++)
		if (bc_setting_sources[i] && bc_setting_sources[i]->attached)
			bc_settings_active |= BIT(i);
	WRITE_ONCE(bc_active, active);
}

/* Once for all, so that no reader has to search. */
static void bc_readers_init(void)
{
	int res, id, i;

	for (i = 0; i < ARRAY_SIZE(bc_sources); i++)
		bc_polled |= bc_sources[i]->polled;
	for (i = ARRAY_SIZE(bc_sources) - 1; i >= 0; i--)
		for (id = 0; id < BC_NR_SETTINGS; id++)
			if (bc_sources[i]->settings & BIT(id))
				bc_setting_sources[id] = bc_sources[i];
	for (i = 0; i < ARRAY_SIZE(bc_sources); i++)
		for (res = 0; res < BC_NR_RES; res++)
			if (bc_sources[i]->read && (bc_sources[i]->resources & BIT(res))) {
				bc_readers[res] = bc_sources[i]->read;
				bc_native |= BIT(res);
			}
}

/**
 * bc_sources_init() - prepare what the sources need, before anything is attached
 * @bits: logarithm of the size of their maps
 *
 * Context: may sleep.
 * Return: 0 or an error; then nothing is left to undo.
 */
int bc_sources_init(unsigned int bits)
{
	int i, ret;

	bc_readers_init();
	for (i = 0; i < ARRAY_SIZE(bc_sources); i++) {
		ret = bc_sources[i]->init ? bc_sources[i]->init(bits) : 0;
		if (ret)
			goto err_undo;
	}
	return 0;

err_undo:
	while (i--)
		if (bc_sources[i]->exit)
			bc_sources[i]->exit();
	return ret;
}

/**
 * bc_sources_exit() - free what bc_sources_init() made, after everything is detached
 *
 * Context: may sleep.
 */
void bc_sources_exit(void)
{
	int i;

	for (i = ARRAY_SIZE(bc_sources) - 1; i >= 0; i--)
		if (bc_sources[i]->exit)
			bc_sources[i]->exit();
}

/**
 * bc_sources_recount() - make the derived figures of one pool's members exact
 * @pool: pool; the pools above see the difference
 *
 * Context: inside a charge section, under the tree mutex.
 */
void bc_sources_recount(struct bc_pool *pool)
{
	int i;

	/* Where all records are of which figures are derived. */
	if (list_empty(&pool->mms) && list_empty(&pool->sigs) && list_empty(&pool->socks) &&
	    list_empty(&pool->shms))
		return;
	for (i = 0; bc_recounts[i]; i++)
		bc_recounts[i](pool);
}

/**
 * bc_sources_leave() - send what is charged to a pool to where it belongs without it
 * @pool: pool whose cgroups are mapped elsewhere already
 * @to: pool that gets them, or NULL for nobody
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_sources_leave(struct bc_pool *pool, struct bc_pool *to)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(bc_sources); i++)
		if (bc_sources[i]->leave)
			bc_sources[i]->leave(pool, to);
}

/**
 * bc_sources_check() - may these bounds be set, as far as the kernel itself sets them?
 * @pool: pool, which need not be in the tree yet
 * @parent: its parent, present or future; NULL for the host
 * @bounds: what is wanted, of all resources
 * @extack: for messages
 *
 * Context: under the tree mutex.
 * Return: 0, or the first error; nothing is changed.
 */
int bc_sources_check(struct bc_pool *pool, struct bc_pool *parent, const struct bc_bounds *bounds,
		     struct netlink_ext_ack *extack)
{
	int i, ret = 0;

	for (i = 0; i < ARRAY_SIZE(bc_sources) && !ret; i++)
		if (bc_sources[i]->check)
			ret = bc_sources[i]->check(pool, parent, bounds, extack);
	return ret;
}

/**
 * bc_sources_set() - set bounds in the kernel itself
 * @pool: pool
 * @parent: its parent; NULL for the host
 * @bounds: what bc_sources_check() has just allowed
 *
 * Context: under the tree mutex.
 */
void bc_sources_set(struct bc_pool *pool, struct bc_pool *parent, const struct bc_bounds *bounds)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(bc_sources); i++)
		if (bc_sources[i]->set)
			bc_sources[i]->set(pool, parent, bounds);
}

/* The source that acts on a setting, or NULL. */
static const struct bc_source *bc_setting_source(enum bc_setting_id id)
{
	return bc_setting_sources[id];
}

/**
 * bc_setting_status() - what can be said of a setting
 * @id: setting
 * @reason: set to why it does not act, else NULL
 *
 * Context: under the tree mutex.
 * Return: status.
 */
enum bc_status bc_setting_status(enum bc_setting_id id, const char **reason)
{
	const struct bc_source *src = bc_setting_source(id);

	*reason = NULL;
	if (!src)
		*reason = "not the module's: bctl sets it in the files of the cgroup";
	else if (!src->attached && src->reason[0])
		*reason = src->reason;
	else if (src->lacks_setting)
		*reason = src->lacks_setting(id);
	if (*reason)
		return BC_STATUS_UNAVAILABLE;
	return bc_hooks_attached() ? BC_STATUS_ENFORCED : BC_STATUS_IDLE;
}

static bool bc_wishes_any(const struct bc_source *src, const struct bc_wish *wishes)
{
	int id;

	for (id = 0; id < BC_NR_SETTINGS; id++)
		if (wishes[id].set && (src->settings & BIT(id)))
			return true;
	return false;
}

/**
 * bc_settings_check() - may these settings be made?
 * @pool: pool, which need not be in the tree yet
 * @parent: its parent, present or future; NULL for the host
 * @wishes: what is wanted, by enum bc_setting_id
 * @extack: for messages
 *
 * Context: under the tree mutex.
 * Return: 0, or the first error; nothing is changed.
 */
int bc_settings_check(struct bc_pool *pool, struct bc_pool *parent, const struct bc_wish *wishes,
		      struct netlink_ext_ack *extack)
{
	const char *reason;
	int id, i, ret = 0;

	for (id = 0; id < BC_NR_SETTINGS; id++) {
		if (!wishes[id].set)
			continue;
		if (!parent) {
			NL_SET_ERR_MSG_ATTR(extack, wishes[id].attr, "the host has no settings");
			return -EOPNOTSUPP;
		}
		if (bc_setting_status(id, &reason) == BC_STATUS_UNAVAILABLE) {
			NL_SET_ERR_MSG_ATTR(extack, wishes[id].attr,
					    "this cannot be set here, see bctl resources");
			return -EOPNOTSUPP;
		}
	}
	for (i = 0; i < ARRAY_SIZE(bc_sources) && !ret; i++)
		if (bc_sources[i]->check_settings && bc_wishes_any(bc_sources[i], wishes))
			ret = bc_sources[i]->check_settings(pool, parent, wishes, extack);
	return ret;
}

/* Back to what the pool had, for the sources before @end; that was possible before. */
static void bc_settings_undo(struct bc_pool *pool, struct bc_pool *parent,
			     const struct bc_wish *wishes, int end)
{
	struct bc_wish back[BC_NR_SETTINGS];
	int id;

	for (id = 0; id < BC_NR_SETTINGS; id++)
		back[id] = (struct bc_wish){ .set = wishes[id].set, .value = pool->settings[id] };
	while (end--)
		if (bc_sources[end]->apply_settings && bc_wishes_any(bc_sources[end], wishes))
			bc_sources[end]->apply_settings(pool, parent, back, NULL);
}

/**
 * bc_settings_apply() - make settings, all of them or none
 * @pool: pool
 * @parent: its parent
 * @wishes: what bc_settings_check() has just allowed
 * @extack: for messages
 *
 * Context: under the tree mutex; may sleep.
 * Return: 0, or an error; then everything is as before.
 */
int bc_settings_apply(struct bc_pool *pool, struct bc_pool *parent, const struct bc_wish *wishes,
		      struct netlink_ext_ack *extack)
{
	int id, i, ret;

	for (i = 0; i < ARRAY_SIZE(bc_sources); i++) {
		if (!bc_sources[i]->apply_settings || !bc_wishes_any(bc_sources[i], wishes))
			continue;
		ret = bc_sources[i]->apply_settings(pool, parent, wishes, extack);
		if (ret) {
			bc_settings_undo(pool, parent, wishes, i);
			return ret;
		}
	}
	for (id = 0; id < BC_NR_SETTINGS; id++) {
		if (!wishes[id].set)
			continue;
		WRITE_ONCE(pool->settings[id], wishes[id].value);
		pool->settings_set |= BIT(id);
	}
	pool->settings_serial++;
	return 0;
}

/**
 * bc_setting_get() - what is in force for a setting
 * @pool: pool
 * @id: setting
 * @setting: to be filled
 *
 * Context: under the tree mutex.
 * Return: false when there is no such setting for the pool.
 */
bool bc_setting_get(struct bc_pool *pool, enum bc_setting_id id, struct bc_setting *setting)
{
	const struct bc_source *src = bc_setting_source(id);

	if (!src || !src->attached || !pool->parent)
		return false;
	*setting = (struct bc_setting) {
		.flags = BC_SETTING_F_EFFECTIVE, .value = pool->settings[id],
	};
	if (src->get_setting && !src->get_setting(pool, id, setting))
		return false;
	setting->id = id;
	if (pool->settings_set & BIT(id))
		setting->flags |= BC_SETTING_F_SET;
	return true;
}

/**
 * bc_hooks_attach() - attach all that this kernel offers
 *
 * Context: under the tree mutex; may sleep.
 * Return: 0; an error when even membership cannot be followed, so that no pool
 * can exist. Other sources that fail make their resources unavailable only.
 */
int bc_hooks_attach(void)
{
	int i, ret;

	ret = bc_source_attach(bc_sources[0]);
	if (ret)
		return ret;
	for (i = 1; i < ARRAY_SIZE(bc_sources); i++) {
		bc_sources[i]->reason[0] = '\0';
		if (!bc_sources[i]->wanted)
			bc_source_attach(bc_sources[i]);
	}
	bc_update_active();
	return 0;
}

/**
 * bc_sources_want() - attach what is of use now and was not before
 * @pool: pool that has come, or whose cgroup may have got a controller; NULL: any of them
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_sources_want(const struct bc_pool *pool)
{
	int i;

	if (!bc_hooks_attached())
		return;
	for (i = 1; i < ARRAY_SIZE(bc_sources); i++)
		if (bc_sources[i]->wanted && !bc_sources[i]->attached &&
		    !bc_sources[i]->reason[0] && bc_sources[i]->wanted(pool))
			bc_source_attach(bc_sources[i]);
	bc_update_active();
}

/**
 * bc_hooks_detach() - detach everything and forget every record
 *
 * Context: under the tree mutex; sleeps, for up to some seconds.
 */
void bc_hooks_detach(void)
{
	int i;

	if (!bc_hooks_attached())
		return;
	for (i = ARRAY_SIZE(bc_sources) - 1; i >= 0; i--)
		if (bc_sources[i]->attached)
			bc_source_detach(bc_sources[i]);
	WRITE_ONCE(bc_active, 0);
	bc_recounts[0] = NULL;
	bc_settings_active = 0;
	/* A handler, or what runs instead, may still run on a preempted task. */
	synchronize_rcu_tasks();
	for (i = ARRAY_SIZE(bc_sources) - 1; i >= 0; i--)
		if (bc_sources[i]->purge)
			bc_sources[i]->purge();
}

/**
 * bc_hooks_attached() - is anything attached?
 *
 * Return: true when it is.
 */
bool bc_hooks_attached(void)
{
	return READ_ONCE(bc_source_member.attached);
}

/**
 * bc_resource_status() - what can be said of a resource
 * @res: resource
 * @reason: set to why it is not enforced, else NULL
 *
 * Context: under the tree mutex.
 * Return: status.
 */
enum bc_status bc_resource_status(enum bc_res res, const char **reason)
{
	const struct bc_source *src;
	bool counted = false;
	int i;

	*reason = NULL;
	for (i = 0; i < ARRAY_SIZE(bc_sources); i++) {
		src = bc_sources[i];
		if (!(src->resources & BIT(res)))
			continue;
		if (!src->attached && src->reason[0]) {
			*reason = src->reason;
			return BC_STATUS_UNAVAILABLE;
		}
		if (!(src->counted & BIT(res)))
			continue;
		*reason = src->why_counted;
		counted = true;
	}
	if (!bc_hooks_attached())
		return BC_STATUS_IDLE;
	return counted ? BC_STATUS_COUNTED : BC_STATUS_ENFORCED;
}
