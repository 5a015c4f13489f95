#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""bctl collect on top of a made-up kernel that keeps a ledger of its own.

usage: test_collect.py BCTL BCTL-WIRE

BC_SEED sets what is random, BC_KILLS how often the collector is killed.
"""
import atexit
import json
import os
import queue
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../lib'))
import tap                              # noqa: E402
import make_usage_db                    # noqa: E402
import wire                             # noqa: E402

BCTL = sys.argv[2]
SEED = int(os.environ.get('BC_SEED', '1'))
KILLS = int(os.environ.get('BC_KILLS', '100'))
TOP = tempfile.mkdtemp(prefix='bctl-collect-')
os.chmod(TOP, 0o755)
SUMS = [name for name in wire.FLOWS]
NUMBERS = {number: name for name, (number, _) in wire.RES.items()}
counter = iter(range(1 << 30))


def place():
    path = f'{TOP}/{next(counter)}'
    os.mkdir(path)
    return path


class Collector:
    """A running bctl collect."""
    running = []

    def __init__(self, kernel, path, *args, wait=True, **env):
        self.said = open(f'{TOP}/said{next(counter)}', 'w+', encoding='utf-8')
        self.proc = subprocess.Popen([BCTL, 'collect', '--db', path, *args], stderr=self.said,
                                     stdout=subprocess.DEVNULL,
                                     env=dict(os.environ, BCTL_WIRE=kernel.path, **env))
        self.running.append(self.proc)
        if wait:
            tap.poll_until(30, lambda: 'collecting' in self.words() or self.proc.poll())

    def words(self):
        with open(self.said.name, encoding='utf-8') as said:
            return said.read()

    def heard(self, text, seconds=30):
        return tap.poll_until(seconds, lambda: text in self.words())

    def kill(self):
        self.proc.kill()
        self.proc.wait()

    def end(self):
        self.proc.send_signal(signal.SIGTERM)
        try:
            return self.proc.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            return 'hangs'


def run(kernel, path, *args):
    return subprocess.run([BCTL, 'collect', '--db', path, *args], capture_output=True, text=True,
                          env=dict(os.environ, BCTL_WIRE=kernel.path), timeout=60)


def query(path, sql, *args):
    db = sqlite3.connect(f'file:{path}?mode=ro', uri=True, timeout=30)
    try:
        return db.execute(sql, args).fetchall()
    finally:
        db.close()


def sums(path):
    """What the records of each pool add up to, as Pool.totals() has it."""
    out = {}
    columns = ', '.join(f'sum({name})' for name in SUMS)
    for pool, *values in query(path, f'SELECT pool, {columns} FROM record GROUP BY pool'):
        out[pool] = {name: value for name, value in zip(SUMS, values) if value is not None}
    for pool, res, *values in query(path, 'SELECT pool, res, sum(held_time), sum(failcnt), '
                                    'sum(failed) FROM record JOIN figure USING (record) '
                                    'GROUP BY pool, res'):
        if None not in values:
            out[pool][NUMBERS[res]] = tuple(values)
    return out


def order(path):
    """What is wrong with the times of the records."""
    wrong, last = [], {}
    for pool, record, begin, end, kind, reason, created in query(
            path, 'SELECT pool, record, begin_ms, end_ms, kind, reason, created_ms FROM record '
            'JOIN pool USING (pool) ORDER BY pool, end_ms'):
        before = last.get(pool, (created, None))
        if begin >= end or begin < before[0]:
            wrong.append(f'record {record} {begin}..{end} after {before}')
        elif begin > before[0] and reason != 'clock':
            wrong.append(f'record {record} {begin}..{end} leaves a hole after {before}')
        if before[1] in ('closing', 'lost'):
            wrong.append(f'record {record} after the last one')
        last[pool] = (end, 'lost' if reason == 'lost' else kind)
    wrong += [f'pool {pool} ended at {ended}, its records at {end}' for pool, ended, end in query(
        path, 'SELECT pool, ended_ms, max(end_ms) FROM pool JOIN record USING (pool) '
        'WHERE ended_ms IS NOT NULL GROUP BY pool') if ended != end]
    return wrong


def compare(kernel, path, last):
    """Where the store and the ledger of the made-up kernel do not agree."""
    wrong = [str(row) for row in query(path, 'PRAGMA integrity_check') if row != ('ok',)]
    wrong += [str(row) for row in query(path, 'PRAGMA foreign_key_check')] + order(path)
    have, seen = sums(path), set()
    for pool, boot, incarnation, name, cause, ended in query(
            path, 'SELECT pool, boot, incarnation, name, cause, ended_ms FROM pool'):
        key, got = (boot, incarnation), have.get(pool, {})
        seen.add(key)
        told = kernel.told.get(key, [])
        if cause in ('deleted', 'cgroup', 'unload'):
            if got != kernel.ledger[key]:
                wrong.append(f'{name} {key}: {diff(got, kernel.ledger[key])}')
        elif cause == 'lost':
            if kernel.ended.get(key) is not None:
                wrong.append(f'{name} {key}: lost, but it ended')
            if got and got not in told:
                wrong.append(f'{name} {key}: {got} was never told')
        elif got != (told[-1] if told else {}) and (last or got not in told):
            wrong.append(f'{name} {key} lives: {diff(got, told[-1] if told else {})}')
    wrong += [f'{key}: no row' for key, cause in kernel.ended.items()
              if cause is not None and key not in seen]
    return wrong


def diff(got, want):
    return {key: (got.get(key), want.get(key)) for key in {*got, *want}
            if got.get(key) != want.get(key)}


def agrees(kernel, path, name, last=True):
    """With last, what lives has the figures that were told last."""
    wrong = compare(kernel, path, last)
    return tap.ok(not wrong, name, '\n'.join(line[:300] for line in wrong[:12]))


def churn(kernel, rnd):
    """Something happens."""
    with kernel.lock:
        pools = [pool for pool in kernel.pools.values() if pool.parent] if kernel.loaded else []
        what = rnd.random()
        if not kernel.loaded:
            kernel.load()
        elif len(pools) < 3 or (what < 0.1 and len(pools) < 40):
            parents = [pool for pool in pools if not pool.parent.parent] + [kernel.host]
            kernel.new(f'p{next(counter)}', rnd.choice(parents))
        elif what < 0.2:
            leaf = rnd.choice([pool for pool in pools if not pool.children])
            kernel.use(leaf, {name: -own for name, own in leaf.own.items()})
            kernel.close(leaf, rnd.choice(['deleted', 'cgroup']))
        else:
            pool = rnd.choice(pools)
            res = rnd.choice(['numproc', 'physpages', 'tcpsndbuf'])
            kernel.use(pool, {res: rnd.randint(-min(pool.own[res], 50), 100)}, cpu_ns=rnd.randint(1, 10**7),
                       cpu_user_ns=rnd.randint(1, 10**6), io_reads=rnd.randint(0, 9),
                       io_write_bytes=4096 * rnd.randint(0, 99))
            if what > 0.9:
                kernel.fail(pool, res, rnd.randint(1, 1000))


class Load:
    """churn() in the background."""

    def __init__(self, kernel, seed, pause=0.002):
        self.kernel, self.rnd, self.pause, self.over = kernel, random.Random(seed), pause, False
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        while not self.over:
            churn(self.kernel, self.rnd)
            time.sleep(self.pause)

    def end(self):
        self.over = True
        self.thread.join()


def kernel_at(path, **args):
    return wire.Kernel(path + '/k', **args)


def test_options():
    path = place()
    kernel = kernel_at(path)
    for args, word in ((['--interval', '0'], '--interval'), (['--interval', '7'], '--interval'),
                       (['--interval', '7200'], '--interval'), (['--keep', '90'], '--keep'),
                       (['--keep', '2d:1d'], '--keep'), (['--reader', ''], '--reader'),
                       (['--reader', 'x' * 16], '--reader'), (['--node', ''], '--node'),
                       (['--once', '--drop-caps'], '--drop-caps'), (['more'], 'more')):
        got = run(kernel, path + '/u.db', *args)
        tap.ok(got.returncode == 1 and word in got.stderr and not os.path.exists(path + '/u.db'),
               f'{" ".join(args)[:30]} is refused', got.stderr)
    kernel.unload()
    got = run(kernel, path + '/u.db', '--once')
    tap.ok(got.returncode == 2 and 'not loaded' in got.stderr, 'no module, once: a failure')
    kernel.end()


def test_plain():
    path = place()
    db = path + '/u.db'
    kernel = kernel_at(path, speed=300)
    kernel.listened = True
    web = kernel.new('web')
    kernel.use(web, {'numproc': 3, 'physpages': 100}, cpu_ns=12345, io_reads=7)
    col = Collector(kernel, db, '--node', 'me')
    tap.ok(tap.poll_until(30, lambda: query(db, 'SELECT 1 FROM record WHERE end_ms % 300000 = 0')),
           'records end at multiples of the interval')
    job = kernel.new('job', web)
    kernel.use(job, {'numproc': 1}, cpu_ns=1000)
    kernel.close(job)
    tap.ok(tap.poll_until(30, lambda: query(db, "SELECT 1 FROM pool WHERE name = 'job' AND cause "
                                            "= 'deleted'")), 'a short life is written at once')
    tap.equal(query(db, "SELECT kind, cpu_ns, begin_ms = created_ms, end_ms = ended_ms FROM record "
                    "JOIN pool USING (pool) WHERE name = 'job'"), [('closing', 1000, 1, 1)],
              'as one closing record from its creation to its end')
    tap.ok(tap.poll_until(30, lambda: not kernel.closed), 'and acknowledged then')
    kernel.use(web, cpu_ns=50)
    tap.equal(col.end(), 0, 'SIGTERM ends it')
    agrees(kernel, db, 'all agrees with the ledger, the time up to SIGTERM included')
    tap.equal(dict(query(db, 'SELECT key, value FROM meta WHERE key != "taken"')),
              {'schema': '1', 'node': 'me', 'page_size': '4096', 'interval_s': '300'}, 'meta')
    tap.equal(query(db, 'SELECT p.name FROM pool c JOIN pool p ON p.pool = c.parent '
                    "WHERE c.name = 'job'"), [('web',)], 'the parent is known')
    tap.equal(query(db, "SELECT DISTINCT held, barrier, lim, held_time FROM figure WHERE res = 7"),
              [(None, -1, -1, None)], 'what is not counted is NULL, unlimited is -1')
    kernel.end()


class Manager:
    """A service manager; reads at once, for what its full socket does not take is gone."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(path)
        self.heard = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            self.heard.put(self.sock.recv(999))

    def next(self):
        """The next message, b'' if none comes."""
        try:
            return self.heard.get(timeout=30)
        except queue.Empty:
            return b''


