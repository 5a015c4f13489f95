#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.12
# timeout: 400
"""Thresholds: coming near a barrier is told once, and going away from it."""
import ctypes
import errno
import json
import os
import re
import select
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402

RES = genl.RES
ear = genl.Client(rcvbuf=1 << 20)
ear.subscribe('threshold')


def fork_more(count):
    for _ in range(count):
        bc.fork_idle()


_mapped = []


def map_some(pages):
    _mapped.append((bc.mmap(pages), pages))


def unmap_one():
    bc.munmap(*_mapped.pop())


def unmap_all():
    while _mapped:
        unmap_one()


def map_and_unmap(pages, count):
    for _ in range(count):
        bc.munmap(bc.mmap(pages), pages)


def touch_some(pages):
    map_some(pages)
    ctypes.memset(_mapped[-1][0], 1, pages * bc.PAGE)


def wait(count):
    """So many events; all that have come."""
    seen = []

    def enough():
        seen.extend(ear.events(0.1))
        return len(seen) >= count
    tap.poll_until(bc.WAIT, enough)
    return seen


def silent():
    """Nothing comes for longer than the worker takes to look twice."""
    return ear.events(1.2) == []


def brief(events):
    return [(e['direction'], e['percent'], e['held'], e['barrier']) for e in events]


def rose(event, percent, least, barrier):
    """The most that was held until it is told may be more than at the crossing."""
    return (brief([event])[0][:2] == (genl.UP, percent) and event['barrier'] == barrier and
            least <= event['held'] <= barrier)


def check_charged():
    pool = bc.Pool('web', numproc=10)
    member = bc.Member(pool)
    bc.nl.thresholds('web', {'numproc': (80, 50)})
    tap.equal(bc.nl.get('web')['thresholds'], {'numproc': (80, 50, 0)}, 'a threshold is shown')
    then = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    member.call(fork_more, 6)
    tap.ok(silent(), 'below it nothing is told')
    member.call(fork_more, 1)
    event, = wait(1)
    tap.ok(then <= event.pop('time') <= time.clock_gettime_ns(time.CLOCK_BOOTTIME),
           'the event has the time of the crossing')
    tap.equal(event, {'event': genl.EV_THRESHOLD, 'id': pool.id, 'name': 'web',
                      'incarnation': pool.incarnation, 'res': RES['numproc'],
                      'res_name': 'numproc', 'held': 8, 'barrier': 10, 'percent': 80,
                      'direction': genl.UP, 'suppressed': 0},
              'reaching 80 % of the barrier is told')
    tap.equal(bc.nl.get('web')['thresholds'], {'numproc': (80, 50, 1)}, 'and shown')
    member.call(fork_more, 2)
    tap.equal(bc.held(pool, 'numproc'), 10, 'up to the barrier')
    tap.ok(silent(), 'it is told once')
    member.call(bc.end_children)
    event, = wait(1)
    tap.ok(brief([event])[0][:2] == (genl.DOWN, 50) and event['held'] <= 5,
           'falling is told, too', event)
    member.call(fork_more, 7)
    event, = wait(1)
    tap.ok(rose(event, 80, 8, 10), 'and then rising again', event)
    member.call(bc.end_children)
    wait(1)
    return pool, member


def check_short(pool, member):
    """Up and down again before anybody has looked."""
    for _ in range(3):
        member.call(fork_more, 9)
        member.call(bc.end_children)
    events = wait(2)
    tap.ok(rose(events[0], 80, 8, 10) and events[1]['direction'] == genl.DOWN and
           events[1]['held'] <= 5, 'a short visit is told with what was held then', brief(events))
    tap.poll_until(bc.WAIT, lambda: not bc.nl.get(pool.name)['thresholds']['numproc'][2])
    while ear.events(0.6):
        pass


def check_barrier(pool, member):
    """The figures follow the barrier."""
    member.call(fork_more, 4)
    pool.set(numproc=6)
    tap.equal(brief(wait(1)), [(genl.UP, 80, 5, 6)], 'a barrier that comes down is a crossing')
    pool.set(numproc=20)
    tap.equal(brief(wait(1)), [(genl.DOWN, 50, 5, 20)], 'one that goes up the other')
    pool.set(numproc=6)
    wait(1)
    pool.set(numproc=None)
    tap.equal(brief(wait(1)), [(genl.DOWN, 50, 5, genl.UNLIMITED)], 'without a barrier nothing is near')
    member.call(fork_more, 20)
    tap.ok(silent(), 'whatever is held')
    member.call(bc.end_children)
    pool.set(numproc=4)
    bc.nl.thresholds('web', {'numproc': (0,)})
    member.call(fork_more, 3)
    tap.ok(silent() and 'thresholds' not in bc.nl.get('web'), 'a threshold can be removed')
    bc.nl.thresholds('web', {'numproc': (100, 99)})
    tap.equal(brief(wait(1)), [(genl.UP, 100, 4, 4)], 'what is above already is told at once')
    pool.set(numproc=0)
    member.call(bc.end_children)
    tap.ok(len(ear.events(1.2)) <= 1 and silent(), 'a barrier of 0 is no endless story')
    bc.nl.thresholds('web', {'numproc': (0,)})
    pool.set(numproc=None)
    ear.events(0.5)


