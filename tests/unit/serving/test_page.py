"""The page at ``/`` in a real browser: by keyboard, with any name, in the light and in the dark, without JavaScript."""

import re
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from champion.bundle.folder import write
from tests.support.browser import Page, direct, eventually
from tests.support.serving.models import made
from tests.support.serving.pretend import Pretended, about, boolean, category, moment, number, pretended
from tests.support.serving.service import Service, running

MIXED = (
    number("petal length (cm)"), category("colour", "red", "green", nullable=True), boolean("smoker", nullable=True),
    moment("seen"), number("wait", nullable=True, dtype="timedelta64[us]"),
)  # fmt: skip
HOSTILE = '<img src=x onerror="document.title=1">&amp;"\'</script><script>document.title=2</script>'
TAB, ENTER = ("Tab", 9), ("Enter", 13, "\r")


def show(page: Page, address: str) -> None:
    """Open the page and wait for its form."""
    page.send("Runtime.enable")
    page.send("Log.enable")
    page.open(address)
    eventually(lambda: page.ask("!!document.querySelector('#fields .field')"), "the form")


def answered(page: Page) -> str:
    eventually(lambda: "Answered by" in page.text(), "an answer")
    return page.text()


def predict(page: Page) -> str:
    page.click("button", "Predict")
    return answered(page)


def fill(page: Page, place: int, value: str) -> None:
    page.ask(f"document.querySelector('#field-{place}').value = {value!r}")


def says(page: Page, text: str) -> bool:
    return text in page.text()


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
    logged = [
        event["params"] for event in page.events if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")
    ]
    return [str(each) for each in logged if each.get("entry", {}).get("source") != "network"]


def test_the_form_is_filled_in_and_sent_by_keyboard_alone(page: Page) -> None:
    state = Pretended(about(*MIXED))
    with pretended(state) as address:
        show(page, address)
        tab_to(page, "field-0")
        page.press("a", 65)  # a letter is no number, and the field takes none
        page.send("Input.dispatchKeyEvent", type="keyDown", key="a", code="KeyA", modifiers=2, commands=["selectAll"])
        page.send("Input.insertText", text="4.25")
        tab_to(page, "field-1")
        page.send("Input.dispatchKeyEvent", type="keyDown", key="a", code="KeyA", modifiers=2, commands=["selectAll"])
        page.send("Input.insertText", text="ultraviolet")
        page.press(*ENTER)
        told = answered(page)
        tab_to(page, "predict")
        page.press(*ENTER)
        eventually(lambda: len(state.rows) == 2 and "Answered by" in page.text(), "a second answer")
        assert focused(page) == "predict"
    assert state.rows[0] == state.rows[1]
    assert state.rows[0] == {
        "petal length (cm)": 4.25,
        "colour": "ultraviolet",
        "smoker": True,
        "seen": "2022-06-15T12:30:00Z",
        "wait": 3.5,
    }
    assert re.search(r"setosa\s+setosa\s+70\.0 %\s+versicolor\s+15\.0 %\s+virginica\s+15\.0 %", told)
    assert "Answered by model version 1, data version 013d0da0, request r-1." in told


def test_the_range_of_training_is_told_in_seven_digits(page: Page) -> None:
    wide = number("width") | {"minimum": -0.7300904694999847, "maximum": 1e300}
    with pretended(Pretended(about(wide))) as address:
        show(page, address)
        assert says(page, "a number; -0.7300905 to 1e+300 in training")


def test_it_begins_with_the_example_and_says_what_training_had_seen(page: Page) -> None:
    with pretended(Pretended(about(*MIXED))) as address:
        show(page, address)
        assert page.ask("[...document.querySelectorAll('#fields input, #fields select')].map(each => each.value)") == [
            "3.5", "red", "true", "2022-06-15T12:30", "3.5",
        ]  # fmt: skip
        assert page.ask("[...document.querySelectorAll('#fields option')].map(each => each.value)") == [
            "red", "green", "true", "false", "",
        ]  # fmt: skip
        for hint in (
            "1 to 6.5 in training",
            "red, green; may be missing",
            "2022-01-08 00:00 to 2023-01-08 12:00",
            "seconds",
        ):
            assert hint in page.text()
        fill(page, 0, "5")
        page.click("button", "Fill in the example")
        assert page.ask("document.querySelector('#field-0').value") == "3.5"


def test_what_may_be_missing_is_sent_as_null(page: Page) -> None:
    state = Pretended(about(*MIXED))
    with pretended(state) as address:
        show(page, address)
        for place in (1, 2, 4):
            fill(page, place, "")
        predict(page)
    assert [state.rows[0][name] for name in ("colour", "smoker", "wait")] == [None, None, None]


