#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""bctl-ship, and bctl collect --ship, with a real PostgreSQL server and a bad line to it.

usage: test_ship.py DIR         DIR has bctl, bctl-ship and test/bctl-wire

The server is what tests/vm/get-postgresql has fetched, or an installed one; without it most
is skipped, unless BC_LONG is set. BC_SEED sets what is random, BC_CUTS how often the line is
cut, BC_KILLS how often bctl-ship is killed, BC_STORES how many random stores are sent.
"""
import atexit
import contextlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../lib'))
import tap                              # noqa: E402
import make_usage_db as made            # noqa: E402
import postgres                         # noqa: E402
import random_store                     # noqa: E402
import wire                             # noqa: E402

LONG = bool(os.environ.get('BC_LONG'))
SEED = int(os.environ.get('BC_SEED', '1'))
CUTS = int(os.environ.get('BC_CUTS', '400' if LONG else '15'))
KILLS = int(os.environ.get('BC_KILLS', '200' if LONG else '12'))
STORES = int(os.environ.get('BC_STORES', '12' if LONG else '2'))
BIN = os.path.abspath(sys.argv[1])
SHIP, BCTL, WIRE = BIN + '/bctl-ship', BIN + '/bctl', BIN + '/test/bctl-wire'
TOP = tempfile.mkdtemp(prefix='bctl-ship-')
os.chmod(TOP, 0o755)
EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../Documentation/examples')
FLOWS = random_store.FLOWS
DEADLINE = int(os.environ.get('BC_DEADLINE', '120'))
counter = iter(range(1 << 30))
started = []


def place(name='u.db'):
    path = f'{TOP}/{next(counter)}'
    os.mkdir(path)
    return f'{path}/{name}'


def ship(*args, **env):
    """A run that ends by itself."""
    return subprocess.run([SHIP, *args], capture_output=True, text=True, timeout=DEADLINE,
                          check=False, env={**os.environ, 'PGCONNECT_TIMEOUT': '20', **env})


class Running:
    """A program that does not end by itself."""

    def __init__(self, *args, **env):
        self.file = f'{TOP}/said{next(counter)}'
        with open(self.file, 'w', encoding='utf-8') as said:
            self.proc = subprocess.Popen(args, stdout=said, stderr=said, stdin=subprocess.DEVNULL,
                                         env={**os.environ, **env})
        started.append(self.proc)

    def words(self):
        with open(self.file, encoding='utf-8') as said:
            return said.read()

    def end(self, sig=signal.SIGTERM):
        self.proc.send_signal(sig)
        try:
            return self.proc.wait(60)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            return 'hangs'


@atexit.register
def clean():
    for proc in started:
        if proc.poll() is None:
            proc.kill()
            proc.wait()
    shutil.rmtree(TOP, ignore_errors=True)


class Here:
    """What a store has, as tuples that mean the same everywhere."""

    def __init__(self, path):
        db = sqlite3.connect(f'file:{path}?mode=ro', uri=True, timeout=30)
        db.text_factory = lambda raw: raw.decode('utf-8', 'bctl')
        node = db.execute("SELECT value FROM meta WHERE key = 'node'").fetchone()[0]
        keys, up = {}, {}
        for pool, parent, *key in db.execute('SELECT pool, parent, boot, incarnation, id FROM pool'):
            keys[pool], up[pool] = (node, *key), parent
        used, todo = set(), [row[0] for row in db.execute('SELECT DISTINCT pool FROM record')]
        while todo:
            pool = todo.pop()
            if pool is not None and pool not in used:
                used.add(pool)
                todo.append(up[pool])
        self.pools = sorted((*keys[pool], name, str(keys.get(parent)), cgroup, *times, cause)
                            for pool, name, parent, cgroup, *times, cause in db.execute(
                                'SELECT pool, name, parent, cgroup, created_ms, ended_ms, cause '
                                'FROM pool') if pool in used)
        self.records = sorted(((*keys[row[0]], *row[1:]) for row in db.execute(
            'SELECT pool, end_ms, begin_ms, kind, reason, span_ns, cpu_mhz, '
            + ', '.join(FLOWS) + ' FROM record')), key=str)
        self.figures = sorted(((*keys[row[0]], *row[1:]) for row in db.execute(
            'SELECT pool, end_ms, name, held_time, held, peak, barrier, lim, failcnt, failed '
            'FROM figure JOIN record USING (record) JOIN resource ON resource.id = res')), key=str)
        db.close()


def escape(err):
    return ''.join(f'\\x{byte:02x}' for byte in err.object[err.start:err.end]), err.end


__import__('codecs').register_error('bctl', escape)


def number(cell):
    return int(cell) if cell is not None and re.fullmatch(r'-?\d+', cell) else cell


class There:
    """The same of a database."""

    def __init__(self, server, database, node):
        key = 'n.name, p.boot, p.incarnation, p.id'
        join = f"JOIN beancounter.node n USING (node) WHERE n.name = '{node}'"
        ms = '(extract(epoch FROM {}) * 1000)::bigint'

        def rows(sql):
            return [(row[0], row[1], *map(number, row[2:])) for row in server.sql(sql, database)]

        pools = server.sql(
            f'SELECT {key}, p.name, u.boot, u.incarnation, u.id, p.cgroup, {ms.format("p.created")}, '
            f'{ms.format("p.ended")}, p.cause FROM beancounter.pool p LEFT JOIN '
            f'beancounter.pool u ON u.pool = p.parent JOIN beancounter.node n ON n.node = p.node '
            f"WHERE n.name = '{node}'", database)
        self.pools = sorted(
            (row[0], row[1], int(row[2]), int(row[3]), row[4],
             str((node, row[5], int(row[6]), int(row[7])) if row[5] is not None else None), row[8],
             number(row[9]), number(row[10]), row[11]) for row in pools)
        self.records = sorted(rows(
            f'SELECT {key}, {ms.format("r.ends")}, {ms.format("r.begins")}, r.kind, r.reason, '
            f'r.span_ns, r.cpu_mhz, {", ".join("r." + name for name in FLOWS)} '
            f'FROM beancounter.record r JOIN beancounter.pool p USING (pool) {join}'), key=str)
        self.figures = sorted(rows(
            f'SELECT {key}, {ms.format("f.ends")}, s.name, f.held_time, f.held, f.peak, '
            'f.barrier, f.lim, f.failcnt, f.failed FROM beancounter.figure f '
            'JOIN beancounter.resource s USING (res) JOIN beancounter.pool p USING (pool) '
            + join), key=str)


def differ(here, there):
    """Where the two are not the same, a few of them."""
    out = []
    for what in ('pools', 'records', 'figures'):
        ours, theirs = getattr(here, what), getattr(there, what)
        if ours == theirs:
            continue
        more = set(map(str, ours)), set(map(str, theirs))
        out += [f'{what}: {len(ours)} here, {len(theirs)} there'] + \
            [f'  only here {row[:300]}' for row in sorted(more[0] - more[1])[:3]] + \
            [f'  only there {row[:300]}' for row in sorted(more[1] - more[0])[:3]]
    return '\n'.join(out)


def same(server, path, name, database='postgres', node='node1'):
    wrong = differ(Here(path), There(server, database, node))
    return tap.ok(not wrong, name, wrong)


def database(server):
    name = f'd{next(counter)}'
    server.sql(f'CREATE DATABASE {name}')
    return name


def totals(server, name):
    """What adds up, over all records of a node's pools."""
    return server.sql('SELECT p.boot, p.incarnation, '
                      + ', '.join(f'sum(r.{flow})' for flow in FLOWS)
                      + ', sum(f.held_time), sum(f.failcnt) FROM beancounter.record r JOIN '
                      'beancounter.pool p USING (pool) LEFT JOIN beancounter.figure f ON '
                      "f.pool = r.pool AND f.ends = r.ends AND f.res = 5 GROUP BY 1, 2 ORDER BY "
                      '1, 2', name)


