#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: 6.1
# kernels: 6.1 6.12
# timeout: 600
# vm-args: --single
"""Loading with the files of OpenVZ, and unloading under their readers.

One host thread for all processors: see tests/vm/vm.py.
"""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import tap  # noqa: E402  pylint: disable=wrong-import-position

OLD, TOP = '/proc/user_beancounters', '/proc/bc'
SWITCH = '/sys/module/beancounter/parameters/compat'
CGROUP = '/sys/fs/cgroup'
MODULE = '/root/beancounter.ko'
CYCLES = tap.rounds(2, 20)

READERS = [
    f'while :; do cat {OLD} {TOP}/*/resources {TOP}/resources; done',
    f'while :; do exec 3< {OLD} 4< {TOP}/0/resources; read x <&3; read y <&4; done',
    f'while :; do echo 0 > {SWITCH}; echo 1 > {SWITCH}; done',
    f'echo 0 > {CGROUP}/load/a/cgroup.procs; exec unshare -p -U -C -r --fork --kill-child '
    f'sh -c "while :; do cat {OLD}; done"',
    f'while :; do mkdir -p {CGROUP}/load/x; bctl pool create x --cgroup load/x; '
    f'rmdir {CGROUP}/load/x; done',
]


def run(*args, ok=True):
    done = subprocess.run(args, capture_output=True, text=True, check=False, timeout=300)
    if ok and done.returncode:
        raise RuntimeError(f'{args}: {done.returncode}: {done.stderr}')
    return done


def errno_of(func, *args):
    try:
        func(*args)
    except OSError as err:
        return err.errno
    return 0


def files():
    return [path for path in (OLD, TOP) if os.path.exists(path)]


def read(path):
    with open(path, encoding='ascii') as f:
        return f.read()


def unload():
    """Holding the netlink family open makes rmmod say EWOULDBLOCK for a moment: again."""
    return bool(tap.poll_until(120, lambda: not run('rmmod', 'beancounter', ok=False).returncode))


def test_parameter():
    for words, want in (('', False), ('compat=1', True), ('compat', True), ('compat=on', True),
                        ('compat=0', False)):
        run('insmod', MODULE, *words.split())
        tap.equal((bool(files()), read(SWITCH)), (want, 'Y\n' if want else 'N\n'),
                  f'insmod beancounter.ko {words}')
        run('rmmod', 'beancounter')
        tap.equal(files(), [], 'rmmod leaves no file')
    done = run('insmod', MODULE, 'compat=maybe', ok=False)
    tap.ok(done.returncode and not os.path.exists('/sys/module/beancounter') and not files(),
           'insmod beancounter.ko compat=maybe is refused', done)
    hidden = f'mount -t tmpfs none /proc && touch {OLD} && insmod {MODULE} compat=1'
    done = run('unshare', '-m', 'sh', '-c', hidden, ok=False)
    tap.ok('File exists' in done.stderr and not os.path.exists('/sys/module/beancounter') and
           not files(), 'where there is such a file it does not load', done)
    tap.equal((run('bctl', 'compat', 'on', ok=False).stderr),
              'bctl: compat: on: the beancounter module is not loaded\n',
              'bctl compat on without the module')


def test_open_files():
    run('insmod', MODULE, 'compat=1')
    run('bctl', 'pool', 'create', 'kept', '--id', '77')
    fds = [os.open(path, os.O_RDONLY)
           for path in (OLD, f'{TOP}/resources', f'{TOP}/77/resources')]
    fds.append(os.open(f'{TOP}/77', os.O_RDONLY | os.O_DIRECTORY))
    tap.ok(os.read(fds[0], 10) == b'Version: 2', 'files are open, one is read in part')
    done = run('rmmod', 'beancounter', ok=False)
    tap.ok(not done.returncode and not files(), 'the module unloads at once', done)
    tap.equal([errno_of(os.read, fd, 10) for fd in fds[:3]], [5] * 3, 'what was open is void')
    tap.equal([errno_of(os.lseek, fd, 0, 0) for fd in fds[:3]], [22] * 3, 'in every respect')
    tap.equal((os.fstat(fds[2]).st_size, os.listdir(fds[3])), (0, []), 'but still an inode')
    for fd in fds:
        os.close(fd)
    run('insmod', MODULE, 'compat=1')
    tap.ok(read(OLD).startswith('Version: 2.5\n'), 'the module is loaded again, the files are new')
    run('rmmod', 'beancounter')


def cycle():
    """One life, all kinds of readers at work when it ends."""
    run('insmod', MODULE, 'compat=1')
    run('bctl', 'pool', 'create', 'a', '--cgroup', 'load/a')
    run('bctl', 'pool', 'create', 'b', '--cgroup', 'load/b')
    readers = [subprocess.Popen(['sh', '-c', text], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL) for text in READERS]
    fd = None
    while fd is None:           # it is being switched
        try:
            fd = os.open(OLD, os.O_RDONLY)
        except FileNotFoundError:
            pass
    then = time.monotonic()
    gone = unload()
    tap.note(f'unloaded in {time.monotonic() - then:.1f} s')
    void = errno_of(os.read, fd, 10)
    left = files()
    for proc in readers:
        proc.kill()
        proc.wait()
    os.close(fd)
    return gone, void, left


def main():
    for path in ('load/a', 'load/b'):
        os.makedirs(f'{CGROUP}/{path}', exist_ok=True)
    run('rmmod', 'beancounter')
    test_parameter()
    test_open_files()
    seen = []
    for _ in range(CYCLES):
        seen.append(cycle())
        if not seen[-1][0]:
            break
    tap.equal(seen, [(True, 5, [])] * CYCLES, f'{CYCLES} times unloaded under readers')
    run('insmod', MODULE)
    tap.done()


main()
