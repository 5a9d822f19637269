"""Opens a page in a real browser and says what is wrong with it, a line each; nothing when all is
right. Exit status: 0 right, 1 wrong, 77 no browser here.

    python3 report/browser/check_page.py page.html [--quick] [--shots FOLDER]

Checked, wide and at 360 pixels, light and dark: no errors, no dialogs, no requests; every mark of
every plot is there; no scrolling sideways; contrast; the keyboard; the filter; no script. With
--quick only the first look, wide and light.
"""

import argparse
import base64
import json
import os
import pathlib
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import devtools  # noqa: E402

WIDE, PHONE = 1280, 360

# WCAG 2.2: 4.5 for text, 3 for marks. Text of the page, then text and marks of the plots; each
# against the nearest background.
CONTRAST = """(() => {
  const rgb = (text) => {  // "rgb(1, 2, 3)" or "rgba(1, 2, 3, 0.5)", as computed styles are
    const parts = text.match(/[\\d.]+/g).map(Number);
    return parts.length === 3 ? [...parts, 1] : parts;
  };
  const light = ([r, g, b]) => {
    const f = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
  };
  const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const color = rgb(getComputedStyle(node).backgroundColor);
      if (color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const bad = new Set();
  const check = (node, color, least, what) => {
    const got = ratio(rgb(color), ground(node));
    const text = node.textContent.slice(0, 20);
    if (got < least) bad.add(`${what} '${text}' ${color}: ${got.toFixed(2)}`);
  };
  for (const node of document.querySelectorAll('body *:not(script, style, option)')) {
    const text = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
    if (!text || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    check(node, node.closest('svg') ? style.fill : style.color, 4.5, node.tagName);
  }
  for (const node of document.querySelectorAll('.canvas a path, .canvas a circle')) {
    const style = getComputedStyle(node), hollow = style.strokeWidth === '2px';
    check(node, hollow ? style.stroke : style.fill, 3, 'mark');
  }
  return [...bad];
})()"""

# How many marks the page's own data promises, and how many are drawn.
MARKS = """(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const wrong = [];
  const expect = (figure, want, what = '.canvas a') => {
    const got = figure.querySelectorAll(what).length;
    const { plot, of } = figure.dataset;
    if (got !== want) wrong.push(`${plot} ${of}: ${got} marks of ${want}`);
  };
  if (Array.isArray(data)) {  // runs of a load
    const keys = { time: ['ttft_p50', 'ttft_p99', 'itl_p50', 'itl_p99'],
      distribution: ['ttft_s', 'tpot_s', 'itl_s', 'e2e_s'] };
    for (const figure of document.querySelectorAll('figure.plot')) {
      const { plot, of } = figure.dataset;
      if (plot === 'rates') {
        expect(figure, data.length, '.canvas svg circle');
        continue;
      }
      const { series } = data[of];
      expect(figure, keys[plot].filter((key) => plot === 'time' ?
        series.spans.some((span) => span[key] > 0) : series[key].some((value) => value > 0)).length,
        '.canvas g[aria-label="line"] path');
      const box = figure.getBoundingClientRect();
      for (const text of figure.querySelectorAll('svg text')) {
        const at = text.getBoundingClientRect();
        if (at.right > box.right + 1 || at.left < box.left - 1) {
          wrong.push(`${plot} ${of}: '${text.textContent}' stands beside its plot`);
        }
      }
    }
    return wrong;
  }
  const timed = (view) => view.rows.filter((row) => row.speedup);
  for (const figure of document.querySelectorAll('figure.plot')) {
    const of = figure.dataset.of, view = data.cases.find((one) => one.id === of);
    if (figure.dataset.plot === 'speedups') expect(figure, timed(view).length);
    if (figure.dataset.plot === 'overview') {
      expect(figure, data.cases.filter((one) => one.best !== null).length);
    }
    if (figure.dataset.plot === 'roofline') {
      expect(figure, data.panels.flatMap((panel) => panel.points)
        .filter(([view]) => of === 'all' || data.cases[view].lab_id === of).length);
    }
    if (figure.dataset.plot === 'samples') {
      const want = d3.sum(timed(view), (row) => row.samples.length);
      const got = figure.querySelectorAll('g[aria-label="rect"] rect').length;
      if (got !== want) wrong.push(`samples ${of}: ${got} strips of ${want}`);
    }
  }
  return wrong;
})()"""

