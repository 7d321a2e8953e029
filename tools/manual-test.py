#!/usr/bin/env python3
"""manual-test.py [PAGE] -- does the manual say what is so?

It builds the manual (a warning is an error), and then

- compiles and runs every block of C, C++, Rust and shell in docs/manual, against both archives, and
  compares what it prints with the text below it, where the page shows that
  (docs/manual/README.md has the conventions);
- compares the names that have an entry with link/exports.txt and the headers, both ways, and
  looks up every name of the interface that a page mentions;
- follows every link of the built pages that stays in them.

With a part of a page's name only the blocks of such pages are run. The last line says how many passed and failed."""

import concurrent.futures
import html.parser
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "docs/manual"
OUT = ROOT / "build/manual"
HTML = OUT / "html"
ARCHIVES = {"hot": ROOT / "build/libmps.a", "debug": ROOT / "build/libmps-debug.a"}
CC = os.environ.get("CC", "cc").split()
CXX = os.environ.get("CXX", "c++").split()
CARGO = os.environ.get("CARGO", "cargo").split()
# Seconds for one program. They take far less than one; it is a guard against endless loops.
LIMIT = 60
RUN = {"c", "cpp", "rust", "sh", "text"}
# What Sphinx reads, and nobody runs.
DIRECTIVES = re.compile(r"\{[\w-]+\}")


# --- Blocks ------------------------------------------------------------------------


class Block:
    def __init__(self, page, line, language, text, notes):
        self.page, self.line, self.language, self.text = page, line, language, text
        self.notes = notes  # {word: rest}, from the comments above it
        self.functions = []  # blocks of functions for this one
        self.output = None  # what it prints, a Block
        self.message = None  # what it ends with, a Block
        self.name = f"{page}:{line}"

    def slug(self):
        return re.sub(r"\W+", "_", f"{self.page}_{self.line}".removesuffix(".md"))


def blocks_of(path):
    """All blocks of a page, and complaints about it."""
    page = path.relative_to(SOURCE).as_posix()
    found, notes, fence, wrong = [], {}, None, []
    lines = path.read_text().split("\n")
    for number, line in enumerate(lines, 1):
        if fence is not None:
            if line.strip() == "`" * fence[0]:
                found.append(Block(page, fence[1], fence[2], "\n".join(fence[3]) + "\n", fence[4]))
                fence = None
            else:
                fence[3].append(line)
            continue
        if m := re.match(r"(```+)(.*)$", line):
            fence = (len(m[1]), number, m[2].strip(), [], notes)
            notes = {}
        elif m := re.match(r"% ?(\w+)(?:: *(.*))?$", line):
            notes[m[1]] = m[2] or ""
        elif line.strip():
            if notes:
                wrong.append(f"{page}:{number}: a comment for a block, and no block follows")
            notes = {}
            if re.match(r"    \S", line) and number > 1 and not lines[number - 2].strip():
                wrong.append(f"{page}:{number}: indented text: make it a block, so that it is tested or marked")
    return found, wrong


def chain(found):
    """Ties functions and outputs to the programs that they belong to. Returns programs, fragments, complaints."""
    programs, fragments, wrong, functions = [], [], [], []
    for b in found:
        if DIRECTIVES.match(b.language):
            continue
        if "fragment" in b.notes:
            if len(b.notes["fragment"]) < 8:
                wrong.append(f"{b.name}: a fragment has a reason")
            fragments.append(b)
        elif b.language not in RUN:
            wrong.append(f"{b.name}: a block in `{b.language}`: say c, cpp, rust, sh or text")
        elif b.language == "text":
            if "output" in b.notes and programs:
                programs[-1].output = b
            elif "message" in b.notes and programs:
                programs[-1].message = b
            else:
                wrong.append(f"{b.name}: text that nothing compares: output, message or fragment?")
        elif "functions" in b.notes:
            functions.append(b)
        else:
            b.functions, functions = functions, []
            programs.append(b)
    for b in functions:
        wrong.append(f"{b.name}: functions that no program uses")
    return programs, fragments, wrong


