# SPDX-License-Identifier: GPL-2.0
"""Block I/O for guest tests: what members are told to do, and what the kernel counts.

    disk.controllers()
    member.call(disk.read, '/scratch/file', 4096, 100)
    disk.iostat('test/web')['254:48']['rbytes']
"""
import json
import mmap
import os
import subprocess
import time

import bc

SCRATCH = '/scratch'


def controllers(path=bc.BASE):
    """Have io and memory in the cgroups below a cgroup."""
    for name in ('', path):
        if name:
            bc.mkdir(name)
        bc.write(os.path.join(name, 'cgroup.subtree_control'), '+io +memory')


def number(path):
    """'major:minor' of a block device, or of the one below a file."""
    st = os.stat(path)
    dev = st.st_rdev or st.st_dev
    return f'{os.major(dev)}:{os.minor(dev)}'


def iostat(path):
    """What the io controller has counted: {'8:0': {'rbytes': ...}}"""
    found = {}
    for line in bc.read(f'{path}/io.stat').splitlines():
        dev, *rest = line.split()
        found[dev] = {k: int(v) for k, v in (word.split('=') for word in rest)}
    return found


def diskstats(dev):
    """Sectors read and written by a device, all in all."""
    major, minor = dev.split(':')
    with open('/proc/diskstats', encoding='ascii') as f:
        for line in f:
            words = line.split()
            if words[:2] == [major, minor]:
                return int(words[5]) * 512, int(words[9]) * 512
    raise FileNotFoundError(dev)


def drop_caches():
    os.sync()
    with open('/proc/sys/vm/drop_caches', 'w', encoding='ascii') as f:
        f.write('3')


# ---- what members are told to do

def make(path, size):
    """A file with blocks of its own."""
    with open(path, 'wb') as f:
        for _ in range(size >> 16):
            f.write(b'x' * (1 << 16))
        os.fsync(f.fileno())


def direct(path, block, count, write=False):
    """Direct I/O, one block after another; the seconds it took."""
    buf = mmap.mmap(-1, block)
    fd = os.open(path, os.O_DIRECT | (os.O_WRONLY if write else os.O_RDONLY))
    size = os.lseek(fd, 0, os.SEEK_END) // block * block
    start = time.monotonic()
    for i in range(count):
        at = i * block % size
        if write:
            os.pwritev(fd, [buf], at)
        else:
            os.preadv(fd, [buf], at)
    took = time.monotonic() - start
    os.close(fd)
    return took


def direct_for(path, block, seconds, write=False):
    """The same, for some seconds; how many blocks there were."""
    buf = mmap.mmap(-1, block)
    fd = os.open(path, os.O_DIRECT | (os.O_WRONLY if write else os.O_RDONLY))
    size = os.lseek(fd, 0, os.SEEK_END) // block * block
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        at = count * block % size
        if write:
            os.pwritev(fd, [buf], at)
        else:
            os.preadv(fd, [buf], at)
        count += 1
    os.close(fd)
    return count


def buffered(path, block, count, sync=0):
    """Write through the page cache; fdatasync after each SYNC blocks; the seconds."""
    start = time.monotonic()
    with open(path, 'wb', buffering=0) as f:
        for i in range(count):
            f.write(b'b' * block)
            if sync and (i + 1) % sync == 0:
                os.fdatasync(f.fileno())
    return time.monotonic() - start


def mapped(path, size, rounds):
    """Make all pages of a mapping dirty and write them; the seconds."""
    start = time.monotonic()
    with open(path, 'w+b') as f:
        f.truncate(size)
        area = mmap.mmap(f.fileno(), size)
        for i in range(rounds):
            for at in range(0, size, 4096):
                area[at] = i & 255
            area.flush()
        area.close()
    return time.monotonic() - start


def missing(*modules):
    """Which of these modules the kernel does not have, built in or not."""
    return [name for name in modules if subprocess.run(
        ['modprobe', '-n', '-q', name], check=False).returncode]


def run(*cmd):
    """A program; its output. It must succeed."""
    done = subprocess.run(cmd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f'{cmd}: {done.returncode}: {done.stdout}{done.stderr}')
    return done.stdout


def fio(*args):
    """One job; its part of fio's report."""
    out = run('fio', '--name=job', '--output-format=json', *args)
    return json.loads(out[out.index('{'):])['jobs'][0]


def loop(path):
    """A loop device on a file."""
    return run('losetup', '--direct-io=on', '--show', '-f', path).strip()


def sync_file(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


class Load:
    """fio in a pool until it is stopped."""

    def __init__(self, pool, path, *args, **options):
        wanted = {'filename': path, 'bs': '16k', 'rw': 'randread', 'direct': 1, 'size': '16m',
                  'runtime': 100, 'ioengine': 'psync', **options}
        if path.startswith('/dev/'):
            wanted['allow_file_create'] = 0     # under the name of a disk that has gone
        cmd = ['fio', '--name=load', '--time_based', *args]
        cmd += [f'--{key}={value}' for key, value in wanted.items()]
        self.proc = subprocess.Popen(
            cmd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=lambda: bc.attach(pool.path, 0))
        self.path = pool.path

    def stop(self):
        bc.write(f'{self.path}/cgroup.kill', '1')
        self.proc.wait()
