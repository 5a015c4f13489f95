#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What every other test takes for granted about the machine it runs in.
. "$(dirname "$0")/../lib/tap.sh"

tap_is "$(stat -f -c %T /sys/fs/cgroup)" cgroup2fs "cgroup2 is mounted"
for controller in cpu io memory pids; do
	tap_ok "the $controller controller is there" \
		grep -qw "$controller" /sys/fs/cgroup/cgroup.controllers
done
tap_is "$(cat /sys/fs/cgroup/cgroup.subtree_control)" "" \
	"no controller is on by default"
tap_is "$(stat -f -c %T /scratch)" ext2/ext3 "/scratch is ext4"
tap_ok "loopback is up" ping -c 1 -W 5 127.0.0.1
tap_ok "functions can be traced" grep -qw function /sys/kernel/tracing/available_tracers
for program in bctl stress-ng iperf3 fio python3 lxc-start nft strace; do
	case $program in
	bctl) [ -e /usr/local/bin/bctl ] || { tap_skip bctl "not built"; continue; } ;;
	esac
	tap_ok "$program is installed" command -v "$program"
done
tap_done
