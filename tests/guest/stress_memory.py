#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.1
# timeout: 300
# vm-args: -m 2048
"""stress-ng's classes of locked and shared memory in pools that are too small for
them: limits hold, and the books balance at the end, while pools come and go.

BC_STRESS_SECONDS says how long.
"""
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import bc  # noqa: E402  pylint: disable=wrong-import-position
import tap  # noqa: E402  pylint: disable=wrong-import-position

SECONDS = int(os.environ.get('BC_STRESS_SECONDS', tap.rounds(12, 120)))
LIMITS = {'lockedpages': 300, 'shmpages': 12000}
# Pages of files that are on their way while there is a recount: one for each
# task. Whole objects and locked memory are exact.
SLACK = {'lockedpages': 0, 'shmpages': 16}
SHM_LOCKED = 0o2000             # in the mode of a segment


def stress(pool):
    return subprocess.Popen(['bctl', 'exec', pool, '--', 'stress-ng', '--mlock', '2', '--shm', '1',
                             '--shm-bytes', '24M', '--shm-sysv', '1', '--shm-sysv-bytes', '16M',
                             '--memfd', '1', '--memfd-bytes', '32M', '--shm-sysv-segs', '4',
                             '--quiet', '-t', str(SECONDS)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, start_new_session=True)


def disturb(pool, number):
    """A level below the pool comes over some members and goes again."""
    path = bc.mkdir(f'{pool.path}/in{number}')
    for pid in bc.read(f'{pool.path}/cgroup.procs').split()[::2]:
        bc.errno_of(bc.attach, path, int(pid))
    inner = bc.Pool(f'in{number}', path=path)
    bc.figures(inner)
    for pid in bc.read(f'{path}/cgroup.procs').split()[::2]:
        bc.errno_of(bc.attach, pool.path, int(pid))
    inner.delete()
    for pid in bc.read(f'{path}/cgroup.procs').split():
        bc.errno_of(bc.attach, pool.path, int(pid))


def locked_segments():
    """Pages of the segments that SHM_LOCK holds, by the kernel's own table."""
    rows = [line.split() for line in bc.read('/proc/sysvipc/shm').splitlines()[1:]]
    return sum(-(-int(row[3]) // 4096) for row in rows if int(row[2], 8) & SHM_LOCKED)


def main():
    tight = bc.Pool('tight', **LIMITS)
    job = stress('tight')
    worst = dict.fromkeys(LIMITS, 0)
    end = time.monotonic() + SECONDS
    rounds = 0
    while time.monotonic() < end:
        disturb(tight, rounds)
        for res, row in bc.figures(tight).items():
            worst[res] = max(worst.get(res, 0), row.held)
        rounds += 1
    figures = bc.figures(tight)
    tap.note(f'{rounds} levels came and went; most held: {worst}')
    for res, limit in LIMITS.items():
        tap.between(max(worst[res], figures[res].maxheld), 1, limit + SLACK[res],
                    f'{res} stays within its bound')
        tap.ok(figures[res].failcnt > 0, f'{res} was refused')
        tap.note(f'{res}: {figures[res]}')
    try:
        os.killpg(job.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    job.wait()
    bc.write(f'{tight.path}/cgroup.kill', '1')
    bc.wait_held(tight, 'numproc', 0)
    # Killed stressors leave segments, some of them locked, and files behind:
    # they must be all there is.
    tap.equal(bc.wait_held(tight, 'lockedpages', locked_segments()), locked_segments(),
              'lockedpages ends at what is locked of the segments left behind')
    subprocess.run(['ipcrm', '--all=shm'], check=True)
    tap.equal(bc.wait_held(tight, 'lockedpages', 0), 0, 'lockedpages ends at 0 without them')
    for name in os.listdir('/dev/shm'):
        os.unlink(f'/dev/shm/{name}')
    tap.equal(bc.wait_held(tight, 'shmpages', 0), 0, 'shmpages ends at 0')
    bc.finish()


main()
