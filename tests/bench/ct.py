#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The guest's part of tests/bench/run for containers: prints "ct PASS NAME MS".

A container of this program and one of lxc-start, of the same configuration of liblxc: the
same items, a user namespace, the private area mounted with its ids, an empty network, the
same init. In turn, now this, now that one first, so that what drifts does not look like a
difference between them, and with a pause before each: whoever moves a process to another
cgroup waits for a grace period of RCU, but not if somebody has just done that. Both starts
return when the monitor has said that init runs. Both stops kill, and are over when the
command has returned and neither init nor the monitor is there; lxc-stop alone returns before
the latter. "newuidmap" is lxc-start as Debian installs it, which has that program write the
maps; the other one writes them by itself, as bctl-ct does.
"""
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import vz                       # noqa: E402  pylint: disable=wrong-import-position

TOP, LXC = '/scratch/vz', '/run/plain'
PAUSE = 0.2
node = vz.Vz(TOP)

ITEMS = """lxc.apparmor.profile = unconfined
lxc.seccomp.profile = /run/bctl-ct/seccomp
lxc.pty.max = 1024
lxc.tty.max = 0
lxc.mount.auto = cgroup:mixed proc:mixed sys:mixed
lxc.mount.entry = /dev/null proc/kcore none bind,optional 0 0
lxc.mount.entry = /dev/null proc/keys none bind,optional 0 0
lxc.mount.entry = /dev/null proc/key-users none bind,optional 0 0
lxc.mount.entry = /dev/null proc/kallsyms none bind,optional 0 0
lxc.mount.entry = /dev/null proc/sched_debug none bind,optional 0 0
lxc.mount.entry = /dev/null proc/timer_list none bind,optional 0 0
lxc.mount.entry = none sys/firmware tmpfs ro,nosuid,nodev,noexec,size=4k,optional 0 0
lxc.cgroup2.devices.deny = a
lxc.cgroup2.devices.allow = c *:* m
lxc.cgroup2.devices.allow = b *:* m
lxc.cgroup2.devices.allow = c 1:3 rwm
lxc.cgroup2.devices.allow = c 1:5 rwm
lxc.cgroup2.devices.allow = c 1:7 rwm
lxc.cgroup2.devices.allow = c 1:8 rwm
lxc.cgroup2.devices.allow = c 1:9 rwm
lxc.cgroup2.devices.allow = c 5:0 rwm
lxc.cgroup2.devices.allow = c 5:1 rwm
lxc.cgroup2.devices.allow = c 5:2 rwm
lxc.cgroup2.devices.allow = c 136:* rwm
lxc.cap.drop = sys_module sys_rawio sys_pacct sys_time audit_control mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf
lxc.net.0.type = empty
lxc.net.0.flags = up
lxc.log.level = ERROR
lxc.rootfs.options = idmap=container
lxc.uts.name = 212
lxc.cgroup.dir.container = plain/ct
lxc.cgroup.dir.monitor = plain/monitor
lxc.cgroup.dir.monitor.pivot = plain/pivot
"""


def describe():
    first = re.search('LOCAL_UID="([0-9]+)"', node.read('etc/conf/212.conf'))[1]
    os.makedirs(f'{LXC}/212', exist_ok=True)
    with open(f'{LXC}/212/config', 'w', encoding='utf-8') as f:
        f.write(ITEMS + f'lxc.idmap = u 0 {first} 65536\nlxc.idmap = g 0 {first} 65536\n'
                f'lxc.rootfs.path = dir:{TOP}/private/212\nlxc.log.file = {TOP}/plain.log\n')
    for name in ('subuid', 'subgid'):
        with open(f'/etc/{name}', 'a', encoding='ascii') as f:
            f.write(f'root:{first}:65536\n')


def live(top):
    """Does somebody live in a cgroup?"""
    try:
        with open(f'/sys/fs/cgroup/{top}/cgroup.events', encoding='ascii') as f:
            return 'populated 1' in f.read()
    except OSError:
        return False


def timed(name, program, *args, maps=False, gone=()):
    """How many milliseconds it takes until it has returned, and those have gone."""
    path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin'
    env = dict(node.env, PATH=path + ':/usr/bin:/bin' if maps else path)
    time.sleep(PAUSE)
    then = time.monotonic()
    done = subprocess.run((shutil.which(program), *args), env=env, capture_output=True, text=True,
                          check=False, timeout=120)
    while any(map(live, gone)):
        pass
    took = time.monotonic() - then
    if done.returncode:
        sys.exit(f'{name}: {done.returncode} {done.stdout}{done.stderr}')
    return took * 1000


def one_round(number):
    ours, plain = ('bc/211', 'bc-ct/211'), ('plain',)
    lxc = ('-P', LXC, '-n', '212')
    start = [('start', False, (), ('vzctl', 'start', '211')),
             ('lxc-start', False, (), ('lxc-start', *lxc, '-d'))]
    stop = [('stop', False, ours, ('vzctl', 'stop', '211', '--fast')),
            ('lxc-stop', False, plain, ('lxc-stop', *lxc, '-k'))]
    again = [('lxc-start-newuidmap', True, (), ('lxc-start', *lxc, '-d')),
             (None, False, plain, ('lxc-stop', *lxc, '-k'))]
    turn = -1 if number % 2 else 1
    for name, maps, gone, args in start[::turn] + stop[::turn] + again:
        took = timed(name, *args, maps=maps, gone=gone)
        if name and number >= 0:
            print(f'ct {number} {name} {took:.3f}', flush=True)


def main():
    for number in ('211', '212'):
        node.ctl('create', number)
    describe()
    for number in range(-2, int(sys.argv[1])):      # the first two fill the caches
        one_round(number)


main()
