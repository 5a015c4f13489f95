#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.12
# timeout: 300
# vm-args: --systemd
"""Containers under systemd: the unit that starts them with the machine and stops them."""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc                       # noqa: E402  pylint: disable=wrong-import-position
import tap                      # noqa: E402  pylint: disable=wrong-import-position
import vz                       # noqa: E402  pylint: disable=wrong-import-position

UNIT = 'beancounter-containers.service'
TOP = '/scratch/vz'
node = vz.Vz(TOP)


def systemctl(*args):
    return subprocess.run(['systemctl', *args], capture_output=True, text=True, check=False,
                          timeout=200)


def running():
    return node.list('-H1').stdout.split()


def install():
    """The unit as it is, but for where the program and its files are."""
    with open(f'/root/systemd/{UNIT}', encoding='utf-8') as f:
        text = f.read().replace('/usr/sbin/bctl', shutil.which('bctl'))
    os.makedirs(f'/etc/systemd/system/{UNIT}.d', exist_ok=True)
    with open(f'/etc/systemd/system/{UNIT}', 'w', encoding='utf-8') as f:
        f.write(text.replace('/etc/vz/vz.conf', f'{TOP}/etc/vz.conf'))
    with open(f'/etc/systemd/system/{UNIT}.d/test.conf', 'w', encoding='utf-8') as f:
        f.write(f'[Service]\nEnvironment=BCTL_VZ_CONF={TOP}/etc/vz.conf\n'
                f'Environment=PATH={os.environ["PATH"]}\n')
    systemctl('daemon-reload')


def test_unit():
    for number, order in (('101', '2'), ('102', '1')):
        assert not node.ctl('create', number).returncode
        assert not node.ctl('set', number, '--onboot', 'yes', '--bootorder', order,
                            '--save').returncode
    node.write('etc/conf/102.premount', '#!/bin/sh\nexit 1\n')
    os.chmod(node.path('etc/conf/102.premount'), 0o755)
    done = systemctl('start', UNIT)
    tap.equal((done.returncode, running(), systemctl('is-active', UNIT).stdout),
              (0, ['101'], 'active\n'), 'one runs, one fails, the unit is active')
    log = subprocess.run(['journalctl', '-u', UNIT, '-o', 'cat', '--no-pager'], check=False,
                         capture_output=True, text=True).stdout
    tap.ok('1 started, 1 failed' in log, 'which its log says', log)
    os.unlink(node.path('etc/conf/102.premount'))
    tap.equal(node.ctl('start', '102').returncode, 0, 'the other one by hand')
    with open('/sys/fs/cgroup/bc-ct/101/monitor/cgroup.procs', encoding='ascii') as f:
        monitor = f.read().split()
    systemctl('daemon-reexec')
    systemctl('restart', 'systemd-journald')
    tap.equal((running(), node.ctl('exec', '101', 'true').returncode), (['101', '102'], 0),
              'what systemd does to itself does nothing to them')
    done = systemctl('stop', UNIT)
    tap.equal((done.returncode, running(), [p for p in monitor if os.path.exists(f'/proc/{p}')]),
              (0, [], []), 'stopped with the unit')
    tap.ok(node.exists('private/101/halted'), 'they halt, and are not killed')
    systemctl('start', UNIT)
    tap.equal(running(), ['101', '102'], 'and started again')
    systemctl('stop', UNIT)


def main():
    if not os.path.exists(f'/root/systemd/{UNIT}'):
        tap.skip_all('the units are not there')
    install()
    test_unit()
    for number in ('101', '102'):
        node.ctl('destroy', number)
    bc.finish()


main()
