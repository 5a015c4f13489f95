#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# kernels: 6.1 6.12
# long: 6.12
# vm: criu
# timeout: 300
"""Containers with a network that are suspended and resumed, while others are connected to them.

       out              the machine                101          102
    o0 10.9.0.2 ---- d0 10.9.0.1
                        venet101 ----------- venet0
                        br0 10.8.0.1 --- veth102.0 ----------- eth0 10.8.0.102
"""
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc                       # noqa: E402  pylint: disable=wrong-import-position
import tap                      # noqa: E402  pylint: disable=wrong-import-position
import vz                       # noqa: E402  pylint: disable=wrong-import-position

TOP = '/scratch/vz'
node = vz.Vz(TOP)
node.write('etc/vz.conf', node.read('etc/vz.conf') + f'DUMPDIR="{TOP}/dump"\n')

# A shell with 75 kB of random text in its memory that answers each word that comes through
# its connection with the sum of that text.
SERVICE = r'''
mkdir -p /srv; cd /srv; busybox mkfifo up
exec 8<> up
( secret=$(dd if=/dev/urandom bs=1000 count=75 2> /dev/null | busybox base64)
  while read word; do echo "$word $(echo $secret | busybox md5sum)"; done < up |
	busybox nc -l -p 7000 > up ) &
while ! busybox netstat -ltn | grep -q :7000; do sleep 1; done
'''


def sh(command):
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False,
                          env=node.env, timeout=120)


def good(name, *args):
    done = node.ctl(*args)
    return tap.ok(done.returncode == 0, name, f'{args}: {done.returncode}\n{done.stderr}')


def refused(status, words, *args):
    done = node.ctl(*args)
    tap.ok(done.returncode == status and words in done.stderr,
           f'{" ".join(args)}: exit {status}', f'{done.returncode}: {done.stderr}')


def inside(number, script):
    return node.ctl('exec', number, script).stdout


def state(number):
    return node.ctl('status', number).stdout.split()[2:]


def world():
    for command in ('ip netns add out', 'ip link add d0 type veth peer name o0 netns out',
                    'ip addr add 10.9.0.1/24 dev d0', 'ip link set d0 up',
                    'ip -n out addr add 10.9.0.2/24 dev o0', 'ip -n out link set o0 up',
                    'ip -n out route add 10.8.0.0/24 via 10.9.0.1', 'ip link set lo up',
                    'ip link add br0 type bridge', 'ip addr add 10.8.0.1/24 dev br0',
                    'ip link set br0 up', 'echo 1 > /proc/sys/net/ipv4/ip_forward',
                    'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'):
        done = sh(command)
        assert not done.returncode, (command, done.stderr)


class Line:
    """A connection from outside to the service of a container."""

    def __init__(self, addr):
        self.proc = subprocess.Popen(['ip', 'netns', 'exec', 'out', 'busybox', 'nc', addr, '7000'],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, word):
        self.proc.stdin.write(word + '\n')
        self.proc.stdin.flush()

    def answer(self):
        """One line, or None after a while."""
        os.set_blocking(self.proc.stdout.fileno(), True)
        done = subprocess.run(['timeout', '60', 'head', '-n1'], stdin=self.proc.stdout,
                              capture_output=True, text=True, check=False)
        return done.stdout.split()


def settings(number):
    """The network as the container has it; what depends on time left out."""
    text = inside(number, 'ip -o addr; ip -o link; ip route; ip -6 route')
    # how long addresses last, whether they are still being checked, the number of the other end
    text = re.sub(r'valid_lft \S+ preferred_lft \S+|@if\d+|expires \S+|tentative', '', text)
    return [re.sub(' +', ' ', line) for line in text.splitlines()]


def traffic(number):
    rows = json.loads(node.ctl('netstat', '-j', number).stdout)
    flow = rows[0]['classes'][0]['ipv4']
    return flow['in']['bytes'], flow['out']['bytes']


def links():
    return sorted(line.split()[1].split('@')[0].rstrip(':')
                  for line in sh('ip -o link').stdout.splitlines())


def through(number, addr):
    good('a service in it', 'exec', number, f'( {SERVICE} ) > /dev/null 2>&1 < /dev/null')
    line = Line(addr)
    line.say('one')
    first = line.answer()
    tap.equal(first[:1], ['one'], 'somebody outside is connected to it')
    had, counted, cards = settings(number), traffic(number), links()
    good('suspend', 'suspend', number)
    tap.equal((state(number), [x for x in links() if number in x]),
              (['exist', 'unmounted', 'down', 'suspended'], []), 'nothing of it is left')
    line.say('two')
    time.sleep(3)
    tap.equal(line.proc.poll(), None, 'the other side has not noticed')
    good('resume', 'resume', number)
    second = line.answer()
    tap.equal(second, ['two'] + first[1:], 'what was sent meanwhile is answered, out of its memory')
    tap.equal((settings(number), links()), (had, cards), 'its network is as it was')
    now = traffic(number)
    tap.ok(now[0] > counted[0] and now[1] > counted[1], 'and its account goes on', (counted, now))
    tap.equal(sh('nft list tables').stdout.count('gate'), 0, 'there is no gate')
    line.say('three')
    tap.equal(line.answer(), ['three'] + first[1:], 'and so does the conversation')
    return line


def main():
    world()
    for number in ('101', '102'):
        assert not node.ctl('create', number).returncode
    good('routed', 'set', '101', '--ipadd', '10.9.0.101', '--ipadd', '2001:db8:9::101', '--save')
    good('bridged', 'set', '102', '--netif_add', 'eth0,,,,br0', '--save')
    good('start', 'start', '101')
    good('start', 'start', '102')
    inside('102', 'ip addr add 10.8.0.102/24 dev eth0; ip route add default via 10.8.0.1')
    through('101', '10.9.0.101')
    through('102', '10.8.0.102')
    for number in ('101', '102'):
        node.ctl('stop', number, '--fast')
        good('destroy', 'destroy', number)
    bc.finish()


main()