def test_notify():
    """The service manager hears how things are."""
    path = place()
    manager = Manager(path + '/notify')
    kernel = kernel_at(path, speed=100)
    col = Collector(kernel, path + '/u.db', NOTIFY_SOCKET=path + '/notify', WATCHDOG_USEC='2000000')
    tap.equal(manager.next(), b'READY=1', 'READY')
    got = manager.next()
    tap.ok(b'STATUS=1 records written, the next ones at 2026-10-01 00:05:00 UTC' in got and
           b'WATCHDOG=1' in got, 'STATUS and WATCHDOG', got)
    tap.ok(all(b'WATCHDOG=1' in manager.next() for _ in range(3)), 'again and again')
    kernel.unload()
    tap.ok(tap.poll_until(30, lambda: b'not loaded' in manager.next()),
           'what is wrong is the status')
    col.end()
    tap.ok(tap.poll_until(30, lambda: b'STOPPING=1' in manager.next()), 'STOPPING')
    kernel.end()


def test_once():
    path = place()
    db = path + '/u.db'
    kernel = kernel_at(path, speed=100)
    web = kernel.new('web')
    for _ in range(5):
        kernel.use(web, {'numproc': 1}, cpu_ns=1000)
        got = run(kernel, db, '--once')
    tap.ok(got.returncode == 0 and not got.stderr, '--once, again and again', got.stderr)
    agrees(kernel, db, 'adds up, too')
    tap.equal(query(db, 'SELECT count(*) FROM record'), [(10,)], 'a record each time')
    tap.equal(query(db, 'SELECT max(peak) FROM figure WHERE res = 5')[0][0], 5, 'peaks are taken')
    peak = ('SELECT peak FROM figure JOIN record USING (record) WHERE res = 5 AND pool = 2 '
            'ORDER BY record DESC LIMIT 1')
    kernel.use(web, {'numproc': -2})
    run(kernel, db, '--once')
    tap.equal(query(db, peak), [(5,)], 'a peak is that of the interval')
    run(kernel, db, '--once')
    tap.equal(query(db, peak), [(3,)], 'of which what was before is no part')
    kernel.use(web, {'numproc': 1})
    kernel.use(web, {'numproc': -1})
    with kernel.lock:
        kernel.dump(0, 'collect', lambda *args: None)
    run(kernel, db, '--once')
    tap.equal(query(db, peak), [(None,)], 'peaks that were taken and not stored are not known')
    run(kernel, db, '--once')
    tap.equal(query(db, peak), [(3,)], 'the next ones are')
    kernel.end()


