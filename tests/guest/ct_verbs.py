#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.1
# timeout: 300
"""Containers: runscript, console, passwords, what takes a restart, the machine's figures, old
configurations."""
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'lib'), os.path.join(HERE, '..', 'bctl')]
import bc                       # noqa: E402  pylint: disable=wrong-import-position
import schema                   # noqa: E402  pylint: disable=wrong-import-position
import tap                      # noqa: E402  pylint: disable=wrong-import-position
import vz                       # noqa: E402  pylint: disable=wrong-import-position

TOP = '/scratch/vz'
OLD = '''ONBOOT="no"
PHYSPAGES="0:32768"
SWAPPAGES="0:16384"
KMEMSIZE="107520K:128M"
NUMPROC="64:64"
CPUUNITS="1000"
VE_ROOT="/vz/root/$VEID"
VE_PRIVATE="/vz/private/$VEID"
HOSTNAME="vps31.example.net"
SLMMODE="ubc"
'''

node = vz.Vz(TOP)
ctl, good, refused, state = node.ctl, node.good, node.refused, node.status


def inside(command, number='101'):
    return ctl('exec', number, command).stdout


def script(text, name='script'):
    node.write(name, text)
    return node.path(name)


def mounts():
    with open('/proc/self/mounts', encoding='utf-8') as f:
        return [line for line in f if TOP in line]


def test_runscript():
    path = script('echo "$(hostname) $0 $(cat /proc/1/comm)"; echo $$ > /tmp/ran; exit 5\n', 'first')
    refused(27, 'one script', 'runscript', '101')
    refused(3, 'No such file', 'runscript', '101', '/nowhere')
    refused(21, 'not a file', 'runscript', '101', '/tmp')
    done = ctl('runscript', '101', path)
    tap.equal((done.returncode, done.stdout), (5, 'web.example /bin/sh sleep\n'),
              'runscript has a stopped container there, and says what the script says')
    tap.equal((state(), mounts(), node.exists('private/101/tmp/ran')),
              (['exist', 'unmounted', 'down'], [], True), 'which is stopped again then')
    done = ctl('runscript', '101', script('i=0; while [ $i -lt 220 ]; do sleep 60 & i=$((i+1)); '
                                          'done; echo all\n'))
    tap.ok("can't fork" in done.stderr and bc.failcnt('101', 'numproc') and
           not os.path.exists('/sys/fs/cgroup/bc/101/ct'),
           'its limits are in force, and nothing of it stays', done.stderr)
    good('start', 'start', '101')
    done = ctl('runscript', '101', path)
    tap.equal((done.returncode, done.stdout), (5, 'web.example /bin/sh init\n'),
              'in one that runs it is the same')
    tap.equal(state(), ['exist', 'mounted', 'running'], 'which goes on')
    ctl('set', '101', '--numproc', '4')
    done = ctl('runscript', '101', script('sleep 2 & sleep 2 & sleep 2 & sleep 2 & sleep 2 & wait\n'))
    tap.ok("can't fork" in done.stderr, 'limits that were set live as well', done.stderr)
    good('limits back', 'set', '101', '--reset_ub')
    tap.equal(bc.figures('101')['numproc'].limit, 192, '--reset_ub')


class Console:
    """vzctl console on a terminal."""

    def __init__(self, number='101'):
        self.pid, self.fd = pty.fork()
        self.seen = ''
        if not self.pid:
            os.execvpe('vzctl', ['vzctl', 'console', number], node.env)

    def until(self, words, seconds=bc.WAIT):
        end = time.monotonic() + seconds
        while words not in self.seen and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.fd, 4096).decode(errors='replace')
                except OSError:
                    break
        return words in self.seen

    def type(self, text):
        os.write(self.fd, text.encode())


