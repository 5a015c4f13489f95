#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.1
# timeout: 300
"""bctl collect: what is in its store is what the module says, whatever happens to either."""
import os
import random
import signal
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402

MODULE = '/root/beancounter.ko'
LONG = bool(os.environ.get('BC_LONG'))
KILLS = 40 if LONG else 6
DIR = '/tmp/collect'
DB = f'{DIR}/usage.db'
SAID = '/tmp/collect.said'


class Collector:
    """A running collector."""

    def __init__(self, *args, path=DB, wait=True):
        with open(SAID, 'w', encoding='utf-8') as said:
            self.proc = subprocess.Popen(['bctl', 'collect', '--db', path, '--interval', '5', *args],
                                         stderr=said)
        if wait and not self.heard('collecting'):
            tap.note(bc.read(SAID))

    @staticmethod
    def heard(text):
        return tap.poll_until(30, lambda: text in bc.read(SAID))

    def kill(self):
        self.proc.kill()
        self.proc.wait()

    def end(self):
        self.proc.send_signal(signal.SIGTERM)
        return self.proc.wait(60)


def query(sql, *args, path=DB):
    db = sqlite3.connect(f'file:{path}?mode=ro', uri=True, timeout=30)
    try:
        return db.execute(sql, args).fetchall()
    finally:
        db.close()


def sums(incarnation, path=DB):
    """What the records of a pool add up to."""
    flows = query('SELECT sum(cpu_ns), sum(io_read_bytes), sum(io_writes), sum(cpu_wait_ns) FROM '
                  'record JOIN pool USING (pool) WHERE incarnation = ?', incarnation, path=path)
    table = query('SELECT name, sum(held_time), sum(failcnt), sum(failed) FROM figure f JOIN record '
                  'USING (record) JOIN resource ON id = f.res WHERE pool = (SELECT pool FROM pool '
                  'WHERE incarnation = ?) GROUP BY 1', incarnation, path=path)
    return flows[0], {name: tuple(values) for name, *values in table}


def told(rec):
    """The same of what the module says."""
    cpu, io = rec['cpu'], rec['io']
    return ((cpu.usage, io.read_bytes, io.writes, cpu.wait),
            {name: (r.integral if r.flags & 64 else None,
                    None if r.flags & 8 else r.failcnt, None if r.flags & 16 else r.failed)
             for name, r in rec['res'].items()})


def agree(records, name, path=DB):
    wrong = [(rec['name'], told(rec), sums(rec['incarnation'], path)) for rec in records
             if told(rec) != sums(rec['incarnation'], path)]
    tap.ok(records and not wrong, name, f'{len(wrong)} of {len(records)}\n{wrong[:1]}')


def lives(count, rnd):
    """So many pools come, do something, and go."""
    for number in range(count):
        pool = bc.Pool(f'job{number}', numproc=2)
        member = bc.Member(pool)
        member.call(bc.touch, rnd.randint(1, 500))
        member.call(bc.burn, rnd.random() * 0.03)
        if number % 3 == 0:
            member.call(bc.fork_until_refused, 5)
            member.call(bc.end_children)
        member.end()
        pool.remove()
    bc.wait_gone()


def check_lives():
    """Short lives, a long one, and kill -9."""
    rnd = random.Random(1)
    bc.nl.ack('test', 0)        # so that records stay
    start = bc.nl.info()['serial']
    web = bc.Pool('web', numproc=50)
    member = bc.Member(web)
    col = Collector('--node', 'here')
    for _ in range(KILLS):
        lives(2, rnd)
        member.call(bc.burn, 0.05)
        col.kill()
        lives(1, rnd)
        col = Collector(wait=rnd.random() < 0.5)
    col.heard('collecting')
    tap.ok(tap.poll_until(40, lambda: query('SELECT 1 FROM record WHERE end_ms % 5000 = 0')),
           'records end at multiples of the interval')
    tap.equal(col.end(), 0, f'the collector ends after {KILLS} kills')
    records = bc.nl.closed(start)
    tap.equal(len(records), 3 * KILLS, 'all closing records are there')
    agree(records, 'what is in the store is what is in them, to the unit')
    tap.equal(query("SELECT count(*) FROM record JOIN pool USING (pool) WHERE name LIKE 'job%' AND "
                    "kind = 'closing' AND end_ms = ended_ms AND cause = 'deleted'")[0][0], 3 * KILLS,
              'each has its end')
    bc.nl.ack('test', bc.nl.info()['serial'])
    tap.ok(not bc.nl.closed(), 'the collector has acknowledged them all')
    tap.equal(query('PRAGMA integrity_check'), [('ok',)], 'the file is whole')
    tap.ok(query('SELECT count(*) FROM figure WHERE peak IS NOT NULL')[0][0] > 0, 'peaks are known')
    member.end()
    web.remove()


