#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# vm: cpu
# long: debug 6.12
# timeout: 400
"""Shares, limits and reservations of CPU time, measured on busy tasks by the guest's own clocks."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import tap  # noqa: E402

CPUS = os.cpu_count()
ONE = 10**9
PERCENT = ONE // 100
POINTS = 2                      # percent of the whole by which a part may be off
SETTLE, MEASURE, LONGEST = *tap.rounds((0.5, 1.5), (1, 3)), 20  # seconds


def burn():
    while True:
        pass


def burners(pool, count=CPUS):
    """As many busy tasks as there are CPUs, so that they could use them all."""
    members = [bc.Member(pool) for _ in range(count)]
    for member in members:
        member.start(burn)
    return members


def enable(path):
    bc.write(f'{path}/cgroup.subtree_control' if path else 'cgroup.subtree_control', '+cpu')


def used(pool):
    """What the kernel says, ns."""
    for line in bc.read(f'{pool.path}/cpu.stat').splitlines():
        if line.startswith('usage_usec'):
            return int(line.split()[1]) * 1000
    raise ValueError('cpu.stat')


def parts(pools, whole=100):
    """What each uses of what they use together, for ever longer."""
    time.sleep(SETTLE)
    first = [used(pool) for pool in pools]
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        time.sleep(MEASURE)
        got = [used(pool) - then for pool, then in zip(pools, first)]
        yield [whole * one / sum(got) for one in got]


def near(series, want, name, below=POINTS):
    """The average comes near, and soon: the kernel's balancing of two CPUs takes its time."""
    for count, got in enumerate(series, 1):
        good = all(-below <= a - b <= POINTS for a, b in zip(got, want))
        if good:
            break
    text = ' '.join(f'{one:.1f}' for one in got)
    tap.ok(good, f'{name}: {"/".join(map(str, want))} %', f'got {text}')
    tap.note(f'{name}: {text} after {SETTLE + count * MEASURE} s')


def tune(pool, **wanted):
    bc.nl.tune(pool.name, {f'cpu.{key}': number for key, number in wanted.items()})


def new(name, parent=None, **wanted):
    pool = bc.Pool(name, parent)
    if wanted:
        tune(pool, **wanted)
    return pool


def entitled(pools):
    """What the module says, in percent of one CPU."""
    return [bc.nl.get(pool.name)['cpu'].entitlement / PERCENT for pool in pools]


def check_flat():
    pools = [new('a'), new('b'), new('c', shares=2000)]
    tasks = [burners(pool) for pool in pools]
    near(parts(pools), (25, 25, 50), 'shares 1000, 1000 and 2000')
    near([[part / CPUS for part in entitled(pools)]], (25, 25, 50), 'which is the entitlement')
    tune(pools[0], shares=4000)
    tune(pools[1], shares=4000)
    near(parts(pools), (40, 40, 20), 'changed while they run')
    for task in tasks[2]:
        task.end()
    near(parts(pools), (50, 50, 0), 'the part of an idle pool goes to the others')
    tune(pools[0], limit=30 * PERCENT)
    # A machine that is itself not given the CPU refills the quota too late: it loses some.
    near(([got[0]] for got in parts(pools, 100 * CPUS)), (30,), 'a limit', 5)
    near([entitled(pools)[:1]], (30,), 'which is the entitlement')
    figures = bc.nl.get('a')['cpu']
    tap.ok(figures.known & 4 and figures.throttled > ONE // 4 and figures.nr_throttled > 5,
           'throttling is told', figures)
    tap.ok(not bc.nl.get('b')['cpu'].known & 4, 'and is not known where there is no limit')
    tune(pools[0], limit=None)
    near(parts(pools), (50, 50, 0), 'without it')
    tap.ok(bc.nl.get('a')['cpu'].throttled >= figures.throttled, 'what was throttled stays known')
    for task in tasks[0] + tasks[1]:
        task.end()
    for pool in pools:
        pool.remove()


def check_reservation():
    pools = [new('low'), new('high', shares=10000)]
    tasks = [burners(pool) for pool in pools]
    near(parts(pools), (9.1, 90.9), 'a neighbour with ten times the shares')
    tune(pools[0], reservation=CPUS * 50 * PERCENT)
    near(parts(pools), (50, 50), 'a reservation holds against it')
    near([[part / CPUS for part in entitled(pools)]], (50, 50), 'which is the entitlement')
    pools.append(new('third', shares=10000))
    tasks.append(burners(pools[2]))
    near(parts(pools), (50, 25, 25), 'and against a new one')
    for task in tasks[0]:
        task.end()
    near(parts(pools), (0, 50, 50), 'others may use it meanwhile')
    for task in tasks[1] + tasks[2]:
        task.end()
    for pool in pools:
        pool.remove()


def check_nested():
    left, right = new('left', shares=3000), new('right')
    enable(left.path)
    pools = [new('x', left), new('y', left, shares=2000)]
    tasks = [burners(pool) for pool in (*pools, right)]
    near(parts([*pools, right]), (25, 50, 25), 'nested: 3000 times 1000 and 2000, beside 1000')
    tune(left, reservation=CPUS * 90 * PERCENT)
    tune(pools[0], reservation=CPUS * 60 * PERCENT)
    near(parts([*pools, right]), (60, 30, 10), 'nested reservations')
    tune(right, limit=CPUS * 5 * PERCENT)
    near(parts([*pools, right]), (60, 35, 5), 'and a limit beside them')
    for group in tasks:
        for task in group:
            task.end()
    for pool in (*pools, right, left):
        pool.remove()


def check_load():
    """What the kernel's formula makes of busy tasks within its first intervals."""
    pool = new('load')
    tasks = burners(pool, 3)
    first = bc.wait_for(lambda: bc.nl.get('load')['cpu'].load1, 'a load average')
    # 3 tasks after one interval of 5 s: 3 * (1 - exp(-5/60))
    tap.between(first, 200, 480, 'load averages rise with busy tasks')
    cpu = bc.nl.get('load')['cpu']
    tap.ok(cpu.load1 > cpu.load5 > cpu.load15 > 0, 'of one, five and fifteen minutes', cpu)
    for task in tasks:
        task.end()
    pool.remove()


enable('')
bc.mkdir(bc.BASE)
enable(bc.BASE)
bc.mkdir(f'{bc.BASE}-anchor')
bc.nl.new('anchor', path=f'{bc.BASE}-anchor', number=9999)
bc.nl.tune('anchor', {'cpu.limit': PERCENT, 'cpu.shares': 8})
check_flat()
check_reservation()
if CPUS == 1 or tap.LONG:       # the other kernel does it with one
    check_nested()
    check_load()
bc.finish()