def test_console():
    refused(20, 'one console', 'console', '101', '2')
    refused(31, 'not running', 'console', '9')
    con = Console()
    tap.ok(con.until('leaves it'), 'console', con.seen)
    ctl('exec', '101', 'echo from within > /dev/console')
    tap.ok(con.until('from within'), 'shows what is written to the console inside', con.seen)
    with subprocess.Popen(['vzctl', 'exec', '101', 'read -r x < /dev/console; echo "got $x"'],
                          env=node.env, stdout=subprocess.PIPE, text=True) as reader:
        tap.poll_until(bc.WAIT, lambda: 'read -r' in inside('ps'))
        con.type('\033[A typed\r')
        tap.equal(reader.communicate(timeout=bc.WAIT)[0], 'got \x1b[A typed\n',
                  'what is typed gets there, an escape included')
    con.type('\033.')
    pid, status = None, None
    end = time.monotonic() + bc.WAIT
    while not pid and time.monotonic() < end:
        pid, status = os.waitpid(con.pid, os.WNOHANG)
        con.until('\0', 0.1)
    tap.equal((bool(pid), status), (True, 0), 'Esc and . leave it')
    os.close(con.fd)
    done = subprocess.run(['vzctl', 'console', '101'], env=node.env, stdin=subprocess.DEVNULL,
                          capture_output=True, check=False, timeout=60)
    tap.equal(done.returncode, 0, 'and it can be had again, also without a terminal')


# What distributions bring along, for root alone.
CHPASSWD = """#!/bin/sh
while IFS=: read -r user password; do
	[ "$user" = root ] && printf %s "$password" > /etc/given || exit 1
done
"""


def test_password():
    with open(node.path('private/101/bin/chpasswd'), 'w', encoding='ascii') as f:
        f.write(CHPASSWD)
        os.fchmod(f.fileno(), 0o755)
    refused(21, 'USER:PASSWORD', 'set', '101', '--userpasswd', 'root')
    refused(74, 'chpasswd', 'set', '101', '--userpasswd', 'nobody9:x')
    before = node.read('etc/conf/101.conf')
    good('--userpasswd of one that runs', 'set', '101', '--userpasswd', 'root:hal:lo $x')
    tap.equal(node.read('private/101/etc/given'), 'hal:lo $x', 'gets to its chpasswd')
    os.unlink(node.path('private/101/etc/given'))
    written = subprocess.run(['grep', '-rl', 'hal:lo', TOP, '/run'], check=False,
                             capture_output=True).stdout
    tap.equal((node.read('etc/conf/101.conf'), written), (before, b''),
              'and stands in no file of the machine')
    good('stop', 'stop', '101', '--fast')
    good('--userpasswd of one that is stopped', 'set', '101', '--userpasswd', 'root:other')
    tap.equal((node.read('private/101/etc/given'), state(), mounts()),
              ('other', ['exist', 'unmounted', 'down'], []), 'which is stopped still')
    good('start', 'start', '101')


def test_restart():
    """What counts from the start only."""
    def caps():
        return int(re.search(r'CapBnd:\s+(\w+)', inside('cat /proc/1/status'))[1], 16)

    def init():
        return ctl('exec', '101', 'cat /proc/sys/kernel/random/boot_id; ls -di /proc/1/ns/pid'
                   ).stdout

    before, first = caps(), init()
    refused(21, 'restart or ignore', 'set', '101', '--setmode', 'later', '--save',
            '--capability', 'net_raw:off')
    good('--setmode ignore', 'set', '101', '--setmode', 'ignore', '--save', '--capability',
         'net_raw:off')
    tap.equal((caps(), init()), (before, first), 'waits for the next start')
    good('a shorter time to halt', 'set', '101', '--stop-timeout', '20', '--save')
    good('--setmode restart, nothing to restart for', 'set', '101', '--setmode', 'restart',
         '--save', '--numproc', '150')
    tap.equal(init(), first, 'does not')
    good('--setmode restart', 'set', '101', '--setmode', 'restart', '--save', '--capability',
         'mknod:off')
    tap.ok(init() != first, 'is another init')
    tap.equal(before & ~caps(), 1 << 13 | 1 << 27, 'without the capabilities')
    tap.equal(bc.figures('101')['numproc'].limit, 150, 'and with the limits')


def cpuset(number='101'):
    found = []
    for name in ('cpus', 'mems'):
        path = f'/sys/fs/cgroup/bc/{number}/cpuset.{name}'
        found.append(bc.read(path).strip() if os.path.exists(path) else None)
    return found


def allowed():
    return re.search(r'Cpus_allowed_list:\s+(\S+)', inside('cat /proc/self/status'))[1]


def cpu_limit(number='101'):
    value = bc.nl.get(number)['settings']['cpu.limit'].value
    return None if value == bc.genl.UNLIMITED else value


