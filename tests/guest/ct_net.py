#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.12
# timeout: 400
"""Networks of containers: routed addresses, bridges, who may send what, rates, accounts, kill -9.

       out              the machine                101          102          103
    o0 10.9.0.2 ---- d0 10.9.0.1
                        venet101 ----------- venet0
                        venet102 ------------------------ venet0
                        br0 10.8.0.1 --- veth101.0 -- eth0
                                     --- veth103.0 ---------------------- eth0
"""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc                       # noqa: E402  pylint: disable=wrong-import-position
import tap                      # noqa: E402  pylint: disable=wrong-import-position
import vz                       # noqa: E402  pylint: disable=wrong-import-position

TOP = '/scratch/vz'
node = vz.Vz(TOP)
ctl, good = node.ctl, node.good


def sh(command, **kwargs):
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False,
                          env=node.env, timeout=120, **kwargs)


def refused(status, words, *args):
    node.refused(status, words, *args, kept=lambda: (node.read('etc/conf/101.conf'), host_links()))


def inside(number, command):
    return ctl('exec', number, command)


def host_links():
    return sorted(line.split()[1].split('@')[0].rstrip(':')
                  for line in sh('ip -o link').stdout.splitlines())


def pings(where, addr):
    command = f'ping -c 1 -W 2 {addr} > /dev/null'
    run = (lambda: inside(where, command)) if where.isdigit() else \
        (lambda: sh(f'ip netns exec {where} {command}' if where != 'host' else command))
    return run().returncode == 0


def reaches(name, *pairs):
    """Each of them gets there, sooner or later: neighbours are looked for, tables filled."""
    vain = [p for p in pairs if not tap.poll_until(bc.WAIT, lambda p=p: pings(*p))]
    tap.ok(not vain, name, vain)


def traffic(number, *options):
    """{class: {'ipv4': {'in': ...}}}, and what was thrown away."""
    rows = json.loads(ctl('netstat', '-j', *options, number).stdout)
    if not rows:
        return {}, None
    return {c['class']: c for c in rows[0]['classes']}, rows[0]


def sums(number, clas=1, family='ipv4'):
    flow = traffic(number)[0][clas][family]
    return flow['in']['bytes'], flow['out']['bytes']


def left(number):
    """All of a container's network that is there."""
    found = [link for link in host_links() if number in link]
    found += [line for line in sh('ip neigh show proxy; ip -4 route; ip -6 route').stdout.splitlines()
              if f'venet{number}' in line or 'proxy' in line and f'10.9.0.{number}' in line]
    return found + sh(f'nft list tables | grep -w bc_ct_{number}').stdout.split()


def world():
    for command in ('ip netns add out', 'ip link add d0 type veth peer name o0 netns out',
                    'ip addr add 10.9.0.1/24 dev d0', 'ip addr add 2001:db8:9::1/64 dev d0 nodad',
                    'ip link set d0 up', 'ip -n out addr add 10.9.0.2/24 dev o0',
                    'ip -n out addr add 2001:db8:9::2/64 dev o0 nodad', 'ip -n out link set o0 up',
                    'ip -n out route add 10.8.0.0/24 via 10.9.0.1', 'ip link set lo up',
                    'ip link add br0 type bridge', 'ip addr add 10.8.0.1/24 dev br0',
                    'ip link set br0 up', 'echo 1 > /proc/sys/net/ipv4/ip_forward',
                    'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'):
        done = sh(command)
        assert not done.returncode, (command, done.stderr)
    node.write('etc/conf/networks_classes', '1 0.0.0.0/0\n1 ::/0\n2 10.9.0.0/24  # the neighbourhood\n'
               '0 10.9.0.1\n')
    for number in ('101', '102', '103'):
        assert not ctl('create', number).returncode


def test_refused():
    refused(71, 'not an address', 'set', '101', '--ipadd', '10.9.0.300', '--save')
    refused(71, 'host can have', 'set', '101', '--ipadd', '127.0.0.5', '--save')
    refused(71, 'no such address', 'set', '101', '--ipdel', '10.9.0.5', '--save')
    refused(78, "this machine's own", 'set', '101', '--ipadd', '10.9.0.1', '--save')
    refused(21, 'nor an address', 'set', '101', '--nameserver', 'ns.example', '--save')
    refused(21, 'name of a network card', 'set', '101', '--netif_add', 'eth0/x', '--save')
    refused(21, 'which card', 'set', '101', '--mac', '02:00:00:00:00:01', '--save')
    refused(21, 'write * for', 'set', '101', '--rate', 'eth0:1:100', '--save')


