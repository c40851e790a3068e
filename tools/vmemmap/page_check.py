#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Look at pages in a browser (headless Chromium), at two widths, light and dark.

Nothing may be cut off or wider than the page, no text may lie on another one, each text has
a contrast of 4.5:1 at least, pictures have words for those who do not see them, and nothing
is fetched or complained of.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from guest_image import find_tool
from machine import Failure

WIDTHS = (1200, 400)
SCHEMES = ("light", "dark")

# What is wrong, as seen by the page itself.
LOOK = r"""
(() => {
  const wrong = [], seen = [];
  const channels = colour => colour.match(/[\d.]+/g).map(Number);
  const luminance = colour => channels(colour).slice(0, 3).map(value => value / 255)
      .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
      .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = channels(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return getComputedStyle(e).backgroundColor;
    }
    return "rgb(255, 255, 255)";
  };
  document.querySelectorAll("details").forEach(e => e.open = true);
  if (document.documentElement.scrollWidth > innerWidth)
    wrong.push(`the page is ${document.documentElement.scrollWidth} wide, not ${innerWidth}`);
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let count = 0;
  while (walk.nextNode()) {
    const text = walk.currentNode, element = text.parentElement, words = text.data.trim();
    const range = document.createRange();
    range.selectNodeContents(text);
    const box = range.getBoundingClientRect();
    if (!words || element.closest("style, title") || !box.width) continue;
    count++;
    if (box.left < 0 || box.right > innerWidth + 0.5)
      wrong.push(`'${words}' is cut off by the page`);
    const holder = element.closest("i");
    if (holder) {
      const outer = holder.getBoundingClientRect();
      if (box.left < outer.left || box.right > outer.right)
        wrong.push(`'${words}' does not fit its box`);
    }
    const [a, b] = [getComputedStyle(element).color, ground(element)].map(luminance);
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) wrong.push(`'${words}' has a contrast of ${contrast.toFixed(2)}`);
    if (!holder) for (const rect of range.getClientRects()) {
      if (seen.some(other => rect.left < other.right - 2 && other.left < rect.right - 2 &&
                             rect.top < other.bottom - 4 && other.top < rect.bottom - 4))
        wrong.push(`'${words}' lies on another text`);
      seen.push(rect);
    }
  }
  document.querySelectorAll("[role=img]").forEach(e => {
    if (!e.getAttribute("aria-label")) wrong.push("a picture has no words");
  });
  if (!count) wrong.push("the page has no text");
  return JSON.stringify([...new Set(wrong)]);
})()
"""


class Browser:
    """Chromium, spoken to by the pipe of its DevTools."""

    def __init__(self, profile: str):
        there, self._out = os.pipe()
        self._in, back = os.pipe()
        self._partial = b""
        self._number = 0
        self.complaints: list[str] = []
        # The browser reads descriptor 3 and writes to 4.
        self._process = subprocess.Popen(
            ["sh", "-c", f'exec "$@" 3<&{there} 4>&{back}', "sh", find_tool("chromium"),
             "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
             f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(there, back), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(there)
        os.close(back)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._partial:
            data = os.read(self._in, 1 << 20)
            if not data:
                raise Failure("Chromium ended by itself")
            self._partial += data
        message, self._partial = self._partial.split(b"\0", 1)
        return json.loads(message)

    def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._number:
            self._take(answer)
        if "error" in answer:
            raise Failure(f"Chromium refuses {method}: {answer['error']['message']}")
        return answer["result"]

    def _take(self, event: dict[str, Any]) -> None:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"]["text"])
        elif method == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(f"console.{params['type']}")
        elif method == "Network.requestWillBeSent":
            url = params["request"]["url"]
            if not url.startswith(("file:", "data:")):
                self.complaints.append(f"it fetches {url}")

    def look(self, page: Path, width: int, scheme: str) -> list[str]:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.complaints = []
        for domain in "Runtime", "Log", "Network", "Page":
            self.call(f"{domain}.enable", session)
        self.call("Emulation.setDeviceMetricsOverride", session, width=width, height=900,
                  deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", session,
                  features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", session, url=page.absolute().as_uri())
        # Until it is loaded, the answer of a promise.
        self.call("Runtime.evaluate", session, awaitPromise=True, expression=
                  "new Promise(done => document.readyState === 'complete' ? done() :"
                  " addEventListener('load', done))")
        wrong = self.call("Runtime.evaluate", session, expression=LOOK)["result"]
        if "value" not in wrong:
            raise Failure(f"{page} cannot be looked at: {wrong.get('description', wrong)}")
        self.call("Target.closeTarget", targetId=target)
        return json.loads(wrong["value"]) + self.complaints


def main(pages: list[str]) -> int:
    failed = number = 0
    browser = None
    try:
        if not pages:
            raise Failure("name pages")
        print(f"KTAP version 1\n1..{len(pages) * len(WIDTHS) * len(SCHEMES)}")
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            browser = Browser(profile)
            for page, width, scheme in ((page, width, scheme) for page in pages
                                        for width in WIDTHS for scheme in SCHEMES):
                if not Path(page).is_file():
                    raise Failure(f"there is no {page}")
                wrong = browser.look(Path(page), width, scheme)
                failed += bool(wrong)
                number += 1
                for why in wrong:
                    print(f"# {why}")
                print(f"{'not ok' if wrong else 'ok'} {number} {page}, {width} wide, {scheme}",
                      flush=True)
            browser.stop()
        print(f"# Totals: pass:{number - failed} fail:{failed} skip:0 error:0")
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 2
    finally:
        if browser:
            with contextlib.suppress(ProcessLookupError):
                browser.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
