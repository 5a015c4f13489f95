# SPDX-License-Identifier: GPL-2.0
"""An /etc/vz of its own and a template made of busybox, for tests of containers.

    vz = Vz('/tmp/x')           # vz.conf, a sample, template/cache/busybox.tar.gz
    vz.ctl('create', '101')     # vzctl
"""
import importlib.util
import io
import os
import shutil
import subprocess
import tarfile

import tap

INITTAB = b"""::sysinit:/bin/touch /run/booted
::respawn:/bin/sleep 100000
::shutdown:/bin/touch /halted
"""
SAMPLE = """# a container of VSwap

PHYSPAGES="0:256M"
SWAPPAGES="0:512M"
NUMPROC="192:192"
NUMPTY="48:48"
CPUUNITS="1000"
"""
APPLETS = ('sh ls cat echo halt poweroff reboot sleep touch mount umount ps kill true false '
           'hostname id grep wc head dd mkdir rm ln sync env seq test stty tty ip ping nc readlink '
           'printf arping tail cut').split()
# how much longer a command may take on the debug kernel
SLOW = 6 if os.environ.get('BC_KERNEL', '').startswith('debug') else 1


def shared_libs(program):
    """What a program that is not static is linked to."""
    done = subprocess.run(['ldd', program], capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        path = line.split('=>')[-1].split()[0]
        if path.startswith('/'):
            yield path


def busybox_template(path, kind='gz', busybox=None):
    """A tarball with busybox, its libraries if it has some, and an inittab."""
    busybox = busybox or shutil.which('busybox')
    with tarfile.open(path, f'w:{kind}') as tar:
        def entry(name, data=None, mode=0o755, **more):
            info = tarfile.TarInfo(name)
            info.mode = mode
            info.mtime = 1700000000
            for key, value in more.items():
                setattr(info, key, value)
            if data is not None:
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data) if data is not None else None)

        for name in ('.', 'bin', 'sbin', 'etc', 'proc', 'sys', 'dev', 'run', 'root', 'usr',
                     'usr/bin', 'usr/sbin'):
            entry(name, type=tarfile.DIRTYPE)
        entry('tmp', type=tarfile.DIRTYPE, mode=0o1777)
        made = set()
        for lib in shared_libs(busybox):
            for i in range(2, lib.count('/') + 1):
                folder = '/'.join(lib.split('/')[1:i])
                if folder and folder not in made:
                    made.add(folder)
                    entry(folder, type=tarfile.DIRTYPE)
            with open(lib, 'rb') as f:
                entry(lib[1:], f.read())
        with open(busybox, 'rb') as f:
            entry('bin/busybox', f.read())
        for name in APPLETS:
            entry(f'bin/{name}', type=tarfile.LNKTYPE, linkname='bin/busybox')
        entry('sbin/init', type=tarfile.SYMTYPE, linkname='../bin/busybox')
        entry('etc/inittab', INITTAB, mode=0o644)
        entry('etc/passwd', b'root:x:0:0:root:/root:/bin/sh\n', mode=0o644)


def python_into(private):
    """python3 with what belongs to it."""
    programs = ['/usr/bin/python3.11']
    ext = '/usr/lib/python3.11/lib-dynload'
    for name in os.listdir(ext):
        if name.startswith(('_ctypes', '_socket', 'fcntl', 'resource', 'termios', '_posixsub')):
            programs.append(f'{ext}/{name}')
    for program in programs:
        for path in [program, *shared_libs(program)]:
            os.makedirs(os.path.dirname(private + path), exist_ok=True)
            if not os.path.exists(private + path):
                shutil.copy(path, private + path)
    if not os.path.exists(f'{private}/usr/bin/python3'):
        os.symlink('python3.11', f'{private}/usr/bin/python3')
    for name in ('encodings', 'ctypes', 'collections', 're', 'importlib', ''):
        for entry in os.scandir(f'/usr/lib/python3.11/{name}'):
            if entry.is_file() and entry.name.endswith('.py'):
                compiled = importlib.util.cache_from_source(entry.path)
                for path in filter(os.path.exists, (entry.path, compiled)):
                    os.makedirs(private + os.path.dirname(path), exist_ok=True)
                    shutil.copy2(path, private + path)


