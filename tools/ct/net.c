// SPDX-License-Identifier: GPL-2.0
/*
 * The network of a container
 *
 * Addresses that are routed to it (IP_ADDRESS) stand on venet0 in the container, the one
 * end of a line whose other end is venetCTID on the machine: a route to each address goes
 * there, everything goes there from the container, and the machine answers for the address
 * on its own nets. Cards (NETIF) are pairs whose other end is a port of a bridge.
 *
 * All of it is made by applying the difference between what is and what is to be; should
 * that fail, the difference in the other direction. What is, is in the record (up.c), which
 * during a change has what was and what is to be: to remove what is not there is no error.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ct.h"
#include "fence.h"
#include "keys.h"
#include "net.h"
#include "wire.h"

/**
 * struct ct_patch - a change of a container's network
 * @ct: the container
 * @wire: the sides
 * @from: what is, or may be
 * @to: what is to be
 * @status: the exit status for what goes wrong
 * @why: what went wrong
 * @back: the container's side is there, restored from a dump
 */
struct ct_patch {
	const struct ct *ct;
	struct ct_wire *wire;
	const struct ct_net *from;
	const struct ct_net *to;
	int status;
	char why[256];
	bool back;
};

/**
 * ct_net_line() - the line over which addresses are routed
 * @ct: the container
 *
 * Return: its two ends.
 */
struct ct_nic ct_net_line(const struct ct *ct)
{
	struct ct_nic nic = { .ifname = CT_VENET_IN, .mac = { 0x02, 0xbc, ct->id >> 24,
			      ct->id >> 16, ct->id >> 8, ct->id } };

	snprintf(nic.host, IFNAMSIZ, CT_VENET "%.10s", ct->text);
	memcpy(nic.host_mac, nic.mac, sizeof(nic.mac));
	return nic;
}

static int ct_patch_failed(struct ct_patch *p, int status, int ret, const char *what)
{
	p->status = status;
	snprintf(p->why, sizeof(p->why), "%s: %s", what,
		 ret == -EEXIST ? "there is one already" : strerror(-ret));
	return ret;
}

/* The same card, but for what can be changed while it is in use. */
static bool ct_nic_kept(const struct ct_nic *nic, struct ct_nics *list)
{
	struct ct_nic *other = ct_nics_find(list, nic->ifname);

	return other && !strcmp(other->host, nic->host) && !memcmp(other->mac, nic->mac, 6) &&
	       !memcmp(other->host_mac, nic->host_mac, 6);
}

static void ct_patch_remove(struct ct_patch *p)
{
	const struct ct_net *from = p->from;
	struct ct_nic line = ct_net_line(p->ct);
	size_t i;

	for (i = 0; i < from->nics.count; i++)
		if (!ct_nic_kept(&from->nics.n[i], (struct ct_nics *)&p->to->nics))
			(void)ct_wire_drop(p->wire, from->nics.n[i].host);
	for (i = 0; i < from->addrs.count; i++) {
		if (ct_addrs_have(&p->to->addrs, &from->addrs.a[i]))
			continue;
		(void)ct_wire_proxies(p->wire, "all", &from->addrs.a[i], false);
		(void)ct_wire_route(p->wire->host, line.host, &from->addrs.a[i], false);
		if (p->wire->in)
			(void)ct_wire_addr(p->wire->in, line.ifname, &from->addrs.a[i], false);
	}
	if (from->addrs.count && !p->to->addrs.count)
		(void)ct_wire_drop(p->wire, line.host);
}

/* Is a pair there that was made for this? One of a former life may take a while to go. */
static bool ct_patch_has(struct ct_patch *p, const struct ct_nic *nic, bool kept)
{
	if (kept && ct_wire_there(p->wire, nic->host))
		return true;
	(void)ct_wire_drop(p->wire, nic->host);
	return false;
}

