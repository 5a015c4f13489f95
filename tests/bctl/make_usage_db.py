#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Make a store of usage records, as "bctl collect" writes it, with made-up contents.

usage: make_usage_db.py FILE            the store that sample() describes

For tests: Store writes the tables of tools/bctl/usage.sql, so that what reads them has no
need of a collector. Figures that are not given are not known (NULL).
"""
import os
import sqlite3
import sys

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../tools/bctl/usage.sql')
RESOURCES = {'kmemsize': (0, 'bytes'), 'lockedpages': (1, 'pages'), 'privvmpages': (2, 'pages'),
             'shmpages': (3, 'pages'), 'numproc': (5, 'items'), 'physpages': (6, 'pages'),
             'vmguarpages': (7, 'pages'), 'oomguarpages': (8, 'pages'),
             'numtcpsock': (9, 'items'), 'numflock': (10, 'items'), 'numpty': (11, 'items'),
             'numsiginfo': (12, 'items'), 'tcpsndbuf': (13, 'bytes'),
             'tcprcvbuf': (14, 'bytes'), 'othersockbuf': (15, 'bytes'),
             'dgramrcvbuf': (16, 'bytes'), 'numothersock': (17, 'items'),
             'dcachesize': (18, 'bytes'), 'numfile': (19, 'items'), 'numiptent': (23, 'items'),
             'swappages': (24, 'pages')}
BOOT = '6f1c3a52-0d5e-4f0b-9c57-1f2e3d4c5b6a'
UNLIMITED = -1
MINUTE, HOUR, DAY = 60000, 3600000, 86400000
EPOCH = 1790812800000           # 2026-10-01 00:00:00 UTC


class Store:
    """A store under construction; close() commits."""

    def __init__(self, path, node='node1', interval_s=300, page_size=4096):
        self.db = sqlite3.connect(path)
        with open(SCHEMA, encoding='utf-8') as sql:
            self.db.executescript(sql.read())
        self.db.execute('PRAGMA foreign_keys = ON')
        for key, value in (('schema', 1), ('node', node), ('page_size', page_size),
                           ('interval_s', interval_s)):
            self.db.execute('INSERT INTO meta VALUES (?, ?)', (key, str(value)))
        for name, (number, unit) in RESOURCES.items():
            self.db.execute('INSERT INTO resource VALUES (?, ?, ?)', (number, name, unit))
        self.incarnation = 0

    def pool(self, name, created_ms, parent=None, ident=0, boot=BOOT, **columns):
        """A pool; its key. columns: cgroup, ended_ms, cause, incarnation."""
        self.incarnation += 1
        columns = {'boot': boot, 'incarnation': self.incarnation, 'id': ident, 'name': name,
                   'parent': parent, 'created_ms': created_ms, **columns}
        return self._insert('pool', columns)

    def record(self, pool, begin_ms, end_ms, kind='interval', figures=None, **columns):
        """A record; its key. figures: {resource: {held_time=, held=, peak=, ...}}."""
        columns = {'pool': pool, 'begin_ms': begin_ms, 'end_ms': end_ms, 'kind': kind,
                   'span_ns': (end_ms - begin_ms) * 1000000, **columns}
        record = self._insert('record', columns)
        for name, figure in (figures or {}).items():
            self._insert('figure', {'record': record, 'res': RESOURCES[name][0], **figure})
        return record

    def _insert(self, table, columns):
        names = ', '.join(columns)
        marks = ', '.join('?' * len(columns))
        return self.db.execute(f'INSERT INTO {table} ({names}) VALUES ({marks})',
                               tuple(columns.values())).lastrowid

    def close(self):
        self.db.commit()
        self.db.close()


def flows(step, seconds):
    """Made-up flows of so many seconds, different from one step to the next."""
    used = seconds * 1000000 * (100 + step % 7)
    return {'cpu_mhz': 2400, 'cpu_ns': used, 'cpu_user_ns': used * 3 // 4,
            'cpu_system_ns': used - used * 3 // 4, 'cpu_wait_ns': used // 10,
            'io_read_bytes': 4096 * (step % 50), 'io_write_bytes': 8192 * (step % 20),
            'io_discard_bytes': 0, 'io_reads': step % 50, 'io_writes': step % 20,
            'io_discards': 0, 'io_flushes': step % 3}


def figures(step, seconds, lim=UNLIMITED):
    """Made-up figures of so many seconds."""
    held = 1000 + 10 * (step % 31)
    return {'physpages': {'held_time': held * seconds, 'held': held, 'peak': held + 100,
                          'barrier': UNLIMITED, 'lim': lim, 'failcnt': 0, 'failed': 0},
            'numproc': {'held_time': 5 * seconds, 'held': 5, 'peak': 6 + step % 4,
                        'barrier': 100, 'lim': 100, 'failcnt': step % 2,
                        'failed': step % 2},
            'vmguarpages': {'barrier': 0, 'lim': 0}}


def fill(store, pool, begin, end, last='interval', step_ms=5 * MINUTE, lim=UNLIMITED):
    """Records from begin to end, cut at multiples of step_ms."""
    step = 0
    while begin < end:
        stop = min(end, begin - begin % step_ms + step_ms)
        kind = last if stop == end else 'interval'
        seconds = (stop - begin) // 1000
        store.record(pool, begin, stop, kind, figures(step, seconds, lim),
                     **flows(step, seconds))
        begin = stop
        step += 1


def sample(path):
    """Two days: a tree, a short life, a reboot with a gap, a clock that was set."""
    store = Store(path)
    host = store.pool('host', EPOCH - HOUR)
    web = store.pool('web', EPOCH + 17 * MINUTE, host, 1, cgroup='bc/web')
    shop = store.pool('web.shop', EPOCH + 2 * HOUR, web, 2, cgroup='bc/web/shop')
    job = store.pool('job', EPOCH + 3 * HOUR + 1234, host, 3, cgroup='bc/job',
                     ended_ms=EPOCH + 3 * HOUR + 21234, cause='deleted')
    fill(store, host, EPOCH - HOUR, EPOCH + DAY)
    fill(store, web, EPOCH + 17 * MINUTE, EPOCH + DAY, lim=50000)
    fill(store, shop, EPOCH + 2 * HOUR, EPOCH + DAY)
    fill(store, job, EPOCH + 3 * HOUR + 1234, EPOCH + 3 * HOUR + 21234, 'closing')
    # The machine went down without a word: what is lost is a gap up to the next boot.
    up = EPOCH + DAY + 10 * MINUTE
    for pool in host, web, shop:
        store.record(pool, EPOCH + DAY, up, 'gap', reason='lost', span_ns=None)
        store.db.execute("UPDATE pool SET ended_ms = ?, cause = 'lost' WHERE pool = ?",
                         (up, pool))
    boot = '0b9e7c11-58a4-4c3e-8f37-aa5b4c3d2e1f'
    host = store.pool('host', up, boot=boot)
    web = store.pool('web', up + MINUTE, host, 1, boot, cgroup='bc/web')
    fill(store, host, up, EPOCH + 2 * DAY)
    fill(store, web, up + MINUTE, EPOCH + DAY + 12 * HOUR)
    # The clock was set back by a minute, so five minutes more passed than it shows.
    noon = EPOCH + DAY + 12 * HOUR
    store.record(web, noon, noon + 5 * MINUTE, reason='clock', span_ns=360 * 10**9,
                 figures=figures(1, 360), **flows(1, 360))
    fill(store, web, noon + 5 * MINUTE, EPOCH + 2 * DAY)
    store.close()


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sample(sys.argv[1])
