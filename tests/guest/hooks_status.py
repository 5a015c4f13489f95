#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.1
# timeout: 400
"""What is attached to the kernel, when, and what if it cannot be."""
import errno
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402

TRACING = '/sys/kernel/tracing'
COUNTED = ['lockedpages', 'privvmpages', 'shmpages', 'numproc', 'numtcpsock', 'numflock', 'numpty',
           'numsiginfo', 'tcpsndbuf', 'tcprcvbuf', 'othersockbuf', 'dgramrcvbuf', 'numothersock',
           'numfile']
# what the kernel counts where the memory controller is enabled, which is nowhere here
NATIVE = ['physpages', 'vmguarpages', 'oomguarpages', 'swappages']
REPORTED = ['kmemsize', 'dcachesize', 'numiptent']
# what needs may_expand_vm()
VM = ('lockedpages', 'privvmpages')
SOCKETS = {'numtcpsock', 'tcpsndbuf', 'tcprcvbuf', 'othersockbuf', 'dgramrcvbuf', 'numothersock'}
# one of every source; the module may hook more
MUST_HOOK = {'cgroup_can_fork', 'cgroup_release', 'may_expand_vm', 'exit_mmap',
             'apply_vma_lock_flags', 'shmem_add_to_page_cache', 'security_file_alloc',
             '__sigqueue_alloc', '__sk_mem_raise_allocated', '__oom_kill_process'}


def enabled():
    """Functions that something is attached to."""
    with open(f'{TRACING}/enabled_functions', encoding='ascii') as f:
        return {line.split()[0] for line in f}


def reload(*params):
    """The module anew."""
    bc.reload('linger_ms=0', *params)


def all_are(status):
    """What statuses() is when nothing is amiss."""
    reported = genl.COUNTED if status == genl.ENFORCED else status
    return dict.fromkeys(COUNTED + NATIVE, status) | dict.fromkeys(REPORTED, reported)


def detached():
    return tap.poll_until(bc.WAIT, lambda: not bc.nl.info()['hooked'])


def statuses():
    return {name: res['res_status'] for name, res in bc.nl.resources().items()}


def kernel_log():
    return subprocess.run(['dmesg'], capture_output=True, text=True, check=True).stdout


def check_idle():
    before = enabled()
    tap.equal(statuses(), all_are(genl.IDLE), 'without a pool every resource is idle')
    tap.equal((bc.nl.info()['hooked'], bc.figures('host')), (0, {}),
              'and the host has no figures rather than zeros')
    tap.equal(sorted(before & MUST_HOOK), [], 'nothing of ours is attached')
    pool = bc.Pool('first')
    hooked = enabled() - before
    tap.ok(hooked >= MUST_HOOK, 'with the first pool the hooks are attached', sorted(hooked))
    tap.equal(statuses(), all_are(genl.ENFORCED), 'and every resource is enforced or counted')
    tap.equal(list(bc.figures(pool)), COUNTED, 'and has a record')
    tap.ok(all(r.flags == 1 | genl.F_INTEGRAL for r in bc.figures(pool).values()), 'that says so')
    with open(f'{TRACING}/available_filter_functions', encoding='ascii') as f:
        names = [line.split()[0] for line in f]
    tap.equal({name: names.count(name) for name in hooked}, dict.fromkeys(hooked, 1),
              f'each of the {len(hooked)} hooked names is the name of one function')
    tap.note(' '.join(sorted(hooked)))
    pool.remove()
    tap.ok(detached(), 'when the last pool is gone the module is idle again')
    tap.equal(enabled(), before, 'and nothing is attached any more')
    tap.equal(statuses(), all_are(genl.IDLE), 'every resource is idle again')
    err = tap.raises(genl.NetlinkError, lambda: bc.nl.new('bad', path='test/nowhere'),
                     'a pool that cannot be made')
    tap.ok(detached() and enabled() == before, 'leaves nothing attached', err)
    bc.mkdir('test/bad')
    tap.equal(bc.errno_of(bc.nl.new, 'x' * 64, 'test/bad'), errno.EINVAL, 'one with a bad name')
    tap.ok(detached() and enabled() == before, 'neither')


