#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.1
# timeout: 600
"""Containers on the disk: on top of one template, and within quotas on ext4 and xfs."""
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc                       # noqa: E402  pylint: disable=wrong-import-position
import disk                     # noqa: E402  pylint: disable=wrong-import-position
import tap                      # noqa: E402  pylint: disable=wrong-import-position
import vz                       # noqa: E402  pylint: disable=wrong-import-position

TOP = '/scratch/disk'
PROJECT = 0x80000000
# What a write beyond the limit says; xfs has no quota error for projects.
FULL = re.compile('uota exceeded|No space left')
# As root of the user namespace of a process: give its root directory another project.
ESCAPE = '''
import fcntl, os, struct, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
attr = bytearray(fcntl.ioctl(fd, 0x801c581f, bytes(28)))
print(struct.unpack_from('=IIIII', attr)[3])
for change in ('project', 'flag'):
    new = bytearray(attr)
    if change == 'project':
        struct.pack_into('=I', new, 12, 7)
    else:
        struct.pack_into('=I', new, 0, struct.unpack_from('=I', new)[0] & ~0x200)
    try:
        fcntl.ioctl(fd, 0x401c5820, bytes(new))
        print('changed')
    except OSError as err:
        print(err.errno)
'''


# The same inside of a container without ids of its own, also with what the kernel does not look at.
ESCAPE_HOST = '''
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open("/", os.O_RDONLY)
attr = ctypes.create_string_buffer(28)
flags = ctypes.c_long()
print(libc.ioctl(fd, 0x801c581f, attr), libc.ioctl(fd, 0x80086601, ctypes.byref(flags)))
attr[12] = 7
flags.value &= ~0x20000000
for call, arg in ((0x401c5820, attr), (0x40086602, ctypes.byref(flags)), (0x40046602, attr)):
    for high in (0, 1 << 32, 0xffffffff << 32):
        done = libc.syscall(16, fd, ctypes.c_ulong(call | high), arg)
        print(ctypes.get_errno() if done else 0, end=" ")
'''


def inside(node, number, script):
    done = node.ctl('exec2', number, script)
    return done.returncode, done.stdout + done.stderr


def field(node, number, *names):
    return node.list(number, '-H', '-o', ','.join(names)).stdout.split()


def overlay_of(number):
    with open('/proc/self/mounts', encoding='utf-8') as f:
        return [line.split()[2] for line in f if line.split()[1].endswith(f'/root/{number}')]


def left(node, number):
    found = [name for name in (f'private/{number}', f'private/{number}.tmp', f'root/{number}',
                               f'etc/conf/{number}.conf', f'state/{number}.step')
             if node.exists(name)]
    return found + overlay_of(number)


def test_overlay(node):
    """Two containers on top of one template."""
    then = time.monotonic()
    node.good('a container of its own files', 'create', '201')
    copied = time.monotonic() - then
    node.good('one on top of the template', 'create', '202', '--storage', 'overlay')
    then = time.monotonic()
    node.good('a second one', 'create', '203', '--layout', 'simfs:overlay')
    tap.note(f'create: copy {copied:.2f} s, overlay {time.monotonic() - then:.2f} s')
    tap.equal(sorted(os.listdir(node.path('private/203'))), ['upper', 'work'],
              'has no files of its own')
    tap.equal(field(node, '203', 'layout'), ['simfs:overlay'], 'vzlist says so')
    for number in ('202', '203'):
        node.good(f'{number} starts', 'start', number)
    tap.equal(overlay_of('203'), ['overlay'], 'one mount is there, that of the overlay')
    tap.equal(inside(node, '202', 'echo mine > /etc/mark; rm /etc/hosts; mv /root /moved; '
                                  'chown 5:7 /etc/group; ls -ln /etc/group | cut -d" " -f1-9; '
                                  'ls /etc/hosts 2> /dev/null; cat /etc/mark')[1].split()[-1],
              'mine', 'it writes, removes and moves')
    tap.equal(inside(node, '203', 'ls /etc/mark /moved 2> /dev/null; cat /etc/hosts | head -1'),
              (0, '127.0.0.1 localhost\n'), 'which the other does not see')
    node.refused(41, 'containers are on top of it', 'template', 'remove', 'minimal')
    node.good('restart', 'restart', '202')
    tap.equal(inside(node, '202', 'cat /etc/mark; ls -d /moved; ls /etc/hosts 2> /dev/null')[1],
              'mine\n/moved\n', 'what it did stays')


