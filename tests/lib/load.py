#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Work that checks itself, to be disturbed by tests.

    load.py [--refused-ok] [--only=KIND,KIND...] CGROUP...

Starts one process for each kind of work in each cgroup (a path below the
cgroup2 root), until standard input ends. Then it prints how often each kind was
done and exits 0, or 1 if any of the work failed or its data were wrong. Work in
a pool with limits may be refused: --refused-ok counts refusals instead.
"""
import errno
import fcntl
import hashlib
import mmap
import os
import random
import socket
import sys
import threading

CGROUP = '/sys/fs/cgroup'
REFUSALS = (errno.EAGAIN, errno.ENOMEM, errno.ENOBUFS, errno.ENFILE, errno.ENOLCK)


def work_fork(_):
    pid = os.fork()
    if not pid:
        os._exit(7)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 7:
        raise ValueError('a child came back with another status')


def work_thread(_):
    seen = []
    thread = threading.Thread(target=seen.append, args=(1,))
    thread.start()
    thread.join()
    if seen != [1]:
        raise ValueError('a thread did not do its work')


def work_mmap(rng):
    size = rng.randrange(1, 64) * 4096
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as area:
        for at in range(0, size, 4096):
            area[at] = at >> 12 & 255
        for at in range(0, size, 4096):
            if area[at] != at >> 12 & 255:
                raise ValueError('memory has changed')


def work_file(rng):
    fds = []
    try:
        for _ in range(rng.randrange(1, 20)):
            fds += rng.choice((os.pipe, lambda: [os.open('/dev/null', os.O_RDONLY)],
                               lambda: [os.memfd_create('load')]))()
    finally:
        for fd in fds:
            os.close(fd)


def work_lock(rng):
    with open(f'/tmp/load{os.getpid()}', 'w', encoding='ascii') as f:
        os.unlink(f.name)
        for _ in range(rng.randrange(1, 10)):
            fcntl.lockf(f, rng.choice((fcntl.LOCK_EX, fcntl.LOCK_EX, fcntl.LOCK_UN)),
                        rng.randrange(1, 100), rng.randrange(1000))
            fcntl.flock(f, rng.choice((fcntl.LOCK_SH, fcntl.LOCK_EX, fcntl.LOCK_UN)))


def work_pty(rng):
    fds = []
    try:
        for _ in range(rng.randrange(1, 5)):
            fds += os.openpty()
        os.write(fds[0], b'hello\n')
        if os.read(fds[1], 64) != b'hello\n':
            raise ValueError('another line came from a terminal')
    finally:
        rng.shuffle(fds)
        for fd in fds:
            os.close(fd)


def _exchange(a, b, data):
    """Send data from a to b while somebody else reads there; compare."""
    digest = hashlib.sha256()
    left = len(data)
    errors = []

    def read():
        nonlocal left
        try:
            while left > 0:
                part = b.recv(65536)
                if not part:
                    raise ValueError('end of file too early')
                digest.update(part)
                left -= len(part)
        except (OSError, ValueError) as err:
            errors.append(err)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        a.sendall(data)
    finally:
        reader.join(60)
    if errors:
        raise errors[0]
    if left or digest.digest() != hashlib.sha256(data).digest():
        raise ValueError(f'data are wrong, {left} bytes missing')


def work_tcp(rng):
    with socket.create_server(('127.0.0.1', 0)) as listener, \
            socket.create_connection(listener.getsockname(), 30) as a:
        b = listener.accept()[0]
        with b:
            b.settimeout(30)
            _exchange(a, b, rng.randbytes(rng.randrange(1, 400000)))


def work_unix(rng):
    a, b = socket.socketpair()
    with a, b:
        a.settimeout(30)
        b.settimeout(30)
        _exchange(a, b, rng.randbytes(rng.randrange(1, 300000)))


def work_udp(rng):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as a, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as b:
        b.bind(('127.0.0.1', 0))
        b.settimeout(30)
        data = rng.randbytes(rng.randrange(1, 8000))
        a.sendto(data, b.getsockname())
        if b.recv(65536) != data:
            raise ValueError('another datagram came')


WORK = {name[5:]: func for name, func in list(globals().items()) if name.startswith('work_')}


def worker(name, cgroup, refused_ok, report):
    with open(f'{CGROUP}/{cgroup}/cgroup.procs', 'w', encoding='ascii') as f:
        f.write(str(os.getpid()))
    rng = random.Random(f'{name} {cgroup}')
    done = refused = 0
    parent = os.getppid()
    while os.getppid() == parent:
        try:
            WORK[name](rng)
            done += 1
        except (OSError, MemoryError, RuntimeError) as err:
            ok = isinstance(err, (MemoryError, RuntimeError)) or err.errno in REFUSALS or \
                isinstance(err, TimeoutError)
            if not (refused_ok and ok):
                os.write(report, f'BAD {name} {cgroup} {err!r}\n'.encode())
                os._exit(1)
            refused += 1
        except ValueError as err:
            os.write(report, f'BAD {name} {cgroup} {err!r}\n'.encode())
            os._exit(1)
        if (done + refused) % 16 == 1:
            os.write(report, f'{name} {cgroup} {done} {refused}\n'.encode())
    os._exit(0)


def main():
    args = sys.argv[1:]
    refused_ok = '--refused-ok' in args
    for arg in args:
        if arg.startswith('--only='):
            for kind in set(WORK) - set(arg[7:].split(',')):
                del WORK[kind]
    args = [a for a in args if not a.startswith('--')]
    reads, report = os.pipe()
    boss = os.fork()        # the workers end when it does
    if not boss:
        pids = []
        for cgroup in args:
            for name in WORK:
                pid = os.fork()
                if not pid:
                    worker(name, cgroup, refused_ok, report)
                pids.append(pid)
        print('working', flush=True)
        sys.stdin.read()
        os._exit(0)
    os.close(report)
    totals, bad = {}, []
    with os.fdopen(reads, encoding='ascii', errors='replace') as f:
        for line in f:      # until the last worker has ended
            words = line.split()
            if words[0] == 'BAD':
                bad.append(line.strip())
            else:
                totals[words[0], words[1]] = (int(words[2]), int(words[3]))
    os.waitpid(boss, 0)
    for name in WORK:
        print(name, sum(t[0] for k, t in totals.items() if k[0] == name), 'done',
              sum(t[1] for k, t in totals.items() if k[0] == name), 'refused')
    for line in bad:
        print(line)
    sys.exit(1 if bad or len(totals) < len(args) * len(WORK) else 0)


if __name__ == '__main__':
    main()