def check_derived(pool, member):
    """What is charged is an upper bound; only what is held is told."""
    held = bc.held(pool, 'privvmpages')
    pool.set(privvmpages=held + 10000)
    bc.nl.thresholds('web', {'privvmpages': (90, 85)})
    rise = held + 10000 - (held + 10000) // 10
    member.call(map_and_unmap, rise - held - 500, 50)
    tap.ok(silent(), 'mapping and unmapping below it, again and again: nothing is told')
    member.call(map_some, rise - held + 100)
    event, = wait(1)
    tap.ok(event['direction'] == genl.UP and event['held'] >= rise - 2000, 'above: told', event)
    member.call(unmap_all)
    event, = wait(1)
    tap.ok(event['direction'] == genl.DOWN and event['held'] < rise,
           'munmap is not hooked, and its effect is told all the same', event)
    pool.set(privvmpages=None)
    bc.nl.thresholds('web', {'privvmpages': (0,)})


def controller(sign):
    """The memory controller for the pools right below the test's directory, or not."""
    for path in ('cgroup.subtree_control', f'{bc.BASE}/cgroup.subtree_control')[::int(sign + '1')]:
        bc.write(path, f'{sign}memory')


def check_native():
    """What the kernel itself counts is looked at now and then, both ways."""
    def refused(res):
        return bc.errno_of(bc.nl.thresholds, 'mem', {res: (50, 25)})
    pool = bc.Pool('mem')
    tap.equal(refused('physpages'), errno.EOPNOTSUPP, 'memory without its controller: refused')
    controller('+')
    tap.equal([refused(res) for res in ('kmemsize', 'dcachesize', 'numiptent', 'vmguarpages')],
              [errno.EOPNOTSUPP] * 4, 'refused: details, and what is not known')
    tap.equal(bc.errno_of(bc.nl.thresholds, 'host', {'physpages': (50, 25)}), errno.EOPNOTSUPP,
              'refused: memory of the host')
    member = bc.Member(pool)
    pool.set(physpages=(None, 16384))
    bc.nl.thresholds('mem', {'physpages': (50, 25), 'swappages': (50, 25)})
    tap.equal(bc.nl.get('mem')['thresholds'], {'physpages': (50, 25, 0), 'swappages': (50, 25, 0)},
              'physpages and swappages can have thresholds')
    tap.ok(silent(), 'below it nothing is told')
    for again in ('', ', and again'):
        member.call(touch_some, 6000)
        member.call(touch_some, 3000)
        event, = wait(1)
        tap.ok(brief([event])[0][:2] == (genl.UP, 50) and 8192 <= event['held'] <= 16384 and
               event['barrier'] == 16384 and event['res_name'] == 'physpages',
               f'half of the limit is held: told{again}', event)
        tap.ok(silent(), 'once')
        tap.equal(bc.nl.get('mem')['thresholds']['physpages'], (50, 25, 1), 'and shown')
        member.call(unmap_one)
        tap.ok(bc.held(pool, 'physpages') < 8192 and silent(), 'less than half: not yet')
        member.call(unmap_all)
        event, = wait(1)
        tap.ok(brief([event])[0][:2] == (genl.DOWN, 25) and event['held'] <= 4096,
               'and then a quarter', event)
    member.call(touch_some, 2000)
    pool.set(physpages=(3000, 1 << 20))
    tap.equal(brief(wait(1))[0][3], 3000, 'a barrier comes first')
    pool.set(physpages=None)
    tap.equal(brief(wait(1))[0][::3], (genl.DOWN, genl.UNLIMITED), 'none: nothing is near')
    pool.set(physpages=(None, 16384))
    bc.nl.thresholds('mem', {'physpages': (0,), 'swappages': (0,)})
    member.call(touch_some, 9000)
    tap.ok(silent() and 'thresholds' not in bc.nl.get('mem'), 'they can be removed')
    bc.nl.thresholds('mem', {'physpages': (50, 25)})
    tap.equal(brief(wait(1))[0][:2], (genl.UP, 50), 'what is above already is told')
    controller('-')
    member.call(unmap_all)
    tap.ok(silent(), 'without the controller nothing is')
    member.end()
    pool.remove()


