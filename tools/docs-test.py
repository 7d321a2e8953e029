#!/usr/bin/env python3
"""docs-test.py -- is there what documents and comments name?

Looked up are, in Markdown and in comments:

- paths: any word such as src/lib.rs, and in backquotes also `trace/fix.rs` and
  `mps.h`, which are found by the end of their path;
- `make` and what follows: targets, and variables that are set;
- Rust paths in backquotes, `Type::member` and `module::item`, piece by piece;
- other names in backquotes that look like code (an underscore, an exclamation
  mark, several capitals): some source must have the word outside of comments;
- titles: README, "A title", or docs/design.md, "A title". Who says `see` and a
  document must give a title, so that what is promised can be looked for.

tools/docs-known.txt lists what is wrong and known, and is printed. The last line
says how many names were looked up and how many are missing."""

import fnmatch
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOPS = "src docs tools tests link arch ports include examples benches".split()
NOT_OURS = {".git", "build", "target", "__pycache__"}
SUFFIXES = "rs c h cc cpp hpp S md sh py mk toml txt in scm def x pml".split()

# What documents may name though it is not here, and why.
ALLOWED = {
    "../shared/abi": "beside the repository, on the makers' machines",
    "../shared/abi/behaviours.md": "beside the repository, on the makers' machines",
    "uc_flags": "the system's", "uc_link": "the system's", "uc_stack": "the system's",
    "GlobalAlloc": "Rust's", "allocator_api2": "another crate's",
    "std": "Rust's", "core": "Rust's", "alloc": "Rust's",
}
# What begins so is another library's: docs/manual/from-boehm.md says what corresponds to it here.
THEIRS = ("GC_",)
PRIMITIVES = set("u8 u16 u32 u64 usize i8 i16 i32 i64 isize f64 bool str char".split())


def files():
    for p in sorted(ROOT.rglob("*")):
        relative = p.relative_to(ROOT)
        if not NOT_OURS & set(relative.parts[:-1]) and p.is_file() and relative.parts[0] not in NOT_OURS:
            yield relative


# --- Code and comments ---------------------------------------------------------

C_LIKE = re.compile(
    r"(?P<comment>//[^\n]*|/\*.*?\*/)"
    r"|r(?P<hashes>#*)\".*?\"(?P=hashes)"
    r"|\"(?:\\.|[^\"\\])*\""
    r"|'(?:\\[^'\n]+|[^\\'\n])'",
    re.S,
)
HASH_LIKE = re.compile(r"(?P<comment>(?:^|(?<=\s))#[^\n]*)", re.M)


def blank(text):
    return re.sub(r"[^\n]", " ", text)


def split(name, text):
    """Code with strings, code without, and comments, each with all its lines."""
    pattern = C_LIKE if name.endswith((".rs", ".c", ".h", ".cc", ".cpp", ".hpp", ".S")) else HASH_LIKE
    code, bare, comments, end = [], [], [], 0
    for m in pattern.finditer(text):
        gap, piece = text[end:m.start()], m.group(0)
        is_comment = m.group("comment") is not None
        code += [gap, blank(piece) if is_comment else piece]
        bare += [gap, blank(piece)]
        comments += [blank(gap), piece if is_comment else blank(piece)]
        end = m.end()
    rest = text[end:]
    return "".join(code + [rest]), "".join(bare + [rest]), "".join(comments + [blank(rest)])


def markdown(text):
    """Prose alone: fenced code is no promise."""
    return re.sub(r"^```.*?^```", lambda m: blank(m.group(0)), text, flags=re.S | re.M)


# --- What there is ---------------------------------------------------------------

ITEM = re.compile(
    r"\b(?:fn|struct|enum|union|trait|type|const|static|mod|macro_rules!)\s+(?:mut\s+)?"
    r"(?!(?:fn|unsafe|extern|_)\b)([A-Za-z_]\w*)"
)
OPEN = re.compile(
    r"\b(?:impl\b(?P<impl>[^{;]*)|(?P<kind>trait|enum|struct|union|mod)\s+(?P<name>\w+)[^{;]*)\{"
)
CALL = re.compile(r"\b\w+!\s*[({]\s*(?:pub(?:\([^)]*\))?\s+)?(?:struct\s+)?(\w+)[^{;]*\{")


