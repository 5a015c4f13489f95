# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# TAP for shell tests. Source it, report with these, end with tap_done:
#
#	. "$(dirname "$0")/../lib/tap.sh"
#	tap_ok "the pool exists" bctl pool show web
#	tap_is "$(held numproc)" 3 "three processes are held"
#	tap_done
#
# Every function prints exactly one result, except those that say otherwise.
tap_count=0
tap_failed=0
tap_skipped=0

# tap_pass NAME; tap_fail NAME [DETAIL]; tap_skip NAME WHY
tap_pass()
{
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1"
}

tap_fail()
{
	tap_count=$((tap_count + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - $1"
	[ -z "${2:-}" ] || echo "$2" | sed 's/^/#   /'
	return 1
}

tap_skip()
{
	tap_count=$((tap_count + 1))
	tap_skipped=$((tap_skipped + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# tap_ok NAME CMD...: CMD succeeds; its output is shown if not
tap_ok()
{
	tap_name=$1
	shift
	if tap_out=$("$@" 2>&1); then
		tap_pass "$tap_name"
	else
		tap_fail "$tap_name" "status $? from: $*
$tap_out"
	fi
}

# tap_refused STATUS NAME CMD...: CMD ends with exactly STATUS
tap_refused()
{
	tap_want=$1 tap_name=$2
	shift 2
	tap_status=0
	tap_out=$("$@" 2>&1) || tap_status=$?
	if [ "$tap_status" = "$tap_want" ]; then
		tap_pass "$tap_name"
	else
		tap_fail "$tap_name" "status $tap_status, not $tap_want, from: $*
$tap_out"
	fi
}

# tap_is GOT WANT NAME
tap_is()
{
	if [ "$1" = "$2" ]; then
		tap_pass "$3"
	else
		tap_fail "$3" "got:    $1
wanted: $2"
	fi
}

# tap_between GOT LOW HIGH NAME: of integers
tap_between()
{
	if [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]; then
		tap_pass "$4"
	else
		tap_fail "$4" "got $1, wanted $2..$3"
	fi
}

# poll_until SECONDS CMD...: repeat CMD until it succeeds; prints no result.
# Tests wait for what they wait for with this, and never for a fixed time.
poll_until()
{
	tap_end=$(($(date +%s) + $1))
	shift
	until "$@" > /dev/null 2>&1; do
		[ "$(date +%s)" -lt "$tap_end" ] || return 1
		sleep 0.05
	done
}

# tap_skip_all WHY: instead of any result
tap_skip_all()
{
	echo "1..0 # SKIP $1"
	exit 0
}

# tap_done: the plan; ends the test
tap_done()
{
	echo "1..$tap_count"
	[ "$tap_failed" = 0 ]
	exit
}

# tap_totals: the same with the line that a test of the host ends with
tap_totals()
{
	echo "1..$tap_count"
	echo "$((tap_count - tap_failed - tap_skipped)) passed, $tap_failed failed," \
		"$tap_skipped skipped"
	[ "$tap_failed" = 0 ]
	exit
}