def records(path):
    """How many records a store has."""
    db = sqlite3.connect(f'file:{path}?mode=ro', uri=True, timeout=30)
    count = db.execute('SELECT count(*) FROM record').fetchone()[0]
    db.close()
    return str(count)


class Filling:
    """Somebody who writes records, as a collector does, while others read."""

    def __init__(self, path, seed, pools=3, pause=0.0):
        self.path, self.pause, self.over = path, pause, False
        self.rnd = random.Random(seed)
        self.store = made.Store(path, node=os.path.basename(os.path.dirname(path)) + 'n')
        self.node = os.path.basename(os.path.dirname(path)) + 'n'
        self.at = random_store.BEGIN + 20 * made.HOUR
        self.host = self.store.pool('host', self.at)
        self.pools = [self.store.pool(f'p{i}', self.at, self.host, i + 1) for i in range(pools)]
        self.store.db.commit()
        self.ident = pools

    def step(self, commit=True):
        """One round: a record of each pool, and now and then a pool goes and another comes."""
        stop = self.at + 5 * made.MINUTE
        gone = self.rnd.choice(self.pools) if self.rnd.random() < 0.3 else None
        for pool in [self.host, *self.pools]:
            kind = 'closing' if pool == gone else 'interval'
            end = stop - self.rnd.randrange(1, 1000) if pool == gone else stop
            self.store.record(pool, self.at, end, kind, made.figures(self.rnd.randrange(99), 300),
                              **made.flows(self.rnd.randrange(99), 300))
            if pool == gone:
                self.store.db.execute("UPDATE pool SET ended_ms = ?, cause = 'deleted' WHERE "
                                      'pool = ?', (end, pool))
        if gone:
            self.pools.remove(gone)
            self.ident += 1
            self.pools.append(self.store.pool(f'p{self.ident % 7}', stop, self.host, self.ident))
        if commit:
            self.store.db.commit()
        self.at = stop

    def run(self, steps):
        for _ in range(steps):
            self.step(False)
        self.store.db.commit()

    def start(self):
        def work():
            self.store.db = sqlite3.connect(self.path, timeout=60)
            while not self.over:
                self.step()
                time.sleep(self.pause)
            self.store.db.close()

        self.store.db.close()
        self.thread = threading.Thread(target=work, daemon=True)
        self.thread.start()

    def stop(self):
        self.over = True
        self.thread.join()


def test_words():
    db = place()
    made.sample(db)
    for args, word in ((['http://x'], 'postgresql://'), ([], 'missing'),
                       (['postgresql://h/x?bad=1'], 'libpq'), (['--timeout', '0', 'x'], '--timeout'),
                       (['--poll', '1s', 'x'], '--poll'), (['--batch', '-1', 'x'], '--batch'),
                       (['--user', 'no one', 'x'], '--user'), (['--what'], 'what'),
                       (['postgresql:///a', 'b'], 'unexpected'), (['--list', 'b'], 'unexpected')):
        got = ship('--db', db, '--once', *args)
        tap.ok(got.returncode == 1 and word in got.stderr, f'{" ".join(args) or "nothing"} is '
               'refused', got.stderr)
    for url in ('postgresql://u:SeCret@/x?bad=1', 'postgres://u:Se/Cret@h/x',
                'postgresql://h/x?password=SeCret&bad=1', 'postgresql://u:Se?Cret@h/x?bad=1',
                'xpostgresql://u:SeCret@h'):
        got = ship('--db', db, '--once', url)
        tap.ok(got.returncode == 1 and 'Cret' not in got.stderr, f'{url}: the password is not told',
               got.stderr)
    got = ship('--once', '--db', db + 'x', 'postgresql:///x')
    tap.ok(got.returncode == 2 and 'unable to open' in got.stderr and not os.path.exists(db + 'x'),
           'a store that is not there is not made', got.stderr)
    with open(db + 'y', 'w', encoding='utf-8') as file:
        file.write('x' * 5000)
    got = ship('--once', '--db', db + 'y', 'postgresql:///x')
    tap.ok(got.returncode == 2 and db + 'y' in got.stderr, 'nor is another file taken', got.stderr)
    got = ship('--once', '--db', db, f'postgresql:///x?host={TOP}')
    tap.ok(got.returncode == 2 and got.stderr.count('\n') == 1 and '.s.PGSQL' in got.stderr,
           'no server, once: a failure', got.stderr)
    got = ship('--list', '--db', db)
    tap.ok(f'host={TOP} dbname=x: 1425 records wait' in got.stdout, 'what waits is listed',
           got.stdout)
    tap.equal(ship('--forget', 'y', '--db', db).returncode, 2, 'an unknown one cannot be forgotten')
    tap.equal((ship('--forget', f'host={TOP} dbname=x', '--db', db).returncode,
               ship('--list', '--db', db).stdout), (0, ''), 'a known one can')


