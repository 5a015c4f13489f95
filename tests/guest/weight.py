#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# kernels: 6.1 6.12
# long: 6.1
# timeout: 300
# vm: own
"""io.weight: BFQ and io.cost divide a disk by it, and it is said where they do not."""
import glob
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import disk  # noqa: E402
import tap  # noqa: E402

SPAN = 4                        # seconds that are looked at
FILE = f'{disk.SCRATCH}/weight'


def write(path, text):
    with open(path, 'w', encoding='ascii') as f:
        f.write(text)


def weight(name):
    """What bctl shows of it."""
    return bc.bctl_json('pool', 'show', name)['pools'][0].get('settings', {}).get('io.weight')


def files(path):
    """What the kernel has: io.weight and io.bfq.weight."""
    return [int(bc.read(f'{path}/{name}').split()[1]) if
            os.path.exists(f'{bc.CGROUP}/{path}/{name}') else None
            for name in ('io.weight', 'io.bfq.weight')]


def ratio(pools, dev):
    """How many times as many reads the second pool gets, while both want all."""
    loads = [disk.Load(pool, dev, bs='4k', ioengine='libaio', iodepth=8) for pool in pools]

    def reads():
        return [bc.nl.get(pool.name)['io'].reads for pool in pools]
    bc.wait_for(lambda: min(reads()) > 50, 'both read')
    before = reads()
    time.sleep(SPAN)
    done = [b - a for a, b in zip(before, reads())]
    for load in loads:
        load.stop()
    tap.note(f'reads: {done}')
    return done[1] / max(done[0], 1)


def shares(dev, name):
    """Two pools side by side, with equal weights and with others.

    That the kernel divides by what it was given takes a machine that is not busy: make soak.
    """
    pools = [bc.Pool('light'), bc.Pool('heavy')]
    if tap.LONG:
        tap.between(ratio(pools, dev), .5, 2, f'{name}: equal weights, equal parts')
    tap.equal(bc.bctl('pool', 'set', 'heavy', 'io.weight=400').returncode, 0, f'{name}: 400 is set')
    tap.equal(weight('heavy')['acts'], [{'device': disk.number(dev), 'by': name}],
              f'{name}: it is told who acts, and where')
    tap.equal(files(pools[1].path)[0], 400, f'{name}: the kernel has it')
    if tap.LONG:
        tap.between(ratio(pools, dev), 1.6, 10, f'{name}: four times the weight')
    for pool in pools:
        pool.remove()


def settings():
    """Set, shown, refused, restored."""
    bare = 'test-weight'
    bc.mkdir(bare)
    kernel = files(bare)        # none: io is not enabled there
    tap.equal(kernel, [None, None], 'a cgroup without the io controller has no weight')
    done = bc.bctl('pool', 'create', 'w', '--cgroup', bare, 'io.weight=300', 'numproc=50')
    tap.equal((done.returncode, done.stderr), (0, ''), 'a pool is made with one')
    first = files(bare)
    tap.ok(first[0] == 300 and first[1] in (None, 300), 'the kernel has it', first)
    got = weight('w')
    tap.ok(got['value'] == 300 and got['set'] and not got['effective'] and
           'bfq or io.cost' in got['reason'], 'not effective, and why', got)
    disk.run('modprobe', 'bfq')
    tap.equal(files(bare), [300, 300 if first[1] else 100], 'BFQ comes with weights of its own')
    bc.bctl('pool', 'set', 'w', 'ioprio=7')
    tap.equal(files(bare), [128, 128], 'ioprio')
    done = bc.bctl('pool', 'set', 'w', 'io.weight=5000', 'kmemsize=5')
    tap.ok(done.returncode == 2 and files(bare) == [128, 128],
           'all or nothing: the module refuses the rest', done)
    bc.bctl('pool', 'set', 'w', 'io.weight=5000')
    tap.equal(files(bare), [5000, 1000], 'BFQ has no more than 1000')
    text = bc.bctl('pool', 'show', 'w').stdout
    tap.ok('io.weight ' in text and 'no: no device' in text, 'as text', text)
    bc.write(f'{bare}/io.weight', '77')
    got = weight('w')
    tap.ok(got['value'] == 77 and not got['set'], 'what is told is what is there', got)
    bc.bctl('pool', 'delete', 'w')
    tap.equal(files(bare), [77, 100], 'deleting restores what nobody else has set')
    tap.equal(os.listxattr(f'{bc.CGROUP}/{bare}'), [], 'no note is left')
    bc.rmdir(bare)
    done = bc.bctl('pool', 'set', 'host', 'io.weight=5')
    tap.ok(done.returncode == 2 and 'no cgroup' in done.stderr, 'the host has none', done)


def bfq():
    """A disk that takes 2 ms for each request, one at a time."""
    disk.run('modprobe', 'sd_mod')
    disk.run('modprobe', 'scsi_debug', 'dev_size_mb=32', 'ndelay=2000000', 'max_queue=1')
    name = bc.wait_for(lambda: glob.glob('/sys/block/sd*'), 'the disk is there')[0]
    dev = f'/dev/{os.path.basename(name)}'
    bc.wait_for(lambda: os.path.exists(dev), f'{dev} is there')
    write(f'{name}/queue/scheduler', 'bfq')
    # A device that takes one at a time lets its scheduler have two, which is no choice.
    write(f'{name}/queue/nr_requests', '64')
    write(f'{name}/queue/iosched/low_latency', '0')
    shares(dev, 'bfq')
    setting = [one for one in bc.bctl_json('resources')['settings'] if one['name'] == 'io.weight']
    tap.equal(setting[0]['status'], 'enforced', 'bctl resources knows of the disk')
    write(f'{name}/queue/scheduler', 'none')
    write(f'{name}/device/delete', '1')


def cost():
    """The scratch disk as one of 400 requests per second."""
    dev = disk.number(FILE)
    name = os.path.realpath(f'/dev/block/{dev}')
    if not os.path.exists(name):
        name = f'/dev/{os.path.basename(os.readlink(f"/sys/dev/block/{dev}"))}'
    bc.write('io.cost.model', f'{dev} ctrl=user model=linear rbps=1000000000 rseqiops=400 '
             'rrandiops=400 wbps=1000000000 wseqiops=400 wrandiops=400')
    bc.write('io.cost.qos', f'{dev} enable=1 ctrl=user rpct=0.00 rlat=1000000 wpct=0.00 '
             'wlat=1000000 min=100.00 max=100.00')
    shares(name, 'io.cost')
    bc.write('io.cost.qos', f'{dev} enable=0')


def main():
    bc.mkdir('')
    settings()
    disk.controllers()
    disk.make(FILE, 16 << 20)
    if disk.missing('sd_mod', 'scsi_debug'):
        tap.skip('bfq', 'this kernel has no scsi_debug')
    else:
        bfq()
    cost()
    bc.finish()


main()
