"""The API docs in a real browser: this champion's own fields, and nothing from elsewhere."""

from pathlib import Path

from tests.support.browser import Page, eventually
from tests.support.serving.service import Service, over
from tests.unit.serving.test_page import errors

KEY = "f3Kq-9vTz-Lw2m-Xr7p"


def show(page: Page, service: Service) -> str:
    """Open the docs, and the endpoint that predicts."""
    page.send("Log.enable")
    page.send("Runtime.enable")
    address = f"http://127.0.0.1:{service.port}"
    page.open(f"{address}/docs")
    eventually(lambda: page.ask("!!document.querySelector('.opblock-post .opblock-summary-control')"), "the endpoints")
    return address


def unfolded(page: Page) -> str:
    """What the request of a prediction is said to look like."""
    page.ask("document.querySelector('.opblock-post:not(.is-open) .opblock-summary-control')?.click()")
    eventually(lambda: page.ask("!!document.querySelector('.opblock-post textarea')"), "the example")
    return str(page.ask("document.querySelector('.opblock-post textarea').value"))


def test_the_champions_own_fields_are_shown_and_tried_nothing_is_asked_elsewhere_and_the_policy_holds(
    page: Page, mixed_service: Service
) -> None:
    address, example = show(page, mixed_service), mixed_service.example
    told = unfolded(page)
    assert [name for name in ("größe | cm", "colour", "paid", "since") if name not in told or name not in example] == []
    told = page.text()
    paths = ("/predict", "/model", "/healthz", "/readyz", "/metrics")
    assert [words for words in ("3.1", *paths) if words not in told] == []
    page.click("button", "Execute")
    eventually(lambda: '"model_version": 1' in page.text(), "the answer")
    assert {each for each in page.requested() if not each.startswith("data:")} - {"data"} == {address}
    assert errors(page) == []
    policy = mixed_service.get("/docs").headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy


def test_the_key_shows_what_is_kept_from_others(page: Page, folder: Path) -> None:
    with over(folder, env={"SERVE_API_KEY": KEY}) as service:
        show(page, service)
        described = "JSON.stringify(ui.specSelectors.specJson().toJS())"
        assert "sepal_length" not in page.ask(described)
        page.click("button", "Authorize")
        eventually(lambda: page.ask("!!document.querySelector('.auth-container input')"), "the field for the key")
        page.ask("document.querySelector('.auth-container input').focus()")
        page.send("Input.insertText", text=KEY)
        page.ask("document.querySelector('.auth-container .authorize').click()")
        eventually(lambda: "sepal_length" in page.ask(described), "the champion's fields")
        page.click("button", "Close")
        assert "sepal_length" in unfolded(page)


def test_no_other_file_is_given_out_and_no_page_that_loads_from_elsewhere_is_left(iris_service: Service) -> None:
    others = ("index.html", "swagger-ui-bundle.js.map", "..%2f__init__.py", "redoc.standalone.js")
    for path in ("/redoc", *(f"/docs/{name}" for name in others)):
        assert iris_service.get(path).status == 404
    assert b"//cdn" not in iris_service.get("/docs").body
