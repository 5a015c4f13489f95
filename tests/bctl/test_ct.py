#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""bctl-ct as far as it goes without the module and without a container that runs.

usage: test_ct.py DIR DIR

The first directory has the program with the sanitizers, the second one without, which
strace can kill at any system call. Making containers takes root.
"""
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'tests', 'lib'))
import tap                      # noqa: E402  pylint: disable=wrong-import-position
import vz                       # noqa: E402  pylint: disable=wrong-import-position

MORE = 'X=1\nX=2\nIOPRIO=4\nMEMINFO=0\nbad line\n'
SAMPLES = os.path.join(TOP, 'tools', 'ct', 'conf')


def programs(folder, top):
    """The names that the program goes by."""
    for name in ('bctl-ct', 'vzctl', 'vzlist'):
        os.symlink(os.path.abspath(f'{folder}/bctl-ct'), f'{top}/{name}')
    return top


def refused(node, status, words, *args):
    node.refused(status, words, *args, kept=node.files)


def test_usage(node):
    refused(node, 20, 'unknown command', 'frobnicate', '101')
    refused(node, 20, 'not there yet', 'snapshot', '101')
    refused(node, 27, 'container is missing', 'start')
    refused(node, 20, 'neither the number', 'start', '0')
    refused(node, 20, 'neither the number', 'start', '../101')
    refused(node, 14, 'no such container', 'start', '101')
    refused(node, 14, 'no such container', 'destroy', '101')
    refused(node, 20, 'unknown option', 'create', '101', '--frob', 'x')
    done = node.ctl('start', 'a\x1b[2Jb\nc')
    tap.ok('a\\x1b[2Jb\\x0ac' in done.stderr and done.stderr.count('\n') == 1,
           'a message is one line and moves no cursor, whatever it is about', done.stderr)
    refused(node, 91, 'no template', 'create', '101', '--ostemplate', 'none')
    refused(node, 21, 'no name of a template', 'create', '101', '--ostemplate', '../x')
    refused(node, 82, 'No such file', 'create', '101', '--config', 'none')
    refused(node, 21, 'last component', 'create', '101', '--private', '/srv')
    refused(node, 21, 'plain absolute', 'create', '101', '--private', '/srv/../101')
    refused(node, 21, 'plain absolute', 'create', '101', '--root', '/srv/$HOME/101')
    refused(node, 131, 'no name', 'create', '101', '--name', '77')
    refused(node, 99, 'not there', 'create', '101', '--layout', 'ploop')
    tap.equal(node.run('bctl-ct', 'create', '101', '--frob').returncode, 1,
              'under the name of bctl with its statuses')
    env = dict(node.env, BCTL_VZ_CONF='/nonexistent/vz.conf')
    done = subprocess.run([f'{node.programs}/vzctl', 'start', '101'], env=env, check=False,
                          capture_output=True, text=True)
    tap.equal(done.returncode, 10, 'without vz.conf')


def test_create(node):
    done = node.ctl('create', '101', '--hostname', 'a.example', '--name', 'web')
    tap.equal((done.returncode, node.ctl('status', 'web').stdout),
              (0, 'CTID 101 exist unmounted down\n'), 'create')
    tap.ok(node.exists('private/101/sbin/init') and
           os.stat(node.path('private/101/tmp')).st_mode & 0o7777 == 0o1777 and
           os.stat(node.path('private/101/bin/sh')).st_nlink > 5, 'with all that is in the template')
    tap.equal(os.stat(node.path('private')).st_mode & 0o777, 0o700, 'closed to the others')
    refused(node, 44, 'exists already', 'create', '101')
    refused(node, 131, 'belongs to 101', 'create', '102', '--name', 'web')
    refused(node, 31, 'not running', 'exec', '101', 'true')
    refused(node, 31, 'not running', 'stop', '101')
    refused(node, 5, 'module is not loaded', 'start', '101')
    tap.equal(node.list('-a').stdout,
              '      CTID      NPROC STATUS    IP_ADDR         HOSTNAME\n'
              '       101          - stopped   -               a.example\n', 'list -a')
    row = json.loads(node.list('-aj').stdout)[0]
    tap.equal((row['ctid'], row['name'], row['numproc'], row['cpuunits']), (101, 'web', None, 1000),
              'the same as JSON')
    tap.equal([node.list(*args).stdout for args in
               (('-a1',), ('-aH', '-o', 'name,onboot'), ('-aHn', '-o', 'ctid'), ('-S1',), ('-1',),
                ('-a1', '-h', 'b*'), ('-a1', '-N', 'w?b'))],
              ['       101\n', f'{"web":<32} -\n', 'web\n', '       101\n', '', '', '       101\n'],
              'options of list')


def test_set(node):
    before = node.read('etc/conf/101.conf')
    node.write('etc/conf/101.conf', before.replace('NUMPROC=', '  NUMPROC=') + 'WHAT ever\nFOO=1 # x')
    refused(node, 31, 'not running', 'set', '101', '--numproc', '5')
    refused(node, 20, 'takes --save', 'set', '101', '--onboot', 'yes')
    refused(node, 20, 'nothing to set', 'set', '101', '--save')
    refused(node, 20, 'needs a value', 'set', '101', '--save', '--numproc')
    refused(node, 21, 'neither yes', 'set', '101', '--onboot', 'maybe', '--save')
    refused(node, 21, 'barrier is above', 'set', '101', '--numproc', '9:8', '--save')
    refused(node, 21, 'not the name of a host', 'set', '101', '--hostname', 'a b', '--save')
    refused(node, 21, 'allowed range', 'set', '101', '--cpuunits', '5', '--save')
    done = node.ctl('set', '101', '--numproc', '5', '--ram', '1G', '--iolimit=3', '--name', 'shop',
                    '--description', 'a "b" $c', '--onboot', 'yes', '--save')
    text = node.read('etc/conf/101.conf')
    want = before.replace('NUMPROC="192:192"', '  NUMPROC="5:5"') \
        .replace('"0:256M"', '"0:262144"').replace('NAME="web"', 'NAME="shop"') + \
        'WHAT ever\nFOO=1 # x\nIOLIMIT="3145728"\nDESCRIPTION="a \\"b\\" \\$c"\nONBOOT="yes"\n'
    tap.equal((done.returncode, text), (0, want), 'set --save changes what is said, no byte more')
    tap.equal(os.listdir(node.path('etc/names')), ['shop'], 'the name moved')


def test_destroy(node):
    text = node.read('etc/conf/101.conf')
    os.makedirs(node.path('private/101/' + '/'.join('d' * 200 for _ in range(12))))
    deep = os.open(node.path('private/101'), os.O_RDONLY)
    for _ in range(1100):       # beyond what a path can say, and beyond the descriptors
        os.mkdir('x' * 10, dir_fd=deep)
        down = os.open('x' * 10, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = down
    os.close(deep)
    os.symlink('/etc', node.path('private/101/link'))
    os.makedirs(node.path('outside/keep'))
    os.symlink(node.path('outside'), node.path('private/101/out'))
    done = node.ctl('destroy', 'shop')
    tap.ok(done.returncode == 0 and not node.exists('private/101') and not node.exists('root/101'),
           'destroy, however deep it is', done.stderr)
    tap.ok(node.exists('outside/keep'), 'no link is followed')
    os.rmdir(node.path('outside/keep'))
    os.rmdir(node.path('outside'))
    tap.equal((node.files(), node.read('etc/conf/101.conf.destroyed')),
              (['etc/conf/101.conf.destroyed', 'etc/vz.conf'], text), 'only its file is kept')


def template(node, entries, name='bad'):
    """A template with a good beginning and these entries."""
    with tarfile.open(node.path(f'template/cache/{name}.tar.xz'), 'w:xz') as tar:
        for path, more in [('sbin', {'type': tarfile.DIRTYPE, 'mode': 0o755}),
                           ('sbin/init', {'mode': 0o755})] + entries:
            data = more.pop('data', None)
            info = tarfile.TarInfo(path)
            for key, value in more.items():
                setattr(info, key, value)
            info.size = len(data or b'')
            tar.addfile(info, io.BytesIO(data) if data else None)


def test_templates(node):
    link, hard = {'type': tarfile.SYMTYPE}, {'type': tarfile.LNKTYPE}
    secret = node.path('secret')
    with open(secret, 'w', encoding='ascii') as f:
        f.write('s')
    bad = {
        'a name with ..': [('../evil', {'data': b'x'})],
        'a name with .. inside': [('a/../../evil', {'data': b'x'})],
        'an absolute name': [(node.path('evil'), {'data': b'x'})],
        'a way through a link': [('l', dict(link, linkname=node.top)), ('l/evil', {'data': b'x'})],
        'a way through a link that stays inside': [('l', dict(link, linkname='sbin')),
                                                   ('l/evil', {'data': b'x'})],
        'a hard link that leads out': [('h', dict(hard, linkname=secret))],
        'a hard link with ..': [('h', dict(hard, linkname='../../secret'))],
        'a hard link through a link': [('l', dict(link, linkname=node.top)),
                                       ('h', dict(hard, linkname='l/secret'))],
    }
    for what, entries in bad.items():
        template(node, entries)
        done = node.ctl('create', '105', '--ostemplate', 'bad')
        tap.ok(done.returncode == 47 and not node.exists('evil') and
               not os.listdir(node.path('private')) and not node.exists('etc/conf/105.conf'),
               f'{what} is refused, and nothing is left', f'{done.returncode} {done.stderr}')
    tap.equal(os.stat(secret).st_nlink, 1, 'nothing got hold of what is outside')
    os.unlink(secret)
    with open(node.path('template/cache/bad.tar.xz'), 'rb') as f:
        whole = f.read()
    for what, data in (('cut off', whole[:-40]), ('empty', b''), ('rubbish', b'rubbish' * 999)):
        with open(node.path('template/cache/bad.tar.xz'), 'wb') as f:
            f.write(data)
        refused(node, 47, 'template', 'create', '105', '--ostemplate', 'bad')
        tap.ok(not node.exists('private/105') and not node.exists('private/105.tmp'),
               f'{what}: nothing is left')
    with tarfile.open(node.path('template/cache/noinit.tar'), 'w'):
        pass
    refused(node, 47, 'no /sbin/init', 'create', '105', '--ostemplate', 'noinit')
    os.unlink(node.path('template/cache/bad.tar.xz'))


def test_random_templates(node):
    """Damaged archives: no crash, nothing outside, nothing left."""
    rng = random.Random(7)
    template(node, [('etc', {'type': tarfile.DIRTYPE}), ('etc/x', {'data': b'x' * 3000})], 'fuzz')
    subprocess.run(['xz', '-d', node.path('template/cache/fuzz.tar.xz')], check=True)
    with open(node.path('template/cache/fuzz.tar'), 'rb') as f:
        raw = f.read()
    wrong = []
    for _ in range(60):
        data = bytearray(raw)
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(min(len(data), 3000))] = rng.randrange(256)
        with open(node.path('template/cache/fuzz.tar'), 'wb') as f:
            f.write(data)
        done = node.ctl('create', '106', '--ostemplate', 'fuzz')
        if done.returncode == 0:
            node.ctl('destroy', '106')
        elif done.returncode not in (47, 46):
            wrong.append((done.returncode, done.stderr))
        if os.listdir(node.path('private')):
            wrong.append(os.listdir(node.path('private')))
    tap.ok(not wrong, '60 damaged archives are refused, or unpacked where they belong', wrong[:2])


def whole(node):
    """Is the container there as it should be, or not at all?"""
    words = node.ctl('status', '103').stdout.split()[2:]
    if words == ['exist', 'unmounted', 'down']:
        good = node.exists('private/103/etc/passwd') and not node.exists('private/103.tmp')
        return good and node.exists('private/103/sbin/init')
    return words == ['deleted', 'unmounted', 'down'] and not any(
        '103' in name and not name.endswith(('.destroyed', '.lck')) for name in node.files())


def sweep(node, verb, args, prepare, after, most):
    """Kill a command before its calls that change something; then the next one sees to it."""
    prepare()
    calls, wrong, hit, named = node.changes(verb, '103', *args), [], 0, 0
    step = max(1, len(calls) // most)
    # The ends are where a command does one thing after another; in between it unpacks.
    chosen = calls[:12:2] + calls[12:-24:step] + calls[-24::1 if most > 99 else 2]
    for call in chosen:
        prepare()
        if not node.killed_at(call, verb, '103', *args):
            wrong.append((call, 'was not killed'))
            continue
        hit += 1
        words = node.ctl('status', '103').stdout.split()
        named += f'{verb}-interrupted' in words
        why = after()
        if why or not whole(node):
            wrong.append((call, words, why, node.files()[:20]))
    tap.ok(hit > 8 and named and not wrong,
           f'{verb} killed at {hit} of {len(calls)} instants, {named} times named by status',
           wrong[:3])


def test_kill(node):
    def absent():
        node.ctl('destroy', '103')
        for name in ('etc/conf/103.conf.tmp', 'etc/conf/103.conf.destroyed'):
            if node.exists(name):
                os.unlink(node.path(name))

    def created():
        if not node.exists('etc/conf/103.conf'):
            absent()
            assert node.ctl('create', '103', '--name', 'kill').returncode == 0

    def again_create():
        done = node.ctl('create', '103', '--name', 'kill')
        return done.returncode not in (0, 44) and done.stderr

    def again_destroy():
        done = node.ctl('destroy', '103')
        return (done.returncode not in (0, 14) and done.stderr) or node.exists('private/103')

    def fresh():
        created()
        node.ctl('set', '103', '--numproc', '1', '--name', 'kill', '--save')

    def again_set():
        done = node.ctl('umount', '103')        # takes the lock, and has nothing to do
        text = node.read('etc/conf/103.conf')
        names = sorted(os.listdir(node.path('etc/names')))
        state = ('NUMPROC="7:7"' in text, 'NAME="late"' in text, names == ['late'])
        if node.ctl('status', '103').stdout.split()[5:]:
            return 'still interrupted'
        return done.returncode != 40 or state not in ((True,) * 3, (False,) * 3) and (state, names)

    most = 9999 if os.environ.get('BC_LONG') else 8
    sweep(node, 'create', ('--name', 'kill'), absent, again_create, most)
    sweep(node, 'destroy', (), created, again_destroy, most)
    sweep(node, 'set', ('--numproc', '7', '--name', 'late', '--save'), fresh, again_set, most)
    absent()


def test_lock(node):
    node.ctl('create', '103')
    with subprocess.Popen(['strace', '-o', '/dev/null', '-e', 'inject=fsync:delay_enter=1s',
                           f'{node.programs}/vzctl', '--quiet', 'set', '103', '--numproc', '3',
                           '--save'], env=node.env) as slow:
        tap.poll_until(20, lambda: node.exists('lock/103.lck') and 'set' in node.read('lock/103.lck'))
        done = node.ctl('set', '103', '--numproc', '4', '--save')
        tap.equal((done.returncode, f'{slow.pid}' in done.stderr or 'process' in done.stderr),
                  (9, True), 'a container that is being changed is locked')
        tap.equal(node.ctl('status', '103').returncode, 0, 'but status tells')
    node.ctl('destroy', '103')
    tap.equal([f for f in node.files() if 'lock' in f or 'state' in f], [], 'no lock stays')


def test_validate(node):
    samples = sorted(os.listdir(SAMPLES))
    wrong = []
    for name in samples:
        if name.endswith('.conf-sample'):
            done = node.run('bctl-ct', 'validate', f'{SAMPLES}/{name}')
            if done.returncode or 'Error' in done.stdout:
                wrong.append((name, done.stdout))
    tap.ok(len(samples) == 9 and not wrong, 'the samples are valid', wrong)
    shutil.copy(f'{SAMPLES}/ve-basic.conf-sample', node.path('v.conf'))
    text = node.read('v.conf')
    tap.ok('NUMPTY="32:32"' in text, 'the basic sample')
    node.write('v.conf', text.replace('NUMPTY="32:32"', 'NUMPTY="31:32" # few') + MORE)
    done = node.run('bctl-ct', 'validate', '--report', node.path('v.conf'))
    tap.ok(done.returncode == 2 and 'Error: barrier and limit of NUMPTY must be the same' in
           done.stdout and 'unknown    X="1"' in done.stdout and 'duplicate  X="2"' in done.stdout and
           'malformed' in done.stdout and 'setting    IOPRIO=' in done.stdout and
           'no effect  MEMINFO=' in done.stdout, 'what is wrong, and unknown',
           done.stdout)
    done = node.run('bctl-ct', 'validate', '-r', node.path('v.conf'))
    tap.equal((done.returncode, node.read('v.conf')),
              (0, text.replace('NUMPTY="32:32"', 'NUMPTY="32:32" # few') + MORE),
              'is repaired in place')
    tap.equal(node.run('bctl-ct', 'validate', '/nonexistent').returncode, 1, 'no such file')
    os.unlink(node.path('v.conf'))


def ids(node, number):
    text = node.read(f'etc/conf/{number}.conf')
    return [int(text.partition(f'{key}="')[2].partition('"')[0])
            for key in ('LOCAL_UID', 'LOCAL_GID')]


def test_ids(node):
    """Users of the host that are a container's, and nobody else's."""
    first = 1879048192
    for number in ('201', '202', '203'):
        node.ctl('create', number)
    tap.equal([ids(node, n) for n in ('201', '202', '203')],
              [[first + i * 65536] * 2 for i in range(3)], 'each has ids of its own')
    node.ctl('destroy', '202')
    done = [node.ctl('create', '204', '--local_uid', str(first + 5 * 65536 + 7)).returncode,
            node.ctl('create', '205').returncode]
    tap.equal((done, ids(node, '204'), ids(node, '205')),
              ([0, 0], [first + 5 * 65536 + 7] * 2, [first + 65536] * 2),
              'those that were asked for, and those that are free again')
    refused(node, 21, '204 has ids from', 'create', '206', '--local_uid', str(first + 5 * 65536))
    refused(node, 21, '201 has ids from', 'create', '206', '--local_uid', '100000', '--local_gid',
            str(first))
    refused(node, 21, 'neither 0 nor', 'create', '206', '--local_uid', '1000')
    refused(node, 21, '201 has ids from', 'set', '203', '--local_uid', str(first), '--save')
    tap.equal((node.ctl('create', '206', '--local_uid', '0').returncode, ids(node, '206')),
              (0, [0, 0]), 'those of the host only when asked for')
    conf = node.read('etc/vz.conf')
    node.write('etc/vz.conf', conf + f'LOCAL_IDS="{first}:131072"\n')
    refused(node, 6, 'no 65536 ids are free', 'create', '207')
    node.write('etc/vz.conf', conf + 'LOCAL_IDS="0:65536"\n')
    refused(node, 21, 'LOCAL_IDS', 'create', '207')
    node.write('etc/vz.conf', conf)
    node.ctl('set', '201', '--capability', 'sys_time:on', '--devnodes', 'net/tun:rw', '--save')
    node.ctl('set', '201', '--capability', 'SYS_TIME:off,chown:on', '--features', 'fuse:on',
             '--save')
    text = node.read('etc/conf/201.conf')
    tap.ok('CAPABILITY="SYS_TIME:off chown:on"\n' in text and 'DEVNODES="net/tun:rw"\n' in text and
           'FEATURES="fuse:on"\n' in text, 'words are added to those that there are', text)
    refused(node, 21, "'frob:on': there is no such capability", 'set', '201', '--capability',
            'frob:on', '--save')
    refused(node, 21, 'cannot have', 'set', '201', '--features', 'nfs:on', '--save')
    for number in ('201', '203', '204', '205', '206'):
        node.ctl('destroy', number)
    for number in range(201, 207):
        os.unlink(node.path(f'etc/conf/{number}.conf.destroyed'))


def main():
    asan, plain = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as top, tempfile.TemporaryDirectory() as bins:
        for name in ('asan', 'plain'):
            os.mkdir(f'{bins}/{name}')
        node = vz.Vz(f'{top}/vz', programs(asan, f'{bins}/asan'))
        test_validate(node)
        test_usage(node)
        if os.getuid():
            tap.skip('containers', 'they take root')
        else:
            test_ids(node)
            test_create(node)
            test_set(node)
            test_destroy(node)
            test_templates(node)
            test_random_templates(node)
            node.programs = programs(plain, f'{bins}/plain')
            test_lock(node)
            test_kill(node)
    tap.done()


main()
