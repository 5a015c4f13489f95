#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""bctl-ship and a real PostgreSQL server that is reached by TLS alone.

usage: test_ship_tls.py DIR         DIR has bctl-ship

With sslmode=verify-full nothing may get to anybody but the server of that name. Skipped without
a server, as test_ship.py, unless BC_LONG is set.
"""
import atexit
import contextlib
import os
import sqlite3

import make_usage_db as made
import test_ship
from test_ship import Running, place, postgres, same, ship, tap

NAME = 'db.example'
PROGRAM = test_ship.SHIP


def url(server, where='', name=NAME, mode='verify-full'):
    """By name, but nobody is asked where that is."""
    return (f'postgresql://node1@{name}:{server.port}/postgres?hostaddr=127.0.0.1&sslmode={mode}'
            + (f'&sslrootcert={where}' if where else ''))


def refused(got, word, name):
    tap.ok(got.returncode == 2 and word in got.stderr and got.stderr.count('\n') == 1, name,
           got.stderr)


def nodes(server):
    return server.sql('SELECT name FROM beancounter.node')


def check_impostors(server, send, good, other):
    """Nobody else gets anything."""
    refused(send(url(server, other.cert)), 'certificate verify failed', 'another authority: no')
    refused(send(url(server, good.cert, 'db2.example')), 'does not match host name',
            'another name: no')
    refused(send(url(server, good.cert + 'x')), 'does not exist', 'no such authority: no')
    os.chmod(good.cert, 0o600)
    if os.geteuid() == 0:
        refused(send(url(server, good.cert)), 'could not read root certificate file',
                'an authority that --user may not read: no, and it is named')
    os.chmod(good.cert, 0o644)
    server.tls(*other.sign(NAME))
    refused(send(url(server, good.cert)), 'certificate verify failed',
            'the name alone, by somebody else\'s authority: no')
    server.tls(None, None)
    refused(send(url(server, good.cert)), 'does not support SSL', 'a server without TLS: no')
    tap.equal(nodes(server), [], 'nothing has come')


def check_renewal(server, db, env, good, other):
    """The server's certificate changes while it runs."""
    run = Running(PROGRAM, '--db', db, '--poll', '1', url(server, good.cert), **env)

    def all_there():
        return server.sql('SELECT count(*) FROM beancounter.record') == [[test_ship.records(db)]]

    tap.ok(tap.poll_until(60, all_there), 'it sends', run.words())
    server.tls(*other.sign(NAME))
    with contextlib.closing(sqlite3.connect(db)) as store:
        store.execute('INSERT INTO record (pool, begin_ms, end_ms, kind) VALUES '
                      "(2, 1790899900000, 1790899999999, 'gap')")
        store.commit()
    tap.ok(tap.poll_until(60, lambda: 'verify failed' in run.words()) and not all_there(),
           'a certificate of somebody else comes: it waits, and tells why', run.words())
    server.tls(*good.sign(NAME))
    tap.ok(tap.poll_until(60, all_there), 'the right one comes: it goes on', run.words())
    tap.equal(run.end(), 0, 'SIGTERM ends it')
    same(server, db, 'all rows are there')


def main():
    where = place('pg')
    os.mkdir(where)
    try:
        server = postgres.Server(where)
    except FileNotFoundError as err:
        if test_ship.LONG:
            raise
        tap.skip('PostgreSQL', err)
        tap.done()
    atexit.register(server.end)
    db, home = place(), place('home')
    os.mkdir(home)
    made.sample(db)
    good, other = (postgres.Authority(place('ca')) for _ in range(2))
    server.sql(f"CREATE ROLE node1 LOGIN SUPERUSER PASSWORD '{postgres.PASSWORD}'")
    test_ship.password_file(home, 'node1')
    env = {'HOME': home}
    server.tls(*good.sign(NAME))

    def send(to):
        return ship('--once', '--db', db, to, **env)

    tap.equal(ship('--init', url(server, good.cert), **env).returncode, 0, 'verify-full: --init')
    refused(send(url(server, mode='disable')), 'no encryption', 'without TLS the server wants nothing')
    check_impostors(server, send, good, other)
    server.tls(*good.sign(NAME))
    check_renewal(server, db, env, good, other)
    got = send(url(server, good.cert))
    tap.ok(not got.returncode and not got.stderr, 'and once more, by hand', got.stderr)
    tap.done()


if __name__ == '__main__':
    main()
