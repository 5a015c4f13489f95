#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# kernels: 6.1 6.12
# long: 6.1
# vm-args: --systemd
"""The units of bctl collect and bctl export under a systemd that runs."""
import glob
import os
import signal
import sqlite3
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402

COLLECT, EXPORT = 'beancounter-collect.service', 'beancounter-export.service'
DIR = '/var/lib/beancounter'
URL = 'http://127.0.0.1:9823/metrics'
NET_ADMIN, SYS_RESOURCE = 1 << 12, 1 << 24


def systemctl(*args):
    return subprocess.run(['systemctl', *args], capture_output=True, text=True, check=False)


def show(unit, name):
    return systemctl('show', '-P', name, unit).stdout.strip()


def status(unit):
    """Of the main process: what its status file says."""
    with open(f'/proc/{show(unit, "MainPID")}/status', encoding='ascii') as f:
        return dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)


def running(unit, not_pid=None):
    pid = int(show(unit, 'MainPID'))
    return pid and pid != not_pid and show(unit, 'ActiveState') == 'active' and pid


def query(sql, *args):
    try:
        db = sqlite3.connect(f'file:{DIR}/usage.db?mode=ro', uri=True, timeout=30)
    except sqlite3.OperationalError:
        return []
    try:
        return db.execute(sql, args).fetchall()
    finally:
        db.close()


def start(unit):
    done = systemctl('start', unit)
    tap.ok(not done.returncode and running(unit), f'{unit} starts, and tells when it is ready',
           done.stderr + subprocess.run(['journalctl', '-u', unit, '--no-pager'], text=True,
                                        capture_output=True, check=False).stdout)


def check_privileges(unit, left):
    """What the kernel says of the process, not what the unit asks for."""
    now = status(unit)
    tap.equal([int(now[name], 16) for name in ('CapPrm', 'CapEff')], [left] * 2,
              f'{unit} has no capabilities but the two of a reader')
    tap.equal((now['NoNewPrivs'], now['Seccomp']), ('1', '2'), 'nor can it get any, and it is filtered')
    with open(f'/proc/{show(unit, "MainPID")}/mountinfo', encoding='ascii') as f:
        mounts = {line.split()[4]: line.split()[5].split(',')[0] for line in f}
    tap.equal(mounts['/'], 'ro', 'the file system is read-only to it')
    kept = subprocess.run(['nsenter', '-m', '-t', show(unit, 'MainPID'), 'ls', '/root', '/home'],
                          capture_output=True, text=True, check=False)
    tap.ok('tests' not in kept.stdout, 'nobody\'s home is in its sight', kept.stdout)
    score = subprocess.run(['systemd-analyze', 'security', '--no-pager', unit], text=True,
                           capture_output=True, check=False).stdout.strip().splitlines()
    tap.note(score[-1] if score else 'no score')


def kill(unit):
    pid = int(show(unit, 'MainPID'))
    os.kill(pid, signal.SIGKILL)
    bc.wait_for(lambda: running(unit, pid), f'{unit} comes again')
    tap.ok(int(show(unit, 'NRestarts')) >= 1, f'{unit} is started again after kill -9')


def check_collect():
    start(COLLECT)
    check_privileges(COLLECT, NET_ADMIN | SYS_RESOURCE)
    tap.equal([oct(os.stat(name).st_mode & 0o777) for name in (DIR, f'{DIR}/usage.db')],
              ['0o750', '0o640'], 'its store is for the group to read')
    pool = bc.Pool('web', numproc=9)
    member = bc.Member(pool)
    member.call(bc.burn, 0.05)
    tap.ok(tap.poll_until(bc.WAIT, lambda: query('SELECT 1 FROM record JOIN pool USING (pool) '
                                                 "WHERE name = 'web'")), 'it writes records')
    kill(COLLECT)
    member.call(bc.burn, 0.05)
    member.end()
    start_at = bc.nl.info()['serial']
    bc.nl.ack('test', start_at)
    pool.remove()
    bc.wait_gone()
    rec = bc.nl.closed(start_at)[-1]
    bc.nl.forget('test')
    tap.ok(tap.poll_until(bc.WAIT, lambda: query("SELECT 1 FROM pool WHERE name = 'web' AND "
                                                 "cause = 'deleted'")), 'it writes the end of a pool')
    tap.equal(query("SELECT sum(cpu_ns) FROM record JOIN pool USING (pool) WHERE name = 'web'"),
              [(rec['cpu'].usage,)], 'to the unit')
    state = show(COLLECT, 'StatusText')
    tap.ok('records written' in state, 'systemctl status tells what it does', state)