def test_plain(server):
    name, db = database(server), place()
    url = server.url(name)
    made.sample(db)
    got = ship('--once', '--db', db, url)
    tap.ok(not got.returncode and not got.stderr, 'a store is sent', got.stderr)
    same(server, db, 'all rows are there', name)
    before = server.sql('SELECT xmin, ctid FROM beancounter.record', name)
    got = ship('--once', '--db', db, url)
    tap.ok(not got.returncode and
           server.sql('SELECT xmin, ctid FROM beancounter.record', name) == before,
           'again: nothing is written', got.stderr)
    hint = sqlite3.connect(db)
    hint.execute('UPDATE outlet SET record = 0')
    hint.commit()
    server.sql('UPDATE beancounter.node SET "position" = 0, mark = NULL', name)
    ship('--once', '--db', db, '--batch', '100', url)
    tap.equal(server.sql('SELECT xmin, ctid FROM beancounter.record', name), before,
              'all of it again, for both have forgotten: nothing is written')
    tap.equal(hint.execute('SELECT * FROM outlet').fetchall()[0][1], 1425, 'the store remembers')
    hint.execute("UPDATE pool SET cgroup = CAST(x'2f61ff0a22c3a45cf0' AS TEXT) WHERE pool = 2")
    hint.execute('INSERT INTO record (pool, begin_ms, end_ms, kind) VALUES (2, 1790899900000, '
                 "1790899999999, 'gap')")
    hint.commit()
    hint.close()
    got = ship('--once', '--db', db, url)
    same(server, db, 'a cgroup with any name, and a pool that has changed', name)
    tap.equal(server.sql("SELECT to_regclass('beancounter.record_2026_09') IS NOT NULL, "
                         "(SELECT min(begins) || ' ' || max(ends) FROM beancounter.record_2026_10)",
                         name), [['t', '2026-10-01 00:00:00+00 2026-10-03 00:00:00+00']],
              'a partition has a month, up to its last instant')
    zones = [server.sql(f"SET TimeZone = '{zone}'; SELECT month, pool, known_s, cpu_ns FROM "
                        'beancounter.month ORDER BY 1, 2', name)
             for zone in ('UTC', 'America/New_York', 'Asia/Kolkata')]
    tap.ok(zones[0] and zones[0] == zones[1] == zones[2], 'months are those of UTC', zones)
    with open(EXAMPLES + '/fleet-invoice.sql', encoding='utf-8') as file:
        create, select = file.read().replace(":'month'", "'2026-10-01'").split(';', 1)
    server.sql(create + "; INSERT INTO customer VALUES ('ACME', 'node1', 'web'), "
               "('ACME', 'node1', 'job'), ('Other', 'node2', 'web')", name)
    tap.equal(server.sql(select, name),
              [['ACME', '4.896822', '0.207621', '0.043704', '0.04', '699.999000']],
              'the example of an invoice')
    server.sql("UPDATE beancounter.meta SET value = '99'", name)
    got = ship('--once', '--db', db, url)
    tap.ok(got.returncode == 2 and 'version 99' in got.stderr, 'another schema is refused',
           got.stderr)


def usage(path, *args):
    run = subprocess.run([BCTL, 'usage', '--db', path, '-j', *args], capture_output=True, text=True,
                         check=True)
    return json.loads(run.stdout)


