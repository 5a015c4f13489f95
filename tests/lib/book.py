# SPDX-License-Identifier: GPL-2.0
"""A load generator's own account of what it did, on a disk of a machine that may be reset.

A line is on the disk before tell() returns. What is done to a pool is told before it is
begun and once more when it is done, so that only one thing at a time may or may not have
happened. The file has its final size from the beginning and is only ever overwritten, so it
needs no room on a disk that is full.

    book = Book('/scratch/book')
    with book.doing(pool_key, numproc=+3, failcnt=2):   # in there it happens
        ...
    book.tell('end', pool=key, ...)
"""
import contextlib
import json
import os
import time

import ledger

SIZE = 8 << 20


def now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def lines(path):
    """What has been told; a line that was being written when the machine was reset is not."""
    with open(path, 'rb') as f:
        for text in f.read().rstrip(b'\0').splitlines():
            try:
                yield json.loads(text.strip(b'\0'))
            except ValueError:
                pass


class Book:
    """The file, to write to."""

    def __init__(self, path):
        if not os.path.exists(path):
            with open(path + '.new', 'wb') as f:
                f.write(bytes(SIZE))
                f.flush()
                os.fsync(f.fileno())
            os.rename(path + '.new', path)
            fd = os.open(os.path.dirname(path), os.O_RDONLY)
            os.fsync(fd)
            os.close(fd)
        self.fd = os.open(path, os.O_RDWR)
        self.at = len(os.pread(self.fd, SIZE, 0).rstrip(b'\0'))
        self.number = 0

    def tell(self, what, **facts):
        data = b'\n' + json.dumps({'what': what, **facts}).encode() + b'\n'
        if self.at + len(data) > SIZE:
            raise OverflowError('the book is full')
        self.at += os.pwrite(self.fd, data, self.at)
        os.fdatasync(self.fd)

    @contextlib.contextmanager
    def doing(self, pool, **adds):
        """Something that adds so much to what the pool has; it happens in the block."""
        self.number += 1
        what = {'pool': pool, 'number': self.number, 'begin': now(), 'late': ledger.behind(),
                'adds': adds}
        self.tell('do', **what)
        yield
        self.tell('done', end=now(), **what)
