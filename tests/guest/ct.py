#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.12
# timeout: 300
"""Containers: a life from template to nothing, limits, exit statuses, kill -9 at any instant."""
import contextlib
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc                       # noqa: E402  pylint: disable=wrong-import-position
import tap                      # noqa: E402  pylint: disable=wrong-import-position
import vz                       # noqa: E402  pylint: disable=wrong-import-position

TOP = '/scratch/vz'
CGROUP = '/sys/fs/cgroup'

node = vz.Vz(TOP)
ctl, good, refused, status = node.ctl, node.good, node.refused, node.status


def limit(res, pool='101'):
    return bc.figures(pool)[res].limit


def left(number):
    """All traces of a container."""
    found = [f for f in node.files() if number in f and not f.endswith('.destroyed')]
    with open('/proc/self/mounts', encoding='utf-8') as f:
        found += [line for line in f if f'{TOP}/root/{number}' in line]
    found += [d for d in (f'bc/{number}', f'bc-ct/{number}') if os.path.exists(f'{CGROUP}/{d}')]
    found += [d for d in (f'private/{number}', f'private/{number}.tmp', f'root/{number}')
              if node.exists(d)]
    return found + [p['name'] for p in bc.nl.dump() if p['name'] == number]


def inside(number='101'):
    """Command lines of all processes of a container."""
    found = []
    with open(f'{CGROUP}/bc/{number}/ct/cgroup.procs', encoding='ascii') as f:
        for pid in f.read().split():
            with contextlib.suppress(OSError), open(f'/proc/{pid}/cmdline', 'rb') as line:
                found.append(line.read().replace(b'\0', b' ').decode().strip())
    return found


def test_life():
    good('create', 'create', '101', '--hostname', 'web.example', '--name', 'web')
    tap.equal(status(), ['exist', 'unmounted', 'down'], 'it is there and down')
    refused(44, 'exists already', 'create', '101')
    refused(31, 'not running', 'exec', '101', 'true')
    refused(31, 'not running', 'stop', 'web')
    good('start', 'start', '101')
    tap.equal(status('web'), ['exist', 'mounted', 'running'], 'it runs, by its name')
    refused(32, 'it is running', 'start', '101')
    refused(32, 'stop it first', 'destroy', '101')
    tap.equal(good('exec', 'exec', '101', 'hostname; grep ^0:: /proc/self/cgroup'),
              'web.example\n0::/.lxc\n', 'it has its host name, and sees no cgroup above')
    tap.ok(tasks(), 'its init is in the cgroup of its pool')
    tap.equal((limit('numproc'), limit('physpages'), bc.nl.get('101')['id']), (192, 65536, 101),
              'the pool has the limits of the file, and the number for its id')


def test_status_of_commands():
    tap.equal(ctl('exec', '101', 'exit 7').returncode, 8, 'exec says 8 for a command that fails')
    tap.equal(ctl('exec2', '101', 'exit 7').returncode, 7, 'exec2 says what the command says')
    tap.equal(ctl('exec2', '101', 'kill -9 $$').returncode, 137, 'or what killed it')
    with subprocess.Popen(['vzctl', 'exec2', '101', 'sleep 4321; true'], env=node.env) as waits:
        tap.poll_until(bc.WAIT, lambda: 'sleep 4321' in inside())
        waits.send_signal(signal.SIGTERM)
        tap.ok(waits.wait(bc.WAIT) == 143 and 'sleep 4321' not in inside(),
               'SIGTERM ends the command and what it has started')
    done = ctl('exec', '101', '-', input='echo "read: $((6 * 7))"\n')
    tap.equal(done.stdout, 'read: 42\n', 'a dash reads commands')
    done = subprocess.run(['bctl', 'ct', 'exec2', 'web', 'echo', 'a  b'], env=node.env, check=False,
                          capture_output=True, text=True)
    tap.equal((done.returncode, done.stdout), (0, 'a b\n'), 'bctl ct is the same')
    done = node.run('bctl', 'ct', 'start', '101')
    tap.equal(done.returncode, 2, 'with the statuses of bctl')
    script = ('import os, pty; os.environ["TERM"] = "vt100"; '
              'pty.spawn(["vzctl", "enter", "101", "--exec", "tty; id -u"])')
    done = subprocess.run([sys.executable, '-c', script], env=node.env, capture_output=True,
                          text=True, check=False, stdin=subprocess.DEVNULL, timeout=60)
    tap.ok(re.search(r'/dev/(pts/\d+|console)\s+0', done.stdout),
           'enter gives a terminal of its own', done.stdout + done.stderr)