def check_linger():
    """The hooks outlive the last pool for a while, and not the module."""
    reload()
    started = time.monotonic()
    bc.Pool('first').remove()
    bc.wait_for(detached, 'detached')
    bc.Pool('second')
    without = time.monotonic() - started
    bc.linger(600000)
    started = time.monotonic()
    bc.nl.delete('second')
    bc.wait_gone()
    hooked = enabled()
    tap.ok(hooked >= MUST_HOOK and bc.nl.info()['hooked'], 'with linger_ms the hooks stay')
    bc.Pool('third')
    tap.note(f'delete and create: {time.monotonic() - started:.2f} s; '
             f'create, delete, detach, create: {without:.2f} s')
    tap.ok(enabled() == hooked, 'and serve the next pool')
    bc.nl.delete('third')
    reload('linger_ms=1000')
    tap.equal(sorted(enabled() & MUST_HOOK), [], 'the module goes at once, and they with it')
    pool = bc.Pool('first')
    pool.delete()
    tap.ok(detached(), 'after a second without a pool they are detached')
    bc.nl.new('second', path=pool.path)
    bc.nl.delete('second')
    bc.linger(0)
    bc.nl.new('third', path=pool.path)
    bc.nl.delete('third')
    tap.ok(detached(), 'with linger_ms=0 at once')


def check_denied():
    """A function that cannot be hooked costs one resource and no more."""
    reload('deny_hooks=may_expand_vm')
    pool = bc.Pool('poor', numproc=3)
    res = bc.nl.resources()
    tap.equal({name: r['res_status'] for name, r in res.items()},
              dict(all_are(genl.ENFORCED), **dict.fromkeys(VM, genl.UNAVAILABLE)),
              'may_expand_vm denied: privvmpages and what needs it is unavailable, no others')
    tap.ok('may_expand_vm' in res['privvmpages'].get('reason', ''), 'for a reason',
           res['privvmpages'])
    tap.ok(all('reason' not in r for name, r in res.items() if name not in (*VM, *REPORTED)),
           'the others need none')
    member = bc.Member(pool)
    tap.equal(list(bc.figures(pool)), [name for name in COUNTED if name not in VM],
              'it has no record, which is not a record of 0')
    shown = bc.bctl_json('pool', 'show', 'poor')['pools'][0]['resources']
    tap.ok('privvmpages' not in shown and shown['numproc']['held'] == 1,
           'bctl shows it as absent', shown)
    listed = {r['name']: r for r in bc.bctl_json('resources')['resources']}['privvmpages']
    tap.equal((listed['status'], listed['reason']), ('unavailable', res['privvmpages']['reason']),
              'bctl resources tells why')
    done = bc.bctl('pool', 'set', 'poor', 'numproc=2', 'privvmpages=5000')
    tap.ok(done.returncode == 2 and 'privvmpages=5000' in done.stderr and
           'limited' in done.stderr, 'a limit on it is refused', done)
    tap.equal(bc.figures(pool)['numproc'].limit, 3, 'together with what was asked for besides')
    err = tap.raises(genl.NetlinkError, lambda: bc.nl.set('poor', {'privvmpages': 5}), 'by netlink')
    tap.equal((err.errno, bool(err.text)), (errno.EOPNOTSUPP, True), 'as not supported')
    bc.mkdir('test/poorer')
    err = tap.raises(genl.NetlinkError,
                     lambda: bc.nl.new('poorer', path='test/poorer', wanted={'privvmpages': 5}),
                     'nor can a pool be made with one')
    tap.equal(err.errno, errno.EOPNOTSUPP, 'as not supported, either')
    tap.equal(member.call(bc.fork_until_refused, 9), (2, errno.EAGAIN), 'numproc is enforced')
    member.call(bc.end_children)
    tap.equal(member.call(bc.errno_of, bc.mmap, 100000), 0, 'memory is not')
    log = [line for line in kernel_log().splitlines() if 'cannot hook may_expand_vm' in line]
    tap.equal(len(log), 1, 'the kernel log has one line about it')
    member.end()
    pool.remove()
    tap.ok(detached(), 'the rest is detached')
    tap.equal(sorted(enabled() & MUST_HOOK), [], 'completely')


