#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.1
# timeout: 150
"""bctl usage over what bctl collect wrote, against the closing record of the module."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import tap  # noqa: E402

DIR = '/tmp/usage-store'
DB = f'{DIR}/usage.db'
TARIFF = f'{DIR}/tariff'


def collect():
    done = bc.bctl('collect', '--once', '--db', DB, '--interval', '5')
    tap.ok(not done.returncode, f'collect --once {done.stderr.strip()}')


def usage(*args):
    done = bc.bctl('usage', '--db', DB, '--from', '-1h', '--to', '2100-01-01', *args)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


os.makedirs(DIR, exist_ok=True)
acme = bc.Pool('acme')
web = bc.Pool('web', parent=acme, numproc=3)
worker, idle = bc.Member(web), bc.Member(web)
worker.call(bc.burn, 0.3)
collect()
worker.call(bc.burn, 0.4)
collect()
worker.call(bc.burn, 0.2)
worker.end()
idle.end()
web.delete()
last = bc.wait_for(lambda: [r for r in bc.nl.closed() if r['name'] == 'web'], 'a closing record')[0]
collect()

pools = {p['name']: p for p in json.loads(usage('-j'))['pools']}
got = pools['web']
tap.equal(got['cpu']['usage_ns'], last['cpu'].usage, 'CPU time is that of the closing record')
for name in ('numproc', 'numfile', 'privvmpages'):
    rec = last['res'][name]
    tap.equal(got['resources'][name]['held_time'], rec.integral,
              f'held-time of {name} is the integral of the closing record')
    tap.equal((got['resources'][name]['failcnt'], got['resources'][name]['peak']),
              (rec.failcnt, rec.maxheld), f'so are refusals and peak of {name}')
tap.equal((got['gap_ms'], got['existed_ms'] - got['covered_ms']), (0, 0), 'there is no gap')
tap.equal(pools['acme']['cpu']['usage_ns'] >= got['cpu']['usage_ns'], True,
          'the pool above has it all')

with open(TARIFF, 'w', encoding='utf-8') as out:
    out.write('currency EUR\namount 9 down\nquantity 9 down\nprice cpu.usage_ns s 1 as CPU\n')
line = json.loads(usage('--price', TARIFF, '--pool', 'web', '--explain', '-j'))['pools'][0]['lines'][0]
tap.equal(int(line['amount'].replace('.', '')), last['cpu'].usage, 'and is what is paid for')
tap.equal(sum(r['share'] for r in line['records']), last['cpu'].usage, 'record by record')
bc.finish()
