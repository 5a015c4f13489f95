// SPDX-License-Identifier: GPL-2.0
/*
 * Is a configuration consistent? The rules of OpenVZ's vzcfgvalidate
 *
 * Each rule is one line of a table: what is at least, or equal to, what. The sums are
 * done in 128 bits with "unlimited" above everything. To repair is to raise the side that
 * is too low (for a pair that must be equal, the lower one), as the admin's other figures
 * then stay; rules come in an order in which no repair breaks a rule above it.
 *
 * One rule differs: physpages of a configuration that is not one of VSwap must be
 * "0:unlimited" there because nothing enforced it; here it is a warning.
 */
#include <inttypes.h>
#include <string.h>

#include <linux/beancounter.h>

#include "addr.h"
#include "ids.h"
#include "keys.h"
#include "nic.h"
#include "rights.h"
#include "traffic.h"
#include "validate.h"

enum ct_level { CT_ERROR, CT_WARNING, CT_RECOMMENDED };

static const char * const ct_levels[] = { "Error", "Warning", "Recommendation" };

typedef unsigned __int128 ct_wide;

#define CT_WIDE_UNLIMITED	((ct_wide)1 << 100)

/**
 * struct ct_check - a run of the rules
 * @conf: the configuration
 * @ubc: its figures
 * @machine: what they are compared with
 * @repair: change what is wrong
 * @out: where to tell of it
 * @verdict: the result
 * @changed: keys whose value has to be written, bits in the order of the table
 */
struct ct_check {
	struct ct_conf *conf;
	struct ct_ubc ubc;
	const struct ct_machine *machine;
	bool repair;
	FILE *out;
	struct ct_verdict *verdict;
	uint32_t changed;
};

static ct_wide ct_widen(uint64_t num)
{
	return num == BC_UNLIMITED ? CT_WIDE_UNLIMITED : num;
}

static uint64_t ct_narrow(ct_wide num)
{
	return num > BC_AMOUNT_MAX ? BC_UNLIMITED : num;
}

static struct ct_value *ct_of(struct ct_check *c, const char *key)
{
	return ct_ubc_value(&c->ubc, key);
}

/* Processes that are expected: half of numproc unless the admin says otherwise. */
static ct_wide ct_avnumproc(struct ct_check *c)
{
	const char *text = ct_get(c->conf, "AVNUMPROC"), *why;
	uint64_t numproc = ct_of(c, "NUMPROC")->barrier;
	struct ct_value val;

	if (text && !ct_value_parse(text, BC_UNIT_ITEMS, c->ubc.page_size, &val, &why))
		return ct_widen(val.barrier);
	return numproc == BC_UNLIMITED ? CT_WIDE_UNLIMITED : numproc / 2;
}

static void ct_tell(struct ct_check *c, enum ct_level level, const char *text)
{
	if (level == CT_ERROR)
		c->verdict->errors++;
	else
		c->verdict->warnings++;
	fprintf(c->out, "%s: %s\n", ct_levels[level], text);
}

static void ct_change(struct ct_check *c, const char *key, struct ct_value val)
{
	uint32_t bit = 1U << (ct_key_find(key, strlen(key)) - ct_keys);

	*ct_of(c, key) = val;
	if (!(c->changed & bit))
		c->verdict->repaired++;
	c->changed |= bit;
}

/* Raise a barrier, and the limit with it where that would be lower. */
static void ct_raise_barrier(struct ct_check *c, const char *key, ct_wide least)
{
	struct ct_value val = *ct_of(c, key);

	val.barrier = ct_narrow(least);
	if (val.limit < val.barrier)
		val.limit = val.barrier;
	val.given = true;
	ct_change(c, key, val);
}

static void ct_equal(struct ct_check *c, const char *key)
{
	struct ct_value val = *ct_of(c, key);
	char text[96];

	if (!val.given || val.barrier == val.limit)
		return;
	snprintf(text, sizeof(text), "barrier and limit of %s must be the same", key);
	ct_tell(c, CT_ERROR, text);
	if (!c->repair)
		return;
	val.barrier = val.barrier > val.limit ? val.barrier : val.limit;
	val.limit = val.barrier;
	ct_change(c, key, val);
}

static void ct_ordered(struct ct_check *c, const char *key)
{
	struct ct_value val = *ct_of(c, key);
	char text[96];

	if (!val.given || val.barrier <= val.limit)
		return;
	snprintf(text, sizeof(text), "the barrier of %s is above its limit", key);
	ct_tell(c, CT_ERROR, text);
	if (!c->repair)
		return;
	val.limit = val.barrier;
	ct_change(c, key, val);
}

