/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files that know liblxc, all of them called engine, share
 */
#ifndef BCTL_CT_ENGINE_H
#define BCTL_CT_ENGINE_H

#include <stdbool.h>
#include <time.h>

#include <lxc/lxccontainer.h>

#include "ct.h"

/* Where those are who start containers, and the monitors. */
#define CT_MONITORS	"bc-ct"
/* How long what was killed may take to be gone. */
#define CT_GONE_S	30
/* How long between two looks, in milliseconds: at first, and in the end. */
#define CT_NAP_MIN	1
#define CT_NAP_MAX	10

/* Something that is done by ct_engine_apart(); false if it failed, and has been said. */
typedef bool ct_engine_act(struct ct *ct, struct lxc_container *c, void *data);

const char *ct_state_dir(const struct ct *ct);
struct lxc_container *ct_lxc(const struct ct *ct);
bool ct_lxc_describe(struct ct *ct, struct lxc_container *c);
bool ct_lxc_dumpable(struct ct *ct, struct lxc_container *c);
int ct_engine_apart(struct ct *ct, ct_engine_act *act, void *data);
int ct_cgroup_write(int root, const char *dir, const char *file, const char *text);
int ct_reap(pid_t pid);
void ct_relay_begin(void);
int ct_relay_wait(pid_t pid);
void ct_std_null(void);
void ct_nap(int ms);
time_t ct_clock(void);

#endif /* BCTL_CT_ENGINE_H */