def check_levels(pool):
    """Each level has its own; charges from below count."""
    child = bc.Pool('child', parent=pool)
    pool.set(numproc=10)
    child.set(numproc=5)
    member = bc.Member(child)
    bc.nl.thresholds('web', {'numproc': (60, 30)})
    bc.nl.thresholds('child', {'numproc': (60, 30)})
    ear.events(0.5)
    member.call(fork_more, 3)
    tap.equal([e['name'] for e in wait(1)], ['child'], 'the child is near its barrier')
    other = bc.Member(pool)
    other.call(fork_more, 1)
    tap.equal([e['name'] for e in wait(1)], ['web'], 'the parent is, by the sum of both')
    other.end()
    member.end()
    tap.equal(sorted(e['name'] for e in wait(2)), ['child', 'web'], 'and both fall')
    child.remove()


def check_bad():
    def refused(*body):
        return bc.errno_of(bc.nl.request, genl.THRESHOLD_SET, b''.join(body))
    name = genl.attr('name', 'web')
    before = bc.nl.get('web')['thresholds']
    good = genl.threshold('privvmpages', 50, 40)
    for what, body in (('nothing', b''), ('an unknown resource', genl.threshold(99, 50, 40)),
                       ('101 %', genl.threshold('numproc', 101, 40)),
                       ('equal percents', genl.threshold('numproc', 50, 50)),
                       ('a fall above', genl.threshold('numproc', 50, 60)),
                       ('one percent', genl.threshold('numproc', 50)),
                       ('0 and another', genl.threshold('numproc', 0, 0)),
                       ('a resource twice', good + good)):
        tap.equal(refused(name, good if body and body != good + good else b'', body), errno.EINVAL,
                  f'refused: {what}')
    tap.equal(refused(genl.attr('name', 'nobody'), good), errno.ENOENT, 'refused: no such pool')
    tap.equal(bc.nl.get('web')['thresholds'], before, 'and nothing was changed')


def check_bctl(pool):
    bc.nl.thresholds('web', {'numproc': (0,)})
    done = bc.bctl('threshold', 'web', 'numproc=40%', 'privvmpages=90%:70%')
    tap.equal((done.returncode, done.stdout, done.stderr), (0, '', ''), 'bctl threshold')
    res = bc.bctl_json('pool', 'show', 'web')['pools'][0]['resources']
    tap.equal([res['numproc']['threshold'], res['privvmpages']['threshold']],
              [{'rise': 40, 'fall': 35, 'above': False}, {'rise': 90, 'fall': 70, 'above': False}],
              'shown by bctl pool show -j; the second figure is five less')
    text = bc.bctl('pool', 'show', 'web').stdout
    tap.ok('threshold numproc 40%:35%\n' in text, 'and as text', text)
    member = bc.Member(pool)
    for json_wanted in (True, False):
        args = ['bctl', 'events', '--count', '1', '--timeout', str(bc.WAIT)]
        with subprocess.Popen(args + ['-j'] * json_wanted, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as proc:
            proc.stderr.readline()
            member.call(fork_more, 5) if json_wanted else member.call(bc.end_children)
            select.select([proc.stdout], [], [], bc.WAIT)
            line = proc.stdout.readline()
        if json_wanted:
            event = json.loads(line)
            held = event.pop('held')
            tap.equal([event.get(k) for k in ('event', 'pool', 'resource', 'direction', 'percent',
                                              'barrier')],
                      ['threshold', 'web', 'numproc', 'up', 40, 10], 'bctl events -j tells it')
            tap.between(held, 4, 6, 'with what was held')
        else:
            # the children end one after the other
            tap.ok(re.fullmatch('threshold web numproc: fell to 35%, held [123], barrier 10\n',
                                line.split(' ', 1)[1]), 'bctl events tells it', line)
    bc.bctl('threshold', 'web', 'numproc=off')
    res = bc.bctl_json('pool', 'show', 'web')['pools'][0]['resources']
    tap.ok('threshold' not in res['numproc'] and 'threshold' in res['privvmpages'], 'off')
    member.end()


def check_death(pool):
    """A pool that goes while it is above: nothing hangs, nothing is left."""
    pool.set(numproc=2)
    bc.nl.thresholds('web', {'numproc': (50, 10)})
    member = bc.Member(pool)
    wait(1)
    pool.delete()
    member.end()
    bc.wait_gone()
    bc.rmdir(pool.path)
    tap.ok(silent(), 'a pool that is gone has no thresholds')


bc.anchor()
web, worker = check_charged()
check_short(web, worker)
check_barrier(web, worker)
check_derived(web, worker)
worker.end()
check_native()
check_levels(web)
check_bad()
check_bctl(web)
check_death(web)
ear.close()
bc.finish()
