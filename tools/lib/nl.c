// SPDX-License-Identifier: GPL-2.0
/*
 * Requests to the module
 *
 * One error contract: a function returns 0 or a negative errno and prints
 * nothing; what the kernel said about it is in bc_nl_message(). A request is
 * done when the kernel has said so - by an acknowledgment, or for a dump by
 * the end mark - and each of the two can carry an error. libnl builds and takes
 * apart the messages; the loop over them is here, because each of these endings
 * has to be told apart.
 *
 * A dump during which pools came or went is marked by the kernel. It is thrown
 * away as a whole and asked for again, a bounded number of times.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/beancounter.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "nl.h"
#include "sock.h"

/* How often an interrupted dump is asked for in all. */
#define BC_DUMP_TRIES	20
/* How long the kernel may take; it answers from within the system call. */
#define BC_ANSWER_MS	30000
/* Room for the longest request: every resource, the longest words. */
#define BC_REQUEST_MAX	32768
/* More than the family will ever have. */
#define BC_GROUPS_MAX	8

/**
 * struct bcn - the connection to the module
 * @sock: the socket
 * @seq: number of the last request
 * @family: what the kernel calls the family in nlmsg_type
 * @groups: the family's multicast groups
 * @ngroups: how many there are
 * @message: what the kernel said to the last request
 * @offset: offset of the attribute it blamed, 0 if none
 * @blamed: the kind of that attribute, 0 if none
 * @index: how many of the kind stand before it in the request
 */
struct bcn {
	struct bc_sock *sock;
	uint32_t seq;
	uint16_t family;
	struct {
		char name[GENL_NAMSIZ];
		uint32_t id;
	} groups[BC_GROUPS_MAX];
	size_t ngroups;
	char message[256];
	size_t offset;
	uint16_t blamed;
	size_t index;
};

/**
 * struct bc_call - a request under way
 * @seq: its number
 * @type: nlmsg_type of its answers
 * @dump: it is a dump
 * @done: the kernel has said that this is all
 * @interrupted: the dump is not consistent
 * @answer: where answers go, or NULL
 */
struct bc_call {
	uint32_t seq;
	uint16_t type;
	bool dump;
	bool done;
	bool interrupted;
	struct bc_msgs *answer;
};

/**
 * bc_msgs_clear() - forget the messages
 * @msgs: the list, as good as new afterwards
 */
void bc_msgs_clear(struct bc_msgs *msgs)
{
	while (msgs->count)
		free(msgs->hdr[--msgs->count]);
	free(msgs->hdr);
	memset(msgs, 0, sizeof(*msgs));
}

static int bc_msgs_add(struct bc_msgs *msgs, const struct nlmsghdr *hdr)
{
	struct nlmsghdr **list, *copy;
	size_t room = msgs->room ? 2 * msgs->room : 16;

	if (msgs->count == msgs->room) {
		list = realloc(msgs->hdr, room * sizeof(*list));
		if (!list)
			return -ENOMEM;
		msgs->hdr = list;
		msgs->room = room;
	}
	/* Whoever takes it apart may round the length up. */
	copy = calloc(1, NLMSG_ALIGN(hdr->nlmsg_len));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, hdr, hdr->nlmsg_len);
	msgs->hdr[msgs->count++] = copy;
	return 0;
}

/* Keep the words and the offset of an extended ACK. */
static void bc_nl_extack(struct bcn *nl, struct nlattr *attrs, int len)
{
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];
	const char *words;

	if (len < 0 || nla_parse(tb, NLMSGERR_ATTR_MAX, attrs, len, NULL))
		return;
	if (tb[NLMSGERR_ATTR_MSG]) {
		words = nla_data(tb[NLMSGERR_ATTR_MSG]);
		snprintf(nl->message, sizeof(nl->message), "%.*s",
			 nla_len(tb[NLMSGERR_ATTR_MSG]), words);
	}
	if (tb[NLMSGERR_ATTR_OFFS] &&
	    nla_len(tb[NLMSGERR_ATTR_OFFS]) >= (int)sizeof(uint32_t))
		nl->offset = nla_get_u32(tb[NLMSGERR_ATTR_OFFS]);
}

/*
 * An error number from the kernel, made safe: what is not negative has no
 * business in an error, and would be taken for success.
 */
static int bc_nl_errno(int err)
{
	return err < 0 && err >= -4095 ? err : -EBADMSG;
}

