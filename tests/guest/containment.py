#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.12
# timeout: 400
"""Root of a container against the host and its neighbour: what it must not do, and what it
exhausts. Both with ids of its own and, what is less, with those of the host."""
import os
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc                       # noqa: E402  pylint: disable=wrong-import-position
import tap                      # noqa: E402  pylint: disable=wrong-import-position
import vz                       # noqa: E402  pylint: disable=wrong-import-position

TOP = '/scratch/vz'
CGROUP = '/sys/fs/cgroup/bc'
LONG = bool(os.environ.get('BC_LONG'))
RAM = 64 << 20
# What the host may lose beyond the limit: other processes, caches, what is rounded.
SLACK = 40 << 20

node = vz.Vz(TOP)

CONF = """PHYSPAGES="0:64M"
SWAPPAGES="0:0"
NUMPROC="48:48"
NUMFILE="1500:1500"
NUMPTY="10:10"
NUMOTHERSOCK="200:200"
NUMTCPSOCK="50:50"
NUMFLOCK="100:100"
SHMPAGES="4096:4096"
LOCKEDPAGES="64:64"
OTHERSOCKBUF="400000:1000000"
"""
DENIED = ('calls', 'files', 'accounts', 'cgroups', 'mounts', 'outside', 'remounted')
# name: the resource that refuses it, if one does
QUICK = {'forks': 'numproc', 'files': 'numfile', 'ptys': 'numpty', 'sockets': 'numothersock',
         'memory': None, 'shm': 'shmpages', 'dentries': None, 'cgroups': None}
SLOW = {'buffers': 'othersockbuf', 'locks': 'numflock', 'memfd': 'shmpages', 'sysv': None,
        'pipes': None, 'mounts': None, 'netns': None, 'inodes': None, 'userns': None,
        'inotify': None, 'epoll': 'numfile', 'aio': None, 'timers': None, 'rings': None}
# Without a user namespace these are not even begun.
MAPPED_ONLY = ('mounts', 'netns', 'userns', 'inodes')


def good(*args):
    done = node.ctl(*args)
    if done.returncode:
        tap.ok(False, ' '.join(args), f'{done.returncode}: {done.stderr}')
    return done


def make(number, *options):
    good('create', number, *options)
    with open(node.path(f'etc/conf/{number}.conf'), encoding='utf-8') as f:
        own = [line for line in f if line.startswith(('VE_', 'LOCAL_', 'OSTEMPLATE', 'CPU'))]
    node.write(f'etc/conf/{number}.conf', CONF + ''.join(own))
    private = node.path(f'private/{number}')
    vz.python_into(private)
    shutil.copy(os.path.join(os.path.dirname(vz.__file__), 'attack.py'), private)
    good('start', number)


def memory():
    """What the host could still use, and what it has of that only by giving up caches."""
    with open('/proc/meminfo', encoding='ascii') as f:
        fields = dict(line.split(':') for line in f)
    return int(fields['MemAvailable'].split()[0]) << 10


def neighbour():
    fails = sum(r.failcnt for r in bc.figures('102').values())
    return fails


def host_well():
    """Each kind of thing can be had here, and the neighbour answers."""
    subprocess.run(['true'], check=True)
    ends = os.openpty()
    for fd in ends:
        os.close(fd)
    with open('/dev/null', 'rb'), socket.socket(), socket.socketpair()[0]:
        pass
    block = bytearray(32 << 20)
    del block
    done = node.ctl('exec2', '102', 'echo $((6 * 7)); : | cat; echo x > /tmp/x; cat /tmp/x')
    return done.stdout == '42\nx\n' and done.returncode == 0, done.stdout + done.stderr


def check_well(what, before):
    well, why = host_well()
    tap.ok(well and neighbour() == before, f'{what}: host and neighbour are well', why)


def fixed():
    """What must be the same after any attack."""
    files = ['/proc/sys/kernel/core_pattern', '/proc/sys/kernel/modprobe',
             '/proc/sys/kernel/pid_max', '/proc/sys/vm/overcommit_memory', '/proc/sys/fs/file-max', '/proc/sys/kernel/hostname',
             f'{CGROUP}/101/memory.max', f'{CGROUP}/101/cgroup.max.descendants',
             '/sys/module/beancounter/parameters/compat']
    seen = {}
    for path in files:
        with open(path, encoding='ascii') as f:
            seen[path] = f.read()
    for pool in ('101', '102'):
        seen[pool] = {name: (r.barrier, r.limit) for name, r in bc.figures(pool).items()}
    return seen


