"""The pointer: what git knows of the production package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Checkout

    Tree = Callable[..., dict[str, Any]]


def test_the_pointer_names_the_package_and_tells_of_the_champion(ready: Checkout, tree: Tree) -> None:
    told = ready.command("python", "-m", "champion.datastore.pointer").stdout
    assert "data/iris.csv is recorded as data version" in told, "DVC's cache did not have it yet"
    assert "names version" not in told, "there is no package yet"
    assert ready.command("python", "-m", "champion.datastore.pointer").stdout == "", "nothing more to record"
    ready.write_use_case(tree(1))
    ready.run("train")
    pointer = ready.root / "models/iris.dvc"
    assert not pointer.exists(), "a run changes no tracked file"
    assert "names version 1" in ready.command("python", "-m", "champion.datastore.pointer").stdout
    found = yaml.safe_load(pointer.read_text())
    manifest = ready.manifest()
    assert found["outs"][0]["path"] == "iris"
    assert found["meta"] == {
        key: manifest[key] for key in ("use_case", "model_version", "metrics", "data_version", "commit")
    }
    assert ready.git("status", "--porcelain").split() == ["M", "configs/iris.yaml", "??", "models/iris.dvc"]

    before = pointer.read_bytes()
    ready.command("python", "-m", "champion.datastore.pointer")
    assert pointer.read_bytes() == before

    (ready.root / "models/iris/model.skops").write_bytes(b"x")
    refused = ready.command("python", "-m", "champion.datastore.pointer", expect=1)
    assert "models/iris is refused" in refused.stderr
    assert pointer.read_bytes() == before
