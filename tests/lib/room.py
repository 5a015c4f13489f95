# SPDX-License-Identifier: GPL-2.0
"""A pool with one member, for tests of what a resource grants and refuses.

    room = room.Room('web', 'lockedpages', bc.locked_pages)
    room.set(50)
    room.refused('mlock', errno.ENOMEM, lock, 51)
    room.granted('mlock up to the barrier', 50, lock, 50)
    room.close()
"""
import bc
import tap


class Room:
    """truth(pid) is what an independent witness says that the member has, or None."""

    def __init__(self, name, res, truth=None, parent=None):
        self.pool = bc.Pool(name, parent)
        self.res = res
        self.truth = truth
        self.member = bc.Member(self.pool)

    def set(self, room, soft=0):
        """So much room above what is held, and so much more up to the limit."""
        held = bc.held(self.pool, self.res)
        self.pool.set(**{self.res: (held + room, held + room + soft)})
        return held

    def record(self):
        return bc.figures(self.pool)[self.res]

    def refused(self, what, error, func, *args, counted=1):
        """The call gets that error, counts one failure, and changes nothing."""
        before = self.record()
        got = self.member.call(bc.errno_of, func, *args)
        after = self.record()
        tap.equal((got, after.failcnt - before.failcnt, after.held, after.maxheld),
                  (error, counted, before.held, before.maxheld),
                  f'{what}: refused, counted once, changes nothing')

    def granted(self, what, grows, func, *args):
        """The call succeeds and held rises by so much."""
        before = self.record()
        got = self.member.call(func, *args)
        after = self.record()
        tap.equal((after.held - before.held, after.failcnt - before.failcnt), (grows, 0),
                  f'{what}: granted and charged')
        if self.truth:
            tap.equal(after.held, self.truth(self.member.pid),
                      f'{what}: held is what the kernel says')
        return got

    def close(self):
        self.member.end()
        tap.equal(bc.wait_held(self.pool, self.res, 0), 0,
                  f'{self.pool.name}: all is given back')
        self.pool.remove()
