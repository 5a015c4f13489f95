#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.12
# timeout: 400
"""bctl top, stat -w and pool show with the module itself: figures, rates, a screen.

What the running module does not count is absent, and that is checked, too: a dash
in the text, no key in JSON.
"""
import glob
import json
import os
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(HERE, '..', 'lib'), os.path.join(HERE, '..', 'bctl')]
import bc  # noqa: E402
import schema  # noqa: E402
import screen  # noqa: E402
import tap  # noqa: E402

COLUMNS = 11
COLUMN = {name: n + 1 for n, name in enumerate(
    'cpu wait throttled memory read write ios io_throttled tasks failures'.split())}


def rows(text):
    return [line.split() for line in text.splitlines()]


def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(10000):
            pass


def counted():
    """Which of cpu and io the module counts."""
    pool = bc.bctl_json('pool', 'show', 'web')['pools'][0]
    return {kind for kind, key in (('cpu', 'usage_ns'), ('io', 'read_bytes'))
            if key in pool.get(kind, {})}


def check_schemas():
    """Documents of real pools, where the schemas are at hand."""
    found = glob.glob(os.path.join(HERE, '../../Documentation/json/*.schema.json'))
    kinds = {os.path.basename(path).split('.')[0]: path for path in found}
    docs = [bc.bctl_json(*args) for args in (('pool', 'show'), ('stat', '--io'), ('resources',))]
    docs += [json.loads(line) for line in
             bc.bctl('stat', '-w', '0.3', '-n', '2', '-j').stdout.splitlines()]
    tap.equal([doc['schema'].split('/')[0] for doc in docs],
              ['bctl.pools', 'bctl.pools', 'bctl.resources', 'bctl.rates', 'bctl.rates'],
              'each document names its schema')
    wrong = []
    for doc in docs:
        with open(kinds[re.match(r'bctl\.(\w+)/', doc['schema'])[1]], encoding='utf-8') as f:
            wrong += schema.errors(doc, json.load(f))
    tap.equal(wrong, [], 'they are as their schemas say')


def check_settings():
    settings = bc.bctl_json('resources')['settings']
    names = [one['name'] for one in settings]
    tap.ok({'cpu.shares', 'cpu.limit', 'io.bps', 'io.weight'} <= set(names) and
           len(set(names)) == len(names), 'the settings are listed', names)
    tap.ok(all(one['status'] == 'enforced' or one.get('reason') for one in settings),
           'those that cannot be set have a reason', settings)
    pool = bc.bctl_json('pool', 'show', 'web')['pools'][0]
    tap.ok(set(pool.get('settings', {})) <= set(names), 'a pool has no others', pool.get('settings'))


def check_plain(have):
    text = bc.bctl('top', '-n', '2', '-d', '1')
    lines = rows(text.stdout)
    tap.equal((text.returncode, text.stderr), (0, ''), 'top without a terminal')
    tap.equal([line[0] for line in lines], ['host', 'web', 'web.db'] * 2, 'a line for each pool')
    tap.ok(all(len(line) == COLUMNS for line in lines) and '\x1b' not in text.stdout,
           'plain lines of figures', text.stdout)
    for kind, key in (('cpu', 'cpu'), ('io', 'read')):
        tap.equal(all(line[COLUMN[key]] != '-' for line in lines), kind in have,
                  f'{kind} is a figure if it is counted, else a dash')
    tap.equal({line[COLUMN['tasks']] for line in lines if line[0] == 'web'},
              {str(bc.held('web', 'numproc'))}, 'tasks')


