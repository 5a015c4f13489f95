#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What goes on in one of the machines of tests/reset/run."""
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402

DB, BOOK = '/scratch/usage.db', '/scratch/book'
BOOT = bc.read('/proc/sys/kernel/random/boot_id').strip()


def told(rec):
    """What a closing record says, as sums() has it."""
    flows = [rec['cpu'].usage, rec['io'].write_bytes, rec['io'].reads]
    table = {name: r.integral for name, r in rec['res'].items() if r.flags & 64}
    return [flows, table]


def sums(db, boot, incarnation):
    flows = db.execute('SELECT sum(cpu_ns), sum(io_write_bytes), sum(io_reads) FROM record JOIN pool '
                       'USING (pool) WHERE boot = ? AND incarnation = ?',
                       (boot, incarnation)).fetchone()
    table = db.execute('SELECT resource.name, sum(held_time) FROM figure f JOIN record USING '
                       '(record) JOIN resource ON resource.id = f.res JOIN pool USING (pool) '
                       'WHERE boot = ? AND incarnation = ? GROUP BY 1', (boot, incarnation))
    return [list(flows), {name: value for name, value in table if value is not None}]


def noted():
    """The lines of the book; what was not synced before a reset may be half a line."""
    with open(BOOK, encoding='utf-8', errors='replace') as book:
        for line in book.read().replace('\0', '').splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                pass


def check():
    """What was acknowledged in any life before is there, to the unit; what lived has a gap."""
    db = sqlite3.connect(DB)
    tap.equal(db.execute('PRAGMA integrity_check').fetchall(), [('ok',)], 'the file is whole')
    lines = list(noted())
    tap.ok(lines, 'something was noted')
    wrong = [line for line in lines if sums(db, *line[0]) != line[1]]
    tap.ok(not wrong, f'{len(lines)} pools of {len({line[0][0] for line in lines})} lives are there',
           (wrong[:1], wrong and sums(db, *wrong[0][0])))
    tap.note(f'{len(lines)} pools that were acknowledged agree to the unit')
    tap.equal(db.execute('SELECT count(*) FROM pool WHERE ended_ms IS NULL AND boot <> ?',
                         (BOOT,)).fetchone(), (0,), 'nothing lives on from before')
    lost = db.execute("SELECT pool FROM pool WHERE cause = 'lost' EXCEPT SELECT pool FROM record "
                      "WHERE kind = 'gap'").fetchall()
    tap.equal(lost, [], 'what was lost has a gap')
    db.close()


def live(listener, book, waiting):
    """A few pools come and go; what the module has forgotten is noted."""
    for number in range(3):
        pool = bc.Pool(f'job{number}')
        member = bc.Member(pool)
        member.call(bc.touch, random.randint(1, 300))
        member.end()
        pool.remove()
    for event in listener.events(0.01):
        if 'closed' in event:
            waiting[event['serial']] = [[BOOT, event['incarnation']], told(event)]
    kept = {rec['serial'] for rec in bc.nl.closed()}
    for serial in sorted(set(waiting) - kept):
        book.write(json.dumps(waiting.pop(serial)) + '\n')
    book.flush()
    os.fsync(book.fileno())


def main():
    number, how = int(sys.argv[1]), sys.argv[2]
    random.seed()
    listener = genl.Client(rcvbuf=1 << 21)
    listener.subscribe('usage')
    bc.anchor()
    col = subprocess.Popen(['bctl', 'collect', '--db', DB, '--interval', '1'],
                           stderr=subprocess.PIPE, text=True)
    col.stderr.readline()
    if number:
        tap.poll_until(30, lambda: sqlite3.connect(DB).execute(
            'SELECT 1 FROM record JOIN pool USING (pool) WHERE boot = ?', (BOOT,)).fetchone())
        check()
    with open(BOOK, 'a', encoding='utf-8') as book:
        book.write('\n')
        waiting = {}
        live(listener, book, waiting)
        if how == 'reset':
            bc.write('/proc/sys/kernel/sysrq', '1')
            sys.stdout.flush()
            print('resetting', flush=True)
            child = os.fork()
            if not child:
                time.sleep(2 + random.random() * 4)
                with open('/proc/sysrq-trigger', 'w', encoding='ascii') as trigger:
                    trigger.write('b')
            while True:
                live(listener, book, waiting)
    col.send_signal(signal.SIGTERM)
    tap.equal(col.wait(60), 0, 'the collector ends')
    print('life ends', flush=True)
    bc.finish()


main()
