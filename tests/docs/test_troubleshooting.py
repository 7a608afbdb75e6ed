"""The page of errors is whole: each error of the code has an entry, and each entry an error."""

import ast
import re
from dataclasses import dataclass
from functools import cache

import pytest

from tests.support.messages import GAP, Message, errors, makefile_errors, modules, texts
from tests.support.pages import FENCE, ROOT, USE_CASE, read

PAGE = ROOT / "docs/troubleshooting.md"
NOTES = "## Notes that are no errors"
HEADER = ["message", "cause", "remedy"]
# Where an entry may stop: at the end of a message, of a sentence or clause, or before what is filled in.
STOP = re.compile(rf"$|[.:;](?: |$|{GAP})| \(|{GAP}")
WORD = re.compile(r"\w{3}")
HELP = (
    "Write it into docs/troubleshooting.md, under what the user was doing: a row `| message | cause | remedy |`, with the "
    "message from its first word to the end of a sentence or clause and … for what is filled in. "
    "Where the message is … alone, its text cannot be read here: write it where the error is made, or name what makes it in "
    "tests/support/messages.py."
)


@dataclass(frozen=True)
class Entry:
    """One entry of the page: its messages, and what is said of them."""

    messages: tuple[str, ...]
    said: tuple[str, ...]


def entries(text: str) -> list[Entry]:
    """The rows of the page's tables, and its sections."""
    found = []
    for line in text.splitlines():
        if line.startswith("|"):
            cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if cells != HEADER and set("".join(cells)) != {"-"}:
                found.append(Entry(tuple(cells[0].split("<br>")), tuple(cells[1:])))
    for head, body in re.findall(r"^### (.+)\n((?:(?!##|\|).*\n?)*)", text, re.MULTILINE):
        found.append(Entry((head,), (body.strip(),)))
    return found


@cache
def in_the_code() -> list[Message]:
    return [*errors(modules()), *makefile_errors()]


def of_errors() -> list[Entry]:
    return entries(FENCE.sub("", read(PAGE).partition(NOTES)[0]))


def covers(entry: str, form: str) -> bool:
    """Whether an entry tells of a message: its words from the first on, up to where it may stop."""
    if not WORD.search(entry):
        return entry == form
    return form.startswith(entry) and bool(STOP.match(form, len(entry)))


def without_entry(found: list[Message], told: list[Entry]) -> list[str]:
    lines = [line for entry in told for line in entry.messages]
    return [str(each) for each in found if not any(covers(line, form) for line in lines for form in each.forms)]


def test_every_error_of_the_code_has_one_entry() -> None:
    found = in_the_code()
    assert len(found) > 200
    missing = without_entry(found, of_errors())
    assert not missing, "\n".join(["These errors have no entry:", *missing, HELP])
    lines = [line for entry in of_errors() for line in entry.messages]
    assert sorted(lines) == sorted(set(lines)), "two entries tell of the same words"


@pytest.mark.parametrize("entry", of_errors(), ids=lambda entry: entry.messages[0][:50])
def test_every_entry_is_of_an_error_in_the_code_and_says_what_to_do(entry: Entry) -> None:
    forms = [form for each in in_the_code() for form in each.forms]
    for line in entry.messages:
        assert any(covers(line, form) for form in forms), f"no error begins so any more: {line}. Remove or correct it."
    assert len(entry.said) in (1, 2)
    assert all(len(part.split()) >= 3 for part in entry.said), f"cause or remedy is missing: {entry.messages[0]}"


def test_every_note_is_a_text_of_the_code() -> None:
    notes = entries(read(PAGE).partition(NOTES)[2])
    assert notes
    known = texts()
    for line in (line for entry in notes for line in entry.messages):
        assert any(line in text for text in known), f"the code does not say so any more: {line}"


@pytest.mark.parametrize("line", re.findall(r"^→ (.+)$", read(USE_CASE), re.MULTILINE), ids=lambda line: line[:60])
def test_an_error_as_it_is_printed_is_found_on_the_page(line: str) -> None:
    lines = [line for entry in of_errors() for line in entry.messages if WORD.search(line)]
    assert any(re.search(".+?".join(map(re.escape, told.split(GAP))), line) for told in lines)


NEW = """
class MoonError(DataError): ...

def look(name):
    raise MoonError(f"The moon {name} {'rises' if name else 'sets'}: look {name!r}. Wait.")
"""


def test_a_new_error_without_an_entry_and_one_whose_text_cannot_be_read_are_found_with_their_place() -> None:
    source = "def fail(why):\n    raise ProjectError(why)\n    raise ProjectError\n    return DataError()\n"
    known = {"champion/errors.py": modules()["champion/errors.py"]}
    new, unread = (errors({**known, "champion/moon.py": ast.parse(code)}) for code in (NEW, source))
    assert without_entry(new, of_errors()) == [f"champion/moon.py:5: The moon {GAP} rises: look {GAP}. Wait."]
    assert without_entry(new, [Entry((f"The moon {GAP} rises",), ())]) == []
    assert without_entry(new, [Entry((f"The moon {GAP}",), ())]) != [], "an entry may not stop within a clause"
    assert sorted(without_entry(unread, of_errors())) == [f"champion/moon.py:{line}: {GAP}" for line in (2, 3, 4)]
