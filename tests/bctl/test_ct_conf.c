// SPDX-License-Identifier: GPL-2.0
/*
 * Configurations of containers: parsing, changing, values, the mapping, validation
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/beancounter.h>

#include "conf.h"
#include "ids.h"
#include "keys.h"
#include "rights.h"
#include "tap.h"
#include "validate.h"

static char *test_text(const struct ct_conf *conf)
{
	char *buf = NULL;
	size_t len;

	return ct_conf_text(conf, &buf, &len) ? NULL : buf;
}

static void test_value(const char *file, const char *want)
{
	struct ct_conf conf;
	const char *have;

	ct_conf_parse(&conf, file, strlen(file));
	have = ct_conf_get(&conf, "KEY");
	is(have ? have : "(none)", want, "%.*s", (int)strcspn(file, "\n"), file);
	ct_conf_clear(&conf);
}

static void test_parse(void)
{
	test_value("KEY=\"a b\"\n", "a b");
	test_value("KEY='a \"b\\'\n", "a \"b\\");
	test_value("KEY=ab\n", "ab");
	test_value("KEY=ab", "ab");
	test_value("  KEY=\"a\"  # c\n", "a");
	test_value("KEY=\"a\"#c\n", "(none)");
	test_value("KEY=a # \"c\n", "a");
	test_value("KEY=a#c\n", "a#c");
	test_value("KEY=\"a # b\"\n", "a # b");
	test_value("KEY=\"a\\\"b\\\\c\\$d\\`e\\f\"\n", "a\"b\\c$d`e\\f");
	test_value("KEY=\"\"\n", "");
	test_value("KEY=\n", "");
	test_value("KEY=\"a\"\r\n", "a");
	test_value("KEY =\"a\"\n", "(none)");
	test_value("KEY= \"a\"\n", "(none)");
	test_value("KEY=\"a\n", "(none)");
	test_value("KEY=\"a\" b\n", "(none)");
	test_value("KEY=$(reboot)\n", "(none)");
	test_value("KEY=\"$(reboot)\"\n", "$(reboot)");
	test_value("#KEY=a\n", "(none)");
	test_value("XKEY=a\nKEY=b\nKEY=c\n", "b");
	test_value("export KEY=a\n", "(none)");
}

static void test_change(void)
{
	static const char file[] = "# head\n\nKEY='old'  # why\nOTHER=x\nKEY=late\nrubbish";
	struct ct_conf conf;
	char *text;

	ct_conf_parse(&conf, file, strlen(file));
	ok(!ct_conf_set(&conf, "KEY", "n\"e$w"), "a key is changed");
	ok(!ct_conf_set(&conf, "NEW", "1"), "a key is added");
	text = test_text(&conf);
	is(text, "# head\n\nKEY=\"n\\\"e\\$w\"  # why\nOTHER=x\nKEY=late\nrubbish\nNEW=\"1\"\n",
	   "the rest of the file is as it was");
	free(text);
	is(ct_conf_get(&conf, "KEY"), "n\"e$w", "it reads back");
	ok(ct_conf_set(&conf, "KEY", "a\nb") == -22, "a newline is refused");
	ok(ct_conf_set(&conf, "OTHER", "x") == 0, "the same value changes nothing");
	ct_conf_unset(&conf, "KEY");
	text = test_text(&conf);
	is(text, "# head\n\nOTHER=x\nrubbish\nNEW=\"1\"\n", "every line of a key goes with it");
	free(text);
	ct_conf_clear(&conf);
}

/* Whatever the file is, it comes back byte for byte, and what is set is read back. */
static void test_fuzz(void)
{
	static const char alphabet[] = "KEY=\"' #\\\n$a\tB_1\r`";
	static const char * const values[] = { "", "a b", "\"", "\\", "$x`y`", "'#'" };
	uint64_t state = 88172645463325252ULL;
	int bad = 0, i;

	for (i = 0; i < 20000; i++) {
		size_t len = tap_random(&state) % 60, j;
		const char *value = values[tap_random(&state) % 6], *have;
		struct ct_conf conf, again;
		char file[64], *text;
		size_t size;

		for (j = 0; j < len; j++)
			file[j] = tap_random(&state) % 40 ?
				  alphabet[tap_random(&state) % (sizeof(alphabet) - 1)] :
				  (char)tap_random(&state);
		ct_conf_parse(&conf, file, len);
		ct_conf_text(&conf, &text, &size);
		bad += size != len || memcmp(text, file, len);
		free(text);
		ct_conf_set(&conf, "KEY", value);
		ct_conf_text(&conf, &text, &size);
		ct_conf_parse(&again, text, size);
		have = ct_conf_get(&again, "KEY");
		bad += !have || strcmp(have, value);
		free(text);
		ct_conf_unset(&again, "KEY");
		bad += ct_conf_get(&again, "KEY") != NULL;
		ct_conf_clear(&again);
		ct_conf_clear(&conf);
	}
	ok(!bad, "20000 random files come back as they were, and take a change");
}

