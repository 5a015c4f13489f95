# SPDX-License-Identifier: GPL-2.0
"""Boot one test guest, run one command in it, judge its kernel log.

The guest is described in testing.rst. What matters here: the command, its
output and its status travel over a virtio-serial port, the kernel's messages
over the serial console into a file, so neither can corrupt the other; nothing
that a guest writes outlives it; and no way of ending this process, SIGKILL
included, leaves a QEMU behind.
"""
import ctypes
import io
import os
import re
import secrets
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

EXIT_TIMEOUT = 98
EXIT_SPLAT = 99
EXIT_SETUP = 2

# Choices on the kernel's command line. None changes what a test can see:
#   ignore_loglevel, printk.devkmsg  every message reaches the console
#   panic, oops       an oops ends the run at once, and without a verdict
#   no_timer_check    the boot-time check of the timer races with emulation
#   tsc=reliable      no clock watchdog: a busy host is not a broken clock
CMDLINE = ('console=ttyS0 ignore_loglevel printk.devkmsg=on panic=-1 '
           'oops=panic no_timer_check tsc=reliable random.trust_cpu=on '
           'net.ifnames=0 rdinit=/init')
# systemd as process 1: what it has to say goes to its journal
SYSTEMD = ' systemd.unit=multi-user.target systemd.show_status=no systemd.log_level=warning'

# An emulator copies and clears by "rep movsb" byte by byte; without these two features the kernel
# and the library take wider steps, and tests a tenth less of the processor.
CPU = 'max,-erms,-fsrm'

SPLAT = re.compile(
    r'WARNING: |\bBUG: |kernel BUG at|\bOops\b|[Gg]eneral protection fault|'
    r'Kernel panic|[Uu]nable to handle kernel|KASAN: |KCSAN: |UBSAN: |ODEBUG: |'
    r'KFENCE: |INFO: task .* blocked for more than|'
    r'INFO: rcu\w* .*(?:stall|detected)|self-detected stall|'
    r'INFO: trying to register non-static key|INFO: lockdep is turned off|'
    r'possible (?:recursive|circular) locking|possible irq lock inversion|'
    r'inconsistent lock state|suspicious RCU usage|Invalid wait context|'
    r'bad unlock balance|held lock freed|lock held when returning to user|'
    r'scheduling while atomic|sleeping function called|refcount_t: |'
    r'unreferenced object|Bad page (?:state|map)|bad: scheduling|'
    r'[Ll]ist_(?:add|del) corruption|bad rss-counter|Slab cache still has objects|'
    r'Objects remaining in|kobject_add_internal failed|stack-protector:|'
    r'bc-guest: (?!end |up)|beancounter: .*\bleak')


