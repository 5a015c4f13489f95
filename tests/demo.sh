#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What 'make demo' runs in the guest: a session that shows limits at work, and
# fails when anything did not happen as it tells. Commands are printed as they
# are run; what is checked is read from 'bctl -j' and printed as "ok: ...".
set -u
cd "$(mktemp -d)" || exit 2
failed=0

say()
{
	printf '\n=== %s\n' "$*"
}

# session COMMAND: print it and run it
session()
{
	printf '# %s\n' "$1"
	eval "$1"
}

# expect WHAT CMD...: CMD succeeds
expect()
{
	local what=$1
	shift
	if "$@"; then
		echo "ok: $what"
	else
		echo "NOT AS TOLD: $what"
		failed=1
	fi
}

# json EXPRESSION FILE...: print a Python expression over the documents, one
# to a line in the files, as the list d
json()
{
	python3 -SIc '
import json, sys
d = [json.loads(line) for name in sys.argv[2:] for line in open(name)]
print(eval(sys.argv[1]))' "$@"
}

# figures EXPRESSION: is it true of res[POOL][RESOURCE][FIGURE]?
figures()
{
	bctl stat -j > stat.json &&
		[ "$(json "(lambda res: $1)({p['name']: p['resources'] for p in d[0]['pools']})" \
			stat.json)" = True ]
}

# refusal EXPRESSION: was there an event of a refusal e for which it is true?
refusal()
{
	[ "$(json "any(e['event'] == 'refusal' and $1 for e in d)" events.json)" = True ]
}