def test_shared(node):
    """Pages of programs of the template are in memory once."""
    node.good('another copy', 'create', '204')
    for number in ('201', '204'):
        node.good(f'{number} starts', 'start', number)

    def pools():
        doc = bc.bctl_json('fairpages')
        return {p['name']: p['own'] for p in doc['pools']}

    now = pools()
    tap.note(str({n: (now[n]['fair_bytes'], now[n]['private'], now[n]['shared'])
                  for n in ('201', '202', '203', '204')}))
    tap.ok(all(now[over]['shared'] > now[copy]['shared'] + 50
               for over in ('202', '203') for copy in ('201', '204')) and
           all(now[over]['fair_bytes'] < now[copy]['fair_bytes']
               for over in ('202', '203') for copy in ('201', '204')),
           'containers on top of one template share pages, and pay less than those with copies')


def test_remove(node):
    node.refused(60, 'tune2fs', 'set', '202', '--diskspace', '10M', '--save')
    for number in ('201', '202', '203', '204'):
        node.good(f'stop {number}', 'stop', number, '--fast')
        node.good(f'destroy {number}', 'destroy', number)
        tap.equal(left(node, number), [], f'nothing is left of {number}')
    node.good('the template goes', 'template', 'remove', 'minimal')
    tap.equal((os.listdir(node.path('template/tree')), os.listdir(node.path('template/cache'))),
              ([], ['busybox.tar.gz']), 'with its tree')


