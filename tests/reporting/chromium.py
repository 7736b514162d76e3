"""A headless Chromium driven through the DevTools protocol over two pipes: no other package is needed."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

PATH = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
KEYS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Enter": 13, "Tab": 9}


class Browser:
    """One page in a browser of its own; use as a context.

    Parameters
    ----------
    width, height : int
        Of the window, CSS pixels.
    patience : float
        Seconds to wait for an answer.
    """

    def __init__(self, width=1280, height=900, patience=60.0):
        self.size, self.patience = (width, height), patience
        self.count, self.buffer, self.errors, self.session, self.events = 0, b"", [], None, []

    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_child, self.out = os.pipe()
        self.inp, from_child = os.pipe()

        def connected():
            # Chromium reads commands from 3 and answers on 4; out of the way first, for either may be one of the pipes
            ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_child, from_child)]
            for number, end in enumerate(ends, start=3):
                os.dup2(end, number)

        self.process = subprocess.Popen(
            [PATH, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe",
             f"--user-data-dir={self.profile.name}", "--window-size={},{}".format(*self.size), "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=connected, close_fds=False)
        os.close(to_child)
        os.close(from_child)
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.resize(*self.size)
        return self

    def __exit__(self, *failure):
        try:
            self.session = None
            self.call("Browser.close")
            self.process.wait(20)
        except (OSError, TimeoutError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        for end in (self.inp, self.out):
            os.close(end)
        self.profile.cleanup()

    def call(self, method, **parameters):
        """Send a command and return its result."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        raw = json.dumps(message).encode() + b"\0"
        while raw:
            raw = raw[os.write(self.out, raw):]
        while True:
            found = self._next()
            if found.get("id") == self.count:
                if "error" in found:
                    problem = f"{method}: {found['error']}"
                    raise RuntimeError(problem)
                return found["result"]

    def _next(self):
        end = time.monotonic() + self.patience
        while b"\0" not in self.buffer:
            if not select.select([self.inp], [], [], max(end - time.monotonic(), 0))[0]:
                problem = "Chromium does not answer"
                raise TimeoutError(problem)
            self.buffer += os.read(self.inp, 1 << 20)
        raw, _, self.buffer = self.buffer.partition(b"\0")
        message = json.loads(raw)
        method, about = message.get("method"), message.get("params", {})
        self.events.append(method)
        if method == "Runtime.exceptionThrown":
            self.errors.append(about["exceptionDetails"].get("exception", {}).get("description", "exception"))
        elif method == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
            self.errors.append(str(about["args"]))
        elif method == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.errors.append(about["entry"]["text"])
        return message

    def open(self, path):
        """Load a file and wait until it is there."""
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        while "Page.loadEventFired" not in self.events:
            self._next()

    def resize(self, width, height, ratio=1):
        """Give the window another size, and so many pixels of the screen a pixel of CSS."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=ratio,
                  mobile=False)

    def media(self, kind="screen", scheme="light"):
        """Show the page on paper or screen, light or dark."""
        wanted = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=kind, features=wanted)

    def scripts(self, allowed):
        """Allow scripts, or forbid them."""
        self.call("Emulation.setScriptExecutionDisabled", value=not allowed)

    def run(self, script):
        """Value of a JavaScript expression, a promise awaited."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"]["exception"].get("description", "exception"))
        return found["result"].get("value")

    def press(self, key):
        """Press a key as a user does."""
        about = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        about |= {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, **about)
        self.settle()

    def mouse(self, x, y, click=False):
        """Move the mouse to a place of the window, and press its button there."""
        for kind in ("mouseMoved", *(("mousePressed", "mouseReleased") if click else ())):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left" if click else "none", clickCount=1)
        self.settle()

    def settle(self):
        """Wait for two frames."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))")

    def picture(self, path, whole=False, clip=None):
        """Save what is seen as PNG."""
        options = {"clip": clip | {"scale": 1}} if clip else {}
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole or bool(clip), **options)
        path.write_bytes(base64.b64decode(found["data"]))
