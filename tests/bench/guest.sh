#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The guest's part of tests/bench/run: prints "CONFIG PASS OP NS".
# All configurations run in one boot, several times over in turn, so that what
# drifts while a guest runs does not look like a difference between them.
set -eu
rounds=$1 passes=$2
shift 2
chosen=("$@")
cg=/sys/fs/cgroup
ops=/root/ops

settle()	# the first seconds after boot and after patching cost more
{
	"$ops" 1 "${chosen[@]}" > /dev/null
}

measure()	# CONFIG PASS [PREFIX...]
{
	local config=$1 pass=$2
	shift 2
	settle
	"$@" "$ops" "$rounds" "${chosen[@]}" | while read -r op ns; do
		echo "$config $pass $op $ns"
	done
}

in_cgroup()	# PATH CMD...
{
	bash -c 'echo $$ > "$0/cgroup.procs"; exec "$@"' "$cg/$1" "${@:2}"
}

# The paths of the pools d1 and d4, so that the cgroups cost the same.
deep=bench/d1/d2/d3/d4
modprobe null_blk irqmode=0 gb=1

"$ops" 3 "${chosen[@]}" > /dev/null
for ((pass = 0; pass < passes; pass++)); do
	measure base $pass
	mkdir -p $cg/$deep
	measure cgroup1 $pass in_cgroup bench/d1
	measure cgroup4 $pass in_cgroup $deep

	insmod /root/beancounter.ko
	measure loaded $pass

	bctl pool create o1
	measure outside $pass
	bctl pool create d1 --cgroup bench/d1
	measure pool1 $pass in_cgroup bench/d1
	bctl pool create d2 --cgroup bench/d1/d2
	bctl pool create d3 --cgroup bench/d1/d2/d3
	bctl pool create d4 --cgroup $deep
	measure pool4 $pass in_cgroup $deep
	for pool in d4 d3 d2 d1 o1; do bctl pool delete $pool; done
	rmmod beancounter

	# What the kernel's own controllers cost, at depth 1.
	echo "+memory +pids +cpu +io" > $cg/cgroup.subtree_control
	echo "+memory +pids +cpu +io" > $cg/bench/cgroup.subtree_control
	measure kernel $pass in_cgroup bench/d1
	# With them, requests are timed, too.
	mkdir $cg/bench/o
	insmod /root/beancounter.ko
	bctl pool create o1 --cgroup bench/o
	measure outsidek $pass in_cgroup bench/d1
	bctl pool create d1 --cgroup bench/d1
	measure poolk $pass in_cgroup bench/d1
	for pool in d1 o1; do bctl pool delete $pool; done
	rmmod beancounter
	rmdir $cg/bench/o
	echo "-memory -pids -cpu -io" > $cg/bench/cgroup.subtree_control
	echo "-memory -pids -cpu -io" > $cg/cgroup.subtree_control
	for path in $deep bench/d1/d2/d3 bench/d1/d2 bench/d1; do rmdir "$cg/$path"; done
done

# All accounts of 1,000 pools at once, and what cgroupfs takes to read them.
[ $# = 0 ] || [[ " $* " = *" read "* ]] || exit 0
pools=1000
mkdir -p $cg/bench
echo "+memory +pids +cpu +io" > $cg/cgroup.subtree_control
echo "+memory +pids +cpu +io" > $cg/bench/cgroup.subtree_control
insmod /root/beancounter.ko
/root/dump "$rounds" $cg/bench $pools | while read -r op ns; do
	echo "read 0 $op $ns"
done
