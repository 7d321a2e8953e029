#!/usr/bin/env python3
"""terminal-test.py SCHEME -- what -m and -l show of collections, on a terminal
(a pseudo terminal) and in a pipe.  The last line says how many checks passed and
failed."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

scheme = sys.argv[1]
PROGRAM = """
(define (work n) (if (> n 0) (begin (make-vector 100 n) (work (- n 1)))))
(work 30000) (gc) (gc) (display "half of ") (gc) (display "one line") (newline)
(work 30000) (gc) (gc) (display "second line") (newline) (gc)
(display "the end") (gc)
"""
LINE = re.compile(r"gc +\d+: committed .* MB, allocated .* MB, at .* s")
counts = {True: 0, False: 0}


def check(what, good, *more):
    counts[bool(good)] += 1
    print("ok  " if good else "FAIL", what, *([] if good else map(repr, more)))


def on_terminal(*options, columns=80):
    """What the program writes when all its streams are one terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    child = subprocess.Popen([scheme, *options, "-e", PROGRAM], stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    text = b""
    while True:
        try:
            more = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not more:
            break
        text += more
    os.close(master)
    check(f"{options} on a terminal of {columns}: runs", child.wait() == 0, text[-500:])
    return text.decode().replace("\r\n", "\n")


def screen(text):
    """The lines that stand there in the end, and the longest ever written."""
    lines, column, longest = [[]], 0, 0
    for c in text:
        if c == "\r":
            column = 0
        elif c == "\n":
            lines.append([])
            column = 0
        else:
            lines[-1][column:column + 1] = c
            column += 1
            longest = max(longest, column)
    return ["".join(line).rstrip() for line in lines], longest


for columns in 80, 40:
    text = on_terminal("-m", columns=columns)
    lines, longest = screen(text)
    check(f"{columns}: collections are shown", text.count("\rgc ") >= 5, text)
    check(f"{columns}: nothing but the program's lines is left", lines == ["half of one line", "second line", "the end"], lines)
    check(f"{columns}: no line fills the terminal", longest < columns, longest)

lines, _ = screen(on_terminal("-m", "-s"))
check("the line is gone before the summary", "the endscheme: summary" in lines, lines)
check("no line of a collection is left above it", not any(map(LINE.search, lines)), lines)

lines, _ = screen(on_terminal("-l"))
logged = [line for line in lines if LINE.fullmatch(line)]
check("-l: a line for each collection on a terminal", len(logged) >= 5, lines)
check("-l: each number once", len({line.split(":")[0] for line in logged}) == len(logged), logged)

done = subprocess.run([scheme, "-m", "-e", PROGRAM], stdin=subprocess.DEVNULL, capture_output=True, text=True)
check("-m in pipes: the program's own output", done.stdout == "half of one line\nsecond line\nthe end", done.stdout)
errors = done.stderr.splitlines()
check("-m in pipes: a line for each collection", len(errors) >= 5 and all(map(LINE.fullmatch, errors)), done.stderr)
check("-m in pipes: nothing moves", "\r" not in done.stderr, done.stderr)

print(f"{counts[True]} passed, {counts[False]} failed")
sys.exit(bool(counts[False]))
