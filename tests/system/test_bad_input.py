"""Bad input through the command line: a sentence, the right exit code, and nothing lost."""

import contextlib
import hashlib
import os
import re
import shutil
import sqlite3
from pathlib import Path

import pandas as pd
import skops.io
from sklearn.preprocessing import FunctionTransformer

from champion.errors import DONE, FAILED, NOT_ENOUGH_DATA, WRONG_USAGE
from tests.support.trained import ODD, TrainedCheckout, tree


# Each kind once; the other mistakes are in tests/unit/use_case, tests/unit/modeling and docs/use-case.md.
def test_a_wrong_use_case_is_refused_with_its_place_and_what_is_allowed(trained: TrainedCheckout) -> None:
    for changes, says in [
        ({"split": {"slat": "x"}}, "unknown key 'split.slat'. Did you mean 'salt'?"),
        ({"promotion": ["accuracy"]}, "promotion: found ['accuracy']. Expected a mapping"),
        ({"candidates": {"tree": {"estimator": "os.system"}}}, "is no scikit-learn classifier"),
        ({"candidates": tree(max_depth="deep")}, "must be an int in the range [1, inf) or None. Got 'deep' instead"),
        ({"candidates": tree(class_weight={"rose": 2})}, "class_weight names 'rose'"),
        ({"promotion": {"metric": "r2"}}, "promotion.metric: 'r2' is no scikit-learn classification scorer"),
        ({"promotion": {"metric": "f1"}}, "'f1' (promotion.metric or a guardrail) cannot score"),
        ({"split": {"by": "time", "column": "petal_length", "cutoff": "2026-01-01"}}, "holds numbers"),
    ]:
        trained.refuses(WRONG_USAGE, "train", "--config", trained.with_use_case(**changes), says=(says,))
    for text, says in {
        "name: iris\nname: iris\n": "line 2, column 1): the key 'name' is given twice",
        "? [a, b]\n: 1\n": "cannot be a key",
        'name: !!python/object/apply:os.system ["true"]\n': "is not valid YAML",
        "\x00": "is not valid YAML",
        "base: &base {estimator: x}\n<<: {name: iris}\nname: iris\n": "unknown key 'base'",  # merged, not given twice
    }.items():
        (trained.root / "configs/iris.yaml").write_text(text, encoding="utf-8")
        trained.refuses(WRONG_USAGE, "train", "--config", "configs/iris.yaml", says=("configs/iris.yaml", says))


# Each kind once; the other tables are in tests/unit/tabular and tests/unit/modeling.
def test_a_table_that_cannot_be_learned_from_is_refused(trained: TrainedCheckout) -> None:
    config, table = trained.with_use_case(data={"path": "data/x.csv"}), trained.root / "data/x.csv"
    none = "data/x.csv does not exist, and DVC does not know it"
    trained.refuses(FAILED, "train", "--config", config, says=(none,))
    table.write_bytes(bytes(range(256)) * 4)
    trained.refuses(FAILED, "train", "--config", config, says=("is not all in utf-8 (line 2: the byte 0x80)",))
    iris = trained.iris()
    for rows, code, says in [
        (iris.rename(columns={"species": "specis"}), FAILED, "Did you mean 'specis'?"),
        (iris.iloc[[0, 1, 2, 60, 61]], NOT_ENOUGH_DATA, "The table has 5 rows"),
        (pd.concat([iris.iloc[[0, 60]]] * 30), NOT_ENOUGH_DATA, "Add rows"),  # two rows, over and over
    ]:
        rows.to_csv(table, index=False)
        trained.refuses(code, "train", "--config", config, says=(says,))


def test_data_that_changed_since_dvc_saw_it_is_a_warning_with_the_command(trained: TrainedCheckout) -> None:
    trained.iris().tail(140).to_csv(trained.root / "data/iris.csv", index=False)
    said = trained.ends(DONE, "train", "--no-promote")
    assert "data/iris.csv has changed since DVC saw it" in said
    assert "`dvc commit data` records it, `dvc checkout data` brings the former back" in said


