"""Batch inference in a container: the same files as on the local stack, and a mistake is a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from pyarrow import parquet

from tests.conftest import Checkout, quick

if TYPE_CHECKING:
    from docker import DockerClient


def test_the_docker_stack_makes_what_the_local_stack_makes(
    engine: DockerClient, pipeline_image: str, ready: Checkout
) -> None:
    config = ready.write_use_case(quick())
    ready.run("train", "--config", config)
    table = pd.read_csv(ready.root / "data/iris.csv").astype({"sepal_length": object})
    table.loc[3, "sepal_length"] = "long"
    table.to_csv(ready.root / "rows.csv", index=False)
    asked = ("predict", "rows.csv", "--config", config, "--keep-all", "--no-cache")

    here = ready.json(*asked, "here.parquet", "--stack", "local")
    there = ready.json(*asked, "there.parquet", "--stack", "docker")
    assert (here["stack"], there["stack"]) == ("local", "docker")
    assert (there["predicted"], there["rejected"]) == (here["predicted"], here["rejected"]) == (149, 1)
    ours, theirs = (parquet.read_table(ready.root / f"{name}.parquet") for name in ("here", "there"))
    assert theirs.schema.equals(ours.schema)
    pd.testing.assert_frame_equal(theirs.to_pandas(), ours.to_pandas(), rtol=0, atol=1e-9)
    refused = [(ready.root / f"{name}.rejected.csv").read_bytes() for name in ("here", "there")]
    assert refused[0] == refused[1]
    assert b"is no number" in refused[0]

    with (ready.root / "rows.csv").open("a", encoding="utf-8") as file:
        file.write("1,2\n")
    done = ready.run("predict", "rows.csv", "out.csv", "--config", config, "--stack", "docker", expect=1)
    (error,) = [line for line in done.stderr.splitlines() if "cannot be parsed" in line]
    assert error.startswith("Error: The table cannot be parsed: line 152 has 2 fields")
    assert "Traceback" not in done.stderr
    assert not (ready.root / "out.csv").exists()
