#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.1 6.12
# timeout: 200
"""A virtio disk goes while a pool uses it, with limits or without, and comes back."""
import os
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import disk  # noqa: E402
import tap  # noqa: E402


def io(pool):
    return bc.nl.get(pool.name)['io']


def write(path, text):
    with open(path, 'w', encoding='ascii') as f:
        f.write(text)


def scratch():
    """The disk of /scratch, not mounted any more, and the PCI device behind it."""
    name = os.path.basename(os.readlink(f'/sys/dev/block/{disk.number(disk.SCRATCH)}'))
    subprocess.run(['umount', disk.SCRATCH], check=True)
    path = os.path.realpath(f'/sys/block/{name}/device')
    while not os.path.exists(f'{path}/remove'):
        path = os.path.dirname(path)
    return name, path


def node(name):
    """A device file of our own: fio makes a plain file where it finds none."""
    path = f'/root/{name}'
    if os.path.exists(path):
        os.unlink(path)
    with open(f'/sys/block/{name}/dev', encoding='ascii') as f:
        major, minor = f.read().split(':')
    os.mknod(path, 0o600 | stat.S_IFBLK, os.makedev(int(major), int(minor)))
    return path


def busy(pool, dev, name):
    """Loads of several kinds, each at work; all get errors when the disk goes."""
    loads = []
    for options in ({'ioengine': 'libaio', 'iodepth': 8}, {'ioengine': 'io_uring', 'iodepth': 4},
                    {'ioengine': 'psync'}):
        before = io(pool)
        loads.append(disk.Load(pool, dev, rw='randrw', **options))
        bc.wait_for(lambda b=before: io(pool).reads > b.reads + 20 and
                    io(pool).writes > b.writes + 20, f'{name}: it is used')
    return loads


def unplug(limit, name):
    """Everything is over soon after the disk has gone, debts or not."""
    disk_name, pci = scratch() if os.path.ismount(disk.SCRATCH) else unplug.found
    unplug.found = disk_name, pci
    dev = node(disk_name)
    pool = bc.Pool('unplug')
    if limit:
        bc.nl.tune('unplug', {'io.bps': limit})
    loads = busy(pool, dev, name)
    if limit:
        bc.wait_for(lambda: io(pool).nr_throttled > 3, 'they sleep for the limit')
    write(f'{pci}/remove', '1')
    tap.ok(tap.poll_until(bc.WAIT, lambda: all(load.proc.poll() is not None for load in loads)),
           f'{name}: its users get errors')
    tap.ok(tap.poll_until(10, lambda: (io(pool).reading, io(pool).writing) == (0, 0)),
           f'{name}: nothing is in flight')
    for load in loads:
        load.stop()
    amount = io(pool)
    tap.ok(amount.read_bytes and amount.write_bytes, f'{name}: what was done is still known')
    write('/sys/bus/pci/rescan', '1')
    bc.wait_for(lambda: os.path.exists(f'/sys/block/{disk_name}/dev'), 'the disk is back')
    dev = node(disk_name)
    bc.nl.tune('unplug', {'io.bps': None})
    member = bc.Member(pool)
    # Who opens it first looks for partitions.
    member.call(disk.direct, dev, 4096, 1)
    before = io(pool).read_bytes
    tap.ok(before > amount.read_bytes, f'{name}: the next disk is counted from the first request')
    member.call(disk.direct, dev, 4096, 20)
    tap.equal(io(pool).read_bytes - before, 20 * 4096, f'{name}: and exactly')
    member.end()
    pool.remove()


def main():
    disk.controllers()
    unplug(None, 'no limit')
    unplug(1 << 18, 'limit')
    bc.finish()


main()
