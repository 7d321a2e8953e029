#!/usr/bin/env python3
"""headers.py FILE -- a header of include/ as Doxygen wants it, on standard output.

Our headers have plain comments. Here each becomes a Doxygen comment of every
declaration that follows it up to the next empty line. What a comment leaves out, because
the top of mps.h says it once for all functions, is added: result codes, threads, cost.
So the headers stay short, and each entry of the manual is complete."""

import pathlib
import re
import sys

CODES = (
    "MPS_RES_OK; MPS_RES_MEMORY, MPS_RES_RESOURCE or MPS_RES_COMMIT_LIMIT if there is no memory for it; "
    "MPS_RES_PARAM if a check has refused an argument."
)
THREADS = "Any; takes the arena lock."
COST = "A fixed amount of work."
# The headers whose functions the conventions of mps.h are about. The others are about
# functions that the library calls, or have nothing but classes and keys.
CALLED = {"mps.h", "mpsx.h", "mpsavm.h", "mpsacl.h"} | {f"mpsc{c}.h" for c in "amc ams awl lo mfs mvff mvt snc".split()}

NAME = re.compile(r"(?<![\w`\"/])(_?mps_\w+|MPS_\w+)(?![\w`*]|\.\.|\.[ch]\b)")
FIELD = re.compile(r"\b(Threads|Cost): (.*?)(?=\s*\b(?:Threads|Cost|Returns): |\Z)", re.S)


def comment_text(comment):
    """The lines of a comment, without what makes it one."""
    lines = comment[2:-2].split("\n")
    lines = [lines[0].strip()] + [re.sub(r"^ ?\* ?|^   ", "", line.rstrip()) for line in lines[1:]]
    return "\n".join(lines).strip("\n")


def quoted(text):
    """Names as code, so that they become links; what Doxygen would take for markup as text."""
    text = text.replace("\\", "\\\\").replace("@", "\\@").replace("<", "\\<").replace(">", "\\>")
    return NAME.sub(r"`\1`", text)


def body(text):
    """Paragraphs; lists; and what is set in as it stands."""
    out, block = [], []

    def end():
        if block:
            indent = min(len(b) - len(b.lstrip()) for b in block if b.strip())
            out.extend(["", "@verbatim"] + [b[indent:] for b in block] + ["@endverbatim", ""])
            block.clear()

    in_list = False
    for line in text.split("\n"):
        item = re.match(r" *- ", line)
        if item:
            end()
            in_list = True
            out.append(quoted(line))
        elif line.startswith("  ") and not (in_list and not block):
            block.append(line)
        elif not line.strip() and block:
            block.append("")
        else:
            while block and not block[-1]:
                block.pop()
            end()
            if not line.startswith(" "):
                in_list = False
            out.append(quoted(line))
    while block and not block[-1]:
        block.pop()
    end()
    return "\n".join(out)


def documented(text, declaration, defaults):
    """The Doxygen comment of one declaration."""
    function = re.match(r"(?:extern |static |__inline__ )?[^=;{]*?\b(\(?\w+\)?)\(", declaration)
    is_function = function and "typedef" not in declaration and not declaration.startswith("#")
    fields = {}
    rest = text
    for m in FIELD.finditer(text):
        fields[m[1]] = m[2].strip()
    rest = FIELD.sub("", rest).strip()
    pieces = rest
    returns = re.search(r"(?:\A|(?<=[.\n])\s*)Returns: (.*?)(?=\n\n|\Z)", rest, re.S)
    if returns:
        fields["Returns"] = returns[1].strip()
        pieces = (rest[: returns.start()] + rest[returns.end() :]).strip()
    if is_function:
        if re.match(r"(extern )?mps_res_t", declaration) and "MPS_RES_" not in text and defaults:
            fields.setdefault("Returns", CODES)
        if defaults:
            if not re.search(r"\b[Aa]ny thread\b|without a lock", text):
                fields.setdefault("Threads", defaults["Threads"])
            fields.setdefault("Cost", defaults["Cost"])
    out = [body(pieces)] if pieces else []
    for field in ("Returns", "Threads", "Cost"):
        if field in fields:
            t = fields[field]
            # A name at the beginning stays as it is.
            is_name = re.match(r"mps_|\w\b", t) and not re.match(r"a\b", t)
            out.append(f"\n@par {field}\n{quoted(t if is_name else t[:1].upper() + t[1:])}")
    return "/** " + "\n".join(out) + "\n*/"


