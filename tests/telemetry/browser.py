"""A page in headless Chromium, by the WebDriver protocol; and whether the plots
in it have drawn what they were given."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
--disable-background-networking --disable-component-update --disable-sync
--hide-scrollbars --window-size=1200,900""".split()

# What is there for each plot: marks that can be seen, and the words round them.
LOOK = """
const sees = e => { const b = e.getBoundingClientRect(); return b; };
const area = e => { const b = sees(e); return b.width > 0.1 && b.height > 0.1; };
const inked = e => { const s = getComputedStyle(e);
  return s.visibility !== 'hidden' && s.display !== 'none' && Number(s.opacity) > 0; };
const long = e => inked(e) && e.getTotalLength() > 10 && sees(e).width > 10
  && getComputedStyle(e).stroke !== 'none' && parseFloat(getComputedStyle(e).strokeWidth) > 0;
const filled = e => inked(e) && area(e) && getComputedStyle(e).fill !== 'none'
  && Number(getComputedStyle(e).fillOpacity) > 0;
return [...document.querySelectorAll('.plot')].map(p => {
  const count = (where, test) => [...p.querySelectorAll(where)].filter(test).length;
  const frame = p.querySelector('.cartesianlayer .plot') || p;
  return {
    id: p.id,
    expect: JSON.parse(p.dataset.expect),
    drawn: {
      bars: count('.barlayer .point path', filled),
      points: count('.scatterlayer path.point', filled),
      lines: count('.scatterlayer path.js-line', long),
      fills: count('.scatterlayer path.js-fill', filled),
    },
    width: sees(p).width, height: sees(p).height,
    svg: p.querySelectorAll('svg.main-svg').length,
    ticks: [count('.xtick text', area), count('.ytick text', area)],
    titles: [...p.querySelectorAll('.xtitle, .ytitle')].map(t => t.textContent),
    legend: count('.legend .traces', area),
    traces: (p.data || []).length,
    heading: p.parentElement.querySelector('h4').textContent,
    caption: p.parentElement.querySelector('figcaption').textContent,
  };
});
"""


class Browser:
    """Chromium with a folder of its own, for as long as the block takes."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp()
        driver = shutil.which("chromedriver")
        chromium = shutil.which("chromium")
        if not driver or not chromium:
            raise FileNotFoundError("chromium and chromedriver (Debian: chromium, chromium-driver)")
        self.driver = subprocess.Popen(
            [driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        said = ""
        for line in self.driver.stdout:
            said += line
            port = re.search(r"started successfully on port (\d+)", line)
            if port:
                break
        else:
            raise RuntimeError("chromedriver does not start: " + said)
        self.url = f"http://127.0.0.1:{port[1]}"
        self.session = None
        options = {"binary": chromium, "args": [*FLAGS, "--user-data-dir=" + self.dir]}
        capabilities = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        answer = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self.session = answer["sessionId"]
        return self

    def __exit__(self, *_):
        try:
            if self.session:
                self.ask("DELETE", f"/session/{self.session}")
        finally:
            self.driver.terminate()
            self.driver.wait()
            shutil.rmtree(self.dir, ignore_errors=True)

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        # Nothing may come between us and the driver.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as e:
            raise RuntimeError(e.read().decode()) from e

    def run(self, script):
        return self.ask("POST", f"/session/{self.session}/execute/sync", {"script": script, "args": []})

    def open(self, url):
        self.ask("POST", f"/session/{self.session}/url", {"url": url})

    def plots(self, page):
        """Opens a page; what LOOK says of it, and what is wrong besides."""
        self.open(pathlib.Path(page).resolve().as_uri())
        for _ in range(600):
            if self.run("return document.body.dataset.drawn"):
                break
            time.sleep(0.1)
        wrong = []
        fetched = self.run("return performance.getEntriesByType('resource').map(r => r.name)")
        if fetched:
            wrong.append(f"the page fetched {fetched}")
        for entry in self.ask("POST", f"/session/{self.session}/se/log", {"type": "browser"}):
            if entry["level"] == "SEVERE":
                wrong.append("the browser complains: " + entry["message"])
        if self.run("return document.scrollingElement.scrollWidth > document.scrollingElement.clientWidth"):
            wrong.append("the page is wider than the window")
        return self.run(LOOK), wrong


PLOTS = ["heap", "pauses", "collections", "survival", "mmu", "utilisation"]


def complaints(plots, arenas):
    """What is wrong with the plots of a page that shows so many arenas."""
    wrong = []
    kinds = sorted(p["id"].split("-")[1] for p in plots)
    if kinds != sorted(PLOTS * arenas):
        wrong.append(f"plots are {kinds}")
    for p in plots:
        say = lambda what: wrong.append(f"{p['id']}: {what}")
        if p["svg"] == 0 or p["width"] < 300 or p["height"] < 200:
            say(f"not there ({p['width']} by {p['height']}, {p['svg']} drawings)")
        if sum(p["expect"].values()) == 0:
            say("was given nothing")
        if p["drawn"] != p["expect"]:
            say(f"drew {p['drawn']}, was given {p['expect']}")
        if min(p["ticks"]) < 2:
            say(f"has {p['ticks']} labels at its axes")
        if len(p["titles"]) != 2 or not all(p["titles"]):
            say(f"has axes called {p['titles']}")
        if p["legend"] != p["traces"]:
            say(f"names {p['legend']} of {p['traces']} series")
        if not p["heading"] or not p["caption"]:
            say("has no heading or caption")
    return wrong
