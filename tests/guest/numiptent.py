#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.1
# timeout: 900
"""numiptent: packet filter rules, against what nft lists in the namespace itself."""
import errno
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import net  # noqa: E402
import tap  # noqa: E402

OLD = '/proc/user_beancounters'
CLONE_NEWNET = 0x40000000
NO_MAXHELD, NO_FAILCNT, NO_FAILED = 1 << 2, 1 << 3, 1 << 4      # BC_RECORD_F_*


def nft(script):
    """Run a script of nft; what it says."""
    done = subprocess.run(['nft', '-a', '-f', '-'], input=script, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def count_rules():
    """Rules in this namespace, as nft lists them."""
    lines = [line.rstrip() for line in nft('list ruleset\n').splitlines() if '# handle' in line]
    return sum(1 for line in lines if '{ # handle' not in line)


def add_rules(count, family='inet', table='t', chain='c'):
    """Rules of various kinds, some in a chain that is jumped to."""
    words = ['counter', 'tcp dport 22 accept', 'meta l4proto udp counter drop comment "long words"',
             'meta mark 7 return']
    if family in ('arp', 'bridge', 'netdev'):
        words = ['counter']
    rules = '\n'.join(f'add rule {family} {table} {chain} {words[n % len(words)]}'
                      for n in range(count))
    nft(f'add table {family} {table}\nadd chain {family} {table} {chain}\n{rules}\n')


def add_odd_rules(count, family):
    """The same in a family that not every kernel has."""
    try:
        add_rules(count, family)
    except RuntimeError:
        tap.note(f'no rules of {family} here')
        add_rules(count, 'ip', f'instead_of_{family}')


def flush_rules():
    nft('flush ruleset\n')


def run(*args):
    done = subprocess.run(args, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def enter(pid):
    """The namespace of another process."""
    with open(f'/proc/{pid}/ns/net', encoding='ascii') as f:
        if bc.libc.setns(f.fileno(), CLONE_NEWNET):
            raise OSError(errno.EPERM, 'setns')


def record(pool):
    """numiptent of a pool, or None."""
    name = pool if isinstance(pool, str) else pool.name
    return bc.nl.get(name, detail=True)['res'].get('numiptent')


def held(*pools):
    return [record(pool).held for pool in pools]


def loaded(module):
    return os.path.isdir(f'/sys/module/{module}')


def check_none(outer, other):
    """Before there is any rule, and before the kernel knows of rules at all."""
    tap.ok(not loaded('nf_tables'), 'nf_tables is not loaded')
    tap.equal(held('host', outer, other), [0, 0, 0], 'there are no rules then')
    tap.ok(not loaded('nf_tables') and not loaded('nfnetlink'), 'and counting does not load it')
    status = bc.nl.resources()['numiptent']
    tap.ok(status['res_status'] == genl.COUNTED and status['reason'] and
           status['res_kind'] == bc.nl.resources()['kmemsize']['res_kind'],
           'counted only, with a reason', status)
    tap.equal(bc.errno_of(lambda: outer.set(numiptent=10)), errno.EOPNOTSUPP, 'no limit can be set')
    tap.equal(bc.errno_of(lambda: bc.nl.thresholds(outer.name, {'numiptent': (80, 50)})),
              errno.EOPNOTSUPP, 'and no threshold')


def check_figures(outer, inner, other):
    """Each namespace to its pool, the sum to the pools above."""
    one, two, three = bc.Member(outer), bc.Member(inner), bc.Member(other)
    tap.equal(held('host', outer, inner, other), [0] * 4, 'members in the namespace of the host')
    nft('add table ip hosts\nadd chain ip hosts c\nadd rule ip hosts c counter\n')
    tap.equal(held('host', outer, inner, other), [0] * 4, 'whose rules are nobody\'s')
    for member in (one, two, three):
        member.call(net.unshare_net)
    one.call(add_rules, 5)
    two.call(add_rules, 400)
    two.call(add_rules, 3, 'ip6')
    three.call(add_odd_rules, 2, 'bridge')
    three.call(add_odd_rules, 1, 'arp')
    want = [member.call(count_rules) for member in (one, two, three)]
    tap.equal(want, [5, 403, 3], 'nft lists what was made')
    tap.equal(held(outer, inner, other, 'host'), [408, 403, 3, 411],
              'each pool has the rules of its own namespaces and of those below')
    tap.equal(held(outer, inner, other, 'host'), [408, 403, 3, 411], 'and again')
    pools = {p['name']: p['res'] for p in bc.nl.dump(detail=True)}
    tap.equal([pools[name]['numiptent'].held for name in ('outer', 'inner', 'other', 'host')],
              [408, 403, 3, 411], 'in a dump, too')
    tap.ok('numiptent' not in bc.figures(outer), 'they are left out where nobody asks for details')
    tap.equal(record(outer)[1:], (NO_MAXHELD | NO_FAILCNT | NO_FAILED, 408, 0, genl.UNLIMITED,
                                   genl.UNLIMITED, 0, 0, 0, 0, 0),
              'what is not kept is not told')
    two.call(nft, 'add rule inet t c counter\n')
    tap.equal(held(outer, inner), [409, 404], 'one more')
    two.call(nft, 'delete table inet t\n')
    tap.equal(held(outer, inner), [8, 3], 'fewer')
    two.call(nft, 'add chain inet u d\nadd chain inet u e\nadd rule inet u d jump e\n'
                  'add rule inet u d tcp dport { 1, 2, 3 } accept\nadd rule inet u e counter\n'
                  .replace('add chain inet u d', 'add table inet u\nadd chain inet u d', 1))
    tap.equal(held(inner), [two.call(count_rules)], 'jumps and sets are one rule each')
    return one, two, three


def check_xtables_nft(inner, two):
    """iptables of today makes rules of nf_tables."""
    if bc.DEBUG_KERNEL and two.call(run, 'iptables-nft', '-A', 'INPUT', '-p', 'tcp')[0]:
        tap.skip('iptables-nft', 'not on this kernel')
        two.call(flush_rules)
        return
    before = held(inner)[0]
    for args in (('-A', 'INPUT', '-p', 'tcp', '--dport', '80', '-j', 'ACCEPT'),
                 ('-A', 'OUTPUT', '-p', 'udp', '-j', 'DROP')):
        status = two.call(run, 'iptables-nft', *args)
        tap.equal(status[0], 0, f'iptables-nft {" ".join(args)}')
    tap.equal(held(inner), [before + 2], 'they are counted')
    two.call(flush_rules)
    tap.equal(held(inner), [0], 'flushed: none')


def check_shared(outer, inner, other, members):
    """A namespace that several pools are in belongs to the lowest above all of them."""
    one, two, three = members
    base = held(outer, inner, other, 'host')
    tap.equal(base, [5, 0, 3, 8], 'before')
    guest = bc.Member(inner)
    guest.call(enter, one.pid)
    tap.equal(held(outer, inner, other, 'host'), base, 'pool and child in one: the pool\'s')
    stranger = bc.Member('')
    stranger.call(enter, three.pid)
    tap.equal(held(outer, inner, other, 'host'), base, 'a task in no pool makes no difference')
    stranger.end()
    guest.call(enter, three.pid)
    tap.equal(held(outer, inner, other, 'host'), [5, 0, 0, 8], 'two strangers in one: the host\'s')
    guest.call(enter, two.pid)
    tap.equal(held(outer, inner, other, 'host'), base, 'and back')
    two.call(add_rules, 4)
    bc.attach(other.path, two.pid)
    tap.equal(held(outer, inner, other, 'host'), [5, 0, 3, 12], 'one of two tasks moved')
    guest.end()
    tap.equal(held(outer, inner, other, 'host'), [5, 0, 7, 12], 'the other one ended')
    bc.attach(inner.path, two.pid)
    tap.equal(held(outer, inner, other, 'host'), [9, 4, 3, 12], 'and back')
    two.call(flush_rules)


def check_tools(one):
    """bctl and the files of OpenVZ."""
    shown = bc.bctl_json('pool', 'show', 'outer')['pools'][0]['resources']['numiptent']
    tap.ok(shown['held'] == 5 and 'maxheld' not in shown and 'failcnt' not in shown,
           'bctl pool show -j', shown)
    text = bc.bctl('stat', 'outer').stdout
    tap.ok(any(line.split()[1:4] == ['numiptent', 'items', '5'] for line in text.splitlines()),
           'bctl stat', text)
    bc.bctl('compat', 'on')
    with open(OLD, encoding='ascii') as f:
        rows = [line.split() for line in f if 'numiptent' in line]
    tap.equal(sorted(int(r[1]) for r in rows), [0, 0, 3, 5, 8], f'{OLD}')
    one.call(add_rules, 2)

    def inside():
        got = one.call(run, 'unshare', '-p', '-C', '--fork', 'cat', OLD)
        return [line.split()[1] for line in got[1].splitlines() if 'numiptent' in line] == ['7']
    tap.ok(tap.poll_until(bc.WAIT, inside), 'a container sees its own, if not at once')
    bc.bctl('compat', 'off')


def check_many(other, three):
    """Many rules, changed all the time; and more than are counted."""
    three.call(flush_rules)
    for _ in range(7):
        three.call(add_rules, 10000)
    then = time.monotonic()
    tap.equal(held(other, 'host'), [65536, 65543], 'of 70,000 rules 65,536 are counted')
    tap.note(f'in {time.monotonic() - then:.2f} s')
    then = time.monotonic()
    held(other)
    tap.note(f'again in {time.monotonic() - then:.2f} s')
    then = time.monotonic()
    held(other)
    tap.note(f'and unchanged in {time.monotonic() - then:.2f} s')
    three.call(flush_rules)
    tap.equal(held(other), [0], 'flushed: none')


def churn(seconds):
    """Rules come and go."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        add_rules(200)
        flush_rules()


def check_churn(other, three):
    three.start(churn, tap.rounds(2, 5))
    seen = set()
    for _ in range(tap.rounds(16, 40)):
        got = record(other)
        seen.add(got.held if got else None)
    three.result()
    tap.ok(seen <= set(range(0, 401)), 'a count beside changes', sorted(seen))
    tap.equal(held(other), [0], 'and after them')


def check_gone(outer, inner, other, members):
    """Namespaces and pools that go."""
    one, two, three = members
    two.call(add_rules, 6)
    three.call(add_rules, 6)
    tap.equal(held(outer, inner, other, 'host'), [13, 6, 6, 19], 'before')
    bc.nl.delete('inner')
    tap.equal(held(outer, other, 'host'), [13, 6, 19], 'a pool is deleted: the parent\'s')
    two.end()
    tap.equal(held(outer, other, 'host'), [7, 6, 13], 'a namespace is gone')
    for _ in range(tap.rounds(5, 20)):
        short = bc.Member(other)
        short.call(net.unshare_net)
        short.call(add_rules, 1)
        short.start(os._exit, 0)            # pylint: disable=protected-access
        held(other)
        short.end()
    tap.equal(held(other), [6], 'a few more are')
    one.end()
    three.end()
    tap.equal(held(outer, other, 'host'), [0, 0, 0], 'all are')


def check_unload():
    """The module goes while rules are counted."""
    pool = bc.Pool('last')
    member = bc.Member(pool)
    member.call(net.unshare_net)
    for _ in range(tap.rounds(1, 3)):
        member.call(add_rules, 10000)
    member.start(churn, tap.rounds(4, 8))
    bc.nl.close()
    with subprocess.Popen(['sh', '-c', 'while bctl stat; do :; done'], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as reader:
        for _ in range(tap.rounds(1, 2)):
            gone = tap.poll_until(bc.WAIT, lambda: not run('rmmod', 'beancounter')[0])
            tap.ok(gone, 'the module goes while rules are counted')
            run('insmod', '/root/beancounter.ko')
            run('bctl', 'pool', 'create', 'last', '--cgroup', pool.path)
        reader.kill()
    bc.nl = genl.Client()
    member.result()
    member.call(flush_rules)
    member.call(add_rules, 9)
    tap.equal(held('last', 'host'), [9, 9], 'and counts when it is back')
    member.end()


def main():
    bc.anchor()
    outer, other = bc.Pool('outer'), bc.Pool('other')
    check_none(outer, other)
    inner = bc.Pool('inner', parent=outer)
    members = check_figures(outer, inner, other)
    check_xtables_nft(inner, members[1])
    check_shared(outer, inner, other, members)
    check_tools(members[0])
    if tap.LONG and not bc.DEBUG_KERNEL:
        check_many(other, members[2])
    check_churn(other, members[2])
    check_gone(outer, inner, other, members)
    check_unload()
    flush_rules()
    bc.finish()


main()
