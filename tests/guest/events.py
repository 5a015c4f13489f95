#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.1
# timeout: 240
"""Events: who was refused what by whom, bounded in number and never silently lost."""
import errno
import json
import os
import select
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402

PER_SECOND = 20


def refused_in_pid_namespace():
    """The same by a process that believes to be number 1."""
    bc.libc.syscall(272, 1 << 29)
    pid = os.fork()
    if not pid:
        bc.set_name('bc-inner')
        bc.errno_of(bc.mmap, 1 << 20)
        os._exit(0)             # pylint: disable=protected-access
    os.waitpid(pid, 0)
    return pid


class Listener:
    """All events of some groups."""

    def __init__(self, *groups):
        self.client = genl.Client(rcvbuf=1 << 20)
        self.client.subscribe(*groups)
        self.seen = []

    def wait(self, wanted, what=lambda event: True):
        """Poll until there are so many of these; all of them, and forget the rest."""
        def enough():
            self.seen += self.client.events(0.1)
            return len([e for e in self.seen if what(e)]) >= wanted
        tap.poll_until(bc.WAIT, enough)
        found = [e for e in self.seen if what(e)]
        self.seen = []
        return found

    def drain(self):
        self.seen += self.client.events(0.5)
        found, self.seen = self.seen, []
        return found


def check_refusal():
    above = bc.Pool('above')
    leaf = bc.Pool('leaf', parent=above)
    member = bc.Member(leaf)
    member.call(bc.set_name, 'bc-culprit')
    ear = Listener('refusal')
    leaf.set(numproc=(1, 7))
    then = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    member.call(bc.refused_forks, 1)
    event, = ear.wait(1)
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    tap.ok(then <= event.pop('time') <= now, 'an event has the time of the refusal')
    tap.equal(event, {
        'event': genl.REFUSAL, 'id': leaf.id, 'name': 'leaf', 'incarnation': leaf.incarnation,
        'res': genl.RES['numproc'], 'res_name': 'numproc', 'amount': 1, 'held': 1,
        'barrier': 1, 'limit_value': 7, 'origin_id': leaf.id, 'origin_name': 'leaf',
        'pid': member.pid, 'comm': 'bc-culprit', 'suppressed': 0},
        'a refused fork: resource, amount, figures, level, culprit')

    leaf.set(numproc=None)
    held = bc.held(above, 'privvmpages')
    above.set(privvmpages=held + 10)
    member.call(bc.refused_maps, 12345, 1)
    event, = ear.wait(1)
    tap.equal([event[key] for key in ('name', 'id', 'origin_name', 'origin_id')],
              ['above', above.id, 'leaf', leaf.id],
              'refused by an ancestor: the event is about that, its origin is the leaf')
    tap.equal([event[key] for key in ('res_name', 'amount', 'held', 'barrier', 'pid', 'comm')],
              ['privvmpages', 12345, held, held + 10, member.pid, 'bc-culprit'],
              'a refused mapping')
    tap.equal(event['limit_value'], held + 10, 'with its limit')
    above.set(privvmpages=None)
    leaf.set(privvmpages=bc.held(leaf, 'privvmpages') + 20000)
    inner = member.call(refused_in_pid_namespace)
    event, = ear.wait(1)
    tap.equal([event['pid'], event['comm']], [inner, 'bc-inner'],
              'a culprit in a container has the number that the host knows it by')
    tap.equal(ear.drain(), [], 'no event is sent twice')
    member.end()
    return above, leaf


def check_storm(above, leaf):
    """Far more refusals than may be told, by two processes, at two levels."""
    ear = Listener('refusal')
    quiet = bc.nl.info()['suppressed']
    leaf.set(privvmpages=None, numproc=2)
    above.set(privvmpages=None)
    members = [bc.Member(leaf) for _ in range(2)]
    before = {p.name: {res: r.failcnt for res, r in bc.figures(p).items()} for p in (above, leaf)}
    above.set(privvmpages=bc.held(above, 'privvmpages') + 100)
    then = time.monotonic()
    rounds = 0
    while rounds < 3 or time.monotonic() - then < 1.2:
        for member in members:
            member.start(bc.refused_maps, 5000, 200)
        for member in members:
            member.result()
        members[0].call(bc.refused_forks, 30)
        rounds += 1
    took = time.monotonic() - then

    def balance():
        """Refusals that are neither told nor announced as suppressed."""
        told = sum(1 + e['suppressed'] for e in ear.seen)
        counted = sum(r.failcnt - before[p.name][res] for p in (above, leaf)
                      for res, r in bc.figures(p).items())
        return counted - told

    burst = None
    for _ in range(100):
        ear.seen += ear.client.events(0.2)
        burst = burst or len(ear.seen)
        if not balance():
            break
        # what is still owed comes with the next event of each pool
        members[0].call(bc.refused_maps, 5000, 1)
        members[1].call(bc.refused_forks, 1)
    tap.between(burst, 2, PER_SECOND * 2 * 2 * (int(took) + 2),
                f'a storm of some {rounds * 430} refusals is told in few events')
    tap.equal(balance(), 0, 'events and what they say was suppressed add up to the failures')
    tap.equal(bc.nl.info()['suppressed'] - quiet, sum(e['suppressed'] for e in ear.seen),
              'the total of what was suppressed agrees')
    by_level = {name: sum(1 + e['suppressed'] for e in ear.seen if e['name'] == name)
                for name in ('above', 'leaf')}
    tap.equal(by_level, {p.name: sum(r.failcnt - before[p.name][res]
                                     for res, r in bc.figures(p).items()) for p in (above, leaf)},
              'at each level')
    tap.ok(all(e['pid'] in [m.pid for m in members] for e in ear.seen), 'no culprit is made up')
    for member in members:
        member.end()
    leaf.remove()
    above.remove()
    bc.wait_gone()


