#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: 6.12
# timeout: 600
"""Block I/O by pool and device: as much as the kernel itself has counted, each byte once."""
import errno
import glob
import mmap
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import disk  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402

MIB = 1 << 20
FILE = f'{disk.SCRATCH}/io'
# what measures is for faster kernels
QUICK = bc.DEBUG_KERNEL and not tap.LONG
DEV = None


def io(pool):
    return bc.nl.get(pool if isinstance(pool, str) else pool.name)['io']


def device(pool, dev):
    return bc.nl.devices(pool.name)[dev]['io']


def same(pool, name):
    """Bytes by device as the io controller has them."""
    kernel = {dev: (v.get('rbytes'), v.get('wbytes'), v.get('dbytes'))
              for dev, v in disk.iostat(pool.path).items() if 'rbytes' in v}
    ours = {dev: (d['io'].read_bytes, d['io'].write_bytes, d['io'].discard_bytes)
            for dev, d in bc.nl.devices(pool.name).items() if dev}
    kernel = {dev: v for dev, v in kernel.items() if any(v)}
    ours = {dev: v for dev, v in ours.items() if any(v)}
    tap.equal(ours, kernel, f'{name}: bytes are those of io.stat')


def amounts():
    pool = bc.Pool('plain')
    member = bc.Member(pool)
    before = disk.diskstats(DEV)
    member.call(disk.direct, FILE, 4096, 300)
    member.call(disk.direct, FILE, MIB, 16, True)
    tap.equal(device(pool, DEV).read_bytes, 300 * 4096, 'direct reads')
    tap.equal(device(pool, DEV).reads, 300, 'and their number')
    tap.equal(device(pool, DEV).write_bytes, 16 * MIB, 'direct writes')
    after = disk.diskstats(DEV)
    tap.ok(after[0] - before[0] >= 300 * 4096 and after[1] - before[1] >= 16 * MIB,
           'the disk has done as much')
    same(pool, 'direct')
    dirtied = io(pool).dirtied
    member.call(disk.buffered, f'{FILE}.b', 1 << 16, 64)
    tap.between(io(pool).dirtied - dirtied, 4 * MIB, 4 * MIB + (1 << 18), 'bytes made dirty')
    os.sync()
    tap.equal(device(pool, DEV).write_bytes, 20 * MIB,
              'what somebody else syncs is counted for the writer')
    same(pool, 'buffered')
    member.call(disk.mapped, f'{FILE}.m', 2 * MIB, 2)
    member.call(disk.buffered, f'{FILE}.c', 1 << 16, 16)
    member.call(os.unlink, f'{FILE}.c')
    tap.ok(io(pool).cancelled >= MIB // 2, 'what was cut off before it was written')
    disk.drop_caches()
    member.call(disk.run, 'dd', f'if={FILE}.b', 'of=/dev/null', 'bs=64k')
    same(pool, 'mapped, and read ahead')
    for engine in ('psync', 'libaio', 'io_uring')[2 if QUICK else 0:]:
        member.call(disk.fio, f'--ioengine={engine}', '--rw=randrw', '--bs=8k', '--iodepth=4',
                    '--direct=1', f'--filename={FILE}', '--size=2m')
        same(pool, engine)
    now = io(pool)
    tap.equal((now.reading, now.writing), (0, 0), 'nothing is in flight in the end')
    tap.ok(now.flushes > 0, 'flushes are counted')
    member.end()
    pool.remove()


def quantile(times, part):
    """Bucket in which this part of all is reached."""
    want, seen = sum(times) * part, 0
    for bucket, count in enumerate(times):
        seen += count
        if seen >= want:
            return bucket
    return None


def ticks_only():
    with open('/sys/devices/system/clocksource/clocksource0/current_clocksource',
              encoding='ascii') as f:
        return 'jiffies' in f.read()


def histograms():
    pool = bc.Pool('times')
    member = bc.Member(pool)
    job = member.call(disk.fio, '--ioengine=psync', '--rw=randread', '--bs=4k', '--direct=1',
                      f'--filename={FILE}', '--size=4m')
    every = bc.nl.devices('times')[DEV]
    times, now = every['io_times'], every['io']
    tap.equal(sum(times['service'][0]), now.reads, 'each read is in the histogram')
    tap.equal(sum(times['wait'][0]), now.reads, 'its wait, too')
    lat = job['read']['clat_ns']
    for part, key in ((.5, '50.000000'), (.95, '95.000000')):
        ours = quantile(times['service'][0], part)
        theirs = int(lat['percentile'][key] / 1000).bit_length()
        # fio's has the way through the kernel in it, which is long on a debug kernel. And when
        # that has found the TSC unstable, all it has is a tick: most reads take no time then.
        tap.between(ours, 0 if ticks_only() else theirs - (3 if bc.DEBUG_KERNEL else 1), theirs + 1,
                    f'bucket of fio\'s own p{key[:2]}')
    for kind, sum_ns in (('service', now.read_service), ('wait', now.read_wait)):
        counts = times[kind][0]
        low = sum(count << n - 1 for n, count in enumerate(counts) if n)
        high = sum(count << n for n, count in enumerate(counts))
        tap.between(sum_ns // 1000, low, high, f'{kind}: the sum is within the bounds of the buckets')
    mean = (now.read_service + now.read_wait) / now.reads
    tap.between(mean / lat['mean'], .3, 1.1, 'and the mean')
    member.end()
    pool.remove()


def hierarchy():
    top = bc.Pool('up')
    disk.controllers(top.path)
    low, other = bc.Pool('down', parent=top), bc.Pool('beside', parent=top)
    for pool in (low, other):
        member = bc.Member(pool)
        member.call(disk.direct, FILE, 4096, 50)
        member.end()
        tap.equal(device(pool, DEV).read_bytes, 50 * 4096, f'{pool.name} has its own')
    tap.equal(device(top, DEV).read_bytes, 100 * 4096, 'a parent has the sum')
    host = io('host').read_bytes
    before = io(top)
    low.remove()
    bc.wait_gone()
    tap.ok(io(top)[1:8] == before[1:8], 'what a deleted pool did stays with its parent')
    other.remove()
    top.remove()
    bc.wait_gone()
    tap.ok(io('host').read_bytes >= host, 'and in the end with the host')


def without_controller():
    """In a cgroup for which io is not enabled."""
    bc.mkdir('test-bare')
    pool = bc.Pool('bare', path='test-bare/bare')
    member = bc.Member(pool)
    member.call(disk.direct, FILE, 4096, 50)
    now = io(pool)
    tap.equal(now.read_bytes, 50 * 4096, 'without the io controller: what a member does itself')
    tap.equal(now.known & (genl.IO_TIMES | genl.IO_WRITEBACK), 0, 'and no more is said to be known')
    bc.nl.tune('bare', {'io.bps': MIB, 'io.rbps': MIB})
    flags = {name: s.flags & genl.F_EFFECTIVE for name, s in bc.nl.get('bare')['settings'].items()}
    tap.ok(flags['io.rbps'] and not flags['io.bps'], 'a limit that buffered writes escape says so')
    member.end()
    pool.remove()


def by_hand():
    """The controller comes when the pool is there already: its I/O is timed from then on."""
    pool = bc.Pool('hand')
    member = bc.Member(pool)
    member.call(disk.direct, FILE, 4096, 10)
    tap.equal(io(pool).known & genl.IO_TIMES, 0, 'nothing is timed while no pool has the controller')
    disk.controllers()
    bc.wait_for(lambda: member.call(disk.direct, FILE, 4096, 1) and io(pool).known & genl.IO_TIMES,
                'it is noticed with the first request')

    def timed():
        return sum(bc.nl.devices('hand')[DEV]['io_times']['service'][0])
    before = timed(), device(pool, DEV).reads
    member.call(disk.direct, FILE, 4096, 50)
    tap.equal((timed() - before[0], device(pool, DEV).reads - before[1]), (50, 50),
              'then all requests are')
    member.end()
    pool.remove()


# ---- devices on devices

def stacked():
    pool = bc.Pool('stacked')
    member = bc.Member(pool)
    member.call(disk.make, f'{FILE}.l', 8 * MIB)
    os.sync()
    disk.run('modprobe', 'loop')
    loop = disk.loop(f'{FILE}.l')
    before, lower = io(pool).write_bytes, device(pool, DEV).write_bytes
    member.call(disk.direct, loop, 1 << 16, 64, True)
    tap.ok(tap.poll_until(5, lambda: device(pool, DEV).write_bytes - lower >= 4 * MIB),
           'loop: the disk below has done it for the pool')
    tap.equal(device(pool, disk.number(loop)).write_bytes, 4 * MIB, 'loop: as the loop device')
    tap.between(io(pool).write_bytes - before, 4 * MIB, 4 * MIB + (1 << 18),
                'loop: the sum has it once')
    tap.ok(device(pool, disk.number(loop)).known & genl.IO_STACKED, 'loop: marked as stacked')
    member.call(disk.run, 'blkdiscard', loop)
    tap.equal(device(pool, disk.number(loop)).discard_bytes, 8 * MIB, 'loop: discards')
    disk.run('losetup', '-d', loop)
    member.end()
    pool.remove()


def mapper():
    disk.run('modprobe', 'null_blk', 'nr_devices=1', 'gb=1')
    disk.run('modprobe', 'dm_mod')
    disk.run('dmsetup', 'create', 'bctest', '--table', '0 65536 linear /dev/nullb0 0')
    disk.run('dmsetup', 'mknodes')
    pool = bc.Pool('mapper')
    member = bc.Member(pool)
    before = io(pool).read_bytes
    member.call(disk.direct, '/dev/mapper/bctest', 4096, 200)
    low, high = disk.number('/dev/nullb0'), disk.number('/dev/mapper/bctest')
    tap.equal((device(pool, low).read_bytes, device(pool, high).read_bytes),
              (200 * 4096, 200 * 4096), 'device-mapper: both devices have it')
    tap.equal(io(pool).read_bytes - before, 200 * 4096, 'device-mapper: the sum has it once')
    same(pool, 'device-mapper')
    member.end()
    pool.remove()
    disk.run('dmsetup', 'remove', 'bctest')
    disk.run('rmmod', 'null_blk')


def overlay():
    names = [f'{disk.SCRATCH}/{name}' for name in ('lower', 'upper', 'work', 'merged')]
    for name in names:
        os.makedirs(name, exist_ok=True)
    disk.run('modprobe', 'overlay')
    disk.run('mount', '-t', 'overlay', 'overlay', '-o',
             'lowerdir={},upperdir={},workdir={}'.format(*names), names[3])
    pool = bc.Pool('layered')
    member = bc.Member(pool)
    member.call(disk.buffered, f'{names[3]}/file', 1 << 16, 32, 8)
    tap.between(device(pool, DEV).write_bytes, 2 * MIB, 2 * MIB + (1 << 18), 'overlay: once')
    same(pool, 'overlay')
    member.end()
    pool.remove()
    disk.run('umount', names[3])


def scsi_disk(*options):
    """A disk of 32 MiB that exists in memory only: its name and its device file."""
    disk.run('modprobe', 'sd_mod')
    disk.run('modprobe', 'scsi_debug', 'dev_size_mb=32', *options)
    name = bc.wait_for(lambda: glob.glob('/sys/block/sd*'), 'the disk is there')[0]
    dev = f'/dev/{os.path.basename(name)}'
    bc.wait_for(lambda: os.path.exists(dev), f'{dev} is there')
    return name, dev


def scsi_gone(name):
    with open(f'{name}/device/delete', 'w', encoding='ascii') as f:
        f.write('1')
    bc.wait_for(lambda: subprocess.run(['rmmod', 'scsi_debug'], check=False,
                                       capture_output=True).returncode == 0, 'no reference is left')


def in_flight():
    """Eight requests that take 100 ms each; pools come and go meanwhile; and one that fails."""
    name, dev = scsi_disk('ndelay=100000000')
    top = bc.Pool('over')
    disk.controllers(top.path)
    low = bc.Pool('under', parent=top)

    def eight():
        return tap.poll_until(bc.WAIT, lambda: io(top).reading == 8)
    load = disk.Load(low, dev, ioengine='libaio', iodepth=8)
    tap.ok(eight(), 'eight reads are in flight, above, too')
    low.delete()
    tap.ok(eight(), 'they are when their pool is gone')
    load.stop()
    tap.ok(tap.poll_until(10, lambda: io(top).reading == 0), 'they end')
    load = disk.Load(low, dev, ioengine='libaio', iodepth=8)
    tap.ok(eight(), 'none was lost, and none is left over')
    low = bc.Pool('under', parent=top)
    tap.ok(tap.poll_until(bc.WAIT, lambda: io(low).reading == 8) and eight(),
           'a pool that comes in between has its own only')
    load.stop()
    with open('/sys/bus/pseudo/drivers/scsi_debug/opts', 'w', encoding='ascii') as f:
        f.write('2')            # sector 0x1234 cannot be read
    member = bc.Member(low.path)
    tap.equal(member.call(bc.errno_of, read_at, dev, 0x1230 * 512), errno.ENODATA,
              'a read fails of a bad medium')
    tap.ok(tap.poll_until(10, lambda: io(top).reading == 0), 'it is not in flight any more')
    member.end()
    low.delete()
    top.remove()
    scsi_gone(name)


def read_at(path, at):
    fd = os.open(path, os.O_DIRECT | os.O_RDONLY)
    try:
        os.preadv(fd, [mmap.mmap(-1, 4096)], at)
    finally:
        os.close(fd)


def unplug():
    """A disk goes while a pool uses it, and another one comes in its place."""
    pool = bc.Pool('unplug')
    for number in range(2):
        name, dev = scsi_disk('delay=0')
        load = disk.Load(pool, dev, ioengine='libaio', iodepth=8, rw='randrw')
        bc.wait_for(lambda: io(pool).reads > 200 * (number + 1), 'it is used')
        with open(f'{name}/device/delete', 'w', encoding='ascii') as f:
            f.write('1')
        tap.ok(tap.poll_until(bc.WAIT, lambda: load.proc.poll() is not None),
               'its user gets an error')
        tap.ok(tap.poll_until(10, lambda: (io(pool).reading, io(pool).writing) == (0, 0)),
               'nothing is in flight')
        load.stop()
        bc.wait_for(lambda: subprocess.run(['rmmod', 'scsi_debug'], check=False,
                                           capture_output=True).returncode == 0, 'no reference is left')
    pool.remove()


def moving():
    """Pools come and go above and below what is under way."""
    load = None
    for _ in range(3):
        pool = bc.Pool('moving')
        load = load or disk.Load(pool, FILE, ioengine='libaio', iodepth=8, bs='64k')
        bc.wait_for(lambda: io('moving').reads > 50, 'it reads')
        bc.mkdir('test/moving/in')
        pool.delete()
    pool = bc.Pool('moving')
    bc.wait_for(lambda: io('moving').reads > 50, 'it reads')
    load.stop()
    time.sleep(.2)
    tap.equal(io(pool)[8:10], (0, 0), 'nothing is in flight after pools came and went')
    pool.remove()


def main():
    global DEV
    disk.make(FILE, 16 * MIB)
    DEV = disk.number(FILE)
    bc.anchor()
    by_hand()
    amounts()
    if not QUICK:
        histograms()
    hierarchy()
    without_controller()
    for part, *modules in ((stacked, 'loop'), (mapper, 'null_blk', 'dm_mod'), (overlay, 'overlay'),
                           (moving,), (unplug, 'sd_mod', 'scsi_debug'),
                           (in_flight, 'sd_mod', 'scsi_debug')):
        if disk.missing(*modules):
            tap.skip(part.__name__, f'this kernel has no {" ".join(disk.missing(*modules))}')
        else:
            part()
    bc.finish()


main()