def check_denied_others():
    reload('deny_hooks=cgroup_can_fork')
    pool = bc.Pool('poor')
    unavailable = {name for name, s in statuses().items() if s == genl.UNAVAILABLE}
    tap.equal(unavailable, {'numproc', 'numsiginfo', *VM},
              'cgroup_can_fork denied: numproc is unavailable, and what builds on it')
    tap.ok('numtcpsock' in bc.figures(pool), 'sockets are counted')
    pool.remove()

    # sockets, one of oomguarpages, two of mm: nothing of them has to do with the others
    reload('deny_hooks=__sk_mem_raise_allocated,sk_clone_lock,__oom_kill_process,'
           'apply_mlockall_flags,shmem_undo_range')
    pool = bc.Pool('poor')
    unavailable = {name for name, s in statuses().items() if s == genl.UNAVAILABLE}
    tap.ok(unavailable & SOCKETS, 'two socket functions denied', unavailable)
    tap.equal(unavailable - SOCKETS, {'oomguarpages', 'lockedpages', 'shmpages'},
              'and what else was denied, nothing more')
    member = bc.Member(pool)
    tap.equal(member.call(bc.errno_of, bc.mmap, 10, bc.PROT_RW,
                          bc.MAP_PRIVATE | bc.MAP_ANON | 0x2000), 0, 'MAP_LOCKED is not counted')
    tap.equal(set(bc.figures(pool)), set(COUNTED) - unavailable, 'no records of those')
    member.end()
    pool.remove()

    reload('deny_hooks=cgroup_mkdir')
    err = tap.raises(genl.NetlinkError, lambda: bc.Pool('none'),
                     'cgroup_mkdir denied: there can be no pool at all')
    tap.equal((err.errno, 'kernel' in err.text), (errno.EOPNOTSUPP, True), 'for a reason')
    tap.equal(bc.nl.info()['pools'], 0, 'and there is none')


def check_cap():
    reload('max_pools=3')
    tap.equal(bc.nl.info()['pools_max'], 3, 'the number of pools has a cap')
    pools = [bc.Pool(f'p{i}') for i in range(3)]
    bc.mkdir('test/p3')
    err = tap.raises(genl.NetlinkError, lambda: bc.nl.new('p3', path='test/p3'), 'one more')
    tap.equal((err.errno, 'max_pools' in err.text), (errno.ENOSPC, True), 'is refused with a hint')
    tap.equal(bc.nl.info()['pools'], 3, 'and changes nothing')
    pools[1].remove()
    bc.wait_for(lambda: not bc.errno_of(bc.nl.new, 'p3', 'test/p3'), 'room for p3')
    tap.ok(True, 'when one is deleted there is room again')
    for bad in '0', '65537':
        bc.cleanup()
        bc.nl.close()
        subprocess.run(['rmmod', 'beancounter'], check=True)
        done = subprocess.run(['insmod', '/root/beancounter.ko', f'max_pools={bad}'],
                              capture_output=True, check=False)
        tap.ok(done.returncode, f'max_pools={bad} does not load')
        subprocess.run(['insmod', '/root/beancounter.ko'], check=True)
        bc.linger(0)
        bc.nl = genl.Client()


reload()                        # others in this machine may have left it attached
check_idle()
check_linger()
check_denied()
check_denied_others()
check_cap()
bc.finish()
