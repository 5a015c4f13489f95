#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.12
# timeout: 400
"""Peaks of intervals: every reader gets those of its own, and disturbs nobody."""
import errno
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402


def fork_more(count):
    for _ in range(count):
        bc.fork_idle()


def fork_and_end(count):
    """For a moment so many more processes."""
    fork_more(count)
    bc.end_children()


def map_and_unmap(pages):
    bc.munmap(bc.mmap(pages), pages)


def peak(pool, reader, res='numproc'):
    """The peak that is taken; None if it is not valid."""
    record = bc.nl.get(pool.name, reader)['res'][res]
    assert record.held <= record.maxheld
    if not record.flags & genl.F_PEAK:
        assert record.peak == 0
        return None
    assert record.held <= record.peak <= record.maxheld, record
    return record.peak


def peaks(reader, res='numproc'):
    """Those of all pools in one dump."""
    found = {}
    for pool in bc.nl.dump(reader=reader):
        record = pool['res'][res]
        found[pool['name']] = record.peak if record.flags & genl.F_PEAK else None
    return found


def check_one():
    pool = bc.Pool('web')
    member = bc.Member(pool)
    member.call(fork_and_end, 5)
    tap.ok(not bc.figures(pool)['numproc'].flags & genl.F_PEAK, 'without a reader there is no peak')
    tap.equal(peak(pool, 'hourly'), None, 'a new reader begins with its first interval')
    tap.equal(peak(pool, 'hourly'), 1, 'in which nothing happened: what is held')
    member.call(fork_and_end, 3)
    tap.equal(peak(pool, 'hourly'), 4, 'the highest held of the next one')
    tap.equal(peak(pool, 'hourly'), 1, 'and of the one after it')
    member.call(fork_more, 2)
    tap.equal(peak(pool, 'hourly'), 3, 'what is held at the end')
    member.call(bc.end_children)
    tap.equal(peak(pool, 'hourly'), 3, 'and at the beginning is in it')
    tap.equal(bc.figures(pool)['numproc'].maxheld, 6, 'maxheld stays')
    return pool, member


def check_two(pool, member):
    peak(pool, 'daily')
    member.call(fork_and_end, 4)
    tap.equal(peak(pool, 'hourly'), 5, 'a second reader: the first one gets its peak')
    member.call(fork_and_end, 2)
    tap.equal(peak(pool, 'hourly'), 3, 'and the next one')
    tap.equal(peak(pool, 'daily'), 5, 'the second has the highest of both intervals')
    member.call(fork_and_end, 1)
    tap.equal([peak(pool, 'daily'), peak(pool, 'hourly')], [2, 2], 'neither resets the other')


def check_dump(pool, member):
    other = bc.Pool('db')
    child = bc.Pool('child', parent=pool)
    worker = bc.Member(child)
    peaks('hourly')
    worker.call(fork_and_end, 3)
    member.call(fork_and_end, 2)
    found = peaks('hourly')
    tap.equal([found[name] for name in ('web', 'child', 'db')], [5, 4, 0],
              'a dump takes those of all pools; a parent has the peak of its sum')
    late = bc.Pool('late')
    late_worker = bc.Member(late)
    late_worker.call(fork_and_end, 2)
    found = peaks('hourly')
    tap.equal([found['late'], found['child']], [3, 1],
              'a pool that came meanwhile: since it was created')
    found = peaks('fresh')
    tap.equal(set(found.values()), {None}, 'the first dump of a reader takes nothing')
    late_worker.call(fork_and_end, 1)
    tap.equal(peaks('fresh')['late'], 2, 'the second one does')
    tap.equal(peaks('hourly')['late'], 2, 'and the other reader has not lost it')
    since = bc.nl.get('late')['generation']
    peak(late, 'hourly')
    tap.equal(bc.nl.get('late')['generation'], since, 'a taking is no change of a pool')
    tap.equal(bc.errno_of(bc.nl.request, genl.POOL_GET,
                          genl.u64('since', 1) + genl.attr('reader', 'hourly'),
                          genl.F_REQUEST | genl.F_DUMP), errno.EINVAL,
              'a reader cannot ask for changed pools only')
    late.delete()
    found = peaks('hourly')
    tap.ok('late' in found or not found.get('late'), 'a pool that dies does no harm')
    for member_of in (worker, late_worker):
        member_of.end()
    bc.rmdir(late.path)
    child.remove()
    other.remove()
    bc.wait_gone()