class Error(Exception):
    """The run could not be set up."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def die_with_parent():
    """In a child: be killed when the process that started it is gone."""
    libc = ctypes.CDLL(None)
    libc.prctl(1, signal.SIGKILL)           # PR_SET_PDEATHSIG
    if os.getppid() == 1:
        os._exit(1)


def helper(*cmd):
    """Run a set-up script; its last line of output."""
    ret = subprocess.run([os.path.join(HERE, cmd[0]), *cmd[1:]],
                         stdout=subprocess.PIPE, text=True,
                         stdin=subprocess.DEVNULL, check=False)
    if ret.returncode:
        raise Error(f'{cmd[0]} failed')
    lines = ret.stdout.splitlines()
    return lines[-1] if lines else ''


def splats(log):
    """The offending excerpts of a kernel log, as a list of lists of lines."""
    lines = log.splitlines()
    found, until = [], -1
    for no, line in enumerate(lines):
        if no < until or not SPLAT.search(line):
            continue
        start = no - 1 if no and 'cut here' in lines[no - 1] else no
        until = no + 40
        for end in range(no + 1, min(until, len(lines))):
            if 'end trace' in lines[end]:
                until = end + 1
                break
        found.append(lines[start:until])
    return found


# What a machine says that got too little of a busy host's processors, and what QEMU does to a
# kernel that patches its code: see "An emulator's fault" in Documentation/testing.rst.
STARVED = re.compile(
    r'BUG: soft lockup|BUG: workqueue lockup|INFO: rcu\w* .*stall|self-detected stall|'
    r'INFO: task .* blocked for more than|Oops: int3|Kernel panic - not syncing: Fatal exception')


def emulated(excerpts):
    """Are these, all of them, what an emulated machine may say without a fault of ours?"""
    said = [line for excerpt in excerpts for line in excerpt if SPLAT.search(line)]
    return bool(said) and all(STARVED.search(line) for line in said)


def cpio_entry(name, data=b'', mode=0o100755):
    """One member of a newc archive, which is what an initramfs is."""
    name = name.encode() + b'\0'
    head = b'070701' + b''.join(b'%08X' % n for n in (
        0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0))
    out = head + name
    out += b'\0' * (-len(out) % 4) + data
    return out + b'\0' * (-len(out) % 4)


# How often a machine is started whose kernel dies before anything else happens.
BOOTS = 3


class Vm:
    """One guest for one command; use as a context manager."""

    def __init__(self, kernel='6.1', mem=None, cpus=2, disk=512, files=(),
                 icount=False, single=False, bare=False, leaks=False, timeout=600, shell=False,
                 systemd=False, template=False):
        self.kernel = kernel
        self.mem = mem or (2048 if kernel.startswith('debug') else 1536)
        self.cpus = 1 if icount else cpus
        self.disk = disk
        self.files = list(files)
        self.icount = icount
        self.single = single
        self.bare = bare
        self.leaks = leaks
        self.timeout = timeout
        self.shell = shell
        self.systemd = systemd
        self.template = template
        self.dir = None
        self.proc = None
        self.sock = None
        self.deadline = None
        self.nonce = secrets.token_hex(16)

    def __enter__(self):
        self.sweep()
        self.dir = tempfile.mkdtemp(prefix=f'bc-vm.{os.getpid()}.')
        return self

    @staticmethod
    def sweep():
        """Remove what runs that were killed have left behind."""
        for name in os.listdir(tempfile.gettempdir()):
            m = re.match(r'bc-vm\.(\d+)\.', name)
            if m and not os.path.exists(f'/proc/{m[1]}'):
                shutil.rmtree(os.path.join(tempfile.gettempdir(), name),
                              ignore_errors=True)

    def __exit__(self, *exc):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    # ---- what the guest is given

    def prepare(self):
        self.kdir = helper('get-kernel', self.kernel)
        self.image = helper('get-image')
        with open(os.path.join(self.kdir, 'release'), encoding='ascii') as f:
            self.release = f.read().strip()
        self.module = helper('get-module', self.kernel)
        self.tools = helper('get-tools')
        if self.template:
            self.files.append(helper('get-template'))
        if not self.module and not self.bare:
            raise Error('there is no module to load; use --bare')
        self.write_initrd()
        self.write_payload()
        # BC_SCRATCH names a scratch disk that outlives this machine: tests/reset
        kept = os.environ.get('BC_SCRATCH')
        if kept:
            os.symlink(kept, self.path('scratch'))
            if os.path.exists(kept):
                return
        subprocess.run(['truncate', '-s', f'{self.disk}M', self.path('scratch')],
                       check=True)
        # laid out here and completely, so that no kernel thread does it later
        subprocess.run(['mke2fs', '-q', '-F', '-t', 'ext4', '-E',
                        'lazy_itable_init=0,lazy_journal_init=0',
                        self.path('scratch')], check=True)

    def write_initrd(self):
        with open('/bin/busybox', 'rb') as f:
            busybox = f.read()
        with open(os.path.join(HERE, 'guest', 'init-early'), 'rb') as f:
            init = f.read()
        out = [cpio_entry(d, mode=0o040755) for d in ('bin', 'early', 'dev')]
        out += [cpio_entry('bin/busybox', busybox),
                cpio_entry('bin/sh', b'busybox', 0o120777),
                cpio_entry('init', init)]
        early = os.path.join(self.kdir, 'early')
        for name in sorted(os.listdir(early)):
            with open(os.path.join(early, name), 'rb') as f:
                out.append(cpio_entry('early/' + name, f.read()))
        out.append(cpio_entry('TRAILER!!!'))
        with open(self.path('initrd'), 'wb') as f:
            f.write(b''.join(out))

    def write_payload(self):
        """Everything that differs from run to run, as a tar on a disk."""
        with tarfile.open(self.path('payload'), 'w', dereference=True) as tar:
            def add(src, dst):
                def root(info):
                    info.uid = info.gid = 0
                    info.uname = info.gname = 'root'
                    return None if '__pycache__' in info.name else info
                tar.add(src, dst, filter=root)

            add(os.path.join(HERE, 'guest', 'bc-guest-init'), 'sbin/bc-guest-init')
            add(os.path.join(TOP, 'tests'), 'root/tests')
            if self.module:
                for name in os.listdir(self.module):
                    if name.endswith('.ko'):
                        ko = os.path.join(self.module, name)
                        add(ko, f'lib/modules/{self.release}/extra/{name}')
                        add(ko, f'root/{name}')
            if self.tools:
                for name in os.listdir(self.tools):
                    add(os.path.join(self.tools, name), f'usr/local/bin/{name}')
            for name in ('Documentation', 'tools/systemd'):
                if os.path.isdir(os.path.join(TOP, name)):
                    add(os.path.join(TOP, name), 'root/' + os.path.basename(name))
            for name in self.files:
                add(name, 'root/' + os.path.basename(os.path.normpath(name)))
            run = (f'export BC_KERNEL={self.kernel}\n'
                   f'export BC_LONG={os.environ.get("BC_LONG", "")}\n'
                   f'BC_MODULE={"" if self.bare else 1}\n'
                   f'BC_LEAKS={1 if self.leaks else ""}\n'
                   f'BC_SYSTEMD={1 if self.systemd else ""}\n').encode()
            info = tarfile.TarInfo('root/.bc-run')
            info.size = len(run)
            tar.addfile(info, io.BytesIO(run))

    # ---- running it

    def qemu(self, port_fd):
        accel = os.environ.get('VM_ACCEL', 'tcg')
        cmdline = CMDLINE + (SYSTEMD if self.systemd else '')
        if self.icount:
            # One instruction is one nanosecond; nothing that the guest can
            # see comes from the host's clock or its random numbers, and what
            # depends on addresses does not depend on chance.
            machine = ['-accel', 'tcg,thread=single',
                       '-icount', 'shift=0,sleep=off', '-cpu', CPU,
                       '-seed', '1', '-rtc', 'base=2026-01-01,clock=vm']
            cmdline += ' nokaslr norandmaps'
        elif accel == 'kvm':
            machine = ['-accel', 'kvm', '-cpu', 'host']
        else:
            # QEMU before 8.1 can keep a translation of code that another
            # processor is just changing. A kernel that patches itself under
            # load then dies of an int3 that is not in its memory any more;
            # with one host thread for all processors that cannot happen.
            thread = 'single' if self.single else 'multi'
            machine = ['-accel', f'tcg,thread={thread}', '-cpu', CPU]

        def disk(name, path, fmt, snapshot, readonly='off'):
            return ['-drive', f'if=none,id={name},file={path},format={fmt},'
                    f'cache=unsafe,snapshot={snapshot},readonly={readonly}',
                    '-device', f'virtio-blk-pci,drive={name}']

        # BC_LINE, "1 DIR" or "2 DIR": a network card, and a line to the other one: tests/move
        line = os.environ.get('BC_LINE', '').split()
        if line:
            paths = {n: os.path.join(line[1], n) for n in '12'}
            line = ['-netdev', 'dgram,id=line,local.type=unix,remote.type=unix,'
                    f'local.path={paths[line[0]]},remote.path={paths["21"[int(line[0]) - 1]]}',
                    '-device', f'virtio-net-pci,netdev=line,mac=52:54:00:bc:00:0{line[0]}']

        terminal = ['-chardev', 'stdio,id=tty,signal=off',
                    '-serial', 'chardev:tty'] if self.shell else []

        # snapshot=on: writes go to a temporary overlay without a name. Without
        # ACPI (the debug kernel) one CPU is found per socket.
        return ['qemu-system-x86_64', '-nodefaults', '-no-user-config',
                '-display', 'none', '-no-reboot', '-nic', 'none',
                '-machine', 'pc', *machine, '-m', str(self.mem),
                '-smp', f'{self.cpus},sockets={self.cpus},cores=1',
                '-kernel', os.path.join(self.kdir, 'vmlinuz'),
                '-initrd', self.path('initrd'), '-append', cmdline,
                '-chardev', f'file,id=console,path={self.path("console")}',
                '-serial', 'chardev:console', *terminal,
                *disk('root', self.image, 'raw', 'on'),
                *disk('modules', os.path.join(self.kdir, 'modules.img'), 'raw', 'on'),
                *disk('payload', self.path('payload'), 'raw', 'off', 'on'),
                *disk('scratch', self.path('scratch'), 'raw', 'off'), *line,
                '-device', 'virtio-serial-pci',
                '-chardev', f'socket,id=port,fd={port_fd}',
                '-device', 'virtserialport,chardev=port,name=bc']

    def console(self):
        try:
            with open(self.path('console'), encoding='utf-8', errors='replace') as f:
                return f.read().replace('\r', '')
        except FileNotFoundError:
            return ''

    def cpu_seconds(self):
        """CPU time that the machine has taken: unlike time by the clock, nearly the same on a
        busy host."""
        try:
            with open(f'/proc/{self.proc.pid}/stat', encoding='ascii', errors='replace') as f:
                fields = f.read().rpartition(')')[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def run(self, argv, output):
        """Run argv; output(bytes) is called with what it prints. Its status."""
        self.prepare()
        for left in range(BOOTS - 1, -1, -1):
            status = self.boot(argv, output)
            if not left or status is not None or 'bc-guest: up' in self.console():
                break
            # QEMU's fault, see qemu(): nothing of ours was in this kernel yet
            say(f'vm: kernel {self.kernel} died or hung while it booted, once more:\n  ' +
                '\n  '.join(self.console().splitlines()[-3:]))
            self.stop()
        if status is not None and not self.logged(f'bc-guest: end {self.nonce}', 20):
            say('vm: the kernel log did not reach its end')
            status = EXIT_SPLAT
        return self.judge(status, time.monotonic() >= self.deadline)

    def stop(self):
        if self.proc and self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        if self.sock:
            self.sock.close()

    def boot(self, argv, output):
        """Start a machine; the verdict, or None if there was none."""
        ours, theirs = socket.socketpair()
        self.sock = ours
        env = dict(os.environ, TMPDIR=self.dir)
        with open(self.path('qemu'), 'wb') as err:
            self.proc = subprocess.Popen(
                self.qemu(theirs.fileno()),
                stdin=None if self.shell else subprocess.DEVNULL,
                stdout=None if self.shell else err, stderr=err, pass_fds=[theirs.fileno()], env=env,
                start_new_session=True, preexec_fn=die_with_parent)
        theirs.close()
        script = ('exec ' + shlex.join(argv) + '\n').encode()
        ours.sendall(b'%s %d\n' % (self.nonce.encode(), len(script)) + script)

        # output() may move it
        self.deadline = time.monotonic() + self.timeout
        return self.pump(output)

    def pump(self, output):
        """Pass the output on until the verdict, which is returned; None without."""
        mark = self.nonce.encode() + b' '
        data = b''
        while True:
            left = self.deadline - time.monotonic()
            if left <= 0:
                output(data)
                return None
            if not select.select([self.sock], [], [], min(left, 1.0))[0]:
                continue
            try:
                more = self.sock.recv(1 << 16)
            except ConnectionResetError:
                more = b''
            data += more
            at = data.find(mark)
            if at >= 0 and b'\n' in data[at:]:
                output(data[:at])
                return int(data[at + len(mark):].split(b'\n')[0])
            if not more:
                output(data)
                return None
            # hold back only what may be the start of the verdict
            keep = at
            if at < 0:
                keep = len(data)
                for n in range(min(len(mark) - 1, len(data)), 0, -1):
                    if data.endswith(mark[:n]):
                        keep -= n
                        break
            if keep:
                output(data[:keep])
                data = data[keep:]

    def logged(self, text, seconds):
        """Wait until the console shows text: all that came before is there, too."""
        deadline = time.monotonic() + seconds
        while text not in self.console():
            if time.monotonic() > deadline or self.proc.poll() is not None:
                return text in self.console()
            time.sleep(0.02)
        return True

    def judge(self, status, timed_out):
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()
        keep = os.environ.get('BC_CONSOLE_LOG')
        if keep:
            shutil.copyfile(self.path('console'), keep)
        bad = splats(self.console())
        for excerpt in bad[:5]:
            say(f'vm: kernel {self.kernel} reported:\n  ' + '\n  '.join(excerpt))
        if status is None:
            why = f'no verdict within {self.timeout} s' if timed_out \
                else 'the guest died without a verdict'
            with open(self.path('qemu'), encoding='utf-8', errors='replace') as f:
                tail = f.read().splitlines()[-5:] + self.console().splitlines()[-25:]
            say(f'vm: {why}; the end of its console:\n  ' + '\n  '.join(tail))
        if bad:
            return EXIT_SPLAT
        if status is None:
            return EXIT_TIMEOUT if timed_out else EXIT_SPLAT
        return status


def exit_on_signals():
    """Turn signals into an orderly exit, so that the guest is ended first."""
    def leave(signo, _frame):
        sys.exit(128 + signo)
    for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signo, leave)
