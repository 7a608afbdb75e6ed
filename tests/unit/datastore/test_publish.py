"""What a push records: the pointer, by which git knows of the production package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Checkout

    Tree = Callable[..., dict[str, Any]]


def test_the_pointer_names_the_package_and_tells_of_the_champion(ready: Checkout, tree: Tree, tmp_path: Path) -> None:
    ready.dvc("remote", "add", "--local", "--default", "shared", str(tmp_path / "remote"))
    push = ("data", "push")
    recorded = ready.run(*push).stderr
    assert "data/iris.csv is recorded as data version" in recorded, "DVC's cache did not have it yet"
    assert "names version" not in recorded, "there is no package yet"
    assert "recorded" not in ready.run(*push).stderr, "nothing more to record"
    ready.write_use_case(tree(1))
    ready.run("train")
    pointer = ready.root / "models/iris.dvc"
    assert not pointer.exists(), "a run changes no tracked file"
    assert "names version 1" in ready.run(*push).stderr
    content = yaml.safe_load(pointer.read_text())
    manifest = ready.manifest()
    assert content["outs"][0]["path"] == "iris"
    assert content["meta"] == {
        key: manifest[key] for key in ("use_case", "model_version", "metrics", "data_version", "commit")
    }
    assert ready.git("status", "--porcelain").split() == ["M", "configs/iris.yaml", "??", "models/iris.dvc"]

    before = pointer.read_bytes()
    ready.run(*push)
    assert pointer.read_bytes() == before

    (ready.root / "models/iris/model.skops").write_bytes(b"x")
    assert "models/iris is refused" in ready.run(*push, expect=1).stderr
    assert pointer.read_bytes() == before