def test_an_error_stands_at_the_field_it_names_and_takes_the_focus(page: Page) -> None:
    with pretended(Pretended(about(*MIXED))) as address:
        show(page, address)
        fill(page, 3, "")
        page.click("button", "Predict")
        eventually(lambda: "expected a value" in page.text(), "the error")
        assert focused(page) == "field-3"
        assert page.ask("document.activeElement.getAttribute('aria-invalid')") == "true"
        assert page.ask("document.getElementById('field-3-error').innerText") == "Found null, expected a value."
        fill(page, 3, "2022-06-15T12:30:00")
        assert "expected a value" not in predict(page)
        assert not page.ask("document.querySelector('[aria-invalid=true]')")


def test_an_error_without_a_field_is_told_and_takes_the_focus(page: Page) -> None:
    state = Pretended(about(*MIXED))
    with pretended(state) as address:
        show(page, address)
        state.about = None
        page.click("button", "Predict")
        eventually(lambda: "No champion is served. (request r-1)" in page.text(), "the error")
        assert focused(page) == "alert"


def test_warnings_are_told(page: Page) -> None:
    with pretended(Pretended(about(*MIXED), warnings=["petal length (cm) is above 6.5"])) as address:
        show(page, address)
        assert "Warnings\n\npetal length (cm) is above 6.5" in re.sub(r"\n+", "\n\n", predict(page))


def test_an_estimator_without_probabilities_is_answered_too(page: Page) -> None:
    with pretended(Pretended(about(*MIXED), probabilities=False)) as address:
        show(page, address)
        assert "This estimator gives no probabilities." in predict(page)


def test_names_that_look_like_markup_stay_text(page: Page) -> None:
    made = about(
        number(HOSTILE), category("b", HOSTILE), number("__proto__"), number("constructor"), boolean(" \n"),
        classes=[HOSTILE, "toString"], reason=HOSTILE, use_case=HOSTILE, data_version=HOSTILE, scores={HOSTILE: 0.5},
    )  # fmt: skip
    state = Pretended(made, warnings=[HOSTILE], refused=HOSTILE)
    with pretended(state) as address:
        show(page, address)
        told = predict(page)
        assert told.count(HOSTILE) >= 8
        assert page.ask("document.title").startswith(HOSTILE)
        assert page.ask("document.scripts.length") == 1
        assert page.ask("document.images.length") == 0
        assert errors(page) == []
    assert list(state.rows[0]) == [HOSTILE, "b", "__proto__", "constructor", " \n"]


def test_a_champion_that_takes_over_is_noticed_with_the_next_answer(page: Page) -> None:
    state = Pretended(about(*MIXED))
    with pretended(state) as address:
        show(page, address)
        fill(page, 0, "4.5")
        state.about = about(*MIXED[:2], number("new one"), version=2, reason="It is better.")
        page.click("button", "Predict")
        eventually(lambda: "version 1 made way for version 2" in page.text(), "the news")
        told = page.text()
        assert "Model version 2" in told
        assert "It is better." in told
        assert page.ask("[...document.querySelectorAll('#fields label')].map(each => each.innerText)")[2] == "new one"
        assert page.ask("document.querySelector('#field-0').value") == "4.5"
        assert "made way" not in predict(page)
    assert state.rows[-1] == {"petal length (cm)": 4.5, "colour": "red", "new one": 3.5}


def test_it_says_that_there_is_no_champion_until_there_is_one(page: Page) -> None:
    state = Pretended(None)
    with pretended(state) as address:
        page.open(address)
        eventually(lambda: "Look for a champion again" in page.text(), "the remedy")
        assert "No champion is served yet" in page.text()
        assert "There is no production package in models/iris." in page.text()
        state.about = about(*MIXED)
        page.click("button", "Look for a champion again")
        eventually(lambda: "Model version 1" in page.text(), "the champion")
        predict(page)


def test_a_key_is_asked_for_and_nothing_is_told_without_it(page: Page) -> None:
    state = Pretended(about(*MIXED), key="open-sesame")
    with pretended(state) as address:
        page.open(address)
        eventually(lambda: "Use this key" in page.text(), "the form for the key")
        assert not re.search(
            "petal|013d0da0|challenger", page.ask("document.documentElement.outerHTML").split("<script>")[0]
        )
        for given, told in (("wrong", "missing or wrong"), ("a ☃", "ASCII"), ("open-sesame", "petal length (cm)")):
            page.ask(f"document.activeElement.blur(); document.querySelector('#key').value = {given!r}")
            page.click("button", "Use this key")
            eventually(partial(says, page, told), told)
            assert focused(page) != "key" or given != "open-sesame"
        predict(page)
        assert page.ask("JSON.stringify([localStorage.length, sessionStorage.length, document.cookie])") == '[0,0,""]'