# until_true CMD...: repeat CMD for up to 20 seconds
until_true()
{
	local end=$((SECONDS + 20))
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

forks_on_host()
{
	local i
	for ((i = 0; i < 100; i++)); do
		(exit 0) || return
	done
}

oom_kills()
{
	sed -n 's/^oom_kill //p' /proc/vmstat
}

nothing_held()
{
	figures 'not any(f["held"] for p in res.values() for f in p.values())'
}

cat > bomb.py <<'END'
import os, time
while True:
    try:
        os.fork()
    except OSError as err:
        print("fork:", err, flush=True)
        time.sleep(1000)
END
cat > malloc.py <<'END'
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.malloc.restype = ctypes.c_void_p
got = 0
while got < 1024 and libc.malloc(ctypes.c_size_t(1 << 20)):
    got += 1
print("malloc: %d MiB, then NULL, errno %d" % (got, ctypes.get_errno()))
END
cat > sockets.py <<'END'
import socket, sys
pairs, sent = [], 0
try:
    while len(pairs) < 1000:
        pairs.append(socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
except OSError as err:
    print("socket:", err, flush=True)
for ours, theirs in pairs:
    ours.setblocking(False)
    try:
        while True:
            sent += ours.send(bytes(1000))
    except BlockingIOError:
        pass
print("%d sockets, %d KiB sent until each got EAGAIN" % (2 * len(pairs), sent >> 10), flush=True)
sys.stdin.read()
END

echo "Linux $(uname -r) as Debian built it, $(nproc) processors"
sed -n 's/^\(beancounter\) \([0-9]*\).*/module \1, \2 bytes/p' /proc/modules
bctl events > events.txt 2> listening.txt &
listeners=$!
bctl events -j > events.json 2> listening.json &
listeners="$listeners $!"
# shellcheck disable=SC2064 # the pids of now
trap "kill $listeners 2> /dev/null" EXIT
until_true grep -q listening listening.txt || exit 2
until_true grep -q listening listening.json || exit 2

say "A reseller, his customer, the customer's containers, with limits on every level"
session 'bctl pool create acme numproc=500 privvmpages=1G'
session 'bctl pool create blue --parent acme numproc=200 numothersock=64 othersockbuf=1M'
session 'bctl pool create web --parent blue numproc=32'
session 'bctl pool create db --parent blue privvmpages=64M'
session 'bctl pool create mail --parent blue'
session 'bctl pool tree'

say "A fork bomb in web, which may have 32 processes"
session 'cat bomb.py'
session 'bctl exec web -- python3 bomb.py > bomb.txt 2>&1 &'
disown
at_barrier='res["web"]["numproc"]["held"] == 32 and res["web"]["numproc"]["failcnt"] > 0'
expect "web holds 32 processes, and more were refused" until_true figures "$at_barrier"
expect "fork() said EAGAIN" until_true grep -q 'Errno 11' bomb.txt
session 'head -n 1 bomb.txt'
expect "the host forks 100 times meanwhile" forks_on_host
session 'bctl stat web'

say "A program in db, whose malloc() would over-commit"
session 'cat malloc.py'
oom=$(oom_kills)
session 'bctl exec db -- python3 malloc.py | tee malloc.txt'
expect "malloc() said NULL and ENOMEM" grep -q 'NULL, errno 12$' malloc.txt
session 'bctl exec db -- dd if=/dev/zero of=/dev/null bs=200M count=1 2>&1 | tee dd.txt'
expect "so it is for any program" grep -q 'memory exhausted' dd.txt
expect "the out-of-memory killer did nothing" [ "$(oom_kills)" = "$oom" ]
expect "db never had more than 64 MiB" \
	figures 'res["db"]["privvmpages"]["maxheld"] * d[0]["page_size"] <= 64 << 20'
session 'bctl stat db | grep -e POOL -e privvm'

say "A socket hog in mail, which has no limits of its own: those of blue hold"
session 'cat sockets.py'
mkfifo stop
exec 3<> stop
session 'bctl exec mail -- python3 sockets.py < stop > sockets.txt 3<&- &'
disown
expect "it ran to its end" until_true grep -q EAGAIN sockets.txt
session 'cat sockets.txt'
expect "socket() said ENOBUFS" grep -q 'Errno 105' sockets.txt
expect "blue holds 64 sockets, those of mail" \
	figures 'res["blue"]["numothersock"]["held"] == res["mail"]["numothersock"]["held"] == 64'
# beyond the barrier each sending socket has one small message, see design.rst
expect "their buffers hold what blue may have and one message for each" \
	figures '900 << 10 <= res["blue"]["othersockbuf"]["held"] <= (1 << 20) + 32 * 4608'
session 'bctl stat blue mail | grep -e POOL -e sock'

say "Who was refused what, and where"
expect "an event names pool and process of the fork bomb" until_true \
	refusal 'e["pool"] == "web" and e["resource"] == "numproc" and e["comm"] == "python3"'
expect "an event says that blue refused a socket to mail" until_true \
	refusal 'e["pool"] == "blue" and e["origin"] == "mail" and e["resource"] == "numothersock"'
session 'grep -m 1 numproc events.txt; grep -m 1 privvmpages events.txt; grep -m 1 "blue.*numothersock" events.txt'
session 'grep -m 1 "\"numothersock\"" events.json'

say "The accounts of all levels, from one instant"
session 'bctl stat host acme web -b | grep -e POOL -e numproc -e privvm'
expect "each level holds what the levels below hold" figures 'all(
	res[top][r]["held"] == sum(res[low][r]["held"] for low in lows)
	for r in res["host"]
	for top, lows in {"host": ["acme"], "acme": ["blue"], "blue": ["web", "db", "mail"]}.items())'
session 'bctl stat web -j | python3 -m json.tool | head -n 24'

say "The end"
session 'echo 1 > /sys/fs/cgroup/bc/acme/blue/web/cgroup.kill'
session 'exec 3>&-'
# on a tmpfs a file is shared memory of the pool that wrote it, until it is removed
session 'rm *.txt'
expect "nothing is held anywhere" until_true nothing_held
for pool in web db mail blue acme; do
	session "bctl pool delete $pool"
done
session 'bctl info'
bctl info -j > info.json
expect "the books balance, nothing was left uncounted" \
	[ "$(json 'd[0]["unbalanced"] == d[0]["untracked"] == d[0]["pools"] == 0' info.json)" = True ]
if [ "$failed" = 0 ]; then
	echo "All as told."
else
	echo "Something was not as told; see above."
fi
exit "$failed"
