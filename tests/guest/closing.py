#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: 6.12
# timeout: 300
"""Closing records: nothing of a pool is lost when it ends, however it ends."""
import errno
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import ledger  # noqa: E402
import tap  # noqa: E402

MODULE = '/root/beancounter.ko'


def reload(*params):
    """The module anew; a name that it may have had as client."""
    bc.nl.close()
    bc.wait_for(lambda: not subprocess.run(['rmmod', 'beancounter'], capture_output=True,
                                           check=False).returncode, 'rmmod')
    load(*params)


def load(*params):
    subprocess.run(['insmod', MODULE, *params], check=True)
    bc.nl = genl.Client()
    bc.linger(bc.LINGER)


def last():
    return bc.nl.closed()[-1]


def check_deleted():
    """All that is known of a pool, when it is deleted while it is in use."""
    book = ledger.Ledger()
    start = bc.nl.info()['serial']
    pool = bc.Pool('web', numproc=(50, 60), numfile=1000, physpages=50000)
    bc.nl.tune('web', {'io.wbps': 1 << 30})
    with book.change(1):
        member = bc.Member(pool)
    member.call(bc.touch, 3000)
    member.call(bc.burn, 0.2)
    bc.Pool('low', parent=pool)
    time.sleep(1)
    bc.nl.delete('low')
    member.call(time.sleep, 1.5)
    seen = bc.nl.get('web')
    pool.delete()
    end = ledger.now()
    bc.wait_gone()
    low, rec = bc.nl.closed(start)
    tap.equal((low['name'], rec['name'], rec['id'], rec['incarnation']),
              ('low', 'web', pool.id, pool.incarnation), 'deleted: records come in order')
    tap.equal((low['serial'], rec['serial'], bc.nl.info()['serial']),
              (start + 1, start + 2, start + 2), 'each has the next serial')
    tap.equal((low['parent'], low['parent_id'], low['parent_incarnation']),
              ('web', pool.id, pool.incarnation), 'and says what its parent was')
    tap.equal((rec['cause'], rec['cgroup_path'], rec['parent'], rec['created'], rec['cgroup_id']),
              (genl.DELETED, pool.path, 'host', seen['created'], seen['cgroup_id']),
              'why, where, and when it was made')
    tap.ok(seen['taken'] <= rec['died'] <= end <= ledger.now() and rec['died'] <= rec['closed'],
           'when it ended')
    table = rec['res']
    tap.equal([(table[r].barrier, table[r].limit) for r in ('numproc', 'numfile')],
              [(50, 60), (1000, 1000)], 'the limits that were in force')
    tap.equal((table['physpages'].limit, table['numproc'].held), (50000, 0),
              'those in the kernel, before they were set back, too')
    tap.equal(rec['settings']['io.wbps'].value, 1 << 30, 'and the settings')
    tap.ok(table['physpages'].held >= 3000 and table['physpages'].integral >= 3000,
           'what the kernel counts: as it was last seen', table['physpages'])
    tap.equal(table['numproc'].maxheld, 1, 'maxheld')
    least, most = book.unit_seconds(rec['died'])
    most = book.unit_seconds(end)[1]
    tap.between(table['numproc'].integral, least, most, 'the integral ends with the pool')
    tap.ok(all(table[r].integral >= seen['res'][r].integral for r in seen['res']),
           'no integral is less than what was last read')
    tap.ok(rec['cpu'].usage >= seen['cpu'].usage >= 200000000 and
           rec['cpu'].known & genl.CPU_USAGE, 'CPU time to the end')
    tap.ok(rec['io'].known & genl.IO_AMOUNT, 'block I/O')
    host = bc.nl.get('host')
    less = {r: (host['res'][r].integral, table[r].integral) for r in table
            if r not in ('vmguarpages',) and host['res'][r].integral < table[r].integral}
    tap.equal(less, {}, 'the host has it all')
    tap.ok(host['cpu'].usage >= rec['cpu'].usage, 'CPU time, too')
    member.end()
    for path in ('/low', ''):
        bc.rmdir(pool.path + path)


def check_killed():
    """The cgroup is killed and removed: nobody asked for anything."""
    pool = bc.Pool('gone', numproc=9)
    bc.nl.set('gone', {'physpages': 77777})
    bc.nl.tune('gone', {'cpu.shares': 777})
    member = bc.Member(pool)
    member.call(bc.burn, 0.1)
    time.sleep(0.5)
    used = int(bc.read(f'{pool.path}/cpu.stat').split()[1]) * 1000
    bc.write(f'{pool.path}/cgroup.kill', '1')
    member.end()
    bc.rmdir(pool.path)
    bc.wait_gone()
    rec = last()
    tap.equal((rec['name'], rec['cause'], rec['cgroup_path'], rec['res']['numproc'].barrier),
              ('gone', genl.CGROUP, pool.path, 9), 'removed: there is a record')
    tap.equal((rec['res']['physpages'].limit, rec['settings']['cpu.shares'].value), (77777, 777),
              'with what the kernel had for its cgroup')
    tap.ok(rec['cpu'].usage >= used > 0, 'with the CPU time to the end', (rec['cpu'], used))


