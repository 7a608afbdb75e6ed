"""Names that would steer a terminal, or mean something on GitHub, are shown and do nothing."""

import io
import json
import logging
import sys
import warnings

import pytest

from champion.bundle.build import model_card
from champion.harmless import as_json, printable, text
from champion.modeling.columns import Column
from champion.modeling.features import Feature
from champion.serving import __main__ as service
from champion.serving import server
from champion.terminal import guard_process
from cli import console, main
from tests.support.packages import package, profile

HOSTILE = "\x1b]0;owned\x07\x1b[31m<b>@team #1 GH-2\u202e|`x`\x9b2J"


def test_a_terminal_sees_escapes_as_text_wherever_they_are_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sys.excepthook", "warnings.showwarning"):
        monkeypatch.setattr(name, None)  # restored after the test
    guard_process()
    console.columns_table([Column(HOSTILE, "text", False, HOSTILE)], {HOSTILE: 0.5})
    console.warn([HOSTILE])
    main.main(["train", "--config", f"configs/{HOSTILE}.yaml"])
    shown = "".join(capsys.readouterr())
    assert not set("\x1b\x07\u202e\x9b") & set(shown)
    assert r"\x1b[31m<b>@team" in shown
    assert json.loads(as_json({HOSTILE: "ö\n"})) == {HOSTILE: "ö\n"}
    assert not set("\x1b\x07\u202e\x9b") & set(as_json([HOSTILE]))
    for arguments in (["train", f"--{HOSTILE}"], ["models", HOSTILE], [HOSTILE], ["rollback", "--to", HOSTILE]):
        assert main.main(arguments) == 2
    for argument in (f"--{HOSTILE}", f"--port={HOSTILE}"):
        monkeypatch.setattr("sys.argv", ["service", argument])
        assert service.run() == 2
    try:
        raise ValueError(HOSTILE)
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
        assert logging.lastResort is not None  # what pytest's own handlers stand in front of
        told = (__name__, logging.ERROR, __file__, 1, "%s", (HOSTILE,), sys.exc_info())
        logging.lastResort.handle(logging.LogRecord(*told))
    warnings.warn(HOSTILE, stacklevel=1)
    server.tell("refused", reason=HOSTILE)
    shown = "".join(capsys.readouterr())
    assert not set("\x1b\x07\u202e\x9b") & set(shown)
    assert shown.count("ValueError: \\x1b]0;owned") == 2
    assert shown.count(r"\x1b[31m<b>@team") >= 8
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with console.progress(quiet=False) as tell:
        tell("prepare", "started")
    assert "prepare" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r"), "colours, and lines that are written again, still are"
    assert printable("Zoë\u3000東京\n") == "Zoë\u3000東京\n"


def test_github_finds_neither_mention_nor_reference_nor_html_in_a_sentence_or_in_the_card() -> None:
    calm = text(f"see {HOSTILE} owner/repo#12 https://x.y www.x.y")
    assert [threat for threat in ("@team", "#1", "GH-2", "<b>", "\x1b", "https://", "www.") if threat in calm] == []
    feature = Feature(name=HOSTILE, kind="categorical", dtype="str", nullable=False, categories=(HOSTILE,))
    about = {"signature": (feature,), "target": HOSTILE, "classes": (HOSTILE, "b")}
    card = model_card(
        package(3).manifest.model_copy(update=about), profile().model_copy(update={"classes": [HOSTILE, "b"]})
    )
    assert "\x1b" not in card
    assert card.count("``") == 2 * card.count("@team") == 8, "each stands in a code span"