static void ct_unbounded(struct ct_check *c, const char *key)
{
	struct ct_value val = *ct_of(c, key);
	char text[96];

	if (!val.given || val.limit == BC_UNLIMITED)
		return;
	snprintf(text, sizeof(text), "the limit of %s must be unlimited", key);
	ct_tell(c, CT_ERROR, text);
	if (!c->repair)
		return;
	val.limit = BC_UNLIMITED;
	ct_change(c, key, val);
}

/* The barrier of @key is @least at least. */
static void ct_at_least(struct ct_check *c, enum ct_level level, const char *key, ct_wide least,
			const char *rule)
{
	if (!ct_of(c, key)->given || ct_widen(ct_of(c, key)->barrier) >= least)
		return;
	ct_tell(c, level, rule);
	if (c->repair && level != CT_RECOMMENDED)
		ct_raise_barrier(c, key, least);
}

/* The limit of a buffer leaves each socket its own share above the barrier. */
static void ct_gap(struct ct_check *c, enum ct_level level, const char *key, const char *sockets,
		   const char *rule)
{
	struct ct_value val = *ct_of(c, key), *socks = ct_of(c, sockets);
	ct_wide least;

	if (!val.given || !socks->given)
		return;
	least = socks->barrier == BC_UNLIMITED ? CT_WIDE_UNLIMITED : (ct_wide)socks->barrier * 2560;
	if (val.limit == BC_UNLIMITED || ct_widen(val.limit) >= ct_widen(val.barrier) + least)
		return;
	ct_tell(c, level, rule);
	if (!c->repair)
		return;
	val.limit = ct_narrow(ct_widen(val.barrier) + least);
	ct_change(c, key, val);
}

static void ct_check_pairs(struct ct_check *c)
{
	static const char * const equal[] = { "NUMPROC", "NUMTCPSOCK", "NUMOTHERSOCK", "SHMPAGES",
					      "NUMFILE", "NUMPTY", "NUMSIGINFO", "NUMIPTENT" };
	static const char * const ordered[] = { "KMEMSIZE", "TCPSNDBUF", "TCPRCVBUF",
						"OTHERSOCKBUF", "DGRAMRCVBUF", "PRIVVMPAGES",
						"LOCKEDPAGES", "NUMFLOCK", "DCACHESIZE" };
	size_t i;

	for (i = 0; i < sizeof(equal) / sizeof(*equal); i++)
		ct_equal(c, equal[i]);
	for (i = 0; i < sizeof(ordered) / sizeof(*ordered); i++)
		ct_ordered(c, ordered[i]);
	ct_unbounded(c, "VMGUARPAGES");
	ct_unbounded(c, "OOMGUARPAGES");
}

/* A barrier, 0 if it is not given. */
static ct_wide ct_barrier(struct ct_check *c, const char *key)
{
	return ct_of(c, key)->given ? ct_widen(ct_of(c, key)->barrier) : 0;
}

/* A product or sum, kept within what means unlimited. */
static ct_wide ct_capped(ct_wide num)
{
	return num > CT_WIDE_UNLIMITED ? CT_WIDE_UNLIMITED : num;
}

static void ct_check_files(struct ct_check *c, ct_wide av)
{
	ct_wide open = ct_capped(ct_barrier(c, "NUMTCPSOCK") + ct_barrier(c, "NUMOTHERSOCK") +
				 ct_barrier(c, "NUMPTY"));
	struct ct_value dcache = *ct_of(c, "DCACHESIZE");
	ct_wide least;

	if (open < ct_capped(av * 32))
		open = ct_capped(av * 32);
	ct_at_least(c, CT_WARNING, "NUMFILE", open,
		    "NUMFILE should be at least 32 * AVNUMPROC and NUMTCPSOCK + NUMOTHERSOCK + NUMPTY");
	least = ct_capped(ct_barrier(c, "NUMFILE") * 384);
	if (!dcache.given || ct_widen(dcache.limit) >= least)
		return;
	ct_tell(c, CT_WARNING, "the limit of DCACHESIZE should be at least 384 * NUMFILE");
	dcache.limit = ct_narrow(least);
	if (c->repair)
		ct_change(c, "DCACHESIZE", dcache);
}

