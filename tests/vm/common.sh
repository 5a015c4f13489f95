# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the set-up scripts: where things are kept, progress, locks.

# shellcheck disable=SC2034 # for those who source this
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Everything expensive lives here, outside the tree, in directories whose names
# carry a key over what they were made from. A directory appears by rename when
# it is complete and is never written again, so readers need no lock.
CACHE=${BC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/beancounter}
export DEBIAN_FRONTEND=noninteractive

say()
{
	printf '[%s] %s\n' "$(date +%T)" "$*" >&2
}

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 2
}

# key: 12 hex digits over stdin
key()
{
	sha256sum | cut -c1-12
}

# lock NAME: one builder at a time; released when the script ends
lock()
{
	mkdir -p "$CACHE"
	exec 9> "$CACHE/.lock-$1"
	flock -n 9 || { say "waiting for another $1 build"; flock 9; }
}

# quietly LOG CMD...: run with the output in LOG; show its end on failure
quietly()
{
	local log=$1
	shift
	"$@" > "$log" 2>&1 < /dev/null && return
	local ret=$?
	tail -n 40 "$log" >&2
	say "failed ($ret): $* (log: $log)"
	return "$ret"
}

# apt CMD...: apt-get that waits for other users of the archive and retries
apt()
{
	apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

# apt_lists: make sure that there are package lists at all
apt_lists()
{
	if [ -z "$(find /var/lib/apt/lists -name '*Packages*' -print -quit 2>/dev/null)" ]; then
		say "apt-get update"
		quietly "$CACHE/apt-update.log" apt update
	fi
}