def test_every_control_has_a_name_and_a_description(page: Page) -> None:
    with pretended(Pretended(about(*MIXED))) as address:
        show(page, address)
        predict(page)
        page.send("Accessibility.enable")
        nodes = page.send("Accessibility.getFullAXTree")["nodes"]
    controls = {
        node["name"]["value"]: node.get("description", {}).get("value", "")
        for node in nodes
        if node.get("role", {}).get("value")
        in ("spinbutton", "textbox", "combobox", "button", "DateTime", "InputTime", "Date")
        and any(each["name"] == "focusable" for each in node.get("properties", []))
    }
    for feature in MIXED:
        assert "in training" in controls[feature["name"]] or "may be missing" in controls[feature["name"]]
    assert {"Predict", "Fill in the example"} <= set(controls)
    live = {node["name"]["value"] for node in nodes if node.get("role", {}).get("value") in ("region", "list")}
    assert {"The champion", "Try a prediction", "Answer", "Probabilities"} <= live


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_runs_out_of_the_page(page: Page, width: int, scheme: str) -> None:
    page.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
    page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    with pretended(Pretended(about(*MIXED, number("a" * 80)), refused="b" * 200)) as address:
        show(page, address)
        predict(page)
        assert page.ask("document.documentElement.scrollWidth") <= width
        light = sum(map(int, re.findall(r"\d+", page.ask("getComputedStyle(document.body).backgroundColor"))[:3])) > 600
    assert light == (scheme == "light")


def test_nothing_is_asked_elsewhere_and_the_policy_holds(page: Page) -> None:
    with pretended(Pretended(about(*MIXED))) as address:
        show(page, address)
        predict(page)
        assert page.requested() == {address, "data"}  # the empty icon
        assert errors(page) == []
        page.ask("document.body.setAttribute('onclick', 'document.title = 1'); document.body.click()")
        assert page.ask("document.title") != "1"


def test_the_facts_are_there_without_javascript() -> None:
    state = Pretended(about(*MIXED, reason="Better by 2 < 3 & more."), refused="its hash is wrong")
    with pretended(state) as address, direct().open(urllib.request.Request(address)) as response:
        policy, text = response.headers["Content-Security-Policy"], response.read().decode()
    told = re.sub(r"<script>.*</script>|<style>.*</style>", "", text, flags=re.DOTALL)
    for fact in ("Model version 1", "013d0da0", "2026-11-20 05:14 UTC", "Better by 2 &lt; 3 &amp; more.", "0.9667",
                 "accuracy (decides)", "setosa, versicolor, virginica", "goes on: its hash is wrong"):  # fmt: skip
        assert fact in told
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


def example_of(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = service.get("/model").json["example"]
    return found


def test_a_real_champion_answers_its_example(page: Page, mixed_service: Service) -> None:
    show(page, f"http://127.0.0.1:{mixed_service.port}")
    told = predict(page)
    found = mixed_service.predict(example_of(mixed_service)).json
    shares = found["predictions"][0]["probabilities"]
    for name, share in shares.items():
        assert re.search(rf"^{re.escape(name)}\s+{100 * share:.1f} %$", told, re.MULTILINE)
    assert "Answered by model version 1" in told
    assert errors(page) == []


def test_a_real_refusal_stands_at_its_field(page: Page, mixed_service: Service) -> None:
    show(page, f"http://127.0.0.1:{mixed_service.port}")
    place = list(example_of(mixed_service)).index("count")
    fill(page, place, "1e300")
    page.click("button", "Predict")
    error = f"document.querySelector('#field-{place}-error').innerText"
    assert "expected a number" in eventually(lambda: page.ask(error), "the refusal")
    assert focused(page) == f"field-{place}"


def test_an_unseen_category_and_a_far_number_are_warned_of(page: Page, mixed_service: Service) -> None:
    show(page, f"http://127.0.0.1:{mixed_service.port}")
    names = list(example_of(mixed_service))
    fill(page, names.index("colour"), "ultraviolet")
    fill(page, names.index("count"), "999")
    told = predict(page)
    assert "colour has a category unseen in training." in told
    assert "count is out of the range of training" in told


def test_a_real_promotion_is_noticed(page: Page, folder: Path) -> None:
    write(made(), folder)
    with running(folder) as service:
        show(page, f"http://127.0.0.1:{service.port}")
        write(made(number=2, seed=1), folder)
        service.until(lambda: service.get("/model").json["model_version"] == 2, "the second version")
        page.click("button", "Predict")
        eventually(lambda: "version 1 made way for version 2" in page.text(), "the news")
        assert "Model version 2" in page.text()
