// SPDX-License-Identifier: GPL-2.0
/*
 * The real socket, against the one generic netlink family that every kernel has
 *
 * nlctrl answers requests and dumps as beancounter does, so the way to a real
 * kernel and back is tested without the module.
 */
#include <errno.h>

#include <linux/beancounter.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "nl.h"
#include "sock.h"
#include "tap.h"

int main(void)
{
	struct bc_msgs answer = { 0 };
	struct bc_sock *sock;
	struct nl_msg *msg;
	struct bcn *nl;
	void *buf;
	int ret;

	ok(!bcn_open(&nl), "socket_is_opened");
	ret = bcn_connect(nl);
	ok(!ret || ret == -ENOENT, "the_family_is_there_or_absent");
	/* Without the module, requests still go where the last one went: nlctrl. */
	if (ret == -ENOENT) {
		msg = bc_nl_new(nl, CTRL_CMD_GETFAMILY, NLM_F_DUMP);
		ok(!bc_nl_call(nl, msg, &answer) && answer.count > 1, "a_real_dump_is_complete");
		printf("# %zu families\n", answer.count);
		bc_msgs_clear(&answer);
		nlmsg_free(msg);
		msg = bc_nl_new(nl, CTRL_CMD_GETFAMILY, 0);
		ok(bc_nl_call(nl, msg, &answer) == -EINVAL, "a_real_refusal_is_an_error");
		bc_msgs_clear(&answer);
		nlmsg_free(msg);
		msg = bc_nl_new(nl, 200, 0);
		ok(bc_nl_call(nl, msg, NULL) == -EOPNOTSUPP, "an_unknown_command_is_an_error");
		nlmsg_free(msg);
		/* A type of the wrong length: refused by the policy, with words. */
		msg = bc_nl_new(nl, CTRL_CMD_GETFAMILY, 0);
		nla_put_u8(msg, CTRL_ATTR_FAMILY_ID, 1);
		ret = bc_nl_call(nl, msg, NULL);
		ok(ret < 0 && *bcn_message(nl) && bcn_blamed(nl, NULL) == CTRL_ATTR_FAMILY_ID,
		   "a_real_refusal_has_words_and_blames_an_attribute");
		printf("# %d \"%s\"\n", ret, bcn_message(nl));
		nlmsg_free(msg);
	}
	bcn_close(nl);
	ok(!bc_sock_open(&sock) && bc_sock_recv(sock, &buf, 10) == -ETIMEDOUT,
	   "silence_is_a_time_out");
	ok(bc_sock_send(sock, "x", 1) <= 0, "a_crumb_does_no_harm");
	bc_sock_close(sock);
	return tap_end();
}
