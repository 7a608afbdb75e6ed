import pytest

from champion import errors
from champion.errors import listed, nearest, nearest_column


def test_the_nearest_word_is_suggested() -> None:
    assert nearest("slat", ["salt", "share"]) == "Did you mean 'salt'?"


def test_all_words_are_named_where_none_is_near() -> None:
    assert nearest("zzz", ["share", "by"]) == "Allowed are: by, share."


def test_nothing_to_choose_from_is_said() -> None:
    assert nearest("zzz", []) == "Nothing is allowed here."


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ProjectError, 1),
        (errors.ConfigurationError, 2),
        (errors.DataError, 1),
        (errors.PackageError, 1),
        (errors.StoreError, 1),
        (errors.NotEnoughDataError, 4),
    ],
)
def test_every_error_ends_the_command_with_its_code(error: type[errors.ProjectError], code: int) -> None:
    assert issubclass(error, errors.ProjectError)
    assert error("why").exit_code == code


def test_the_codes_are_those_that_the_help_names() -> None:
    codes = (errors.DONE, errors.FAILED, errors.WRONG_USAGE, errors.GATE_SAID_NO, errors.NOT_ENOUGH_DATA)

    assert codes == (0, 1, 2, 3, 4)


def test_a_long_list_of_names_is_shortened() -> None:
    assert listed([f"c{place}" for place in range(1000)], most=2) == "'c0', 'c1' and 998 more"


def test_a_name_in_other_case_is_near() -> None:
    assert nearest_column("SPECIES ", ["island", "species"]) == "Did you mean 'species'?"