def whole(b):
    """The program that a block stands for."""
    functions = "".join(f'#line {f.line + 1} "{f.page}"\n{f.text}' if f.language != "rust" else f.text for f in b.functions)
    setup = b.notes.get("test", "").split()
    if not setup or setup[0] == "program":
        return functions + b.text
    suffix = {"c": "c", "cpp": "cpp", "rust": "rs"}[b.language]
    text = (SOURCE / f"setup/{setup[0]}.{suffix}").read_text()
    for mark, more in (("functions", functions), ("statements", b.text)):
        pattern = re.compile(rf"^.*(?:/\* {mark} \*/|// {mark}$).*$", re.M)
        if not pattern.search(text):
            if more:
                raise ValueError(f"{b.name}: setup {setup[0]} has no place for {mark}")
            continue
        line = f'#line {b.line + 1} "{b.page}"\n' if b.language != "rust" and mark == "statements" else ""
        text = pattern.sub(lambda _: line + more, text, count=1)
    return text


def fits(pattern, text):
    """Is the text as the page shows it? `...` stands for anything."""
    parts = [re.escape(p) for p in pattern.split("...")]
    return re.search(r"[\s\S]*?".join(parts), text) is not None


def same(pattern, text):
    parts = [re.escape(p) for p in pattern.rstrip().split("...")]
    return re.fullmatch(r"[\s\S]*?".join(parts), text.rstrip()) is not None


def show(text):
    return "".join("    | " + line + "\n" for line in text.rstrip().split("\n")[-25:])


def judge(b, code, out, err, what):
    """Complaints about one run."""
    if b.message is not None:
        if code == 0:
            return [f"{b.name}: {what}: it ends well, and the page shows a message\n" + show(out)]
        lines = [line for line in b.message.text.split("\n") if line.strip()]
        return [
            f"{b.message.name}: {what}: the page shows\n{show(line)}  and this came\n{show(err)}"
            for line in lines if not fits(line.strip(), err)
        ]
    if code != 0:
        return [f"{b.name}: {what}: ended with {code}\n{show(out + err)}"]
    if b.output is not None and not same(b.output.text, out):
        return [f"{b.output.name}: {what}: the page shows\n{show(b.output.text)}  and it prints\n{show(out)}"]
    return []


def run(command, **more):
    try:
        r = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LIMIT, **more)
        return r.returncode, r.stdout, r.stderr
    except subprocess.TimeoutExpired:
        return "no end", "", ""


def archives_for(b):
    """The archives with which a block is run: both, unless its message comes from one alone."""
    words = (b.message.notes["message"] if b.message else "").split() + b.notes.get("archive", "").split()
    chosen = [w for w in words if w in ARCHIVES]
    return chosen or list(ARCHIVES)