def test_routed():
    good('addresses of a container that is down', 'set', '101', '--ipadd', '10.9.0.101', '--ipadd',
         '2001:db8:9::101', '--nameserver', '10.9.0.1', '--nameserver', '10.9.0.2',
         '--searchdomain', 'example.org', '--hostname', 'web.example', '--save')
    refused(78, 'that of container 101', 'set', '102', '--ipadd', '10.9.0.101/24', '--save')
    good('and of another one', 'set', '102', '--ipadd', '10.9.0.102/24', '--save')
    good('start', 'start', '101')
    good('start the other', 'start', '102')
    reaches('it is reached, and reaches: machine, neighbourhood, the other container',
            ('host', '10.9.0.101'), ('out', '10.9.0.101'), ('out', '2001:db8:9::101'),
            ('101', '10.9.0.2'), ('101', '2001:db8:9::2'), ('101', '10.9.0.102'),
            ('102', '10.9.0.101'))
    tap.equal(inside('101', 'cat /etc/resolv.conf /etc/hostname').stdout,
              'search example.org\nnameserver 10.9.0.1\nnameserver 10.9.0.2\nweb.example\n',
              'it has its resolver and its name')
    tap.equal(os.stat(node.path('private/101/etc/resolv.conf')).st_uid, 0, 'which are its own')


def test_live():
    good('an address more, one less, at once', 'set', '101', '--ipadd', '10.9.0.5', '--ipdel',
         '2001:db8:9::101')
    reaches('the new one counts', ('out', '10.9.0.5'))
    tap.ok(not pings('out', '2001:db8:9::101') and '2001' not in sh('ip -6 route').stdout
           .replace('2001:db8:9::/64', ''), 'the old one does not')
    tap.ok('10.9.0.5' not in node.read('etc/conf/101.conf'), 'the file is as it was')
    refused(78, 'that of container 101', 'set', '102', '--ipadd', '10.9.0.5')
    sh('ip route add 10.9.0.77 dev d0')
    refused(34, 'there is one already', 'set', '101', '--ipadd', '10.9.0.66', '--ipadd', '10.9.0.77')
    tap.ok('10.9.0.66' not in sh('ip route; ip neigh show proxy').stdout +
           inside('101', 'ip addr').stdout, 'what is refused is undone', sh('ip route').stdout)
    sh('ip route del 10.9.0.77 dev d0')
    good('all of them, and the old ones again', 'set', '101', '--ipdel', 'all', '--ipadd',
         '10.9.0.101', '--ipadd', '2001:db8:9::101')
    reaches('it is reached again', ('out', '10.9.0.101'), ('out', '2001:db8:9::101'))


def test_hostile_files():
    """What stands in the container's /etc leads nowhere."""
    node.write('victim', 'untouched')
    inside('101', f'rm /etc/resolv.conf; ln -s {TOP}/victim /etc/resolv.conf; '
           f'ln -s {TOP}/victim /etc/.bctl-ct.tmp')
    good('the resolver is a link', 'set', '101', '--nameserver', '10.9.0.9')
    tap.equal((node.read('victim'), inside('101', 'cat /etc/resolv.conf').stdout),
              ('untouched', 'search example.org\nnameserver 10.9.0.9\n'), 'it is replaced')
    inside('101', f'busybox mv /etc /etc.old; ln -s ../../../../../{TOP}/etc /etc')
    done = ctl('set', '101', '--nameserver', '10.9.0.8')
    tap.ok(done.returncode == 72 and not node.exists('etc/resolv.conf'),
           'so is /etc: it is not followed out', done.stderr)
    inside('101', 'rm /etc; busybox mv /etc.old /etc')


def test_bridge():
    good('a card on a bridge, at once', 'set', '101', '--netif_add', 'eth0,,,,br0', '--save')
    good('one of a container that is down', 'set', '103', '--netif_add',
         'eth0,02:00:00:00:01:03,veth103.0,fe:00:00:00:01:03,br0', '--ifname', 'eth0',
         '--mac_filter', 'on', '--save')
    tap.ok('NETIF="ifname=eth0,mac=02:00:00:00:01:03,host_ifname=veth103.0,host_mac=fe:00:00:00:01:03,'
           'bridge=br0,mac_filter=on"' in node.read('etc/conf/103.conf'), 'NETIF')
    good('start', 'start', '103')
    for number in ('101', '103'):
        inside(number, f'ip addr add 10.8.0.{number}/24 dev eth0; ip link set eth0 up')
    reaches('they reach each other and the machine', ('101', '10.8.0.103'), ('103', '10.8.0.101'),
            ('103', '10.8.0.1'), ('host', '10.8.0.103'))
    refused(130, 'nobr', 'set', '101', '--ifname', 'eth0', '--bridge', 'nobr')
    reaches('what is refused is undone', ('101', '10.8.0.103'))
    refused(130, 'nobr', 'set', '101', '--netif_add', 'eth1,,,,nobr')


