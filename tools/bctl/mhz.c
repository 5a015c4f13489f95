// SPDX-License-Identifier: GPL-2.0
/*
 * The nominal clock of the CPUs
 *
 * CPU time of machines that differ is made comparable by the clock that their CPUs are sold
 * with, not by the one that they happen to run at. cpufreq tells that, if it has a driver, as
 * base_frequency; failing that its highest clock is taken; and where there is no cpufreq, as
 * in most virtual machines, what /proc/cpuinfo says does not change either.
 */
#include <stdio.h>

#include "mhz.h"
#include "sys.h"

static uint32_t bc_mhz_file(const char *name)
{
	unsigned long khz = 0;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu0/cpufreq/%s", name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%lu", &khz) != 1)
		khz = 0;
	fclose(f);
	return (khz + 500) / 1000;
}

static uint32_t bc_mhz_cpuinfo(void)
{
	char line[256], path[4096];
	double mhz = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/cpuinfo", bc_sys_proc());
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "cpu MHz : %lf", &mhz) == 1)
			break;
	fclose(f);
	return mhz > 0 && mhz < 1e6 ? (uint32_t)(mhz + 0.5) : 0;
}

/**
 * bc_mhz() - the nominal clock of the CPUs
 *
 * Return: MHz, 0 if it is not known.
 */
uint32_t bc_mhz(void)
{
	uint32_t mhz = bc_mhz_file("base_frequency");

	if (!mhz)
		mhz = bc_mhz_file("cpuinfo_max_freq");
	return mhz ? mhz : bc_mhz_cpuinfo();
}