def test_reload():
    path = place()
    db = path + '/u.db'
    kernel = kernel_at(path, speed=100)
    kernel.listened = True
    col = Collector(kernel, db)
    for _ in range(3):
        pools = [kernel.new(f'r{i}') for i in range(20)]
        for pool in pools:
            kernel.use(pool, {'numproc': 2}, cpu_ns=777)
        kernel.unload()
        tap.poll_until(30, lambda: not query(db, 'SELECT 1 FROM pool WHERE ended_ms IS NULL'))
        kernel.load()
        tap.poll_until(60, lambda: query(db, 'SELECT 1 FROM pool WHERE ended_ms IS NULL'))
    tap.equal(query(db, 'SELECT cause, count(*) FROM pool WHERE ended_ms IS NOT NULL GROUP BY 1'),
              [('unload', 63)], 'what the module sends when it is unloaded is stored, three times')
    col.end()
    agrees(kernel, db, 'to the unit')
    kernel.crash()
    kernel.load()
    run(kernel, db, '--once')
    tap.equal(query(db, "SELECT cause, kind, reason, cpu_ns FROM pool JOIN record USING (pool) "
                    "WHERE cause = 'lost' ORDER BY record DESC"),
              [('lost', 'gap', 'lost', None), ('lost', 'interval', None, 0)],
              'a pool without an end has a gap')
    kernel.new('b')
    run(kernel, db, '--once')
    kernel.reboot(down_ms=-600000)
    run(kernel, db, '--once')
    tap.equal(query(db, 'SELECT count(*) FROM record JOIN pool USING (pool) WHERE boot = ?',
                    kernel.boot), [(1,)], 'a machine that starts with a slow clock is not waited for')
    tap.equal(query(db, "SELECT count(DISTINCT boot), count(*) FROM pool WHERE cause = 'lost'"),
              [(1, 3)], 'a reboot ends what lived')
    agrees(kernel, db, 'nothing else is missing')
    kernel.end()