static void ct_check_memory(struct ct_check *c)
{
	struct ct_value *phys = ct_of(c, "PHYSPAGES"), *dcache = ct_of(c, "DCACHESIZE");
	ct_wide av = ct_avnumproc(c), least;

	if (phys->given && phys->barrier && phys->barrier != BC_UNLIMITED)
		ct_tell(c, CT_WARNING, "the barrier of PHYSPAGES is not 0: it slows down above it");
	ct_check_files(c, av);
	least = ct_capped(av * 40 * 1024 + (dcache->given ? ct_widen(dcache->limit) : 0));
	ct_at_least(c, CT_ERROR, "KMEMSIZE", least,
		    "the barrier of KMEMSIZE must be at least 40K * AVNUMPROC + the limit of DCACHESIZE");
	ct_at_least(c, CT_WARNING, "PRIVVMPAGES", ct_barrier(c, "VMGUARPAGES"),
		    "the barrier of PRIVVMPAGES should be at least that of VMGUARPAGES");
}

static void ct_check_buffers(struct ct_check *c)
{
	ct_at_least(c, CT_WARNING, "TCPRCVBUF", 64 << 10,
		    "the barrier of TCPRCVBUF should be at least 64K");
	ct_at_least(c, CT_WARNING, "TCPSNDBUF", 64 << 10,
		    "the barrier of TCPSNDBUF should be at least 64K");
	ct_at_least(c, CT_WARNING, "DGRAMRCVBUF", 32 << 10,
		    "the barrier of DGRAMRCVBUF should be at least 32K");
	ct_at_least(c, CT_RECOMMENDED, "DGRAMRCVBUF", 129 << 10,
		    "the barrier of DGRAMRCVBUF is better at least 129K");
	ct_at_least(c, CT_WARNING, "OTHERSOCKBUF", 32 << 10,
		    "the barrier of OTHERSOCKBUF should be at least 32K");
	ct_at_least(c, CT_RECOMMENDED, "OTHERSOCKBUF", 129 << 10,
		    "the barrier of OTHERSOCKBUF is better at least 129K");
	ct_gap(c, CT_ERROR, "TCPSNDBUF", "NUMTCPSOCK",
	       "limit minus barrier of TCPSNDBUF must be at least 2.5K * NUMTCPSOCK");
	ct_gap(c, CT_ERROR, "OTHERSOCKBUF", "NUMOTHERSOCK",
	       "limit minus barrier of OTHERSOCKBUF must be at least 2.5K * NUMOTHERSOCK");
	ct_gap(c, CT_WARNING, "TCPRCVBUF", "NUMTCPSOCK",
	       "limit minus barrier of TCPRCVBUF should be at least 2.5K * NUMTCPSOCK");
}

static void ct_check_vswap(struct ct_check *c)
{
	struct ct_value *ram = ct_of(c, "PHYSPAGES"), *swap = ct_of(c, "SWAPPAGES"), val;

	if (ram->barrier && ram->barrier != ram->limit) {
		ct_tell(c, CT_ERROR, "the barrier of PHYSPAGES must be 0");
		val = (struct ct_value) { 0, ram->limit, true };
		if (c->repair)
			ct_change(c, "PHYSPAGES", val);
	}
	if (swap->given && swap->barrier && swap->barrier != swap->limit) {
		ct_tell(c, CT_ERROR, "the barrier of SWAPPAGES must be 0");
		val = (struct ct_value) { 0, swap->limit, true };
		if (c->repair)
			ct_change(c, "SWAPPAGES", val);
	}
	if (!c->machine->ram)
		return;
	if (ram->limit > c->machine->ram)
		ct_tell(c, CT_WARNING, "the limit of PHYSPAGES is more than the machine has");
	if (swap->given && swap->limit > c->machine->swap)
		ct_tell(c, CT_WARNING, "the limit of SWAPPAGES is more than the machine has");
}

/* Barriers of the disk, which has a unit of its own and takes no unlimited one. */
static void ct_check_disk(struct ct_check *c, const char *key)
{
	const char *text = ct_get(c->conf, key), *why;
	struct ct_value val;
	char line[96];

	if (!text)
		return;
	if (ct_value_parse(text, BC_UNIT_BYTES, c->ubc.page_size, &val, &why))
		snprintf(line, sizeof(line), "%s: %s", key, why);
	else if (val.barrier > val.limit)
		snprintf(line, sizeof(line), "the barrier of %s is above its limit", key);
	else
		return;
	ct_tell(c, CT_ERROR, line);
}