def check_reload():
    """The module goes, and comes again, under a running collector."""
    col = Collector()
    pools = [bc.Pool(f'r{i}', numproc=9) for i in range(5)]
    members = [bc.Member(pool) for pool in pools]
    for member in members:
        member.call(bc.burn, 0.02)
    tap.ok(tap.poll_until(30, lambda: query("SELECT count(*) FROM pool WHERE name LIKE 'r_'")[0][0]
                          == 5), 'new pools have a row at once')
    listener = genl.Client(rcvbuf=1 << 21)
    listener.subscribe('usage')
    bc.nl.close()
    bc.wait_for(lambda: not subprocess.run(['rmmod', 'beancounter'], capture_output=True,
                                           check=False).returncode, 'rmmod')
    records = [event for event in listener.events(5) if 'closed' in event]
    listener.close()
    tap.ok(tap.poll_until(30, lambda: query("SELECT count(*) FROM pool WHERE cause = 'unload'")
                          [0][0] >= 6), 'unloaded: all pools have their end, and the host')
    agree(records, 'to the unit')
    tap.ok(col.heard('not loaded'), 'the collector waits')
    subprocess.run(['insmod', MODULE], check=True)
    bc.nl = genl.Client()
    bc.linger(bc.LINGER)
    for member in members:
        member.end()
    bc.nl.new('again', path=pools[0].path)
    tap.ok(tap.poll_until(60, lambda: query("SELECT 1 FROM pool WHERE name = 'again'")),
           'loaded again: it goes on')
    tap.equal(col.end(), 0, 'and ends')
    wrong = query("SELECT name, reason FROM record JOIN pool USING (pool) WHERE kind = 'gap'")
    tap.equal(wrong, [], 'there is no gap')
    bc.nl.delete('again')
    for pool in pools:
        bc.rmdir(pool.path)


def check_drop():
    """Without the privileges that it does not need."""
    col = Collector('--drop-caps')
    tap.poll_until(10, lambda: 'NoNewPrivs:\t1' in bc.read(f'/proc/{col.proc.pid}/status'))
    caps = [line.split()[1] for line in bc.read(f'/proc/{col.proc.pid}/status').splitlines()
            if line.startswith(('CapPrm', 'CapEff'))]
    tap.equal(caps, [f'{1 << 12 | 1 << 24:016x}'] * 2, 'two capabilities are left')
    mark = query('SELECT max(record) FROM record')[0][0]
    tap.ok(tap.poll_until(30, lambda: query("SELECT 1 FROM record WHERE record > ? AND "
                                            'end_ms % 5000 = 0', mark)), 'they suffice')
    reader = subprocess.run([sys.executable, '-c',
                             'import os, sqlite3\n'
                             'os.setgid(65534); os.setuid(65534)\n'
                             f'db = sqlite3.connect("file:{DB}?mode=ro", uri=True, timeout=20)\n'
                             'print(db.execute("SELECT count(*) FROM record").fetchone()[0])\n'],
                            capture_output=True, text=True, check=False)
    tap.ok(reader.returncode == 0 and int(reader.stdout) > 0,
           'nobody reads the store while it is written', reader.stderr)
    tap.equal(col.end(), 0, 'SIGTERM ends it')


def check_full():
    """A disk that is full for a while."""
    disk = '/tmp/full'
    os.mkdir(disk)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'none', disk], check=True)
    bc.nl.ack('test', 0)
    start = bc.nl.info()['serial']
    col = Collector('--reader', 'full', path=f'{disk}/u.db')
    with open(f'{disk}/ballast', 'wb', buffering=0) as ballast:
        try:
            while True:
                ballast.write(b'x' * 4096)
        except OSError:
            pass
    lives(12, random.Random(2))
    if not col.heard('full'):
        lives(30, random.Random(3))
    tap.ok(col.heard('full') and col.proc.poll() is None, 'full: it says so, and goes on')
    os.unlink(f'{disk}/ballast')
    tap.ok(col.heard('it works again'), 'until there is room')
    tap.equal(col.end(), 0, 'it ends')
    agree(bc.nl.closed(start), 'nothing was lost', f'{disk}/u.db')
    subprocess.run(['umount', disk], check=True)


def main():
    os.makedirs(DIR, exist_ok=True)
    os.chmod(DIR, 0o755)
    bc.anchor()
    check_lives()
    os.chmod(DB, 0o644)
    check_drop()
    check_full()
    check_reload()
    bc.finish()


main()
