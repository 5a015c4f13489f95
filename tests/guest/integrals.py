#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug
# timeout: 300
"""Integrals of held over time, against a ledger that the test keeps itself."""
import ctypes
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import ledger  # noqa: E402
import tap  # noqa: E402

SAMPLE = '/sys/module/beancounter/parameters/sample_ms'
CHARGED = ['numproc', 'numfile']

files = []
areas = []


# ---- what members do

def open_files(count):
    files.extend(open('/dev/null', 'rb') for _ in range(count))


def close_files(count):
    for _ in range(count):
        files.pop().close()


def fork_more(count):
    for _ in range(count):
        bc.fork_idle()


def lock(pages):
    areas.append((bc.mmap(pages), pages))
    if bc.libc.mlock(ctypes.c_void_p(areas[-1][0]), ctypes.c_size_t(pages * bc.PAGE)):
        raise OSError(ctypes.get_errno(), 'mlock')


def unlock():
    addr, pages = areas.pop()
    bc.libc.munlock(ctypes.c_void_p(addr), ctypes.c_size_t(pages * bc.PAGE))
    bc.munmap(addr, pages)


def touch(pages):
    areas.append((bc.touch(pages), pages))


def untouch():
    bc.munmap(*areas.pop())


# ---- the test's own

def sample_ms(value):
    with open(SAMPLE, 'w', encoding='ascii') as f:
        f.write(str(value))


def check(pool, res, book, name):
    """A reading is what the ledger says."""
    got = bc.nl.get(pool)
    record = got['res'][res]
    low, high = book.unit_seconds(got['taken'])
    tap.ok(record.flags & genl.F_INTEGRAL and low <= record.integral <= high, f'{res}: {name}',
           f'got {record.integral}, wanted {low:.1f}..{high:.1f}')
    return record.integral


def check_charged(parent, pool, member):
    """Files and processes, in a pool and in the one above."""
    procs, open_ = ledger.Ledger(), ledger.Ledger()
    base = {name: {res: bc.figures(name)[res] for res in CHARGED} for name in (parent, pool)}
    start = ledger.now()
    # Before there are files that they would keep open.
    with procs.change(5):
        member.call(fork_more, 5)
    time.sleep(0.7)
    with open_.change(200):
        member.call(open_files, 200)
    time.sleep(1.1)
    with open_.change(-120):
        member.call(close_files, 120)
    time.sleep(0.9)
    with procs.change(-5):
        member.call(bc.end_children)
    for name in (parent, pool):
        # What was held before was held all the time.
        for res, book in (('numproc', procs), ('numfile', open_)):
            record = base[name][res]
            whole = ledger.Ledger(record.held, start)
            whole.changes += book.changes
            got = bc.nl.get(name)
            low, high = whole.unit_seconds(got['taken'])
            tap.between(got['res'][res].integral - record.integral, low - 1, high + 2,
                        f'{res} in {name}: what was held, times how long')


def check_derived(pool, member):
    """munlock() and munmap() tell nobody; a reading and the worker find out."""
    book = ledger.Ledger()
    with book.change(1000):
        member.call(lock, 1000)
    time.sleep(1)
    bc.nl.get(pool)
    with book.change(-1000):
        member.call(unlock)
        bc.nl.get(pool)
    check(pool, 'lockedpages', book, 'what was locked, for how long')
    # Nobody reads: the worker alone. It may be late; without it, the error is half of 8 s.
    sample_ms(100)
    with book.change(1000):
        member.call(lock, 1000)
    time.sleep(1)
    with book.change(-1000):
        member.call(unlock)
    time.sleep(7)
    got = bc.nl.get(pool)
    low, high = book.unit_seconds(got['taken'])
    tap.between(got['res']['lockedpages'].integral, low - 1500, high + 1500,
                'lockedpages: the worker notices what was given back')
    return book


