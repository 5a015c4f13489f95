#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.12
# kernels: 6.1 6.12
# timeout: 600
# vm-args: -m 2048 --single
"""Stressors in tight pools: limits hold, neighbours and the host work, books balance.

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
LOAD = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib', 'load.py')
LIMITS = {'numproc': 24, 'privvmpages': 40000, 'numtcpsock': 20, 'numothersock': 60,
          'tcpsndbuf': 1 << 20, 'tcprcvbuf': 1 << 20, 'othersockbuf': 256 << 10,
          'dgramrcvbuf': 256 << 10}
# What Documentation/design.rst allows beyond the barrier: sockets being made at
# the same instant; one allocation of 64 KiB and its overhead for each TCP
# socket; a small message or one chunk for each other socket.
THREADS = LIMITS['numproc']
SLACK = {'numproc': 0, 'privvmpages': 0, 'numtcpsock': THREADS, 'numothersock': THREADS,
         'tcpsndbuf': LIMITS['numtcpsock'] * (72 << 10), 'tcprcvbuf': LIMITS['numtcpsock'] * (72 << 10),
         'othersockbuf': (LIMITS['numothersock'] + THREADS) * (112 << 10), 'dgramrcvbuf': 0}


def stress(pool, *args):
    return subprocess.Popen(['bctl', 'exec', pool, '--', *args], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            start_new_session=True)


def watch(pool, seconds, worst):
    """Remember the most that was held until the time is over; samples taken."""
    deadline = time.monotonic() + seconds
    samples = 0
    while time.monotonic() < deadline:
        figures = bc.figures(pool)
        for res, row in figures.items():
            worst[res] = max(worst.get(res, 0), row.held)
        samples += 1
        time.sleep(0.05)
    return samples


def main():
    outer = bc.Pool('outer')
    tight = bc.Pool('tight', parent=outer, **LIMITS)
    neighbour = bc.Pool('neighbour', parent=outer)
    with subprocess.Popen([LOAD, neighbour.path, 'test'], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as load:
        load.stdout.readline()
        server = stress('tight', 'iperf3', '-s', '-1', '-p', '5001')
        jobs = [stress('tight', 'stress-ng', '--fork', '1', '--mmap', '1', '--mmap-bytes', '64M',
                       '--sock', '1', '--udp', '1', '--sockpair', '1', '--quiet',
                       '-t', str(SECONDS)),
                stress('tight', 'sh', '-c', 'while :; do iperf3 -c 127.0.0.1 -p 5001 -t '
                       f'{SECONDS} && break; sleep 0.2; done')]
        worst = {}
        # The bomb leaves no room for others to begin: after the first refused socket.
        tap.ok(tap.poll_until(bc.WAIT, lambda: bc.failcnt(tight, 'numothersock') > 0),
               'numothersock is refused')
        jobs.append(stress('tight', 'sh', '-c', 'bomb() { bomb | bomb & }; bomb'))
        samples = watch(tight, SECONDS, worst)
        figures = bc.figures(tight)
        tap.note(f'{samples} samples; most held: {worst}')
        for res, limit in LIMITS.items():
            most = max(worst[res], figures[res].maxheld)
            tap.between(most, 0, limit + SLACK[res], f'{res} stays within its bound')
            tap.note(f'{res}: barrier {limit}, most {most}, refused {figures[res].failcnt}')
        for res in ('numproc', 'othersockbuf'):
            tap.ok(figures[res].failcnt > 0, f'{res} was refused')
        outer_figures = bc.figures(outer)
        tap.equal({r: f.failcnt for r, f in outer_figures.items() if f.failcnt}, {},
                  'nothing was refused one level up')
        tap.ok(load.poll() is None, 'the neighbour and the host are still at work')
        load.stdin.close()
        words = [line.split() for line in load.stdout.read().splitlines()]
        tap.note('\n'.join(' '.join(w) for w in words))
        tap.equal(load.wait(), 0, 'none of their work failed')
        tap.ok(all(int(w[1]) > 0 for w in words if w[0] != 'BAD'), 'all kinds of work were done')
        for job in jobs + [server]:
            os.killpg(job.pid, signal.SIGKILL)
            job.wait()
    # Nothing that is in the pool may survive; its own refusals make it slow to die.
    bc.write(f'{tight.path}/cgroup.kill', '1')
    for res in LIMITS:
        tap.ok(tap.poll_until(bc.WAIT, lambda r=res: bc.held(tight, r) == 0),
               f'{res} ends at 0', bc.figures(tight)[res])
    bc.finish()


main()
