#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# vm: cpu
# long: debug
# timeout: 400
"""CPU time of pools: counted as the kernel counts it, settings, reservations, books."""
import errno
import os
import re
import select
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402

F_USAGE, F_WAIT, F_THROTTLED, F_LOAD, F_ENTITLEMENT = 1, 2, 4, 8, 16
CPUS = os.cpu_count()
TICK = 10**9 // 100             # more than a tick of any kernel that is tested
SLACK = TICK * (100 if bc.DEBUG_KERNEL else 30)     # for what a worker does besides
ONE = 10**9                     # one CPU, in ns per second
PERCENT = ONE // 100
# seconds of mixed load, of which cpu.stat has 1 % more or less
MIXED = tap.rounds(5, 10)


def spin(seconds):
    """User and system time, as the process itself is told; what it used, in ns."""
    start = time.process_time_ns()
    while time.process_time_ns() - start < seconds * 10**9:
        for _ in range(2000):
            pass
        for _ in range(200):
            os.getppid()
    return time.process_time_ns() - start


def spin_threads(count, seconds):
    """Threads that end before the process does, and hand each other the interpreter."""
    threads = [threading.Thread(target=spin, args=(seconds,)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def spin_and_sleep(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.002)
        for _ in range(5000):
            pass


def child_that_sleeps(times):
    """A child that gives its CPU up so often, and ends."""
    pid = os.fork()
    if not pid:
        for _ in range(times):
            time.sleep(0.001)
        os._exit(0)             # pylint: disable=protected-access
    os.waitpid(pid, 0)


def short_lives(seconds):
    """Many short processes."""
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        pid = os.fork()
        if not pid:
            for _ in range(20000):
                pass
            os._exit(0)         # pylint: disable=protected-access
        os.waitpid(pid, 0)
        count += 1
    return count


def switches_of(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        found = dict(re.findall(r'^(\w+voluntary|voluntary)_ctxt_switches:\t(\d+)', f.read(), re.M))
    return int(found['voluntary']), int(found['nonvoluntary'])


def wait_of(pid):
    """Time that a task waited for a CPU, ns."""
    with open(f'/proc/{pid}/schedstat', encoding='ascii') as f:
        return int(f.read().split()[1])


def cpu(pool):
    return bc.nl.get(pool if isinstance(pool, str) else pool.name)['cpu']


def settings(pool):
    return bc.nl.get(pool.name).get('settings', {})


def value(pool, name):
    return settings(pool)[name].value


def stat(path):
    """cpu.stat in ns."""
    lines = [line.split() for line in bc.read(f'{path}/cpu.stat').splitlines()]
    return {key.replace('_usec', ''): int(number) * (1000 if key.endswith('_usec') else 1)
            for key, number in lines}


def enable(path, sign='+'):
    bc.write(f'{path}/cgroup.subtree_control' if path else 'cgroup.subtree_control', f'{sign}cpu')


def refused(func, number, words, name):
    err = tap.raises(genl.NetlinkError, func, name)
    tap.ok(getattr(err, 'errno', 0) == number and re.search(words, err.text or ''),
           f'{name}: {errno.errorcode[number]}, and why', err)


def pool_with(name, parent=None, **wanted):
    """A pool that has the cpu controller, with such settings: shares=500."""
    pool = bc.Pool(name, parent)
    if wanted:
        tune(pool, **wanted)
    return pool


def tune(pool, **wanted):
    bc.nl.tune(pool.name, {f'cpu.{key}': number for key, number in wanted.items()})


# ---- accounting

def close(got, want, name, part=0.01, least=3 * TICK):
    """Equal within 1 %, or what may be between two readings."""
    tap.between(got, want - max(part * want, least), want + max(part * want, least), name)


def check_accounting():
    """Before the controller is on anywhere: accounting does not need it."""
    top, sub = bc.Pool('acct'), None
    sub = bc.Pool('sub', top)
    bc.mkdir(f'{top.path}/plain')
    got = bc.nl.get(top.name)
    tap.equal(got['cpu'].known & ~F_WAIT, F_USAGE | F_LOAD,
              'without the controller: usage, waiting and load are counted, nothing else')
    tap.equal([name for name in got.get('settings', {}) if name.startswith('cpu.')], [],
              'and there is nothing to be set')
    refused(lambda: tune(top, shares=500), errno.EOPNOTSUPP, 'not enabled',
            'shares without the controller')
    tap.equal(cpu(top).usage, 0, 'a new pool has used nothing')
    workers = [bc.Member(where) for where in (top, f'{top.path}/plain', sub, sub, sub)]
    for worker, job in zip(workers, ((spin, 3), (spin_threads, 3, 0.8), (spin, 3),
                                     (spin_and_sleep, MIXED), (short_lives, MIXED))):
        worker.start(*job)
    rising = [cpu(top)]
    for worker in workers:
        rising.append(cpu(top))
        worker.result()
        rising.append(cpu(top))
    tap.ok(all(getattr(a, key) <= getattr(b, key) for a, b in zip(rising, rising[1:])
               for key in ('usage', 'user', 'system', 'wait', 'switches', 'preemptions')),
           'while it runs no figure ever falls', rising)
    for pool in top, sub:
        want, got = stat(pool.path), cpu(pool)
        tap.note(f'{pool.name}: {want} {got}')
        close(got.usage, want['usage'], f'{pool.name}: usage is what cpu.stat says')
        close(got.user, want['user'], f'{pool.name}: so is user', least=10 * TICK)
        close(got.system, want['system'], f'{pool.name}: so is system', least=10 * TICK)
        tap.equal(got.user + got.system, got.usage, f'{pool.name}: these are all of it')
    check_waits(top, workers)
    host = cpu('host')
    tap.between(host.usage, cpu(top).usage - TICK, cpu(top).usage + TICK,
                'the host has what its pools have')
    return top, sub, workers


def check_waits(pool, workers):
    """The workers' children and threads have ended; those who wait for orders have not."""
    before = [cpu(pool)]
    alone = workers[0]
    first = switches_of(alone.pid), wait_of(alone.pid)
    alone.call(spin_and_sleep, 0.5)
    last = switches_of(alone.pid), wait_of(alone.pid)
    after = cpu(pool)
    tap.between(after.switches - before[0].switches, last[0][0] - first[0][0],
                last[0][0] - first[0][0] + 20, 'switches are those of its tasks')
    tap.between(after.wait - before[0].wait, last[1] - first[1], last[1] - first[1] + SLACK,
                'and so is waiting')
    alone.call(child_that_sleeps, 100)
    tap.between(cpu(pool).switches - after.switches, 100, 140, 'also of tasks that have ended')
    tap.ok(before[0].preemptions > 0, 'busy tasks were preempted', before[0])
    check_seen(pool, alone)


def check_seen(pool, member):
    """Tasks that a reading has met, and that have ended before the next one."""
    before, met = cpu(pool).switches, 0
    for _ in range(3):
        member.start(child_that_sleeps, 100)
        while not select.select([member.up], [], [], 0)[0]:
            met += cpu(pool).switches > before
        member.result()
        cpu(pool)
    tap.between(cpu(pool).switches - before, 300, 450,
                f'once each, however often ({met}) they are met')


class Fading:
    """A pool whose busy task ends: its load falls, slowly."""

    def __init__(self):
        self.pool = bc.Pool('fading')
        self.member = bc.Member(self.pool)
        self.member.start(spin, bc.WAIT)
        self.load = 0

    def end(self):
        self.load = bc.wait_for(lambda: cpu(self.pool).load1, 'a load')
        self.member.end()

    def check(self):
        tap.ok(tap.poll_until(bc.WAIT, lambda: cpu(self.pool).load1 < self.load),
               'a pool without tasks: its load falls', (cpu(self.pool), self.load))
        self.pool.remove()


def check_books(top, sub, workers):
    """Cgroups and tasks come, go and move; nothing is lost or counted twice."""
    used, was = cpu(top), cpu(sub)
    mine = bc.Pool('mine', path=f'{top.path}/plain')
    tap.equal(cpu(mine).usage, 0, 'a pool that is bound to a used cgroup begins with nothing')
    tap.between(cpu(top).usage, used.usage, used.usage + SLACK, 'its parent keeps all')
    workers[1].call(spin, 0.3)
    tap.between(cpu(mine).usage, 0.3 * ONE - TICK, 0.3 * ONE + SLACK,
                'what runs there then is its own')
    mid = bc.Pool('mid', path=f'{bc.BASE}')
    now = cpu(mid)
    tap.between(now.usage, 0, SLACK, 'a pool put above others begins with nothing')
    tap.equal(bc.nl.get('acct')['parent'], 'mid', 'which are below it')
    workers[2].call(spin, 0.3)
    tap.between(cpu(mid).usage - now.usage, 0.3 * ONE - TICK, 0.3 * ONE + SLACK,
                'and counts what they use from then on')
    total = cpu('host').usage
    tap.between(cpu(sub).usage, was.usage + 0.3 * ONE - TICK, was.usage + 0.3 * ONE + SLACK,
                'they go on where they were')
    workers[1].end()
    mine.delete()
    bc.wait_gone()
    tap.between(cpu(top).usage, used.usage + 0.6 * ONE - TICK, used.usage + 0.6 * ONE + SLACK,
                'what a deleted pool had stays with its parent')
    close(cpu(top).usage, stat(top.path)['usage'], 'which agrees with cpu.stat')
    bc.attach(top.path, workers[2].pid)
    before = cpu(top), cpu(sub)
    workers[2].call(spin, 0.3)
    tap.between(cpu(sub).usage, before[1].usage, before[1].usage + TICK,
                'a task that moved away runs on another account')
    tap.ok(cpu(sub).switches >= before[1].switches and cpu(sub).wait >= before[1].wait,
           'what it had before stays where it was')
    for worker in workers[3:]:
        worker.end()
    sub_total = cpu(sub).usage
    bc.rmdir(sub.path)
    bc.wait_for(lambda: bc.nl.info()['dying'] == 0, 'the pool of a removed cgroup is gone')
    got = cpu(top)
    tap.between(got.usage, before[0].usage + 0.3 * ONE - TICK,
                before[0].usage + 0.3 * ONE + SLACK,
                f'what it had ({sub_total / ONE:.1f} s) is still in its parent')
    close(got.usage, stat(top.path)['usage'], 'which still agrees with cpu.stat')
    tap.between(cpu('host').usage, total + 0.3 * ONE - TICK, total + 0.3 * ONE + SLACK,
                'and the host has all of it once')
    workers[0].end()
    workers[2].end()
    top.delete()
    mid.delete()
    bc.wait_gone()
    tap.ok(cpu('host').usage >= total, 'even when there is no pool any more')
    for path in reversed(bc.subtree(bc.BASE)[1:]):
        bc.rmdir(path)


def check_many_removals():
    """Figures while cgroups and tasks vanish all the time."""
    pool = bc.Pool('busy')
    worker = bc.Member(pool)
    worker.start(come_and_go, pool.path, 2)
    seen = [cpu(pool)]
    while not tap.poll_until(0, lambda: 'done' in os.listdir(f'{bc.CGROUP}/{pool.path}')):
        seen.append(cpu(pool))
    worker.result()
    seen.append(cpu(pool))
    tap.note(f'{len(seen)} readings')
    tap.ok(all(a.usage <= b.usage and a.wait <= b.wait and a.switches <= b.switches
               for a, b in zip(seen, seen[1:])), 'figures never fall while cgroups come and go')
    close(seen[-1].usage, stat(pool.path)['usage'], 'and are right in the end')
    worker.end()
    pool.remove()


def come_and_go(path, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        name = bc.mkdir(f'{path}/x')
        pid = os.fork()
        if not pid:
            bc.attach(name, 0)
            for _ in range(50000):
                pass
            os._exit(0)         # pylint: disable=protected-access
        os.waitpid(pid, 0)
        bc.rmdir(name)
    bc.mkdir(f'{path}/done')


# ---- settings

def weight(pool):
    return int(bc.read(f'{pool.path}/cpu.weight'))


def quota(pool):
    return bc.read(f'{pool.path}/cpu.max').split()


def check_settings():
    pool = bc.Pool('set')
    got = settings(pool)
    tap.equal({name: s.value for name, s in got.items() if name.startswith('cpu.')},
              {'cpu.shares': 1000, 'cpu.limit': genl.UNLIMITED, 'cpu.reservation': 0,
               'cpu.expandable': 0}, 'a new pool has the settings of a new cgroup')
    tap.equal({s.flags for name, s in got.items() if name.startswith('cpu.')}, {genl.F_EFFECTIVE},
              'which act, and were not set')
    tune(pool, shares=2000, limit=150 * PERCENT)
    tap.equal((weight(pool), quota(pool)), (200, ['150000', '100000']),
              'shares are the weight, a limit the quota of its cgroup')
    bc.write(f'{pool.path}/cpu.max', '20000 50000')
    tap.equal(value(pool, 'cpu.limit'), 40 * PERCENT, 'what is told is what is in force')
    bc.write(f'{pool.path}/cpu.weight', '300')
    tap.equal(value(pool, 'cpu.shares'), 3000, 'whoever has set it')
    tune(pool, limit=30 * PERCENT)
    tap.equal(quota(pool), ['30000', '100000'], 'a limit is set again')
    pool.delete()
    tap.equal((weight(pool), quota(pool)), (300, ['20000', '50000']),
              'a deleted pool leaves what others had set')
    bc.rmdir(pool.path)
    pool = pool_with('set', shares=8, limit=None)
    tap.equal(weight(pool), 1, 'the smallest number of shares')
    tune(pool, shares=500000)
    tap.ok(weight(pool) in (10000, 25600) and value(pool, 'cpu.shares') == 500000,
           'the largest: more than the kernel has, and shows, but known', weight(pool))
    refused(lambda: tune(pool, shares=7), errno.ERANGE, 'range', 'fewer shares')
    refused(lambda: tune(pool, limit=PERCENT - 1), errno.ERANGE, 'range', 'a limit below 1 %')
    bc.write(f'{pool.path}/cpu.idle', '1')
    refused(lambda: tune(pool, shares=100, limit=10 * PERCENT), errno.EINVAL, 'cpu.idle',
            'shares of an idle cgroup')
    tap.equal(quota(pool)[0], 'max', 'and nothing else of the request is done')
    bc.write(f'{pool.path}/cpu.idle', '0')
    bc.write(f'{pool.path}/cpu.weight', '100')
    tune(pool, shares=1000)
    pool.remove()


def check_reservations():
    top = pool_with('top')
    left = cpu(top)
    tap.equal((cpu('host').entitlement, cpu('host').reservable), (CPUS * ONE, CPUS * ONE),
              'the host can reserve all CPUs')
    tap.equal((left.entitlement, left.reservable), (CPUS * ONE // 2, 0),
              'a pool beside another is entitled to half; it backs nothing without a reservation')
    refused(lambda: tune(top, reservation=CPUS * ONE + PERCENT), errno.ENOSPC,
            f'{CPUS * 100}.00% of a CPU is left', 'more than there is')
    tune(top, reservation=80 * PERCENT)
    tap.equal(cpu('host').reservable, CPUS * ONE - 80 * PERCENT, 'what is left at the top')
    enable(top.path)
    one, two = pool_with('one', top), pool_with('two', top)
    tune(one, reservation=50 * PERCENT)
    refused(lambda: tune(two, reservation=31 * PERCENT), errno.ENOSPC, '30.00% of a CPU is left',
            'more than the parent has left')
    tune(two, reservation=30 * PERCENT)
    tap.equal(cpu(top).reservable, 0, 'nothing is left')
    refused(lambda: tune(top, reservation=79 * PERCENT), errno.EBUSY, 'below have 80.00%',
            'less than the pools below have')
    refused(lambda: tune(top, limit=79 * PERCENT), errno.EINVAL, 'limit',
            'a limit below the reservation')
    tune(top, expandable=1)
    tap.equal(cpu(top).reservable, CPUS * ONE - 80 * PERCENT, 'expandable: what the host has left')
    tune(two, reservation=50 * PERCENT)
    tap.equal(cpu('host').reservable, CPUS * ONE - ONE, 'from where it is taken')
    refused(lambda: tune(top, expandable=0), errno.EBUSY, 'below have 100.00%',
            'not expandable any more')
    tune(one, reservation=0)
    tune(two, reservation=0, shares=3000)
    tune(top, expandable=0)
    tap.equal([cpu(pool).entitlement // 1000 for pool in (one, two)],
              [CPUS * ONE // 8000, CPUS * ONE * 3 // 8000], 'entitlement by shares')
    tune(one, reservation=60 * PERCENT)
    tune(top, limit=80 * PERCENT)
    tap.equal([round(cpu(pool).entitlement / PERCENT) for pool in (top, one, two)], [80, 60, 20],
              'under a limit, with a reservation')
    tap.between(weight(one), 898, 902, 'which the weight enforces: 60:20 is 9000:3000')
    tap.equal((value(one, 'cpu.shares'), weight(two)), (1000, 300), 'shares stay what they are')
    three = pool_with('three', top, shares=1000)
    tap.between(weight(one), 1190, 1210, 'a new neighbour: 60:20 is 12000:4000')
    three.remove()
    tap.between(weight(one), 898, 902, 'which goes')
    tune(one, reservation=0)
    tap.equal((weight(one), weight(two)), (100, 300), 'without a reservation all is as before')
    for pool in one, two, top:
        pool.remove()


def check_bctl():
    """The controller is switched on where it is needed; nothing is left when it cannot be."""
    def controllers(path):
        return bc.read(f'{path}/cgroup.subtree_control' if path else 'cgroup.subtree_control').split()
    tap.ok('cpu' not in controllers(''), 'so far nobody needs the controller')
    done = bc.bctl('pool', 'create', 'web', 'cpu.shares=2000', 'cpu.limit=30%')
    tap.equal(done.returncode, 0, 'bctl pool create with settings')
    tap.ok('cpu' in controllers('') and 'cpu' in controllers('bc'), 'switches the controller on',
           done.stderr)
    tap.equal((bc.read('bc/web/cpu.weight').strip(), bc.read('bc/web/cpu.max').strip()),
              ('200', '30000 100000'), 'and sets them')
    done = bc.bctl('pool', 'set', 'web', 'cpuunits=500', 'cpu.limit=unlimited',
                   f'cpu.reservation={CPUS * 50}%')
    tap.equal((done.returncode, bc.read('bc/web/cpu.max').split()[0]), (0, 'max'),
              'bctl pool set changes them')
    done = bc.bctl('pool', 'create', 'two', f'cpu.reservation={CPUS * 50 + 1}%')
    tap.ok(done.returncode == 2 and f'{CPUS * 50}.00% of a CPU is left' in done.stderr,
           'a reservation that cannot be backed: what is left', done.stderr)
    tap.ok(not os.path.exists(f'{bc.CGROUP}/bc/two'), 'and nothing is made')
    member = bc.Member('bc/web')
    done = bc.bctl('pool', 'create', 'sub', '--parent', 'web', 'cpu.shares=500')
    tap.ok(done.returncode == 2 and 'the cpu controller cannot be enabled below' in done.stderr and
           'processes' in done.stderr, 'below a cgroup with processes: why not', done.stderr)
    tap.ok(not os.path.exists(f'{bc.CGROUP}/bc/web/sub'), 'and nothing is made of that')
    member.end()
    bc.bctl('pool', 'delete', 'web')
    for path in 'bc', '':
        if 'cpu' in controllers(path):
            enable(path, '-')


bc.anchor()
pools = check_accounting()
check_books(*pools)
fading = Fading()
fading.end()
check_many_removals()
check_bctl()
fading.check()
enable('')
bc.mkdir(bc.BASE)
enable(bc.BASE)
check_settings()
check_reservations()
bc.finish()