def check_readers():
    """Records wait for those who acknowledge."""
    start = bc.nl.info()['serial']
    for number in range(4):
        bc.Pool(f'p{number}').remove()
    bc.wait_gone()
    tap.equal([r['name'] for r in bc.nl.closed(start)], ['p0', 'p1', 'p2', 'p3'],
              'without a reader they are kept')
    bc.nl.get('host', reader='peaks')
    bc.nl.ack('a', 0)
    bc.nl.ack('b', start + 1)
    tap.equal(bc.nl.closed()[0]['serial'] <= start, True, 'one reader has nothing yet')
    bc.nl.ack('a', start + 2)
    tap.equal([r['name'] for r in bc.nl.closed()], ['p1', 'p2', 'p3'],
              'what both have is gone; one that takes peaks alone is not waited for')
    bc.nl.ack('a', start)
    bc.nl.ack('b', start + 4)
    tap.equal([r['name'] for r in bc.nl.closed()], ['p2', 'p3'], 'nothing comes back')
    tap.equal([r['name'] for r in bc.nl.closed(start + 3)], ['p3'], 'those after a serial')
    bc.nl.forget('a')
    tap.equal((bc.nl.closed(), bc.nl.info()['closed_kept']), ([], 0),
              'who is forgotten is not waited for')
    for number, words, call in (
            (errno.EINVAL, 'no record', lambda: bc.nl.ack('b', start + 5)),
            (errno.EINVAL, 'name of a reader', lambda: bc.nl.ack('b/', start)),
            (errno.EINVAL, 'required', lambda: bc.nl.request(genl.CLOSED_ACK,
                                                             genl.attr('reader', 'b'))),
            (errno.EINVAL, 'required', lambda: bc.nl.request(genl.CLOSED_ACK,
                                                             genl.u64('serial', 1)))):
        err = tap.raises(genl.NetlinkError, call, f'refused: {words}')
        tap.ok(getattr(err, 'errno', 0) == number and words in err.text, f'because: {words}', err)
    bc.nl.forget('b')
    tap.equal(bc.nl.info()['closed_lost'], 0, 'nothing was lost')


def check_overflow():
    """There are only so many; the serials tell who has missed some."""
    before = bc.nl.info()
    incarnation = bc.nl.get('host')['incarnation']
    reload('max_closed=3')
    info = bc.nl.info()
    tap.ok(info['instance'] > before['instance'] and info['serial'] > before['serial'] and
           bc.nl.get('host')['incarnation'] > incarnation,
           'after a reload no number comes again', (before, info))
    tap.equal((info['closed_kept'], info['closed_max']), (0, 3), 'the parameter')
    for number in range(5):
        bc.Pool(f'p{number}').remove()
    bc.wait_gone()
    found = bc.nl.closed()
    tap.equal([(r['name'], r['serial'] - info['serial']) for r in found],
              [('p2', 3), ('p3', 4), ('p4', 5)], 'the oldest go')
    info = bc.nl.info()
    tap.equal((info['closed_kept'], info['closed_lost']), (3, 2), 'and are counted')


def check_host(before, records):
    """The host comes last, and has what all pools had."""
    host = records[-1]
    tap.equal((host['name'], host['id'], host['incarnation'], host['created']),
              ('host', 0, before['incarnation'], before['created']), 'the host is the last one')
    tap.equal([k for k in ('parent', 'parent_id', 'cgroup_path', 'cgroup_id') if k in host], [],
              'it has neither a parent nor a cgroup')
    table, top = host['res'], [r for r in records if r.get('parent') == 'host']
    tap.equal(sorted(table), sorted(before['res']), 'all resources that it had before')
    low = {r: (table[r].integral, least) for r in table if r != 'vmguarpages'
           for least in [max(before['res'][r].integral, sum(t['res'][r].integral for t in top))]
           if table[r].integral < least}
    tap.equal(low, {}, 'no integral is less than before, or than those of all pools')
    tap.ok(host['cpu'].usage >= max(before['cpu'].usage, sum(t['cpu'].usage for t in top)) > 0,
           'nor CPU time', (host['cpu'], before['cpu']))
    tap.ok(host['died'] <= host['closed'] and host['closed'] >= max(r['closed'] for r in records),
           'and it is closed after all others')


def check_unload():
    """Final figures of all pools, while the module goes."""
    ears = genl.Client(rcvbuf=1 << 20)
    ears.subscribe('usage')
    outer = bc.Pool('outer')
    pools = [outer] + [bc.Pool(f'u{n}', parent=outer) for n in range(tap.rounds(8, 20))]
    members = [bc.Member(pool) for pool in pools[:4]]
    time.sleep(1.2)
    start = bc.nl.info()['serial']
    before = bc.nl.dump()[0]
    reload()
    found = ears.events(5)
    *records, end = found
    tap.equal({r['name'] for r in records}, {p.name for p in pools} | {'host'},
              'unloading: each pool has a record, and the host')
    tap.equal({r['cause'] for r in records}, {genl.UNLOAD}, 'which says why')
    tap.equal([r['serial'] for r in records], list(range(start + 1, start + 2 + len(pools))),
              'without a gap')
    tap.equal((end.get('event'), end.get('serial')), (genl.EV_UNLOAD, records[-1]['serial']),
              'the last one is followed by the end')
    check_host(before, records)
    table = {r['name']: r['res']['numproc'] for r in records}
    tap.ok(all(table[p.name].integral >= 1 and table[p.name].maxheld == 1 for p in pools[1:4]) and
           table['outer'].integral >= 4, 'with what was held to the end', table)
    tap.ok(bc.nl.info()['serial'] > end['serial'], 'serials go on after that')
    for member in members:
        member.end()
    ears.close()


def main():
    bc.mkdir(bc.BASE)
    for path in ('', bc.BASE):
        bc.write(f'{path}/cgroup.subtree_control' if path else 'cgroup.subtree_control',
                 '+memory +cpu')
    check_deleted()
    check_killed()
    check_readers()
    check_overflow()
    check_unload()
    bc.finish()


main()
