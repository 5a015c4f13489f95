// SPDX-License-Identifier: GPL-2.0
/*
 * What may go through the cards of a container, how fast, and how much did; by nftables
 *
 * Each container has a table of its own, of the family netdev, with a chain for each
 * direction of each card on the machine's side. It is made and changed in one transaction,
 * so that there is no instant at which something passes that must not, or is not counted.
 * Counters begin where the last ones ended, and keep counting when the rest is changed.
 *
 *	from_N	in at the card, which is out of the container: whose addresses, then classes
 *	to_N	the other direction
 *	out_ipv4, in_ipv6, ...	the classes, the last line of networks_classes first
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "fence.h"
#include "late_nft.h"

#define CT_TABLE	"netdev bc_ct_"
/* A packet that is to be segmented yet is up to 64 KiB long, and passes as a whole. */
#define CT_BURST_MIN	(256 << 10)
#define CT_FRAME_HEAD	14

static const char * const ct_families[] = { "ipv4", "ipv6" };
static const char * const ct_words[] = { "ip", "ip6" };

/**
 * ct_nft() - run commands of nftables
 * @commands: the commands, which are one transaction
 * @answer: receives the answer, to be released by the caller; or NULL
 * @why: receives what is wrong; or NULL
 * @size: room there
 *
 * Return: 0 or a negative errno.
 */
int ct_nft(const char *commands, struct json_object **answer, char *why, size_t size)
{
	const struct ct_nft_calls *call = ct_nft_calls();
	struct nft_ctx *nft = call->ctx_new(NFT_CTX_DEFAULT);
	const char *said;
	int ret;

	if (!nft)
		return -ENOMEM;
	call->ctx_buffer_output(nft);
	call->ctx_buffer_error(nft);
	if (answer)
		call->ctx_output_set_flags(nft, NFT_CTX_OUTPUT_JSON);
	ret = call->run_cmd_from_buffer(nft, commands) ? -EIO : 0;
	if (ret && why) {
		said = call->ctx_get_error_buffer(nft);
		snprintf(why, size, "%.*s", (int)strcspn(said, "\n"), said);
	}
	if (!ret && answer) {
		*answer = json_tokener_parse(call->ctx_get_output_buffer(nft));
		ret = *answer ? 0 : -EBADMSG;
	}
	call->ctx_free(nft);
	return ret;
}

/* All there is in the table of a container, NULL if there is no table. */
static struct json_object *ct_fence_list(const char *ct)
{
	struct json_object *all = NULL;
	char command[64];

	snprintf(command, sizeof(command), "list table " CT_TABLE "%s", ct);
	return ct_nft(command, &all, NULL, 0) ? NULL : all;
}

/* Entry @i of a list, if it is of that kind. */
static struct json_object *ct_fence_item(struct json_object *all, size_t i, const char *kind)
{
	struct json_object *list, *item, *found;

	if (!json_object_object_get_ex(all, "nftables", &list))
		return NULL;
	item = json_object_array_get_idx(list, i);
	return item && json_object_object_get_ex(item, kind, &found) ? found : NULL;
}

static size_t ct_fence_items(struct json_object *all)
{
	struct json_object *list;

	return json_object_object_get_ex(all, "nftables", &list) ?
	       json_object_array_length(list) : 0;
}

static const char *ct_fence_text(struct json_object *item, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(item, name, &value) ? json_object_get_string(value) : "";
}

static uint64_t ct_fence_number(struct json_object *item, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(item, name, &value) ? json_object_get_uint64(value) : 0;
}

/* Where in @traffic a counter belongs, NULL if it is none of ours. */
static struct ct_flow *ct_fence_flow(struct ct_traffic *traffic, const char *name)
{
	char want[32];
	unsigned int class;
	int family, way;

	if (!strcmp(name, "spoofed"))
		return &traffic->spoofed;
	if (!strcmp(name, "over"))
		return &traffic->over;
	for (class = 1; class < CT_CLASS_MAX; class++)
		for (family = 0; family < 2; family++)
			for (way = 0; way < CT_WAYS; way++) {
				ct_flow_name(class, family, way, want, sizeof(want));
				if (strcmp(want, name))
					continue;
				traffic->seen |= 1U << class;
				return &traffic->flow[class][family][way];
			}
	return NULL;
}

/* On their way out of the machine's end packets have the head of their frame on. */
static uint64_t ct_fence_heads(const char *name, uint64_t packets)
{
	return strncmp(name, "in_", 3) ? 0 : packets * CT_FRAME_HEAD;
}

static void ct_fence_sum(struct json_object *all, struct ct_traffic *traffic)
{
	struct json_object *item;
	struct ct_flow *flow;
	const char *name;
	size_t i;

	memset(traffic, 0, sizeof(*traffic));
	for (i = 0; i < ct_fence_items(all); i++) {
		item = ct_fence_item(all, i, "counter");
		name = item ? ct_fence_text(item, "name") : "";
		flow = item ? ct_fence_flow(traffic, name) : NULL;
		if (!flow)
			continue;
		flow->packets = ct_fence_number(item, "packets");
		flow->bytes = ct_fence_number(item, "bytes") -
			      ct_fence_heads(name, flow->packets);
	}
}