def test_processors():
    for option, text, words in (('cpus', '0', 'number of processors'), ('cpus', 'x', 'number of'),
                                ('cpumask', '0-', 'list of processors'), ('cpumask', '1,,2', 'list'),
                                ('cpumask', '3-1', 'list'), ('nodemask', 'auto', 'list of nodes'),
                                ('cpulimit', '-1', 'percentage')):
        refused(21, words, 'set', '101', f'--{option}', text, '--save',
                kept=lambda: node.read('etc/conf/101.conf'))
    tap.ok(cpuset() in ([None, None], ['', '']), 'nobody has asked for processors', cpuset())
    every = allowed()
    good('CPUS and CPUMASK', 'set', '101', '--cpus', '1', '--cpumask', '1', '--nodemask', '0')
    tap.equal((cpuset(), allowed(), cpu_limit()), (['1', '0'], '1', 10 ** 9), 'apply at once')
    good('the lower one of CPUS and CPULIMIT', 'set', '101', '--cpulimit', '50')
    tap.equal(cpu_limit(), 5 * 10 ** 8, 'counts')
    refused(2, 'CPUMASK 4000', 'set', '101', '--cpumask', '4000', '--numproc', '99',
            kept=lambda: (cpuset(), bc.figures('101')['numproc'].limit))
    refused(1, 'guarantee', 'set', '101', '--cpumask', '0', '--vmguarpages', '900G:unlimited',
            kept=cpuset)
    good('all', 'set', '101', '--cpumask', 'all', '--nodemask', 'all')
    tap.equal((cpuset(), allowed()), ([every, '0'], every), 'is all that there are')
    good('saved', 'set', '101', '--cpumask', 'auto', '--nodemask', '0', '--cpus', '2', '--save')
    good('restart', 'restart', '101', '--fast')
    tap.equal((cpuset(), cpu_limit()), ([every, '0'], 2 * 10 ** 9),
              'a start does the same, auto are the processors of the nodes')
    tap.equal(node.list('101', '-H', '-o', 'cpus,cpumask,nodemask').stdout.split(),
              ['2', 'auto', '0'], 'vzlist')
    node.write('etc/conf/101.conf', re.sub('CPU(S|MASK)=.*\n|NODEMASK=.*\n', '',
                                           node.read('etc/conf/101.conf')))
    good('without them', 'restart', '101', '--fast')
    tap.equal((cpuset(), cpu_limit()), (['', ''], None), 'all of it is gone')


def test_options():
    """What vzctl took and there is nothing to do about, and what there is."""
    good('stop --skip-umount', 'stop', '101', '--fast', '--skip-umount')
    tap.equal(state(), ['exist', 'mounted', 'down'], 'leaves it mounted')
    good('start --skip-fsck --skip-remount', 'start', '101', '--skip-fsck', '--skip-remount')
    refused(21, 'no NAME', 'set', '101', '--applyconfig_map', 'name', '--save')
    good('a name', 'set', '101', '--name', 'shop', '--save')
    os.unlink(node.path('etc/names/shop'))
    refused(21, 'can be name', 'set', '101', '--applyconfig_map', 'all', '--save')
    good('--applyconfig_map name', 'set', '101', '--applyconfig_map', 'name', '--save')
    tap.equal(state('shop'), ['exist', 'mounted', 'running'], 'makes its link anew')


def run_node(name, *args):
    """The program under one of its old names."""
    if name != 'bctl':
        name = node.path(name)
        if not os.path.exists(name):
            os.symlink(shutil.which('bctl-ct'), name)
    return subprocess.run([name, *args], env=node.env, capture_output=True, text=True, check=False)