class Vz:
    """An /etc/vz below one directory."""

    def __init__(self, top, programs=None, template=True):
        self.top = top
        self.env = dict(os.environ, BCTL_VZ_CONF=f'{top}/etc/vz.conf')
        self.programs = programs
        for name in ('etc/conf', 'template/cache'):
            os.makedirs(f'{top}/{name}', exist_ok=True)
        self.write('etc/conf/ve-vswap-256m.conf-sample', SAMPLE)
        self.write('etc/vz.conf', f'''LOCKDIR="{top}/lock"
STATEDIR="{top}/state"
TEMPLATE="{top}/template"
VE_ROOT="{top}/root/$VEID"
VE_PRIVATE="{top}/private/${{VEID}}"
CONFIGFILE="vswap-256m"
DEF_OSTEMPLATE="busybox"
''')
        if template:
            busybox_template(f'{top}/template/cache/busybox.tar.gz')

    def path(self, name):
        return os.path.join(self.top, name)

    def write(self, name, text):
        with open(self.path(name), 'w', encoding='utf-8') as f:
            f.write(text)

    def read(self, name):
        with open(self.path(name), encoding='utf-8') as f:
            return f.read()

    def exists(self, name):
        return os.path.lexists(self.path(name))

    def files(self):
        """All there is, but for the samples and templates."""
        return sorted(os.path.relpath(os.path.join(folder, name), self.top)
                      for folder, _, names in os.walk(self.top) for name in names
                      if not name.endswith('.conf-sample') and 'template' not in folder)

    def run(self, program, *args, **kwargs):
        argv = [os.path.join(self.programs, program) if self.programs else program, *args]
        kwargs.setdefault('timeout', 120 * SLOW)
        return subprocess.run(argv, env=self.env, capture_output=True, text=True, check=False,
                              errors='replace', **kwargs)

    def ctl(self, *args, **kwargs):
        return self.run('vzctl', *args, **kwargs)

    def list(self, *args):
        return self.run('vzlist', *args)

    def status(self, number='101'):
        """What vzctl status says: exist, mounted, running."""
        return self.ctl('status', number).stdout.split()[2:]

    def good(self, name, *args, **kwargs):
        """A command that must succeed, as a test; what it printed."""
        done = self.ctl(*args, **kwargs)
        tap.ok(done.returncode == 0, name,
               f'{args}: {done.returncode}\n{done.stdout}{done.stderr}')
        return done.stdout

    def refused(self, status, words, *args, kept=lambda: None):
        """A command that must fail so, say that, and leave alone what kept() looks at."""
        before = kept()
        done = self.ctl(*args)
        tap.ok(done.returncode == status and words in done.stderr and kept() == before,
               f'{" ".join(args)[:90]}: exit {status}', f'{done.returncode}: {done.stderr}')

    # What changes something outside of the process that calls it.
    CHANGES = ('mkdir mkdirat rename renameat renameat2 unlink unlinkat rmdir symlink symlinkat '
               'link linkat fsync syncfs mount move_mount mount_setattr umount2 sendto sendmsg '
               'clone clone3 fork vfork ftruncate fchmod fchown lchown fchmodat fchownat utimensat '
               'mknodat wait4 kill write').split()

    def _strace(self, options, args):
        folder = self.programs or os.path.dirname(shutil.which('vzctl'))
        return subprocess.run(['strace', *options, f'{folder}/vzctl', '--quiet', *args],
                              env=self.env, capture_output=True, check=False, timeout=300)

    def changes(self, *args):
        """Run a command; its calls that change something: [(name, how manieth of that name)]."""
        log, seen, found = self.path('strace'), {}, []
        self._strace(['-qq', '-o', log, '-e', 'trace=' + ','.join(self.CHANGES)], args)
        with open(log, encoding='ascii', errors='replace') as f:
            for line in f:
                name = line.split('(')[0]
                if name in self.CHANGES:
                    seen[name] = seen.get(name, 0) + 1
                    found.append((name, seen[name]))
        os.unlink(log)
        return found

    def killed_at(self, call, *args):
        """Run a command that is killed just before one of those calls; whether it was."""
        name, number = call
        done = self._strace(['-qq', '-o', '/dev/null', '-e',
                             f'inject={name}:signal=SIGKILL:when={number}'], args)
        return done.returncode in (-9, 137)
