#!/usr/bin/env python3
"""page.py PAGE ARENAS -- opens a report in Chromium: has every plot drawn what it
was given?  The last line says of how many plots that is so, and how many not."""

import sys

from browser import PLOTS, Browser, complaints

page, arenas = sys.argv[1], int(sys.argv[2])
with Browser() as browser:
    plots, wrong = browser.plots(page)
wrong += complaints(plots, arenas)
for w in wrong:
    print("FAIL", w)
print(f"{arenas * len(PLOTS) - len(wrong)} passed, {len(wrong)} failed")
sys.exit(bool(wrong))
