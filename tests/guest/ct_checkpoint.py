#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# kernels: 6.1 6.12
# long: 6.12
# vm: criu
# timeout: 300
"""Containers: frozen; suspended to the disk and resumed, with memory, files and a TCP connection."""
import ctypes
import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc                       # noqa: E402  pylint: disable=wrong-import-position
import tap                      # noqa: E402  pylint: disable=wrong-import-position
import vz                       # noqa: E402  pylint: disable=wrong-import-position

TOP = '/scratch/vz'
DUMP = f'{TOP}/dump/Dump.101'
POOL = '/sys/fs/cgroup/bc/101'

node = vz.Vz(TOP)
ctl, good, refused, status = node.ctl, node.good, node.refused, node.status
node.write('etc/vz.conf', node.read('etc/vz.conf') + f'DUMPDIR="{TOP}/dump"\n')

# A shell that has 100 kB of random text in its memory and one end of a TCP connection
# in its hands; it answers what it is asked through a pipe.
SERVICE = r'''
mkdir -p /srv; cd /srv; busybox mkfifo ask never; : > got; : > says
exec 8<> never
busybox nc -l -p 7000 <&8 >> got &
while ! busybox netstat -ltn | grep -q :7000; do sleep 1; done
( secret=$(dd if=/dev/urandom bs=1000 count=75 2> /dev/null | busybox base64)
  echo $secret | busybox md5sum > says
  exec 9<> ask
  while read word <&9; do
	echo "connected: $word"
	echo $secret | busybox md5sum >> says
  done ) | busybox nc 127.0.0.1 7000 &
'''


def inside(script):
    return ctl('exec', '101', script).stdout


def tasks():
    try:
        with open(f'{POOL}/ct/cgroup.procs', encoding='ascii') as f:
            return f.read().split()
    except OSError:
        return []


def mounts():
    """What is mounted in the container, but for the console, which is a new one."""
    lines = inside('cat /proc/mounts').splitlines()
    return sorted(line for line in lines if '/dev/console' not in line and line)


def cgroup_options():
    """Those are one for the whole machine."""
    with open('/proc/mounts', encoding='utf-8') as f:
        return [line.split()[3] for line in f if ' /sys/fs/cgroup cgroup2 ' in line]


def device_programs():
    """How many programs decide about the devices of the container."""
    fd = os.open(f'{POOL}/ct', os.O_RDONLY)
    attr = ctypes.create_string_buffer(struct.pack('IIIIQI', fd, 6, 0, 0, 0, 0), 128)
    ret = ctypes.CDLL(None).syscall(321, 16, attr, 128)
    os.close(fd)
    return ret or struct.unpack('IIIIQI', attr.raw[:28])[5]


def ask(word):
    """Have the service send a word through its connection; what has come so far."""
    want = inside('cat /srv/says').count('\n') + 1
    inside(f'echo {word} 1<> /srv/ask')
    tap.poll_until(bc.WAIT, lambda: word in inside('cat /srv/got') and
                   inside('cat /srv/says').count('\n') >= want)
    return inside('cat /srv/got'), set(inside('cat /srv/says').splitlines())


def test_freeze():
    inside('while :; do echo >> /srv/ticks; sleep 1; done > /dev/null 2>&1 < /dev/null &')
    good('suspend --freeze', 'suspend', '101', '--freeze')
    tap.equal(status(), ['exist', 'mounted', 'running', 'frozen'], 'it stands still')
    refused(31, 'frozen', 'exec', '101', 'true')
    size = os.path.getsize(f'{TOP}/private/101/srv/ticks')
    time.sleep(2)
    tap.equal(os.path.getsize(f'{TOP}/private/101/srv/ticks'), size, 'nothing of it runs')
    good('resume --thaw', 'resume', '101', '--thaw')
    tap.ok(tap.poll_until(bc.WAIT, lambda: os.path.getsize(f'{TOP}/private/101/srv/ticks') > size),
           'and goes on')