/* NLMSG_ERROR: the header of the request follows the number, then the words. */
static int bc_nl_ack(struct bcn *nl, const struct nlmsghdr *hdr)
{
	const struct nlmsgerr *err = nlmsg_data(hdr);
	int len = nlmsg_datalen(hdr), skip = sizeof(*err);

	if (len < skip)
		return -EBADMSG;
	if (!(hdr->nlmsg_flags & NLM_F_CAPPED) && err->msg.nlmsg_len > sizeof(err->msg)) {
		if (err->msg.nlmsg_len - sizeof(err->msg) > (size_t)(len - skip))
			skip = len;
		else
			skip += NLMSG_ALIGN(err->msg.nlmsg_len) - sizeof(err->msg);
	}
	if (hdr->nlmsg_flags & NLM_F_ACK_TLVS)
		bc_nl_extack(nl, (struct nlattr *)((char *)err + skip), len - skip);
	return err->error ? bc_nl_errno(err->error) : 0;
}

/* NLMSG_DONE: the result of the dump, then the words. */
static int bc_nl_done(struct bcn *nl, const struct nlmsghdr *hdr)
{
	int len = nlmsg_datalen(hdr), err;

	if (len < (int)sizeof(err))
		return -EBADMSG;
	memcpy(&err, nlmsg_data(hdr), sizeof(err));
	if (hdr->nlmsg_flags & NLM_F_ACK_TLVS)
		bc_nl_extack(nl, (struct nlattr *)((char *)nlmsg_data(hdr) + sizeof(err)),
			     len - (int)sizeof(err));
	return err < 0 ? bc_nl_errno(err) : 0;
}

/* One message that may belong to @call. */
static int bc_nl_message_in(struct bcn *nl, struct bc_call *call,
			    const struct nlmsghdr *hdr)
{
	int ret;

	if (hdr->nlmsg_seq != call->seq)
		return 0;
	if (hdr->nlmsg_flags & NLM_F_DUMP_INTR)
		call->interrupted = true;
	switch (hdr->nlmsg_type) {
	case NLMSG_NOOP:
		return 0;
	case NLMSG_OVERRUN:
		return -ENOBUFS;
	case NLMSG_ERROR:
		ret = bc_nl_ack(nl, hdr);
		call->done = ret || !call->dump;
		return ret;
	case NLMSG_DONE:
		call->done = true;
		return bc_nl_done(nl, hdr);
	}
	if (hdr->nlmsg_type != call->type || !genlmsg_valid_hdr((void *)hdr, 0))
		return -EBADMSG;
	return call->answer ? bc_msgs_add(call->answer, hdr) : 0;
}

/* Walk over a datagram. What is left over at its end is no message. */
static int bc_nl_datagram(struct bcn *nl, struct bc_call *call, void *buf, size_t size)
{
	struct nlmsghdr *hdr = buf;
	int len = size, ret;

	for (; nlmsg_ok(hdr, len); hdr = nlmsg_next(hdr, &len)) {
		ret = bc_nl_message_in(nl, call, hdr);
		if (ret || call->done)
			return ret;
	}
	return len > 0 ? -EBADMSG : 0;
}

static int bc_nl_once(struct bcn *nl, struct nlmsghdr *hdr, struct bc_msgs *answer,
		      bool *interrupted)
{
	struct bc_call call = {
		.seq = ++nl->seq,
		.type = hdr->nlmsg_type,
		.dump = (hdr->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP,
		.answer = answer,
	};
	ssize_t len;
	void *buf;
	int ret;

	hdr->nlmsg_seq = call.seq;
	nl->message[0] = '\0';
	nl->offset = 0;
	nl->blamed = 0;
	nl->index = 0;
	ret = bc_sock_send(nl->sock, hdr, hdr->nlmsg_len);
	while (!ret && !call.done) {
		len = bc_sock_recv(nl->sock, &buf, BC_ANSWER_MS);
		if (len == -EINTR)
			continue;
		ret = len < 0 ? len : bc_nl_datagram(nl, &call, buf, len);
	}
	*interrupted = call.interrupted;
	return ret;
}

/* Words for what the kernel has none for. */
static void bc_nl_explain(struct bcn *nl, int ret, bool interrupted)
{
	const char *words = NULL;

	if (interrupted)
		words = "pools come and go too fast to list them consistently";
	else if (ret == -EBADMSG)
		words = "the answer of the kernel is malformed";
	else if (ret == -ETIMEDOUT)
		words = "the kernel does not answer";
	if (words && !nl->message[0])
		snprintf(nl->message, sizeof(nl->message), "%s", words);
}

/* Find the attribute of the request that the kernel blamed, and which of its kind it is. */
static void bc_nl_find_blamed(struct bcn *nl, struct nlmsghdr *hdr)
{
	struct genlmsghdr *genl = nlmsg_data(hdr);
	size_t count[BC_A_MAX + 1] = { 0 }, start;
	struct nlattr *pos;
	int rem;

	if (!nl->offset)
		return;
	nla_for_each_attr(pos, genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0), rem) {
		if (nla_type(pos) > BC_A_MAX)
			continue;
		start = (char *)pos - (char *)hdr;
		if (nl->offset >= start && nl->offset < start + nla_total_size(nla_len(pos))) {
			nl->blamed = nla_type(pos);
			nl->index = count[nla_type(pos)];
			return;
		}
		count[nla_type(pos)]++;
	}
}

