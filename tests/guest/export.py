#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.1
# timeout: 300
"""bctl export on the real module: figures, who may ask it, who can connect."""
import http.client
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import tap  # noqa: E402

CAPS = '+net_admin,+sys_resource'


def metrics(text):
    """Samples by name and labels, as they are written."""
    return {m[1]: float(m[2]) for m in re.finditer(r'^([a-z]\S*(?:{.*})?) (\S+)$', text, re.M)}


def textfile(*args):
    return metrics(subprocess.run(['bctl', 'export', '--textfile', '-', *args], check=True,
                                  stdout=subprocess.PIPE, text=True).stdout)


class Server:
    """bctl export by nobody, with these capabilities and no others."""

    def __init__(self, caps=CAPS):
        self.proc = subprocess.Popen(
            ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', f'--inh-caps={caps}',
             f'--ambient-caps={caps}', f'--bounding-set=-all,{caps}', '--no-new-privs',
             'bctl', 'export', '--listen', '127.0.0.1:0'], stderr=subprocess.PIPE, text=True)
        self.port = int(re.search(r':(\d+)/metrics', self.proc.stderr.readline())[1])

    def get(self):
        conn = http.client.HTTPConnection('127.0.0.1', self.port, timeout=60)
        conn.request('GET', '/metrics')
        text = conn.getresponse().read().decode()
        conn.close()
        return metrics(text)

    def up(self):
        return self.get()['bc_up']

    def status(self):
        with open(f'/proc/{self.proc.pid}/status', encoding='ascii') as f:
            return dict(line.split(':', 1) for line in f)

    def end(self):
        self.proc.terminate()
        self.proc.communicate()
        return self.proc.returncode


def check_figures(web, member):
    member.call(bc.fork_idle)
    member.call(bc.fork_idle)
    bc.wait_held(web, 'numproc', 3)
    m = textfile('--compat', 'cadvisor')
    tap.equal([m['bc_held_items{pool="web",resource="numproc"}'],
               m['bc_barrier_items{pool="web",resource="numproc"}'],
               m.get('bc_limit_items{pool="web",resource="numproc"}')], [3, 10, 20], 'tasks')
    shown = bc.bctl_json('pool', 'show', 'web')['pools'][0]['resources']
    tap.equal(m['bc_barrier_bytes{pool="web",resource="privvmpages"}'],
              shown['privvmpages']['barrier'] * bc.PAGE, 'pages are told in bytes')
    tap.ok('bc_barrier_items{pool="web",resource="numfile"}' not in m, 'unlimited is absent')
    tap.equal(m['container_threads{id="/test/web",name="web"}'], 3, 'as cAdvisor has it')
    tap.ok(m['bc_up'] == 1 and m['bc_pools'] >= 1 and m['bc_closed_records_lost_total'] == 0,
           'the module')
    key = 'bc_held_item_seconds_total{pool="web",resource="numproc"}'
    before = m[key]
    tap.ok(tap.poll_until(bc.WAIT, lambda: textfile()[key] >= before + 6),
           'integrals of three tasks grow')
    tap.ok(m['bc_snapshot_timestamp_seconds'] >= m['bc_pool_start_time_seconds{pool="web"}'],
           'the pool was made before it was looked at')


def check_server():
    server = Server()
    caps = server.status()
    tap.equal([int(caps['CapEff'], 16), int(caps['CapBnd'], 16), caps['Uid'].split()[0]],
              [1 << 12 | 1 << 24] * 2 + ['65534'], 'nobody with two capabilities')
    tap.equal(server.up(), 1, 'who may ask the module')
    inside = subprocess.run(
        ['unshare', '-n', 'sh', '-c', 'ip link set lo up; exec nc -z -w 5 127.0.0.1 "$1"', 'sh',
         str(server.port)], check=False).returncode
    outside = subprocess.run(['nc', '-z', '-w', '5', '127.0.0.1', str(server.port)],
                             check=False).returncode
    tap.ok(inside and not outside, 'a container cannot reach it, the host can',
           f'{inside} {outside}')
    poor = Server('+net_admin')
    tap.equal(poor.up(), 0, 'one capability is not enough')
    poor.end()
    return server


web = bc.Pool('web', numproc=(10, 20), privvmpages=(100000, 200000))
member = bc.Member(web)
check_figures(web, member)
server = check_server()
member.end()
tap.equal(server.end(), 0, 'it ends when asked')
bc.finish()
