#!/usr/bin/env python3
"""Opens a page of `tenfold report` in Chromium and checks what a reader sees.

    check.py REPORT.html [--screenshots DIR]

The page is opened in light and dark colours, each 360, 800 and 1600 pixels wide. Checked are:

- the console has no message, and nothing is loaded except the page itself;
- each figure and each picture has a size, and no text of a panel is cut off or overlaps another;
- the page does not scroll sideways;
- the contrast of each text with the page is at least 4.5:1 (WCAG 2, level AA).

The script speaks the DevTools protocol with Chromium over a pipe, and needs only Python's standard
library. Where there is no Chromium it prints a line that starts with "skipped: ".
"""

import argparse
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
WIDTHS = [360, 800, 1600]
SCHEMES = ["light", "dark"]
MIN_CONTRAST = 4.5

# Runs in the page, and returns a list of complaints.
IN_PAGE = r"""
(minContrast) => {
  const complaints = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    complaints.push(`the page is ${root.scrollWidth} pixels wide, ${root.clientWidth} are visible`);
  }
  const figures = document.querySelectorAll("figure");
  if (figures.length === 0) complaints.push("there is no figure");
  for (const element of document.querySelectorAll("figure, svg, image, table, h1, h2")) {
    const box = element.getBoundingClientRect();
    if (box.width < 1 || box.height < 1) complaints.push(`<${element.tagName}> has no size`);
  }
  for (const svg of document.querySelectorAll("svg")) {
    const outer = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].filter(text => text.textContent.trim());
    const boxes = texts.map(text => text.getBoundingClientRect());
    boxes.forEach((box, i) => {
      const name = `"${texts[i].textContent}" in "${svg.getAttribute("aria-label")}"`;
      if (box.left < outer.left - 1 || box.right > outer.right + 1 ||
          box.top < outer.top - 1 || box.bottom > outer.bottom + 1) {
        complaints.push(`${name} is cut off`);
      }
      boxes.slice(i + 1).forEach((other, j) => {
        const across = Math.min(box.right, other.right) - Math.max(box.left, other.left);
        const down = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
        // Lines of text may touch.
        if (across > 1 && down > 4) {
          complaints.push(`${name} overlaps "${texts[i + 1 + j].textContent}"`);
        }
      });
    });
  }
  // The contrast of colours, as WCAG 2 defines it.
  const channels = colour => colour.match(/[\d.]+/g).map(Number);
  const luminance = colour => {
    const [r, g, b] = channels(colour).map(v => v / 255)
      .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (colour && (channels(colour)[3] ?? 1) > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const seen = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || element.tagName === "title") continue;
    const style = getComputedStyle(element);
    const colour = element instanceof SVGElement ? style.fill : style.color;
    const below = background(element);
    const [high, low] = [luminance(colour), luminance(below)].sort((a, b) => b - a);
    const contrast = (high + 0.05) / (low + 0.05);
    const key = `${colour} on ${below}`;
    if (contrast < minContrast && !seen.has(key)) {
      seen.add(key);
      complaints.push(`contrast ${contrast.toFixed(2)} of "${element.textContent}": ${key}`);
    }
  }
  return complaints;
}
"""


class Browser:
    """Chromium, with the DevTools protocol on file descriptors 3 and 4."""

    def __init__(self, program, profile):
        to_browser, self.requests = os.pipe()
        self.replies, from_browser = os.pipe()

        def connect():
            # The copies are above 4, so that neither replaces the other.
            copies = [os.dup(os.dup(os.dup(to_browser))), os.dup(from_browser)]
            for copy, descriptor in zip(copies, [3, 4]):
                os.dup2(copy, descriptor)

        command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                   "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(command, preexec_fn=connect, close_fds=False,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer = b""
        self.number = 0
        self.session = None
        self.events = []

    def message(self):
        """The next message of the browser."""
        while b"\0" not in self.buffer:
            data = os.read(self.replies, 1 << 16)
            if not data:
                raise SystemExit("Chromium ended early")
            self.buffer += data
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **parameters):
        """Calls a method and returns its result. Events in between are kept."""
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.requests, data):]
        while True:
            message = self.message()
            if message.get("id") == self.number:
                if "error" in message:
                    raise SystemExit(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def wait(self, method):
        """Waits for an event."""
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message())

    def open(self, address):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.call(f"{domain}.enable")
        self.events.clear()
        self.call("Page.navigate", url=address)
        self.wait("Page.loadEventFired")

    def close(self):
        os.close(self.requests)
        self.process.terminate()
        self.process.wait()


def complaints_of_events(events, address):
    """What the console said, and what was loaded besides the page."""
    for event in events:
        parameters = event.get("params", {})
        match event.get("method"):
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
                yield f"console: {json.dumps(parameters)[:300]}"
            case "Log.entryAdded":
                yield f"console: {parameters['entry']['text']}"
            case "Network.requestWillBeSent":
                url = parameters["request"]["url"]
                if url != address and not url.startswith("data:"):
                    yield f"the page loads {url}"


def check(browser, address, screenshots):
    browser.open(address)
    complaints = list(complaints_of_events(browser.events, address))
    for scheme in SCHEMES:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.call("Emulation.setEmulatedMedia", features=[feature])
        for width in WIDTHS:
            browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
                         deviceScaleFactor=1, mobile=False)
            result = browser.call("Runtime.evaluate", returnByValue=True,
                                  expression=f"({IN_PAGE})({MIN_CONTRAST})")["result"]
            if "value" not in result:
                raise SystemExit(f"the checks in the page failed: {result.get('description')}")
            complaints += [f"{scheme}, {width} pixels: {text}" for text in result["value"]]
            if screenshots:
                picture = browser.call("Page.captureScreenshot", captureBeyondViewport=True)
                name = pathlib.Path(screenshots) / f"{scheme}-{width}.png"
                name.write_bytes(base64.b64decode(picture["data"]))
    return complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("page")
    parser.add_argument("--screenshots", help="write a screenshot of each width into this folder")
    arguments = parser.parse_args()
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        print("skipped: the report in a browser: there is no Chromium")
        return
    address = pathlib.Path(arguments.page).resolve().as_uri()
    if arguments.screenshots:
        os.makedirs(arguments.screenshots, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            complaints = check(browser, address, arguments.screenshots)
        finally:
            browser.close()
    for complaint in complaints:
        print(complaint)
    if complaints:
        sys.exit(1)
    print(f"{arguments.page}: no complaint in {len(SCHEMES) * len(WIDTHS)} renderings")


if __name__ == "__main__":
    main()