def test_kill():
    path = place()
    db = path + '/u.db'
    rnd = random.Random(SEED)
    kernel = kernel_at(path, speed=2000)
    kernel.lose = lambda: rnd.random() < 0.02
    kernel.forget = lambda: rnd.random() < 0.02
    load = Load(kernel, SEED)
    lost = 0
    for i in range(KILLS):
        col = Collector(kernel, db, wait=False)
        time.sleep(rnd.random() * 0.25)
        if i % 10 == 7:
            with kernel.lock:
                rnd.choice([kernel.crash, kernel.unload, kernel.reboot])()
                lost += 1
        col.kill()
    load.end()
    if not kernel.loaded:
        kernel.load()
    kernel.listened = True
    col = Collector(kernel, db)
    col.heard('collecting')
    tap.equal(col.end(), 0, f'{KILLS} times killed, {lost} crashes and reloads')
    agrees(kernel, db, 'the ledger and the store agree to the unit')
    count, = query(db, 'SELECT count(*), count(DISTINCT pool) FROM record')
    tap.note(f'{count[0]} records of {count[1]} pools; pools by end: ' +
             str(query(db, 'SELECT cause, count(*) FROM pool GROUP BY 1')))
    tap.ok(count[0] > KILLS, 'there is something to compare')
    kernel.end()


def test_power():
    """What is on the disk at any instant is a store with all that was acknowledged."""
    path = place()
    db = path + '/u.db'
    rnd = random.Random(SEED)
    kernel = kernel_at(path, speed=3000)
    load = Load(kernel, SEED)
    col = Collector(kernel, db)
    good, journals = [], 0
    for i in range(40):
        time.sleep(rnd.random() * 0.05)
        col.proc.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, col.proc.pid, os.WSTOPPED)
        with kernel.lock:
            kept = {struct_incarnation(body) for _, body in kernel.closed}
            ended = {key for key, cause in kernel.ended.items() if cause}
        copy = f'{path}/copy{i}.db'
        for suffix in '', '-journal':
            if os.path.exists(db + suffix):
                shutil.copy(db + suffix, copy + suffix)
                journals += bool(suffix)
        col.proc.send_signal(signal.SIGCONT)
        conn = sqlite3.connect(copy)
        conn.execute('SELECT count(*) FROM record').fetchone()
        have = {tuple(row) for row in conn.execute('SELECT boot, incarnation FROM pool '
                                                   'WHERE ended_ms IS NOT NULL')}
        conn.close()
        got = sums(copy)
        keys = {pool: (boot, inc) for pool, boot, inc in
                query(copy, 'SELECT pool, boot, incarnation FROM pool')}
        good.append(not order(copy) and
                    all(got[pool] in kernel.told[keys[pool]] for pool in got) and
                    all(key in have or key[1] in kept for key in ended))
    tap.ok(all(good) and len(good) == 40,
           'power goes at 40 instants: the store is whole, with all that was acknowledged',
           f'{good.count(False)} are not')
    tap.note(f'{journals} of them in the middle of a write')
    load.end()
    col.end()
    agrees(kernel, db, 'and the one that went on, too')
    kernel.end()


