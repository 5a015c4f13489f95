#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.12
# timeout: 300
"""Containers that come and go, again and again, leave nothing: BC_LONG=1 is 200 rounds."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc                       # noqa: E402  pylint: disable=wrong-import-position
import tap                      # noqa: E402  pylint: disable=wrong-import-position
import vz                       # noqa: E402  pylint: disable=wrong-import-position

TOP = '/scratch/vz'
LONG = bool(os.environ.get('BC_LONG'))
ROUNDS = int(os.environ.get('BC_ROUNDS', '200' if LONG else '4'))
WARM = 8 if LONG else 2         # caches of the kernel are filled by then
node = vz.Vz(TOP)


def life(number):
    for args in (('create', '--storage', 'overlay'), ('start',), ('stop', '--fast'), ('destroy',)):
        done = node.ctl(args[0], number, *args[1:])
        if done.returncode:
            tap.ok(False, f'{args[0]} {number}', f'{done.returncode}: {done.stderr}')


def slabs():
    """Objects of each cache of the kernel."""
    with open('/proc/slabinfo', encoding='ascii') as f:
        return {words[0]: int(words[1]) for words in map(str.split, f)
                if words[0] not in ('slabinfo', '#')}


def give_up():
    """What is kept only for as long as it is not needed elsewhere is given back."""
    serial = bc.nl.info()['serial']
    # The last figures of pools that are gone, which the module keeps for who has read them not.
    bc.nl.ack('rounds', serial)
    with open('/proc/sys/vm/drop_caches', 'w', encoding='ascii') as f:
        f.write('3')
    # What is free in the slabs of a processor counts as in use, up to some hundred of a cache.
    for name in slabs():
        path = f'/sys/kernel/slab/{name}/shrink'
        if os.path.exists(path):
            with open(path, 'w', encoding='ascii') as f:
                f.write('1')


def counts():
    """What must be the same after each round."""
    give_up()
    found = {f'slab {name}': num for name, num in slabs().items()}
    with open('/proc/self/mounts', encoding='utf-8') as f:
        found['mounts'] = len(f.readlines())
    with open('/sys/fs/cgroup/cgroup.stat', encoding='ascii') as f:
        for line in f:
            found[line.split()[0]] = int(line.split()[1])
    found['pools'] = len(bc.nl.dump())
    found['tasks'] = sum(name.isdigit() for name in os.listdir('/proc')) - kernel_tasks()
    found['links'] = len(os.listdir('/sys/class/net'))
    found['names'] = sum(not name.endswith('.destroyed') for _, dirs, names in os.walk(TOP)
                         for name in dirs + names)
    found['run'] = sum(len(dirs) + len(names) for _, dirs, names in os.walk('/run'))
    with open('/proc/sys/fs/file-nr', encoding='ascii') as f:
        found['files'] = int(f.read().split()[0])
    return found


def kernel_tasks():
    """Of these some come and go at any time."""
    found = 0
    for name in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{name}/stat', encoding='ascii', errors='replace') as f:
                found += int(f.read().rpartition(')')[2].split()[1]) in (0, 2)
        except OSError:
            pass
    return found


MEMORY = ('SUnreclaim', 'Percpu', 'VmallocUsed')


def memory():
    """KiB that the kernel has for itself."""
    with open('/proc/meminfo', encoding='ascii') as f:
        fields = dict(line.split(':') for line in f)
    return {name: int(fields[name].split()[0]) for name in MEMORY}


# Objects of which a container has some, and hardly anybody else any.
ITS_OWN = re.compile('slab (bc_|beancounter|mnt_cache|.*_namespace|nsproxy|task_group)')
# Free ranges of addresses are kept until there are many.
LAZY = ('slab vmap_area',)


def slack(name):
    """How many more are no leak; one of each round is."""
    if ITS_OWN.match(name) or name == 'nr_dying_descendants':
        return min(ROUNDS // 2, 8)
    if name == 'files':
        return 96               # counted for each processor, and added up now and then
    if name.startswith('slab'):
        # The others are used by all there is; a few rounds tell nothing.
        return ROUNDS // 2 if ROUNDS >= 100 and not bc.DEBUG_KERNEL else 1 << 30
    return 0


def test_rounds():
    for i in range(WARM):
        life(str(200 + i % 3))
    before = tap.poll_until(bc.WAIT, lambda: next((c for c in [counts()] if
                                                   c['nr_dying_descendants'] < 2), None))
    before, kept = before or counts(), memory()
    begun = time.monotonic()
    for i in range(ROUNDS):
        life(str(300 + i))      # one that there was not before, so that what stays adds up
    took = time.monotonic() - begun

    def grown():
        return {name: (before.get(name), num) for name, num in counts().items()
                if num > before.get(name, 0) + slack(name) and name not in LAZY}

    # Some of it is freed a while after nobody uses it any more.
    looks = []
    tap.poll_until(bc.WAIT, lambda: looks.append(grown()) or not looks[-1])
    tap.equal(looks[-1], {}, f'{ROUNDS} rounds leave no mount, cgroup, pool, task, card, file nor '
                           'object of the kernel')
    more = {name: num - kept[name] for name, num in memory().items()}
    most = (4096 if bc.DEBUG_KERNEL else 1024) + 4 * ROUNDS
    tap.ok(max(more.values()) < most, 'nor memory of the kernel', f'KiB more: {more}')
    now = counts()
    tap.note(f'a round took {took / ROUNDS:.2f} s; KiB more: {more}; most objects more: ' + ', '.join(
        f'{name[5:]} {num}' for num, name in sorted(
            ((num - before.get(name, 0), name) for name, num in now.items()
             if name.startswith('slab')), reverse=True)[:6]))


def main():
    node.good('a template', 'template', 'build', 'minimal')
    node.write('etc/vz.conf', node.read('etc/vz.conf').replace('"busybox"', '"minimal"'))
    test_rounds()
    node.good('the template goes', 'template', 'remove', 'minimal')
    bc.finish()


main()
