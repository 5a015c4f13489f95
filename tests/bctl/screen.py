# SPDX-License-Identifier: GPL-2.0
"""A program in a pseudo terminal, and what its screen shows.

As much of a terminal as ncurses uses of the entries "xterm-256color", "linux" and
"vt100". A sequence that is not known here is an error, so nothing that was
written goes unseen.
"""
import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

CSI = re.compile(r"\x1b\[([?>=!]?)([0-9;]*)([@-~])")
OSC = re.compile(r"\x1b\][^\x07\x1b]*\x07")
# A key that is a signal makes the kernel throw away what was not read yet, perhaps
# half of a sequence; the next one ends it, as on any terminal.
CUT = re.compile(r"\x1b([\[\]()*+][?>=!]?[0-9;]*)?(?=\x1b)")
CHARSET = re.compile(r"\x1b[()*+][0-9A-Za-z]")
SINGLE = "78=>cM"
GRAPHICS = dict(zip("qxtumlkjn", "─│├┤└┌┐┘┼"))


class Screen:
    def __init__(self, rows, cols):
        self.y = self.x = 0
        self.attr = frozenset()
        self.colours = set()
        self.alternate = self.alternate_seen = False
        self.cursor = True
        self.graphic = False
        self.region = None
        self.rest = ""
        self.resize(rows, cols)

    def resize(self, rows, cols):
        old = getattr(self, "cells", [])
        self.rows, self.cols = rows, cols
        self.region = (0, rows - 1)
        self.cells = [[old[y][x] if y < len(old) and x < len(old[y]) else " " for x in range(cols)]
                      for y in range(rows)]
        self.y, self.x = min(self.y, rows - 1), min(self.x, cols - 1)

    def text(self):
        return ["".join(row).rstrip() for row in self.cells]

    def feed(self, data):
        data, self.rest = self.rest + data, ""
        while data:
            if data[0] == "\x1b":
                used = self.escape(data)
                if not used:
                    self.rest = data
                    return
            else:
                self.put(data[0])
                used = 1
            data = data[used:]

    def put(self, char):
        if char == "\r":
            self.x = 0
        elif char == "\n":
            if self.y == self.region[1]:
                self.scroll(1)
            else:
                self.y = min(self.y + 1, self.rows - 1)
        elif char == "\b":
            self.x = max(min(self.x, self.cols - 1) - 1, 0)
        elif char == "\t":
            self.x = min(self.x // 8 * 8 + 8, self.cols - 1)
        elif char in "\x0e\x0f":
            self.graphic = char == "\x0e"
        elif char >= " ":
            if self.x >= self.cols:     # the cell at the edge wraps with the next character
                self.x = 0
                self.put("\n")
            self.cells[self.y][self.x] = GRAPHICS.get(char, char) if self.graphic else char
            self.x += 1
        elif char != "\x00":
            raise ValueError(f"control character {char!r}")

    def scroll(self, count):
        # a region of the size that the window had before
        top, bottom = (min(edge, self.rows - 1) for edge in self.region)
        for _ in range(abs(count)):
            self.cells.pop(top if count > 0 else bottom)
            self.cells.insert(bottom if count > 0 else top, [" "] * self.cols)

    def escape(self, data):
        """The length of the sequence that data begins with; 0 if it is not all there."""
        match = CSI.match(data)
        if match:
            self.csi(match[1], match[2], match[3])
            return match.end()
        match = CHARSET.match(data)
        if match:
            self.graphic = match[0][1] == "(" and match[0][2] == "0"
            return match.end()
        match = OSC.match(data) or CUT.match(data)
        if match:
            return match.end()
        if len(data) > 1 and data[1] in SINGLE:
            if data[1] == "M":
                if self.y == self.region[0]:
                    self.scroll(-1)
                else:
                    self.y -= 1
            return 2
        if len(data) < 32 and (len(data) == 1 or data[1] in "[]()*+"):
            return 0
        raise ValueError(f"sequence {data[:32]!r}")

    def csi(self, private, params, final):
        nums = [int(n or 0) for n in params.split(";")] if params else []
        first = nums[0] if nums else 0
        many = max(first, 1)
        if private:
            if final not in "hlc":
                raise ValueError(f"CSI {private}{params}{final}")
            for num in nums:
                if num in (1049, 47):
                    self.alternate = final == "h"
                    self.alternate_seen |= self.alternate
                elif num == 25:
                    self.cursor = final == "h"
            return
        self.x = min(self.x, self.cols - 1)
        if final in "Hf":
            self.y = min(max(first, 1), self.rows) - 1
            self.x = min(max(nums[1] if len(nums) > 1 else 1, 1), self.cols) - 1
        elif final == "A":
            self.y = max(self.y - many, 0)
        elif final in "Be":
            self.y = min(self.y + many, self.rows - 1)
        elif final in "Ca":
            self.x = min(self.x + many, self.cols - 1)
        elif final == "D":
            self.x = max(self.x - many, 0)
        elif final in "G`":
            self.x = min(many, self.cols) - 1
        elif final == "d":
            self.y = min(many, self.rows) - 1
        elif final == "J":
            self.erase_below(first)
        elif final == "K":
            span = {0: range(self.x, self.cols), 1: range(self.x + 1), 2: range(self.cols)}[first]
            for x in span:
                self.cells[self.y][x] = " "
        elif final == "X":
            for x in range(self.x, min(self.x + many, self.cols)):
                self.cells[self.y][x] = " "
        elif final == "P":
            row = self.cells[self.y]
            self.cells[self.y] = (row[:self.x] + row[self.x + many:] + [" "] * many)[:self.cols]
        elif final == "@":
            row = self.cells[self.y]
            self.cells[self.y] = (row[:self.x] + [" "] * many + row[self.x:])[:self.cols]
        elif final == "b":
            for _ in range(many):
                self.put(self.cells[self.y][self.x - 1])
        elif final in "LM" and self.region[0] <= self.y <= self.region[1]:
            region, self.region = self.region, (self.y, self.region[1])
            self.scroll(many if final == "M" else -many)
            self.region = region
        elif final in "ST":
            self.scroll(many if final == "S" else -many)
        elif final == "r":
            self.region = (many - 1, (nums[1] if len(nums) > 1 else self.rows) - 1)
            self.y = self.x = 0
        elif final == "m":
            self.colours |= {n for n in nums if 30 <= n <= 38 or 40 <= n <= 48}
        elif final not in "hlntc":
            raise ValueError(f"CSI {params}{final}")

    def erase_below(self, how):
        here = self.y * self.cols + self.x
        last = self.rows * self.cols
        span = {0: range(here, last), 1: range(here + 1), 2: range(last), 3: range(0)}[how]
        for pos in span:
            self.cells[pos // self.cols][pos % self.cols] = " "


class Terminal:
    """A running program, and its screen."""

    def __init__(self, args, env, rows=24, cols=80):
        self.screen = Screen(rows, cols)
        self.master, self.slave = pty.openpty()
        self.size(rows, cols)
        self.before = termios.tcgetattr(self.slave)
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.proc = subprocess.Popen(args, env=env, stdin=self.slave, stdout=self.slave,
                                     stderr=self.slave, preexec_fn=self.lead)

    def lead(self):
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def size(self, rows, cols):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def resize(self, rows, cols):
        """As a window does it: what is drawn for the old size may still come."""
        self.size(rows, cols)
        self.screen.resize(rows, cols)

    def send(self, text):
        os.write(self.master, text.encode())

    def kill(self, sig):
        os.kill(self.proc.pid, sig)

    def read(self, seconds):
        """Take what comes in that time; false if nothing did."""
        ready = select.select([self.master], [], [], seconds)[0]
        if ready:
            self.screen.feed(self.decoder.decode(os.read(self.master, 65536)))
        return bool(ready)

    def until(self, good, seconds=15):
        """Read until good(lines); the lines, or None if they never are."""
        end = time.monotonic() + seconds
        while True:
            while self.read(0):
                pass
            if good(self.screen.text()):
                return self.screen.text()
            if time.monotonic() > end:
                return None
            self.read(0.05)

    def wait(self, seconds=15):
        """The exit status; None if it does not end."""
        end = time.monotonic() + seconds
        while self.proc.poll() is None and time.monotonic() < end:
            self.read(0.02)
        while self.read(0):
            pass
        return self.proc.returncode

    def restored(self):
        """Is the terminal as it was?"""
        return (termios.tcgetattr(self.slave) == self.before and not self.screen.alternate and
                self.screen.cursor)

    def close(self):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGKILL)
            self.proc.wait()
        os.close(self.master)
        os.close(self.slave)
