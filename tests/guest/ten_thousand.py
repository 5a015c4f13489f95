#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 1500
# long: 6.1 6.12 debug
# vm: own
# vm-args: -m 4096
"""Ten thousand pools: complete and consistent in one dump, and what one of them costs.

Costs are told, not judged; what is judged is how often functions of the module are called.
"""
import errno
import glob
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402

PARENTS = 10
COUNT = int(os.environ.get('BC_POOLS', '2000' if bc.DEBUG_KERNEL else '10000'))
CHILDREN = COUNT // PARENTS - 1
TRACING = '/sys/kernel/tracing'
SAMPLE = '/sys/module/beancounter/parameters/sample_ms'


# what the kernel counts for each cgroup by itself
NATIVE = ('physpages', 'swappages', 'oomguarpages', 'vmguarpages')


def put(path, text):
    with open(path, 'w', encoding='ascii') as f:
        f.write(text)


def load():
    bc.nl.close()
    bc.wait_for(lambda: not subprocess.run(['rmmod', 'beancounter'], capture_output=True,
                                           check=False).returncode, 'rmmod')
    subprocess.run(['insmod', '/root/beancounter.ko', f'max_pools={COUNT}'], check=True)
    bc.nl = genl.Client(timeout=bc.WAIT)
    bc.linger(bc.LINGER)


def memory():
    """What the kernel has for itself, bytes."""
    with open('/proc/meminfo', encoding='ascii') as f:
        found = dict(re.findall(r'^(\w+): +(\d+) kB$', f.read(), re.M))
    return (int(found['Slab']) + int(found['Percpu'])) << 10


class Calls:
    """Which of these functions are called meanwhile, and when: [(name, us)]"""

    def __init__(self, *names):
        self.names, self.found = names, []

    def __enter__(self):
        put(f'{TRACING}/set_ftrace_filter', '\n'.join(self.names))
        put(f'{TRACING}/trace_clock', 'mono')
        put(f'{TRACING}/buffer_size_kb', '16384')
        put(f'{TRACING}/trace', '')
        put(f'{TRACING}/current_tracer', 'function')
        return self

    def __exit__(self, *exc):
        put(f'{TRACING}/tracing_on', '0')
        with open(f'{TRACING}/trace', encoding='ascii') as f:
            self.found = [(name, int(s) * 1000000 + int(us)) for s, us, name in
                          re.findall(r' (\d+)\.(\d{6}): (\w+)(?: \[\w+\])? <-', f.read())]
        put(f'{TRACING}/current_tracer', 'nop')
        put(f'{TRACING}/set_ftrace_filter', '')
        put(f'{TRACING}/tracing_on', '1')

    def count(self, name):
        return sum(found == name for found, _ in self.found)

    def longest(self, first, last):
        """The longest time between a call of one and the next of the other, us."""
        begun, most = 0, 0
        for name, when in self.found:
            begun = when if name == first else begun
            if name == last and begun:
                most = max(most, when - begun)
        return most


def path_of(p, c):
    return f'{bc.BASE}/p{p}/c{c}'


def make_cgroups():
    for p in range(PARENTS):
        bc.mkdir(f'{bc.BASE}/p{p}')
    for path in ['', bc.BASE] + [f'{bc.BASE}/p{p}' for p in range(PARENTS)]:
        bc.write(f'{path}/cgroup.subtree_control'.lstrip('/'), '+memory +cpu')
    for p in range(PARENTS):
        for c in range(CHILDREN):
            os.mkdir(f'{bc.CGROUP}/{path_of(p, c)}')


def make_pools():
    """All of them; how much CPU time each took."""
    took = []
    for p in range(PARENTS):
        bc.nl.new(f'p{p}', f'{bc.BASE}/p{p}')
        for c in range(CHILDREN):
            then = time.process_time()
            bc.nl.new(f'p{p}c{c}', path_of(p, c))
            took.append(time.process_time() - then)
    return took


