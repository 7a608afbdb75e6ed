"""Own code under a name that holds its hash: two versions in one process, imports of each other, errors with their line."""

import sys

import pandas as pd
import pytest

from champion.errors import ConfigurationError
from champion.modeling.own.code import OwnCode, active, found, imports, public_path, using
from tests.support import own_examples

FRAME = pd.DataFrame({"a": [2.0, 6.0], "b": [1.0, 2.0]})


def code(**files: str) -> OwnCode:
    return OwnCode({f"features/{name}.py": text.encode() for name, text in files.items()})


def test_two_versions_of_a_module_are_two_modules_and_none_is_the_checkouts() -> None:
    one, other = own_examples.own(), own_examples.own(scale="factor")
    first, second = (each.find("features.ratios.Ratio", "here") for each in (one, other))
    assert first is not second
    assert (list(first().get_params()), list(second().get_params())) == (["scale"], ["factor"])
    assert one.find("features.ratios.Ratio", "here") is first, "loaded once"
    assert first.__module__ == f"own_code_{one.hash}.features.ratios"
    assert public_path(f"{first.__module__}.Ratio") == "features.ratios.Ratio"
    assert "features.ratios" not in sys.modules
    assert one.has(f"{first.__module__}.Ratio")
    assert not other.has(f"{first.__module__}.Ratio")
    assert first().fit(FRAME).transform(FRAME)["ratio"].tolist() == [0.8, 1.2]


def test_the_hash_is_of_paths_and_contents_and_bytes_bring_the_same_code_back() -> None:
    own = own_examples.own()
    again = OwnCode.from_bytes(own.as_bytes(), "models/one/code")
    assert again == own
    assert again is not None
    assert (again.hash, len(own.hash)) == (own.hash, 32)
    assert OwnCode(dict(reversed(own.files.items()))).hash == own.hash
    assert OwnCode({**own.files, "features/__init__.py": b""}).hash != own.hash
    assert own.foreign == ("numpy", "pandas", "sklearn")
    assert OwnCode.from_bytes(None) is None


def test_what_it_imports_of_this_project_is_named() -> None:
    own = code(
        one="from champion.modeling.cells import moments\nimport champion.errors\nimport features.two",
        two="import numpy",
    )
    assert own.of_project == ("champion.errors", "champion.modeling.cells", "champion.modeling.cells.moments")


def test_every_way_to_import_a_module_beside_it_means_the_one_of_the_same_code() -> None:
    ways = {
        "absolute": "import features.helpers\nvalue = features.helpers.VALUE",
        "named": "import features.helpers as h\nvalue = h.VALUE",
        "name": "from features.helpers import VALUE as value",
        "module": "from features import helpers\nvalue = helpers.VALUE",
        "relative": "from . import helpers\nvalue = helpers.VALUE",
        "beside": "from .helpers import VALUE as value",
        "late": "def get():\n    from features.helpers import VALUE\n    return VALUE\nvalue = get()",
    }
    for number in (1, 2):
        own = code(helpers=f"VALUE = {number}", **ways)
        for way in ways:
            assert own.load(f"features.{way}", "here").value == number, way


def test_what_code_imports_is_told_without_running_it() -> None:
    text = b"import a.b\nfrom c import d\nfrom . import e\nfrom .f import g\nraise SystemExit"
    assert imports("features/x.py", text) == {
        "a.b", "c", "c.d", "features", "features.e", "features.f", "features.f.g",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ndef (:\n", "features/broken.py, line 2, is no Python: "),
        ("\nimport not_there\n", "features/broken.py, line 2: No module named 'not_there'. A module of the checkout"),
        ("x = 1\ny = x / 0\n", "features/broken.py, line 2: ZeroDivisionError: division by zero. Mend it there."),
        ("from features.helpers import other\n", "features/broken.py, line 1: ImportError: cannot import name 'other'"),
    ],
)
def test_what_fails_in_it_is_a_sentence_with_file_and_line(text: str, said: str) -> None:
    own = code(broken=text, helpers="VALUE = 1")
    with pytest.raises(ConfigurationError) as caught:
        own.find("features.broken.Any", "configs/one.yaml: candidates.one.estimator")
    assert str(caught.value).startswith(f"configs/one.yaml: candidates.one.estimator: {said}")


def test_paths_mean_own_code_where_it_is_used_and_a_wrong_class_has_its_nearest() -> None:
    assert found("features.ratios.Ratio", "here") is None
    with using(own_examples.own()):
        assert found("features.ratios.Ratio", "here").__name__ == "Ratio"
        assert found("sklearn.tree.DecisionTreeClassifier", "here") is None
        with pytest.raises(ConfigurationError, match=r"features/ratios.py has no 'Raito'. Did you mean 'Ratio'\?"):
            found("features.ratios.Raito", "here")
    assert active() is None