def struct_incarnation(body):
    return int.from_bytes(wire.attrs(body)[wire.A['BC_A_INCARNATION']], 'little')


def test_two():
    path = place()
    kernel = kernel_at(path, speed=1000)
    kernel.listened = True
    a = Collector(kernel, path + '/a.db')
    b = Collector(kernel, path + '/b.db', '--reader', 'other', '--interval', '60')
    got = run(kernel, path + '/c.db')
    tap.ok(got.returncode == 2 and 'another collector uses this name' in got.stderr,
           'a reader\'s name is used once', got.stderr)
    got = run(kernel, path + '/a.db', '--reader', 'third')
    tap.ok(got.returncode == 2 and 'another collector writes to this file' in got.stderr,
           'so is a file', got.stderr)
    load = Load(kernel, SEED)
    time.sleep(1)
    b.kill()
    time.sleep(0.5)
    tap.ok(kernel.closed, 'what one of two has not stored is kept for it')
    b = Collector(kernel, path + '/b.db', '--reader', 'other', '--interval', '60')
    load.end()
    tap.equal(a.end(), 0, 'one ends')
    agrees(kernel, path + '/a.db', 'and has everything', last=False)
    tap.equal(b.end(), 0, 'the other one, too')
    agrees(kernel, path + '/b.db', 'and has everything')
    tap.ok(not kernel.closed, 'both have acknowledged all')
    kernel.end()


def test_clock():
    path = place()
    db = path + '/u.db'
    kernel = kernel_at(path, speed=500)
    web = kernel.new('web')
    col = Collector(kernel, db, '--interval', '60')

    def after(step, **args):
        kernel.use(web, {'numproc': 1}, cpu_ns=1000)
        kernel.step(**args)
        kernel.use(web, cpu_ns=10)
        mark = query(db, 'SELECT max(record) FROM record')[0][0]
        job = kernel.new('job')
        kernel.use(job, cpu_ns=5)
        kernel.close(job)
        tap.ok(tap.poll_until(60, lambda: query(
            db, "SELECT 1 FROM record WHERE record > ? AND pool = 1 AND kind = 'interval'", mark)),
            f'{step}: records go on')
    after('an hour forward', utc_ms=3600000)
    after('ten minutes back', utc_ms=-600000)
    after('three days forward', utc_ms=3 * 86400000)
    after('three days back', utc_ms=-3 * 86400000)
    after('two hours of suspend', suspend_ms=7200000)
    after('a second back', utc_ms=-1000)
    col.end()
    agrees(kernel, db, 'no overlap, nothing backwards, no unit lost or doubled')
    tap.ok(query(db, "SELECT count(*) FROM record WHERE reason = 'clock'")[0][0] >= 4,
           'it shows in the records that the clock was set')
    passed = query(db, 'SELECT sum(span_ns) FROM record WHERE pool = 1')[0][0]
    tap.between(passed / (query(db, 'SELECT end_ns FROM last_pool WHERE pool = 1')[0][0] -
                          kernel.host.created), 1 - 1e-9, 1 + 1e-9,
                'the time that passed is known whatever the clock said')
    kernel.end()


def test_figures():
    path = place()
    db = path + '/u.db'
    kernel = kernel_at(path, speed=100)
    web = kernel.new('web')
    kernel.use(web, cpu_ns=1000, cpu_throttled_ns=50)
    run(kernel, db, '--once')
    web.flows['cpu_ns'] -= 1
    got = run(kernel, db, '--once')
    tap.ok(got.returncode == 0 and 'web: the module\'s figures fell' in got.stderr,
           'a figure that falls is told', got.stderr)
    tap.equal(query(db, "SELECT kind, reason, cpu_ns FROM record JOIN pool USING (pool) WHERE "
                    "name = 'web' ORDER BY record DESC LIMIT 1"), [('gap', 'backwards', None)],
              'and that time is a gap')
    kernel.use(web, cpu_ns=7)
    web.unknown = {'cpu_throttled_ns', 'cpu_nr_throttled', 'tcpsndbuf'}
    run(kernel, db, '--once')
    tap.equal(query(db, "SELECT cpu_ns, cpu_throttled_ns, (SELECT count(*) FROM figure f WHERE "
                    "f.record = r.record) FROM record r JOIN pool USING (pool) WHERE "
                    "name = 'web' ORDER BY record DESC LIMIT 1"), [(7, None, 3)],
              'what is not known any more is not 0')
    web.unknown = set()
    kernel.use(web, cpu_ns=1, cpu_throttled_ns=5)
    run(kernel, db, '--once')
    tap.equal(query(db, "SELECT cpu_ns, cpu_throttled_ns FROM record JOIN pool USING (pool) WHERE "
                    "name = 'web' ORDER BY record DESC LIMIT 1"), [(1, 5)],
              'and goes on from where it was')
    kernel.end()


