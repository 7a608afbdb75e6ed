"""A use case for a table of one's own."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from palmerpenguins import load_penguins
from pyarrow import parquet
from ruamel.yaml import YAML

from champion.errors import ConfigurationError, DataError, NotEnoughDataError, ProjectError
from champion.modeling.columns import Column
from champion.modeling.preparation import prepare_table
from champion.modeling.split import rule_for
from champion.onboarding import initialise as room
from champion.onboarding.initialise import Initialised, initialise, slug
from champion.onboarding.use_case_text import MANY_ROWS, quoted, use_case_text
from champion.use_case.whole import UseCase, parse_use_case
from pipelines.table_check import checked_table

DVC_YAML = """\
# What this file is.
stages:
  data: {cmd: "python data/make_iris.py", outs: [data/iris.csv]}
  train:
    # One entry per use case.
    foreach:
      iris: {data: data/iris.csv}  # the sample
    do:
      cmd: "python run.py train --config configs/${key}.yaml"
"""
NUMBER = Column("n", "numeric", True, "It holds numbers.")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout without git and DVC."""
    for folder in ("data", "configs"):
        (tmp_path / "checkout" / folder).mkdir(parents=True)
    (tmp_path / "checkout/dvc.yaml").write_text(DVC_YAML, encoding="utf-8")
    return tmp_path / "checkout"


@pytest.fixture
def tracked_root(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with git and DVC."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "true")
    monkeypatch.delenv("DVC_STAGE", raising=False)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    (root / ".dvc").mkdir()
    (root / ".dvc/config").touch()
    return root


@pytest.fixture
def penguins(tmp_path: Path) -> Path:
    """A table outside the checkout."""
    load_penguins().to_csv(tmp_path / "Manchots été.csv", index=False)
    return tmp_path / "Manchots été.csv"


def files(root: Path) -> dict[str, bytes]:
    """Every file of a checkout, but git's own and DVC's own."""
    paths = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in paths.items() if not name.startswith((".git/", ".dvc/"))}


def use_case(root: Path, made: Initialised) -> UseCase:
    return parse_use_case(yaml.safe_load((root / made.config).read_text(encoding="utf-8")), "x.yaml")


def test_a_table_elsewhere_is_copied_and_everything_is_named_after_it(root: Path, penguins: Path) -> None:
    copy = root / "data/manchots_ete.csv"
    copy.write_text("a,b\n", encoding="utf-8")
    before = files(root)
    with pytest.raises(DataError, match=r"data/manchots_ete\.csv exists already"):
        initialise(root, penguins, "species")
    assert files(root) == before
    copy.unlink()
    made = initialise(root, penguins, "species")
    assert (made.config, made.data) == (Path("configs/manchots_ete.yaml"), Path("data/manchots_ete.csv"))
    assert copy.read_bytes() == penguins.read_bytes()
    case = use_case(root, made)
    assert (case.name, case.data.path, case.data.target) == ("manchots_ete", "data/manchots_ete.csv", "species")
    assert case.data.kinds == {"island": "categorical", "sex": "categorical"}
    assert sorted(case.candidates) == ["boosting", "forest", "linear"]
    assert initialise(root, penguins, "species", force=True).data == made.data, "the same table is there already"


def test_two_tables_of_one_file_name_are_two_use_cases_each_with_its_own_copy(root: Path, tmp_path: Path) -> None:
    made = []
    for number, name in enumerate(("one", "two")):
        (tmp_path / name).mkdir()
        table = tmp_path / name / "a.csv"
        table.write_text(
            "x,y\n" + "".join(f"{row % 29 + number / 2},{row % 3}\n" for row in range(90)), encoding="utf-8"
        )
        made.append(initialise(root, table, "y", name=name))
    assert [each.data for each in made] == [Path("data/one.csv"), Path("data/two.csv")]
    assert (root / "data/one.csv").read_bytes() != (root / "data/two.csv").read_bytes()


def test_a_split_that_the_first_run_would_refuse_is_refused_at_once(root: Path, tmp_path: Path) -> None:
    table = tmp_path / "small.csv"
    rows = ("1.5,0", "2.5,1", "0.5,0", "3.1,1", "1.7,0", "2.9,1", "1.1,0", "3.3,1", "0.7,0", "2.7,1", "1.3,0", "3.7,1")
    table.write_text("\n".join(["x,y", *rows]), encoding="utf-8")
    config = root / initialise(root, table, "y").config
    text, refusals = config.read_text(encoding="utf-8"), []
    for number in range(40):
        config.write_text(re.sub("  salt: .*", f"  salt: kept {number}", text), encoding="utf-8")
        before = files(root)
        try:
            initialise(root, table, "y", force=True)
        except NotEnoughDataError as error:
            refusals.append(str(error))
            assert files(root) == before
    assert any(text.startswith("The holdout is empty: 12 rows were split by 20% of rows") for text in refusals)
    assert all("Add rows" in text and "Nothing was written." in text for text in refusals)