def test_suspend():
    before, mounted, made = ask('first'), mounts(), bc.nl.get('101')['incarnation']
    programs, fails, options = device_programs(), bc.failcnt('101', 'numproc'), cgroup_options()
    good('suspend', 'suspend', '101')
    tap.equal((status(), tasks(), bc.held('101', 'numproc')),
              (['exist', 'unmounted', 'down', 'suspended'], [], 0),
              'nothing of it is left in the machine')
    tap.equal((os.stat(DUMP).st_mode & 0o777, os.stat(f'{TOP}/dump').st_mode & 0o777),
              (0o700, 0o700), 'nobody else can read what was in its memory')
    tap.equal(node.list('-aH', '-o', 'ctid,status').stdout, '       101 suspended\n', 'vzlist')
    refused(31, 'suspended', 'stop', '101')
    refused(17, 'suspended', 'start', '101')
    good('resume', 'resume', '101')
    tap.equal(status(), ['exist', 'mounted', 'running'], 'it runs')
    tap.ok(not os.path.exists(DUMP), 'the dump is used up')
    now = mounts()
    tap.ok(now == mounted, 'with its mounts', (set(now) - set(mounted), set(mounted) - set(now)))
    tap.equal((device_programs(), cgroup_options()), (programs, options),
              'its devices are bounded, and the options of the cgroups are those of before')
    got, says = ask('second')
    tap.equal(got, before[0] + 'connected: second\n', 'the TCP connection inside goes on')
    tap.ok(len(says) == 1 and says == before[1], 'and so does all that was in memory', (before[1], says))
    account = bc.nl.get('101')
    tap.equal((account['incarnation'], bc.failcnt('101', 'numproc')), (made, fails),
              'in the same account')
    tap.equal(bc.held('101', 'numproc'),
              sum(len(os.listdir(f'/proc/{pid}/task')) for pid in tasks() + lxc_tasks()),
              'each task of it is counted')
    ctl('set', '101', '--numproc', str(bc.held('101', 'numproc') + 4))
    tap.ok("can't fork" in ctl('exec', '101', ' & '.join(['sleep 3 > /dev/null 2>&1'] * 9)).stderr,
           'its limits hold')
    ctl('set', '101', '--reset_ub')
    tap.equal(bc.figures('101')['numproc'].limit, 192, 'and are put back by --reset_ub')


def lxc_tasks():
    try:
        with open(f'{POOL}/ct/.lxc/cgroup.procs', encoding='ascii') as f:
            return f.read().split()
    except OSError:
        return []


def test_again():
    """What was resumed can be suspended again, and what was damaged is refused."""
    node.write('etc/conf/101.umount', '#!/bin/sh\nexit 5\n')
    os.chmod(node.path('etc/conf/101.umount'), 0o755)
    done = ctl('suspend', '101', '--dumpfile', f'{TOP}/elsewhere')
    tap.equal((done.returncode, status()), (79, ['exist', 'unmounted', 'down']),
              'suspend, once more: a script that fails is told of, and nothing else is undone')
    os.unlink(node.path('etc/conf/101.umount'))
    os.truncate(f'{TOP}/elsewhere/images/pages-1.img', 100)
    refused(17, 'damaged', 'resume', '101', '--dumpfile', f'{TOP}/elsewhere')
    refused(17, 'no dump', 'resume', '101')
    tap.equal(status(), ['exist', 'unmounted', 'down'], 'it is as it was')
    good('it can be started anew', 'start', '101')
    refused(16, 'is not a dump', 'suspend', '101', '--dumpfile', f'{TOP}/etc')
    os.chmod(f'{TOP}/elsewhere', 0o755)
    ctl('stop', '101', '--fast')
    refused(17, 'nobody but root', 'resume', '101', '--dumpfile', f'{TOP}/elsewhere')


