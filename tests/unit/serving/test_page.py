"""The page at ``/`` in a real browser: by keyboard, with any name, in the light and in the dark, without JavaScript."""

import contextlib
import re
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from champion.bundle.folder import Package
from tests.support.browser import Page, direct, eventually
from tests.support.serving.models import HOSTILE, made
from tests.support.serving.service import inside

TAB, ENTER = ("Tab", 9), ("Enter", 13, "\r")


def show(page: Page, address: str) -> None:
    """Open the page and wait for its form."""
    page.send("Runtime.enable")
    page.send("Log.enable")
    page.open(address)
    eventually(lambda: page.ask("!!document.querySelector('#fields .field')"), "the form")


@contextlib.contextmanager
def opened(page: Page, package: Package | None = None, **options: Any) -> Iterator[Any]:
    """The page over a service in this process, with its form."""
    with inside(package or made("paged", "PRIOR"), **options) as service:
        show(page, service.address)
        yield service


def with_facts(package: Package, reason: str, **facts: Any) -> Package:
    """The same champion, with other facts about it."""
    champion_state = package.manifest.champion_state.model_copy(update={"reason": reason})
    update = {"champion_state": champion_state, **facts}
    return Package(package.manifest.model_copy(update=update), package.files)


def sees(page: Page, text: str) -> str:
    """All that the page says, as soon as it says this."""
    eventually(lambda: text in page.text(), text)
    return page.text()


def predict(page: Page) -> str:
    page.click("button", "Predict")
    return sees(page, "Answered by")


def fill(page: Page, place: int, value: str) -> None:
    page.ask(f"document.querySelector('#field-{place}').value = {value!r}")


def read(page: Page, selector: str, what: str = "value") -> Any:
    return page.ask(f"[...document.querySelectorAll('{selector}')].map(each => each.{what})")


def focused(page: Page) -> Any:
    return page.ask("document.activeElement.id")


def tab_to(page: Page, target: str) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(40):
        if focused(page) == target:
            return
        page.press(*TAB)
    pytest.fail(f"the keyboard does not reach {target}, it is at {focused(page)}")


def errors(page: Page) -> list[str]:
    """What the browser has complained about, besides refused requests: also a broken security policy."""
    page.ask("0")
    logged = [each["params"] for each in page.events if each["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")]
    return [str(each) for each in logged if each.get("entry", {}).get("source") != "network"]


def test_the_form_is_filled_in_and_sent_by_keyboard_alone(page: Page) -> None:
    with opened(page) as service:
        for field, text in (("field-0", "4.25"), ("field-1", "ultraviolet")):
            tab_to(page, field)
            page.press("a", 65)  # a letter is no number, and the field takes none
            page.send(
                "Input.dispatchKeyEvent", type="keyDown", key="a", code="KeyA", modifiers=2, commands=["selectAll"]
            )
            page.send("Input.insertText", text=text)
        page.press(*ENTER)
        told = sees(page, "Answered by")
        tab_to(page, "predict")
        page.press(*ENTER)
        eventually(lambda: len(service.asked) == 2 and "Answered by" in page.text(), "a second answer")
        assert focused(page) == "predict"
    assert service.asked[0] == service.asked[1]
    assert service.asked[0] == {
        "petal length (cm)": 4.25, "colour": "ultraviolet", "smoker": True,
        "seen": datetime(2022, 7, 7, 21, 41, 49, tzinfo=UTC), "wait": 49.5, "width": 5e29,
    }  # fmt: skip
    assert re.search(r"setosa\s+setosa\s+60\.0 %\s+versicolor\s+28\.2 %\s+virginica\s+11\.8 %", told)
    assert "colour has a category unseen in training." in told
    assert f"Answered by model version 1, data version {1:032x}, request " in told


def test_it_begins_with_the_example_names_every_control_gives_ranges_and_sends_null_for_nothing(page: Page) -> None:
    with opened(page) as service:
        example = ["3.722", "red", "true", "2022-07-07T21:41:49", "49.5", "5e+29"]
        assert read(page, "#fields input, #fields select") == example
        assert read(page, "#fields option") == ["green", "red", "true", "false", ""]
        hints = (
            "1 to 6.5 in training", "green, red; may be missing", "2022-01-08 00:00 to 2023-01-08 12:00", "seconds; 0.5 to",
            "a number; -0.7300905 to 1e+30 in training",
        )  # fmt: skip
        assert [hint for hint in hints if hint not in page.text()] == []
        fill(page, 0, "5")
        page.click("button", "Fill in the example")
        assert read(page, "#field-0") == ["3.722"]
        for place in (1, 2, 4):
            fill(page, place, "")
        predict(page)
        page.send("Accessibility.enable")
        nodes = [node for node in page.send("Accessibility.getFullAXTree")["nodes"] if "name" in node]
    assert [service.asked[0][name] for name in ("colour", "smoker", "wait")] == [None, None, None]
    roles = ("spinbutton", "textbox", "combobox", "button", "DateTime", "InputTime", "Date")
    controls = {
        node["name"]["value"]: node.get("description", {}).get("value", "")
        for node in nodes
        if node["role"]["value"] in roles and any(each["name"] == "focusable" for each in node.get("properties", []))
    }
    for feature in made("paged", "PRIOR").manifest.signature:
        assert "in training" in controls[feature.name] or "may be missing" in controls[feature.name]
    assert {"Predict", "Fill in the example"} <= set(controls)
    parts = {node["name"]["value"] for node in nodes if node["role"]["value"] in ("region", "list")}
    assert {"The champion", "Try a prediction", "Answer", "Probabilities"} <= parts


