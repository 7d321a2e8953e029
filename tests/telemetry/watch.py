#!/usr/bin/env python3
"""watch.py TOOL WORK -- `mps-telemetry watch` in a pseudo terminal, while a program writes the
stream. The last line says how many checks passed and failed."""

import fcntl
import os
import pathlib
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time

tool, work = sys.argv[1:3]
counts = {True: 0, False: 0}
# Seconds to wait for what must come: a guard, not a measure.
GUARD = 120


def check(what, good, *more):
    counts[bool(good)] += 1
    print("ok  " if good else "FAIL", what, *([] if good else map(repr, more)), flush=True)


class Terminal:
    """A screen of 30 lines of 100, kept as the escape sequences say."""

    def __init__(self, *command):
        self.master, slave = pty.openpty()
        self.before = termios.tcgetattr(slave)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=dict(os.environ, TERM="xterm"))
        self.slave, self.raw, self.rest = slave, b"", ""
        self.cells, self.row, self.column = {}, 0, 0

    def read(self):
        """What has come within a moment, if anything."""
        if not select.select([self.master], [], [], 0.1)[0]:
            return False
        more = os.read(self.master, 65536)
        self.raw += more
        self.feed(more.decode(errors="ignore"))
        return True

    def feed(self, text):
        text = self.rest + text
        self.rest = ""
        i = 0
        while i < len(text):
            if text[i] == "\x1b":
                m = re.match(r"\x1b\[([?\d;]*)([A-Za-z])", text[i:])
                if not m:
                    if len(text) - i < 20:
                        self.rest = text[i:]
                        return
                    i += 1
                    continue
                if m[2] == "H":
                    numbers = [int(n or 1) for n in (m[1] or "1;1").split(";")]
                    self.row, self.column = numbers[0] - 1, numbers[1] - 1
                elif m[2] == "J":
                    self.cells = {}
                i += m.end()
                continue
            self.cells[self.row, self.column] = text[i]
            self.column += 1
            i += 1

    def screen(self):
        return "\n".join("".join(self.cells.get((r, c), " ") for c in range(100)) for r in range(30))

    def until(self, what):
        end = time.monotonic() + GUARD
        while not what(self.screen()):
            if time.monotonic() > end or self.child.poll() is not None:
                return False
            self.read()
        return True

    def finish(self, key):
        os.write(self.master, key)
        end = time.monotonic() + GUARD
        while self.child.poll() is None and time.monotonic() < end:
            self.read()
        while self.read():
            pass
        return self.child.wait()


def collections(screen):
    m = re.search(r"(\d+) collections", screen)
    return int(m[1]) if m else 0


with tempfile.TemporaryDirectory() as folder:
    stream = pathlib.Path(folder) / "mpsio.log"
    t = Terminal(tool, "watch", "--every", "50", str(stream))
    check("waits for a stream that is not there", t.until(lambda s: "nothing yet" in s and "waiting" in s), t.screen())
    environment = dict(os.environ, MPS_TELEMETRY_CONTROL="all", MPS_TELEMETRY_FILENAME=str(stream))
    program = subprocess.Popen([work, "1000", "4000000", "0"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen = []

    def more(screen):
        n = collections(screen)
        if n and (not seen or n > seen[-1][0]):
            seen.append((n, program.poll() is None))
        return len(seen) >= 3

    check("the number of collections grows", t.until(more), seen, t.screen())
    check("while the program runs", sum(running for _, running in seen) >= 2, seen)
    check("the program ends well", program.wait() == 0)
    shown = subprocess.run([tool, "json", str(stream)], capture_output=True, text=True).stdout
    total = shown.count('"TraceStart"')
    check("in the end all are shown", total > 0 and t.until(lambda s: collections(s) == total), total, t.screen())
    s = t.screen()
    for what in ("MB committed", "generation 0", "pauses: half", "live", "q: quit"):
        check(f"the screen has: {what}", what in s, s)
    check("q ends it", t.finish(b"q") == 0, t.raw[-300:])
    check("it has a screen of its own and gives it back", b"\x1b[?1049h" in t.raw and b"\x1b[?1049l" in t.raw, t.raw[-300:])
    check("the terminal is as before", termios.tcgetattr(t.slave) == t.before)

    t = Terminal(tool, "watch", str(stream))
    t.until(lambda s: "q: quit" in s)
    check("so does control C", t.finish(b"\x03") == 0)
    done = subprocess.run([tool, "watch", str(stream)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    check("without a terminal it fails and says so", done.returncode != 0 and b"mps-telemetry: " in done.stderr, done)

print(f"{counts[True]} passed, {counts[False]} failed")
sys.exit(counts[False] != 0)
