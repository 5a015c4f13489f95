#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A container with a service moves to the other machine and back, and this one is its client.

With a number, migrate is killed so often before calls that change something, and the line is cut.
"""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pair                     # noqa: E402  pylint: disable=wrong-import-position
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import tap                      # noqa: E402  pylint: disable=wrong-import-position

WAIT = 60
SSH = ('ssh -i /root/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null '
       '-o LogLevel=ERROR -o ConnectTimeout=20')
# Answers each word that comes through its connection with the sum of what is in its memory.
SERVICE = r'''
mkdir -p /srv; cd /srv; busybox mkfifo up
exec 8<> up
( secret=$(dd if=/dev/urandom bs=1000 count=75 2> /dev/null | busybox base64)
  while read word; do echo "$word $(echo $secret | busybox md5sum)"; echo $word >> /srv/heard; done < up |
	busybox nc -l -p 7000 > up ) &
while ! busybox netstat -ltn | grep -q :7000; do sleep 1; done
'''

os.environ['BC_SSH'] = SSH
node = pair.machine(1)
node.env['BC_SSH'] = SSH


def far(command):
    """Run something on the other machine."""
    done = subprocess.run([*SSH.split(), '10.7.0.2', command], capture_output=True, text=True,
                          check=False, timeout=300, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def good(name, *args, program='vzctl'):
    done = node.run(program, *args, timeout=300)
    tap.note(f'{" ".join(args)}: {done.stderr}'.replace('\n', ' | '))
    return tap.ok(done.returncode == 0, name, f'{args}: {done.returncode}\n{done.stderr}')


def places():
    """What status says on either machine, without what is mounted."""
    return [text.split()[2::2] + text.split()[5:] for text in
            (node.ctl('status', '101').stdout, far('vzctl status 101')[1])]


class Line:
    """A connection to the service of the container."""

    def __init__(self):
        self.proc = subprocess.Popen(['busybox', 'nc', '10.7.0.101', '7000'], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, word):
        self.proc.stdin.write(word + '\n')
        self.proc.stdin.flush()
        done = subprocess.run(['timeout', str(WAIT), 'head', '-n1'], stdin=self.proc.stdout,
                              capture_output=True, text=True, check=False)
        return done.stdout.split()


def traffic(text):
    flow = json.loads(text)[0]['classes'][0]['ipv4']
    return flow['in']['bytes'], flow['out']['bytes']


def test_online():
    good('create', 'create', '101', '--name', 'web')
    good('a card on the bridge', 'set', '101', '--netif_add', 'eth0,,,,br0', '--save')
    good('start', 'start', '101')
    node.ctl('exec', '101', 'ip addr add 10.7.0.101/24 dev eth0')
    good('a service in it', 'exec', '101', f'( {SERVICE} ) > /dev/null 2>&1 < /dev/null')
    line = Line()
    first = line.ask('one')
    tap.equal(first[:1], ['one'], 'this machine is connected to it')
    counted = traffic(node.ctl('netstat', '-j', '101').stdout)
    good('vzmigrate --online', '--online', '10.7.0.2', '101', program='vzmigrate')
    tap.equal(places(), [['deleted', 'down'], ['exist', 'running']], 'it runs there, and not here')
    tap.equal(line.ask('two'), ['two'] + first[1:],
              'the connection goes on, and so does all that was in memory')
    tap.ok(os.path.exists('/sys/fs/cgroup/bc/101') is False and
           not os.path.exists(f'{pair.TOP}/private/101'), 'nothing is left of it here')
    heard = far('vzctl exec 101 cat /srv/heard')[1]
    tap.equal(heard, 'one\ntwo\n', 'its files are those of before')
    now = traffic(far('vzctl netstat -j 101')[1])
    tap.ok(now[0] > counted[0] and now[1] > counted[1], 'its traffic is counted on', (counted, now))
    status, _, err = far(f'BC_SSH="{SSH}" bctl-ct migrate web 10.7.0.1 --online')
    tap.equal((status, places()), (0, [['exist', 'running'], ['deleted', 'down']]),
              f'and back, by its name: {err}')
    tap.equal(line.ask('three'), ['three'] + first[1:], 'the connection has seen nothing of that')
    return line


def test_offline():
    good('vzmigrate', '10.7.0.2', '101', program='vzmigrate')
    tap.equal(places(), [['deleted', 'down'], ['exist', 'running']],
              'it was stopped and started there')
    tap.equal(far('vzctl exec 101 cat /srv/heard')[1], 'one\ntwo\nthree\n', 'with its files')
    far(f'BC_SSH="{SSH}" bctl-ct migrate 101 10.7.0.1')
    tap.equal(places(), [['exist', 'running'], ['deleted', 'down']], 'and back')


def one_place():
    """In exactly one place it runs, once somebody has asked on either side; why not, else."""
    for _ in range(3):
        node.ctl('mount', '101')        # any command that takes the lock
        far('vzctl mount 101')
        now = places()
        if 'interrupted' not in str(now):
            break
        time.sleep(1)
    running = ['running' in place for place in now]
    return None if sorted(running) == [False, True] and \
        sorted(place[0] for place in now) == ['deleted', 'exist'] else now


def here_again():
    if places()[0] != ['exist', 'running']:
        far(f'BC_SSH="{SSH}" bctl-ct migrate 101 10.7.0.1')
    assert places()[0] == ['exist', 'running'], places()


def test_kill(most):
    """migrate killed at calls that change something."""
    args = ('migrate', '101', '10.7.0.2', '--online')
    calls, hit, wrong = node.changes(*args), 0, []
    step = -(-len(calls) // most)
    for call in calls[step // 2::step]:
        here_again()
        if node.killed_at(call, *args):
            hit += 1
            why = one_place()
            if why:
                wrong.append((call, why))
    tap.ok(hit and not wrong, f'migrate killed at {hit} of {len(calls)} instants', wrong)


def test_gone():
    """The other machine is out of reach when the container is handed over."""
    here_again()
    proc = subprocess.Popen(['bctl-ct', 'migrate', '101', '10.7.0.2', '-v'], env=node.env,
                            stderr=subprocess.PIPE, text=True)
    for text in proc.stderr:
        if 'handed over' in text:
            pair.sh('ip link set eth0 down')
            break
    proc.stderr.read()
    proc.wait()
    words = node.ctl('status', '101').stdout
    refused = node.ctl('start', '101')
    pair.sh('ip link set eth0 up')
    tap.ok(refused.returncode or 'migrate' not in words,
           'while nobody can be asked it does not start here', (words, refused.stderr))
    why = one_place()
    tap.ok(not why, 'and is in one place when he can', why)


def main():
    tap.ok(tap.poll_until(WAIT, lambda: far('true')[0] == 0), 'the other machine is there')
    test_online()
    test_offline()
    if sys.argv[1:]:
        test_kill(int(sys.argv[1]))
        test_gone()
    here_again()
    node.ctl('stop', '101', '--fast')
    good('destroy', 'destroy', '101')
    far('touch /run/done')
    tap.done()


main()
