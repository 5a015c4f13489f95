#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# kernels: 6.12
"""Each kind of account once, for a kernel on which the long tests of it are not run every time."""
import errno
import fcntl
import os
import signal
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc                       # noqa: E402  pylint: disable=wrong-import-position
import disk                     # noqa: E402  pylint: disable=wrong-import-position
import genl                     # noqa: E402  pylint: disable=wrong-import-position
import ledger                   # noqa: E402  pylint: disable=wrong-import-position
import tap                      # noqa: E402  pylint: disable=wrong-import-position
from room import Room           # noqa: E402  pylint: disable=wrong-import-position

SIGNAL = signal.SIGRTMIN + 3
kept = []                       # in the member


def lock(pages):
    if bc.libc.mlock(bc.ctypes.c_void_p(bc.mmap(pages)), bc.ctypes.c_size_t(pages * bc.PAGE)):
        raise OSError(bc.ctypes.get_errno(), 'mlock')


def shared(pages):
    kept.append(os.memfd_create('smoke'))
    os.posix_fallocate(kept[-1], 0, pages * bc.PAGE)


def open_file():
    kept.append(os.open('/dev/null', os.O_RDONLY))


def flock():
    fd = os.open('/tmp/bc-smoke', os.O_RDWR | os.O_CREAT, 0o600)
    kept.append(fd)
    fcntl.flock(fd, fcntl.LOCK_SH)


def terminal():
    kept.append(os.open('/dev/ptmx', os.O_RDWR | os.O_NOCTTY))


def queue():
    signal.pthread_sigmask(signal.SIG_BLOCK, {SIGNAL})
    if bc.libc.sigqueue(os.getpid(), int(SIGNAL), bc.ctypes.c_void_p(1)):
        raise OSError(bc.ctypes.get_errno(), 'sigqueue')


def sock(family, kind):
    kept.append(socket.socket(family, kind))


# what is charged, by how much, how it is refused, and who does it
CASES = (('numproc', 1, errno.EAGAIN, bc.fork_idle),
         ('privvmpages', 60, errno.ENOMEM, bc.mmap, 60),
         ('lockedpages', 30, errno.ENOMEM, lock, 30),
         ('shmpages', 50, errno.ENOSPC, shared, 50),
         ('numfile', 1, errno.ENFILE, open_file),
         ('numflock', 1, errno.ENOLCK, flock),
         ('numpty', 1, errno.ENOMEM, terminal),
         ('numsiginfo', 1, errno.EAGAIN, queue),
         ('numtcpsock', 1, errno.ENOBUFS, sock, socket.AF_INET, socket.SOCK_STREAM),
         ('numothersock', 1, errno.ENOBUFS, sock, socket.AF_UNIX, socket.SOCK_DGRAM))


def check_charged():
    """Granted up to the barrier, refused beyond, given back when the process ends."""
    for res, size, error, func, *args in CASES:
        room = Room(res, res)
        # what is refused half-way is seen in maxheld
        room.set(size + (0 if res == 'shmpages' else size // 2))
        room.granted(f'{res}, below the barrier', size, func, *args)
        room.refused(f'{res}, beyond', error, func, *args)
        room.close()


def check_threshold():
    ear = genl.Client()
    ear.subscribe('threshold')
    pool = bc.Pool('near', numproc=10)
    bc.nl.thresholds('near', {'numproc': (80, 50)})
    member = bc.Member(pool)
    for _ in range(7):
        member.call(bc.fork_idle)
    seen = []
    tap.poll_until(bc.WAIT, lambda: seen.extend(ear.events(0.1)) or seen)
    tap.equal([(e['res_name'], e['percent'], e['direction']) for e in seen],
              [('numproc', 80, genl.UP)], 'a threshold is told')
    member.end()
    pool.remove()


def check_closed():
    """CPU time, block I/O and integrals, as its last record has them."""
    disk.controllers()
    start, book = bc.nl.info()['serial'], ledger.Ledger()
    pool = bc.Pool('used')
    with book.change(1):
        member = bc.Member(pool)
    name = f'{disk.SCRATCH}/smoke'
    member.call(disk.make, name, 1 << 20)
    member.call(disk.direct, name, 4096, 100)
    member.call(bc.burn, 0.2)
    pool.delete()
    least, most = book.unit_seconds(ledger.now())
    member.end()
    bc.wait_gone()
    rec, = bc.nl.closed(start)
    stat = dict(line.split() for line in bc.read(f'{pool.path}/cpu.stat').splitlines())
    tap.between(rec['cpu'].usage, 200 * 10 ** 6, int(stat['usage_usec']) * 1000, 'CPU time')
    # the file system reads where the blocks are
    tap.between(rec['io'].read_bytes, 409600, 409600 + 20 * 4096, 'bytes that were read')
    tap.between(rec['io'].reads, 100, 120, 'and in how many requests')
    tap.between(rec['res']['numproc'].integral, least - 1, most, 'an integral')
    tap.equal((rec['name'], rec['cause'], rec['res']['numproc'].maxheld),
              ('used', genl.DELETED, 1), 'in the record of a pool that was deleted')
    bc.rmdir(pool.path)


check_charged()
check_threshold()
check_closed()
bc.finish()
