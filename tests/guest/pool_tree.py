#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug
# timeout: 240
"""Three levels of pools, each with limits of its own.

A refusal is counted at the level that refused and changes nothing else; at rest
each level's held agrees with what /proc and the cgroup files say.
"""
import errno
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import tap  # noqa: E402

LEVELS = ['reseller', 'customer', 'container']
BOUND = {'reseller': 12, 'customer': 9, 'container': 6}


def start_threads(count):
    """Threads that wait for ever."""
    for _ in range(count):
        threading.Thread(target=threading.Event().wait, daemon=True).start()


def make_tree():
    above = []
    for name in LEVELS:
        done = bc.bctl('pool', 'create', name, *above, f'numproc={BOUND[name]}')
        tap.equal((done.returncode, done.stderr), (0, ''), f'bctl creates {name}')
        above = ['--parent', name]
    for name, parent in ('sibling', 'customer'), ('customer2', 'reseller'):
        bc.bctl('pool', 'create', name, '--parent', parent)
    shown = {p['name']: p for p in bc.bctl_json('pool', 'show')['pools']}
    tap.equal({name: p['parent'] for name, p in shown.items()},
              {'host': None, 'reseller': 'host', 'customer': 'reseller',
               'container': 'customer', 'sibling': 'customer', 'customer2': 'reseller'},
              'bctl shows who is whose parent')
    tap.equal([shown[name]['cgroup'] for name in LEVELS],
              ['bc/reseller', 'bc/reseller/customer', 'bc/reseller/customer/container'],
              'cgroups are nested as the pools are')
    tap.equal([shown[name]['children'] for name in ['host'] + LEVELS], [1, 2, 2, 0],
              'children are counted')
    tap.equal(shown['customer']['resources']['numproc']['limit'], 9, 'limits are stored')
    tap.equal(shown['sibling']['resources']['numproc']['limit'], None, 'unlimited is null')
    return {name: p['cgroup'] for name, p in shown.items()}


def table(res):
    """(held, maxheld, failcnt) of each level."""
    pools = {p['name']: p['res'][res] for p in bc.nl.dump()}
    return {name: (r.held, r.maxheld, r.failcnt)
            for name, r in pools.items() if name in LEVELS + ['host']}


def refused_at(level, res, before, amount, what):
    """What changed since before is one failure at this level, and nothing else."""
    wanted = dict(before)
    held, most, fails = wanted[level]
    wanted[level] = held, most, fails + 1
    tap.equal(table(res), wanted, f'{what} is counted at {level}, and only there')
    record = bc.figures(level)[res]
    tap.ok(record.failed >= amount and record.last_fail, f'{what}: amount and time are noted')


def check_numproc(member):
    """Every level in turn is the tightest."""
    for level in reversed(LEVELS):
        got = member.call(bc.fork_until_refused, 50)
        tap.equal(got[1], errno.EAGAIN, f'numproc of {level}: a fork above it gets EAGAIN')
        tap.equal(bc.held(level, 'numproc'), BOUND[level],
                  f'numproc of {level}: everything up to it was granted')
        before = table('numproc')
        tap.equal(member.call(bc.errno_of, bc.fork_idle), errno.EAGAIN,
                  f'numproc of {level}: a second one gets EAGAIN')
        refused_at(level, 'numproc', before, 1, 'a fork')
        bc.nl.set(level, {'numproc': None})
    bc.nl.set('host', {'numproc': 14})
    tap.equal(member.call(bc.fork_until_refused, 50), (2, errno.EAGAIN),
              'numproc of host: the sum of all pools can be limited, too')
    before = table('numproc')
    member.call(bc.errno_of, bc.fork_idle)
    refused_at('host', 'numproc', before, 1, 'a fork')
    bc.nl.set('host', {'numproc': None})
    member.call(bc.end_children)
    tap.equal([bc.wait_held(name, 'numproc', 1) for name in LEVELS], [1, 1, 1],
              'numproc: all is given back at every level')


def check_privvmpages(member):
    for level in ['host'] + LEVELS:
        for name in ['host'] + LEVELS:
            room = 100 if name == level else 5000
            held = bc.held(name, 'privvmpages')
            bc.nl.set(name, {'privvmpages': held + room})
        before = table('privvmpages')
        tap.equal(member.call(bc.errno_of, bc.mmap, 101), errno.ENOMEM,
                  f'privvmpages of {level}: mmap of a page too many gets ENOMEM')
        refused_at(level, 'privvmpages', before, 101, 'a mapping')
        at = member.call(bc.mmap, 100)
        after = table('privvmpages')
        tap.equal({name: after[name][0] - before[name][0] for name in after},
                  dict.fromkeys(after, 100), f'privvmpages of {level}: what fits is granted '
                  'and charged to all')
        member.call(bc.munmap, at, 100)
        for name in ['host'] + LEVELS:
            bc.nl.set(name, {'privvmpages': None})


def check_counts(paths):
    """Members on every level, some with threads, at rest."""
    members = [bc.Member(paths[name]) for name in
               ('reseller', 'customer', 'customer', 'container', 'sibling', 'customer2')]
    for member, threads in zip(members, (0, 2, 1, 3, 0, 4)):
        member.call(start_threads, threads)
        member.call(bc.mmap, 37)

    def differences():
        pools = {p['name']: p for p in bc.nl.dump()}
        wrong = []
        for name, path in paths.items():
            if name == 'host':
                path = 'bc'
            for res, count in ('numproc', bc.count_threads), ('privvmpages', bc.count_pages):
                have, want = pools[name]['res'][res].held, count(path)
                if have != want:
                    wrong.append(f'{name}: {res} {have}, counted {want}')
        return wrong

    tap.poll_until(bc.WAIT, lambda: not differences())
    tap.equal(differences(), [], 'at rest: held of every level is what /proc and cgroupfs say')
    shown = {p['name']: p['resources'] for p in bc.bctl_json('stat')['pools']}
    tap.equal(shown['reseller']['numproc']['held'], bc.count_threads(paths['reseller']),
              'bctl stat shows the same')

    pools = bc.nl.dump()
    wrong = []
    for pool in pools:
        below = [p for p in pools if p.get('parent') == pool['name']]
        own = len(bc.read(f'{paths[pool["name"]]}/cgroup.threads').split()) if pool['id'] else 0
        total = sum(p['res']['numproc'].held for p in below) + own
        if pool['res']['numproc'].held != total:
            wrong.append((pool['name'], pool['res']['numproc'].held, total))
    tap.equal(wrong, [], 'each pool is the sum of its children and its own tasks')
    for member in members:
        member.end()


def main():
    paths = make_tree()
    member = bc.Member(paths['container'])
    check_numproc(member)
    check_privvmpages(member)
    member.end()
    check_counts(paths)
    for name in LEVELS:
        tap.equal([bc.wait_held(name, res, 0) for res in ('numproc', 'privvmpages')], [0, 0],
                  f'{name} holds nothing in the end')
    done = bc.bctl('pool', 'delete', 'reseller')
    tap.ok(done.returncode == 2 and 'child pools' in done.stderr,
           'a pool with children is not deleted', done)
    for name in 'container', 'sibling', 'customer', 'customer2', 'reseller':
        done = bc.bctl('pool', 'delete', name)
        tap.ok(done.returncode == 0, f'bctl deletes {name}', done)
    tap.ok(not os.path.exists(f'{bc.CGROUP}/bc/reseller'), 'bctl removed the cgroups it made')
    bc.finish()


main()