def test_a_foreign_or_broken_package_is_refused_before_the_store_believes_it(trained: TrainedCheckout) -> None:
    manifest, model = trained.package / "manifest.json", trained.package / "model.skops"
    right = manifest.read_text(encoding="utf-8")
    manifest.write_text(right.replace('"use_case": "iris"', '"use_case": "wine"'), encoding="utf-8")
    trained.refuses(FAILED, "train", says=("models/iris", "a package of the use case 'wine'"))
    manifest.write_text(right, encoding="utf-8")
    model.write_bytes(skops.io.dumps(FunctionTransformer(func=os.path.join)))
    trained.refuses(FAILED, "train", says=("models/iris", "model.skops does not match its hash"))
    hashes = (
        hashlib.sha256(path.read_bytes()).hexdigest() for path in (trained.backup / "models/iris/model.skops", model)
    )
    manifest.write_text(right.replace(*hashes), encoding="utf-8")
    trained.refuses(FAILED, "train", says=("models/iris", "types that are not trusted: posixpath.join"))
    shutil.rmtree(trained.package)
    assert "models/iris was written anew" in trained.ends(DONE, "train")
    assert trained.manifest()["model_version"] == 1


def test_an_estimator_that_skops_does_not_know_is_refused_by_name(trained: TrainedCheckout, tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(ODD, encoding="utf-8")
    config = trained.with_use_case(candidates={"odd": {"estimator": "odd.Foreign"}})
    says = ("Foreign", "not trusted: odd.Foreign")
    trained.refuses(WRONG_USAGE, "train", "--config", config, says=says, env={"PYTHONPATH": str(tmp_path)})


def test_a_store_of_another_version_or_a_broken_one_is_refused_and_not_migrated(trained: TrainedCheckout) -> None:
    config = trained.root / ".zenml/config.yaml"
    other = re.sub(r"version: .*", "version: 0.99.9", config.read_text(encoding="utf-8"))
    remedies = ("was made by ZenML 0.99.9", "ZENML_CONFIG_PATH", "imported from its package")
    broken = ("cannot be read", "Remove it, or restore it")
    for text, says in ((other, remedies), ("{", broken)):
        config.write_text(text, encoding="utf-8")
        trained.refuses(FAILED, "train", says=says)
        assert config.read_text(encoding="utf-8") == text
    trained.restore()
    with contextlib.closing(sqlite3.connect(trained.database)) as store, store:
        store.execute("UPDATE alembic_version SET version_num = '99.0.0'")
    trained.refuses(FAILED, "models", says=("was made by another ZenML version", "move this one away"))


def test_a_copied_checkout_does_not_write_into_the_store_of_the_first(trained: TrainedCheckout, tmp_path: Path) -> None:
    copied = TrainedCheckout(
        shutil.copytree(trained.root, tmp_path / "copy", symlinks=True), trained.home, backup=trained.backup
    )
    before = trained.database.read_bytes()
    assert "the checkout was moved or copied" in copied.ends(FAILED, "train")
    assert trained.database.read_bytes() == before
    shutil.rmtree(copied.root / ".zenml")
    assert "imported from models/iris as the champion" in copied.ends(DONE, "train")


def test_an_artifact_that_is_gone_is_made_again_without_the_cache(trained: TrainedCheckout) -> None:
    trained.ends(DONE, "train")
    for path in (trained.root / ".zenml").rglob("*/evaluate/challenger/**/*"):
        if path.is_file():
            path.unlink()
    trained.refuses(FAILED, "train", says=("is gone from the store", "Run again with --no-cache"))
    trained.ends(DONE, "train", "--no-cache")


def test_a_table_or_package_that_is_gone_from_the_store_is_put_back(trained: TrainedCheckout) -> None:
    stored = (trained.root / ".zenml").rglob("*/*/*")
    gone = [path for path in stored if path.is_file() and path.parts[-3] in ("iris_table", "iris_package")]
    assert {path.parts[-3] for path in gone} == {"iris_table", "iris_package"}
    for path in gone:
        path.unlink()
    trained.ends(DONE, "train", "--no-cache")
    assert all(path.is_file() for path in gone)
    assert trained.manifest()["model_version"] == 1
