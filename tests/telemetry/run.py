#!/usr/bin/env python3
"""run.py TOOL WORK -- mps-telemetry on streams of a real program, one with a
child process.  Events must add up to what the program was told by mps_x_stats,
and the page must draw what it was given.  The last line says how many checks
passed and failed."""

import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from browser import Browser, complaints

tool, work = sys.argv[1:3]
counts = {True: 0, False: 0}


def check(what, good, *more):
    counts[bool(good)] += 1
    print("ok  " if good else "FAIL", what, *([] if good else more), flush=True)


def program(stream, *arguments):
    """Runs it; what each of its processes printed, by role."""
    environment = dict(os.environ, MPS_TELEMETRY_CONTROL="all", MPS_TELEMETRY_FILENAME=str(stream))
    done = subprocess.run([work, *map(str, arguments)], env=environment, capture_output=True, text=True)
    print("   ", done.stderr.strip())
    check(f"the program runs with {arguments}", done.returncode == 0, done.stdout, done.stderr)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["role"]: line for line in lines}


def show(*arguments, **more):
    return subprocess.run([tool, *map(str, arguments)], capture_output=True, **more)


def events(path):
    done = show("json", path)
    check(f"json of {path.name}", done.returncode == 0, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def adds_up(name, said, all_events):
    kind = collections.defaultdict(list)
    for e in all_events:
        kind[e["event"]].append(e)
    pauses = [e["ticks"] / 1e6 for e in kind["Pause"]]
    check(f"{name}: pauses", len(pauses) == said["pauses"] > 10, len(pauses), said)
    check(f"{name}: their sum", abs(sum(pauses) - said["total"]) < 1e-5, sum(pauses), said)
    if name == "parent":
        pauses.sort()
        check(f"{name}: the longest", abs(pauses[-1] - said["max"]) < 1e-8, pauses[-1], said)
        for q, key in [(0.5, "p50"), (0.99, "p99"), (0.999, "p999")]:
            exact = pauses[max(0, -int(-len(pauses) * q // 1) - 1)]
            good = exact - 1e-8 <= said[key] <= exact * 17 / 16 + 1e-8
            check(f"{name}: {key}", good, exact, said)
    last = kind["Work"][-1]
    got = [last[k] for k in ["moved", "reclaimed", "read_hits", "write_hits", "map_calls"]]
    want = [said[k] for k in ["moved", "reclaimed", "reads", "writes", "map"]]
    check(f"{name}: work", got == want, got, want)
    check(f"{name}: steps", len(kind["Step"]) == said["steps"], len(kind["Step"]), said)
    # A child begins in the middle of a collection, or not.
    check(f"{name}: starts and ends", len(kind["TraceEnd"]) - len(kind["TraceStart"]) in (0, name == "child"))
    whys = {e["why"] for e in kind["TraceStart"]}
    check(f"{name}: why", len(whys) >= 2 and all(w.endswith(".") for w in whys), whys)
    check(f"{name}: forked", len(kind["Forked"]) == (name == "child"))
    check(f"{name}: nothing unknown", not kind["Unknown"] and not kind["Lost"])


def damaged(dir, stream):
    whole = stream.read_bytes()
    for name, data, said in [
        ("empty", b"", "the stream is empty"),
        ("other", b"#!/bin/sh\n", "not an event stream"),
        ("later", b"MPSE\x07" + whole[5:], "version 7"),
        ("cut", whole[:-1], "breaks off"),
        ("damaged", whole[:500] + bytes(300) + whole[800:], ""),
    ]:
        path = dir / name
        path.write_bytes(data)
        for how in ["text", "json", "trace", "report"]:
            done = show(how, path)
            message = done.stderr.decode()
            good = done.returncode == 1 and path.name in message and said in message
            check(f"{how} of a stream that is {name}", good and "panicked" not in message, done.returncode, message)
            shown = name in ("cut", "damaged")
            check(f"{how} shows what there is", bool(done.stdout) == shown, len(done.stdout))
    done = show("text", dir / "not-there")
    check("a file that is not there", done.returncode == 1 and b"not-there" in done.stderr, done.stderr)
    done = show("report", stream, "-o", dir / "no" / "folder")
    check("a place that can't be written to", done.returncode == 1 and b"cannot write" in done.stderr, done.stderr)
    done = show("text", "-", input=whole)
    check("standard input", done.returncode == 0 and done.stdout.count(b"\n") > 100, done.stderr)


def traces(dir, files):
    done = show("trace", *files)
    check("trace", done.returncode == 0, done.stderr)
    all_events = json.loads(done.stdout)["traceEvents"]
    check("trace: two processes", {e["pid"] for e in all_events} == {1, 2})
    slices = [e for e in all_events if e["ph"] == "X"]
    check("trace: slices are in their time", slices and all(e["ts"] >= 0 and e["dur"] >= 0 for e in slices))
    check("trace: counters", any(e["ph"] == "C" and e["args"].get("bytes", 0) > 0 for e in all_events))


def page(browser, path, streams, arenas):
    done = show("report", *streams, "-o", path)
    check(f"report of {len(streams)} streams", done.returncode == 0, done.stderr)
    plots, wrong = browser.plots(path)
    wrong += complaints(plots, arenas)
    for p in plots:
        mine = [w for w in wrong if w.startswith(p["id"] + ":")]
        check(f"{path.name}: {p['id']} has drawn {p['drawn']}", not mine, *mine)
        wrong = [w for w in wrong if w not in mine]
    check(f"{path.name}: the rest of the page", not wrong, *wrong)
    return plots


def without_one(browser, good, dir, plots):
    """Can the check above fail?  For each plot, a page in which it has lost a
    series, and one in which it is not drawn at all."""
    html = good.read_text()
    for p in plots[:6]:
        call = f'drawn.push(Plotly.newPlot("{p["id"]}", '
        at = html.index(call) + len(call)
        end = html.index("));\n", at)
        figure = json.loads(html[at : end])
        del figure["data"][-1]
        for what, script in [("a series", call + json.dumps(figure) + "));\n"), ("everything", "")]:
            bad = dir / "bad.html"
            bad.write_text(html[: at - len(call)] + script + html[end + 4 :])
            now, _ = browser.plots(bad)
            wrong = complaints(now, 2)
            mine = wrong and all(w.startswith(p["id"] + ":") for w in wrong)
            check(f"{p['id']} without {what} is noticed", mine, wrong)


def heap(browser, dir, stream):
    def shown(*how):
        done = show("heap", stream, *how)
        check(f"heap {' '.join(map(str, how))}", done.returncode == 0, done.stderr)
        return done.stdout.decode()

    # What the snapshots have, by another reader.
    snapshots = []
    for e in events(stream):
        if e["event"] == "HeapBegin":
            snapshots.append([])
        elif e["event"].startswith("Heap"):
            snapshots[-1].append(e)
    first, last = [[e for e in s if e["event"] == "HeapObject"] for s in snapshots]
    size = {e["address"]: e["size"] for e in last}
    refs, at = collections.defaultdict(list), None
    for e in snapshots[-1]:
        at = e.get("address", e.get("root", at))
        if e["event"] == "HeapRefs":
            start = int(at, 16) if at in size else 0
            refs[at] += [hex(start + d) for d in e["distances"]]
    roots = [e["root"] for e in snapshots[-1] if e["event"] == "HeapRoot" and e["root"] != "0x0"]
    reached, came, queue = set(), {}, list(roots)
    for a in queue:
        for to in refs[a]:
            if to in size and to not in reached:
                reached.add(to)
                came[to] = a
                queue.append(to)
    s = json.loads(shown("--form", "json"))
    check("heap: objects and bytes", (s["objects"], s["bytes"]) == (len(last), sum(size.values())), s)
    dead = sum(n for a, n in size.items() if a not in reached)
    check("heap: what is out of reach", s["dead"] == dead and len(reached) > 1000, s["dead"], dead)
    group = s["groups"]["vectors"]
    check("heap: growth", group["before_bytes"] == sum(e["size"] for e in first) > 0, group)
    check("heap: the table retains all", s["largest"][0]["bytes"] == sum(size[a] for a in reached), s["largest"])
    far = queue[-1]
    length, a = 1, far
    while a in came:
        a, length = came[a], length + 1
    s = json.loads(shown("--form", "json", "--path", far))
    check("heap: the shortest path", len(s["path"]) == length and far in s["path"][-1], s["path"], length)
    check("heap: text", "vectors" in shown())
    page = dir / "heap.html"
    shown("--form", "html", "-o", page)
    _, wrong = browser.plots(page)
    check("heap: the page", not wrong, *wrong)
    drawn = browser.run("return document.querySelectorAll('#map .slice').length")
    check("heap: the treemap is drawn", drawn > 2, drawn)


def main():
    with tempfile.TemporaryDirectory() as dir:
        dir = pathlib.Path(dir)
        stream = dir / "work.log"
        said = program(stream, 300, 200000, 1)
        child = dir / f"work.log.{said['child']['pid']}"
        check("the child has its own stream", child.exists(), list(dir.iterdir()))
        adds_up("parent", said["parent"], events(stream))
        adds_up("child", said["child"], events(child))
        many = dir / "many.log"
        program(many, 50, 400000, 0)
        traces(dir, [stream, child])
        damaged(dir, stream)
        keep = pathlib.Path(os.environ.get("KEEP", dir))
        keep.mkdir(parents=True, exist_ok=True)
        with Browser() as browser:
            good = keep / "two.html"
            plots = page(browser, good, [stream, child], 2)
            page(browser, keep / "many.html", [many], 1)
            without_one(browser, good, dir, plots)
            snapshots = dir / "snapshots.log"
            os.environ["MPS_TEST_SNAPSHOT"] = "1"
            program(snapshots, 300, 40000, 0)
            heap(browser, dir, snapshots)


try:
    main()
except Exception as e:  # whatever it is, it is told of, and counts
    check("all checks are made", False, repr(e))
print(f"{counts[True]} passed, {counts[False]} failed")
sys.exit(counts[False] != 0)