def reload():
    """The module goes, and comes again, under both."""
    pid = int(show(COLLECT, 'MainPID'))
    pool = bc.Pool('before', numproc=9)
    bc.wait_for(lambda: query("SELECT 1 FROM pool WHERE name = 'before'"), 'a row')
    bc.nl.close()
    # it shall not look before the module is back: it may not listen to that one
    os.kill(pid, signal.SIGSTOP)
    bc.wait_for(lambda: not subprocess.run(['rmmod', 'beancounter'], capture_output=True,
                                           check=False).returncode, 'rmmod')
    subprocess.run(['insmod', '/root/beancounter.ko'], check=True)
    os.kill(pid, signal.SIGCONT)
    tap.ok(tap.poll_until(bc.WAIT, lambda: query("SELECT 1 FROM pool WHERE name = 'before' AND "
                                                 "cause = 'unload'")),
           'unloaded: what it sent on leaving is stored')
    bc.nl = genl.Client()
    bc.linger(bc.LINGER)
    bc.nl.new('after', path=pool.path)
    tap.ok(tap.poll_until(2 * bc.WAIT, lambda: query("SELECT 1 FROM pool WHERE name = 'after'")),
           'loaded: the collector without privileges goes on')
    tap.note('by a new process' if int(show(COLLECT, 'MainPID')) != pid else 'by the same process')
    bc.nl.delete('after')
    tap.ok(tap.poll_until(bc.WAIT, lambda: query("SELECT 1 FROM pool WHERE name = 'after' AND "
                                                 "cause = 'deleted'")), 'and hears of ends again')
    tap.equal(query("SELECT name FROM record JOIN pool USING (pool) WHERE kind = 'gap'"), [],
              'there is no gap')
    bc.rmdir(pool.path)


def check_watchdog():
    """A collector that hangs is killed, and another one goes on."""
    drop = f'/run/systemd/system/{COLLECT}.d'
    os.makedirs(drop)
    with open(f'{drop}/quick.conf', 'w', encoding='ascii') as f:
        f.write('[Service]\nWatchdogSec=5\nTimeoutAbortSec=1\n')
    systemctl('daemon-reload')
    systemctl('restart', COLLECT)
    pid = bc.wait_for(lambda: running(COLLECT), 'the collector')
    tap.ok(not tap.poll_until(8, lambda: int(show(COLLECT, 'MainPID')) != pid),
           'the watchdog leaves a collector alone that lives')
    os.kill(pid, signal.SIGSTOP)
    tap.ok(tap.poll_until(bc.WAIT, lambda: running(COLLECT, pid)), 'and one that hangs is replaced')


def check_stop(unit):
    done = systemctl('stop', unit)
    tap.equal((done.returncode, show(unit, 'ActiveState'), show(unit, 'Result'),
               show(unit, 'ExecMainStatus')), (0, 'inactive', 'success', '0'), f'{unit} ends')


def metrics():
    try:
        with urllib.request.urlopen(URL, timeout=20) as answer:
            return answer.read().decode()
    except OSError:
        return ''


def check_export():
    start(EXPORT)
    check_privileges(EXPORT, NET_ADMIN | SYS_RESOURCE)
    tap.ok(status(EXPORT)['Uid'].split()[0] != '0', 'it is nobody that there is')
    tap.ok('bc_up 1' in metrics(), 'it answers')
    kill(EXPORT)
    tap.ok(tap.poll_until(bc.WAIT, lambda: 'bc_up 1' in metrics()), 'and does so again')


def main():
    os.symlink('/usr/local/bin/bctl', '/usr/sbin/bctl')
    for name in glob.glob('/root/systemd/*'):
        with open(name, encoding='utf-8') as unit:
            text = unit.read()
        with open(f'/etc/systemd/system/{os.path.basename(name)}', 'w', encoding='utf-8') as f:
            f.write(text)
    with open('/etc/default/beancounter-collect', 'w', encoding='ascii') as f:
        f.write('BCTL_COLLECT_ARGS=--interval 5\n')
    systemctl('daemon-reload')
    checked = subprocess.run(['systemd-analyze', 'verify', COLLECT, EXPORT], text=True,
                             capture_output=True, check=False)
    # there are no manual pages in this machine
    wrong = [line for line in checked.stderr.splitlines() if 'beancounter' in line and
             'man bctl' not in line]
    tap.equal(wrong, [], 'systemd has nothing to say against them')
    bc.anchor()
    check_collect()
    check_export()
    reload()
    tap.ok(tap.poll_until(bc.WAIT, lambda: 'bc_up 1' in metrics()), 'so does the exporter')
    check_watchdog()
    check_stop(COLLECT)
    check_stop(EXPORT)
    db = query('PRAGMA integrity_check')
    tap.equal(db, [('ok',)], 'the store is whole')
    bc.finish()


main()