/**
 * ct_fence_read() - what went in and out of a container
 * @ct: the container
 * @traffic: receives it
 *
 * Return: 0, or -ENOENT if nothing is counted now.
 */
int ct_fence_read(const char *ct, struct ct_traffic *traffic)
{
	struct json_object *all = ct_fence_list(ct);

	if (!all)
		return -ENOENT;
	ct_fence_sum(all, traffic);
	json_object_put(all);
	return 0;
}

/**
 * ct_fence_drop() - remove the table of a container
 * @ct: the container
 *
 * Return: 0, also if there is none, or -EIO.
 */
int ct_fence_drop(const char *ct)
{
	char command[128];

	/* Adding what is there is no error, removing what is not there would be one. */
	snprintf(command, sizeof(command), "add table " CT_TABLE "%s\ndelete table " CT_TABLE "%s",
		 ct, ct);
	return ct_nft(command, NULL, NULL, 0);
}

/* Empty the table of everything but counters. */
static void ct_fence_empty(FILE *f, const char *ct, struct json_object *all)
{
	static const char * const kinds[] = { "chain", "set" };
	struct json_object *item;
	size_t i, kind;

	fprintf(f, "add table " CT_TABLE "%s\nflush table " CT_TABLE "%s\n", ct, ct);
	for (kind = 0; kind < 2; kind++)
		for (i = 0; all && i < ct_fence_items(all); i++) {
			item = ct_fence_item(all, i, kinds[kind]);
			if (item)
				fprintf(f, "delete %s " CT_TABLE "%s %s\n", kinds[kind], ct,
					ct_fence_text(item, "name"));
		}
}

static bool ct_fence_has(struct json_object *all, const char *counter)
{
	struct json_object *item;
	size_t i;

	for (i = 0; all && i < ct_fence_items(all); i++) {
		item = ct_fence_item(all, i, "counter");
		if (item && !strcmp(ct_fence_text(item, "name"), counter))
			return true;
	}
	return false;
}

static void ct_fence_counter(FILE *f, const char *ct, struct json_object *all, const char *name,
			     const struct ct_flow *begin)
{
	if (!ct_fence_has(all, name))
		fprintf(f, "add counter " CT_TABLE "%s %s { packets %llu bytes %llu ; }\n", ct,
			name, (unsigned long long)begin->packets,
			(unsigned long long)(begin->bytes +
					     ct_fence_heads(name, begin->packets)));
}

static void ct_fence_counters(FILE *f, const struct ct_fence *fence, struct json_object *all,
			      const struct ct_traffic *begin)
{
	uint32_t classes = fence->classes->used | begin->seen;
	unsigned int class;
	char name[32];
	int family, way;

	ct_fence_counter(f, fence->ct, all, "spoofed", &begin->spoofed);
	ct_fence_counter(f, fence->ct, all, "over", &begin->over);
	for (class = 1; class < CT_CLASS_MAX; class++)
		for (family = 0; family < 2; family++)
			for (way = 0; way < CT_WAYS && classes & 1U << class; way++) {
				ct_flow_name(class, family, way, name, sizeof(name));
				ct_fence_counter(f, fence->ct, all, name,
						 &begin->flow[class][family][way]);
			}
}

static void ct_fence_net(FILE *f, const struct ct_addr *net)
{
	char text[CT_ADDR_TEXT];

	ct_addr_text(net, true, text, sizeof(text));
	fputs(text, f);
}

/* What is done with packets whose other end is in a set of networks. */
static void ct_fence_class(FILE *f, const struct ct_fence *fence, int family, uint32_t class,
			   size_t run)
{
	const char *fam = ct_families[family], *word = ct_words[family];
	const uint64_t rate = fence->rate->bytes[class];
	char name[32], count[64] = "";
	int way;

	if (rate)
		fprintf(f, "add rule " CT_TABLE "%s out_%s %s daddr @%s_%zu limit rate over "
			"%llu bytes/second burst %llu bytes counter name over drop\n", fence->ct,
			fam, word, fam, run, (unsigned long long)rate,
			(unsigned long long)(rate / 4 > CT_BURST_MIN ? rate / 4 : CT_BURST_MIN));
	for (way = 0; way < CT_WAYS; way++) {
		ct_flow_name(class, family, way, name, sizeof(name));
		if (class)
			snprintf(count, sizeof(count), "counter name %s ", name);
		fprintf(f, "add rule " CT_TABLE "%s %s_%s %s %s @%s_%zu %sreturn\n", fence->ct,
			way == CT_IN ? "in" : "out", fam, word, way == CT_IN ? "saddr" : "daddr",
			fam, run, count);
	}
}