def check_derived(pool, member):
    held = bc.held(pool, 'privvmpages')
    peak(pool, 'hourly', 'privvmpages')
    member.call(map_and_unmap, 20000)
    got = peak(pool, 'hourly', 'privvmpages')
    tap.between(got, held + 20000, held + 21000, 'privvmpages: what was mapped for a moment')
    top = bc.figures(pool)['privvmpages'].maxheld
    for _ in range(3):
        bc.coarse_ticks(2)
        member.call(map_and_unmap, 5000)
    got = peak(pool, 'hourly', 'privvmpages')
    tap.between(got, held + 5000, held + 6000,
                'and in the next interval less, though what is charged is an upper bound')
    tap.equal(bc.figures(pool)['privvmpages'].maxheld, top, 'maxheld stays')


def check_readers(pool):
    then = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    peak(pool, 'daily')
    readers = bc.nl.readers()
    tap.equal(sorted(readers), ['daily', 'fresh', 'hourly'], 'readers are listed')
    tap.ok(readers['hourly'] <= then <= readers['daily'], 'with the time of their last taking', readers)
    for number in range(5):
        peak(pool, f'r{number}')
    tap.equal(bc.errno_of(bc.nl.get, 'web', 'ninth'), errno.ENOSPC, 'there are eight')
    bc.nl.forget('r2')
    tap.equal(bc.errno_of(bc.nl.forget, 'r2'), errno.ENOENT, 'one that is deleted is gone')
    tap.equal(peak(pool, 'ninth'), None, 'and makes room')
    for bad in ('', 'x' * 16, 'a b', 'ü'):
        tap.equal(bc.errno_of(bc.nl.request, genl.POOL_GET,
                              genl.attr('name', 'web') + genl.attr('reader', bad)),
                  errno.EINVAL, f'refused: {bad!r}')
    tap.equal(peak(pool, 'y' * 15) if not bc.nl.forget('ninth') else 0, None, '15 bytes are a name')
    for name in bc.nl.readers():
        bc.nl.forget(name)
    tap.equal(bc.nl.readers(), {}, 'all can be deleted')
    tap.equal(bc.errno_of(bc.nl.request, genl.READER_DEL), errno.EINVAL, 'a name is required')


def check_bctl(pool, member):
    done = bc.bctl('stat', 'web', '--peak', 'me')
    tap.ok(done.returncode == 0 and 'first interval begins now' in done.stderr,
           'bctl stat --peak: the first time it says so', done)
    member.call(fork_and_end, 6)
    doc = bc.bctl_json('stat', '--peak', 'me')
    found = {p['name']: p['resources']['numproc'].get('peak') for p in doc['pools']}
    tap.equal([doc['reader'], found['web']], ['me', 7], 'then it has the peaks')
    member.call(fork_and_end, 2)
    lines = [line.split() for line in bc.bctl('stat', 'web', '-b', '--peak=me').stdout.splitlines()]
    tap.equal([lines[0][-1], [w[-1] for w in lines if w[1:2] == ['numproc']]], ['PEAK', ['3']],
              'as a column of the text')
    tap.ok('PEAK' not in bc.bctl('stat', 'web').stdout, 'which is not there without')
    tap.equal(bc.bctl('reader', 'list', '-q').stdout, 'me\n', 'bctl reader list')
    tap.equal(bc.bctl('reader', 'delete', 'me').returncode, 0, 'bctl reader delete')
    done = bc.bctl('reader', 'delete', 'me')
    tap.ok(done.returncode == 2 and 'no such reader' in done.stderr, 'one that is not there', done)
    done = bc.bctl('stat', '--peak', 'x' * 16)
    tap.ok(done.returncode == 1 and '--peak' in done.stderr, 'a bad name is a usage error', done)


def check_race(pool, member):
    """Two readers take as fast as they can while processes come and go."""
    peak(pool, 'fast')
    peak(pool, 'slow')
    maxheld = bc.figures(pool)['numproc'].maxheld
    highest, want = 0, maxheld + 3
    for number in range(10):
        member.start(fork_and_end, want - 1 if number == 5 else 4)
        for _ in range(5):
            highest = max(highest, peak(pool, 'fast'))
        member.result()
    highest = max(highest, peak(pool, 'fast'))
    tap.equal([highest, peak(pool, 'slow'), bc.figures(pool)['numproc'].maxheld], [want] * 3,
              'the highest of all intervals is the one of the long interval: none is lost')


bc.anchor()
web, worker = check_one()
check_two(web, worker)
check_dump(web, worker)
check_derived(web, worker)
check_readers(web)
check_bctl(web, worker)
check_race(web, worker)
worker.end()
web.remove()
bc.finish()