def check_making():
    make_cgroups()
    before = memory()
    took = make_pools()
    each = (memory() - before) / COUNT
    tap.note(f'{COUNT} pools: {each / 1024:.1f} KiB each')
    tap.ok(each < 64 << 10, 'a pool takes less than 64 KiB', each)
    for last in (100, COUNT // 10, COUNT // 2, len(took)):
        median = sorted(took[last - 100:last])[50]
        tap.note(f'creating pool {last}: {median * 1e6:.0f} us of CPU time')
    tap.equal(bc.nl.info()['pools'], COUNT, f'there are {COUNT} pools')
    bc.mkdir(f'{bc.BASE}/more')
    tap.equal(bc.errno_of(bc.nl.new, 'more', f'{bc.BASE}/more'), errno.ENOSPC,
              'one more than max_pools is refused')
    bc.rmdir(f'{bc.BASE}/more')


def check_dump():
    sizes, found = [], []
    client = genl.Client(recv=1 << 15, timeout=bc.WAIT)
    with Calls('bc_topo_lock', 'bc_topo_unlock') as calls:
        then = time.monotonic()
        client.start_dump(genl.POOL_GET)
        while not any(m.kind in (genl.NLMSG_DONE, genl.NLMSG_ERROR) for m in found[-1:]):
            part = client.receive()
            if not sizes:
                # The rest of the dump has not been asked for yet.
                bc.nl.set('p0c0', {'numproc': 77})
                tap.equal(bc.nl.get('p0c0')['res']['numproc'].barrier, 77,
                          'others are served between two messages of a dump')
            found += part
            sizes.append(sum(len(m.body) + 16 for m in part))
        took = time.monotonic() - then
    client.close()
    pools = [genl.decode_pool(m.payload) for m in found if m.kind == bc.nl.family]
    tap.note(f'dump: {len(sizes)} messages of {max(sizes)} bytes at most in {took * 1000:.0f} ms; '
             f'charging excluded for {calls.longest("bc_topo_lock", "bc_topo_unlock")} us')
    tap.ok(max(sizes) <= 1 << 15 and len(sizes) <= (COUNT + 1) / 10,
           'ten pools and more go into one message of 32 KiB', (len(sizes), max(sizes)))
    want = {'host'} | {f'p{p}' for p in range(PARENTS)} | \
        {f'p{p}c{c}' for p in range(PARENTS) for c in range(CHILDREN)}
    tap.equal((len(pools), {p['name'] for p in pools} ^ want), (COUNT + 1, set()),
              'a dump has each pool once')
    tap.equal((len({p['id'] for p in pools}), len({p['taken'] for p in pools})), (COUNT + 1, 1),
              'of one instant')
    tap.equal((bc.wrong_sums(pools, NATIVE), pools[0]['res']['numproc'].held), ([], 0),
              'every parent is the sum of its children')
    tap.equal(next(p for p in pools if p['name'] == 'p0c0')['res']['numproc'].barrier,
              genl.UNLIMITED, 'what was set meanwhile is not in it')
    tap.ok(not any(m.flags & genl.F_DUMP_INTR for m in found), 'nor does it interrupt the dump')
    bc.nl.set('p0c0', {'numproc': genl.UNLIMITED})


def load_some(stop):
    while not os.path.exists(stop):
        pid = os.fork()
        if not pid:
            os._exit(0)         # pylint: disable=protected-access
        os.waitpid(pid, 0)


def check_consistent():
    stop = '/scratch/stop'
    members = [bc.Member(path_of(p, CHILDREN - 1)) for p in (0, PARENTS - 1)]
    for member in members:
        member.start(load_some, stop)
    seen, wrong = set(), []
    deadline = time.monotonic() + 3 * bc.WAIT
    while len(seen) < 3 and time.monotonic() < deadline:
        pools = bc.nl.dump()
        wrong += bc.wrong_sums(pools, NATIVE)
        seen.add((pools[0]['res']['numproc'].held, pools[0]['res']['numproc'].maxheld,
                  pools[0]['generation']))
    put(stop, '')
    for member in members:
        member.result()
        member.end()
    os.unlink(stop)
    tap.equal(wrong, [], f'{len(seen)} different dumps under load, all sums are right')
    tap.ok(len(seen) > 2, 'the load was there', seen)


def at_rest():
    """What members had is given back a little later than they end."""
    newest = max(p['generation'] for p in bc.nl.dump())
    return not bc.nl.dump(since=newest) and newest


def check_since():
    newest = bc.wait_for(at_rest, 'no change')
    then = time.monotonic()
    tap.equal(bc.nl.dump(since=newest), [], 'nothing has changed since')
    tap.note(f'nothing changed: {(time.monotonic() - then) * 1000:.0f} ms')
    name = f'p{PARENTS - 1}c{CHILDREN - 1}'
    bc.nl.set(name, {'numproc': 5})
    tap.equal([p['name'] for p in bc.nl.dump(since=newest)], [name], 'one has: it is sent')


def check_one():
    """One pool: nobody looks at the others."""
    names = ('bc_cpu_see', 'bc_figures_prepare', 'bc_cpu_fill')
    bc.nl.dump()
    with Calls(*names) as calls:
        got = bc.nl.get('p3c3')
    tap.ok(got['cpu'].known & genl.CPU_ENTITLEMENT and got['cpu'].entitlement > 0,
           'one pool: its entitlement is known')
    for name in names:
        tap.ok(0 < calls.count(name) < 100, f'one pool: few calls of {name}', calls.count(name))
    took = min(timed(bc.nl.get, 'p3c3') for _ in range(20))
    tap.note(f'one pool: {took * 1e6:.0f} us of CPU time')


def timed(func, *args):
    then = time.process_time()
    func(*args)
    return time.process_time() - then


def entitled(name):
    return bc.nl.get(name)['cpu'].entitlement


def check_entitlement():
    """It follows what is set, at once, and what others set in cgroupfs, soon."""
    put(SAMPLE, '60000')
    first = entitled('p3c3')
    bc.nl.tune('p3c4', {'cpu.shares': 500000})
    second = entitled('p3c3')
    tap.ok(second < 0.9 * first, 'another pool of the directory gets more shares: this one less',
           (first, second))
    bc.nl.tune('p3c4', {'cpu.shares': 1000})
    tap.equal(entitled('p3c3'), first, 'and back')
    bc.write(f'{path_of(3, 5)}/cpu.weight', '10000')
    put(SAMPLE, '100')
    tap.ok(tap.poll_until(bc.WAIT, lambda: entitled('p3c3') < first),
           'by cgroupfs: noticed when it is next sampled')
    put(SAMPLE, '60000')
    bc.write(f'{path_of(3, 3)}/cpu.weight', '10000')
    tap.ok(entitled('p3c3') > first, 'its own by cgroupfs: at once')
    for c in (3, 5):
        bc.write(f'{path_of(3, c)}/cpu.weight', '100')
    bc.nl.dump()
    tap.equal(entitled('p3c3'), first, 'a dump has looked at all')
    for p in (3, 4):
        bc.nl.tune(f'p{p}', {'cpu.reservation': 100000000})
    bc.nl.tune('p4c4', {'cpu.reservation': 50000000})
    host, p4 = (bc.nl.get(name)['cpu'].reservable for name in ('host', 'p4'))
    tap.equal((bc.nl.get('p3')['cpu'].reservable, p4,
               os.cpu_count() * 1000000000 - host), (100000000, 50000000, 200000000),
              'reservations: what is left')
    for name in ('p4c4', 'p4', 'p3'):
        bc.nl.tune(name, {'cpu.reservation': 0})
    tap.equal(bc.nl.get('host')['cpu'].reservable, os.cpu_count() * 1000000000, 'given back')


def workers():
    """CPU time of the workers that are bound to no CPU, ns."""
    total = 0
    for path in glob.glob('/proc/[0-9]*/stat'):
        try:
            with open(path, encoding='ascii', errors='replace') as f:
                if '(kworker/u' not in f.read():
                    continue
            with open(path[:-4] + 'schedstat', encoding='ascii') as f:
                total += int(f.read().split()[0])
        except FileNotFoundError:
            pass
    return total


def check_sample():
    """What the worker costs every sample_ms."""
    put(SAMPLE, '60000')
    bc.nl.dump()
    with Calls('bc_snap_look', 'bc_topo_lock', 'bc_topo_unlock') as calls:
        before = workers()
        put(SAMPLE, '60000')
        tap.ok(tap.poll_until(bc.WAIT, lambda: calls_so_far() >= COUNT), 'all are sampled')
        cost = workers() - before
    tap.ok(calls.count('bc_snap_look') <= COUNT + 1, 'once each', calls.count('bc_snap_look'))
    tap.note(f'a sample of all: {cost / 1e6:.1f} ms of CPU time, traced; charging excluded for '
             f'{calls.longest("bc_topo_lock", "bc_topo_unlock")} us at a time')


def calls_so_far():
    with open(f'{TRACING}/trace', encoding='ascii') as f:
        return f.read().count(': bc_snap_look ')


def remove_all():
    then = time.monotonic()
    for p in range(PARENTS):
        for c in range(CHILDREN):
            bc.rmdir(path_of(p, c))
        bc.rmdir(f'{bc.BASE}/p{p}')
    tap.ok(tap.poll_until(3 * bc.WAIT, lambda: len(bc.nl.dump()) == 1),
           'they go with their cgroups')
    tap.note(f'removal of all: {time.monotonic() - then:.1f} s')
    info = bc.nl.info()
    tap.ok(info['closed_kept'] == min(info['closed_max'], COUNT) and
           info['closed_kept'] + info['closed_lost'] == COUNT,
           'closing records: as many as are kept, the others are counted', info)


load()
check_making()
check_dump()
check_consistent()
check_since()
check_one()
check_entitlement()
check_sample()
remove_all()
bc.finish()