static int ct_patch_make(struct ct_patch *p, bool *made)
{
	struct ct_nics *had = (struct ct_nics *)&p->from->nics;
	struct ct_nic line = ct_net_line(p->ct);
	const struct ct_nic *nic;
	size_t i;
	int ret;

	for (i = 0; i < p->to->nics.count; i++) {
		nic = &p->to->nics.n[i];
		made[i] = !ct_patch_has(p, nic, ct_nic_kept(nic, had));
		ret = made[i] ? ct_wire_pair(p->wire, nic, true) : 0;
		if (ret)
			return ct_patch_failed(p, CT_E_VETH, ret, nic->host);
	}
	made[CT_NIC_MAX] = p->to->addrs.count &&
			   !ct_patch_has(p, &line, p->from->addrs.count);
	ret = made[CT_NIC_MAX] ? ct_wire_pair(p->wire, &line, false) : 0;
	return ret ? ct_patch_failed(p, CT_E_ADD_IP, ret, line.host) : 0;
}

/* What was restored is as the container had it; it is for the machine to put its end to use. */
static int ct_patch_up(struct ct_patch *p, const struct ct_nic *nic, bool arp, bool made)
{
	if (p->back)
		return ct_wire_back(p->wire, nic, arp);
	return made ? ct_wire_up(p->wire, nic, arp) : 0;
}

/* Cards are of use from here on, as nothing goes through them uncounted any more. */
static int ct_patch_cards(struct ct_patch *p, const bool *made)
{
	const struct ct_nic *nic;
	size_t i;
	int ret;

	for (i = 0; i < p->to->nics.count; i++) {
		nic = &p->to->nics.n[i];
		ret = ct_wire_bridge(p->wire, nic->host, nic->bridge);
		if (ret)
			return ct_patch_failed(p, CT_E_VETH, ret,
					       *nic->bridge ? nic->bridge : nic->host);
		ret = ct_patch_up(p, nic, true, made[i]);
		if (ret)
			return ct_patch_failed(p, CT_E_VETH, ret, nic->ifname);
	}
	return 0;
}

static int ct_patch_addr(struct ct_patch *p, const struct ct_nic *line,
			 const struct ct_addr *addr)
{
	const char *devs = ct_global(p->ct->run, "NEIGHBOUR_DEVS", "detect");
	struct ct_addr all = { .family = addr->family };
	int ret = ct_wire_addr(p->wire->in, line->ifname, addr, true);

	if (!ret)
		ret = ct_wire_route(p->wire->in, line->ifname, &all, true);
	/* The container may have chosen another way out. */
	if (ret == -EEXIST)
		ret = 0;
	if (!ret)
		ret = ct_wire_route(p->wire->host, line->host, addr, true);
	if (!ret)
		ret = ct_wire_proxies(p->wire, devs, addr, true);
	return ret;
}

static int ct_patch_addrs(struct ct_patch *p, const bool *made)
{
	struct ct_nic line = ct_net_line(p->ct);
	char text[CT_ADDR_TEXT];
	size_t i;
	int ret;

	ret = p->to->addrs.count ? ct_patch_up(p, &line, false, made[CT_NIC_MAX]) : 0;
	if (ret)
		return ct_patch_failed(p, CT_E_ADD_IP, ret, line.host);
	for (i = 0; i < p->to->addrs.count; i++) {
		ret = ct_patch_addr(p, &line, &p->to->addrs.a[i]);
		ct_addr_text(&p->to->addrs.a[i], false, text, sizeof(text));
		if (ret)
			return ct_patch_failed(p, CT_E_ADD_IP, ret, text);
	}
	return 0;
}