def test_node():
    """The sums are those of the pools, by another way."""
    good('a second one', 'start', '9')
    good('guarantees', 'set', '101', '--vmguarpages', '1000:unlimited', '--oomguarpages',
         '2000:unlimited', '--cpulimit', '50')
    doc = json.loads(run_node('bctl', 'node', '-j').stdout)
    rows = {row['name']: row for row in doc['rows']}
    pools = [bc.figures(name) for name in ('101', '9')]
    with open(f'{HERE}/../../Documentation/json/node.schema.json', encoding='utf-8') as f:
        tap.equal(list(schema.errors(doc, json.load(f))), [], 'node -j is what its schema says')
    tap.equal((doc['schema'], doc['containers'], doc['cpus']),
              ('bctl.node/1', 2, os.cpu_count()), 'two containers')
    tap.equal((rows['tasks']['limits'], rows['memory']['limits'], rows['memory+swap']['limits']),
              (sum(p['numproc'].limit for p in pools),
               sum(p['physpages'].limit for p in pools) * bc.PAGE,
               sum(p['physpages'].limit + p['swappages'].limit for p in pools) * bc.PAGE),
              'the limits are the sums of those of the pools')
    tap.equal(rows['tasks']['held'], sum(p['numproc'].held for p in pools), 'and what is held')
    tap.equal((rows['memory']['promised'], rows['allocated']['promised'],
               rows['allocated']['limits'], rows['kernel'].get('limits')),
              (2000 * bc.PAGE, 1000 * bc.PAGE, None, None),
              'guarantees are promised; without a limit of one there is no sum')
    with open('/proc/meminfo', encoding='ascii') as f:
        total = int(f.readline().split()[1]) << 10
    tap.equal((rows['memory']['machine'], rows['memory']['left'] + max(
        rows['memory']['held'], rows['memory']['promised'])), (total, total),
              'what is left is neither held nor promised')
    tap.equal((rows['cpu']['machine'], rows['cpu']['limits'], rows['cpu']['promised'],
               'held' in rows['cpu']), (100 * os.cpu_count(), None, 0, False),
              'processors: one of the two has no limit')
    ctl('set', '9', '--cpulimit', '125%')
    doc = json.loads(run_node('bctl', 'node', '-j').stdout)
    tap.equal([row for row in doc['rows'] if row['name'] == 'cpu'][0]['limits'], 175,
              'in percent of one')
    texts = {name: run_node(name).stdout.splitlines()
             for name in ('vzmemcheck', 'vzcpucheck', 'vzoversell')}
    for name, lines in texts.items():
        tap.ok(len(lines) == 2 + len(doc['rows']) and '2 containers' in lines[0] and
               any(line.startswith('allocated') and 'unlimited' in line for line in lines),
               f'{name} prints that', lines)
    done = run_node('vzsplit', '-n', '3', '-f', 'third')
    tap.equal((done.returncode, done.stderr), (0, ''), 'vzsplit')
    good('a container of a third', 'create', '77', '--config', 'third')
    good('it starts', 'start', '77')
    own = bc.figures('77')['physpages'].limit * bc.PAGE
    tap.between(own, total // 4, total // 3, 'with a third of the memory')
    ctl('stop', '77', '--fast')
    ctl('destroy', '77')


def test_import():
    node.write('old.conf', OLD)
    refused(44, 'exists already', 'import-conf', '101', node.path('old.conf'))
    done = ctl('import-conf', '31', node.path('old.conf'))
    tap.ok(done.returncode == 0 and 'KMEMSIZE' in done.stdout and 'SLMMODE' in done.stdout,
           'import-conf', done.stdout + done.stderr)
    tap.equal((node.read('etc/conf/31.conf'), state('31')),
              (OLD, ['exist', 'unmounted', 'down']), 'takes it over as it is')
    refused(43, '/vz/private/31', 'start', '31')
    os.makedirs('/scratch/old/private')
    subprocess.run(['cp', '-a', node.path('private/9'), '/scratch/old/private/31'], check=True)
    for key in ('root', 'private'):
        node.write('etc/conf/31.conf',
                   node.read('etc/conf/31.conf').replace(f'/vz/{key}', f'/scratch/old/{key}'))
    good('with its files it starts', 'start', '31')
    limits = bc.figures('31')
    tap.equal((inside('hostname', '31'), limits['physpages'].limit, limits['numproc'].limit),
              ('vps31.example.net\n', 32768, 64), 'as it says')
    ctl('stop', '31', '--fast')
    good('destroy', 'destroy', '31')


def main():
    good('create', 'create', '101', '--hostname', 'web.example')
    good('create', 'create', '9')
    test_runscript()
    test_console()
    test_password()
    test_restart()
    test_processors()
    test_options()
    test_node()
    test_import()
    for number in ('101', '9'):
        ctl('stop', number, '--fast')
        good('destroy', 'destroy', number)
    tap.equal((mounts(), [f for f in node.files() if re.search(r'(101|9|31|77)\.(conf|up)$', f)],
               [p['name'] for p in bc.nl.dump() if p['name'].isdigit()]), ([], [], []),
              'nothing is left')
    tap.note(f'took {time.monotonic() - begun:.0f} s')
    bc.finish()


begun = time.monotonic()
main()
