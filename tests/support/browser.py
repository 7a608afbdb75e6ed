"""A real browser for the tests of a page: Chromium without a window, driven over its DevTools protocol.

It can reach this machine alone. Where none is installed the tests that need one are skipped, and say so; `.ci/run`
installs it. Debian has it in the package `chromium`.
"""

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
PATIENCE = 90.0  # seconds after which something that should come counts as missing
NETWORK_CHANGED = "net::ERR_NETWORK_CHANGED"


class NetworkChangedError(Exception):
    """A container came or went, and the browser gave up what it was loading: the test is run again (conftest.py)."""


class Page:
    """One page of a browser, through its DevTools channel."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self.count = 0
        self.events: list[dict[str, Any]] = []

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self.count += 1
        self.channel.send(json.dumps({"id": self.count, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.channel.recv(timeout=PATIENCE))
            if answer.get("id") == self.count:
                return answer["result"]
            if answer.get("params", {}).get("errorText") == NETWORK_CHANGED:
                raise NetworkChangedError
            self.events.append(answer)

    def open(self, url: str) -> None:
        if self.send("Page.navigate", url=url).get("errorText") == NETWORK_CHANGED:
            raise NetworkChangedError

    def ask(self, expression: str) -> Any:
        return self.send("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def requested(self) -> set[str]:
        """Where every request went: scheme, host and port."""
        self.ask("0")  # what has happened until now is told before this answer
        asked = (
            event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"
        )
        return {"/".join(url.split("/")[:3]) if "://" in url else url.split(":")[0] for url in asked}

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press a key and let it go, as a keyboard would."""
        about = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **about)
        self.send("Input.dispatchKeyEvent", type="keyUp", **about)

    def text(self) -> str:
        return str(self.ask("document.body ? document.body.innerText : ''"))

    def click(self, selector: str, text: str) -> None:
        """Click the last visible element that has this text, as soon as it is there."""
        find = (
            f"(() => {{ const found = [...document.querySelectorAll({selector!r})]"
            f".filter(each => each.innerText.trim().replace(/\\s+/g, ' ') === {text!r}).pop();"
            " if (!found) return false; (found.querySelector('button, [role=button]') || found).click(); return true })()"
        )
        eventually(lambda: self.ask(find), f"{selector} with the text {text!r}", self.text)


def direct() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def eventually(look: Callable[[], Any], what: str, instead: Callable[[], str] = str) -> Any:
    """What a look finds as soon as it finds something; a failure that names it, and what is there, when it never does."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        if found := look():
            return found
        time.sleep(0.1)
    pytest.fail(f"never came: {what}; instead: {instead() or 'nothing'}")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The one browser of a test process: its address. Skips the test where none is installed."""
    folder = tmp_path_factory.mktemp("browser")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"no browser is installed (looked for {', '.join(BROWSERS)}); Debian has the package chromium")
    process = subprocess.Popen(
        [
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--remote-debugging-port=0", "--window-size=1500,1000", f"--user-data-dir={folder}",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "about:blank",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        told = folder / "DevToolsActivePort"
        port, path = eventually(lambda: told.exists() and told.read_text().split("\n")[:2], "a browser that answers")
        yield f"ws://127.0.0.1:{port}{path}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture
def page(browser: str) -> Iterator[Page]:
    """A page of a real browser, which shares nothing with any other page of it."""
    from websockets.sync.client import connect

    with connect(browser, max_size=None, proxy=None) as channel:
        whole = Page(channel)
        context = whole.send("Target.createBrowserContext")["browserContextId"]
        target = whole.send("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        try:
            address = f"{browser.partition('/devtools/')[0]}/devtools/page/{target}"
            with connect(address, max_size=None, proxy=None) as own:
                opened = Page(own)
                opened.send("Network.enable")
                yield opened
        finally:
            whole.send("Target.disposeBrowserContext", browserContextId=context)