def closing(code, start):
    """Where the brace that opens at `start` closes."""
    depth = 0
    for i in range(start, len(code)):
        if code[i] == "{":
            depth += 1
        elif code[i] == "}":
            depth -= 1
            if depth == 0:
                return i
    return len(code)


def owner(text):
    """The type that an impl is for."""
    text = re.sub(r"<[^<>]*>", "", re.sub(r"<[^<>]*>", "", re.sub(r"<[^<>]*>", "", text)))
    text = re.sub(r"\bwhere\b.*", "", text, flags=re.S)
    name, _, of = text.partition(" for ")
    words = re.findall(r"\w+", of or name)
    return words[-1] if words else "", re.findall(r"\w+", name)[-1:] if of else []


class There:
    """What the repository has."""

    def __init__(self, texts):
        self.paths = set()
        self.words = set()
        self.items = set()
        self.members = {}  # type or module -> names
        self.traits = {}  # type -> traits it has
        self.titles = {}
        self.targets = {}  # folder -> targets and variables of its Makefile
        for name, text in texts.items():
            path = pathlib.PurePosixPath(name)
            self.paths.add(name)
            self.paths |= {str(p) for p in path.parents if str(p) != "."}
            if path.suffix == ".md":
                prose = markdown(text)
                self.titles[name] = {t.strip() for t in re.findall(r"^#+ +(.*)$", prose, re.M)}
                continue
            code, bare, _ = split(name, text)
            self.words |= set(re.findall(r"\w+", code))
            if path.suffix == ".rs":
                self.rust(path, bare)
            if path.suffix == ".hpp":
                self.items |= set(re.findall(r"^(?:class|struct) (\w+)", bare, re.M))
            if path.name == "Makefile" or path.suffix == ".mk":
                known = self.targets.setdefault(str(path.parent), set())
                for line in re.findall(r"^([\w./%$() -]+):(?!=)", text, re.M):
                    known |= set(line.split())
                for line in re.findall(r"^\.PHONY: (.*)", text, re.M):
                    known |= set(line.split())
                known |= set(re.findall(r"^(\w+) *[?:]?=", text, re.M))
                known |= set(re.findall(r"\$\((\w+)\)", text))

    def rust(self, path, bare):
        parts = [p for p in path.with_suffix("").parts if p not in ("src", "mod", "lib")]
        names = set(ITEM.findall(bare))
        names |= set(re.findall(r"\bpub(?:\([^)]*\))? use [^;]*?\b(\w+)(?=[;,}])", bare))
        for group in re.findall(r"\buse ([^;]*);", bare):
            names |= set(re.findall(r"\w+", group))
        self.items |= names
        # A module has what its file and the files below it have.
        for i, part in enumerate(parts):
            inside = self.members.setdefault(part, set())
            inside |= names
            inside |= set(parts[i + 1:i + 2])
        for i, part in enumerate(parts[:1]):
            self.members.setdefault("crate", set()).add(part)
        self.members.setdefault("crate", set()).update(re.findall(r"macro_rules!\s*(\w+)", bare))
        for m in OPEN.finditer(bare):
            body = bare[m.end() - 1:closing(bare, m.end() - 1)]
            if m["impl"] is not None:
                name, traits = owner(m["impl"])
                self.traits.setdefault(name, set()).update(traits)
            else:
                name = m["name"]
            inside = self.members.setdefault(name, set())
            inside |= set(ITEM.findall(body))
            if m["kind"] == "enum":
                inside |= set(re.findall(r"(?:^|[{,\]])\s*(\w+)", body, re.M))
            elif m["kind"] in ("struct", "union"):
                inside |= set(re.findall(r"(\w+)\s*:(?!:)", body))
        # Types whose body goes through a macro.
        for m in CALL.finditer(bare):
            at = bare.index("{", m.end() - 1)
            body = bare[at:closing(bare, at)]
            self.members.setdefault(m[1], set()).update(re.findall(r"(\w+)\s*[:=,(]", body), ITEM.findall(body))

    def has_member(self, name, member):
        seen, todo = set(), [name]
        while todo:
            t = todo.pop()
            if member in self.members.get(t, ()):
                return True
            seen.add(t)
            todo += self.traits.get(t, set()) - seen
        return False

    def has_path(self, path, here):
        path = path.rstrip("/").removesuffix("/**")
        if path in ALLOWED or path.split("/")[0] in ("build", "target"):
            return True
        if path.startswith("../"):
            joined = pathlib.PurePosixPath(here).parent
            while path.startswith("../"):
                joined, path = joined.parent, path[3:]
            return str(joined / path) in self.paths
        pattern = re.sub(r"<[^>]*>", "*", path)
        if "*" in pattern:
            return any(fnmatch.fnmatch(p, f) for p in self.paths for f in (pattern, "*/" + pattern))
        return any(p == path or p.endswith("/" + path) for p in self.paths)