def test_spoofing():
    """A source that is not the container's own goes nowhere; what is thrown away is counted."""
    def echoes():
        """Requests that have arrived outside."""
        rows = [line.split() for line in sh('ip netns exec out cat /proc/net/snmp').stdout.splitlines()
                if line.startswith('Icmp:')]
        return int(dict(zip(*rows))['InEchos'])

    before, heard = traffic('101')[1]['spoofed']['packets'], echoes()
    inside('101', 'ip addr add 10.9.0.102/32 dev venet0; ip addr add 10.7.7.7/32 dev venet0; '
           'for s in 10.9.0.102 10.7.7.7; do ping -c 2 -W 1 -I $s 10.9.0.2; done')
    tap.equal(echoes(), heard, 'nobody hears what has the address of another')
    tap.ok(traffic('101')[1]['spoofed']['packets'] >= before + 4, 'what was forged is counted')
    inside('101', 'ping -c 2 -W 1 -I 10.9.0.101 10.9.0.2')
    tap.equal(echoes(), heard + 2, 'its own is heard')
    inside('101', 'ip addr del 10.9.0.102/32 dev venet0; ip addr del 10.7.7.7/32 dev venet0')
    before = traffic('103')[1]['spoofed']['packets']
    inside('103', 'ip link set eth0 down; ip link set eth0 address 02:00:00:00:99:99; '
           'ip link set eth0 up')
    tap.ok(not pings('103', '10.8.0.1') and traffic('103')[1]['spoofed']['packets'] > before,
           'mac_filter: another address of the card')
    inside('103', 'ip link set eth0 down; ip link set eth0 address 02:00:00:00:01:03; '
           'ip link set eth0 up')
    reaches('its own again', ('103', '10.8.0.1'))


def upload(size):
    """Send so many bytes from 101 to outside; what the receiver has got."""
    sh('rm -f /scratch/got')
    with subprocess.Popen('ip netns exec out nc -d -l 10.9.0.2 5006 > /scratch/got', shell=True):
        tap.poll_until(bc.WAIT, lambda: ':5006' in sh('ip netns exec out ss -ltn').stdout)
        inside('101', f'dd if=/dev/zero bs=1000 count={size // 1000} 2>/dev/null | '
               'nc 10.9.0.2 5006')
    return os.path.getsize('/scratch/got')


def test_accounts():
    before = traffic('101')[0]
    size = 2000000
    got = upload(size)
    now = traffic('101')[0]
    sent = now[2]['ipv4']['out']['bytes'] - before[2]['ipv4']['out']['bytes']
    acks = now[2]['ipv4']['in']
    tap.ok(got == size and size < sent < size * 1.1, 'bytes to the neighbourhood, and heads',
           (got, sent))
    tap.ok(20 * acks['packets'] < acks['bytes'] < size / 4, 'and what came back', acks)
    tap.equal(now[1]['ipv4']['out']['bytes'] - before[1]['ipv4']['out']['bytes'], 0,
              'nothing of that in class 1')
    pings('101', '10.9.0.1')
    tap.equal([c['ipv4'] for c in traffic('101')[0].values()], [c['ipv4'] for c in now.values()],
              'class 0 is not counted')
    reaches('class 1', ('101', '10.8.0.1'))
    done = inside('101', 'ping -c 5 -s 1000 10.9.0.2').stdout
    then = traffic('101')[0][2]['ipv4']
    flow = [then[way]['bytes'] - now[2]['ipv4'][way]['bytes'] for way in ('in', 'out')]
    tap.equal((flow, ' 0% packet loss' in done), ([5 * 1028] * 2, True),
              'five of 1028 bytes, to the byte, in both directions')
    rows = ctl('netstat', '101', '-c', '2', '-4').stdout.split()
    tap.equal([int(n) for n in rows[6:]],
              [101, 2, then['in']['bytes'], then['in']['packets'], then['out']['bytes'],
               then['out']['packets']], 'as a table')


def test_rate():
    good('a rate', 'set', '101', '--rate', '*:2:800', '--ratebound', 'yes')
    before, begun = traffic('101')[1]['over_rate']['packets'], time.monotonic()
    size, burst = 700000, 256 << 10
    got = upload(size)
    took = time.monotonic() - begun
    # As a lower bound of what it takes it holds on the slowest machine.
    tap.ok(got == size and took > (size - burst) / 100000 * 0.9 and
           traffic('101')[1]['over_rate']['packets'] > before,
           'no faster than that; what is beyond is counted', (got, took))
    good('no rate', 'set', '101', '--ratebound', 'no')
    over = traffic('101')[1]['over_rate']['packets']
    got = upload(size)
    tap.equal((got, traffic('101')[1]['over_rate']['packets']), (size, over), 'nothing is beyond')