def test_a_small_table_gets_a_salt_by_which_every_class_is_on_both_sides_and_the_share_is_as_wanted(
    root: Path, tmp_path: Path
) -> None:
    table = tmp_path / "rare.csv"
    rows = [f"{row * 37 % 101 / 4},{int(row % 15 == 0)}" for row in range(90)]
    table.write_text("\n".join(["x,y", *rows]), encoding="utf-8")
    frame, salts = pd.read_csv(table), set()
    for number in range(8):
        made = initialise(root, table, "y", name=f"rare{number}")
        case = use_case(root, made)
        sides = prepare_table(frame, case.data, rule_for(frame, case.data, case.split))
        assert 0.16 <= len(sides.holdout) / 90 <= 0.25
        assert set(sides.holdout["y"]) == set(sides.train["y"]) == {0, 1}
        said = [text for text in made.warnings if f"by {case.name!r} " in text]
        assert bool(said) is (case.split.salt != case.name)
        salts.add(bool(said))
    assert salts == {True, False}


def test_a_use_case_that_is_written_anew_keeps_its_salt_so_that_no_row_moves(root: Path, penguins: Path) -> None:
    config = root / initialise(root, penguins, "species").config
    text = config.read_text(encoding="utf-8")
    config.write_text(re.sub("  salt: .*", "  salt: of before", text), encoding="utf-8")
    assert use_case(root, initialise(root, penguins, "species", force=True)).split.salt == "of before"


def test_a_few_wrong_cells_make_no_other_kind_of_a_column_and_are_said(root: Path, tmp_path: Path) -> None:
    rows = [f"{row * 31 % 487 / 4},{row % 2}" for row in range(400)]
    table = tmp_path / "incomes.csv"
    table.write_text("\n".join(["income,y", *rows, "refused,1"]), encoding="utf-8")
    made = initialise(root, table, "y")
    assert use_case(root, made).data.kinds == {"income": "numeric"}
    assert [text for text in made.warnings if "refused" in text] == [
        "1 of 401 values of 'income' are no numbers: 'refused' (row 401). They are read as missing (data.max_bad_cells)."
    ]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_column_that_stands_twice_is_named_and_not_used_unless_it_is_the_target(
    root: Path, tmp_path: Path, suffix: str
) -> None:
    number = np.arange(200)
    columns = [number % 2, number * 31 % 97 / 4, number * 7 % 13 / 2, number * 3 % 11 / 2]
    table, names = tmp_path / f"joined{suffix}", ["y", "x", "note", "note"]
    if suffix == ".csv":
        rows = "\n".join(",".join(map(str, row)) for row in zip(*columns, strict=True))
        table.write_text(f"{','.join(names)}\n{rows}", encoding="utf-8")
    else:
        parquet.write_table(pa.table([pa.array(column) for column in columns], names=names), table)
    made = initialise(root, table, "y")
    (note,) = [column for column in made.columns if column.name == "note"]
    assert (note.used, note.why[:31]) == (False, "Its name stands more than once,")
    case = use_case(root, made)
    assert case.data.drop == ("note",)
    frame, check = checked_table(root / made.data, made.data.name, case, None)
    assert (list(frame), check["warnings"][0][:52]) == (
        ["y", "x", "note"],
        "The table has more than one column named 'note'; not",
    )
    with pytest.raises(DataError, match="more than one column named 'note'"):
        initialise(root, table, "note", name="other")