# --- What is named ----------------------------------------------------------------

QUOTED = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"(?<![\w./$}{*-])(?:(?:%s)/[\w.*<>/-]*\w\b/?)" % "|".join(TOPS))
TITLE = re.compile(r"\b(README|[\w/]+\.md),?\s+(?://[/!]?|#|\*)?\s*\"([^\"\n]+)\"")
SEE = re.compile(r"\bsee\s+`?([\w/]+\.md|README)\b`?(?!,?\s+\")", re.I)
MAKE = re.compile(r"make((?: +[\w./=-]+)+)")


def complaints(there, here, prose, rust):
    """(how many names, [(line, name, what is wrong)])"""
    count, wrong = 0, []

    def look(m, good, name, what):
        nonlocal count
        count += 1
        if not good:
            wrong.append((prose.count("\n", 0, m.start()) + 1, name, what))

    def make(m, words):
        folder = str(pathlib.PurePosixPath(here).parent)
        known = there.targets.get(folder, set()) | there.targets.get(".", set())
        for word in words.split():
            name = word.split("=")[0]
            if not name.startswith("-") and not name.startswith("build/"):
                look(m, name in known, f"make {word}", "no such target or variable in the Makefile")

    for m in PATH.finditer(prose):
        look(m, there.has_path(m[0].rstrip("."), here), m[0], "no such file")
    for m in TITLE.finditer(prose):
        document = m[1] if m[1].endswith(".md") else m[1] + ".md"
        titles = there.titles.get(document) or there.titles.get("docs/" + document, set())
        look(m, m[2] in titles, f'{m[1]}, "{m[2]}"', "no such title")
    for m in SEE.finditer(prose):
        look(m, False, f"see {m[1]}", f'say where in it: {m[1]}, "Title"')
    if here.endswith(".md"):
        for m in re.finditer(r"^    make((?: +[\w./=-]+)*)", prose, re.M):
            make(m, m[1])
    for m in QUOTED.finditer(prose):
        token = m[1].strip()
        if found := MAKE.fullmatch(token):
            make(m, found[1])
        elif re.fullmatch(r"(?:\.\./)*[\w.*<>-]+(?:/[\w.*<>-]+)+/?", token) or re.fullmatch(
            r"[\w*-]+\.(?:%s)" % "|".join(SUFFIXES), token
        ):
            if not PATH.fullmatch(token):
                is_field = re.fullmatch(r"\w+\.\w", token) and rust and token.split(".")[1] in there.words
                look(m, is_field or there.has_path(token, here), token, "no such file")
        elif re.fullmatch(r"(?:\w+(?:<\w+>)?::)+\w+(?:!|\(.*\))?", token):
            parts = re.sub(r"<\w+>|!|\(.*\)", "", token).split("::")
            if parts[0] in ALLOWED or parts[0] in PRIMITIVES:
                continue
            while parts[0] in ("crate", "super", "self", "mps") and len(parts) > 2:
                parts.pop(0)
            pairs = zip(parts, parts[1:])
            good = all(
                (b in there.items if a in ("super", "self", "Self", "crate", "mps") else False)
                or there.has_member(a, b)
                for a, b in pairs
            )
            look(m, good, token, "no such item")
        elif found := re.fullmatch(r"([A-Za-z]\w+)(?:!|\(\)|\(\.\.\.\))?", token):
            name = found[1]
            codelike = "_" in name.strip("_") or token != name or re.search(r"[a-z][A-Z]", name)
            if codelike:
                look(m, name in there.words or name in ALLOWED or name.startswith(THEIRS), token, "no source has this word")
        elif re.fullmatch(r"\w+_\*", token):
            look(m, any(w.startswith(token[:-1]) for w in there.words), token, "no name begins so")
    return count, wrong