def test_bad_file():
    path = place()
    kernel = kernel_at(path)
    for name, make in (('garbage', lambda f: write(f, os.urandom(50000))),
                       ('a text', lambda f: write(f, b'not a database\n' * 999)),
                       ('the database of another program', other),
                       ('a store of a later version', later)):
        db = f'{path}/{next(counter)}.db'
        make(db)
        before = read(db)
        got = run(kernel, db, '--once')
        tap.ok(got.returncode == 2 and db in got.stderr and read(db) == before,
               f'{name} is refused, and stays as it is', got.stderr)
    db = f'{path}/cut.db'
    make_usage_db.sample(db)
    write(db, read(db)[:30000] + b'\xff' * 9000 + read(db)[39000:])
    got = run(kernel, db, '--once')
    tap.ok(got.returncode == 2 and 'malformed' in got.stderr, 'so is a damaged store', got.stderr)
    got = run(kernel, path + '/no/such/u.db', '--once')
    tap.ok(got.returncode == 2 and '/no/such/' in got.stderr, 'a directory that is missing')
    write(path + '/empty.db', b'')
    got = run(kernel, path + '/empty.db', '--once')
    tap.ok(got.returncode == 0, 'an empty file is taken', got.stderr)
    kernel.end()


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def write(path, data):
    with open(path, 'wb') as file:
        file.write(data)


def other(path):
    db = sqlite3.connect(path)
    db.execute('CREATE TABLE record (x)')
    db.commit()
    db.close()


def later(path):
    make_usage_db.sample(path)
    db = sqlite3.connect(path)
    db.execute('PRAGMA user_version = 2')
    db.commit()
    db.close()


def test_malformed():
    """One closing record is of no use, and keeps nobody from the others."""
    path = place()
    db = path + '/u.db'
    kernel = kernel_at(path, speed=1000)
    col = Collector(kernel, db, '--interval', '60')
    pools = [kernel.new(f'm{i}') for i in range(4)]
    for pool in pools:
        kernel.use(pool, cpu_ns=7)
    ends = 'SELECT count(*) FROM pool WHERE name LIKE "m%" AND cause = ?'
    tap.poll_until(30, lambda: query(db, 'SELECT count(*) FROM pool WHERE name LIKE "m%"') == [(4,)])
    kernel.spoil = True
    for pool in pools[:3]:
        kernel.close(pool)
    tap.ok(tap.poll_until(30, lambda: query(db, ends, 'deleted') == [(2,)]),
           'two of three closing records are stored', query(db, 'SELECT * FROM pool'))
    tap.ok(col.heard('malformed'), 'and what is wrong with the third one is said')
    tap.ok(tap.poll_until(30, lambda: query(db, ends, 'lost') == [(1,)]), 'which makes a gap')
    tap.ok(tap.poll_until(30, lambda: not kernel.closed), 'all of them are acknowledged')
    tap.equal(col.end(), 0, 'the collector ends')
    kernel.end()


def test_locked():
    path = place()
    db = path + '/u.db'
    kernel = kernel_at(path, speed=100)
    web = kernel.new('web')
    col = Collector(kernel, db)
    reader = sqlite3.connect(db, isolation_level=None)
    reader.execute('BEGIN')
    reader.execute('SELECT * FROM record').fetchone()
    kernel.use(web, cpu_ns=10)
    job = kernel.new('job')
    kernel.use(job, cpu_ns=5)
    kernel.close(job)
    tap.ok(col.heard('locked'), 'a reader that does not let go is told of')
    tap.ok(kernel.closed, 'what is not stored is not acknowledged')
    reader.execute('ROLLBACK')
    tap.ok(col.heard('it works again'), 'and it goes on')
    kernel.listened = True
    reader.execute('BEGIN')
    reader.execute('SELECT * FROM record').fetchone()
    kernel.unload()
    tap.ok(tap.poll_until(30, lambda: col.words().count('locked') == 2),
           'the module goes meanwhile')
    with kernel.lock:
        kernel.load()
        kernel.close(kernel.new('after'))
        kernel.requests.clear()
    tap.ok(tap.poll_until(30, lambda: wire.CMD['BC_CMD_INFO_GET'] in kernel.requests),
           'and comes again')
    reader.execute('ROLLBACK')
    tap.ok(tap.poll_until(30, lambda: col.words().count('it works again') == 2), 'and it goes on')
    col.end()
    agrees(kernel, db, 'with nothing lost')
    kernel.end()