def run_c(b, where):
    source = where / f"{b.slug()}.{b.language}"
    try:
        source.write_text(whole(b))
    except (ValueError, OSError) as e:
        return [str(e)]
    options = ["-O1", "-g", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include"] + b.notes.get("options", "").split()
    compiler = CC + ["-std=c11", "-D_GNU_SOURCE"] if b.language == "c" else CXX + ["-std=c++17"]
    wrong = []
    if b.message is not None and "compiler" in b.message.notes["message"]:
        code, out, err = run(compiler + options + ["-c", "-o", "/dev/null", str(source)])
        return judge(b, code, out, err, "compiler")
    code, out, err = run(compiler + options + ["-c", "-o", f"{source}.o", str(source)])
    if code != 0:
        return [f"{b.name}: does not compile\n{show(err)}"]
    for name in archives_for(b):
        program = f"{source}.{name}"
        code, out, err = run(compiler + ["-o", program, f"{source}.o", str(ARCHIVES[name]), "-lpthread"])
        if code != 0:
            return [f"{b.name}: does not link\n{show(err)}"]
        place = where / f"{b.slug()}.{name}.dir"
        place.mkdir(exist_ok=True)
        code, out, err = run([program], cwd=place)
        wrong += judge(b, code, out, err, name)
    return wrong


def run_shell(b, where, before):
    """In a folder with `mps`, the repository, and the last programs of the page."""
    place = where / f"{b.slug()}.dir"
    place.mkdir(exist_ok=True)
    if not (place / "mps").exists():
        (place / "mps").symlink_to(ROOT)
    for p in before:
        if p.language in ("c", "cpp"):
            (place / f"prog.{p.language}").write_text(whole(p))
    code, out, err = run(["bash", "-eu", "-c", b.text], cwd=place)
    return judge(b, code, out, err, "shell")


def run_rust(blocks, where):
    """One package, a program for each block."""
    package = where / "rust"
    shutil.rmtree(package, ignore_errors=True)
    (package / "src/bin").mkdir(parents=True)
    manifest = (SOURCE / "setup/rust/Cargo.toml").read_text().replace("@ROOT@", str(ROOT))
    (package / "Cargo.toml").write_text(manifest)
    shutil.copy(SOURCE / "setup/rust/Cargo.lock", package)
    (package / "src/lib.rs").write_text("")
    for b in blocks:
        (package / f"src/bin/{b.slug()}.rs").write_text(whole(b))
    target = ROOT / "build/cargo/manual"
    base = CARGO + ["build", "--quiet", "--locked", "--manifest-path", str(package / "Cargo.toml"), "--target-dir", str(target)]
    good = [b for b in blocks if not (b.message and "compiler" in b.message.notes["message"])]
    built = subprocess.run(base + [w for b in good for w in ("--bin", b.slug())], capture_output=True, text=True)
    wrong = []
    if built.returncode != 0:
        wrong.append(f"Rust: does not compile\n{show(built.stderr)}")
    for b in blocks:
        if b not in good:
            r = subprocess.run(base + ["--bin", b.slug()], capture_output=True, text=True)
            wrong += judge(b, r.returncode, r.stdout, r.stderr, "compiler")
        elif built.returncode == 0:
            wrong += judge(b, *run([str(target / "debug" / b.slug())]), "rust")
    return wrong


# --- Names ---------------------------------------------------------------------------


def listed(path):
    text = re.sub(r"#.*", "", (ROOT / path).read_text())
    return set(text.split())


def inventory():
    """(role, name) of all entries: Sphinx's objects.inv."""
    data = (HTML / "objects.inv").read_bytes()
    for _ in range(4):
        data = data[data.index(b"\n") + 1 :]
    out = set()
    for line in zlib.decompress(data).decode().splitlines():
        if m := re.match(r"(.+?) (\S+:\S+) (-?\d+) (\S*) (.*)", line):
            out.add((m[2], m[1]))
    return out


# No entries of their own: texts say what they are.
IN_TEXT = {"MPS_X_NO_DOUBLES", "MPS_NO_DOUBLES_", "MPS_PORT_C_"}
# mpstd.h is about platforms, and no other header includes it; a table says what it defines.
PLATFORM = {"MPS_PF_STRING", "MPS_PF_ALIGN", "MPS_WORD_WIDTH", "MPS_WORD_SHIFT", "MPS_T_WORD", "MPS_T_ULONGEST"}
# In the environment; no names of the interface.
ENVIRONMENT = {"MPS_TELEMETRY_CONTROL", "MPS_TELEMETRY_FILENAME"}


def check_names():
    texts = {h.name: h.read_text() for h in (ROOT / "include").iterdir() if h.name not in ("mpstd.h", "mpswin.h")}
    c = "\n".join(t for n, t in texts.items() if n.endswith(".h"))
    code = re.sub(r"/\*.*?\*/", " ", c, flags=re.S)
    keys = {v: k for k, v in re.findall(r"#define (MPS_KEY_\w+) \(&(_mps_key_\w+)\)", code)}
    entries = inventory()
    documented = {n for role, n in entries if role.startswith("c:")}
    functions = {n for role, n in entries if role == "c:function"}
    callable_ = listed("link/exports.txt") | listed("link/plinth.txt") | {n for n in listed("link/undefined.txt") if n.startswith("mps_")}
    # The optional function of a port.
    callable_ |= set(re.findall(r"\b(mps_port_\w+)\(", code))
    wanted = {keys.get(n, n) for n in callable_}
    wanted |= set(re.findall(r"^#define (MPS_\w+|mps_\w+)\b(?<!_FIELD)", code, re.M)) - IN_TEXT - {"mps_h"}
    wanted |= set(re.findall(r"\b(MPS_RES_[A-Z_]+)\b", code))
    wanted |= set(re.findall(r"\btypedef [^;{]*?\b(mps_\w+_t)\b(?=\)|;)", code)) | set(re.findall(r"} (mps_\w+_s);", code))
    wanted -= {n for n in wanted if n.endswith(("_h", "_FIELD"))}
    wrong = [f"{n}: has no entry in the manual" for n in sorted(wanted - documented)]
    for name in sorted(functions - callable_):
        if not re.search(rf"#define {name}\b", code):
            wrong.append(f"{name}: the manual has an entry, and no archive has the function")
    hpp = {"mps::" + n for n in re.findall(r"^(?:class|struct) (\w+)[^;]*?\{", re.sub(r"namespace detail \{.*?\n\} // namespace detail", "", texts["mps.hpp"], flags=re.S), re.M)}
    cpp = {n for role, n in entries if role in ("cpp:class", "cpp:struct", "cpp:type")}
    wrong += [f"{n}: has no entry in the manual" for n in sorted(hpp - cpp)]
    there = set(re.findall(r"\w+", "\n".join(texts.values()) + (ROOT / "include/mpstd.h").read_text())) | ENVIRONMENT
    mentioned = 0
    for path in pages():
        for number, line in enumerate(path.read_text().split("\n"), 1):
            for name in re.findall(r"\b_?(?:mps_[a-z]\w*|MPS_[A-Z]\w*)\b", line):
                mentioned += 1
                if name not in there and not name.endswith("_") and name not in ("mps_derive",):
                    wrong.append(f"{path.relative_to(SOURCE)}:{number}: {name}: no header has it")
    conventions = (SOURCE / "reference/conventions.md").read_text()
    wrong += [f"{n}: not in reference/conventions.md" for n in sorted(PLATFORM) if n not in conventions]
    return len(wanted) + len(hpp) + len(functions) + mentioned, wrong


# --- Links ---------------------------------------------------------------------------


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids, self.links = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for key, value in attrs:
            if key in ("id", "name") and value:
                self.ids.add(value)
            if key in ("href", "src", "data") and value and tag != "link":
                self.links.append(value)


def check_links():
    # What rustdoc has made is its own affair, but for what the manual says is there.
    built = {p: Page(p.read_text()) for p in sorted(HTML.rglob("*.html")) if HTML / "rust" not in p.parents}
    count, wrong = 0, []
    for path, page in built.items():
        for link in page.links:
            url = urllib.parse.urlsplit(link)
            if url.scheme or url.netloc:
                continue
            count += 1
            target = (path.parent / urllib.parse.unquote(url.path)).resolve() if url.path else path
            if not target.is_file():
                wrong.append(f"{path.relative_to(HTML)}: {link}: no such file")
            elif url.fragment and target in built and urllib.parse.unquote(url.fragment) not in built[target].ids:
                wrong.append(f"{path.relative_to(HTML)}: {link}: no such place in it")
    return count, wrong


def pages():
    return sorted(p for p in SOURCE.rglob("*.md") if p != SOURCE / "README.md")


def report(title, count, wrong):
    for w in wrong:
        print(w)
    print(f"{title}: {count - len(wrong)} good, {len(wrong)} not", flush=True)
    return max(count - len(wrong), 0), len(wrong)


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    passed = failed = 0

    def add(title, count, wrong):
        nonlocal passed, failed
        p, f = report(title, count, wrong)
        passed, failed = passed + p, failed + f

    if not only:
        built = subprocess.run([ROOT / "tools/manual.sh"], capture_output=True, text=True)
        add("built", 1, [] if built.returncode == 0 else ["manual.sh: " + show(built.stdout + built.stderr)])
        if built.returncode != 0 and not (HTML / "objects.inv").exists():
            print(f"{passed} passed, {failed} failed")
            return 1
    programs, fragments, wrong, shells = [], [], [], []
    for path in pages():
        if only not in str(path):
            continue
        found, w = blocks_of(path)
        p, f, w2 = chain(found)
        wrong += w + w2
        fragments += f
        for i, b in enumerate(p):
            if b.language == "sh":
                shells.append((b, p[:i]))
        programs += p
    add("blocks that are neither run nor marked", len(wrong), wrong)
    with tempfile.TemporaryDirectory() as t:
        where = pathlib.Path(t)
        with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
            rust = [b for b in programs if b.language == "rust"]
            tasks = [pool.submit(run_rust, rust, OUT)] if rust else []
            tasks += [pool.submit(run_c, b, where) for b in programs if b.language in ("c", "cpp")]
            tasks += [pool.submit(run_shell, b, where, before) for b, before in shells]
            wrong = [w for task in tasks for w in task.result()]
    add(f"programs ({len(fragments)} fragments are not run)", max(len(programs), len(wrong)), wrong)
    if not programs:
        add("programs at all", 1, ["there is none"])
    if not only:
        add("names", *check_names())
        add("links", *check_links())
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