static void test_amount(const char *text, uint32_t unit, uint64_t barrier, uint64_t limit)
{
	struct ct_value val = { 0 };
	const char *why;

	ok(!ct_value_parse(text, unit, 4096, &val, &why) && val.barrier == barrier &&
	   val.limit == limit, "%s: %" PRIu64 ":%" PRIu64, text, val.barrier, val.limit);
}

static void test_no_amount(const char *text, uint32_t unit)
{
	struct ct_value val;
	const char *why;

	ok(ct_value_parse(text, unit, 4096, &val, &why), "'%s' is refused", text);
}

static void test_values(void)
{
	const uint64_t none = BC_UNLIMITED;

	test_amount("240", BC_UNIT_ITEMS, 240, 240);
	test_amount("240:260", BC_UNIT_ITEMS, 240, 260);
	test_amount("2K", BC_UNIT_ITEMS, 2048, 2048);
	test_amount("0:unlimited", BC_UNIT_PAGES, 0, none);
	test_amount("UNLIMITED", BC_UNIT_PAGES, none, none);
	test_amount("9223372036854775807", BC_UNIT_BYTES, none, none);
	test_amount("0:2147483647", BC_UNIT_PAGES, 0, none);
	test_amount("2147483648", BC_UNIT_BYTES, 2147483648ULL, 2147483648ULL);
	test_amount("256M", BC_UNIT_PAGES, 65536, 65536);
	test_amount("256m:1g", BC_UNIT_PAGES, 65536, 262144);
	test_amount("2.2G", BC_UNIT_BYTES, 2362232012ULL, 2362232012ULL);
	test_amount("1B", BC_UNIT_PAGES, 1, 1);
	test_amount("4097B", BC_UNIT_PAGES, 2, 2);
	test_amount("0.5P", BC_UNIT_BYTES, 2048, 2048);
	test_amount("3P", BC_UNIT_PAGES, 3, 3);
	test_amount("4611686018427387903", BC_UNIT_BYTES, BC_AMOUNT_MAX, BC_AMOUNT_MAX);
	test_no_amount("4611686018427387904", BC_UNIT_BYTES);
	test_no_amount("99999999999999999999999999999999999999999T", BC_UNIT_BYTES);
	test_no_amount("", BC_UNIT_ITEMS);
	test_no_amount(":", BC_UNIT_ITEMS);
	test_no_amount("1:", BC_UNIT_ITEMS);
	test_no_amount("1:2:3", BC_UNIT_ITEMS);
	test_no_amount("-1", BC_UNIT_ITEMS);
	test_no_amount("1.5", BC_UNIT_ITEMS);
	test_no_amount("1.G", BC_UNIT_BYTES);
	test_no_amount("3P", BC_UNIT_ITEMS);
	test_no_amount("3B", BC_UNIT_ITEMS);
	test_no_amount("1KB", BC_UNIT_BYTES);
	test_no_amount("1 ", BC_UNIT_ITEMS);
	test_no_amount("unlimitedx", BC_UNIT_ITEMS);
}