def test_set():
    good('set on a running container', 'set', '101', '--numproc', '12', '--hostname', 'other')
    tap.equal((limit('numproc'), ctl('exec', '101', 'hostname').stdout), (12, 'other\n'),
              'it applies at once')
    before = node.read('etc/conf/101.conf')
    tap.ok('NUMPROC="192:192"' in before and 'web.example' in before, 'and is not saved')
    refused(1, 'guarantee', 'set', '101', '--numproc', '20', '--vmguarpages', '900G:unlimited',
            '--hostname', 'third', '--save')
    tap.equal((limit('numproc'), ctl('exec', '101', 'hostname').stdout,
               node.read('etc/conf/101.conf')), (12, 'other\n', before),
              'what the kernel refuses changes nothing: neither limits, host name nor file')
    refused(21, 'not a number', 'set', '101', '--numproc', '20', '--numfile', 'x', '--save')
    refused(20, 'not there yet', 'set', '101', '--numproc', '20', '--netdev_add', 'eth7', '--save')
    tap.equal((limit('numproc'), node.read('etc/conf/101.conf')), (12, before), 'nor what is wrong')
    good('set --save', 'set', '101', '--numpty', '20', '--cpulimit', '50', '--save')
    tap.ok('NUMPTY="20:20"\n' in node.read('etc/conf/101.conf') and limit('numpty') == 20,
           'applies and is saved')
    tap.ok(limit('numproc') == 12, 'what was set before without --save stays')


def test_fork_bomb():
    before = bc.failcnt('101', 'numproc')
    done = ctl('exec', '101', 'i=0; while [ $i -lt 30 ]; do sleep 600 > /dev/null 2>&1 & i=$((i+1)); done')
    tap.ok("can't fork" in done.stderr, 'a fork bomb is refused', done.stderr)
    tap.ok(bc.failcnt('101', 'numproc') > before and bc.held('101', 'numproc') <= 12,
           'at the limit, and counted')
    host = subprocess.run(['true'], check=False)
    tap.equal(host.returncode, 0, 'the host goes on')
    return bc.failcnt('101', 'numproc')


def test_list():
    node.ctl('create', '9', '--name', 'idle')
    done = node.list('-a', '-o', 'ctid,numproc.l,numproc.b,status,ip,hostname', '-s', '-ctid')
    tap.equal(done.stdout,
              '      CTID  NUMPROC.L  NUMPROC.B STATUS    IP_ADDR         HOSTNAME\n'
              '       101         12         12 running   -               web.example\n'
              '         9          -          - stopped   -               -\n', 'vzlist -a')
    tap.equal(node.list('-H', '-o', 'ctid,status').stdout, '       101 running\n',
              'without -a just those that run')
    done = node.list('77', '-H', '-o', 'ctid')
    tap.equal((done.returncode, 'not found' in done.stderr), (1, True), 'one that is not there')
    row = [r for r in bc.json.loads(node.list('-aj').stdout) if r['ctid'] == 101][0]
    tap.equal((row['numproc']['limit'], row['numflock']['limit'], row['status'], row['vswap']),
              (12, None, 'running', True), 'as JSON')


def test_restart(fails):
    made = bc.nl.get('101')['incarnation']
    # init of busybox may not halt where it cannot fork, and is killed then
    good('a shorter time to halt', 'set', '101', '--stop-timeout', '4', '--save')
    good('restart, when nothing can be run in it any more', 'restart', '101')
    tap.equal((bc.nl.get('101')['incarnation'], bc.failcnt('101', 'numproc') >= fails,
               limit('numproc'), limit('numpty')), (made, True, 192, 20),
              'the account goes on, and the file counts')
    tap.equal(ctl('exec', '101', 'hostname').stdout, 'web.example\n', 'the host name too')


def tasks(number='101'):
    try:
        with open(f'{CGROUP}/bc/{number}/ct/cgroup.procs', encoding='ascii') as f:
            return f.read().split()
    except OSError:
        return []


def test_reboot():
    """A container that reboots itself stays in its pool."""
    made, before = bc.nl.get('101')['incarnation'], tasks()
    ctl('exec', '101', 'reboot')
    tap.ok(tap.poll_until(bc.WAIT, lambda: tasks() and not set(tasks()) & set(before) and
                          ctl('exec', '101', 'true').returncode == 0),
           'it comes back after a reboot of its own')
    tap.equal((status(), bc.nl.get('101')['incarnation']),
              (['exist', 'mounted', 'running'], made), 'in the same pool')


def test_lock():
    """A stop that takes its time holds the lock."""
    with subprocess.Popen(['strace', '-o', '/dev/null', '-e', 'inject=rename:delay_exit=2s:when=1',
                           'vzctl', 'stop', '101', '--fast'], env=node.env,
                          stderr=subprocess.DEVNULL) as slow:
        tap.poll_until(bc.WAIT, lambda: node.exists('lock/101.lck') and
                       'stop' in node.read('lock/101.lck'))
        then = time.monotonic()
        refused(9, 'already locked', 'start', '101')
        tap.ok(time.monotonic() - then < 20, 'and that at once')
        tap.equal(slow.wait(), 0, 'while the other goes on')
    tap.equal(status(), ['exist', 'unmounted', 'down'], 'stop --fast')