def deny(kind):
    before, fails = fixed(), neighbour()
    done = node.ctl('exec2', '101', f'python3 /attack.py deny {" ".join(DENIED)}')
    for name in DENIED:
        lines = done.stdout.partition(f'begin {name}\n')[2].partition(f'end {name}\n')
        told = [line for line in lines[0].splitlines() if not line.startswith('note ')]
        tap.ok(lines[1] and not told, f'{kind}: {name}: nothing succeeds',
               f'{done.returncode}\n{told}{done.stderr}')
    for line in done.stdout.splitlines():
        if line.startswith('note '):
            tap.note(f'{kind}: {line[5:]}')
    after = fixed()
    tap.ok(before == after, f'{kind}: no limit or setting of the host has changed',
           [key for key, value in before.items() if value != after[key]])
    check_well(f'{kind}: all of these', fails)


def exhaust(kind, name, res, seconds):
    """While the attacker holds all that it could get."""
    fails = bc.failcnt('101', res) if res else 0
    others, free = neighbour(), memory()
    with subprocess.Popen(['vzctl', 'exec2', '101', f'python3 /attack.py take {name} {seconds}'],
                          env=node.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True) as attack:
        said = attack.stdout.readline().strip()
        lost = free - memory()
        with open(f'{CGROUP}/101/memory.current', encoding='ascii') as f:
            charged = int(f.read())
        check_well(f'{kind}: {name}', others)
        if res:
            tap.ok(bc.failcnt('101', res) > fails, f'{kind}: {name}: refused by {res}', said)
        tap.ok(lost < RAM + SLACK, f'{kind}: {name}: the host does not pay for it',
               f'{said}: {lost >> 20} MiB gone, {charged >> 20} MiB charged')
        tap.note(f'{kind}: {name}: {said or "killed"}; the host has {lost >> 20} MiB less, '
                 f'{charged >> 20} MiB are charged')
        attack.stdin.close()
        rest = attack.stdout.read()
        if attack.wait(60) or rest:
            tap.note(f'{kind}: {name}: {attack.returncode} {rest[-300:]}')
    ended = node.ctl('status', '101').stdout.split()[-1] != 'running'
    if ended:
        tap.note(f'{kind}: {name}: it has ended its own container')
        node.ctl('stop', '101', '--fast')
        good('start', '101')
    elif not said:
        # who was killed for memory has left children
        good('restart', '101', '--fast')


def check_root(kind):
    """With ids of its own no device that it has is one, and set-user-id programs are its own."""
    def flags(text, point):
        for line in text.splitlines():
            if line.split()[4] == point:
                return set(line.split()[5].split(','))
        return set()

    with open('/proc/self/mountinfo', encoding='ascii') as f:
        outside = flags(f.read(), f'{TOP}/root/101')
    inside = flags(node.ctl('exec2', '101', 'cat /proc/self/mountinfo').stdout, '/')
    own = kind == 'own ids'
    tap.ok(('nodev' in outside) == ('nodev' in inside) == own and
           inside and 'nosuid' not in inside,
           f'{kind}: what the root mount lets users do', (outside, inside))


def attack_all(kind, options):
    make('101', *options)
    check_root(kind)
    deny(kind)
    good('restart', '101', '--fast')
    what = dict(QUICK, **SLOW) if LONG else QUICK
    for name, res in what.items():
        if kind == 'own ids' or (LONG and name not in MAPPED_ONLY) or name == 'forks':
            # what nothing refuses has an end in time
            exhaust(kind, name, res, 60 if res or name == 'memory' else 8 if LONG else 2)
    good('stop', '101', '--fast')
    good('destroy', '101')


def main():
    bc.bctl('compat', 'on')
    make('102')
    attack_all('own ids', ())
    attack_all('ids of the host', ('--local_uid', '0'))
    good('stop', '102', '--fast')
    good('destroy', '102')
    tap.ok(not [p for p in bc.nl.dump() if p['name'] in ('101', '102')], 'nothing is left')
    tap.note(f'took {time.monotonic() - begun:.0f} s')
    bc.finish()


begun = time.monotonic()
main()