static void test_map(const char *file, const char *want)
{
	const char *key = "", *why = "";
	char have[2048] = "";
	struct ct_conf conf;
	struct ct_map map;
	size_t i;

	ct_conf_parse(&conf, file, strlen(file));
	if (ct_map_conf(&conf, 4096, &map, &key, &why))
		snprintf(have, sizeof(have), "%s: %s", key, why);
	else
		for (i = 0; i < map.count; i++)
			snprintf(have + strlen(have), sizeof(have) - strlen(have), "%s%s",
				 i ? " " : "", map.arg[i]);
	is(have, want, "the pool of %.*s ...", (int)strcspn(file, "\n"), file);
	ct_conf_clear(&conf);
}

static void test_maps(void)
{
	test_map("", "");
	test_map("NUMPROC=\"240\"\n", "numproc=240:240");
	test_map("PHYSPAGES=\"0:unlimited\"\n", "ram=unlimited");
	test_map("PHYSPAGES=\"0:256M\"\nSWAPPAGES=\"0:512M\"\n",
		 "lockedpages=65536:65536 ram=65536 swap=131072");
	test_map("PHYSPAGES=\"65536\"\n", "lockedpages=65536:65536 ram=65536");
	test_map("PHYSPAGES=\"1000:2000\"\nLOCKEDPAGES=5\n",
		 "lockedpages=5:5 physpages=1000:2000");
	test_map("PHYSPAGES=\"0:256M\"\nSWAPPAGES=\"0:0\"\nVM_OVERCOMMIT=1.5\n",
		 "lockedpages=65536:65536 privvmpages=98304:98304 ram=65536 swap=0");
	test_map("PHYSPAGES=\"0:1\"\nSWAPPAGES=0\nVM_OVERCOMMIT=x\n",
		 "VM_OVERCOMMIT: not a factor");
	test_map("KMEMSIZE=1:2\nDCACHE=1\nIPTENTRIES=1\n", "");
	test_map("CPUUNITS=8\nCPULIMIT=50%\nIOLIMIT=10M\nIOPSLIMIT=0\n",
		 "cpu.shares=8 cpu.limit=50.000% io.bps=10485760 io.iops=unlimited");
	test_map("CPULIMIT=0\nIOLIMIT=7\n", "cpu.limit=unlimited io.bps=7");
	test_map("CPUUNITS=7\n", "CPUUNITS: the allowed range is 8-500000");
	test_map("CPUUNITS=500001\n", "CPUUNITS: the allowed range is 8-500000");
	test_map("IOLIMIT=1:2\n", "IOLIMIT: not an amount per second, nor \"unlimited\"");
}

static const char test_good[] =
	"KMEMSIZE=14372700:14790164\nLOCKEDPAGES=1024\nPRIVVMPAGES=65536:69632\n"
	"SHMPAGES=21504\nNUMPROC=240\nPHYSPAGES=0:unlimited\nVMGUARPAGES=33792:unlimited\n"
	"OOMGUARPAGES=26112:unlimited\nNUMTCPSOCK=360\nNUMFLOCK=188:206\nNUMPTY=16\n"
	"NUMSIGINFO=256\nTCPSNDBUF=1720320:2703360\nTCPRCVBUF=1720320:2703360\n"
	"OTHERSOCKBUF=1126080:2097152\nDGRAMRCVBUF=262144\nNUMOTHERSOCK=360\n"
	"DCACHESIZE=3409920:3624960\nNUMFILE=9312\nAVNUMPROC=180\nNUMIPTENT=128\n";

/* One line of a good file is replaced; what is found then, and whether repair mends it. */
static void test_rule(const char *key, const char *value, unsigned int errors,
		      unsigned int warnings, const char *repaired)
{
	const struct ct_machine machine = { .page_size = 4096 };
	struct ct_verdict verdict;
	struct ct_conf conf;
	FILE *out = tmpfile();
	const char *have;

	ct_conf_parse(&conf, test_good, strlen(test_good));
	ct_conf_set(&conf, key, value);
	ct_validate(&conf, &machine, false, out, &verdict);
	ok(verdict.errors == errors && verdict.warnings == warnings,
	   "%s=%s: %u errors, %u warnings", key, value, verdict.errors, verdict.warnings);
	ct_validate(&conf, &machine, true, out, &verdict);
	have = ct_conf_get(&conf, key);
	is(have ? have : "(none)", repaired, "%s=%s is repaired", key, value);
	ct_validate(&conf, &machine, false, out, &verdict);
	ok(!verdict.errors, "nothing is wrong then");
	ct_conf_clear(&conf);
	fclose(out);
}

