import pytest

from champion import errors
from champion.errors import listed, nearest, nearest_column


def test_the_nearest_word_is_suggested_and_all_are_named_where_none_is_near() -> None:
    assert nearest("slat", ["salt", "share"]) == "Did you mean 'salt'?"
    assert nearest("zzz", ["share", "by"]) == "Allowed are: by, share."
    assert nearest("zzz", []) == "Nothing is allowed here."
    assert nearest_column("SPECIES ", ["island", "species"]) == "Did you mean 'species'?"


def test_a_long_list_of_names_is_shortened() -> None:
    assert listed([f"c{number}" for number in range(1000)], most=2) == "'c0', 'c1' and 998 more"


@pytest.mark.parametrize(
    ("name", "code"),
    [("Project", 1), ("Configuration", 2), ("Data", 1), ("Package", 1), ("Store", 1), ("NotEnoughData", 4)],
)
def test_every_error_ends_the_command_with_its_code(name: str, code: int) -> None:
    error = getattr(errors, f"{name}Error")("why")
    assert isinstance(error, errors.ProjectError)
    assert error.exit_code == code


def test_the_codes_are_those_that_the_help_names() -> None:
    codes = (errors.DONE, errors.FAILED, errors.WRONG_USAGE, errors.GATE_SAID_NO, errors.NOT_ENOUGH_DATA)
    assert codes == (0, 1, 2, 3, 4)
