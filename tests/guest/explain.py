#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.12
# timeout: 400
"""The last refusals of a pool, and bctl explain: who was refused what, and what to do."""
import errno
import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402


def now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def forks(count):
    """Refused forks by this process; how many."""
    refused = 0
    for _ in range(count):
        try:
            pid = os.fork()
        except OSError:
            refused += 1
            continue
        if not pid:
            os._exit(0)         # pylint: disable=protected-access
        os.waitpid(pid, 0)
    return refused


def sockets(count):
    return sum(bc.errno_of(lambda: socket.socket(socket.AF_UNIX)) != 0 for _ in range(count))


def maps(*sizes):
    return [bc.errno_of(bc.mmap, size) for size in sizes]


def two_children_are_refused(name):
    """Two children with names of their own want to map more than there is."""
    for number in range(2):
        pid = os.fork()
        if not pid:
            bc.set_name(f'{name}-{number}')
            bc.errno_of(bc.mmap, 1 << 20)
            os._exit(0)         # pylint: disable=protected-access
        os.waitpid(pid, 0)


def check_log():
    pool = bc.Pool('web')
    member = bc.Member(pool)
    tap.equal(bc.nl.refusals('web'), [], 'a pool that never refused has no log')
    tap.equal(bc.errno_of(bc.nl.refusals, 'nobody'), errno.ENOENT, 'nor has one that is not there')
    tap.equal(bc.errno_of(bc.nl.request, genl.REFUSAL_GET, b'', genl.F_REQUEST | genl.F_DUMP),
              errno.EINVAL, 'the pool has to be named')
    member.call(bc.set_name, 'bc-"culprit')
    pool.set(numproc=(1, 7))
    then = now()
    member.call(forks, 1)
    entry, = bc.nl.refusals('web')
    tap.ok(then <= entry['first'] == entry['time'] <= now(), 'a refusal has its time', entry)
    for key in ('first', 'time'):
        entry.pop(key)
    tap.equal(entry, {
        'id': pool.id, 'name': 'web', 'incarnation': pool.incarnation,
        'res': genl.RES['numproc'], 'res_name': 'numproc', 'count': 1, 'amount': 1, 'largest': 1,
        'held': 1, 'barrier': 1, 'limit_value': 7, 'bound': genl.AT_BARRIER,
        'origin_id': pool.id, 'origin_name': 'web', 'origin_incarnation': pool.incarnation,
        'pid': member.pid, 'comm': 'bc-"culprit'}, 'resource, amount, figures, bound, culprit')
    return pool, member


def check_storm(pool, member):
    """Far more than is told: the log has all, and other resources keep theirs."""
    pool.set(numproc=None, numothersock=0)
    suppressed = bc.nl.info()['suppressed']
    tap.equal(member.call(sockets, 2000), 2000, 'a storm at one resource')
    log = bc.nl.refusals('web')
    tap.ok(bc.nl.info()['suppressed'] > suppressed, 'events were left out')
    tap.equal([(e['res_name'], e['count']) for e in log],
              [('numothersock', bc.failcnt(pool, 'numothersock')), ('numproc', 1)],
              'but none in the log: repeats are one entry with a count')
    others = [bc.Member(pool) for _ in range(12)]
    for other in others:
        other.call(sockets, 3)
    log = bc.nl.refusals(pool.id)
    found = [e for e in log if e['res_name'] == 'numothersock']
    tap.equal([e['pid'] for e in found], [other.pid for other in reversed(others)][:8],
              'twelve culprits: the last eight are there, the newest first')
    tap.equal([e['count'] for e in found], [3] * 8, 'each counted')
    tap.equal([e['pid'] for e in log if e['res_name'] == 'numproc'], [member.pid],
              'and still the one of the other resource')
    for other in others:
        other.end()
    pool.set(numothersock=None)


def check_limit(pool, member):
    """Stacks are held to the limit, mappings to the barrier."""
    held = bc.held(pool, 'privvmpages')
    pool.set(privvmpages=(held + 16, held + 64))
    tap.equal(member.call(maps, 100, 300, 50), [errno.ENOMEM] * 3, 'mappings are refused')
    entry = bc.nl.refusals('web')[0]
    tap.equal([entry[k] for k in ('bound', 'count', 'amount', 'largest', 'barrier', 'limit_value')],
              [genl.AT_BARRIER, 3, 50, 300, held + 16, held + 64],
              'at the barrier; the last and the largest amount are told')
    pool.set(privvmpages=None)


def causes(name):
    """What bctl explain says, by resource and level."""
    doc = bc.bctl_json('explain', name)
    return {(c['resource'], c['pool']): c for c in doc['causes']}, doc