static void test_validate(void)
{
	test_rule("NUMPROC", "240", 0, 0, "240");
	test_rule("NUMPROC", "100:240", 1, 0, "240:240");
	test_rule("NUMPTY", "16:17", 1, 0, "17:17");
	test_rule("PRIVVMPAGES", "70000:69632", 1, 0, "70000:70000");
	test_rule("VMGUARPAGES", "33792:40000", 1, 0, "33792:unlimited");
	test_rule("PRIVVMPAGES", "33791:69632", 0, 1, "33792:69632");
	test_rule("NUMFILE", "5759", 0, 1, "5760:5760");
	test_rule("DCACHESIZE", "3409920:3575807", 0, 1, "3409920:3575808");
	/* 40K * 180 + 3624960 = 10997760 */
	test_rule("KMEMSIZE", "10997760:14790164", 0, 0, "10997760:14790164");
	test_rule("KMEMSIZE", "10997759:14790164", 1, 0, "10997760:14790164");
	/* 1720320 + 2560 * 360 = 2641920 */
	test_rule("TCPSNDBUF", "1720320:2641920", 0, 0, "1720320:2641920");
	test_rule("TCPSNDBUF", "1720320:2641919", 1, 0, "1720320:2641920");
	test_rule("TCPRCVBUF", "1720320:2641919", 0, 1, "1720320:2641920");
	test_rule("OTHERSOCKBUF", "1126080:2047679", 1, 0, "1126080:2047680");
	test_rule("DGRAMRCVBUF", "132095", 0, 1, "132095");
	test_rule("DGRAMRCVBUF", "32767", 0, 2, "32768:32768");
	test_rule("PHYSPAGES", "1000:unlimited", 0, 1, "1000:unlimited");
	test_rule("NUMFILE", "unlimited", 0, 1, "unlimited");
}

static void test_right(const char *file, int want_ndev, uint64_t on, uint64_t off,
		       const char *wrong)
{
	struct ct_rights rights;
	struct ct_wrong what = { 0 };
	struct ct_conf conf;
	int ret;

	ct_conf_parse(&conf, file, strlen(file));
	ret = ct_rights_read(&conf, &rights, &what);
	ct_conf_clear(&conf);
	if (wrong) {
		ok(ret && strstr(what.why, wrong), "%s: %s", file, what.why ? what.why : "right");
		return;
	}
	ok(!ret && (int)rights.ndev == want_ndev && rights.on == on && rights.off == off,
	   "%s: %s", file, ret ? what.why : "right");
}