def test_what_the_rows_are_decides_the_split_and_is_said(root: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    which, few = np.repeat(np.arange(60), 15), [*"abc"]
    of_each = {
        "age": random.integers(20, 80, 60),
        "height": random.integers(150, 195, 60),
        "ill": random.integers(0, 2, 60),
    }
    visits = pd.DataFrame(
        {"patient id": [f"P{at:03}" for at in which], **{name: of[which] for name, of in of_each.items()}}
    )
    visits = visits.assign(pulse=random.normal(70, 9, 900))
    repeated = pd.DataFrame({name: random.choice(few, 900) for name in few}).assign(ill=random.integers(0, 2, 900))

    def made(name: str, frame: pd.DataFrame) -> tuple[UseCase, str, str]:
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        done = initialise(root, tmp_path / f"{name}.csv", "ill")
        return use_case(root, done), (root / done.config).read_text(encoding="utf-8"), "\n".join(done.warnings)

    case, text, said = made("visits", visits)
    assert (case.split.by, case.split.column) == ("group", "patient id")
    assert "patient id" not in case.data.kinds
    assert "# The values of 'patient id' repeat, with one 'ill' each" in text
    assert "So the use case says by: group, column: patient id" in said
    case, text, said = made("nameless", visits.drop(columns="patient id"))
    assert case.split.by == "hash", "two columns are no column of the table"
    assert "'age' and 'height' repeat together" in said.replace("'height' and 'age'", "'age' and 'height'")
    gaps = visits.assign(patient_id=visits["patient id"].where(visits.index > 2)).drop(columns="patient id")
    case, text, said = made("gaps", gaps)
    assert "# by: group, column: patient_id" in text, "a proposal: every row needs its group"
    assert case.split.by == "hash"
    case, text, said = made("repeated", repeated)
    assert case.split.repeats == "observations"
    assert "100% of the rows have an equal one beside them" in said
    assert "# 100% of the rows have an equal one beside them" in text
    case, text, said = made("plain", visits.assign(ill=random.permutation(visits.ill)))
    assert (case.split.by, case.split.repeats, said.count("repeat")) == ("hash", "copies", 0)


def test_a_name_that_is_none_is_refused_and_a_file_without_a_letter_needs_one(root: Path, penguins: Path) -> None:
    for name in ("No!", "-x", "iris-", "iris_", "_x", "", "x" * 61, "../x", "iris\n"):
        with pytest.raises(ConfigurationError, match=r"--name: found .* a letter or digit at both ends"):
            initialise(root, penguins, "species", name=name)
    (root / "configs/other.yaml").write_text("name: the_birds", encoding="utf-8")
    for name, why in (("the-birds", "would meet"), ("the_birds", "have one name")):
        with pytest.raises(ConfigurationError, match=why):
            initialise(root, penguins, "species", name=name)
    table = penguins.rename(penguins.with_name("表.csv"))
    with pytest.raises(ConfigurationError, match="Give one with --name"):
        initialise(root, table, "species")
    assert initialise(root, table, "species", name="birds").data == Path("data/birds.csv")


@pytest.mark.parametrize(
    ("target", "dvc_yaml", "message"),
    [("Species", DVC_YAML, "Did you mean 'species'"), ("species", "stages: [\n", r"dvc\.yaml is not valid YAML")],
)
def test_what_cannot_be_learned_from_or_written_leaves_nothing_behind(
    root: Path, penguins: Path, target: str, dvc_yaml: str, message: str
) -> None:
    (root / "dvc.yaml").write_text(dvc_yaml, encoding="utf-8")
    before = files(root)
    with pytest.raises(ProjectError, match=message):
        initialise(root, penguins, target)
    assert files(root) == before


def test_the_stage_is_added_once_the_rest_of_dvc_yaml_stays_and_a_use_case_is_written_over_by_force_only(
    root: Path, penguins: Path
) -> None:
    initialise(root, penguins, "species")
    (root / "configs/manchots_ete.yaml").write_text("mine\n", encoding="utf-8")
    before = files(root)
    with pytest.raises(ConfigurationError, match="--force"):
        initialise(root, penguins, "species")
    assert files(root) == before
    initialise(root, penguins, "species", name="2024")
    text = (root / "dvc.yaml").read_text(encoding="utf-8")
    new = ["      manchots_ete: {data: data/manchots_ete.csv}", '      "2024": {data: data/2024.csv}']
    assert [line for line in text.splitlines() if line not in DVC_YAML.splitlines()] == new
    assert [line for line in text.splitlines() if line not in new] == DVC_YAML.splitlines()
    assert set(yaml.safe_load(text)["stages"]["train"]["foreach"]) == {"iris", "manchots_ete", "2024"}
    assert use_case(root, initialise(root, penguins, "species", force=True)).name == "manchots_ete"
    assert (root / "dvc.yaml").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("content", [None, "stages: {}\n", "stages:\n  train:\n    foreach: [iris]\n"])
def test_without_the_stage_and_without_dvc_there_are_warnings(root: Path, penguins: Path, content: str | None) -> None:
    (root / "dvc.yaml").unlink() if content is None else (root / "dvc.yaml").write_text(content, encoding="utf-8")
    made = initialise(root, penguins, "species")
    stage, untracked = made.warnings[-2:]
    assert "stages.train.foreach" in stage
    assert "`git init` and `dvc init`, then `dvc add data/manchots_ete.csv`" in untracked
    assert not made.tracked
    assert (root / "dvc.yaml").exists() is (content is not None)


def test_the_table_is_put_under_dvc_unless_a_stage_makes_it(tracked_root: Path, penguins: Path) -> None:
    made = initialise(tracked_root, penguins, "species")
    pointer = yaml.safe_load((tracked_root / "data/manchots_ete.csv.dvc").read_text(encoding="utf-8"))
    assert (made.tracked, made.warnings) == (True, [])
    assert pointer["outs"][0]["path"] == "manchots_ete.csv"
    sample = shutil.copy(penguins, tracked_root / "data/iris.csv")
    made = initialise(tracked_root, sample, "species", name="sample")
    assert (made.tracked, made.data) == (True, Path("data/iris.csv")), "what lies in data/ stays where it is"
    assert not (tracked_root / "data/iris.csv.dvc").exists()


def test_when_dvc_refuses_nothing_is_left_behind(tracked_root: Path, penguins: Path) -> None:
    (tracked_root / ".dvcignore").write_text("*.csv\n", encoding="utf-8")
    before = files(tracked_root)
    with pytest.raises(ProjectError, match=r"DVC cannot say what it tracks: .*is ignored by \.dvcignore"):
        initialise(tracked_root, penguins, "species")
    assert files(tracked_root) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("at", ["dvc.yaml", "manchots_ete.yaml"])
def test_an_end_on_the_way_takes_everything_back(
    tracked_root: Path, penguins: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, at: str
) -> None:
    write = room.write_text

    def fail(path: Path, text: str) -> None:
        if path.name == at:
            raise error
        write(path, text)

    monkeypatch.setattr(room, "write_text", fail)
    before = files(tracked_root)
    with pytest.raises(ProjectError if isinstance(error, OSError) else KeyboardInterrupt):
        initialise(tracked_root, penguins, "species")
    assert files(tracked_root) == before


def test_ctrl_c_while_dvc_works_waits_for_it_and_takes_everything_back(
    tracked_root: Path, penguins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    communicate, calls = subprocess.Popen.communicate, []

    def interrupted(process: Any, *arguments: Any, **more: Any) -> Any:
        calls.append(process)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return communicate(process, *arguments, **more)

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    before = files(tracked_root)
    with pytest.raises(KeyboardInterrupt):
        initialise(tracked_root, penguins, "species")
    assert calls[0].returncode == 0
    assert files(tracked_root) == before


def test_the_text_gives_its_reasons_and_the_metric_and_candidates_that_fit_the_table() -> None:
    def text_for(labels: list[Any], *columns: Column) -> tuple[str, Any]:
        bare = {"name": "x", "data": {"path": "data/x.csv", "target": "y"}, "candidates": {"any": {"estimator": "any"}}}
        text = use_case_text(parse_use_case(bare, "x"), [NUMBER, *columns], labels, {"n"})
        return text, yaml.safe_load(text)

    text, case = text_for(["no"] * 95 + ["yes"] * 5)
    assert case["promotion"]["metric"] == "balanced_accuracy"
    assert "accuracy of 0.95" in text
    assert {each["params"]["class_weight"] for each in case["candidates"].values()} == {"balanced"}
    _, case = text_for(["no"] * 60 + ["yes"] * 40)
    assert case["promotion"]["metric"] == "accuracy"
    assert list(case["candidates"]) == ["boosting", "linear", "forest"]
    assert all("class_weight" not in each["params"] for each in case["candidates"].values())
    assert case["candidates"]["boosting"]["params"] == {"max_iter": 100, "l2_regularization": 1.0}
    _, case = text_for(["a", "b"] * (MANY_ROWS // 2))
    assert list(case["candidates"]) == ["boosting", "linear", "forest"]
    _, case = text_for(["a", "b"] * MANY_ROWS)
    assert list(case["candidates"]) == ["boosting", "linear"], "a forest would take too long"
    assert case["training"] == {"folds": 3, "rank_rows": 30_000}
    key = Column("key", "identifier", False, "Every row has a text of its own.")
    text, case = text_for(["a", "b"] * 9, key, Column("when", "datetime", True, "It holds dates or times."))
    assert "    - key  # Every row has a text of its own." in text
    assert "    when: datetime  # It holds dates or times." in text
    assert "column: when" in text
    assert "n" not in case["data"]["kinds"]


@given(st.text(min_size=1))
def test_a_quoted_name_is_read_back_by_every_version_of_yaml(name: str) -> None:
    line = f"- {quoted(name)}  # why\n- {{key: {quoted(name)}}}\n"
    assert yaml.safe_load(line) == YAML(typ="safe").load(line) == [name, {"key": name}]


def test_a_slug_is_a_name() -> None:
    slugs = {"Café Größe (2026)": "cafe_grosse_2026", "a-b_c": "a-b_c", "__x__": "x", "表": "", "x" * 99: "x" * 60}
    assert {text: slug(text) for text in slugs} == slugs