static int ct_patch_fence(struct ct_patch *p)
{
	struct ct_fence fence = { p->ct->text, &p->to->addrs, &p->to->nics, &p->to->rate, NULL };
	struct ct_classes classes;
	struct ct_traffic begin;
	char path[PATH_MAX];
	const char *why;
	size_t line;
	int ret;

	if (!p->to->addrs.count && !p->to->nics.count)
		return 0;
	if (ct_path(path, sizeof(path), "%s/conf/networks_classes", p->ct->run->etc))
		return -ENAMETOOLONG;
	p->status = CT_E_VALUE;
	ret = ct_classes_load(&classes, path, &line, &why);
	if (ret) {
		snprintf(p->why, sizeof(p->why), "networks_classes, line %zu: %s", line, why);
		return ret;
	}
	fence.classes = &classes;
	(void)ct_traffic_load(p->ct, &begin);
	p->status = CT_E_ADD_IP;
	ret = ct_fence_put(&fence, &begin, p->why, sizeof(p->why));
	ct_classes_clear(&classes);
	return ret;
}

static int ct_patch_apply(struct ct_patch *p)
{
	bool made[CT_NIC_MAX + 1] = { false };
	int ret;

	ct_patch_remove(p);
	ret = ct_patch_make(p, made);
	if (!ret)
		ret = ct_patch_fence(p);
	if (!ret)
		ret = ct_patch_cards(p, made);
	if (!ret)
		ret = ct_patch_addrs(p, made);
	return ret;
}

/**
 * ct_net_attach() - make the network of a container that has none yet
 * @ct: the container
 * @init: its init, which waits
 * @back: its own side has been restored, with ends of what ct_net_premake() has made
 *
 * What is to be stands in the record; a failure is noted there.
 *
 * Return: CT_OK or an error.
 */
int ct_net_attach(struct ct *ct, pid_t init, bool back)
{
	struct ct_net *net = calloc(2, sizeof(*net));
	struct ct_wire wire = { .ns = -1 };
	struct ct_patch p = { ct, &wire, net, net ? net + 1 : NULL, CT_E_ADD_IP, "", back };
	struct ct_conf up;
	int status = net && !ct_up_load(ct, &up) ? CT_OK : CT_E_RESOURCES, ret;

	if (!status) {
		status = ct_net_read(ct, &up, net + 1);
		ct_conf_clear(&up);
	}
	if (!status && back)
		*net = net[1];
	ret = status ? 0 : ct_wire_open(&wire, init);
	if (ret)
		ct_patch_failed(&p, CT_E_ADD_IP, ret, "its network namespace");
	else if (!status)
		ret = ct_patch_apply(&p);
	if (ret) {
		status = p.status;
		ct_up_fail(ct, status, p.why);
	}
	ct_wire_close(&wire);
	free(net);
	return status;
}

/* What was and what is to be, together. */
static void ct_net_both(struct ct_net *both, const struct ct_net *from)
{
	size_t i;

	for (i = 0; i < from->addrs.count; i++)
		(void)ct_addrs_add(&both->addrs, &from->addrs.a[i]);
	for (i = 0; i < from->nics.count; i++)
		if (!ct_nics_find(&both->nics, from->nics.n[i].ifname) &&
		    both->nics.count < CT_NIC_MAX)
			both->nics.n[both->nics.count++] = from->nics.n[i];
}

static int ct_net_copy(struct ct_conf *copy, const struct ct_conf *conf, const char *key)
{
	const char *value = ct_get(conf, key);

	return value ? ct_conf_set(copy, key, value) : 0;
}

/* The record while that is being changed. */
static int ct_net_union(struct ct *ct, const struct ct_conf *conf, const struct ct_net *from,
			const struct ct_net *to)
{
	struct ct_net *both = malloc(sizeof(*both));
	char *text = malloc(CT_ADDRS_TEXT);
	struct ct_conf copy = { 0 };
	int ret = -ENOMEM, status;

	if (both && text) {
		*both = *to;
		ct_net_both(both, from);
		ct_addrs_text(&both->addrs, text, CT_ADDRS_TEXT);
		ret = ct_conf_set(&copy, "IP_ADDRESS", text);
		ct_nics_text(&both->nics, text, CT_ADDRS_TEXT);
	}
	if (!ret)
		ret = ct_conf_set(&copy, "NETIF", text);
	if (!ret)
		ret = ct_net_copy(&copy, conf, "RATE");
	if (!ret)
		ret = ct_net_copy(&copy, conf, "RATEBOUND");
	status = ret ? ct_fail(ct->run, CT_E_RESOURCES, ct->text, "%s", strerror(-ret)) :
		 ct_up_net(ct, &copy);
	ct_conf_clear(&copy);
	free(both);
	free(text);
	return status;
}

