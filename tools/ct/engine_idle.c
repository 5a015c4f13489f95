// SPDX-License-Identifier: GPL-2.0
/*
 * liblxc: a container without its init, and the console of one
 */
#include "ct.h"
#include "engine.h"

static bool ct_act_idle(struct ct *ct, struct lxc_container *c, void *data)
{
	(void)data;
	c->want_daemonize(c, true);
	if (ct_lxc_item(ct, c, "lxc.init.cmd", "/bin/sleep 2147483647") && c->start(c, 0, NULL))
		return true;
	ct_fail(ct->run, CT_E_ENV, ct->text, "liblxc cannot start it; its reasons are in %s/%s.log",
		ct_state_dir(ct), ct->text);
	return false;
}

/**
 * ct_engine_idle() - start a container that does nothing but be there
 * @ct: the container, which is mounted and has its pool
 *
 * Return: CT_OK, or an error; some of it may run then.
 */
int ct_engine_idle(struct ct *ct)
{
	return ct_engine_apart(ct, ct_act_idle, NULL);
}

/**
 * ct_engine_console() - have the console of a container
 * @ct: the container, which runs
 * @console: receives a descriptor of it
 *
 * Return: a descriptor that has to be open as long as the console is used, or -1.
 */
int ct_engine_console(struct ct *ct, int *console)
{
	struct lxc_container *c = ct_lxc(ct);
	int tty = 0, holder = c ? c->console_getfd(c, &tty, console) : -1;

	if (c)
		lxc_container_put(c);
	return holder;
}
