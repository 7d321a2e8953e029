#!/usr/bin/env python3
"""bench.py [--quick | --smoke] [--only NAME,...] [--rounds N] [--micro]

Runs the benchmark programs against what one would use instead, and writes one page with
tables and plots, build/bench/index.html; the figures besides as build/bench/results.json.

In each row of a table all programs run in turn, round after round, so that what else the
machine does meets all of them. Shown are the median, its spread (least to most), and the
median of the ratios round by round. Times are CPU time.

  --quick   smaller sizes, fewer rounds: under five minutes
  --smoke   each program once at a tiny size, nothing written: the last line is
            'N passed, N failed'
  --only    some of the tables, by their names (--list shows them)
  --micro   run the micro-benchmarks as well (make bench does)

Environment: CC, OPT (-O2), ARCHIVE (build/libmps.a), CARGO. Plots are gnuplot's.
"""

import argparse
import datetime
import html
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "bench"
BIN = OUT / "bin"
CC = os.environ.get("CC", "cc")
OPT = os.environ.get("OPT", "-O2")
ARCHIVE = Path(os.environ.get("ARCHIVE", ROOT / "build" / "libmps.a"))
# Longer than any run on a slow machine: the largest tree takes a minute.
PATIENCE = 900


class Programs:
    """What is compiled, and why what is not is missing."""

    def __init__(self):
        self.missing = {}
        BIN.mkdir(parents=True, exist_ok=True)
        mps = ["-DUSE_MPS", "-DHAVE_MPSX", "-I", ROOT / "include"]
        end = [ARCHIVE, "-lpthread", "-lm"]
        for name in ("tree", "quads", "pause"):
            source = ROOT / "benches" / name / f"{name}.c"
            if not source.exists():
                continue
            self.build(f"{name}-mps", [source, *mps, *end])
            self.build(f"{name}-boehm", [source, "-DUSE_BOEHM", "-lgc"])
        self.build("tree-soft", [ROOT / "benches/tree/tree.c", *mps, "-DSOFT", *end])
        source = ROOT / "benches/alloc/alloc.c"
        self.build("alloc-mps", [source, *mps, *end])
        self.build("alloc-glibc", [source, "-lpthread"])
        for other in ("mimalloc", "jemalloc"):
            self.build(f"alloc-{other}", [source, f"-l{other}", "-lpthread"])
        self.build("micro", [ROOT / "benches/micro/micro.c", "-DMAIN", *mps, *end])

    def build(self, name, arguments):
        # Libraries come after the sources that want them.
        command = [CC, "-std=gnu11", *OPT.split(), "-Wall", "-Wextra", "-o", BIN / name]
        done = subprocess.run(command + arguments, capture_output=True, text=True)
        if done.returncode != 0:
            self.missing[name] = (done.stderr.strip().splitlines() or ["?"])[-1]

    def why_not(self, name):
        return self.missing.get(name) or self.missing.get(name.split("-")[0])


