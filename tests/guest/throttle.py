#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.1
# timeout: 600
"""Limits of block I/O: the average is the limit, whatever the way; nobody else waits."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import disk  # noqa: E402
import tap  # noqa: E402

MIB = 1 << 20
RATE = MIB
FILE = f'{disk.SCRATCH}/throttle'
SPAN = tap.rounds(2, 4)         # seconds that are looked at, and the most of them when
LONGEST = 60                    # the average has not settled


def io(pool):
    return bc.nl.get(pool.name)['io']


def total(pool):
    now = io(pool)
    return now.read_bytes + now.write_bytes


def ios(pool):
    now = io(pool)
    return now.reads + now.writes


def rate(pool, what=total, begin=None):
    """Tells what running loads get per second since the last one first slept for its limit."""
    last = begin or pool
    begun = io(last).nr_throttled
    bc.wait_for(lambda: io(last).nr_throttled > begun + 3, f'{last.name} is throttled')
    forget_savings(pool)
    amount, start = what(pool), time.monotonic()
    return lambda: (what(pool) - amount) / (time.monotonic() - start)


def forget_savings(pool):
    """What it did not use so far, as it or the machine had stood still, is not in what comes."""
    bc.nl.tune(pool.name, {'io.burst': 1001})


def near(got, want, name, percent=3):
    """An average; one that goes on is looked at for longer if need be."""
    seen = []

    def settled():
        seen.append(round(100 * (got() if callable(got) else got) / want, 1))
        return 100 - percent <= seen[-1] <= 100 + percent
    if callable(got):
        time.sleep(SPAN)
        tap.poll_until(LONGEST - SPAN, settled)
    else:
        settled()
    # What was seen last: the next look may come just before or after a request.
    tap.between(seen[-1], 100 - percent, 100 + percent, f'{name}: percent of the limit')


# ---- the average

def engines():
    pool = bc.Pool('engine')
    # The machine may have other things to do: up to a second is made up for.
    bc.nl.tune('engine', {'io.bps': RATE, 'io.burst': 1000})
    for name, options in (
            ('read()', {}), ('write()', {'rw': 'randwrite'}),
            ('libaio', {'ioengine': 'libaio', 'iodepth': 8}),
            ('io_uring', {'ioengine': 'io_uring', 'iodepth': 8}),
            ('io_uring with workers', {'ioengine': 'io_uring', 'iodepth': 8, 'force_async': 1}),
            ('io_uring with a polled queue', {'ioengine': 'io_uring', 'iodepth': 4,
                                              'sqthread_poll': 1})):
        load = disk.Load(pool, FILE, **options)
        near(rate(pool), RATE, name)
        load.stop()
    bc.nl.tune('engine', {'io.bps': None, 'io.iops': 100})
    load = disk.Load(pool, FILE, bs='4k', rw='randrw')
    near(rate(pool, ios), 100, 'io.iops')
    load.stop()
    now = io(pool)
    tap.ok(now.throttled > 10 * 10 ** 9, 'the time slept is told')
    pool.remove()


def pay(pool, func, *args):
    """Seconds for the whole of what a member does, until its debt is paid."""
    member = bc.Member(pool)
    start = time.monotonic()
    member.call(func, *args)
    os.sync()
    member.call(disk.direct, FILE, 4096, 2, True)
    took = time.monotonic() - start
    member.end()
    return took


def page_cache():
    pool = bc.Pool('cache')
    for name, func, args in (
            ('buffered, synced by itself', disk.buffered, (f'{FILE}.b', 1 << 17, 40, 4)),
            ('buffered, written back by the kernel', disk.buffered, (f'{FILE}.b', 1 << 16, 80)),
            ('a mapping', disk.mapped, (f'{FILE}.m', MIB, 5))):
        bc.nl.tune('cache', {'io.wbps': RATE, 'io.burst': 100})
        before = total(pool)
        took = pay(pool, func, *args)
        near((total(pool) - before) / took, RATE, name, 4)
        bc.nl.tune('cache', {'io.wbps': None})
    pool.remove()


def levels():
    top = bc.Pool('top')
    disk.controllers(top.path)
    mid = bc.Pool('mid', parent=top)
    disk.controllers(mid.path)
    low, other, side = (bc.Pool(name, parent=above) for name, above in
                        (('low', mid), ('other', mid), ('side', top)))
    for name, limit in (('top', 3), ('mid', 2), ('low', 1)):
        bc.nl.tune(name, {'io.rbps': limit * MIB // 2, 'io.burst': 1000})
    loads = [disk.Load(low, FILE)]
    near(rate(low), MIB // 2, 'the lowest of three levels')
    loads.append(disk.Load(other, FILE))
    near(rate(mid, begin=other), MIB, 'two pools below one')
    loads.append(disk.Load(side, FILE))
    near(rate(top, begin=side), 3 * MIB // 2, 'all of them and one beside')
    bc.nl.tune('top', {'io.rbps': 30 * MIB})
    bc.nl.tune('mid', {'io.rbps': 30 * MIB})
    near(rate(low), MIB // 2, 'the lowest when the others are raised')
    for load in loads:
        load.stop()
    for pool in (low, other, side, mid, top):
        pool.remove()


def dd():
    """dd, direct and through the page cache, where the limit of each level is the lowest."""
    pools = [bc.Pool('dd1')]
    for name in ('dd2', 'dd3'):
        disk.controllers(pools[-1].path)
        pools.append(bc.Pool(name, parent=pools[-1]))
    for pool in pools:
        ways = ('oflag=direct', 'conv=fdatasync')
        for way in ways if tap.LONG else ways[pools.index(pool) % 2:][:1]:
            for other in pools:
                bc.nl.tune(other.name, {'io.bps': None})
                bc.nl.tune(other.name, {'io.bps': MIB * (1 if other is pool else 2),
                                        'io.burst': 1000})
            before = total(pools[-1])
            took = pay(pools[-1], disk.run, 'dd', 'if=/dev/zero', f'of={FILE}.d', 'bs=64k',
                       'count=64', way)
            near((total(pools[-1]) - before) / took, MIB, f'dd {way}, limit of {pool.name}', 20)
    for pool in reversed(pools):
        pool.remove()


def burst():
    """What an idle pool has saved up is spent at once, and no more than that."""
    pool = bc.Pool('saved')
    bc.nl.tune('saved', {'io.rbps': MIB, 'io.burst': 300})
    member = bc.Member(pool)
    time.sleep(1)               # three times as long as it saves up
    member.call(disk.direct, FILE, 1 << 16, 4)
    tap.equal(io(pool).nr_throttled, 0, 'what was saved up is read without a sleep')
    tap.ok(member.call(disk.direct, FILE, 1 << 16, 32) > 1.5, 'the rest at the limit')
    now = io(pool)
    tap.ok(now.nr_throttled > 0 and now.throttled > 10 ** 9, 'which is told', now)
    member.end()
    pool.remove()


def apart():
    pool = bc.Pool('apart')
    bc.nl.tune('apart', {'io.rbps': 1 << 16})
    member = bc.Member(pool)
    took = member.call(disk.direct, FILE, 1 << 16, 64, True)
    tap.ok(took < 20, 'a limit of reads does not slow writes', took)
    member.end()
    pool.remove()


# ---- others

def fastest():
    return min(disk.direct(FILE, 4096, 300) for _ in range(8))


def neighbours():
    pool = bc.Pool('slow')
    bc.nl.tune('slow', {'io.bps': 1 << 16})
    alone = fastest()
    load = disk.Load(pool, FILE, bs='4k')
    writer = bc.Member(pool)
    writer.start(disk.buffered, f'{FILE}.w', 1 << 16, 128)
    bc.wait_for(lambda: io(pool).nr_throttled > 3, 'the neighbour is throttled')
    os.sync()
    beside = fastest()
    tap.ok(beside < 3 * alone, 'who has no limit is not slowed', f'{beside} after {alone}')
    start = time.monotonic()
    os.sync()
    tap.ok(time.monotonic() - start < 30, 'sync of all is not held up by the limit')
    start = time.monotonic()
    disk.drop_caches()
    tap.ok(time.monotonic() - start < 30, 'nor is reclaim')
    load.stop()
    writer.end()
    pool.remove()


def main():
    disk.controllers()
    disk.make(FILE, 16 * MIB)
    engines()
    page_cache()
    levels()
    dd()
    burst()
    apart()
    neighbours()
    bc.finish()


main()
