#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 240
# vm-args: --single
"""Unloading while senders wait for room in a pool: all are let go, no byte is lost."""
import hashlib
import os
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402

BARRIER = 64 << 10
TOTAL = 1 << 20
CHUNK = 4096

flow = {}


# ---- what members do

def pattern(size):
    return bytes(i * 7 & 255 for i in range(256)) * (size // 256)


def start_sending():
    """A thread sends all of it; nobody reads yet."""
    flow['pair'] = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    flow['sent'] = 0
    data = pattern(TOTAL)

    def work():
        for at in range(0, TOTAL, CHUNK):
            flow['pair'][0].sendall(data[at:at + CHUNK])
            flow['sent'] = at + CHUNK
    flow['thread'] = threading.Thread(target=work, daemon=True)
    flow['thread'].start()


def sent():
    return flow['sent']


def read_all():
    """Now somebody reads: digest and length of what arrives."""
    got, digest = 0, hashlib.sha256()
    while got < TOTAL:
        data = flow['pair'][1].recv(1 << 16)
        if not data:
            break
        got += len(data)
        digest.update(data)
    flow['thread'].join(60)
    return got, digest.hexdigest(), flow['thread'].is_alive()


# ---- the test's own

def at_rest(member):
    """How much was sent once the sender waits."""
    seen = []

    def still():
        seen.append(member.call(sent))
        return len(seen) > 10 and seen[-1] and seen[-1] == seen[-10]
    bc.wait_for(still, 'the sender waits')
    return seen[-1]


def waiting_sender(pool):
    member = bc.Member(pool)
    member.call(start_sending)
    return member


def main():
    live = bc.Pool('live', othersockbuf=BARRIER)
    outer = bc.Pool('outer', othersockbuf=BARRIER)
    inner = bc.Pool('inner', parent=outer)
    dying = bc.Pool('dying', othersockbuf=BARRIER)
    members = {name: waiting_sender(pool)
               for name, pool in (('live', live), ('nested', inner), ('dying', dying))}
    before = {name: at_rest(member) for name, member in members.items()}
    tap.ok(all(0 < size < 2 * BARRIER for size in before.values()),
           'each waits for room in its pool', before)
    bc.attach('', members['dying'].pid)
    bc.rmdir(dying.path)
    bc.wait_for(lambda: bc.nl.info()['dying'] == 1, 'dying')
    tap.equal(at_rest(members['dying']), before['dying'], 'one goes on waiting in a dying pool')
    bc.nl.close()
    gone = tap.poll_until(bc.WAIT, lambda: not subprocess.run(
        ['rmmod', 'beancounter'], capture_output=True, check=False).returncode)
    tap.ok(gone, 'the module unloads all the same')
    for name, member in members.items():
        free = tap.poll_until(bc.WAIT, lambda m=member, n=name: m.call(sent) > 2 * before[n])
        tap.ok(free, f'{name}: the sender goes on, with the buffer that it had before',
               f'{before[name]} before, {member.call(sent)} now')
    good = (TOTAL, hashlib.sha256(pattern(TOTAL)).hexdigest(), False)
    for name, member in members.items():
        tap.equal(member.call(read_all), good, f'{name}: all data arrive as they were sent')
        member.end()
    subprocess.run(['insmod', '/root/beancounter.ko'], check=True)
    bc.nl = genl.Client()
    bc.finish()


main()
