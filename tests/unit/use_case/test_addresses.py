"""Addresses of objects in the place of a path."""

import pytest

from champion.errors import ConfigurationError
from champion.use_case.addresses import is_address, parts
from champion.use_case.whole import parse_use_case
from tests.conftest import quick


def test_an_address_names_one_object_of_a_bucket() -> None:
    assert parts("s3://tables/houses/2026.csv") == ("tables", "houses/2026.csv")
    assert [is_address(path) for path in ("data/iris.csv", "C:/iris.csv", "s3://a/b", "gs://a/b")] == [
        *(False, False, True, True)
    ]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("gs://tables/t.csv", "gs:// is not read"),
        ("https://example.org/t.csv", "https:// is not read"),
        ("s3://tables", "it names no key"),
        ("s3://tables/parts/", "it names a folder"),
        ("s3:///t.csv", "it names no bucket"),
    ],
)
def test_what_is_no_such_address_is_refused_by_name(path: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        parse_use_case(quick(data={"path": path}), "configs/t.yaml")
    assert parse_use_case(quick(data={"path": "s3://tables/t.csv"}), "configs/t.yaml").data.path == "s3://tables/t.csv"
