// SPDX-License-Identifier: GPL-2.0
/*
 * What the network of a container is said to be: addresses, cards, classes, rates.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "nic.h"
#include "tap.h"
#include "traffic.h"

static void addrs(void)
{
	/* What is read, and how it is written again; NULL for what is refused. */
	static const char * const pairs[][2] = {
		{ "10.0.0.1", "10.0.0.1" },
		{ "10.0.0.1/24", "10.0.0.1/24" },
		{ "10.0.0.1/32", "10.0.0.1" },
		{ "10.0.0.1/255.255.240.0", "10.0.0.1/20" },
		{ "2001:DB8::0:1/64", "2001:db8::1/64" },
		{ " 10.0.0.1  10.0.0.2,10.0.0.1/8 ", "10.0.0.1 10.0.0.2" },
		{ "", "" }, { "0.0.0.0", "" },
		{ "10.0.0.1/0", NULL }, { "10.0.0.1/33", NULL }, { "10.0.0.1/255.0.255.0", NULL },
		{ "10.0.0", NULL }, { "10.0.0.1/", NULL }, { "10.0.0.1/x", NULL },
		{ "127.0.0.1", NULL }, { "224.0.0.1", NULL }, { "255.255.255.255", NULL },
		{ "::1", NULL }, { "::", NULL }, { "fe80::1", NULL }, { "ff02::1", NULL },
		{ "2001:db8::1/129", NULL }, { "10.0.0.1;reboot", NULL },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999", NULL },
		{ "111111111111111111111111111111111111111111111111111111111111111111111111", NULL },
	};
	char text[CT_ADDRS_TEXT];
	struct ct_addrs list;
	const char *why;
	size_t i;
	int ret;

	for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		ret = ct_addrs_parse(pairs[i][0], &list, &why);
		ct_addrs_text(&list, text, sizeof(text));
		ok(pairs[i][1] ? !ret && !strcmp(text, pairs[i][1]) : ret < 0, "address '%s'",
		   pairs[i][0]);
	}
}

static void many_addrs(void)
{
	struct ct_addrs list = { .count = 0 };
	struct ct_addr addr = { .family = AF_INET6, .prefix = 127 };
	char text[CT_ADDRS_TEXT];
	struct ct_addrs again;
	const char *why;
	int i, ret = 0;

	memset(addr.byte, 0x2b, sizeof(addr.byte));
	for (i = 0; i < CT_ADDR_MAX; i++) {
		addr.byte[15] = i;
		ret |= ct_addrs_add(&list, &addr);
	}
	ct_addrs_text(&list, text, sizeof(text));
	ok(!ret && !ct_addrs_parse(text, &again, &why) && !memcmp(&list, &again, sizeof(list)),
	   "as many as there may be, of the longest");
	addr.byte[15] = 0xff;
	ok(ct_addrs_add(&list, &addr) < 0, "not one more");
	addr.byte[15] = 5;
	ok(ct_addrs_del(&list, &addr) && !ct_addrs_del(&list, &addr) &&
	   list.count == CT_ADDR_MAX - 1, "one less, once");
}

static void within(void)
{
	struct ct_addr net, addr;
	const char *why;

	ok(!ct_net_parse("10.1.2.3/20", &net, &why) && net.byte[2] == 0 && !net.byte[3],
	   "a network has no bits behind its prefix");
	ct_addr_parse("10.1.15.255", &addr, &why);
	ok(ct_addr_within(&addr, &net), "its last address is in it");
	ct_addr_parse("10.1.16.0", &addr, &why);
	ok(!ct_addr_within(&addr, &net), "the next one is not");
	ok(!ct_net_parse("0.0.0.0/0", &net, &why) && ct_addr_within(&addr, &net), "everything");
	ct_addr_parse("2001:db8::1", &addr, &why);
	ok(!ct_addr_within(&addr, &net), "but for the other family");
}