def self_test():
    """The test itself: what it must see, and what it must not."""
    there = There({
        "README.md": "# R\n## Other systems\n",
        "docs/design.md": "# The house\n",
        "Makefile": "JOBS ?=\n.PHONY: all\nall:\nsize-test: x\n",
        "src/arena/chunk.rs": "pub struct Arena<'a> { origin: usize }\nimpl<'a> Arena<'a> { pub const unsafe fn chunk_new() {} }\n"
        "enum Phase { Idle, Flip { x: u8 } }\n// chunk_release\nmacro_rules! aver { }\n",
        "tools/cross.sh": "# README, \"Other targets\"\n",
    })
    bad = 0
    for text, expected in [
        ("finished only by `Arena::chunk_release`.", 1),
        ("finished only by `Arena::chunk_new`.", 0),
        ("(README, \"Other targets\")", 1),
        ("(README, \"Other systems\")", 0),
        ("a staticlib; see docs/design.md", 1),
        ("a staticlib; see docs/design.md, \"The house\"", 0),
        ("docs/design.md, \"The home\"", 1),
        ("`make size-test JOBS=2`", 0), ("`make size`", 1), ("`make JOB=2`", 1),
        ("src/arena/chunk.rs and tools/cross.sh", 0), ("tools/crosses.sh", 1), ("`arena/chunk.rs`", 0),
        ("`arena/chunks.rs`", 1), ("`chunk.rs`", 0), ("`chunks.rs`", 1), ("`src/arena/*.rs`", 0),
        ("`Phase::Flip` `Arena::origin` `arena::chunk` `chunk::Arena`", 0), ("`Phase::Flap`", 1),
        ("`arena::lump`", 1), ("`aver!`", 0), ("`avert!`", 1), ("`chunk_new` `chunk_*`", 0),
        ("`chunk_release`", 1), ("`usize::MAX` `some` `x + y` `std::vec`", 0),
    ]:
        _, wrong = complaints(there, "docs/x.md", text, False)
        if len(wrong) != expected:
            bad += 1
            print(f"the test itself: {text}: {wrong}")
    return bad


def main():
    texts = {}
    for p in files():
        if p.name in ("Makefile", "run", "run-tests") or p.suffix[1:] in SUFFIXES:
            texts[p.as_posix()] = (ROOT / p).read_text(errors="replace")
    there = There(texts)
    known = {}
    listed = ROOT / "tools/docs-known.txt"
    for line in listed.read_text().splitlines() if listed.exists() else []:
        if line and not line.startswith("#"):
            file, _, name = line.partition(": ")
            known[file, name] = 0
    count, missing = 0, self_test()
    for file, text in texts.items():
        # History names what is gone; the index has a test of its own; and this
        # file's examples are wrong on purpose.
        if file in ("CHANGELOG.md", "tests/INDEX.md", "tools/docs-test.py", "tools/docs-known.txt"):
            continue
        prose = markdown(text) if file.endswith(".md") else split(file, text)[2]
        n, wrong = complaints(there, file, prose, file.endswith(".rs"))
        count += n
        for line, name, what in wrong:
            if (file, name) in known:
                known[file, name] += 1
                print(f"known: {file}:{line}: {name}: {what}")
            else:
                missing += 1
                print(f"{file}:{line}: {name}: {what}")
    for (file, name), n in known.items():
        if n == 0:
            print(f"no longer wrong, strike from tools/docs-known.txt: {file}: {name}")
    print(f"{count - missing} passed, {missing} failed")
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main())