def test_flushed():
    """Somebody flushes all rules of the machine."""
    good('sums to the disk', 'netstat', '--save')
    before = sums('101', 2)
    sh('nft flush ruleset')
    tap.equal(sums('101', 2), before, 'without a table there are the sums of the disk')
    done = ctl('netstat', '--save')
    tap.ok('had gone' in done.stderr and sh('nft list tables | grep -c bc_ct').stdout == '3\n',
           'netstat --save makes the tables again', done.stderr)
    reaches('nothing else was lost', ('out', '10.9.0.101'), ('101', '10.8.0.103'))
    tap.ok(sums('101', 2)[0] > before[0], 'the sums go on')


def begun_at(number):
    """When its init began, '' while there is none."""
    return inside(number, 'cut -d" " -f22 /proc/1/stat').stdout


def test_lives():
    """Accounts and addresses over a stop, a reboot from inside, and a halt from inside."""
    before = sums('101', 2)
    good('stop', 'stop', '101', '--fast')
    tap.equal((left('101'), sums('101', 2)), ([], before), 'stop leaves nothing but the sums')
    good('start', 'start', '101')
    reaches('again', ('out', '10.9.0.101'))
    after = sums('101', 2)
    tap.ok(after[0] > before[0] and after[1] > before[1], 'they go on', (before, after))
    first = begun_at('101')
    inside('101', 'reboot')
    # the one that is about to end has its network still
    tap.ok(tap.poll_until(bc.WAIT, lambda: begun_at('101') not in ('', first)) and
           tap.poll_until(bc.WAIT, lambda: '10.9.0.101' in inside(
               '101', 'test -e /sys/class/net/eth0 && ip addr show venet0').stdout),
           'a reboot from inside: it has its network again')
    reaches('and is reached', ('out', '10.9.0.101'))
    tap.ok(sums('101', 2)[0] > after[0], 'the sums go on')
    inside('101', 'halt')
    tap.ok(tap.poll_until(bc.WAIT, lambda: ctl('status', '101').stdout.split()[2:] ==
                          ['exist', 'unmounted', 'down'] and not left('101')),
           'a halt from inside: somebody sees to what is left', left('101'))
    tap.ok(tap.poll_until(bc.WAIT, lambda: not os.path.exists('/sys/fs/cgroup/bc-ct/101')),
           'its cgroup too')


def test_kill(most):
    """start, set and stop killed anywhere; the next command finds its way."""
    args = ('--ipadd', '10.9.0.7', '--netif_del', 'eth0', '--netif_add', 'eth2,,,,br0', '--save')
    kept = node.read('etc/conf/101.conf')

    def put_back():
        ctl('stop', '101', '--fast')
        node.write('etc/conf/101.conf', kept)

    def run():
        put_back()
        assert not ctl('start', '101').returncode

    def check_start():
        done = ctl('start', '101')
        return done.returncode not in (0, 32) and done.stderr or not pings('host', '10.9.0.101')

    def check_set():
        done = ctl('mount', '101')          # any command that takes the lock
        new = '10.9.0.7' in node.read('etc/conf/101.conf')
        links = 'veth101.2' in host_links(), 'veth101.0' in host_links()
        return done.returncode != 41 and done.stderr or links != (new, not new) or \
            new != ('10.9.0.7' in sh('ip route').stdout)

    def check_stop():
        done = ctl('stop', '101')
        return done.returncode not in (0, 31) and done.stderr or left('101')

    sweeps = ('set', args, run, check_set), ('start', (), put_back, check_start), \
        ('stop', ('--fast',), run, check_stop)
    for verb, more, prepare, check in sweeps[:None if most > 1 else 1]:
        prepare()
        calls, hit, wrong = node.changes(verb, '101', *more), 0, []
        step = -(-len(calls) // most)
        for call in calls[step // 2::step]:
            prepare()
            if node.killed_at(call, verb, '101', *more):
                hit += 1
                why = check()
                if why:
                    wrong.append((call, why))
            else:
                wrong.append((call, 'was not killed'))
        tap.ok(hit and not wrong, f'{verb} killed at {hit} of {len(calls)} instants', wrong)
    put_back()


def main():
    world()
    test_refused()
    test_routed()
    test_live()
    test_hostile_files()
    test_bridge()
    test_spoofing()
    test_accounts()
    test_rate()
    test_flushed()
    test_lives()
    test_kill(9999 if os.environ.get('BC_LONG') else 1)
    for number in ('101', '102', '103'):
        ctl('stop', number, '--fast')
        good(f'destroy {number}', 'destroy', number)
    tap.equal([left(n) for n in ('101', '102', '103')], [[], [], []], 'nothing is left')
    tap.equal([f for f in os.listdir(f'{TOP}/state')], [], 'no file either')
    sh('ip netns pids out | xargs -r kill; ip netns del out; ip link del br0')
    tap.note(f'took {time.monotonic() - begun:.0f} s')
    bc.finish()


begun = time.monotonic()
main()
