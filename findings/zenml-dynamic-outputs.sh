#!/usr/bin/env bash
# zenml 0.98.0: a dynamic pipeline gives a step's outputs in another order than the step where one output has a materializer.
#
# Expected: `first, second = step()` means the same in a dynamic pipeline as in a static one; and what is a parameter of a step
# there is one here.
# Seen: where `output_materializers` names the second output, the dynamic pipeline returns the second first. A whole number
# given to a step is written to the artifact store as an artifact; with ZENML_PARAMETER_SIZE_THRESHOLD=-1 it is a parameter.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "zenml[local]==0.98.0"
export PATH="$folder/venv/bin:$PATH" HOME="$folder" ZENML_CONFIG_PATH="$folder/zenml" ZENML_ANALYTICS_OPT_IN=false
export ZENML_LOGGING_VERBOSITY=ERROR

cd "$folder"
cat >steps.py <<'PYTHON'
import sys
from typing import Annotated

import zenml
from zenml import pipeline, step
from zenml.client import Client
from zenml.materializers import BuiltInMaterializer

seen = []


@step(enable_cache=False, output_materializers={"second": BuiltInMaterializer})
def two(n: int) -> tuple[Annotated[int, "first"], Annotated[int, "second"]]:
    return n, n + 1


@pipeline
def static():
    seen.append([output.output_name for output in two(n=1)])


@pipeline(dynamic=True)
def dynamic():
    seen.append([output.output_name for output in two(n=1)])


for flow in (static, dynamic):
    flow()
    run = Client().list_pipeline_runs(sort_by="desc:created", size=1, hydrate=True).items[0]
    made = run.steps["two"]
    kind = "a parameter" if "n" in made.config.parameters else "an artifact" if "n" in made.inputs else "neither"
    print(f"zenml {zenml.__version__} {flow.name}: {' then '.join(seen[-1])}; the number is {kind}")
PYTHON
python steps.py 2>/dev/null | grep "^zenml" | tee seen.txt
diff - seen.txt <<'END'
zenml 0.98.0 static: first then second; the number is a parameter
zenml 0.98.0 dynamic: second then first; the number is an artifact
END