def test_reader():
    """Who may not write beside the file can read it all the same."""
    if os.geteuid():
        tap.skip('an unprivileged reader', 'this needs root')
        return
    path = place()
    db = path + '/u.db'
    kernel = kernel_at(path, speed=3000)
    os.chmod(path, 0o755)
    load = Load(kernel, SEED)
    col = Collector(kernel, db, '--interval', '60')
    os.chmod(db, 0o644)
    script = ('import sqlite3, sys, time\n'
              'end, count = time.monotonic() + 2, 0\n'
              'while time.monotonic() < end:\n'
              '    db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=20)\n'
              '    db.execute("SELECT sum(cpu_ns) FROM record").fetchone()\n'
              '    db.close()\n'
              '    count += 1\n'
              'print(count)\n')
    got = subprocess.run(['/usr/bin/python3', '-c', script, db], user=65534, group=65534,
                         extra_groups=[], capture_output=True, text=True, check=False)
    tap.ok(got.returncode == 0 and int(got.stdout) > 10,
           'nobody reads while it writes, without a right to write anything', got.stderr)
    load.end()
    col.end()
    tap.ok(not os.path.exists(db + '-wal') and not os.path.exists(db + '-journal'),
           'nothing stays beside the file')
    kernel.end()


def test_full():
    if os.geteuid():
        tap.skip('a full disk', 'this needs root')
        return
    path = place()
    disk = path + '/disk'
    os.mkdir(disk)
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=400k', 'none', disk],
                      capture_output=True, check=False).returncode:
        tap.skip('a full disk', 'cannot mount a tmpfs')
        return
    try:
        full_disk(path, disk)
    finally:
        end_all()
        subprocess.run(['umount', disk], check=False)


