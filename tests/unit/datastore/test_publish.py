"""What a push records: the pointer, by which git knows of the production package."""

from pathlib import Path

import pytest
import yaml

from champion import settings
from champion.bundle import folder
from champion.datastore import publish
from champion.errors import PackageError
from tests.conftest import iris_csv, quick
from tests.support.packages import package
from tests.unit.datastore.conftest import configure


def test_the_pointer_names_the_package_and_tells_of_the_champion(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "root", lambda: root)
    configure(root, tmp_path / "remote")
    for name in ("configs", "data", "models"):
        (root / name).mkdir()
    (root / "configs/iris.yaml").write_text(yaml.safe_dump(quick()))
    (root / "data/iris.csv").write_bytes(iris_csv())

    def push() -> str:
        lines: list[str] = []
        publish.push(root, tell=lines.append)
        return "\n".join(lines)

    recorded = push()
    assert "data/iris.csv is recorded as data version" in recorded, "DVC's cache did not have it yet"
    assert "names version" not in recorded, "there is no package yet"
    assert "recorded" not in push(), "nothing more to record"
    folder.write(package(3), root / "models/iris")
    assert "models/iris.dvc names version 3" in push()
    pointer = root / "models/iris.dvc"
    content, manifest = yaml.safe_load(pointer.read_text()), folder.read(root / "models/iris", "").manifest
    assert content["outs"][0]["path"] == "iris"
    names = ("use_case", "model_version", "metrics", "data_version", "commit")
    assert content["meta"] == {name: getattr(manifest, name) for name in names}

    before = pointer.read_bytes()
    push()
    assert pointer.read_bytes() == before
    (root / "models/iris/model.skops").write_bytes(b"x")
    with pytest.raises(PackageError, match="models/iris is refused"):
        push()
    assert pointer.read_bytes() == before