/* What bounds the container; nothing of it can be repaired by guessing. */
static void ct_check_bounds(struct ct_check *c)
{
	struct ct_rights rights;
	struct ct_wrong wrong;
	const char *key, *why;
	struct ct_ids ids;
	char line[256];

	if (ct_ids_read(c->conf, &ids, &key, &why)) {
		snprintf(line, sizeof(line), "%s: %s", key, why);
		ct_tell(c, CT_ERROR, line);
	} else if (ids.given && !ct_ids_mapped(&ids)) {
		ct_tell(c, CT_WARNING, "LOCAL_UID is 0: root of the container is root of the host");
	}
	if (!ct_rights_read(c->conf, &rights, &wrong))
		return;
	snprintf(line, sizeof(line), "%s: '%s': %s", wrong.key, wrong.word, wrong.why);
	ct_tell(c, CT_ERROR, line);
}

/* What a start would refuse of the network, as far as the file tells. */
static void ct_check_net(struct ct_check *c)
{
	const char *rate = ct_get(c->conf, "RATE"), *bound = ct_get(c->conf, "RATEBOUND"), *why;
	struct ct_addrs addrs;
	struct ct_nics nics;
	struct ct_rate rates;
	char line[160];

	if (ct_addrs_parse(ct_get(c->conf, "IP_ADDRESS"), &addrs, &why)) {
		snprintf(line, sizeof(line), "IP_ADDRESS: %s", why);
		ct_tell(c, CT_ERROR, line);
	}
	if (ct_nics_parse(ct_get(c->conf, "NETIF"), 1, &nics, &why)) {
		snprintf(line, sizeof(line), "NETIF: %s", why);
		ct_tell(c, CT_ERROR, line);
	}
	if (ct_rate_list(rate, &rates, &why)) {
		snprintf(line, sizeof(line), "RATE: %s", why);
		ct_tell(c, CT_ERROR, line);
	} else if (rate && (!bound || strcmp(bound, "yes"))) {
		ct_tell(c, CT_WARNING, "RATE bounds nothing without RATEBOUND=\"yes\"");
	}
}

static int ct_write_back(struct ct_check *c)
{
	char bar[24] = "unlimited", lim[24] = "unlimited", text[64];
	const struct ct_key *key;
	int ret = 0;
	size_t i;

	for (i = 0; i < CT_UBC_COUNT && !ret; i++) {
		if (!(c->changed & 1U << i))
			continue;
		key = &ct_keys[i];
		snprintf(bar, sizeof(bar), "unlimited");
		snprintf(lim, sizeof(lim), "unlimited");
		if (c->ubc.v[i].barrier != BC_UNLIMITED)
			snprintf(bar, sizeof(bar), "%" PRIu64, c->ubc.v[i].barrier);
		if (c->ubc.v[i].limit != BC_UNLIMITED)
			snprintf(lim, sizeof(lim), "%" PRIu64, c->ubc.v[i].limit);
		snprintf(text, sizeof(text), "%s:%s", bar, lim);
		fprintf(c->out, "Repaired: %s=\"%s\"\n", key->key, text);
		ret = ct_conf_set(c->conf, !ct_conf_get(c->conf, key->key) && key->alias ?
				  key->alias : key->key, text);
	}
	return ret;
}

/**
 * ct_validate() - check a configuration
 * @conf: the configuration; changed if it is to be repaired
 * @machine: what limits are compared with
 * @repair: change what is wrong
 * @out: where to tell what is wrong, a line each
 * @verdict: how much it is
 *
 * Return: 0, or -ENOMEM.
 */
int ct_validate(struct ct_conf *conf, const struct ct_machine *machine, bool repair, FILE *out,
		struct ct_verdict *verdict)
{
	struct ct_check c = { .conf = conf, .machine = machine, .repair = repair, .out = out,
			      .verdict = verdict };
	const char *key, *why, *missing;
	char text[160];

	memset(verdict, 0, sizeof(*verdict));
	if (ct_ubc_read(conf, machine->page_size, &c.ubc, &key, &why)) {
		snprintf(text, sizeof(text), "%s: %s", key, why);
		ct_tell(&c, CT_ERROR, text);
		return 0;
	}
	missing = ct_ubc_missing(&c.ubc);
	if (missing) {
		snprintf(text, sizeof(text), "%s is missing", missing);
		ct_tell(&c, CT_ERROR, text);
	}
	ct_check_disk(&c, "DISKSPACE");
	ct_check_disk(&c, "DISKINODES");
	ct_check_bounds(&c);
	ct_check_net(&c);
	if (ct_ubc_vswap(&c.ubc)) {
		ct_check_vswap(&c);
	} else {
		ct_check_pairs(&c);
		ct_check_memory(&c);
		ct_check_buffers(&c);
	}
	return ct_write_back(&c);
}
