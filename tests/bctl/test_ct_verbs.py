#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""bctl-ct: old configurations taken over, samples, parts of a machine, fields, dumps.

usage: test_ct_verbs.py DIR DIR

Nothing here takes the module. The first directory has the program with the sanitizers.
"""
import json
import os
import re
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'tests', 'lib'))
import tap                      # noqa: E402  pylint: disable=wrong-import-position
import vz                       # noqa: E402  pylint: disable=wrong-import-position

# A hoster's container of 2012: VSwap, venet, written by a panel.
VSWAP = '''ONBOOT="yes"

# Primary parameters (in pages)
PHYSPAGES="0:262144"
SWAPPAGES="0:131072"
KMEMSIZE="107520K:128M"
LOCKEDPAGES="128M"
PRIVVMPAGES="unlimited"
NUMPROC="unlimited"
VMGUARPAGES="0:unlimited"
OOMGUARPAGES="0:9223372036854775807"
DCACHESIZE="53760K:64M"

# Disk quota parameters (in form of softlimit:hardlimit)
DISKSPACE="10485760:11534336"
DISKINODES="2000000:2200000"
QUOTATIME="0"
CPUUNITS="1000"
CPULIMIT="200"
CPUS="2"
HOSTNAME="vps31.example.net"
SEARCHDOMAIN="example.net"
NAMESERVER="192.0.2.1 192.0.2.2"
IP_ADDRESS="198.51.100.31"
VE_ROOT="/vz/root/$VEID"
VE_PRIVATE="/vz/private/$VEID"
OSTEMPLATE="debian-6.0-x86_64"
ORIGIN_SAMPLE="vswap-1g"
NETIF="ifname=eth0,mac=00:18:51:AA:BB:CC,host_ifname=veth31.0"
SLMMODE="ubc"
'''
# One of 2006, of the classic kind, with a line that a shell made.
CLASSIC = '''VERSION="2"
NUMPROC="240:240"
AVNUMPROC="180:180"
NUMTCPSOCK="360:360"
NUMOTHERSOCK="360:360"
VMGUARPAGES="33792:2147483647"
KMEMSIZE="14372700:14790164"
TCPSNDBUF="1720320:2703360"
TCPRCVBUF="1720320:2703360"
OTHERSOCKBUF="1126080:2097152"
DGRAMRCVBUF="262144:262144"
OOMGUARPAGES="26112:2147483647"
LOCKEDPAGES="256:256"
SHMPAGES="21504:21504"
PRIVVMPAGES="65536:69632"
NUMFILE="9312:9312"
NUMFLOCK="188:206"
NUMPTY="16:16"
NUMSIGINFO="256:256"
DCACHESIZE="3409920:3624960"
PHYSPAGES="0:2147483647"
NUMIPTENT="128:128"
if [ -f /etc/extra ]; then . /etc/extra; fi
CAPABILITY="NET_ADMIN:on"
'''


def said(node, *args):
    done = node.run('bctl-ct', *args)
    return done.returncode, done.stdout + done.stderr


def test_import(node):
    node.write('old31.conf', VSWAP)
    code, text = said(node, 'import-conf', '31', node.path('old31.conf'))
    tap.ok(code == 0 and node.read('etc/conf/31.conf') == VSWAP,
           'a configuration of VSwap is taken over byte for byte', text)
    for kind, key in (('limit', 'PHYSPAGES'), ('setting', 'CPULIMIT'), ('counted', 'KMEMSIZE'),
                      ('used', 'HOSTNAME'), ('unknown', 'SLMMODE')):
        tap.ok(re.search(rf'^{kind} +{key}=', text, re.M), f'{key}: {kind}', text)
    tap.ok(re.search(r'^pool:.* ram=262144 .*swap=131072', text, re.M), 'and what the pool gets',
           text)
    tap.equal(said(node, 'import-conf', '31', node.path('old31.conf'))[0], 2, 'not twice')
    node.write('old7.conf', CLASSIC)
    code, text = said(node, 'import-conf', '7', node.path('old7.conf'))
    tap.ok(code == 0 and re.search('^malformed +line 23', text, re.M) and
           'privvmpages=65536:69632' in text and node.read('etc/conf/7.conf') == CLASSIC,
           'one of the classic kind, with a line of a shell', text)
    node.write('bad.conf', 'PHYSPAGES="0:1G"\nSWAPPAGES="nothing"\n')
    code, text = said(node, 'import-conf', '8', node.path('bad.conf'))
    tap.ok(code == 2 and 'SWAPPAGES' in text and not node.exists('etc/conf/8.conf'),
           'one with a wrong value is refused', text)
    tap.equal(said(node, 'import-conf', '8', '/nonexistent')[0], 2, 'as is one that is not there')


def test_sample(node):
    node.write('etc/conf/ve-big.conf-sample', 'PHYSPAGES="0:2G"\nNUMPROC="900:900"\n'
               'HOSTNAME="sample"\nCPUUNITS="3000"\n')
    done = node.ctl('set', '31', '--applyconfig', 'big', '--save')
    text = node.read('etc/conf/31.conf')
    tap.ok(done.returncode == 0 and 'NUMPROC="900:900"' in text and 'CPUUNITS="3000"' in text and
           'ORIGIN_SAMPLE="big"' in text, '--applyconfig', done.stderr)
    tap.ok('vps31.example.net' in text and 'SWAPPAGES="0:131072"' in text,
           'leaves what the container is, and what the sample does not say')
    for name, status in (('none', 109), ('../31', 109)):
        done = node.ctl('set', '31', '--applyconfig', name, '--save')
        tap.ok(done.returncode == status and node.read('etc/conf/31.conf') == text,
               f'--applyconfig {name}: exit {status}, nothing changed', done.stderr)
    for args, status in ((('--userpasswd', 'root'), 21), (('--setmode', 'maybe'), 21),
                         (('--ioprio', '9', '--save'), 21), (('--reset_ub',), 31)):
        done = node.ctl('set', '31', *args)
        tap.ok(done.returncode == status and node.read('etc/conf/31.conf') == text,
               f'{" ".join(args)}: exit {status}', f'{done.returncode} {done.stderr}')


def test_split(node):
    code, text = said(node, 'node', 'split', '2')
    tap.ok(code == 0 and 'PHYSPAGES="0:' in text, 'node split', text)
    node.write('half.conf', text)
    code, verdict = said(node, 'validate', node.path('half.conf'))
    tap.ok(code == 0, 'is a valid configuration', verdict)
    halves = int(re.search(r'PHYSPAGES="0:(\d+)"', text)[1]) * 2 * os.sysconf('SC_PAGE_SIZE')
    total = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    tap.ok(0.5 * total < halves < total, 'of which two fit into the machine', (halves, total))
    for bad in ('0', 'x', '100000'):
        tap.ok(said(node, 'node', 'split', bad)[0] == 1, f'node split {bad} is refused')
    code, text = said(node, 'node', 'split', '2', '-f', 'half')
    tap.ok(code == 0 and node.exists('etc/conf/ve-half.conf-sample'), 'it can be saved', text)
    tap.equal(said(node, 'node', 'split', '2', '-f', 'half')[0], 2, 'but not over another')


def test_fields(node):
    rows = json.loads(node.list('-a', '-j').stdout)
    row = [r for r in rows if r['ctid'] == 31][0]
    tap.equal((row['diskspace.s'], row['diskspace.h'], row['uptime'], row['status'], row['cpus']),
              (10485760, 11534336, None, 'stopped', 2), 'fields, as JSON')
    tap.equal(node.list('-aH', '-o', 'veid,diskspace.h,hostname', '-s', '-veid').stdout,
              '        31    11534336 vps31.example.net\n'
              '         7           - -\n', 'other names of fields; downwards')
    tap.ok(all(name in node.list('-L').stdout for name in ('uptime', 'diskinodes.h', 'laverage')),
           '-L lists them')


def test_dump(node):
    """What could be somebody else's is not restored."""
    dump = node.path('dump/Dump.31')
    node.write('etc/vz.conf', node.read('etc/vz.conf') + f'DUMPDIR="{node.top}/dump"\n')
    tap.equal(node.ctl('resume', '31').returncode, 17, 'no dump: exit 17')
    os.makedirs(f'{dump}/images', 0o700)
    node.write('dump/Dump.31/manifest', 'VERSION="1"\nCTID="31"\nFILES="1"\nBYTES="4"\n')
    node.write('dump/Dump.31/images/a.img', 'abcd')
    os.chmod(dump, 0o700)
    tap.equal(node.ctl('status', '31').stdout, 'CTID 31 exist unmounted down suspended\n',
              'status knows it')
    tap.ok('suspended' in node.ctl('start', '31').stderr, 'start refuses')
    for name, spoil in (
            ('open to others', lambda: os.chmod(dump, 0o755)),
            ('cut short', lambda: node.write('dump/Dump.31/images/a.img', 'abc')),
            ('with more than was', lambda: node.write('dump/Dump.31/images/b.img', '')),
            ('with a link', lambda: os.symlink('/etc/passwd', f'{dump}/images/c.img')),
            ('of another container', lambda: node.write(
                'dump/Dump.31/manifest', 'VERSION="1"\nCTID="32"\nFILES="1"\nBYTES="4"\n'))):
        spoil()
        done = node.ctl('resume', '31')
        tap.ok(done.returncode == 17 and 'criu' not in done.stderr, f'a dump {name} is refused',
               done.stderr)
        os.chmod(dump, 0o700)
        node.write('dump/Dump.31/images/a.img', 'abcd')
        for more in ('b.img', 'c.img'):
            if os.path.lexists(f'{dump}/images/{more}'):
                os.unlink(f'{dump}/images/{more}')
    tap.equal(node.ctl('resume', '31', '--dumpfile', 'relative').returncode, 21,
              'nor is one at a relative path')


def main():
    with tempfile.TemporaryDirectory() as top, tempfile.TemporaryDirectory() as bins:
        for name in ('bctl-ct', 'vzctl', 'vzlist'):
            os.symlink(os.path.abspath(f'{sys.argv[1]}/bctl-ct'), f'{bins}/{name}')
        node = vz.Vz(f'{top}/vz', bins)
        test_import(node)
        if os.getuid():
            tap.skip('what takes root', 'this is not root')
        else:
            test_sample(node)
            test_split(node)
            test_fields(node)
            test_dump(node)
    tap.done()


main()