def check_life():
    ear = Listener('pool')
    pool = bc.Pool('life')
    pool.set(numproc=5)
    member = bc.Member(pool)
    pool.delete()
    found = ear.wait(4)
    tap.equal([(e['event'], e['name'], e['id'], e['incarnation']) for e in found],
              [(kind, 'life', pool.id, pool.incarnation) for kind in
               (genl.EV_NEW, genl.EV_SET, genl.EV_DYING, genl.EV_GONE)],
              'the life of a pool is told: new, set, dying, gone')
    times = [e['time'] for e in found]
    tap.equal(times, sorted(times), 'in this order')
    member.end()
    zombie_pool = bc.Pool('life')
    holder = bc.Member()
    holder.call(fork_into, zombie_pool.path)
    bc.rmdir(zombie_pool.path)
    found = ear.wait(2)
    tap.equal([e['event'] for e in found], [genl.EV_NEW, genl.EV_DYING],
              'a removed cgroup: the pool is dying')
    tap.equal(ear.drain(), [], 'as long as a zombie is left')
    holder.end()
    found = ear.wait(1)
    tap.equal([(e['event'], e['incarnation']) for e in found],
              [(genl.EV_GONE, zombie_pool.incarnation)], 'then it is gone')
    tap.equal(bc.errno_of(bc.nl.set, 'host', {'numproc': (9, 8)}), errno.EINVAL, 'a bad set')
    tap.equal(ear.drain(), [], 'is no event')


def fork_into(path):
    """A zombie in another cgroup."""
    pid = os.fork()
    if not pid:
        bc.attach(path, 0)
        os._exit(0)             # pylint: disable=protected-access
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def lines_of(proc, count):
    """So many lines of its output; fewer if they do not come."""
    found, data = [], b''
    deadline = time.monotonic() + bc.WAIT
    while len(found) < count and time.monotonic() < deadline:
        if not select.select([proc.stdout], [], [], 0.2)[0]:
            continue
        more = os.read(proc.stdout.fileno(), 1 << 16)
        if not more:
            break
        data += more
        *whole, data = data.split(b'\n')
        found += whole
    return found


def check_bctl():
    pool = bc.Pool('watched')
    member = bc.Member(pool)
    member.call(bc.set_name, 'bc "quoted"')
    with subprocess.Popen(['bctl', 'events', '-j', '--timeout', str(bc.WAIT)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as proc:
        tap.equal(proc.stderr.readline(), b'listening\n', 'bctl events says when it listens')
        pool.set(numproc=1)
        member.call(bc.refused_forks, 1)
        member.end()
        pool.remove()
        lines = [json.loads(line) for line in lines_of(proc, 4)]
        proc.send_signal(signal.SIGINT)
        proc.wait()
    tap.equal([line['event'] for line in lines],
              ['pool-set', 'refusal', 'pool-dying', 'pool-gone'],
              'bctl events -j: a line for each event')
    tap.equal({line['schema'] for line in lines}, {'bctl.event/1'}, 'each with its schema')
    refusal = lines[1] if len(lines) > 1 else {}
    tap.equal([refusal.get(key) for key in ('pool', 'resource', 'amount', 'held', 'barrier',
                                            'limit', 'origin', 'pid', 'comm')],
              ['watched', 'numproc', 1, 1, 1, 1, 'watched', member.pid, 'bc "quoted"'],
              'the refusal has it all')
    done = bc.bctl('events', '--timeout', '0.1')
    tap.ok(done.returncode == 0 and not done.stdout, 'bctl events ends after its time', done)


bc.anchor()
check_storm(*check_refusal())
check_life()
check_bctl()
bc.finish()
