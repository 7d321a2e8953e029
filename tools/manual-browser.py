#!/usr/bin/env python3
"""manual-browser.py -- the built manual in headless Chromium.

Served on this machine, each page is opened: its pictures must load, its scripts must not fail, each link
within the manual must be answered, and the place that it names must be there. The search
must find functions. The last line says how many passed and failed."""

import functools
import http.server
import json
import pathlib
import re
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/telemetry"))
from browser import Browser  # noqa: E402

HTML = ROOT / "build/manual/html"
# What is looked for, and on which page it has to be found.
SEARCHES = {
    "mps_alloc": "reference/allocation.html",
    "mps_x_root_create_stack": "reference/roots.html",
    "MPS_KEY_PAUSE_TIME": "reference/arenas.html",
    "coroutine": "cookbook.html",
}
LEAST_PICTURES = 2

SCRIPT = """<!doctype html><title>manual</title><script>
const pages = @PAGES@, searches = @SEARCHES@, out = [];
let passed = 0, pictures = 0;
const say = (good, text) => { if (good) passed += 1; else out.push(text); };
function open_(url) {
  return new Promise(done => {
    const f = document.createElement('iframe');
    f.style.width = '1200px'; f.style.height = '900px';
    f.src = url;
    document.body.appendChild(f);
    // The window of the empty page is the one that the page gets.
    f.contentWindow.addEventListener('error', e => { if (e.message) say(false, url + ': ' + e.message); });
    f.onload = () => { if (f.contentWindow.location.href !== 'about:blank') done(f); };
  });
}
const docs = {};
async function text(url) {
  if (!(url in docs)) {
    const r = await fetch(url).catch(() => null);
    docs[url] = r && r.ok ? await r.text() : null;
  }
  return docs[url];
}
async function until(what) {
  for (let i = 0; i < 400; ++i) {
    if (what()) return true;
    await new Promise(r => setTimeout(r, 25));
  }
  return false;
}
const ended = report => { window.report = report; };
(async () => {
  await new Promise(done => addEventListener('load', done)); // frames made before would put it off
  for (const p of pages) {
    const f = await open_(p), d = f.contentDocument;
    for (const i of d.images) {
      i.loading = 'eager';
      await until(() => i.complete);
      pictures += 1;
      say(i.naturalWidth > 0 && i.getBoundingClientRect().width > 50, p + ': ' + i.src + ': does not load');
    }
    for (const a of d.links) {
      const u = new URL(a.href);
      if (u.origin !== location.origin) continue;
      const t = await text(u.origin + u.pathname);
      const id = decodeURIComponent(u.hash.slice(1));
      say(t !== null && (id === '' || t.includes('id="' + id + '"')), p + ': ' + a.href + ': leads nowhere');
    }
    f.remove();
  }
  for (const [word, page] of Object.entries(searches)) {
    const f = await open_('search.html?q=' + encodeURIComponent(word));
    const found = await until(() => [...f.contentDocument.querySelectorAll('#search-results a')]
      .some(a => new URL(a.href).pathname === '/' + page));
    say(found, 'search for ' + word + ': not found in ' + page);
    f.remove();
  }
  say(pictures >= @LEAST@, 'only ' + pictures + ' pictures');
  ended({passed, pictures, wrong: out});
})().catch(e => ended({passed, pictures, wrong: [String(e)]}));
</script>"""


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/check":
            pages = [p.relative_to(HTML).as_posix() for p in sorted(HTML.rglob("*.html")) if p.name != "search.html"]
            pages = [p for p in pages if not p.startswith("rust/")]
            text = SCRIPT.replace("@PAGES@", json.dumps(pages)).replace("@SEARCHES@", json.dumps(SEARCHES))
            data = text.replace("@LEAST@", str(LEAST_PICTURES)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        else:
            super().do_GET()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """The browser breaks off what it no longer wants."""


def main():
    server = Server(("127.0.0.1", 0), functools.partial(Handler, directory=str(HTML)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    result = None
    with Browser() as browser:
        browser.open(f"http://127.0.0.1:{server.server_port}/check")
        give_up = time.monotonic() + 180
        while result is None and time.monotonic() < give_up:
            time.sleep(0.2)
            result = browser.run("return window.report || null")
    result = result or {"passed": 0, "pictures": 0, "wrong": ["the browser did not report"]}
    for w in result["wrong"]:
        print(re.sub(r"http://127.0.0.1:\d+/", "", w))
    print(f"{result['pictures']} pictures, {len(SEARCHES)} searches")
    print(f"{result['passed']} passed, {len(result['wrong'])} failed")
    return bool(result["wrong"])


if __name__ == "__main__":
    sys.exit(main())