/* The classes of one family: each run of lines of a class is a set, the last one first. */
static void ct_fence_classes(FILE *f, const struct ct_fence *fence, int family)
{
	const struct ct_class_net *line = fence->classes->line;
	const int want = family ? AF_INET6 : AF_INET;
	const char *fam = ct_families[family];
	size_t i = fence->classes->count, run = 0;
	int way;

	for (way = 0; way < CT_WAYS; way++)
		fprintf(f, "add chain " CT_TABLE "%s %s_%s\n", fence->ct,
			way == CT_IN ? "in" : "out", fam);
	while (i) {
		uint32_t class = line[i - 1].class;
		bool any = false;

		fprintf(f, "add set " CT_TABLE "%s %s_%zu { type %s_addr; flags interval; "
			"auto-merge; }\n", fence->ct, fam, run, fam);
		for (; i && line[i - 1].class == class; i--) {
			if (line[i - 1].net.family != want)
				continue;
			if (!any)
				fprintf(f, "add element " CT_TABLE "%s %s_%zu {", fence->ct, fam,
					run);
			fputs(any ? ", " : " ", f);
			ct_fence_net(f, &line[i - 1].net);
			any = true;
		}
		fputs(any ? " }\n" : "", f);
		ct_fence_class(f, fence, family, class, run);
		run++;
	}
}

static void ct_fence_rule(FILE *f, const struct ct_fence *fence, size_t card, const char *rule)
{
	fprintf(f, "add rule " CT_TABLE "%s from_%zu %s\n", fence->ct, card, rule);
}

/* Only from addresses that the container has been given. */
static void ct_fence_sources(FILE *f, const struct ct_fence *fence, size_t card)
{
	char rule[128];
	size_t i;
	int family;

	for (family = 0; family < 2; family++) {
		const char *fam = ct_families[family], *word = ct_words[family];

		fprintf(f, "add set " CT_TABLE "%s own_%s { type %s_addr; }\n", fence->ct, fam,
			fam);
		for (i = 0; i < fence->addrs->count; i++) {
			struct ct_addr host = fence->addrs->a[i];

			if (host.family != (family ? AF_INET6 : AF_INET))
				continue;
			host.prefix = ct_addr_bits(&host);
			fprintf(f, "add element " CT_TABLE "%s own_%s { ", fence->ct, fam);
			ct_fence_net(f, &host);
			fputs(" }\n", f);
		}
		snprintf(rule, sizeof(rule), "%s saddr != @own_%s counter name spoofed drop", word,
			 fam);
		ct_fence_rule(f, fence, card, rule);
	}
	ct_fence_rule(f, fence, card, "meta protocol != { ip, ip6 } drop");
}

static void ct_fence_card(FILE *f, const struct ct_fence *fence, size_t card, const char *host,
			  const struct ct_nic *nic)
{
	char mac[CT_MAC_TEXT], rule[128];
	int family;

	fprintf(f, "add chain " CT_TABLE
		"%s from_%zu { type filter hook ingress device \"%s\" priority 0; policy accept; }\n"
		"add chain " CT_TABLE
		"%s to_%zu { type filter hook egress device \"%s\" priority 0; policy accept; }\n",
		fence->ct, card, host, fence->ct, card, host);
	if (!nic)
		ct_fence_sources(f, fence, card);
	if (nic && nic->filter) {
		ct_mac_text(nic->mac, mac);
		snprintf(rule, sizeof(rule), "ether saddr != %s counter name spoofed drop", mac);
		ct_fence_rule(f, fence, card, rule);
	}
	for (family = 0; family < 2; family++)
		fprintf(f, "add rule " CT_TABLE "%s from_%zu meta protocol %s jump out_%s\n"
			"add rule " CT_TABLE "%s to_%zu meta protocol %s jump in_%s\n", fence->ct,
			card, ct_words[family], ct_families[family], fence->ct, card,
			ct_words[family], ct_families[family]);
}

static void ct_fence_commands(FILE *f, const struct ct_fence *fence, struct json_object *all,
			      const struct ct_traffic *begin)
{
	char venet[IFNAMSIZ];
	size_t i;

	ct_fence_empty(f, fence->ct, all);
	ct_fence_counters(f, fence, all, begin);
	ct_fence_classes(f, fence, 0);
	ct_fence_classes(f, fence, 1);
	snprintf(venet, sizeof(venet), CT_VENET "%.10s", fence->ct);
	if (fence->addrs->count)
		ct_fence_card(f, fence, CT_NIC_MAX, venet, NULL);
	for (i = 0; i < fence->nics->count; i++)
		ct_fence_card(f, fence, i, fence->nics->n[i].host, &fence->nics->n[i]);
}

/**
 * ct_fence_put() - have the table of a container as it is to be
 * @fence: how
 * @begin: where counters begin that are not there yet
 * @why: receives what nftables says against it
 * @size: room there
 *
 * Return: 0, or a negative errno with everything as it was.
 */
int ct_fence_put(const struct ct_fence *fence, const struct ct_traffic *begin, char *why,
		 size_t size)
{
	struct json_object *all = ct_fence_list(fence->ct);
	char *commands = NULL;
	size_t len;
	FILE *f = open_memstream(&commands, &len);
	int ret = -ENOMEM;

	snprintf(why, size, "%s", strerror(ENOMEM));
	if (f) {
		ct_fence_commands(f, fence, all, begin);
		if (!fclose(f))
			ret = ct_nft(commands, NULL, why, size);
	}
	free(commands);
	json_object_put(all);
	return ret;
}