def test_an_error_stands_at_the_field_it_names_or_else_by_itself_and_takes_the_focus(page: Page) -> None:
    with opened(page) as service:
        fill(page, 3, "")
        page.click("button", "Predict")
        sees(page, "expected a date")
        assert focused(page) == "field-3"
        assert page.ask("document.activeElement.getAttribute('aria-invalid')") == "true"
        assert read(page, "#field-3-error", "innerText")[0].startswith("Found null, expected a date or time")
        fill(page, 3, "2022-06-15T12:30:00")
        assert "expected a date" not in predict(page)
        assert not page.ask("document.querySelector('[aria-invalid=true]')")
        service.state.champion = None
        page.click("button", "Predict")
        sees(page, "Try again soon. (request ")
        assert focused(page) == "alert"


def test_names_that_look_like_markup_stay_text_nothing_is_asked_elsewhere_and_the_policy_holds(page: Page) -> None:
    facts = {"use_case": HOSTILE, "data_version": HOSTILE, "metrics": {HOSTILE: 0.5}}
    package = with_facts(made("hostile", "PRIOR"), HOSTILE, **facts)
    with inside(package) as service:
        service.state.refused = HOSTILE
        show(page, service.address)
        fill(page, 0, "999")
        told = predict(page)
        assert told.count(HOSTILE) >= 8
        assert f"{HOSTILE} is out of the range of training" in told
        assert page.ask("document.title").startswith(HOSTILE)
        assert page.ask("document.scripts.length + document.images.length") == 1
        assert page.requested() - {"data"} == {service.address}  # the icon is empty
        assert errors(page) == []
        page.ask("document.body.setAttribute('onclick', 'document.title = 1'); document.body.click()")
        assert page.ask("document.title") != "1"
    assert service.asked[0].keys() == {HOSTILE, "b", "__proto__", "constructor", " \n"}


def test_a_champion_that_takes_over_is_noticed_with_the_next_answer(page: Page) -> None:
    with opened(page) as service:
        fill(page, 0, "4.5")
        service.adopt(with_facts(made("grown", "PRIOR", 2), "It is better."))
        page.click("button", "Predict")
        told = sees(page, "version 1 made way for version 2")
        assert "Model version 2" in told
        assert "It is better." in told
        assert "new one" in read(page, "#fields label", "innerText")
        assert read(page, "#field-0") == ["4.5"]
        assert "made way" not in predict(page)
    assert (service.asked[-1]["petal length (cm)"], len(service.asked[-1])) == (4.5, 4)


def test_it_says_that_there_is_no_champion_until_there_is_one_be_it_without_probabilities(page: Page) -> None:
    with inside(None) as service:
        page.open(service.address)
        told = sees(page, "Look for a champion again")
        assert "No champion is served yet" in told
        assert "There is no package at models/iris that can be served." in told
        service.adopt(made("iris", "WITHOUT_PROBABILITIES"))
        page.click("button", "Look for a champion again")
        sees(page, "Model version 1")
        assert "This estimator gives no probabilities." in predict(page)


def test_a_key_is_asked_for_and_nothing_is_told_without_it(page: Page) -> None:
    with inside(made("paged", "PRIOR"), key="open-sesame") as service:
        page.open(service.address)
        sees(page, "Use this key")
        shown = page.ask("document.documentElement.outerHTML").split("<script>")[0]
        assert not re.search("petal|00000001|dummy|setosa", shown)
        for given, told in (("wrong", "none that fits"), ("a ☃", "ASCII"), ("open-sesame", "petal length (cm)")):
            page.ask(f"document.activeElement.blur(); document.querySelector('#key').value = {given!r}")
            page.click("button", "Use this key")
            sees(page, told)
            assert focused(page) != "key" or given != "open-sesame"
        predict(page)
        assert page.ask("JSON.stringify([localStorage.length, sessionStorage.length, document.cookie])") == '[0,0,""]'


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_runs_out_of_the_page(page: Page, width: int, scheme: str) -> None:
    page.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
    page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    with inside(made("grown", "PRIOR")) as service:
        service.state.refused = "b" * 200
        show(page, service.address)
        predict(page)
        assert page.ask("document.documentElement.scrollWidth") <= width
        light = sum(map(int, re.findall(r"\d+", page.ask("getComputedStyle(document.body).backgroundColor"))[:3])) > 600
    assert light == (scheme == "light")


def test_the_facts_are_there_without_javascript() -> None:
    with inside(with_facts(made("iris", "PRIOR"), "Better by 2 < 3 & more.")) as service:
        service.state.refused = "its hash is wrong"
        with direct().open(urllib.request.Request(service.address)) as response:
            policy, text = response.headers["Content-Security-Policy"], response.read().decode()
    told = re.sub(r"<script>.*</script>|<style>.*</style>", "", text, flags=re.DOTALL)
    for fact in ("Model version 1", f"{1:032x}", "2026-01-31 12:00 UTC", "Better by 2 &lt; 3 &amp; more.", "0.9000",
                 "accuracy (decides)", "setosa, versicolor, virginica", "goes on: its hash is wrong"):  # fmt: skip
        assert fact in told
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