# Names come from the record: they must arrive as text, whatever they hold.
INTRUDERS = """[...document.querySelectorAll('body *')].filter((node) =>
  [...node.attributes].some((one) => one.name.startsWith('on')) ||
  ['IMG', 'IFRAME', 'OBJECT', 'EMBED', 'FORM', 'BASE'].includes(node.tagName))
  .map((node) => node.outerHTML)"""


class Check:
    def __init__(self, browser, url, shots):
        self.browser, self.url, self.shots, self.wrong = browser, url, shots, []

    def expect(self, good, what):
        if not good:
            self.wrong.append(what)

    def collect_events(self, where):
        for event in self.browser.events:
            method, params = event["method"], event.get("params", {})
            if method == "Runtime.exceptionThrown":
                self.wrong.append(f"{where}: {params['exceptionDetails']}")
            elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
                self.wrong.append(f"{where}: console: {params['args']}")
            elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                self.wrong.append(f"{where}: {params['entry']['text']}")
            elif method == "Page.javascriptDialogOpening":
                self.wrong.append(f"{where}: a dialog: {params['message']}")
            elif method == "Network.requestWillBeSent":
                asked = params["request"]["url"]
                mine = asked.split("#")[0] == self.url or asked.startswith("data:")
                self.expect(mine, f"{where}: asks for {asked}")
        self.browser.events.clear()

    def is_load(self):
        """The page of a load record: plots without links, no filter, no button."""
        return self.browser.evaluate(
            "Array.isArray(JSON.parse(document.getElementById('data').textContent))")

    def shoot(self, name):
        if self.shots:
            height = self.browser.evaluate("document.documentElement.scrollHeight")
            width = self.browser.evaluate("innerWidth")
            clip = {"x": 0, "y": 0, "width": width, "height": min(height, 6000), "scale": 1}
            picture = self.browser.call("Page.captureScreenshot", captureBeyondViewport=True,
                                        clip=clip)
            pathlib.Path(self.shots, name + ".png").write_bytes(base64.b64decode(picture["data"]))

    def look(self, width, dark):
        where = f"{width} px, {'dark' if dark else 'light'}"
        self.browser.open(self.url, width, dark)
        self.browser.draw_everything()
        for found in self.browser.evaluate(MARKS) + self.browser.evaluate(CONTRAST):
            self.wrong.append(f"{where}: {found}")
        for found in self.browser.evaluate(INTRUDERS):
            self.wrong.append(f"{where}: intruder {found}")
        self.shoot(f"{width}-{'dark' if dark else 'light'}")
        self.browser.evaluate("document.querySelectorAll('details').forEach((d) => d.open = true)")
        wide = self.browser.evaluate("document.documentElement.scrollWidth")
        self.expect(wide <= width, f"{where}: the page is {wide} px wide")
        self.collect_events(where)

    def keyboard(self):
        """Tab reaches every plot once; arrows move inside; the mark in focus is described."""
        self.browser.open(self.url, WIDE)
        self.browser.draw_everything()
        count = self.browser.evaluate("""[...document.querySelectorAll('figure.plot')]
          .filter((figure) => figure.querySelector('a')).length""")
        stops, first, reached = 0, None, set()
        while stops < 2000:
            self.browser.press("Tab", 9)
            at = self.browser.evaluate("""(() => {
              const at = document.activeElement, figure = at.closest('figure.plot');
              return [at === document.body, at.className.toString(), figure &&
                [...document.querySelectorAll('figure.plot')].indexOf(figure),
                figure && figure.querySelector('.says').textContent === at.ariaLabel];
            })()""")
            first = first or at
            if at[0]:
                break
            if at[2] is not None:
                self.expect(at[2] not in reached, f"plot {at[2]} takes two stops of the tab key")
                self.expect(at[3], f"plot {at[2]} does not describe the mark in focus")
                reached.add(at[2])
            stops += 1
        self.expect(first[1] == "skip", "the first stop of the tab key is not the skip link")
        self.expect(len(reached) == count, f"the tab key reaches {len(reached)} of {count} plots")
        moved = self.browser.evaluate("""(() => {
          const figure = [...document.querySelectorAll('figure.plot')]
            .find((one) => one.querySelectorAll('a').length > 1);
          if (!figure) return 'none';
          figure.querySelector('a').focus();
          return 'ready';
        })()""")
        if moved == "ready":
            before = self.browser.evaluate("document.activeElement.ariaLabel")
            self.browser.press("ArrowDown", 40)
            after = self.browser.evaluate("document.activeElement.ariaLabel")
            self.expect(before != after, "the arrow keys do not move between marks")
            self.browser.evaluate("document.activeElement.dispatchEvent(new MouseEvent('click'))")
            self.expect("#case-" in self.browser.evaluate("location.hash"),
                        "a mark does not lead to its case")
        self.collect_events("keyboard")

    def controls(self):
        """The filter hides what was not chosen and the button changes the colours."""
        self.browser.open(self.url, WIDE)
        result = self.browser.evaluate("""(() => {
          const shown = () => [...document.querySelectorAll('article[id^=case]:not([id*=row])')]
            .filter((one) => one.checkVisibility()).length;
          const all = shown(), select = document.querySelector('#filter select');
          let chapter = null;
          if (select) {
            select.selectedIndex = 1;
            select.dispatchEvent(new Event('change'));
            chapter = shown();
            select.selectedIndex = 0;
            select.dispatchEvent(new Event('change'));
          }
          const seen = [...document.querySelectorAll('#filter li button')].map((button) => {
            button.click();
            const count = shown();
            button.click();
            return count;
          });
          const ground = () => getComputedStyle(document.body).backgroundColor;
          const grounds = [0, 1, 2].map(() => (document.getElementById('theme').click(), ground()));
          return {all, chapter, seen, again: shown(), themes: new Set(grounds).size};
        })()""")
        data = json.loads(self.browser.evaluate("document.getElementById('data').textContent"))
        cases = data["cases"]
        self.expect(result["all"] == len(cases) == result["again"], f"cases shown: {result}")
        if len({case["chapter"] for case in cases}) > 1:
            least = min(case["chapter"] for case in cases)
            want = sum(case["chapter"] == least for case in cases)
            self.expect(result["chapter"] == want, f"the chapter filter shows {result}")
        self.expect(all(0 < seen <= len(cases) for seen in result["seen"]),
                    f"the verdict filter shows {result}")
        self.expect(result["themes"] == 2, "the button does not switch light and dark")
        self.collect_events("controls")

    def without_script(self):
        self.browser.open(self.url, PHONE, script=False)
        result = self.browser.evaluate("""(() => {
          const seen = (one) => one.checkVisibility(), all = (what) =>
            [...document.querySelectorAll(what)];
          return {figures: all('figure').filter(seen).length,
                  hidden: all('table.cards').filter((table) => !seen(table)).length,
                  wide: document.documentElement.scrollWidth};
        })()""")
        self.expect(result["figures"] == 0, "empty figures show without script")
        self.expect(result["hidden"] == 0, "tables are hidden without script")
        self.expect(result["wide"] <= PHONE, f"without script the page is {result['wide']} px wide")
        self.collect_events("without script")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("page")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--shots")
    options = parser.parse_args()
    path = devtools.find_browser()
    if path is None:
        print("no Chromium here: install chromium, or name one in AISP_CHROMIUM")
        return 77
    browser = devtools.Browser(path)
    check = Check(browser, pathlib.Path(options.page).resolve().as_uri(), options.shots)
    try:
        check.look(WIDE, dark=False)
        if not options.quick:
            for width, dark in ((WIDE, True), (PHONE, False), (PHONE, True)):
                check.look(width, dark)
            if not check.is_load():
                check.keyboard()
                check.controls()
            check.without_script()
    finally:
        browser.close()
    for line in check.wrong:
        print(line[:400])
    return 1 if check.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
