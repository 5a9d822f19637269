"""Drives a headless Chromium over its DevTools pipe: file descriptors 3 and 4, JSON ended by NUL.

Standard library only; used by check_page.py. Nothing of the product needs a browser.
Source: Chrome DevTools Protocol, https://chromedevtools.github.io/devtools-protocol/
"""

import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find_browser():
    """The path of a Chromium: $AISP_CHROMIUM, else the first on the path that starts; or None."""
    named = os.environ.get("AISP_CHROMIUM")
    for name in [named] if named else NAMES:
        path = shutil.which(name)
        # Ubuntu's package of that name is a stub that asks for snap: it exits with an error.
        if path and subprocess.run([path, "--version"], capture_output=True).returncode == 0:
            return path
    return None


class Browser:
    """One page in a browser of its own. Events that arrive while waiting are kept in `events`."""

    def __init__(self, path):
        self.profile = tempfile.mkdtemp(prefix="aisp_browser_")
        to_browser, from_us = os.pipe()
        from_browser, to_us = os.pipe()

        def wire():
            # Above the range first: one of the four may itself be 3 or 4.
            reading, writing = os.dup2(to_browser, 198), os.dup2(to_us, 199)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        self.process = subprocess.Popen(
            [path, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--remote-debugging-pipe", f"--user-data-dir={self.profile}", "about:blank"],
            preexec_fn=wire, close_fds=False, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(to_us)
        self.writing, self.reading = from_us, from_browser
        self.left, self.events, self.next_id, self.session = b"", [], 0, None
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(one for one in targets if one["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self):
        os.close(self.writing)
        os.close(self.reading)
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def _receive(self, deadline):
        while b"\0" not in self.left:
            ready, _, _ = select.select([self.reading], [], [], max(0.0, deadline - time.time()))
            part = os.read(self.reading, 1 << 20) if ready else b""
            if not part:
                raise RuntimeError("the browser gave no answer")
            self.left += part
        message, self.left = self.left.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        self.next_id += 1
        message = {"id": self.next_id, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writing, json.dumps(message).encode() + b"\0")
        deadline = time.time() + 30
        while True:
            answer = self._receive(deadline)
            if answer.get("id") != self.next_id:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']['message']}")
            else:
                return answer["result"]

    def evaluate(self, script):
        """The value of an expression in the page; awaits promises."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{script[:60]}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def open(self, url, width, dark=False, script=True):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=800,
                  deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce"}])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.call("Page.navigate", url=url)
        deadline = time.time() + 30
        while self.evaluate("document.readyState") != "complete" or \
                self.evaluate("location.href").split("#")[0] != url:
            if time.time() > deadline:
                raise RuntimeError(f"{url} does not load")
            time.sleep(0.05)

    def press(self, key, code=0):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode=code)

    def draw_everything(self):
        """Scrolls through the page, so that every plot comes near and is drawn."""
        self.evaluate("""(async () => {
          for (let y = 0; y < document.body.scrollHeight; y += 600) {
            scrollTo(0, y);
            await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 30)));
          }
          scrollTo(0, 0);
        })()""")