def test_mount():
    good('mount', 'mount', '101')
    tap.equal(status(), ['exist', 'mounted', 'down'], 'mounted')
    refused(41, 'mounted', 'destroy', '101')
    good('umount', 'umount', '101')
    refused(40, 'not mounted', 'umount', '101')


def sweep(verb, args, most, prepare, check):
    """Kill verb before its calls that change something; the next command finds its way."""
    prepare()
    calls, hit, named, wrong = node.changes(verb, '103', *args), 0, 0, []
    step = -(-len(calls) // most)
    for first in range(step // 2, len(calls), step):
        # How often something is asked for depends on the time: this time it may be less.
        for call in calls[first:first + 8]:
            prepare()
            if node.killed_at(call, verb, '103', *args):
                break
        else:
            wrong.append((call, 'was not killed'))
            continue
        hit += 1
        words = status('103')
        named += f'{verb}-interrupted' in words
        why = check()
        if why:
            wrong.append((call, words, why))
    tap.ok(hit and not wrong,
           f'{verb} killed at {hit} of {len(calls)} instants, {named} times named by status', wrong)


def destroyed():
    for verb in (('stop', '103', '--fast'), ('umount', '103'), ('destroy', '103')):
        ctl(*verb)                  # there may be nothing
    return left('103')


def test_kill(most):
    def absent():
        assert not destroyed(), left('103')

    def created():
        absent()
        assert not ctl('create', '103').returncode

    def running():
        if status('103')[:3] != ['exist', 'mounted', 'running']:
            created()
            assert not ctl('start', '103').returncode

    def stopped():
        if status('103')[:3] != ['exist', 'unmounted', 'down']:
            ctl('stop', '103', '--fast')
            if status('103') != ['exist', 'unmounted', 'down']:
                created()

    def check_create():
        done = ctl('create', '103')
        words = status('103')
        if done.returncode not in (0, 44) or words != ['exist', 'unmounted', 'down']:
            return done.stderr, words
        return not node.exists('private/103/etc/inittab') or node.exists('private/103.tmp')

    def check_start():
        done = ctl('start', '103')
        words = status('103')
        if done.returncode not in (0, 32) or words != ['exist', 'mounted', 'running']:
            return done.stderr, words
        return ctl('exec', '103', 'true').stderr

    def check_set():
        done = ctl('mount', '103')      # any command that takes the lock
        text = node.read('etc/conf/103.conf')
        saved = 'NUMPROC="77:77"' in text
        if done.returncode != 41 or len(status('103')) != 3 or node.exists('etc/conf/103.conf.new'):
            return done.stderr, status('103')
        if (limit('numproc', '103') == 77) != saved:
            return saved, limit('numproc', '103')
        return ctl('set', '103', '--numproc', '192', '--save').stderr

    def check_stop():
        done = ctl('stop', '103')
        words = status('103')
        if done.returncode not in (0, 31) or words != ['exist', 'unmounted', 'down']:
            return done.stderr, words
        return left('103') != ['etc/conf/103.conf', 'private/103/bin'] and None

    def check_destroy():
        done = ctl('destroy', '103')
        return (done.returncode not in (0, 14) and done.stderr) or left('103')

    running()
    ctl('stop', '103')
    tap.ok(node.exists('private/103/halted'), 'stop halts, and does not kill')
    sweep('start', (), most, stopped, check_start)
    sweep('stop', ('--fast',), most, running, check_stop)
    if most > 99:               # tests/bctl/test_ct.py does these two without a machine
        sweep('set', ('--numproc', '77', '--save'), most, running, check_set)
        sweep('create', (), most, absent, check_create)
        sweep('destroy', (), most, created, check_destroy)
    absent()


def main():
    test_life()
    test_status_of_commands()
    test_set()
    test_list()
    fails = test_fork_bomb()
    test_restart(fails)
    test_reboot()
    test_lock()
    test_mount()
    good('destroy', 'destroy', 'web')
    tap.equal(left('101'), [], 'nothing is left of it')
    tap.equal(status(), ['deleted', 'unmounted', 'down'], 'and status says so')
    node.ctl('destroy', '9')
    tap.equal(left('9'), [], 'nor of the other')
    test_kill(tap.rounds(1, 9999))
    tap.note(f'took {time.monotonic() - begun:.0f} s')
    bc.finish()


begun = time.monotonic()
main()