static int ct_net_patch(struct ct *ct, struct ct_conf *up, const struct ct_conf *conf,
			const struct ct_net *from, const struct ct_net *to)
{
	struct ct_wire wire;
	struct ct_patch p = { ct, &wire, from, to, CT_E_ADD_IP, "", false };
	struct ct_patch back = { ct, &wire, to, from, CT_E_ADD_IP, "", false };
	int ret = ct_wire_open(&wire, ct_init_pid(ct)), status = CT_OK;

	if (ret)
		ct_patch_failed(&p, CT_E_ADD_IP, ret, "its network namespace");
	else
		ret = ct_patch_apply(&p);
	if (ret) {
		status = ct_fail(ct->run, p.status, ct->text, "%s", p.why);
		if (wire.in && ct_patch_apply(&back))
			ct_note(ct->run, ct->text, "and cannot be put back: %s", back.why);
		(void)ct_up_save(ct, up);
	} else {
		status = ct_up_net(ct, conf);
	}
	/* The last of its cards has gone: what they counted stays. */
	if (!status && !to->addrs.count && !to->nics.count) {
		status = ct_traffic_keep(ct);
		(void)ct_fence_drop(ct->text);
	}
	ct_wire_close(&wire);
	return status;
}

/**
 * ct_net_change() - change the network of a container that runs
 * @ct: the container
 * @conf: the configuration that says how it is to be
 *
 * Return: CT_OK, or an error with everything as it was.
 */
int ct_net_change(struct ct *ct, const struct ct_conf *conf)
{
	struct ct_net *net = calloc(2, sizeof(*net));
	struct ct_conf up = { 0 };
	int ret = net ? ct_up_load(ct, &up) : -ENOMEM, status;

	status = ret ? ct_fail(ct->run, CT_E_SYSTEM, ct->text, "its record: %s", strerror(-ret)) :
		 ct_net_read(ct, &up, net);
	if (!status)
		status = ct_net_read(ct, conf, net + 1);
	if (!status)
		status = ct_net_union(ct, conf, net, net + 1);
	if (!status)
		status = ct_net_patch(ct, &up, conf, net, net + 1);
	ct_conf_clear(&up);
	free(net);
	return status;
}

/**
 * ct_net_down() - remove all that was made for the network of a container
 * @ct: the container, of which nothing runs
 *
 * What was counted is on the disk before that.
 *
 * Return: CT_OK, also if there was nothing, or an error.
 */
int ct_net_down(struct ct *ct)
{
	struct ct_net *net = calloc(2, sizeof(*net));
	struct ct_wire wire = { .ns = -1 };
	struct ct_patch p = { ct, &wire, net, net ? net + 1 : NULL, 0, "", false };
	struct ct_conf up = { 0 };
	int status = CT_OK, ret;

	if (!net)
		return ct_fail(ct->run, CT_E_RESOURCES, ct->text, "%s", strerror(ENOMEM));
	if (!ct_up_load(ct, &up) && ct_up_now(&up) && ct_net_any(&up)) {
		status = ct_traffic_keep(ct);
		if (!status)
			status = ct_net_read(ct, &up, net);
		ret = status ? 0 : ct_wire_open(&wire, -1);
		if (ret)
			status = ct_fail(ct->run, CT_E_SYSTEM, ct->text,
					 "its network cannot be removed: %s", strerror(-ret));
		if (!status) {
			ct_patch_remove(&p);
			(void)ct_fence_drop(ct->text);
			(void)ct_gate_open(ct->text);
		}
	}
	ct_conf_clear(&up);
	ct_wire_close(&wire);
	free(net);
	return status;
}
