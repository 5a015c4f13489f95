#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.12
# timeout: 1500
# vm-args: --single
"""Loading and unloading under load, with pools, charges and readers alive.

BC_UNLOAD_CYCLES says how often (200 for the long run of Documentation/testing.rst).
One host thread for all processors: see tests/vm/vm.py.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import tap  # noqa: E402  pylint: disable=wrong-import-position

CGROUP = '/sys/fs/cgroup'
DEBUG = os.environ.get('BC_KERNEL', '').startswith('debug')
CYCLES = int(os.environ.get('BC_UNLOAD_CYCLES', tap.rounds(1, 2 if DEBUG else 20)))
LOAD = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib', 'load.py')
MODULE = '/root/beancounter.ko'


def run(*args, ok=True):
    done = subprocess.run(args, capture_output=True, text=True, check=False, timeout=300)
    if ok and done.returncode:
        raise RuntimeError(f'{args}: {done.returncode}: {done.stderr}')
    return done


def loaded():
    return os.path.isdir('/sys/module/beancounter')


def kernel_memory():
    """MiB of unreclaimable slab and of vmalloc."""
    figures = {}
    with open('/proc/meminfo', encoding='ascii') as f:
        for line in f:
            key, value = line.split(':')
            figures[key] = int(value.split()[0]) >> 10
    return figures['SUnreclaim'], figures['VmallocUsed']


def slab_names():
    with open('/proc/slabinfo', encoding='ascii') as f:
        return {line.split()[0] for line in f}


def cycle(number):
    run('insmod', MODULE)
    run('bctl', 'pool', 'create', 'outer', '--cgroup', 'load')
    run('bctl', 'pool', 'create', 'inner', '--cgroup', 'load/a')
    if number % 3 == 0:         # between an existing parent and child
        run('bctl', 'pool', 'create', 'empty', '--cgroup', 'load/b/c')
        run('bctl', 'pool', 'create', 'middle', '--cgroup', 'load/b')
    held = run('bctl', 'stat', 'inner', '-b').stdout
    # A listener, dumps in a loop and a tool that is killed must not keep it.
    others = [subprocess.Popen(['bctl', 'events', '--timeout', '60'], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL),
              subprocess.Popen(['sh', '-c', 'while bctl stat; do :; done'],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL),
              subprocess.Popen(['sh', '-c', 'while bctl pool set outer numproc=1000; do :; done'],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)]
    # Holding the family open makes rmmod say EWOULDBLOCK for a moment: again.
    gone = tap.poll_until(120, lambda: run('rmmod', 'beancounter', ok=False).returncode == 0)
    for other in others:
        other.kill()
        other.wait()
    return held, bool(gone) and not loaded()


def main():
    for path in ('load', 'load/a', 'load/b', 'load/b/c'):
        os.makedirs(f'{CGROUP}/{path}', exist_ok=True)
    run('rmmod', 'beancounter')
    before = slab_names()
    with subprocess.Popen([LOAD, '--only=fork,mmap,tcp,unix,file,lock,pty', 'load/a'], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as load:
        load.stdout.readline()
        seen, ended, memory = [], 0, []
        for number in range(CYCLES):
            held, gone = cycle(number)
            seen.append(held)
            ended += gone
            memory.append(kernel_memory())
            if not gone:
                break
        tap.equal(ended, CYCLES, f'loaded and unloaded {CYCLES} times')
        tap.ok(load.poll() is None, 'the load is still running')
        load.stdin.close()
        tap.note(load.stdout.read())
        tap.equal(load.wait(), 0, 'no process was harmed, all data were right')
    rows = [line.split() for text in seen for line in text.splitlines()[1:]]
    adopted = sum(int(r[3]) > 0 for r in rows if r[1:2] == ['numproc'])
    tap.equal(adopted, len(seen), 'the running processes were on the books each time')
    tap.equal(slab_names() - before, set(), 'no slab cache is left')
    half = len(memory) // 2
    slab = min(m[0] for m in memory[half:]) - min(m[0] for m in memory[:half] or memory)
    vmalloc = memory[-1][1] - memory[0][1]
    tap.note(f'unreclaimable slab {slab:+d} MiB, vmalloc {vmalloc:+d} MiB from first to second half')
    tap.between(slab, -1000, max(4, CYCLES // 10), 'slab does not grow with the cycles')
    tap.between(vmalloc, -1000, 2, 'vmalloc does not grow with the cycles')
    run('insmod', MODULE)
    tap.done()


main()
