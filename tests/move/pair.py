# SPDX-License-Identifier: GPL-2.0
"""What both machines of tests/move have in common."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import vz                       # noqa: E402  pylint: disable=wrong-import-position

TOP = '/scratch/vz'


def sh(command, check=True):
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False,
                          timeout=300)
    assert not (check and done.returncode), (command, done.stdout, done.stderr)
    return done.stdout


def machine(number):
    """A bridge with the line as a port, and an /etc/vz."""
    sh('modprobe virtio_net; modprobe bridge')
    for command in ('ip link set lo up', 'ip link add br0 type bridge',
                    'ip link set eth0 master br0', 'ip link set eth0 up', 'ip link set br0 up',
                    f'ip addr add 10.7.0.{number}/24 dev br0'):
        sh(command)
    node = vz.Vz(TOP)
    node.write('etc/vz.conf', node.read('etc/vz.conf') + f'DUMPDIR="{TOP}/dump"\n'
               'DISK_QUOTA="no"\n')
    sh(f'rm -rf /etc/vz; ln -s {TOP}/etc /etc/vz; mkdir -p -m 700 /root/.ssh; '
       'cp /root/key.pub /root/.ssh/authorized_keys; chmod 600 /root/key /root/.ssh/*; '
       'chown -R 0:0 /root/.ssh /root/key; mkdir -p /run/sshd; /usr/sbin/sshd '
       '-o UseDNS=no -o UsePAM=no')
    return node
