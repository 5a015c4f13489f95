#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.12
# timeout: 400
"""Containers: action scripts, in which order and what they see; autostart and shutdown."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc                       # noqa: E402  pylint: disable=wrong-import-position
import tap                      # noqa: E402  pylint: disable=wrong-import-position
import vz                       # noqa: E402  pylint: disable=wrong-import-position

TOP = '/scratch/vz'
LOG = f'{TOP}/log'
node = vz.Vz(TOP)
ctl, good, status = node.ctl, node.good, node.status


def said():
    """What the scripts have written since."""
    try:
        text = node.read('log')
    except FileNotFoundError:
        return []
    os.unlink(LOG)
    return text.splitlines()


def script(name, text, mode=0o755):
    node.write(f'etc/conf/{name}', f'#!/bin/sh\n{text}\n')
    os.chmod(node.path(f'etc/conf/{name}'), mode)


def test_scripts():
    assert not ctl('create', '101').returncode
    for owner in ('vps', '101'):
        for stage in ('premount', 'mount', 'umount', 'postumount'):
            script(f'{owner}.{stage}', 'm=down; [ -e "$VE_ROOT/sbin/init" ] && m=up\n'
                   f'echo {owner}.{stage} $VEID $(basename $VE_CONFFILE) $m >> {LOG}')
        for stage in ('start', 'stop'):
            script(f'{owner}.{stage}', f'echo {owner}.{stage} $VEID $(hostname) >> /said', 0o644)
    script('102.mount', f'echo wrong >> {LOG}')
    good('start', 'start', '101')
    tap.equal(said(), ['vps.premount 101 101.conf down', '101.premount 101 101.conf down',
                       'vps.mount 101 101.conf up', '101.mount 101 101.conf up'],
              'premount, mount: of all, then its own')
    tap.equal(ctl('exec', '101', 'cat /said').stdout, 'vps.start 101 101\n101.start 101 101\n',
              'start is run in the container')
    good('stop', 'stop', '101')
    tap.equal(said(), ['vps.umount 101 101.conf up', '101.umount 101 101.conf up',
                       'vps.postumount 101 101.conf down', '101.postumount 101 101.conf down'],
              'umount, postumount')
    tap.equal(node.read('private/101/said').splitlines()[2:], ['vps.stop 101 101', '101.stop 101 101'],
              'stop is run in the container, before it halts')


def test_environment():
    script('101.premount', f'env | sort >> {LOG}; pwd >> {LOG}; cat >> {LOG}; echo end >> {LOG}')
    node.env['SECRET'] = 'x'
    good('mount', 'mount', '101')
    del node.env['SECRET']
    text = [line for line in said() if re.match('SECRET|LD_|BCTL|VE|/$|end|PATH', line)]
    tap.equal(text[:7], ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
                         'VEID=101', f'VE_CONFFILE={TOP}/etc/conf/101.conf',
                         f'VE_PRIVATE={TOP}/private/101', f'VE_ROOT={TOP}/root/101', '/', 'end'],
              'an environment of its own, no input, and the root to stand in')
    good('umount', 'umount', '101')
    said()


def refused(name, why, code=79):
    done = ctl('start', '101')
    tap.ok(done.returncode == code and why in done.stderr and
           status('101') == ['exist', 'unmounted', 'down'] and
           not os.path.exists('/sys/fs/cgroup/bc-ct/101'), name, f'{done.returncode} {done.stderr}')


def test_failures():
    for stage in ('premount', 'mount'):
        script(f'101.{stage}', 'exit 3')
        refused(f'{stage} fails: 79, nothing is mounted', 'status 3')
        script(f'101.{stage}', 'exit 0')
    script('101.start', 'exit 4', 0o644)
    refused('start fails in the container: it is stopped again', 'status 4')
    os.unlink(node.path('etc/conf/101.start'))
    script('101.mount', 'exit 0', 0o775)
    refused('a script that others can write', 'can write it')
    os.unlink(node.path('etc/conf/101.mount'))
    os.symlink(node.path('private/101/bin/true'), node.path('etc/conf/101.mount'))
    refused('a script that is a file of the container', 'file of the container')
    os.unlink(node.path('etc/conf/101.mount'))
    good('start', 'start', '101')
    script('101.umount', 'exit 5')
    done = ctl('stop', '101', '--fast')
    tap.ok(done.returncode == 79 and status('101') == ['exist', 'unmounted', 'down'],
           'umount fails: it is told, and the rest is done', done.stderr)
    for name in os.listdir(node.path('etc/conf')):
        if re.search(r'\.(pre|post|u)?(mount|umount)$|\.(start|stop)$', name):
            os.unlink(node.path(f'etc/conf/{name}'))
    said()


def running():
    return node.list('-H1').stdout.split()


def test_boot():
    """101 yes, order 5; 102 yes; 103 what it was; 104 no; 105 yes and fails; 106 disabled."""
    setup = {'101': ('--onboot', 'yes', '--bootorder', '5'), '102': ('--onboot', 'yes'),
             '103': ('--onboot', 'auto'), '104': ('--onboot', 'no'),
             '105': ('--onboot', 'yes', '--bootorder', '9'),
             '106': ('--onboot', 'yes', '--disabled', 'yes')}
    for number, args in setup.items():
        ctl('create', number)
        assert not ctl('set', number, *args, '--save').returncode
    script('vps.mount', f'echo $VEID >> {LOG}')
    script('105.premount', 'exit 1')
    done = node.run('bctl-ct', 'autostart')
    tap.ok(done.returncode == 2 and '2 started, 1 failed' in done.stderr, 'autostart', done.stderr)
    tap.equal((said(), running()), (['101', '102'], ['101', '102']),
              'the greatest BOOTORDER first; one that fails keeps no other from it')
    os.unlink(node.path('etc/conf/105.premount'))
    for number in ('103', '104'):
        assert not ctl('start', number).returncode
    good('autostart again: what is missing', 'autostart')
    tap.equal(running(), ['101', '102', '103', '104', '105'], 'and nothing else')
    said()
    script('vps.umount', f'echo $VEID >> {LOG}')
    good('shutdown', 'shutdown')
    tap.equal((sorted(said()[:3]), running()), (['102', '103', '104'], []),
              'in the opposite order')
    good('shutdown again', 'shutdown')
    good('autostart', 'autostart')
    tap.equal(running(), ['101', '102', '103', '105'], 'what ran runs again, if nothing says no')
    good('stop', 'stop', '103', '--fast')
    good('shutdown', 'shutdown')
    good('autostart', 'autostart')
    tap.equal(running(), ['101', '102', '105'], 'what somebody has stopped does not')
    # as if the machine had been reset: a record of another boot
    good('stop', 'stop', '102', '--fast')
    node.write('state/103.up', 'BOOT="e35ba2b2-0c0a-4a8e-9d67-d36ad0a9c9b1"\n')
    good('autostart', 'autostart')
    tap.equal(running(), ['101', '102', '103', '105'], 'nor does a crash keep it down')
    # as if it had been reset during a start: the record has its name already and nothing in it
    good('stop', 'stop', '103', '--fast')
    node.write('state/103.up', '')
    good('autostart', 'autostart')
    tap.equal(running(), ['101', '102', '103', '105'], 'nor one while it was being started')
    done = ctl('start', '104', '--wait')
    tap.equal(done.returncode, 0, 'start --wait')
    for number in setup:
        ctl('stop', number, '--fast')
        good(f'destroy {number}', 'destroy', number)
    tap.equal(os.listdir(f'{TOP}/state'), [], 'nothing is left')


def main():
    test_scripts()
    test_environment()
    test_failures()
    test_boot()
    bc.finish()


main()