def check_rates(have, member):
    """One task that spins, and refusals in one interval."""
    proc = subprocess.Popen(('bctl', 'stat', '-w', '1', '-n', '6', '-j'), stdout=subprocess.PIPE,
                            text=True)
    docs = [json.loads(proc.stdout.readline())]
    bc.nl.set('web', {'numproc': bc.held('web', 'numproc')})
    member.call(bc.refused_forks, 7)
    member.start(spin, 8)
    docs += [json.loads(line) for line in proc.stdout]
    tap.equal(proc.wait(), 0, 'stat -w')
    member.result()
    bc.nl.set('web', {'numproc': None})
    pools = [{pool['name']: pool for pool in doc['pools']} for doc in docs]
    tap.equal(sum(one['web']['refusals'] for one in pools), 7,
              'every refusal is told in one interval')
    tap.ok(all(10**9 // 2 < doc['interval_ns'] < 10**10 for doc in docs) and
           all(a['taken_ns'] == b['taken_ns'] - b['interval_ns'] for a, b in zip(docs, docs[1:])),
           'intervals follow each other', [doc['interval_ns'] for doc in docs])
    if 'cpu' not in have:
        tap.ok(not any('cpu' in one['web'] for one in pools), 'CPU time is absent')
        return
    used = sum(one['web']['cpu']['usage_ns'] for one in pools[2:])
    length = sum(doc['interval_ns'] for doc in docs[2:])
    tap.between(100 * used // length, 70, 105, 'a task that spins takes a CPU')
    tap.ok(all(one['host']['cpu']['usage_ns'] >= one['web']['cpu']['usage_ns'] * 95 // 100
               for one in pools), 'the host takes at least that', pools)


def check_io(have, member):
    if 'io' not in have:
        tap.skip('block I/O', 'the module does not count it')
        return
    before = bc.bctl_json('pool', 'show', 'web')['pools'][0]['io']
    member.call(subprocess.run, ('dd', 'if=/dev/zero', 'of=/scratch/top', 'bs=1M', 'count=8',
                                 'oflag=direct', 'status=none'))
    after = bc.bctl_json('pool', 'show', 'web')['pools'][0]['io']
    tap.between(after['write_bytes'] - before['write_bytes'], 8 << 20, 9 << 20, 'what dd wrote')
    tap.ok(any(one['write_bytes'] >= 8 << 20 for one in after['devices']), 'on a device', after)
    os.unlink('/scratch/top')


def shows(text):
    """A frame of top with rates and all pools."""
    return re.search(r'^ host .*\n \S*web .*\n   \S*web.db ', '\n'.join(text[2:]), re.M)


def check_screen():
    """In a pseudo terminal, over an unloading of the module."""
    env = {**os.environ, 'TERM': 'linux', 'LC_ALL': 'C.UTF-8'}
    term = screen.Terminal(['bctl', 'top', '-d', '0.5', '-s', 'name'], env)
    tap.ok(term.until(shows, bc.WAIT), 'a screen with a tree', term.screen.text())
    term.resize(1, 1)
    term.resize(30, 120)
    tap.ok(term.until(lambda text: shows(text) and 'IOTHR%' in text[1], bc.WAIT),
           'it follows the window', term.screen.text())
    return term


def check_unload(term):
    """Without a pool: the module goes while top looks at it."""
    bc.cleanup()
    tap.equal(subprocess.call(('rmmod', 'beancounter')), 0, 'the module is unloaded meanwhile')
    tap.ok(term.until(lambda text: 'not loaded' in text[0], bc.WAIT), 'which top tells',
           term.screen.text())
    tap.equal(subprocess.call(('insmod', '/root/beancounter.ko')), 0, 'and loaded again')
    bc.nl.resolve()
    tap.ok(term.until(lambda text: text[0].startswith('bctl top') and ' host ' in text[2], bc.WAIT),
           'and top goes on', term.screen.text())
    term.kill(signal.SIGTERM)
    tap.equal((term.wait(bc.WAIT), term.restored()), (-signal.SIGTERM, True),
              'a signal ends it and the terminal is as it was')
    term.close()


def main():
    web = bc.Pool('web')
    bc.Pool('web.db', parent=web)
    member = bc.Member(web)
    have = counted()
    tap.note(f'counted: {sorted(have)}')
    check_schemas()
    check_settings()
    check_plain(have)
    check_rates(have, member)
    check_io(have, member)
    check_unload(check_screen())
    bc.finish()


main()