static void test_rights(void)
{
	test_right("CAPABILITY=\"SYS_TIME:on, chown:off cap_kill:off ve_admin:on\"", 0, 1 << 25,
		   1 | 1 << 5, NULL);
	/* The first one counts. */
	test_right("CAPABILITY=\"chown:on chown:off\"", 0, 1, 0, NULL);
	test_right("CAPABILITY=\"frob:on\"", 0, 0, 0, "no such capability");
	test_right("CAPABILITY=\"chown:yes\"", 0, 0, 0, ":on or :off");
	test_right("CAPABILITY=\"chown\"", 0, 0, 0, ":on or :off");
	test_right("DEVNODES=\"net/tun:rw fuse:r sda1:none\"", 2, 0, 0, NULL);
	test_right("DEVNODES=\"../etc/x:rw\"", 0, 0, 0, "below /dev");
	test_right("DEVNODES=\"/dev/sda:rw\"", 0, 0, 0, "below /dev");
	test_right("DEVNODES=\"a//b:rw\"", 0, 0, 0, "below /dev");
	test_right("DEVNODES=\"sda:rwx\"", 0, 0, 0, "r, w, or none");
	test_right("DEVICES=\"b:8:1:rwq c:10:all:r b:8:2:none\"", 2, 0, 0, NULL);
	test_right("DEVICES=\"b:8:rw\"", 0, 0, 0, "MAJOR");
	test_right("DEVICES=\"x:8:1:rw\"", 0, 0, 0, "MAJOR");
	test_right("FEATURES=\"sysfs:off tun:on ppp:off nfs:off sit:on\"", 1, 0, 0, NULL);
	test_right("FEATURES=\"nfs:on\"", 0, 0, 0, "cannot have");
	test_right("FEATURES=\"bridge:off\"", 0, 0, 0, "cannot be taken");
	test_right("FEATURES=\"frob:on\"", 0, 0, 0, "no such feature");
	ok(!(ct_cap_default(false) & 1ULL << CT_CAP_SYS_ADMIN) &&
	   (ct_cap_default(true) & 1ULL << CT_CAP_SYS_ADMIN),
	   "root of the host administers nothing from a container");
}

static void test_merge(const char *old, const char *more, const char *want)
{
	char out[256];

	ct_words_merge(old, more, out, sizeof(out));
	is(out, want, "%s and %s", old ? old : "nothing", more);
}

static void test_ids(const char *file, int64_t uid, int64_t gid)
{
	const char *key, *why;
	struct ct_conf conf;
	struct ct_ids ids;
	int ret;

	ct_conf_parse(&conf, file, strlen(file));
	ret = ct_ids_read(&conf, &ids, &key, &why);
	ct_conf_clear(&conf);
	ok(uid < 0 ? ret : !ret && ids.uid == uid && ids.gid == gid, "%.*s: %s",
	   (int)strcspn(file, "\n"), file, ret ? why : "right");
}

static void test_bounds(void)
{
	test_merge(NULL, "a:on", "a:on");
	test_merge("a:on b:off", "A:off,c:on", "b:off A:off c:on");
	test_merge("b:8:1:rw b:8:2:r", "b:8:1:none", "b:8:2:r b:8:1:none");
	test_ids("X=1\n", 0, 0);
	test_ids("LOCAL_UID=0\n", 0, 0);
	test_ids("LOCAL_UID=100000\n", 100000, 100000);
	test_ids("LOCAL_UID=100000\nLOCAL_GID=200000\n", 100000, 200000);
	test_ids("LOCAL_UID=100000\nLOCAL_GID=0\n", -1, 0);
	test_ids("LOCAL_GID=100000\n", -1, 0);
	test_ids("LOCAL_UID=65535\n", -1, 0);
	test_ids("LOCAL_UID=2147418113\n", -1, 0);
	test_ids("LOCAL_UID=-1\n", -1, 0);
	ok(ct_ids_overlap(100000, 65536, 165535) && !ct_ids_overlap(100000, 65536, 165536) &&
	   ct_ids_overlap(165535, 65536, 100000) && !ct_ids_overlap(165536, 65536, 100000),
	   "ids that overlap by one");
}

static void test_names(void)
{
	uint32_t id;

	ok(!ct_id_parse("101", &id) && id == 101, "101 is a container");
	ok(!ct_id_parse("2147483644", &id), "so is 2147483644");
	ok(ct_id_parse("2147483645", &id), "2147483645 is not");
	ok(ct_id_parse("0", &id) && ct_id_parse("01", &id) && ct_id_parse("", &id) &&
	   ct_id_parse("1x", &id) && ct_id_parse("99999999999", &id), "nor are others");
	ok(ct_name_ok("web-1.x") && !ct_name_ok("12") && !ct_name_ok("../x") && !ct_name_ok(".a") &&
	   !ct_name_ok("-a") && !ct_name_ok("") && !ct_name_ok("a b"), "names");
}

int main(void)
{
	test_parse();
	test_change();
	test_fuzz();
	test_values();
	test_maps();
	test_validate();
	test_rights();
	test_bounds();
	test_names();
	return tap_end();
}