def run(command):
    """One run: its name=value pairs as numbers, or what went wrong as text."""
    try:
        done = subprocess.run(
            [BIN / command[0], *command[1:]], capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return "took too long"
    if done.returncode != 0:
        return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    values = {}
    for word in done.stdout.split():
        name, equals, value = word.partition("=")
        if equals:
            try:
                values[name] = float(value)
            except ValueError:
                pass
    return values


class Measure:
    """A figure of a table: what it is called, its unit, and how it is got from a run."""

    def __init__(self, name, unit, get, ratio=True, digits=2, more_is_better=False):
        self.name, self.unit, self.get = name, unit, get
        self.ratio, self.digits, self.more_is_better = ratio, digits, more_is_better


class Table:
    """Rows (label, x, options), programs (label, command), and what is measured."""

    def __init__(self, name, title, text, rows, programs, measures, base, x=None, rounds=None):
        self.name, self.title, self.text = name, title, text
        self.rows, self.programs, self.measures = rows, programs, measures
        self.base, self.x, self.rounds = base, x, rounds
        self.figures = {}
        self.failed = {}
        self.source = programs[-1][1][0].split("-")[0]

    def measure(self, programs, rounds):
        rounds = self.rounds or rounds
        for label, _, options in self.rows:
            runs = {p: [] for p, _ in self.programs}
            for i in range(rounds):
                for p, command in self.programs:
                    if programs.why_not(command[0]):
                        self.failed[label, p] = "not built: " + programs.why_not(command[0])
                        continue
                    if (label, p) in self.failed:
                        continue
                    got = run([*command, *options])
                    if isinstance(got, str):
                        self.failed[label, p] = got
                    else:
                        runs[p].append(got)
                    say(f"\r{self.name}: {label}, round {i + 1} of {rounds}, {p}          ")
            for m in self.measures:
                lists = {}
                for p in runs:
                    if (label, p) not in self.failed and runs[p]:
                        try:
                            lists[p] = [m.get(r) for r in runs[p]]
                        except KeyError as e:
                            self.failed[label, p] = f"says nothing of {e}"
                for p, values in lists.items():
                    base = lists.get(self.base)
                    ratios = None
                    if m.ratio and base and p != self.base and all(base):
                        ratios = sorted(a / b for a, b in zip(values, base))
                    self.figures[label, p, m.name] = (sorted(values), ratios)
        say("\r" + " " * 78 + "\r")

    def cell(self, label, p, m):
        if (label, p) in self.failed:
            return None
        return self.figures.get((label, p, m.name))


def say(text):
    if sys.stderr.isatty():
        sys.stderr.write(text)
        sys.stderr.flush()


# --- What is measured ---


def tables(size):
    """All tables. size: full, quick or smoke."""
    full, smoke = size == "full", size == "smoke"

    def pick(a, b, c):
        return a if full else c if smoke else b

    all_tables = []
    # 2^depth nodes of 32 bytes live, and some millions more that replace them.
    depths = pick([18, 21, 24, 26], [18, 21, 23], [10])
    more = pick(8000000, 4000000, 20000)

    def live(d):
        return f"{2 ** (d - 15)} MB" if d >= 15 else f"{2 ** (d - 5)} KB"

    seconds = Measure("CPU time", "s", lambda r: r["ns"] * r["objects"] * 1e-9)
    rss = Measure("peak memory", "MB", lambda r: r["rss_kb"] / 1024, digits=0)
    all_tables.append(
        Table(
            "tree",
            "Collection: a tree",
            f"Subtrees of a binary tree are replaced at random, {more} objects after the tree "
            "is built, by how much is alive. One thread each.",
            [(live(d), 2.0 ** (d - 15), ["-d", str(d), "-n", str(2**d + more), "-g", "0"]) for d in depths],
            [("Boehm", ["tree-boehm"])]
            + [(k.upper(), ["tree-mps", "-k", k]) for k in ("amc", "ams", "awl")],
            [seconds, rss],
            "Boehm",
            "alive, MB",
        )
    )
    all_tables.append(
        Table(
            "soft",
            "Page protection and the software barrier",
            "The same with a look before each access to an object.",
            [(live(d), 2.0 ** (d - 15), ["-d", str(d), "-n", str(2**d + more), "-g", "0"]) for d in depths[:2]],
            [("AMC, pages", ["tree-mps"]), ("AMC, software", ["tree-soft"])],
            [seconds],
            "AMC, pages",
        )
    )
    gap = Measure("longest gap", "ms", lambda r: r["gap_max_ms"])
    per = Measure("99.9th percentile", "us", lambda r: r["gap_p999_us"], ratio=False)
    all_tables.append(
        Table(
            "gaps",
            "Gaps between two allocations",
            "The same tree; the longest time, of the thread's CPU clock, that the program was "
            "kept waiting.",
            [(live(d), 2.0 ** (d - 15), ["-d", str(d), "-n", str(2**d + more)]) for d in depths[:3]],
            [
                ("Boehm", ["tree-boehm"]),
                ("Boehm, incremental", ["tree-boehm", "-i"]),
                ("AMC", ["tree-mps"]),
                ("AMC, 1 ms", ["tree-mps", "-p", "0.001"]),
                ("AMC, 0", ["tree-mps", "-p", "0"]),
            ],
            [gap, per],
            "Boehm",
            "alive, MB",
        )
    )
    shares = [
        Measure(f"worst {w} ms", "%", lambda r, w=w: 100 * r[f"w{w}"], ratio=False, digits=0, more_is_better=True)
        for w in (10, 20, 50, 100)
    ]
    whole = Measure("whole run", "%", lambda r: 100 * r["share"], ratio=False, digits=0, more_is_better=True)
    objects = pick(20000000, 10000000, 20000)
    tree = ["-d", str(pick(22, 20, 10)), "-n", str(objects)]
    pause_programs = [
        ("Boehm, incremental", ["pause-boehm", "-i"]),
        ("AMC, 10 ms", ["pause-mps", "-p", "0.01"]),
        ("AMC, 1 ms", ["pause-mps", "-p", "0.001"]),
    ]
    all_tables.append(
        Table(
            "utilisation",
            "The program's share of its time",
            "Of the worst stretch of so many milliseconds, what the program had; and of the "
            "whole run (benches/pause).",
            [("tree", None, ["-m", "tree", *tree])],
            pause_programs,
            [*shares, whole, gap],
            "Boehm, incremental",
            rounds=pick(3, 1, 1),
        )
    )
    lengths = pick([1000000, 8000000], [1000000], [1000])
    all_tables.append(
        Table(
            "arrays",
            "One large array of references",
            "New objects are stored at random places of one array.",
            [
                (f"{n / 1e6:g} M references", n / 1e6, ["-m", "array", "-l", str(n), "-n", str(objects // 4)])
                for n in lengths
            ],
            pause_programs,
            [gap, whole],
            "Boehm, incremental",
            rounds=pick(3, 1, 1),
        )
    )
    depth = pick(10, 10, 4)
    build = Measure("building", "s", lambda r: r["build_s"], digits=3)
    work = Measure("rounds", "s", lambda r: r["rounds_s"], digits=3)
    all_tables.append(
        Table(
            "quads",
            "Four-way trees",
            "A tree of 53 MB stays; twenty rounds of small ones die. The heap may be so many "
            "times as large as what is alive.",
            [(f"heap {f} times", f, ["-d", str(depth), "-f", str(f)]) for f in pick((1.75, 2.5, 5), (1.75, 2.5, 5), (0,))],
            [("Boehm", ["quads-boehm"])] + [(k.upper(), ["quads-mps", "-k", k]) for k in ("amc", "ams")],
            [build, work, rss],
            "Boehm",
            "heap, of live",
        )
    )
    ns = Measure("a pair of free and alloc", "ns", lambda r: r["ns"], digits=1)
    memory = Measure("memory, of live", "", lambda r: r["used_kb"] / r["live_kb"], ratio=False)
    steps = pick(5000000, 1500000, 2000)

    def sized(text, live_blocks, most, part=1, *extra):
        n = min(live_blocks, 2000) if smoke else live_blocks
        return (text, None, ["-n", str(n), "-s", str(most), "-i", str(max(steps // part, 500)), *extra])

    others = [(o, [f"alloc-{o}", "malloc"]) for o in ("glibc", "mimalloc", "jemalloc")]

    def pools(*names):
        return [(text, ["alloc-mps", way]) for text, way in names]

    mvff, mvt = ("MVFF", "mvff"), ("MVT", "mvt")
    point, sac = ("MVFF, a point", "mvff_ap"), ("MVFF, caches", "mvff_sac")
    all_tables.append(
        Table(
            "pairs",
            "Manual pools: random pairs of free and alloc",
            "Sizes are even between 1 byte and the largest.",
            [
                sized("256 B, 100 k live", 100000, 256),
                sized("256 B, 1 M live", 1000000, 256, 2),
                sized("1 KB, 10 k live", 10000, 1024, 2),
                sized("64 KB, 5 k live", 5000, 65536, 5),
            ],
            others + pools(mvff, point, mvt),
            [ns, memory],
            "mimalloc",
        )
    )
    all_tables.append(
        Table(
            "caches",
            "Manual pools: caches",
            "Segregated allocation caches on MVFF.",
            [sized("256 B, 100 k live", 100000, 256)],
            others + pools(sac),
            [ns, memory],
            "mimalloc",
        )
    )
    all_tables.append(
        Table(
            "units",
            "Manual pools: blocks of one size",
            "64 bytes each.",
            [sized("64 B, 100 k live", 100000, 64)],
            [(o, [*c, "-e"]) for o, c in others] + pools(("MFS", "mfs")),
            [ns, memory],
            "mimalloc",
        )
    )
    all_tables.append(
        Table(
            "threads",
            "Threads on one pool",
            "CPU time of a pair, all threads together; sizes to 256.",
            [sized(f"{t} thread{'s'[: t - 1]}", 100000, 256, 1, "-t", str(t)) for t in (1, 2, 4)],
            others + pools(mvff, mvt),
            [ns, memory],
            "mimalloc",
        )
    )
    alloc = Measure("one alloc", "ns", lambda r: r["ns"], digits=1)
    free = Measure("one free", "ns", lambda r: r["free_ns"], digits=1)
    n = str(pick(100000, 100000, 1000))
    all_tables.append(
        Table(
            "bulk",
            "Many in a row",
            "100,000 blocks to 256 bytes, freed in random order and made again: all of them, or half.",
            [("all", None, ["-b", "-n", n]), ("half", None, ["-b", "-h", "-n", n])],
            others + pools(mvff, point, mvt),
            [alloc, free],
            "mimalloc",
        )
    )
    # Those whose program is not there can't be tried at all.
    return [t for t in all_tables if (ROOT / "benches" / t.source).exists()]


# --- The micro-benchmarks ---


def micro(size):
    """Runs criterion; what it found, as (group, name, ns, low, high)."""
    home = OUT / "criterion"
    shutil.rmtree(home, ignore_errors=True)
    how = (
        ["--sample-size", "30", "--warm-up-time", "1", "--measurement-time", "3"]
        if size == "full"
        else ["--sample-size", "10", "--warm-up-time", "0.2", "--measurement-time", "0.4", "--noplot"]
    )
    environment = dict(os.environ, CRITERION_HOME=str(home), MPS_ARCHIVE=str(ARCHIVE))
    log = OUT / "micro.log"
    with open(log, "w") as to:
        done = subprocess.run(
            [os.environ.get("CARGO", "cargo"), "bench", "--quiet", "--locked", "--target-dir", ROOT / "build/cargo/micro", "--bench", "micro", "--", *how],
            cwd=ROOT / "benches" / "micro",
            stdout=to,
            stderr=to,
            env=environment,
        )
    if done.returncode != 0:
        return f"failed: {log}"
    found = []
    for estimates in home.glob("**/new/estimates.json"):
        of = json.loads((estimates.parent / "benchmark.json").read_text())
        mean = json.loads(estimates.read_text())["mean"]
        between = mean["confidence_interval"]
        name = (of["group_id"], of["function_id"])
        found.append((*name, mean["point_estimate"], between["lower_bound"], between["upper_bound"]))

    def order(row):
        name = row[1]
        return (row[0], int(name) if name.isdigit() else 0, name)

    return sorted(found, key=order)


# --- The page ---

# Told apart in print and by most who see colours badly (Okabe and Ito).
COLOURS = ["#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999"]


def number(x, digits):
    return f"{x:.{digits}f}" if x < 1000 else f"{x:,.0f}"


def plot(table, m):
    """An SVG of gnuplot's, as text; or why there is none."""
    have = [
        (i, p)
        for i, (p, _) in enumerate(table.programs)
        if any(table.cell(label, p, m) for label, _, _ in table.rows)
    ]
    if not have or shutil.which("gnuplot") is None:
        return "<p>(no plot: gnuplot is not there)</p>" if have else ""
    lines = table.x is not None and len(table.rows) > 1
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        with open(data, "w") as to:
            for label, x, _ in table.rows:
                words = [str(x) if lines else json.dumps(label)]
                for _, p in have:
                    cell = table.cell(label, p, m)
                    values = cell[0] if cell else None
                    words += [str(v) for v in (statistics.median(values), values[0], values[-1])] if values else ["NaN"] * 3
                to.write("\t".join(words) + "\n")
        script = [
            "set terminal svg size 640,300 dynamic enhanced font 'sans-serif,11' background '#ffffff'",
            "set key outside right top",
            "set grid ytics lc rgb '#dddddd'",
            "set border 3",
            "set tics nomirror",
            "set datafile separator '\\t'",
            f"set ylabel {json.dumps(m.name + (', ' + m.unit if m.unit else ''))}",
            "set yrange [0:*]",
        ]
        name = json.dumps(str(data))
        draw = []
        if lines:
            xs = [x for _, x, _ in table.rows]
            if max(xs) / min(xs) > 10:
                script.append("set logscale x 2")
                values = [v for label, _, _ in table.rows for _, p in have for v in (table.cell(label, p, m) or [[]])[0]]
                if min(values) > 0 and max(values) / min(values) > 20:
                    script += ["set logscale y", "set yrange [*:*]"]
            script.append(f"set xrange [{min(xs) * 0.95}:{max(xs) * 1.05}]")
            script += [f"set xlabel {json.dumps(table.x)}", f"set xtics ({', '.join(map(str, xs))})"]
            for k, (i, p) in enumerate(have):
                c = COLOURS[i % len(COLOURS)]
                draw.append(f"{name} using 1:{3 * k + 2}:{3 * k + 3}:{3 * k + 4} with yerrorlines lw 2 lc rgb '{c}' title {json.dumps(p)}")
        else:
            script += [
                "set style data histogram",
                "set style histogram errorbars gap 1 lw 1",
                "set style fill solid 0.8",
                "set offsets 0,0,0,0",
            ]
            for k, (i, p) in enumerate(have):
                c = COLOURS[i % len(COLOURS)]
                draw.append(f"{name} using {3 * k + 2}:{3 * k + 3}:{3 * k + 4}:xtic(1) lc rgb '{c}' title {json.dumps(p)}")
        done = subprocess.run(
            ["gnuplot"], input="\n".join(script + ["plot " + ", ".join(draw)]) + "\n", capture_output=True, text=True
        )
    if done.returncode != 0 or "<svg" not in done.stdout:
        return f"<p>(no plot: {html.escape(done.stderr.strip()[-300:])})</p>"
    return "<figure>" + done.stdout[done.stdout.index("<svg") :] + "</figure>"


def rows_of(table):
    """The table as cells of text: a head and rows."""
    head = ["", ""]
    for m in table.measures:
        head.append(m.name + (f", {m.unit}" if m.unit else ""))
        if m.ratio:
            head.append(f"of {table.base}")
    rows = []
    for label, _, _ in table.rows:
        for p, _ in table.programs:
            row = [label, p]
            if (label, p) in table.failed:
                rows.append(row + [table.failed[label, p]])
                continue
            for m in table.measures:
                cell = table.cell(label, p, m)
                if cell is None:
                    row += ["", ""] if m.ratio else [""]
                    continue
                values, ratios = cell
                text = number(statistics.median(values), m.digits)
                if len(values) > 1:
                    text += f" ({number(values[0], m.digits)} to {number(values[-1], m.digits)})"
                row.append(text)
                if m.ratio:
                    text = ""
                    if ratios:
                        text = f"{statistics.median(ratios):.2f}"
                        if len(ratios) > 1:
                            text += f" ({ratios[0]:.2f} to {ratios[-1]:.2f})"
                    row.append(text)
            rows.append(row)
    return head, rows


def print_table(table):
    head, rows = rows_of(table)
    print(f"\n{table.title} [{table.name}]")
    all_rows = [head, *rows]
    widths = [max(len(r[i]) for r in all_rows if i < len(r) and not (len(r) == 3 and i == 2)) for i in range(len(head))]
    for r in all_rows:
        print("  " + "  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip())


def machine():
    """What a reader wants to know of the machine, as (name, value)."""
    cpu, memory = platform.processor(), "?"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal"):
            memory = f"{int(line.split()[1]) / 2**20:.1f} GB"

    def first_line(*command):
        try:
            return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.splitlines()[0]
        except (OSError, IndexError):
            return "?"

    return [
        ("date", datetime.datetime.now().astimezone().strftime("%d %B %Y, %H:%M %Z")),
        ("machine", f"{platform.node()}: {cpu}, {os.cpu_count()} processors, {memory}"),
        ("system", f"{platform.system()} {platform.release()}, load {os.getloadavg()[0]:.1f} at the start"),
        ("compilers", first_line(CC, "--version") + "; " + first_line("rustc", "--version")),
        ("library", first_line("git", "describe", "--always", "--dirty") + f", {ARCHIVE.stat().st_size:,} bytes"),
    ]


STYLE = """
body { font: 15px/1.5 sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 }
th, td { padding: .15em .8em .15em 0; text-align: right; white-space: nowrap; border-bottom: 1px solid #e5e5e5 }
th { font-weight: 600 } td:nth-child(-n+2), th:nth-child(-n+2) { text-align: left }
td.failed { text-align: left; color: #a33; white-space: normal }
figure { margin: 1em 0 } .scroll { overflow-x: auto } svg { max-width: 100%; height: auto }
"""


def page(done, found, about, size):
    e = html.escape
    to = [
        "<!DOCTYPE html><html lang='en'><meta charset='utf-8'><title>Benchmarks</title>",
        "<meta name='viewport' content='width=device-width'>",
        f"<style>{STYLE}</style><h1>Benchmarks</h1><table>",
    ]
    to += [f"<tr><td>{e(a)}</td><td>{e(b)}</td></tr>" for a, b in about]
    to.append("</table><p>In each row all programs ran in turn, round after round. Shown are the median, in "
              "brackets the least and the most, and the median of the ratios round by round. Times are CPU time.")
    to.append(" Sizes are small and rounds few (quick).</p>" if size == "quick" else "</p>")
    for t in done:
        head, rows = rows_of(t)
        to.append(f"<h2 id='{t.name}'>{e(t.title)}</h2><p>{e(t.text)}</p>")
        to += [plot(t, m) for m in t.measures[:2]]
        to.append("<div class='scroll'><table><tr>" + "".join(f"<th>{e(c)}</th>" for c in head) + "</tr>")
        last = None
        for r in rows:
            cells = ["" if r[0] == last else r[0], *r[1:]]
            last = r[0]
            if len(r) == 3 and len(head) > 3:
                to.append(f"<tr><td>{e(cells[0])}</td><td>{e(r[1])}</td><td class='failed' colspan='{len(head) - 2}'>{e(r[2])}</td></tr>")
            else:
                to.append("<tr>" + "".join(f"<td>{e(c)}</td>" for c in cells) + "</tr>")
        to.append("</table></div>")
    if found is not None:
        to.append("<h2 id='micro'>Single operations</h2><p>By criterion: the mean, and the bounds that it is "
                  "within with a confidence of 95 %. Nanoseconds.")
        if (OUT / "criterion" / "report" / "index.html").exists():
            to.append(" <a href='criterion/report/index.html'>Its own report</a>.")
        to.append("</p>")
        if isinstance(found, str):
            to.append(f"<p>{e(found)}</p>")
        else:
            to.append("<table><tr><th></th><th></th><th>ns</th><th>from</th><th>to</th></tr>")
            last = None
            for group, name, *values in found:
                to.append(f"<tr><td>{e(group) if group != last else ''}</td><td>{e(name)}</td>"
                          + "".join(f"<td>{number(v, 2)}</td>" for v in values) + "</tr>")
                last = group
            to.append("</table>")
    to.append("</html>\n")
    return "\n".join(to)


# --- The ways to call it ---


def smoke(programs):
    """Does each program work? One run of each row at a tiny size."""
    passed = failed = 0
    absent = {}
    for t in tables("smoke"):
        for label, _, options in t.rows:
            for p, command in t.programs:
                why = programs.why_not(command[0])
                if why and command[0].split("-")[1] not in ("mps", "soft"):
                    # What is compared with need not be installed.
                    absent[command[0]] = why
                    continue
                got = why or run([*command, *options])
                if isinstance(got, dict):
                    try:
                        for m in t.measures:
                            m.get(got)
                    except (KeyError, ZeroDivisionError) as e:
                        got = f"says nothing of {e}"
                if isinstance(got, dict):
                    passed += 1
                else:
                    failed += 1
                    print(f"FAIL bench {t.name}, {label}, {p}: {got}")
    why = programs.why_not("micro")
    got = why or run(["micro"])
    if isinstance(got, str):
        failed += 1
        print(f"FAIL bench micro: {got}")
    else:
        passed += 1
    for name, why in absent.items():
        print(f"not tried: {name}: {why}")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


def main():
    options = argparse.ArgumentParser(usage=__doc__)
    options.add_argument("--quick", action="store_true")
    options.add_argument("--smoke", action="store_true")
    options.add_argument("--list", action="store_true")
    options.add_argument("--only", default="")
    options.add_argument("--rounds", type=int)
    options.add_argument("--micro", action="store_true")
    given = options.parse_args()
    sys.stdout.reconfigure(line_buffering=True)
    if given.list:
        print(" ".join(t.name for t in tables("full")))
        return 0
    programs = Programs()
    if given.smoke:
        return smoke(programs)
    size = "quick" if given.quick else "full"
    rounds = given.rounds or (2 if given.quick else 5)
    about = machine()
    only = given.only.replace(",", " ").split()
    wanted = [t for t in tables(size) if not only or t.name in only]
    unknown = [n for n in only if n not in [t.name for t in tables(size)]]
    if unknown:
        print(f"bench.py: no such table: {' '.join(unknown)}", file=sys.stderr)
        return 2
    for a, b in about:
        print(f"{a:10} {b}")
    for t in wanted:
        t.measure(programs, rounds)
        print_table(t)
    found = None
    if given.micro:
        found = micro(size)
        print("\nSingle operations, ns [micro]")
        if isinstance(found, str):
            print("  " + found)
        else:
            for group, name, mean, low, high in found:
                print(f"  {group:14} {name:34} {number(mean, 2):>10} ({number(low, 2)} to {number(high, 2)})")
    kept = {
        "about": dict(about),
        "size": size,
        "tables": {
            t.name: [
                {"row": label, "program": p, "measure": m, "values": values, "ratios": ratios}
                for (label, p, m), (values, ratios) in t.figures.items()
            ]
            for t in wanted
        },
        "failed": [[t.name, *key, why] for t in wanted for key, why in t.failed.items()],
        "micro": found,
    }
    (OUT / "results.json").write_text(json.dumps(kept, indent=1) + "\n")
    (OUT / "index.html").write_text(page(wanted, found, about, size))
    print(f"\n{OUT / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