static void cards(void)
{
	static const char whole[] =
		"ifname=eth0,mac=02:00:00:00:00:01,host_ifname=veth7.0,host_mac=fe:00:00:00:00:01,"
		"bridge=br0,mac_filter=on;"
		"ifname=eth1,mac=02:00:00:00:00:02,host_ifname=x-1,host_mac=fe:00:00:00:00:02";
	static const char * const bad[] = {
		"eth0", "ifname=", "ifname=eth/0", "ifname=..", "ifname=venet0",
		"mac=02:00:00:00:00:01",
		"ifname=eth0,mac=01:00:00:00:00:01", "ifname=eth0,mac=2:0:0:0:0:1",
		"ifname=eth0,mac=02:00:00:00:00:0g", "ifname=eth0,mac=00:00:00:00:00:00",
		"ifname=eth0,mac_filter=maybe", "ifname=eth0,colour=red",
		"ifname=eth0;ifname=eth0",
		"ifname=a23456789abcdefg", "ifname=eth0,bridge=a\"b", "ifname=eth0,host_ifname=$(id)",
	};
	struct ct_nics list, again;
	char text[CT_NICS_TEXT];
	const char *why;
	size_t i;

	ok(!ct_nics_parse(whole, 7, &list, &why) && list.count == 2, "two cards");
	ct_nics_text(&list, text, sizeof(text));
	ok(!strcmp(text, whole), "which are written as they were read");
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(ct_nics_parse(bad[i], 7, &list, &why) < 0, "NETIF '%s'", bad[i]);
	ok(!ct_nics_parse("ifname=eth3", 101, &list, &why) &&
	   !strcmp(list.n[0].host, "veth101.3") && (list.n[0].mac[0] & 3) == 2 &&
	   list.n[0].host_mac[0] == 0xfe, "what is made up");
	ct_nics_parse("ifname=eth3", 101, &again, &why);
	ok(!memcmp(&list, &again, sizeof(list.n[0])), "is always the same");
	ok(ct_nics_parse("ifname=eth3", 2147483644, &list, &why) < 0 &&
	   strstr(why, "host_ifname"),
	   "a number that is too long for the name of a card");
	list.count = 0;
	ok(!ct_nics_add(&list, "eth0,,,,br7", 5, &why) && !strcmp(list.n[0].bridge, "br7"),
	   "--netif_add with a bridge alone");
	ok(ct_nics_add(&list, "eth0", 5, &why) < 0 && ct_nics_add(&list, "e1,,,,,", 5, &why) < 0,
	   "once, and with five words");
}

static void classes(void)
{
	static const char text[] = "# class net\n1 0.0.0.0/0\n1 ::/0\n\n"
				   " 2\t10.1.2.3/8 # ours\n0 10.0.0.1";
	static const char * const bad[] = { "16 10.0.0.0/8", "1", "x 10.0.0.0/8", "1 10.0.0.0/8 9",
					    "1 10.0.0.0/40", "-1 ::/0" };
	struct ct_classes list;
	const char *why;
	char line[64];
	size_t i, at;

	ok(!ct_classes_parse(&list, text, &at, &why) && list.count == 4 && list.used == 7 &&
	   list.line[2].class == 2 && list.line[2].net.byte[1] == 0 && !list.line[3].class,
	   "classes");
	ct_classes_clear(&list);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(line, sizeof(line), "1 ::/0\n%s\n", bad[i]);
		ok(ct_classes_parse(&list, line, &at, &why) < 0 && at == 2, "class '%s'", bad[i]);
	}
	ok(!ct_classes_load(&list, "/nonexistent/file", &at, &why) && list.used == 2,
	   "without the file everything is class 1");
	ct_classes_clear(&list);
}

static void rates(void)
{
	static const char * const bad[] = { "1000", "*:1", "*:1:0", "*:0:100", "*:16:100",
					    "eth0:1:100", "*:1:100x", "*:1:10000000000" };
	struct ct_rate rate;
	const char *why;
	size_t i;

	ok(!ct_rate_list("*:1:1000, *:2:8", &rate, &why) && rate.bytes[1] == 125000 &&
	   rate.bytes[2] == 1000, "rates");
	ok(!ct_rate_list(NULL, &rate, &why) && !rate.bytes[1], "no rate");
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(ct_rate_list(bad[i], &rate, &why) < 0, "rate '%s'", bad[i]);
}

int main(void)
{
	addrs();
	many_addrs();
	within();
	cards();
	classes();
	rates();
	return tap_end();
}
