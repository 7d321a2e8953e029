"""conf.py -- how Sphinx makes the manual. `make manual` calls it (tools/manual.sh)."""

import pathlib
import re

import xml.etree.ElementTree as ET

from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "build/manual"

project = "A memory pool system"
author = "the authors of the library"
version = release = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
extensions = ["myst_parser", "breathe"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["setup", "README.md"]
html_theme = "furo"
html_title = f"MPS in Rust {version}"
html_show_copyright = False
html_static_path = ["style"]
html_css_files = ["manual.css"]
html_copy_source = False
html_show_sourcelink = False
# Included documents have blocks of every kind.
highlight_language = "none"

breathe_projects = {"c": str(OUT / "doxygen/c/xml"), "cpp": str(OUT / "doxygen/cpp/xml")}
breathe_default_project = "c"
breathe_domain_by_extension = {"h": "c", "hpp": "cpp"}
breathe_show_include = False
# In one of mps.h's own types.
c_id_attributes = ["__inline__", "__extension__"]

# Structures that nobody sees the inside of, and what is not ours.
nitpick_ignore_regex = [("c:identifier", r"size_t|va_list|_?mps_\w+_s|\w+\.@\d+"), ("cpp:identifier", r"mps|mps_\w+|std(::\w+)*")]

# What looks like a name of the interface and is none: the environment, parameters, features, files.
OTHERS = re.compile(r"MPS_TELEMETRY_\w+|MPS_TEST_\w+|mps_derive|mps_h|mps_ap|mps_x_|MPS_X_NO_DOUBLES|\w+_o|MPS_LIB|MPS_PF_\w+|MPS_WORD_\w+|MPS_T_\w+|MPS_[A-Z]+_FIELD")
NAME = re.compile(r"(?:mps_\w+|MPS_\w+)(?:\(\))?")


def link_names(app, doctree):
    """A name of the library that stands as code becomes a link to its entry."""
    for literal in list(doctree.findall(nodes.literal)):
        text = literal.astext()
        if NAME.fullmatch(text) and not OTHERS.fullmatch(text) and not isinstance(literal.parent, (addnodes.pending_xref, nodes.reference, nodes.title)):
            ref = addnodes.pending_xref(
                "", refdomain="c", reftype="identifier", reftarget=text.removesuffix("()"), refdoc=app.env.docname,
                refexplicit=True, refwarn=True,
            )
            literal.replace_self(ref)
            ref += literal


KINDS = {"function": "doxygenfunction", "define": "doxygendefine", "typedef": "doxygentypedef",
         "enumvalue": "doxygenenumvalue", "enum": "doxygenenum", "variable": "doxygenvariable"}


class Api(SphinxDirective):
    """```{api}: names of C, one a line. Each gets its entry, made from the comment in the header."""

    has_content = True
    kinds = None

    def run(self):
        if Api.kinds is None:
            Api.kinds = {}
            for compound in ET.parse(OUT / "doxygen/c/xml/index.xml").getroot():
                if compound.get("kind") in ("struct", "union"):
                    Api.kinds[compound.findtext("name")] = "doxygenstruct"
                elif compound.get("kind") == "file":
                    for member in compound.iter("member"):
                        Api.kinds.setdefault(member.findtext("name"), KINDS[member.get("kind")])
        text = []
        for name in " ".join(self.content).split():
            kind = Api.kinds.get(name)
            if kind is None:
                raise self.error(f"no header has {name}, or it has no comment")
            text += ["```{%s} %s" % (kind, name)] + ([":members:"] if kind == "doxygenstruct" else []) + ["```", ""]
        node = nodes.container()
        self.state.nested_parse(type(self.content)(text, source="api"), self.content_offset, node)
        return node.children


def setup(app):
    app.add_directive("api", Api)
    app.connect("doctree-read", link_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