def check_native(pool, member):
    """physpages against memory.current, read as often as this can."""
    sample_ms(100)
    before = bc.nl.get(pool)
    path, seen = f'{bc.BASE}/outer/{pool}', []

    def look(seconds):
        end = ledger.now() + seconds * 1e9
        while not seen or seen[-1][0] < end:
            seen.append((ledger.now(), int(bc.read(f'{path}/memory.current')) / bc.PAGE))
            time.sleep(0.02)
    look(0.5)
    member.call(touch, 5000)
    look(2)
    member.call(untouch)
    look(0.5)
    after = bc.nl.get(pool)
    area = sum((b[0] - a[0]) / 1e9 * (a[1] + b[1]) / 2 for a, b in zip(seen, seen[1:]))
    got = after['res']['physpages'].integral - before['res']['physpages'].integral
    tap.between(got, area - 3000, area + 3000, 'physpages: the area below memory.current')
    tap.ok(got > 8000, 'physpages: which is not little', got)
    top = bc.nl.get('outer')['res']['physpages']
    host = bc.nl.get('host')['res']['physpages']
    tap.ok(host.flags & genl.F_INTEGRAL and host.integral >= top.integral >= got,
           'physpages: the host has what the pools have', (host, top, got))
    for res in ('vmguarpages', 'kmemsize', 'dcachesize', 'numiptent'):
        record = bc.nl.get(pool, detail=True)['res'].get(res)
        tap.ok(record is None or not record.flags & genl.F_INTEGRAL and record.integral == 0,
               f'{res}: there is no integral', record)


def check_digest(pool):
    """Time alone is no change."""
    first = bc.nl.get(pool)
    time.sleep(1.2)
    second = bc.nl.get(pool)
    tap.ok(second['res']['numproc'].integral > first['res']['numproc'].integral,
           'integrals rise by themselves')
    tap.equal((second['generation'], second['changed']), (first['generation'], first['changed']),
              'which is no change')
    tap.ok(first['changed'] <= first['taken'] < second['taken'] <= ledger.now(),
           'figures have the time that they are of')
    bc.nl.set(pool, {'numflock': 77})
    third = bc.nl.get(pool)
    tap.ok(third['generation'] > second['generation'] and
           second['taken'] < third['changed'] <= third['taken'], 'a new limit is one')
    tap.equal(len({p['taken'] for p in bc.nl.dump()}), 1, 'a dump is of one instant')


def check_dead_children(outer, inner, member):
    """A pool that goes takes nothing along of what the pools above it had."""
    before = {name: bc.nl.get(name) for name in ('outer', 'host')}
    last = bc.nl.get(inner.name)
    member.end()
    inner.remove()
    bc.wait_gone()
    for name, was in before.items():
        got = bc.nl.get(name)
        fell = [res for res, r in got['res'].items() if r.integral < was['res'][res].integral]
        tap.equal(fell, [], f'{name}: no integral falls when a pool below it ends')
        tap.ok(got['cpu'].usage >= was['cpu'].usage and got['cpu'].user >= was['cpu'].user and
               got['cpu'].system >= was['cpu'].system, f'{name}: nor its CPU time')
        for res in CHARGED:
            tap.ok(got['res'][res].integral >= last['res'][res].integral,
                   f'{name}: {res} of the dead is in it')
    tap.equal(outer.name, 'outer', 'the pool above lives')


def main():
    for value in ('99', '60001', '0', 'x', '-1'):
        tap.raises(OSError, lambda v=value: sample_ms(v), f'sample_ms: {value} is refused')
    sample_ms(10000)
    bc.mkdir(f'{bc.BASE}/outer')
    for path in ('', bc.BASE, f'{bc.BASE}/outer'):
        bc.write(f'{path}/cgroup.subtree_control' if path else 'cgroup.subtree_control', '+memory')
    outer = bc.Pool('outer')
    inner = bc.Pool('web', parent=outer)
    member = bc.Member(inner)
    check_charged('outer', 'web', member)
    check_derived('web', member)
    check_native('web', member)
    check_digest('web')
    check_dead_children(outer, inner, member)
    sample_ms(10000)
    bc.finish()


main()