def sweep(node, verb, args, prepare, check, most):
    prepare()
    calls, hit, named, wrong = node.changes(verb, '205', *args), 0, 0, []
    step = max(1, len(calls) // most)
    for call in calls[step // 2::step]:
        prepare()
        if not node.killed_at(call, verb, '205', *args):
            wrong.append((call, 'was not killed'))
            continue
        hit += 1
        words = node.ctl('status', '205').stdout
        named += f'{verb}-interrupted' in words
        why = check()
        if why:
            wrong.append((call, words, why))
    tap.ok(hit and not wrong,
           f'{verb} {" ".join(args)} killed at {hit} of {len(calls)} instants, {named} times named',
           wrong[:3])


def test_kill_overlay(node, most):
    """create, start and destroy of an overlay, killed."""
    def absent():
        for verb in (('stop', '205', '--fast'), ('umount', '205'), ('destroy', '205')):
            node.ctl(*verb)
        assert not left(node, '205'), left(node, '205')

    def created():
        absent()
        assert not node.ctl('create', '205', '--storage', 'overlay').returncode

    def check_create():
        done = node.ctl('create', '205', '--storage', 'overlay')
        halves = [f for f in os.listdir(node.path('template/tree')) if f.endswith('.tmp')]
        return done.returncode not in (0, 44) and done.stderr or halves or \
            sorted(os.listdir(node.path('private/205'))) != ['upper', 'work']

    def check_start():
        done = node.ctl('start', '205')
        return done.returncode not in (0, 32) and done.stderr or overlay_of('205') != ['overlay'] \
            or inside(node, '205', 'cat /etc/hosts')[0]

    def fresh():
        absent()
        node.ctl('template', 'remove', 'minimal')
        assert not node.ctl('template', 'build', 'minimal', '--replace').returncode

    if most > 99:               # tests/bctl/test_template.py does it without a machine
        sweep(node, 'create', ('--storage', 'overlay'), fresh, check_create, most)
    assert not node.ctl('template', 'build', 'minimal', '--replace').returncode
    sweep(node, 'start', (), created, check_start, most)
    absent()
    node.ctl('template', 'remove', 'minimal')


def make_fs(kind, options):
    """A file system with quotas of projects in a file; where it is mounted, or None."""
    image, point = f'/scratch/{kind}.img', f'/mnt/{kind}'
    os.makedirs(point, exist_ok=True)
    disk.run('truncate', '-s', '320M', image)
    disk.run(*options, image)
    for module in ('loop', 'quota_v2', kind):
        subprocess.run(['modprobe', '-q', module], check=False)
    mount = 'prjquota' if kind == 'ext4' else 'pquota'
    done = subprocess.run(['mount', '-o', f'loop,{mount}', image, point], capture_output=True,
                          text=True, check=False)
    if done.returncode:
        tap.note(done.stderr)
    return None if done.returncode else point


def df(node, number):
    return inside(node, number, 'busybox df -k / | busybox tail -1')[1].split()[1:4]


def test_limits(node, kind):
    node.good(f'{kind}: create', 'create', '210', '--ostemplate', 'busybox')
    tap.ok(int(field(node, '210', 'diskspace')[0]) > 500, 'its files are counted from the first on')
    node.good('set on one that is stopped', 'set', '210', '--diskspace', '16M:20M',
         '--diskinodes', '300:400', '--quotatime', '86400', '--save')
    node.good('start', 'start', '210')
    tap.equal(field(node, '210', 'diskspace.s', 'diskspace.h', 'diskinodes.s', 'diskinodes.h'),
              ['16384', '20480', '300', '400'], 'vzlist has the limits')
    size = df(node, '210')
    tap.ok(16384 <= int(size[0]) <= 20480, 'df in the container shows them', size)
    status, text = inside(node, '210', 'dd if=/dev/zero of=/big bs=64k count=1000 2>&1; sync')
    used = int(field(node, '210', 'diskspace')[0])
    tap.ok(FULL.search(text) and 19000 < used <= 20480, 'no more than the hard limit is written',
           (status, text, used))
    status, text = inside(node, '210', 'rm /big; i=0; while [ $i -lt 500 ]; do : > /f$i || break; '
                                       'i=$((i+1)); done; echo made $i')
    tap.ok(FULL.search(text) and int(field(node, '210', 'diskinodes')[0]) == 400,
           'nor more files made', text[-200:])
    node.good('set on one that runs', 'set', '210', '--diskinodes', '2000:2000')
    tap.equal(inside(node, '210', ': > /more && echo yes')[1], 'yes\n', 'it applies at once')
    node.refused(1, 'guarantee', 'set', '210', '--diskinodes', '5000', '--vmguarpages',
            '900G:unlimited')
    tap.equal(field(node, '210', 'diskinodes.h'), ['2000'],
              'what is refused for another reason is taken back')
    doc = bc.json.loads(node.ctl('quota', '210', '-j').stdout)
    tap.equal((doc['project'], doc['bytes']['hard'], doc['grace']), (PROJECT + 210, 20 << 20, 86400),
              'quota -j')


def test_escape(node):
    """Root of the container is not the one who says which project a file has."""
    pid = subprocess.run(['cat', '/sys/fs/cgroup/bc/210/ct/cgroup.procs'], capture_output=True,
                         text=True, check=False).stdout.split()
    pid = pid[0] if pid else subprocess.run(
        ['sh', '-c', 'cat $(find /sys/fs/cgroup/bc/210 -name cgroup.procs) | head -1'],
        capture_output=True, text=True, check=False).stdout.strip()
    done = subprocess.run(['nsenter', '-U', '-t', pid, 'python3', '-c', ESCAPE,
                           f'/proc/{pid}/root'], capture_output=True, text=True, check=False)
    tap.equal(done.stdout.split(), [str(PROJECT + 210), '22', '22'],
              'neither the project nor its inheritance can be changed from inside')
    tap.note(done.stderr[-300:])


def test_escape_host(node):
    """Nor is it without ids of its own."""
    node.good('one without user namespace', 'create', '214', '--ostemplate', 'busybox',
              '--local_uid', '0')
    vz.python_into(node.path('private/214'))
    with open(node.path('private/214/escape.py'), 'w', encoding='ascii') as f:
        f.write(ESCAPE_HOST)
    used = int(field(node, '214', 'diskspace')[0])
    node.good('its limit', 'set', '214', '--diskspace', f'{used + 2048}', '--save')
    node.good('start', 'start', '214')
    status, text = inside(node, '214', 'python3 /escape.py')
    tap.equal((status, text.split()), (0, ['0', '0'] + ['1'] * 9),
              'it cannot change them either, also with numbers that the kernel cuts off')
    status, text = inside(node, '214', 'dd if=/dev/zero of=/big bs=64k count=100 2>&1; sync')
    tap.ok(FULL.search(text) and int(field(node, '214', 'diskspace')[0]) <= used + 2048,
           'nor write beyond its limit', text)
    node.ctl('stop', '214', '--fast')
    node.good('destroy', 'destroy', '214')


def test_verbs(node):
    node.good('quotaoff', 'quotaoff', '210')
    tap.equal(field(node, '210', 'diskspace.h'), ['unlimited'], 'takes the limits away')
    node.good('quotaon', 'quotaon', '210')
    tap.equal(field(node, '210', 'diskspace.h'), ['20480'], 'gives them back')
    node.refused(32, 'running', 'quotainit', '210')
    node.good('stop', 'stop', '210', '--fast')
    node.good('quotainit', 'quotainit', '210')
    node.good('destroy', 'destroy', '210')
    report = subprocess.run(['repquota', '-P', '-n', os.path.dirname(node.top)],
                            capture_output=True, text=True, check=False).stdout
    tap.equal((left(node, '210'), f'#{PROJECT + 210} ' in report), ([], False),
              'nothing is left, and no record of its project')


def test_init(node):
    """A private area from before there were quotas."""
    node.good('one that is not counted', 'create', '211', '--ostemplate', 'busybox')
    node.ctl('destroy', '211')
    node.write('etc/vz.conf', node.read('etc/vz.conf') + 'DISK_QUOTA="no"\n')
    node.good('created without', 'create', '211', '--ostemplate', 'busybox')
    tap.equal(field(node, '211', 'diskspace'), ['-'], 'a figure that is not known is a dash')
    node.refused(68, 'not counted', 'quota', '211')
    os.symlink('hosts', node.path('private/211/etc/link'))
    os.mkfifo(node.path('private/211/etc/pipe'), 0o640)
    os.lchown(node.path('private/211/etc/link'), 3, 4)
    deep = os.open(node.path('private/211'), os.O_RDONLY)
    for _ in range(600):
        os.mkdir('deep', dir_fd=deep)
        down = os.open('deep', os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = down
    os.close(deep)
    node.write('etc/vz.conf', node.read('etc/vz.conf').replace('DISK_QUOTA="no"\n', ''))
    # killed on its way, it is finished by the next one
    subprocess.run(['strace', '-f', '-qq', '-o', '/dev/null', '-e',
                    'inject=ioctl:signal=SIGKILL:when=300', 'vzctl', 'quotainit', '211'],
                   env=node.env, check=False, capture_output=True)
    words = node.ctl('status', '211').stdout
    tap.ok('quotainit-interrupted' in words, 'quotainit that was killed is named by status', words)
    node.good('limits for it', 'set', '211', '--diskspace', '24M:24M', '--save')
    node.good('it starts, and is finished before', 'start', '211')
    st = os.lstat(node.path('private/211/etc/link'))
    tap.equal((st.st_uid, st.st_gid, os.readlink(node.path('private/211/etc/link')),
               os.stat(node.path('private/211/etc/pipe')).st_mode & 0o777), (3, 4, 'hosts', 0o640),
              'links and pipes are as they were')
    tap.equal(inside(node, '211', 'busybox mv /etc/link /etc/pipe /tmp/ && ls /tmp')[1], 'link\npipe\n',
              'and can be renamed')
    used = int(field(node, '211', 'diskspace')[0])
    tap.ok(used > 500 + 4 * 590, 'all is counted', used)
    node.ctl('stop', '211', '--fast')
    node.good('destroy', 'destroy', '211')


def test_overlay_quota(node, kind):
    done = node.ctl('template', 'build', 'minimal')
    node.good(f'{kind}: an overlay with limits', 'create', '212', '--ostemplate', 'minimal',
         '--storage', 'overlay')
    node.good('its limits', 'set', '212', '--diskspace', '8M:8M', '--save')
    node.good('start', 'start', '212')
    size = df(node, '212')
    tap.equal(size[:1], ['8192'], 'df shows them')
    text = inside(node, '212', 'dd if=/dev/zero of=/big bs=64k count=1000 2>&1; sync')[1]
    used = int(field(node, '212', 'diskspace')[0])
    tap.ok(FULL.search(text) and 7000 < used <= 8192, 'they are kept; the template counts for nobody',
           (text, used))
    node.ctl('stop', '212', '--fast')
    node.good('destroy', 'destroy', '212')
    done = node.ctl('create', '213', '--ostemplate', 'minimal', '--storage', 'reflink')
    if kind == 'xfs':
        tap.ok(done.returncode == 0 and node.exists('private/213/bin/busybox'),
               'a copy with shared blocks', done.stderr)
        node.good('starts', 'start', '213')
        tap.equal(inside(node, '213', 'cat /etc/hosts')[0], 0, 'and runs')
        node.ctl('stop', '213', '--fast')
        node.ctl('destroy', '213')
    else:
        tap.ok(done.returncode == 48 and 'xfs or btrfs' in done.stderr and not left(node, '213'),
               'reflink is refused where there is none', done.stderr)
    node.refused(99, 'hard links', 'create', '213', '--storage', 'hardlink')


def test_fs(kind, options):
    point = make_fs(kind, options)
    if not point:
        tap.skip(f'quotas on {kind}', 'this kernel has none')
        return
    node = vz.Vz(f'{point}/vz')
    test_limits(node, kind)
    test_escape(node)
    test_escape_host(node)
    test_verbs(node)
    test_init(node)
    test_overlay_quota(node, kind)
    disk.run('umount', point)
    os.unlink(f'/scratch/{kind}.img')


def main():
    parts = sys.argv[1:] or ['overlay', 'ext4'] + ['xfs'] * bool(os.environ.get('BC_LONG'))
    if 'overlay' in parts:
        node = vz.Vz(TOP)
        node.good('a template of busybox is built', 'template', 'build', 'minimal')
        node.write('etc/vz.conf', node.read('etc/vz.conf').replace('"busybox"', '"minimal"'))
        test_overlay(node)
        test_shared(node)
        test_remove(node)
        test_kill_overlay(node, 9999 if os.environ.get('BC_LONG') else 2)
    if 'ext4' in parts:
        test_fs('ext4', ('mke2fs', '-q', '-F', '-t', 'ext4', '-O', 'quota,project', '-E',
                         'quotatype=prjquota,lazy_itable_init=0'))
    if 'xfs' in parts:
        test_fs('xfs', ('mkfs.xfs', '-q', '-f', '-m', 'reflink=1'))
    tap.note(f'took {time.monotonic() - begun:.0f} s')
    bc.finish()


begun = time.monotonic()
main()
