#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: 6.12
# kernels: 6.1 6.12
# timeout: 300
"""A thousand pools: dumps stay complete and consistent, costs do not grow."""
import errno
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402

PARENTS, CHILDREN = 10, 19 if bc.DEBUG_KERNEL else 99
COUNT = PARENTS * (CHILDREN + 1)
DUMP = genl.F_REQUEST | genl.F_DUMP


def load(stop):
    """Forks that map, until that file exists; never the same number of tasks and pages for long."""
    turn = 0
    while not os.path.exists(stop):
        turn += 1
        pids = []
        for _ in range(1 + turn % 3):
            pid = os.fork()
            if not pid:
                for _ in range(20):
                    bc.errno_of(bc.mmap, 10 + turn % 7)
                os._exit(0)     # pylint: disable=protected-access
            pids.append(pid)
        for pid in pids:
            os.waitpid(pid, 0)


def timed(func, *args):
    then = time.monotonic()
    func(*args)
    return time.monotonic() - then


def median(values):
    return sorted(values)[len(values) // 2]


def make():
    """All of them; how long each took."""
    took = []
    for p in range(PARENTS):
        took.append(timed(bc.Pool, f'p{p}'))
        for c in range(CHILDREN):
            path = bc.mkdir(f'{bc.BASE}/p{p}/c{c}')
            took.append(timed(bc.nl.new, f'p{p}c{c}', path))
    return took


def names():
    return {f'p{p}' for p in range(PARENTS)} | \
        {f'p{p}c{c}' for p in range(PARENTS) for c in range(CHILDREN)}


def check_costs(took):
    first, last = sorted(took[1:101]), sorted(took[-100:])
    tap.note(f'creation: {median(first) * 1000:.2f} ms each at first, '
             f'{median(last) * 1000:.2f} ms in the end')
    # generous, for a busy machine; with -i the numbers are exact
    tap.ok(median(last) < 5 * median(first) + 0.001, f'creating number {COUNT} costs what number 2 did')

    def look_up(name):
        return min(timed(bc.nl.get, name) for _ in range(100))
    old, new = look_up('p0c1'), look_up(f'p{PARENTS - 1}c{CHILDREN - 1}')
    tap.note(f'look-up: {old * 1000:.2f} ms for an old one, {new * 1000:.2f} ms for a new one')
    tap.ok(new < 5 * old + 0.001, 'looking up a new one costs what an old one does')
    then = time.monotonic()
    bc.nl.dump()
    tap.note(f'dump: {(time.monotonic() - then) * 1000:.0f} ms')


def check_complete():
    pools = bc.nl.dump()
    found = [p['name'] for p in pools]
    tap.equal((len(found), set(found)), (COUNT + 1, names() | {'host'}), 'a dump has each pool once')
    tap.equal(len({p['id'] for p in pools}), COUNT + 1, 'no id comes twice')
    tap.equal(len({p['incarnation'] for p in pools}), COUNT + 1, 'nor an incarnation')
    seen = {None}
    for pool in pools:
        if pool.get('parent') not in seen:
            seen.add('wrong')
        seen.add(pool['name'])
    tap.ok('wrong' not in seen, 'parents come before their children')
    tap.equal(bc.nl.info()['pools'], COUNT, 'and the number is right')
    shown = bc.bctl_json('pool', 'list')['pools']
    tap.equal({p['name'] for p in shown}, set(found), 'bctl shows them all')


def check_consistent():
    members = [bc.Member(f'{bc.BASE}/p{p}/c{c}')
               for p, c in ((0, 0), (0, 1), (PARENTS - 1, CHILDREN - 1))]
    wrong, seen, dumps = [], set(), 0
    deadline = time.monotonic() + bc.WAIT
    with tempfile.TemporaryDirectory() as folder:
        for member in members:
            member.start(load, f'{folder}/stop')
        while dumps < 8 or (len(seen) < 3 and time.monotonic() < deadline):
            pools = bc.nl.dump()
            wrong += bc.wrong_sums(pools)
            seen.add(tuple(pools[0]['res'][r].held for r in ('numproc', 'privvmpages')))
            dumps += 1
        with open(f'{folder}/stop', 'wb'):
            pass
        for member in members:
            member.result()
    tap.equal(wrong, [], f'{dumps} dumps under load: every parent is the sum of its children')
    tap.ok(len(seen) > 2, f'the load was there: {len(seen)} different sums')
    for member in members:
        member.end()
    tap.equal(bc.wrong_sums(bc.nl.dump()), [], 'and at rest')


def check_since():
    pools = bc.nl.dump()
    newest = max(p['generation'] for p in pools)
    tap.equal(bc.nl.dump(since=newest), [], 'nothing has changed since the newest generation')
    bc.nl.set('p3c3', {'numproc': 50})
    changed = bc.nl.dump(since=newest)
    tap.equal([p['name'] for p in changed], ['p3c3'], 'a limit was set: only that pool is sent')
    newest = max(p['generation'] for p in changed)
    member = bc.Member(f'{bc.BASE}/p4/c4')
    changed = bc.nl.dump(since=newest)
    tap.equal({p['name'] for p in changed}, {'host', 'p4', 'p4c4'},
              'a process came: its pool and those above are sent')
    newest = max(p['generation'] for p in changed)
    bc.nl.set('p4c4', {'numproc': 1})
    newest = max(p['generation'] for p in bc.nl.dump(since=newest))
    tap.equal(member.call(bc.fork_until_refused, 5)[0], 0, 'the next process is refused')
    changed = {p['name']: p for p in bc.nl.dump(since=newest)}
    tap.equal([changed[n]['res']['numproc'].failcnt for n in changed if n == 'p4c4'], [1],
              'a refusal is a change of the pool that refused')
    newest = max([newest] + [p['generation'] for p in changed.values()])
    bc.write('cgroup.subtree_control', '+memory')
    bc.write(f'{bc.BASE}/cgroup.subtree_control', '+memory')
    changed = {p['name'] for p in bc.nl.dump(since=newest)}
    tap.equal(changed, {'host'} | {f'p{p}' for p in range(PARENTS)},
              'the kernel counts for some pools from now on: they are sent')
    newest = max(p['generation'] for p in bc.nl.dump())
    bc.write(f'{bc.BASE}/p7/memory.high', str(1 << 30))
    changed = bc.nl.dump(since=newest)
    tap.equal([p['res']['physpages'].barrier for p in changed if p['name'] == 'p7'],
              [(1 << 30) // bc.PAGE], 'a limit that somebody else has set in cgroupfs')
    newest = max(p['generation'] for p in changed)
    bc.nl.tune('p6c6', {'io.rbps': 1 << 20})
    tap.ok('p6c6' in {p['name'] for p in bc.nl.dump(since=newest)}, 'a setting')
    bc.write(f'{bc.BASE}/p7/memory.high', 'max')
    bc.write(f'{bc.BASE}/cgroup.subtree_control', '-memory')
    bc.write('cgroup.subtree_control', '-memory')
    member.end()
    bc.nl.set('p4c4', {'numproc': genl.UNLIMITED})
    tap.equal(len(bc.nl.dump(since=0)), COUNT + 1, 'since 0 is everything')


def check_small_buffer():
    """The least receive buffer, one message read at a time."""
    deep = bc.BASE + '/p0/c0'
    for number in range(14):
        deep += '/' + str(number) + 'x' * 240
    bc.mkdir(deep)
    newest = max(p['generation'] for p in bc.nl.dump())
    bc.nl.new('deep', path=deep)
    for what, client in (('smallest receive buffer', genl.Client(rcvbuf=1)),
                         ('small reads', genl.Client(recv=8192))):
        found = {p['name']: p for p in client.dump()}
        tap.equal(len(found), COUNT + 2, f'{what}: the dump is complete')
        tap.equal(found['deep']['cgroup_path'], deep, 'a path of 3,500 bytes included')
        tap.equal([p['name'] for p in client.dump(since=newest)], ['deep'],
                  'even if it is the first to be sent')
        client.close()
    bc.nl.delete('deep')
    bc.wait_gone()


def check_interrupted():
    """Pools that come and go between two parts of a dump."""
    client = genl.Client(recv=8192)
    for name in 'p5/more', 'p5/again':
        bc.mkdir(f'{bc.BASE}/{name}')
    # each one is a change by 1, so two of a kind tell whether any change will do
    for what, change, args in (('created', bc.nl.new, ('more', f'{bc.BASE}/p5/more')),
                               ('created', bc.nl.new, ('again', f'{bc.BASE}/p5/again')),
                               ('deleted', bc.nl.delete, ('more',)),
                               ('deleted', bc.nl.delete, ('again',))):
        bc.wait_gone()
        count = len(bc.nl.dump())
        client.start_dump(genl.POOL_GET)
        found = client.receive()
        change(*args)
        while not any(m.kind in (genl.NLMSG_DONE, genl.NLMSG_ERROR) for m in found):
            found += client.receive()
        tap.ok(any(m.flags & genl.F_DUMP_INTR for m in found),
               f'{args[0]} is {what} during a dump: it is marked as interrupted')
        pools = [genl.decode_pool(m.payload) for m in found if m.kind == client.family]
        tap.equal((len(pools), bc.wrong_sums(pools)), (count, []), 'but still shows one instant')
    bc.wait_gone()
    client.start_dump(genl.POOL_GET)
    client.receive()
    client.close()
    tap.equal(len(bc.nl.dump()), COUNT + 1, 'a dump that is given up does no harm')
    client = genl.Client(recv=8192)
    client.start_dump(genl.POOL_GET)
    client.receive()
    tap.equal(bc.errno_of(client.dump), errno.EBUSY, 'a second dump on the same socket has to wait')
    client.close()


def check_shared():
    """What others look at while a dump is being sent is not in it."""
    seen = {p['name']: p for p in bc.nl.dump()}
    client = genl.Client(recv=8192)
    client.start_dump(genl.POOL_GET)
    found = client.receive()
    bc.nl.set(f'p{PARENTS - 1}c0', {'numproc': 77})
    member = bc.Member(f'{bc.BASE}/p{PARENTS - 1}/c1')
    newest = {p['name']: p for p in bc.nl.dump()}
    alone = bc.nl.get(f'p{PARENTS - 1}c0')
    detailed = bc.nl.dump(detail=True)
    bc.nl.dump(reader='shared')
    taken = bc.nl.dump(reader='shared')
    while not any(m.kind in (genl.NLMSG_DONE, genl.NLMSG_ERROR) for m in found):
        found += client.receive()
    shown = {p['name']: p for p in (genl.decode_pool(m.payload) for m in found
                                    if m.kind == client.family)}
    client.close()
    tap.equal([name for name in seen if genl.still(shown[name])['res'] !=
               genl.still(seen[name])['res']], [],
              'others looked, and figures changed: a dump under way still shows its instant')
    tap.equal((len({p['taken'] for p in shown.values()}), any('memory' in p for p in shown.values()),
               any(r.flags & genl.F_PEAK for p in shown.values() for r in p['res'].values())),
              (1, False, False), 'of one time, without the details and peaks of others')
    tap.equal((newest[f'p{PARENTS - 1}c0']['res']['numproc'].barrier, alone['res']['numproc'].limit,
               newest[f'p{PARENTS - 1}c1']['res']['numproc'].held,
               newest[f'p{PARENTS - 1}']['res']['numproc'].held), (77, 77, 1, 1),
              'who looks later sees what has changed')
    again = bc.nl.dump()
    tap.equal([any('memory' in p for p in pools) for pools in (detailed, again)],
              ['physpages' in seen['p0']['res'], False], 'details are in the answer with them alone')
    tap.equal([any(p['res']['numproc'].flags & genl.F_PEAK for p in pools)
               for pools in (taken, again)], [True, False], 'a reader\'s peaks are nobody else\'s')
    bc.nl.forget('shared')
    member.end()
    bc.nl.set(f'p{PARENTS - 1}c0', {'numproc': genl.UNLIMITED})


def check_messages():
    """Pools go out in a handful of large messages, and none is torn."""
    client = genl.Client(recv=1 << 15)
    client.start_dump(genl.POOL_GET)
    sizes, kinds = [], set()
    while not kinds & {genl.NLMSG_DONE, genl.NLMSG_ERROR}:
        part = client.receive()
        kinds |= {m.kind for m in part}
        sizes.append(sum(len(m.payload) + 20 for m in part))
    client.close()
    tap.note(f'a dump of {COUNT + 1} pools: {len(sizes)} parts of {max(sizes)} bytes at most')
    tap.ok(max(sizes) <= 1 << 15 and len(sizes) <= (COUNT + 1) / 10,
           'ten pools and more go into one part of 32 KiB', sizes)


def delete_all():
    half = PARENTS // 2
    then = time.monotonic()
    gone = 0
    for c in range(0, CHILDREN, 10):
        for p in range(half):
            bc.nl.delete(f'p{p}c{c}')
            gone += 1
    tap.note(f'deletion: {(time.monotonic() - then) / gone * 1000:.1f} ms each')
    tap.equal(len(bc.dump()), COUNT - gone, f'{gone} pools are deleted')
    then = time.monotonic()
    for p in range(PARENTS):
        for name in reversed(bc.subtree(f'{bc.BASE}/p{p}')):
            bc.rmdir(name)
    tap.ok(tap.poll_until(bc.WAIT, lambda: len(bc.nl.dump()) == 1),
           'the others go with their cgroups', len(bc.nl.dump()))
    tap.note(f'removal of all: {time.monotonic() - then:.1f} s')


costs = make()
check_costs(costs)
check_complete()
check_consistent()
check_since()
check_small_buffer()
check_interrupted()
check_shared()
check_messages()
delete_all()
bc.finish()