def trailing(declaration):
    """Comments behind members and values, for Doxygen."""
    return re.sub(
        r"/\*\s*(.*?)\s*\*/", lambda m: "/**< " + quoted(re.sub(r"\s*\n\s*\*?\s*", " ", m[1])) + " */", declaration, flags=re.S
    )


def statements(text):
    """Declarations and preprocessor lines, one by one."""
    out, i, n = [], 0, len(text)
    while i < n:
        if text[i].isspace():
            i += 1
            continue
        start = i
        if text[i] == "#":
            while i < n and not (text[i] == "\n" and text[i - 1] != "\\"):
                i = text.index("*/", i) + 2 if text.startswith("/*", i) else i + 1
        elif text.startswith("/*", i):
            i = text.index("*/", i) + 2
        else:
            depth = 0
            while i < n:
                if text.startswith("/*", i):
                    i = text.index("*/", i) + 2
                    continue
                depth += text[i] in "{(" and 1 or text[i] in "})" and -1 or 0
                i += 1
                if depth == 0 and (text[i - 1] == ";" or text[i - 1] == "}" and text[start:i].lstrip().startswith("static") or text[i-1] == "}" and "{" in text[start:i] and "(" in text[start:i].split("{")[0]):
                    break
                if depth == 1 and text[start:i].startswith('extern "C"'):
                    break
            # A comment on the same line belongs to it.
            m = re.match(r"[ \t]*/\*.*?\*/", text[i:], re.S)
            if m and text[start:i].count('"C"') == 0:
                i += m.end()
        out.append(text[start:i])
    return out


def plain(text):
    """C++: comments of lines. Those at the top and those that draw lines are left out."""
    print("/// @file")
    for line in text[text.index("#ifndef") :].split("\n"):
        if re.match(r"\s*// ---", line):
            print()
        else:
            print(re.sub(r"(^|[;,]\s+)\s*// ?(.*)", lambda m: m[1] + ("///< " if m[1] else "/// ") + quoted(m[2]), line))


def main(path):
    text = pathlib.Path(path).read_text()
    if path.endswith(".hpp"):
        return plain(text)
    name = pathlib.Path(path).name
    # Doxygen reads macros for compilers of its own; a function may stand in parentheses to keep off its macro.
    text = re.sub(r"extern mps_(res|bool)_t \((mps_\w+)\)", r"extern mps_\1_t \2", text)
    base = {"Threads": THREADS, "Cost": COST} if name in CALLED else None
    section = dict(base) if base else None
    print("/** @file */")
    for paragraph in re.split(r"\n[ \t]*\n", text):
        comment = None
        for s in statements(paragraph):
            if s.startswith("/*"):
                comment = comment_text(s)
                heading = re.match(r"(===|---)", comment)
                if heading:
                    if base:
                        section = dict(base)
                        for m in FIELD.finditer(comment):
                            section[m[1]] = re.split(r"\n\n", m[2])[0].strip()
                    comment = None
                continue
            shown = s if re.match(r"#(?!define)", s) else trailing(s)
            macro = re.match(r"#define\s+(\w+)", s)
            private = re.search(r"\b_mps_(?!MPS)\w+\s*(\[\])?[;(]", s.split("{")[0]) or (
                macro and re.match(r"_|mps_h|.*_FIELD$|MPS_NO_DOUBLES_|MPS_PORT_C_", macro[1])
            )
            if macro and macro[1] in ("mps_reserve", "mps_commit"):
                continue  # the functions of these names have the entries
            if comment and not private and not re.match(r"#(?!define)", s):
                print(documented(comment, s, section))
            print(shown)
        print()


if __name__ == "__main__":
    main(sys.argv[1])
