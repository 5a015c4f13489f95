// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the table of resources
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/string.h>

#include "../../kmod/resource.h"

static void resource_table_is_complete(struct kunit *test)
{
	int res;

	for (res = 0; res < BC_NR_RES; res++) {
		const struct bc_resource *pos = &bc_resources[res];

		KUNIT_EXPECT_TRUE_MSG(test, pos->name && *pos->name, "no name: %d", res);
		KUNIT_EXPECT_TRUE_MSG(test, pos->desc && *pos->desc, "no description: %d", res);
		KUNIT_EXPECT_LT_MSG(test, pos->id, BC_RES_ID_END, "number of %d", res);
		KUNIT_EXPECT_LE_MSG(test, pos->unit, BC_UNIT_PAGES, "unit of %d", res);
		KUNIT_EXPECT_LE_MSG(test, pos->kind, BC_KIND_FLOW, "kind of %d", res);
	}
}

static void resource_ids_ascend(struct kunit *test)
{
	int res;

	for (res = 1; res < BC_NR_RES; res++)
		KUNIT_EXPECT_LT_MSG(test, bc_resources[res - 1].id, bc_resources[res].id,
				    "at %d", res);
}

static void resource_names_are_unique(struct kunit *test)
{
	int a, b;

	for (a = 0; a < BC_NR_RES; a++)
		for (b = 0; b < a; b++)
			KUNIT_EXPECT_STRNEQ(test, bc_resources[a].name, bc_resources[b].name);
}

/* Public names are words of lower case: no quoting in any output. */
static void resource_names_are_words(struct kunit *test)
{
	int res;

	for (res = 0; res < BC_NR_RES; res++)
		KUNIT_EXPECT_EQ_MSG(test, strspn(bc_resources[res].name,
						 "abcdefghijklmnopqrstuvwxyz"),
				    strlen(bc_resources[res].name), "%s", bc_resources[res].name);
}

struct resource_abi {
	const char	*name;
	enum bc_res	res;
	u32		id;
	enum bc_unit	unit;
	enum bc_kind	kind;
};

static const struct resource_abi resource_abi[] = {
	{ "kmemsize",     BC_KMEMSIZE,      0, BC_UNIT_BYTES, BC_KIND_NATIVE },
	{ "lockedpages",  BC_LOCKEDPAGES,   1, BC_UNIT_PAGES, BC_KIND_DERIVED },
	{ "privvmpages",  BC_PRIVVMPAGES,   2, BC_UNIT_PAGES, BC_KIND_DERIVED },
	{ "shmpages",     BC_SHMPAGES,      3, BC_UNIT_PAGES, BC_KIND_DERIVED },
	{ "numproc",      BC_NUMPROC,       5, BC_UNIT_ITEMS, BC_KIND_CHARGED },
	{ "physpages",    BC_PHYSPAGES,     6, BC_UNIT_PAGES, BC_KIND_NATIVE },
	{ "vmguarpages",  BC_VMGUARPAGES,   7, BC_UNIT_PAGES, BC_KIND_NATIVE },
	{ "oomguarpages", BC_OOMGUARPAGES,  8, BC_UNIT_PAGES, BC_KIND_NATIVE },
	{ "numtcpsock",   BC_NUMTCPSOCK,    9, BC_UNIT_ITEMS, BC_KIND_CHARGED },
	{ "numflock",     BC_NUMFLOCK,     10, BC_UNIT_ITEMS, BC_KIND_CHARGED },
	{ "numpty",       BC_NUMPTY,       11, BC_UNIT_ITEMS, BC_KIND_CHARGED },
	{ "numsiginfo",   BC_NUMSIGINFO,   12, BC_UNIT_ITEMS, BC_KIND_DERIVED },
	{ "tcpsndbuf",    BC_TCPSNDBUF,    13, BC_UNIT_BYTES, BC_KIND_DERIVED },
	{ "tcprcvbuf",    BC_TCPRCVBUF,    14, BC_UNIT_BYTES, BC_KIND_DERIVED },
	{ "othersockbuf", BC_OTHERSOCKBUF, 15, BC_UNIT_BYTES, BC_KIND_DERIVED },
	{ "dgramrcvbuf",  BC_DGRAMRCVBUF,  16, BC_UNIT_BYTES, BC_KIND_DERIVED },
	{ "numothersock", BC_NUMOTHERSOCK, 17, BC_UNIT_ITEMS, BC_KIND_CHARGED },
	{ "dcachesize",   BC_DCACHESIZE,   18, BC_UNIT_BYTES, BC_KIND_NATIVE },
	{ "numfile",      BC_NUMFILE,      19, BC_UNIT_ITEMS, BC_KIND_CHARGED },
	{ "numiptent",    BC_NUMIPTENT,    23, BC_UNIT_ITEMS, BC_KIND_NATIVE },
	{ "swappages",    BC_SWAPPAGES,    24, BC_UNIT_PAGES, BC_KIND_NATIVE },
};

/* These are known to the world outside: they may be added to, not changed. */
static void resource_numbers_are_as_published(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(resource_abi); i++) {
		const struct resource_abi *abi = &resource_abi[i];
		const struct bc_resource *res = &bc_resources[abi->res];

		KUNIT_EXPECT_STREQ(test, res->name, abi->name);
		KUNIT_EXPECT_EQ_MSG(test, res->id, abi->id, "%s", abi->name);
		KUNIT_EXPECT_EQ_MSG(test, res->unit, abi->unit, "%s", abi->name);
		KUNIT_EXPECT_EQ_MSG(test, res->kind, abi->kind, "%s", abi->name);
	}
}

static void resource_find_finds_each(struct kunit *test)
{
	int res;

	for (res = 0; res < BC_NR_RES; res++)
		KUNIT_EXPECT_EQ(test, bc_resource_find(bc_resources[res].id), res);
}

static void resource_find_knows_no_other(struct kunit *test)
{
	int known = 0;
	u32 id;

	for (id = 0; id < 1000; id++)
		if (bc_resource_find(id) >= 0)
			known++;
		else
			KUNIT_EXPECT_EQ(test, bc_resource_find(id), -ENOENT);
	KUNIT_EXPECT_EQ(test, known, BC_NR_RES);
	KUNIT_EXPECT_EQ(test, bc_resource_find(U32_MAX), -ENOENT);
}

static struct kunit_case resource_cases[] = {
	KUNIT_CASE(resource_table_is_complete),
	KUNIT_CASE(resource_ids_ascend),
	KUNIT_CASE(resource_names_are_unique),
	KUNIT_CASE(resource_names_are_words),
	KUNIT_CASE(resource_numbers_are_as_published),
	KUNIT_CASE(resource_find_finds_each),
	KUNIT_CASE(resource_find_knows_no_other),
	{}
};

static struct kunit_suite resource_suite = {
	.name = "beancounter_resource",
	.test_cases = resource_cases,
};

kunit_test_suite(resource_suite);