def month_of(ms):
    return time.strftime('%Y-%m-%d', time.gmtime(ms // 1000))


def inside(path):
    """Names of pools that are below one of the same name, which does not happen in life."""
    db = sqlite3.connect(path)
    up = {pool: (name, parent) for pool, name, parent in
          db.execute('SELECT pool, name, parent FROM pool')}
    db.close()
    found = set()
    for name, parent in up.values():
        while parent is not None:
            if up[parent][0] == name:
                found.add(name)
            parent = up[parent][1]
    return found


def beside(path):
    """Names that pools have at the same time, nor does that: one's records fill the other's gap."""
    db = sqlite3.connect(path)
    rows = db.execute('SELECT name, min(begin_ms) AS begins, max(end_ms) FROM pool JOIN record '
                      'USING (pool) GROUP BY pool ORDER BY name, begins').fetchall()
    db.close()
    found, last = set(), (None, 0)
    for name, begin, end in rows:
        if name == last[0] and begin < last[1]:
            found.add(name)
        last = name, max(end, last[1]) if name == last[0] else end
    return found


def whole(value):
    return None if value is None else str(value)


def views_differ(server, name, doc, used, held, strange):
    """Where used and held, which are queries, do not tell what a document tells."""
    nested, doubled = strange
    wrong = []
    columns = 'cpu_ns, cpu_ns_mhz, io_read_bytes, io_flushes, gap_s * 1000'
    have = {tuple(row[:2]): row[2:] for row in server.sql(
        f"SELECT pool, {used[0]}, {columns} FROM {used[1]}", name) if row[0] not in nested}
    figures = {tuple(row[:3]): row[3:] for row in server.sql(
        f'SELECT pool, {held[0]}, resource, held_time, peak, failcnt FROM {held[1]}', name)}
    for pool in doc['pools']:
        key = pool['name'], month_of(pool['begin_ms']) if used[0] == 'month' else '0'
        got = have.pop(key, None)
        if pool['name'] in nested or got is None and not pool['records']:
            continue
        gaps = sum(gap['end_ms'] - gap['begin_ms'] for gap in pool['gaps']
                   if gap['reason'] != 'missing')
        cpu, flow = pool.get('cpu', {}), pool.get('io', {})
        want = [*map(whole, (cpu.get('usage_ns'), cpu.get('mhz_ns'), flow.get('read_bytes'),
                             flow.get('flush_ios')))]
        if got is None or got[:4] != want or \
                float(got[4]) != gaps and pool['name'] not in doubled:
            wrong.append(f'{key}: {got}, wanted {want} {gaps}')
        for res, figure in pool['resources'].items():
            got = figures.get((*key, res))
            want = [whole(figure.get(word)) for word in ('held_time', 'peak', 'failcnt')]
            if not got or got != want:
                wrong.append(f'{key} {res}: {got}, wanted {want}')
    return wrong + [f'{key}: only there' for key in have]


def test_views(server, path, name, what):
    """They tell what bctl usage tells, which is compared with a model in another test."""
    strange = inside(path), beside(path)
    doc = usage(path, '--from', '2026-09', '--to', '2026-12', '--by', 'month')
    wrong = views_differ(server, name, doc, ('month', 'beancounter.month'),
                         ('month', 'beancounter.month_figure'), strange)
    tap.ok(not wrong, f'{what}: the views agree with bctl usage', '\n'.join(wrong[:8]))
    low, high = '2026-10-31T12:34:56.789', '2026-11-01T01:02:03.456'
    doc = usage(path, '--from', low, '--to', high)
    wrong = views_differ(server, name, doc, ('0', f"beancounter.used('{low}Z', '{high}Z')"),
                         ('0', f"beancounter.held('{low}Z', '{high}Z')"), strange)
    tap.ok(not wrong, f'{what}: so do the functions, for a time that cuts records',
           '\n'.join(wrong[:8]))


def test_stores(server):
    for seed in range(SEED, SEED + STORES):
        db, name = place(), database(server)
        random_store.Maker(random.Random(seed), db, big=seed % 2 == 1)
        got = ship('--once', '--db', db, server.url(name))
        tap.ok(not got.returncode, f'random store {seed}', got.stderr)
        same(server, db, f'random store {seed}: all rows are there', name)
        test_views(server, db, name, f'random store {seed}')


def broken(rnd):
    """What becomes of a connection."""
    how = rnd.choice(['cut', 'cut', 'reset', 'reset', 'hole'])
    return rnd.choice([rnd.randrange(1, 3000), rnd.randrange(1, 60000),
                       rnd.randrange(1, 600000)]), how


def test_cuts(server):
    """A line that breaks anywhere, while records come; the server crashes now and then."""
    rnd = random.Random(SEED)
    name, db = database(server), place()
    line = postgres.Line(server.port, lambda: broken(rnd))
    work = Filling(db, SEED, pause=0.05)
    work.run(150)
    work.start()
    said, runs = set(), 0
    end = time.monotonic() + (3600 if LONG else 240)
    while line.broken < CUTS and time.monotonic() < end:
        if runs % 10 == 9:
            server.kill()
            server.start()
        got = ship('--once', '--db', db, '--batch', str(rnd.randrange(1, 60)), '--timeout', '1',
                   line.url(name), PGPASSWORD=postgres.PASSWORD)
        if got.returncode not in (0, 2):
            said.add(f'status {got.returncode}: {got.stderr}')
        runs += 1
    work.stop()
    line.end()
    tap.ok(line.broken >= CUTS, f'the line broke {line.broken} times in {runs} runs')
    tap.ok(not said, 'bctl-ship fails in a civil manner', '\n'.join(sorted(said))[:2000])
    came = server.sql('SELECT count(*) FROM beancounter.record', name)[0][0]
    got = ship('--once', '--db', db, server.url(name))
    tap.ok(not got.returncode, f'then the line is whole ({came} records came over the bad one)',
           got.stderr)
    same(server, db, 'all rows are there, none twice', name, work.node)
    tap.equal(server.sql('SELECT count(*) FROM beancounter.conflict', name), [['0']],
              'and no conflict')


def test_kills(server):
    """bctl-ship is killed, two nodes at a time write into one database."""
    rnd = random.Random(SEED + 1)
    name, works = database(server), [Filling(place(), SEED + i, pause=0.05) for i in range(2)]
    url = server.url(name)
    for work in works:
        work.run(40)
    both = [subprocess.Popen([SHIP, '--once', '--db', work.path, '--batch', '7', url],
                             stderr=subprocess.PIPE, text=True) for work in works]
    said = [proc.communicate(timeout=DEADLINE)[1] for proc in both]
    tap.ok(not any(proc.returncode for proc in both),
           'two nodes make the schema and the months at the same time', '\n'.join(said))
    for work in works:
        work.start()
    for _ in range(KILLS):
        both = [Running(SHIP, '--poll', '1', '--batch', '3', '--db', work.path, url)
                for work in works]
        time.sleep(rnd.random() * 0.4)      # the instant is what is random
        for proc in both:
            proc.end(signal.SIGKILL)
    both = [Running(SHIP, '--poll', '1', '--db', work.path, url) for work in works]
    for work in works:
        work.stop()

    def there():
        rows = server.sql('SELECT name, (SELECT count(*) FROM beancounter.record JOIN '
                          'beancounter.pool USING (pool) WHERE pool.node = node.node) '
                          'FROM beancounter.node', name)
        return dict(rows) == {work.node: records(work.path) for work in works}

    tap.ok(tap.poll_until(DEADLINE, there), f'{KILLS} kills of both delay it, no more',
           '\n'.join(proc.words() for proc in both))
    tap.equal([proc.end() for proc in both], [0, 0], 'SIGTERM ends them')
    for work in works:
        same(server, work.path, f'all rows of {work.node} are there', name, work.node)


def test_outage(server):
    """A server that is not there, comes, goes, is full, says nothing."""
    name, db = database(server), place()
    work = Filling(db, SEED)
    work.run(60)
    server.kill()
    run = Running(SHIP, '--poll', '1', '--timeout', '2', '--db', db, server.url(name))
    tap.ok(tap.poll_until(60, lambda: 'trying again' in run.words()), 'no server: it says so')
    server.start()
    tap.ok(tap.poll_until(DEADLINE, lambda: 'works again' in run.words()), 'the server comes')

    def all_there():
        return server.sql('SELECT count(*) FROM beancounter.record', name)[0][0] == \
            records(db)

    tap.ok(tap.poll_until(DEADLINE, all_there), 'and gets what waited')
    server.kill()
    work.run(30)
    server.start()
    tap.ok(tap.poll_until(DEADLINE, all_there), 'a crash of the server between two batches')
    # as much as leaves little room in a file of a MiB
    server.sql('INSERT INTO beancounter.figure_2026_11 (pool, ends, res) SELECT 1 << 30, '
               "'2026-11-07', generate_series(1, (1 << 20) / 54)", name)
    server.full(1 << 20)
    work.run(100)
    tap.ok(tap.poll_until(DEADLINE, lambda: 'could not extend' in run.words()
                          or 'could not write' in run.words()), 'a full disk over there',
           run.words())
    server.full(None)
    tap.ok(tap.poll_until(DEADLINE, all_there), 'it has room again', run.words())
    tap.equal(run.end(), 0, 'SIGTERM ends it')
    same(server, db, 'all rows are there', name, work.node)
    work.run(10)
    hole = postgres.Line(server.port, lambda: (2000, 'hole'))
    got = ship('--once', '--timeout', '1', '--db', db, hole.url(name), PGPASSWORD=postgres.PASSWORD)
    tap.ok(got.returncode == 2 and 'no answer within 1 s' in got.stderr,
           'a server that says nothing is not waited for', got.stderr)
    hole.end()
    lock = subprocess.Popen([server.bin + '/psql', '-X', '-q', '-h', server.dir, '-p',
                             str(server.port), '-U', 'root', name], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    started.append(lock)
    lock.stdin.write('BEGIN; LOCK TABLE beancounter.record;\n\\echo held\n')
    lock.stdin.flush()
    lock.stdout.readline()
    got = ship('--once', '--timeout', '1', '--db', db, server.url(name))
    tap.ok(got.returncode == 2 and 'statement timeout' in got.stderr,
           'a server that takes too long gives up', got.stderr)
    run = Running(SHIP, '--db', db, server.url(name))
    waits = tap.poll_until(60, lambda: int(server.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%ship($1%' AND "
        "wait_event_type = 'Lock'", name)[0][0]) or None)
    run.proc.send_signal(signal.SIGTERM)
    time.sleep(0.5)                         # it must not end by itself meanwhile
    waiting = run.proc.poll() is None
    lock.communicate('COMMIT;\n', timeout=60)
    tap.ok(waits and waiting and run.proc.wait(60) == 0, 'SIGTERM: the transaction is finished',
           run.words())
    same(server, db, 'and is there', name, work.node)
    tap.ok('0 records wait' in ship('--list', '--db', db).stdout, 'and is remembered')


def test_histories(server):
    """Stores and servers that are put back to earlier states, and stores that are copies."""
    name, db = database(server), place()
    url = server.url(name)
    work = Filling(db, SEED, pools=2)
    work.run(20)
    ship('--once', '--db', db, url)
    early = f'd{next(counter)}'
    server.sql(f'CREATE DATABASE {early} TEMPLATE {name}')
    shutil.copy(db, db + '.early')
    work.run(20)
    ship('--once', '--db', db, url)
    # the server's backup is restored
    server.sql(f'ALTER DATABASE {name} RENAME TO x{name}; ALTER DATABASE {early} RENAME TO {name}')
    work.run(3)
    got = ship('--once', '--db', db, url)
    tap.ok(not got.returncode, 'a server that was put back', got.stderr)
    same(server, db, 'gets again what it has lost', name, work.node)
    # the store's backup is restored: the next record of each pool covers what it has forgotten
    want = totals(server, name)
    late = sqlite3.connect(db + '.early')
    now = sqlite3.connect(db)
    columns = ', '.join(f'sum({flow})' for flow in FLOWS)
    for pool, end in late.execute('SELECT pool, max(end_ms) FROM record JOIN pool USING (pool) '
                                  'WHERE ended_ms IS NULL GROUP BY pool').fetchall():
        sums = now.execute(f'SELECT max(end_ms), {columns} FROM record WHERE pool = ? AND '
                           'end_ms > ?', (pool, end)).fetchone()
        if sums[0] is None:
            continue
        row = late.execute(
            f'INSERT INTO record (pool, begin_ms, end_ms, kind, reason, {", ".join(FLOWS)}) VALUES '
            f"(?, ?, ?, 'interval', 'late', {', '.join('?' * len(FLOWS))})",
            (pool, end, *sums)).lastrowid
        for figure in now.execute(
                'SELECT res, sum(held_time), max(peak), sum(failcnt) FROM record JOIN figure '
                'USING (record) WHERE pool = ? AND end_ms > ? GROUP BY res', (pool, end)):
            late.execute('INSERT INTO figure (record, res, held_time, peak, failcnt) VALUES '
                         '(?, ?, ?, ?, ?)', (row, *figure))
    late.commit()
    got = ship('--once', '--db', db + '.early', url)
    tap.ok(not got.returncode and not got.stderr, 'a store that was put back', got.stderr)
    tap.equal(totals(server, name), want, 'nothing is there twice, nothing is missing')
    count = int(server.sql('SELECT count(*) FROM beancounter.record', name)[0][0])
    # its numbers are lower than those the server has seen
    more = late.execute('INSERT INTO record (pool, begin_ms, end_ms, kind) SELECT pool, '
                        "max(end_ms), max(end_ms) + 300000, 'gap' FROM record JOIN pool USING "
                        '(pool) WHERE ended_ms IS NULL GROUP BY pool').rowcount
    late.commit()
    ship('--once', '--db', db + '.early', url)
    tap.equal(server.sql('SELECT count(*) FROM beancounter.record', name), [[str(count + more)]],
              'and what comes then is taken')
    compacted(server, work, db, name)


def compacted(server, work, db, name):
    """What was sent is compacted here, and is to be sent again; the server may have lost some."""
    url = server.url(name)
    server.sql('DROP SCHEMA beancounter CASCADE', name)
    ship('--once', '--db', db, url)
    want = totals(server, name)
    hours = sqlite3.connect(db)
    columns = ', '.join(f'{flow} = (SELECT sum({flow}) FROM record s WHERE s.pool = r.pool AND '
                        's.kind = r.kind AND s.end_ms > ?1 AND s.end_ms <= ?2)' for flow in FLOWS)
    first = random_store.BEGIN + 20 * made.HOUR
    for hour in range(3):
        span = first + hour * made.HOUR, first + (hour + 1) * made.HOUR
        last = [row[0] for row in hours.execute(
            'SELECT record FROM record r WHERE end_ms = ?2 AND (SELECT min(begin_ms) FROM record s '
            'WHERE s.pool = r.pool AND s.end_ms > ?1) = ?1', span)]
        for record in last:
            pool = hours.execute('SELECT pool FROM record WHERE record = ?', (record,)).fetchone()
            hours.execute('INSERT OR REPLACE INTO figure SELECT ?4, f.res, sum(f.held_time), 0, '
                          'max(f.peak), 0, 0, sum(f.failcnt), sum(f.failed) FROM record r JOIN '
                          'figure f USING (record) WHERE r.pool = ?3 AND r.end_ms > ?1 AND '
                          'r.end_ms <= ?2 GROUP BY res', (*span, *pool, record))
            hours.execute(f'UPDATE record AS r SET begin_ms = ?1, {columns} WHERE record = ?3',
                          (*span, record))
            hours.execute('DELETE FROM record WHERE pool = ?3 AND end_ms > ?1 AND end_ms < ?2',
                          (*span, *pool))
    hours.execute('UPDATE outlet SET record = 0')
    hours.commit()
    server.sql('UPDATE beancounter.node SET "position" = 0, mark = NULL', name)
    rows = server.sql('SELECT count(*) FROM beancounter.record', name)
    got = ship('--once', '--db', db, url)
    tap.ok(not got.stderr and totals(server, name) == want and
           rows == server.sql('SELECT count(*) FROM beancounter.record', name),
           'hours that it has in five minutes are not taken', got.stderr)
    server.sql(f"DELETE FROM beancounter.record WHERE ends > 'epoch'::timestamptz + {first} * "
               "interval '1 ms' + interval '20 min' AND kind <> 'closing'; DELETE FROM "
               'beancounter.figure f WHERE NOT EXISTS (SELECT FROM beancounter.record r WHERE '
               'r.pool = f.pool AND r.ends = f.ends); UPDATE beancounter.node SET "position" = 0, '
               'mark = NULL', name)
    hours.execute('UPDATE outlet SET record = 0')
    hours.commit()
    got = ship('--once', '--db', db, url)
    tap.ok(not got.stderr and totals(server, name) == want,
           'if it has only some of them, the hour takes their place', got.stderr)
    # one that is neither
    pool, end = hours.execute("SELECT pool, max(end_ms) FROM record WHERE kind = 'interval' AND "
                              'pool = (SELECT min(pool) FROM pool)').fetchone()
    hours.execute('INSERT INTO record (pool, begin_ms, end_ms, kind) VALUES (?, ?, ?, ?)',
                  (pool, end - 1000, end + 1000, 'interval'))
    hours.commit()
    got = ship('--once', '--db', db, url)
    tap.ok(got.returncode == 0 and '1 records share time' in got.stderr and
           server.sql('SELECT count(*) FROM beancounter.conflict', name) == [['1']] and
           totals(server, name) == want, 'one that overlaps is put aside, and told', got.stderr)
    other = place()
    made.Store(other, node=work.node).close()
    got = ship('--once', '--db', other, url)
    tap.ok(got.returncode == 2 and 'another store' in got.stderr, 'another store is refused',
           got.stderr)
    got = ship('--once', '--take-over', '--db', other, url)
    tap.ok(got.returncode == 0, 'unless it takes over', got.stderr)
    tap.equal(ship('--once', '--db', db, url).returncode, 2, 'then the first one is refused')


def password_file(home, user):
    with open(home + '/.pgpass', 'w', encoding='utf-8') as file:
        file.write(f'*:*:*:{user}:' + re.sub(r'([:\\])', r'\\\1', postgres.PASSWORD) + '\n')
    os.chmod(home + '/.pgpass', 0o600)


def test_roles(server):
    name, db = database(server), place()
    made.sample(db)
    server.sql(f"CREATE ROLE node1 LOGIN PASSWORD '{postgres.PASSWORD}'; "
               "CREATE ROLE node2 LOGIN; CREATE ROLE reader LOGIN;")
    got = ship('--once', '--db', db, server.url(name, 'node1'))
    tap.ok(got.returncode == 2 and 'permission denied' in got.stderr, 'who may not make the schema '
           'is told so', got.stderr)
    got = ship('--init', server.url(name))
    tap.ok(got.returncode == 0, '--init makes it', got.stderr)
    tap.equal(ship('--init', server.url(name)).returncode, 0, 'and does no harm again')
    server.sql('GRANT beancounter_writer TO node1, node2; GRANT beancounter_reader TO reader')
    home = place('home')
    os.mkdir(home)
    password_file(home, 'node1')
    url = f'postgresql://node1@127.0.0.1:{server.port}/{name}'
    env = {'HOME': home}
    got = ship('--once', '--db', db, url)
    tap.ok(got.returncode == 2 and 'password' in got.stderr, 'without a password: no', got.stderr)
    got = ship('--once', '--db', db, url, **env)
    tap.ok(got.returncode == 0, 'a writer sends, with a password file that is not its own',
           got.stderr)
    same(server, db, 'all rows are there', name)
    got = ship('--once', '--db', db, server.url(name, 'node2'))
    tap.ok(got.returncode == 2 and 'belongs to role node1' in got.stderr,
           'another writer cannot write as this node', got.stderr)
    for user, sql in (('node1', 'SELECT * FROM beancounter.record'),
                      ('node1', 'DELETE FROM beancounter.record'),
                      ('node1', "SELECT beancounter.make_month('2026-01-01')"),
                      ('node2', 'UPDATE beancounter.node SET writer = session_user'),
                      ('reader', 'DELETE FROM beancounter.record'),
                      ('reader', "SELECT beancounter.ship('{}')")):
        err = tap.raises(RuntimeError, lambda u=user, s=sql: server.sql(s, name, u),
                         f'{user} may not: {sql}')
        tap.ok('permission denied' in str(err), 'for want of permission', err)
    tap.ok(server.sql('SELECT count(*) FROM beancounter.month', name, 'reader') == [['5']] and
           server.sql('SELECT count(*) FROM beancounter.gap', name, 'reader') == [['3']],
           'a reader reads')
    secrets(server, db, name)


def secrets(server, db, name):
    """A password in a URL is in no list of processes; who talks to the server is nobody."""
    quoted = ''.join(f'%{byte:02x}' for byte in postgres.PASSWORD.encode())
    hole = postgres.Line(server.port, lambda: (1, 'hole'))
    url = f'postgresql://node1:{quoted}@127.0.0.1:{hole.port}/{name}'
    run = Running(SHIP, '--db', db, url)

    def worker():
        for line in subprocess.run(['ps', '-o', 'pid=,user=,args=', '--ppid', str(run.proc.pid)],
                                   capture_output=True, text=True, check=False).stdout.splitlines():
            return line.split(None, 2)
        return None

    tap.poll_until(60, lambda: hole.opened)
    found = worker()
    with open(f'/proc/{run.proc.pid}/cmdline', encoding='utf-8') as file:
        line = file.read()
    tap.ok(found and quoted not in line + found[2] and 'node1:***@' in line,
           'a password is on no command line', line)
    with open(f'/proc/{found[0]}/status', encoding='utf-8') as file:
        status = dict(line.split(':', 1) for line in file)
    tap.ok(int(status['CapPrm'], 16) == 0 and status['NoNewPrivs'].strip() == '1' and
           (os.geteuid() or found[1] == 'nobody'), 'who talks to the server has no privileges',
           found)
    files = sorted(os.listdir(f'/proc/{found[0]}/fd'), key=int) if os.geteuid() == 0 else []
    names = [os.readlink(f'/proc/{found[0]}/fd/{fd}') for fd in files]
    tap.ok(not [word for word in names if word.startswith(TOP) and 'said' not in word],
           'and has no store', names)
    os.kill(run.proc.pid, signal.SIGKILL)
    run.proc.wait()
    tap.ok(tap.poll_until(30, lambda: not os.path.exists(f'/proc/{found[0]}')),
           'and ends with the one that reads it')
    hole.end()
    confined(db, server, name)
    good = url.replace(str(hole.port), str(server.port))
    got = ship('--once', '--db', db, good)
    tap.ok(got.returncode == 0, 'a password in a URL is used', got.stderr)
    got = ship('--once', '--db', db, BCTL_SHIP_URL=good)
    tap.ok(got.returncode == 0, 'so is a URL in the environment', got.stderr)


def confined(db, server, name):
    """With the capabilities that the unit leaves it, and with none."""
    if os.geteuid():
        tap.skip('capabilities of the unit', 'not root')
        return
    with open(EXAMPLES + '/../../tools/systemd/beancounter-ship.service', encoding='utf-8') as unit:
        caps = re.search('^CapabilityBoundingSet=(.*)$', unit.read(), re.M).group(1)
    bound = ','.join(['-all'] + ['+' + cap[4:].lower() for cap in caps.split()])
    hole = postgres.Line(server.port, lambda: (1, 'hole'))

    def run(bound, *args):
        return subprocess.run(['setpriv', '--bounding-set', bound, '--no-new-privs', SHIP, '--once',
                               '--db', db, '--timeout', '1', *args], capture_output=True, text=True,
                              check=False, timeout=DEADLINE)

    got = run(bound, hole.url(name, 'node1'))
    tap.ok(got.returncode == 2 and 'no answer' in got.stderr,
           'the unit lets it end who talks to the server', got.stderr)
    got = run('-all', hole.url(name, 'node1'))
    tap.ok(got.returncode == 2 and 'no answer' in got.stderr, 'without capabilities it is root',
           got.stderr)
    got = run('-all', '--user', 'nobody', hole.url(name, 'node1'))
    tap.ok(got.returncode == 2 and 'CAP_KILL' in got.stderr, 'and cannot be another', got.stderr)
    hole.end()


def test_two(server):
    """Two destinations, and two shippers for the same one."""
    names, db = [database(server), database(server)], place()
    work = Filling(db, SEED)
    work.run(5)
    runs = [Running(SHIP, '--poll', '1', '--db', db, server.url(name)) for name in names]

    def there(name):
        with contextlib.suppress(RuntimeError):
            return server.sql('SELECT count(*) FROM beancounter.record', name) == \
                [[records(db)]]

    tap.ok(all(tap.poll_until(DEADLINE, lambda n=name: there(n)) for name in names),
           'two destinations get everything')
    got = ship('--once', '--db', db, server.url(names[0]))
    tap.ok(got.returncode == 2 and 'another bctl-ship' in got.stderr,
           'a second one for the same destination is refused', got.stderr)
    runs[1].end()
    work.run(5)
    tap.poll_until(DEADLINE, lambda: there(names[0]))
    tap.equal(sorted(re.findall(r': (\d+) records', ship('--list', '--db', db).stdout)),
              ['0', '20'], 'each has a position of its own')
    tap.equal(runs[0].end(), 0, 'SIGTERM ends it')


def test_collect(server):
    """bctl collect keeps bctl-ship running."""
    name, db = database(server), place()
    kernel = wire.Kernel(os.path.dirname(db) + '/k', speed=300)
    kernel.listened = True
    kernel.use(kernel.new('web'), {'numproc': 3}, cpu_ns=12345)
    env = {'BCTL_WIRE': kernel.path, 'PATH': BIN + ':' + os.environ['PATH']}
    for args, word in ((['--ship', 'mysql://x'], 'postgresql://'),
                       (['--ship', 'postgresql:///x', '--once'], '--ship'),
                       (['--ship', 'postgresql:///x', '--ship', 'postgresql:///x'], 'twice')):
        got = subprocess.run([WIRE, 'collect', '--db', db, *args], capture_output=True, text=True,
                             env={**os.environ, **env}, check=False)
        tap.ok(got.returncode == 1 and word in got.stderr, f'{args[-1]} is refused', got.stderr)
    url = server.url(name) + '&password=SeCret'
    run = Running(WIRE, 'collect', '--db', db, '--node', 'node1', '--ship', url, **env)

    def shipper():
        out = subprocess.run(['ps', '-o', 'pid=,args=', '--ppid', str(run.proc.pid)],
                             capture_output=True, text=True, check=False).stdout
        return [int(line.split()[0]) for line in out.splitlines() if 'bctl-ship' in line]

    def arrived():
        with contextlib.suppress(RuntimeError):
            return int(server.sql("SELECT count(*) FROM beancounter.record JOIN beancounter.pool "
                                  "USING (pool) WHERE name = 'web'", name)[0][0])

    tap.ok(tap.poll_until(DEADLINE, arrived), 'records arrive', run.words())
    with open(f'/proc/{run.proc.pid}/cmdline', encoding='utf-8') as file:
        line = file.read()
    tap.ok('SeCret' not in line + run.words() and 'password=***' in line,
           'a password is on no command line', line)
    first = tap.poll_until(30, shipper)
    os.kill(first[0], signal.SIGKILL)
    tap.ok(tap.poll_until(60, lambda: (now := shipper()) and now != first),
           'bctl-ship is killed, and started again', run.words())
    tap.ok('signal 9; starting it again' in run.words(), 'and that is told', run.words())
    second = shipper()
    tap.equal(run.end(), 0, 'SIGTERM ends it')
    tap.ok(not os.path.exists(f'/proc/{second[0]}'), 'and bctl-ship before')
    run = Running(WIRE, 'collect', '--db', db, '--ship', url, **env)
    third = tap.poll_until(30, shipper)
    run.end(signal.SIGKILL)
    tap.ok(tap.poll_until(60, lambda: not os.path.exists(f'/proc/{third[0]}')),
           'bctl-ship does not outlive a collector that is killed')
    kernel.end()
    got = ship('--once', '--db', db, server.url(name))
    tap.ok(got.returncode == 0, 'what is left goes by hand', got.stderr)
    waiting()
    same(server, db, 'all rows are there', name)


def waiting():
    """A destination that gets nothing any more keeps old records from being compacted."""
    db = place()
    made.sample(db)
    store = sqlite3.connect(db)
    store.execute("INSERT INTO outlet VALUES ('host=gone', 5)")
    store.commit()
    store.close()
    kernel = wire.Kernel(os.path.dirname(db) + '/k', utc_ms=made.EPOCH + 3 * made.DAY)
    got = subprocess.run([WIRE, 'collect', '--once', '--db', db], capture_output=True, text=True,
                         env={**os.environ, 'BCTL_WIRE': kernel.path}, check=False)
    kernel.end()
    tap.ok(got.returncode == 0 and 'since 2026-09-30T23:30Z wait for host=gone' in got.stderr,
           'the collector tells of a destination that waits', got.stderr)


def main():
    only = os.environ.get('BC_ONLY')
    if not only or only == 'words':
        test_words()
    place_of_server = place('pg')
    os.mkdir(place_of_server)
    try:
        server = postgres.Server(place_of_server)
    except FileNotFoundError as err:
        if LONG:
            raise
        tap.skip('PostgreSQL', err)
        tap.done()
    atexit.register(server.end)
    for test in (test_plain, test_stores, test_roles, test_two, test_histories, test_collect,
                 test_outage, test_kills, test_cuts):
        if not only or test.__name__ == 'test_' + only:
            began = time.monotonic()
            test(server)
            tap.note(f'{test.__name__} took {time.monotonic() - began:.1f} s')
    tap.done()


if __name__ == '__main__':
    main()