/**
 * bc_nl_call() - send a request and collect what it is answered
 * @nl: the connection
 * @msg: the request; it stays the caller's
 * @answer: receives the answers, or NULL; to be cleared by the caller even
 *	after an error
 *
 * Return: 0 when the kernel has confirmed the request, else a negative errno;
 * -EAGAIN when a dump was never consistent.
 */
int bc_nl_call(struct bcn *nl, struct nl_msg *msg, struct bc_msgs *answer)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	int tries = BC_DUMP_TRIES, ret;
	bool interrupted;

	do {
		if (answer)
			bc_msgs_clear(answer);
		ret = bc_nl_once(nl, hdr, answer, &interrupted);
	} while (!ret && interrupted && --tries > 0);
	if (!ret && interrupted)
		ret = -EAGAIN;
	bc_nl_explain(nl, ret, interrupted);
	if (ret)
		bc_nl_find_blamed(nl, hdr);
	return ret;
}

/**
 * bc_nl_new() - begin a request
 * @nl: the connection
 * @cmd: enum bc_cmd
 * @flags: NLM_F_DUMP or 0
 *
 * Return: the message, to be freed with nlmsg_free(), or NULL for want of
 * memory.
 */
struct nl_msg *bc_nl_new(struct bcn *nl, uint8_t cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(BC_REQUEST_MAX);

	if (msg && !genlmsg_put(msg, 0, 0, nl->family, 0, NLM_F_REQUEST | NLM_F_ACK | flags,
				cmd, BC_GENL_VERSION)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static void bc_nl_parse_groups(struct bcn *nl, struct nlattr *list)
{
	static const struct nla_policy policy[CTRL_ATTR_MCAST_GRP_MAX + 1] = {
		[CTRL_ATTR_MCAST_GRP_NAME] = { .type = NLA_STRING },
		[CTRL_ATTR_MCAST_GRP_ID] = { .type = NLA_U32 },
	};
	struct nlattr *tb[CTRL_ATTR_MCAST_GRP_MAX + 1], *pos;
	int rem;

	nla_for_each_nested(pos, list, rem) {
		if (nl->ngroups == BC_GROUPS_MAX)
			return;
		if (nla_parse_nested(tb, CTRL_ATTR_MCAST_GRP_MAX, pos, policy) ||
		    !tb[CTRL_ATTR_MCAST_GRP_NAME] || !tb[CTRL_ATTR_MCAST_GRP_ID])
			continue;
		nla_strlcpy(nl->groups[nl->ngroups].name, tb[CTRL_ATTR_MCAST_GRP_NAME],
			    GENL_NAMSIZ);
		nl->groups[nl->ngroups++].id = nla_get_u32(tb[CTRL_ATTR_MCAST_GRP_ID]);
	}
}

static int bc_nl_parse_family(struct bcn *nl, struct bc_msgs *answer)
{
	static const struct nla_policy policy[CTRL_ATTR_MAX + 1] = {
		[CTRL_ATTR_FAMILY_ID] = { .type = NLA_U16 },
		[CTRL_ATTR_VERSION] = { .type = NLA_U32 },
		[CTRL_ATTR_MCAST_GROUPS] = { .type = NLA_NESTED },
	};
	struct nlattr *tb[CTRL_ATTR_MAX + 1];

	if (answer->count != 1 ||
	    genlmsg_parse(answer->hdr[0], 0, tb, CTRL_ATTR_MAX, policy) < 0 ||
	    !tb[CTRL_ATTR_FAMILY_ID] || !tb[CTRL_ATTR_VERSION])
		return -EBADMSG;
	if (nla_get_u32(tb[CTRL_ATTR_VERSION]) != BC_GENL_VERSION) {
		snprintf(nl->message, sizeof(nl->message),
			 "the module has version %u of the interface, and this program version %u",
			 nla_get_u32(tb[CTRL_ATTR_VERSION]), BC_GENL_VERSION);
		return -EPROTO;
	}
	nl->family = nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
	nl->ngroups = 0;
	if (tb[CTRL_ATTR_MCAST_GROUPS])
		bc_nl_parse_groups(nl, tb[CTRL_ATTR_MCAST_GROUPS]);
	return 0;
}

/**
 * bcn_connect() - find the module
 * @nl: the connection
 *
 * Return: 0; -ENOENT when it is not loaded; -EPROTO when it has another version of the
 * interface; or another negative errno.
 */
int bcn_connect(struct bcn *nl)
{
	struct bc_msgs answer = { 0 };
	struct nl_msg *msg;
	int ret = -ENOMEM;

	nl->family = GENL_ID_CTRL;
	msg = bc_nl_new(nl, CTRL_CMD_GETFAMILY, 0);
	if (!msg)
		return ret;
	if (!nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, BC_GENL_NAME))
		ret = bc_nl_call(nl, msg, &answer);
	if (!ret)
		ret = bc_nl_parse_family(nl, &answer);
	bc_msgs_clear(&answer);
	nlmsg_free(msg);
	return ret;
}

/**
 * bcn_open() - open the socket
 * @nlp: receives the connection; valid also for bcn_message() after an error
 *	of bcn_connect()
 *
 * Return: 0 or a negative errno.
 */
int bcn_open(struct bcn **nlp)
{
	struct bcn *nl = calloc(1, sizeof(*nl));
	int ret;

	if (!nl)
		return -ENOMEM;
	ret = bc_sock_open(&nl->sock);
	if (ret) {
		free(nl);
		return ret;
	}
	*nlp = nl;
	return 0;
}

/**
 * bcn_close() - close the connection
 * @nl: the connection, or NULL
 */
void bcn_close(struct bcn *nl)
{
	if (!nl)
		return;
	bc_sock_close(nl->sock);
	free(nl);
}

/**
 * bcn_message() - what the kernel said to the last request
 * @nl: the connection
 *
 * Return: its words, or "".
 */
const char *bcn_message(const struct bcn *nl)
{
	return nl->message;
}

/**
 * bcn_blamed() - which attribute the kernel blamed
 * @nl: the connection
 * @index: receives how many of the kind stand before it in the request: BC_A_LIMIT and 2
 *	is the third of the limits; or NULL
 *
 * Return: its kind, enum bc_attr; 0 when it blamed none.
 */
int bcn_blamed(const struct bcn *nl, size_t *index)
{
	if (index)
		*index = nl->index;
	return nl->blamed;
}

/**
 * bcn_fd() - what to poll for notifications
 * @nl: the connection
 *
 * Return: the descriptor, which stays the connection's; it can be read when bcn_next() has
 * something to do.
 */
int bcn_fd(const struct bcn *nl)
{
	return bc_sock_fd(nl->sock);
}

/**
 * bcn_subscribe() - listen to a multicast group of the module
 * @nl: the connection
 * @group: name of the group
 *
 * Return: 0, -ENOENT if the module has no such group, or another negative
 * errno.
 */
int bcn_subscribe(struct bcn *nl, const char *group)
{
	size_t i;

	nl->message[0] = '\0';
	for (i = 0; i < nl->ngroups; i++)
		if (!strcmp(nl->groups[i].name, group))
			return bc_sock_join(nl->sock, nl->groups[i].id);
	snprintf(nl->message, sizeof(nl->message), "the module has no group \"%s\"", group);
	return -ENOENT;
}

/**
 * bcn_wait() - wait for notifications, or until a descriptor can be read
 * @nl: the connection
 * @fd: the descriptor
 * @timeout_ms: how long at most, -1 for ever
 *
 * Return: 0 for either of them, -ETIMEDOUT, -EINTR, or another negative errno.
 */
int bcn_wait(struct bcn *nl, int fd, int timeout_ms)
{
	return bc_sock_wait(nl->sock, fd, timeout_ms);
}

/**
 * bc_nl_next() - wait for notifications
 * @nl: the connection
 * @timeout_ms: how long at most, -1 for ever
 * @events: receives one or more; to be cleared by the caller
 *
 * Return: 0; -ETIMEDOUT, -EINTR; -ENOBUFS when events were lost; -EBADMSG for a
 * datagram that is none; another negative errno when there is no use in going on.
 */
int bc_nl_next(struct bcn *nl, int timeout_ms, struct bc_msgs *events)
{
	struct nlmsghdr *hdr;
	ssize_t size;
	void *buf;
	int len, ret;

	size = bc_sock_recv(nl->sock, &buf, timeout_ms);
	if (size < 0)
		return size;
	len = size;
	for (hdr = buf; nlmsg_ok(hdr, len); hdr = nlmsg_next(hdr, &len)) {
		if (hdr->nlmsg_type != nl->family || !genlmsg_valid_hdr(hdr, 0))
			continue;
		ret = bc_msgs_add(events, hdr);
		if (ret)
			return ret;
	}
	return len > 0 ? -EBADMSG : 0;
}