def check_explain(pool, member):
    quiet = bc.Pool('quiet')
    done = bc.bctl('explain', 'quiet')
    tap.equal((done.returncode, done.stdout, done.stderr), (0, 'quiet: nothing was refused\n', ''),
              'bctl explain of a pool that was refused nothing says so')
    tap.equal(bc.bctl_json('explain', 'quiet')['causes'], [], 'in JSON as well')
    quiet.remove()
    done = bc.bctl('explain', 'nobody')
    tap.ok(done.returncode == 2 and 'no such pool' in done.stderr, 'a pool that is not there', done)

    pool.set(numproc=1)
    member.call(forks, 5)
    found, doc = causes('web')
    numproc = found['numproc', 'web']
    figures = bc.figures(pool)['numproc']
    tap.equal([numproc[k] for k in ('relation', 'bound', 'barrier', 'failcnt', 'failed', 'held')],
              ['self', 'barrier', 1, figures.failcnt, figures.failed, 1],
              'bctl explain: how often, how much, by which bound')
    last = numproc['culprits'][0]
    tap.equal([last[k] for k in ('pid', 'comm', 'origin', 'count')],
              [member.pid, 'bc-"culprit', 'web', figures.failcnt], 'and by whom')
    tap.ok(abs(last['realtime_ns'] - time.time_ns()) < 60e9 and
           doc['taken_ns'] - last['time_ns'] < 60e9, 'when, by both clocks', last)
    command = numproc['proposal']['command'].split()
    tap.equal(command[:4], ['bctl', 'pool', 'set', 'web'], 'the proposal is a command')
    text = bc.bctl('explain', 'web').stdout
    tap.ok(f'pid {member.pid} (bc-"culprit) asked for 1' in text and
           f"proposal: {numproc['proposal']['command']}" in text and
           'web: numproc: ' in text and 'by web itself, at its barrier of 1' in text,
           'the text says the same', text)
    tap.equal(bc.bctl(*command[1:]).returncode, 0, 'which can be given as it is')
    tap.equal(member.call(forks, 5), 0, 'and then the same is granted')
    found, _ = causes('web')
    tap.ok(found['numproc', 'web']['fits_now'] and 'proposal' not in found['numproc', 'web'],
           'so that nothing is proposed any more', found['numproc', 'web'])
    pool.set(numproc=None)
    member.end()
    pool.remove()
    bc.wait_gone()


def check_ancestors():
    top = bc.Pool('reseller')
    web = bc.Pool('web', parent=top)
    noisy = bc.Pool('noisy', parent=top)
    inner = bc.Pool('inner', parent=web)
    member, loud = bc.Member(inner), bc.Member(noisy)
    member.call(bc.set_name, 'victim')
    top.set(privvmpages=bc.held(top, 'privvmpages') + 50000)
    member.call(maps, 100000)
    for _ in range(10):
        loud.call(two_children_are_refused, 'loud')
    entry = [e for e in bc.nl.refusals('reseller') if e['pid'] == member.pid]
    tap.equal([(e['origin_name'], e['origin_incarnation'], e['amount']) for e in entry],
              [('inner', inner.incarnation, 100000)],
              "a sibling's storm leaves the entry of another pool alone")
    found, _ = causes('web')
    tap.equal(list(found), [('privvmpages', 'reseller')],
              'refused by the parent: explained for the child')
    cause = found['privvmpages', 'reseller']
    tap.equal([cause['relation'], cause['known'], [c['comm'] for c in cause['culprits']]],
              ['parent', 1, ['victim']], 'with what came from it and below, and nothing else')
    tap.ok(cause['proposal']['command'].startswith('bctl pool set reseller privvmpages='),
           'the proposal is for the parent', cause)
    text = bc.bctl('explain', 'web').stdout
    tap.ok('refused by its parent reseller' in text and f'pid {member.pid} (victim) of inner' in text,
           'the text says the same', text)
    found, _ = causes('inner')
    tap.equal(found['privvmpages', 'reseller']['relation'], 'ancestor', 'for the grandchild as well')
    tap.equal(set(causes('noisy')[0]['privvmpages', 'reseller']['culprits'][0]['comm'][:4]),
              set('loud'), 'and for the sibling its own')
    found, _ = causes('reseller')
    cause = found['privvmpages', 'reseller']
    tap.ok(cause['relation'] == 'self' and len({c['origin'] for c in cause['culprits']}) == 2 and
           cause['known'] <= cause['failcnt'], 'the parent sees all of it', cause)
    command = causes('web')[0]['privvmpages', 'reseller']['proposal']['command'].split()
    bc.bctl(*command[1:])
    tap.equal(member.call(maps, 100000), [0], 'the proposal for the parent helps the child')
    member.end()
    loud.end()
    for pool in (inner, noisy, web, top):
        pool.remove()
    bc.wait_gone()
    again = bc.Pool('web')
    tap.equal(bc.nl.refusals('web'), [], 'a new pool of the same name has a log of its own')
    again.remove()


def check_softirq():
    """A datagram that is dropped when it arrives: no culprit is made up."""
    pool = bc.Pool('sink')
    member = bc.Member(pool)
    port = member.call(bind_udp)
    pool.set(dgramrcvbuf=0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        tap.poll_until(bc.WAIT, lambda: sender.sendto(b'x' * 9000, ('127.0.0.1', port)) and
                       bc.failcnt(pool, 'dgramrcvbuf'))
    entry = bc.nl.refusals('sink')[0]
    tap.equal([entry['res_name'], 'pid' in entry, entry['origin_name']],
              ['dgramrcvbuf', False, 'sink'], 'refused in a soft interrupt: the pool, no process')
    text = bc.bctl('explain', 'sink').stdout
    tap.ok('the network asked for' in text, 'bctl explain says so', text)
    member.end()
    pool.remove()


_kept = []


def bind_udp():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(('127.0.0.1', 0))
    _kept.append(sock)
    return sock.getsockname()[1]


bc.anchor()
web, worker = check_log()
check_storm(web, worker)
check_limit(web, worker)
check_explain(web, worker)
check_ancestors()
check_softirq()
bc.finish()