def test_undumpable():
    """A file without a name that is too large for the dump."""
    good('start', 'start', '101')
    inside('cd /srv; dd if=/dev/zero of=big bs=1M count=66 2> /dev/null; exec 3< big; rm big; '
           '(while :; do echo >> more; sleep 1; done) > /dev/null 2>&1 < /dev/null &')
    refused(16, 'goes on', 'suspend', '101')
    tap.equal((status(), os.listdir(f'{TOP}/dump')), (['exist', 'mounted', 'running'], []),
              'what criu cannot dump runs, and no dump is there')
    tap.ok('ghost' in ctl('exec', '101', 'true').stderr + node.read('state/101.criu.log'),
           'the reason is kept')
    size = os.path.getsize(f'{TOP}/private/101/srv/more')
    tap.ok(tap.poll_until(bc.WAIT, lambda: os.path.getsize(f'{TOP}/private/101/srv/more') > size),
           'and it goes on indeed')


def sweep(verb, most, prepare, check):
    """Kill a command before its calls that change something; another finds its way."""
    prepare()
    calls, hit, named, wrong = node.changes(verb, '101'), 0, 0, []
    step = -(-len(calls) // most)
    for call in calls[step // 2::step]:
        prepare()
        if not node.killed_at(call, verb, '101'):
            wrong.append((call, 'was not killed'))
            continue
        hit += 1
        named += f'{verb}-interrupted' in status()
        why = check()
        if why:
            wrong.append((call, why))
    tap.ok(hit and not wrong,
           f'{verb} killed at {hit} of {len(calls)} instants, {named} times named by status', wrong)


def test_kill(most):
    def anew():
        """The container runs, with a counter that tells whether it was the same all the time."""
        ctl('stop', '101', '--fast')
        ctl('stop', '101', '--fast')
        assert not ctl('start', '101').returncode
        assert not inside('echo $$ > /dev/same; true')

    def running():
        if status() == ['exist', 'unmounted', 'down', 'suspended']:
            ctl('resume', '101')
        if status() != ['exist', 'mounted', 'running'] or 'same' not in inside('ls /dev'):
            anew()

    def suspended():
        running()
        assert not ctl('suspend', '101').returncode

    def check_suspend():
        ctl('mount', '101')                     # any command that takes the lock
        words = status()
        if words == ['exist', 'mounted', 'running']:
            return os.path.exists(DUMP + '.tmp') or os.path.exists(DUMP) or not tasks()
        ctl('umount', '101')
        words = status()
        if words != ['exist', 'unmounted', 'down', 'suspended'] or tasks():
            return words, tasks()
        done = ctl('resume', '101')
        return done.stderr if done.returncode or 'same' not in inside('ls /dev') else None

    def check_resume():
        done = ctl('resume', '101')
        words = status()
        if done.returncode not in (0, 32) or words != ['exist', 'mounted', 'running']:
            return done.stderr, words
        return 'same' not in inside('ls /dev') or os.path.exists(DUMP)

    sweep('suspend', most, running, check_suspend)
    sweep('resume', most, suspended, check_resume)


def main():
    good('create', 'create', '101')
    good('start', 'start', '101')
    good('a service in it', 'exec', '101', f'( {SERVICE} ) > /dev/null 2>&1 < /dev/null')
    tap.ok(tap.poll_until(bc.WAIT, lambda: 'ESTAB' in inside('busybox netstat -tn')), 'with a connection')
    test_freeze()
    test_suspend()
    test_again()
    test_undumpable()
    if os.environ.get('BC_LONG'):
        test_kill(9999)
    ctl('restart', '101', '--fast')         # without what cannot be dumped
    ctl('suspend', '101')
    good('destroy, when it is suspended', 'destroy', '101')
    tap.equal((os.listdir(f'{TOP}/dump'), status()), ([], ['deleted', 'unmounted', 'down']),
              'takes the dump with it')
    tap.note(f'took {time.monotonic() - begun:.0f} s')
    bc.finish()


begun = time.monotonic()
main()