def fill(disk):
    ballast = os.open(disk + '/ballast', os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(ballast, b'x' * 4096)
    except OSError:
        os.close(ballast)


def full_disk(path, disk):
    db = disk + '/u.db'
    kernel = kernel_at(path, speed=100)
    web = kernel.new('web')
    col = Collector(kernel, db)
    fill(disk)
    for i in range(60):
        job = kernel.new(f'job{i}', web)
        kernel.use(job, {'numproc': 1}, cpu_ns=5)
        kernel.close(job)
    tap.ok(col.heard('full'), 'a full disk is told of')
    tap.ok(kernel.closed and col.proc.poll() is None, 'it keeps running, and acknowledges nothing')
    os.unlink(disk + '/ballast')
    tap.ok(col.heard('it works again'), 'and goes on when there is room')
    tap.equal(col.words().count('full'), 1, 'it was said once')
    col.end()
    agrees(kernel, db, 'nothing is lost')
    begins_full(kernel, path, db)
    kernel.end()


def begins_full(kernel, path, db):
    """It has another interval to write down, for which there is no room."""
    fill(os.path.dirname(db))
    job = kernel.new('early')
    kernel.use(job, {'numproc': 2}, cpu_ns=7)
    manager = Manager(path + '/notify')
    col = Collector(kernel, db, '--interval', '60', NOTIFY_SOCKET=path + '/notify')
    tap.ok(col.heard('full') and manager.next() == b'READY=1' and b'full' in manager.next(),
           'a collector that begins on a full disk says so, and that it is there', col.words())
    kernel.listened = True
    kernel.close(job)
    kernel.unload()
    tap.ok(col.proc.poll() is None, 'it stays')
    os.unlink(os.path.dirname(db) + '/ballast')
    tap.ok(col.heard('not loaded'), 'and begins when there is room', col.words())
    tap.equal(col.end(), 0, 'it ends')
    tap.equal(query(db, "SELECT cause FROM pool WHERE name = 'early'"), [('deleted',)],
              'what it has heard is stored')
    agrees(kernel, db, 'nothing is lost')


def totals(path):
    columns = ', '.join(f'sum({name})' for name in SUMS)
    return (query(path, f'SELECT pool, kind, {columns}, sum(span_ns), min(begin_ms), max(end_ms), '
                  'sum(end_ms - begin_ms) FROM record GROUP BY pool, kind'),
            query(path, 'SELECT pool, res, sum(held_time), max(peak), sum(failcnt), sum(failed) '
                  'FROM record JOIN figure USING (record) GROUP BY pool, res'))


def test_compact():
    path = place()
    db = path + '/u.db'
    make_usage_db.sample(db)
    before, count = totals(db), query(db, 'SELECT count(*) FROM record')[0][0]
    kernel = kernel_at(path, utc_ms=make_usage_db.EPOCH + 3 * make_usage_db.DAY)
    kernel.unload()
    write_outlet(db, 0)
    compact(kernel, db, '1d:30d')
    tap.equal(query(db, 'SELECT count(*) FROM record')[0][0], count,
              'what was not sent to an outlet is left alone')
    write_outlet(db, 1 << 40)
    events = cloudevents(db)
    compact(kernel, db, '1d:30d')
    check_events(events, cloudevents(db))
    hours = query(db, 'SELECT count(*) FROM record')[0][0]
    tap.ok(hours < count / 8, f'{count} records of five minutes become {hours} of hours')
    tap.equal(totals(db), before, 'and no total has changed')
    tap.ok(not order_only(db), 'nor has their order', order_only(db))
    mark = query(db, 'SELECT max(end_ms - begin_ms) FROM record WHERE kind = "interval" AND reason '
                 'IS NULL')
    tap.equal(mark, [(3600000,)], 'no record is longer than its hour')
    kernel.step(utc_ms=60 * make_usage_db.DAY)
    compact(kernel, db, '1d:30d')
    days = query(db, 'SELECT count(*) FROM record')[0][0]
    tap.ok(days < hours / 5, f'later they become {days} of days')
    tap.equal(totals(db), before, 'and no total has changed')
    tap.equal(query(db, 'PRAGMA integrity_check') + query(db, 'PRAGMA foreign_key_check'),
              [('ok',)], 'the file is whole')
    compact(kernel, db, '1d:2d:3d')
    tap.equal(query(db, 'SELECT (SELECT count(*) FROM record), count(*) FROM figure'), [(0, 0)],
              'in the end they go')
    kernel.end()


def cloudevents(db):
    """{id: data} of all records."""
    got = subprocess.run([BCTL, 'usage', '--db', db, '--from', '1970-01-01', '--to', '2100-01-01',
                          '--cloudevents'], capture_output=True, text=True, check=True)
    events = [json.loads(line) for line in got.stdout.splitlines()]
    found = {event['id']: event['data'] for event in events}
    tap.equal(len(found), len(events), 'no two events have the same id')
    return found


def check_events(fine, coarse):
    """Who was sent all of the old records knows all of the new ones, and lacks nothing."""
    tap.equal(sorted(set(coarse) - set(fine)), [], 'old records that became one have the id of the last')
    spans = {}
    for data in coarse.values():
        spans.setdefault((data['boot'], data['incarnation'], data['id']), []).append(data)
    left = [data for ident, data in fine.items() if ident not in coarse and not any(
        new['kind'] == 'interval' == data['kind'] and
        new['begin_ms'] <= data['begin_ms'] < data['end_ms'] < new['end_ms']
        for new in spans[data['boot'], data['incarnation'], data['id']])]
    tap.equal(left, [], 'and begins where the first of them did')


def order_only(db):
    return [line for line in order(db) if 'hole' not in line]


def write_outlet(path, record):
    db = sqlite3.connect(path)
    db.execute("INSERT INTO outlet VALUES ('pg', ?) ON CONFLICT (name) DO UPDATE SET "
               'record = excluded.record', (record,))
    db.commit()
    db.close()


def compact(kernel, db, keep):
    """Rounds until nothing changes; there is no module, so no records are added."""
    kernel.load()
    kernel.pools.clear()
    last = None
    while last != (last := query(db, 'SELECT count(*) FROM record')):
        conn = sqlite3.connect(db)
        conn.execute("UPDATE pool SET ended_ms = coalesce((SELECT max(end_ms) FROM record r "
                     "WHERE r.pool = pool.pool), 1), cause = 'lost' WHERE ended_ms IS NULL")
        conn.commit()
        conn.close()
        got = run(kernel, db, '--once', '--keep', keep)
        if got.returncode:
            tap.ok(False, 'compaction', got.stderr)
            break


def end_all():
    """Nothing of ours outlives us, even after a failure of the test itself."""
    for proc in Collector.running:
        proc.kill()
        proc.wait()


def main():
    only = os.environ.get('BC_ONLY')
    atexit.register(end_all)
    for test in (test_options, test_plain, test_notify, test_once, test_reload, test_figures, test_clock,
                 test_two, test_malformed, test_bad_file, test_locked, test_reader, test_full, test_compact,
                 test_power, test_kill):
        if not only or only in test.__name__:
            test()
    shutil.rmtree(TOP, ignore_errors=True)
    tap.done()


main()
