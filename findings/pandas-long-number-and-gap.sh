#!/usr/bin/env bash
# pandas 3.1.1: in a CSV column of whole numbers one of 2^63 or more and one empty field make the empty field a text that is not missing.
#
# Expected: an empty field, and a word of `na_values`, is missing whatever else the column holds, as beside smaller numbers.
# Seen: the column becomes texts, the empty field is '' and NA is 'NA', and `isna` counts none of them. With a number below -2^63
# in its place the column is objects, and the empty field is missing. Without a gap the column is uint64.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "pandas==3.1.1"
"$folder/venv/bin/python" - <<'PYTHON'
import io

import pandas as pd


def read(*fields: str) -> tuple[str, list[object], int]:
    rows = "".join(f"{field},{row}\n" for row, field in enumerate(fields))
    column = pd.read_csv(io.StringIO("number,row\n" + rows))["number"]
    seen = str(column.dtype), column.tolist(), int(column.isna().sum())
    print(fields, "->", *seen)
    return seen


print("pandas", pd.__version__)
assert read("9223372036854775807", "", "1")[2] == 1
assert read("9223372036854775808", "2", "1")[0] == "uint64"
assert read("9223372036854775808", "", "1") == ("str", ["9223372036854775808", "", "1"], 0)
assert read("9223372036854775808", "NA", "1") == ("str", ["9223372036854775808", "NA", "1"], 0)
assert read("-9223372036854775809", "", "1")[2] == 1
PYTHON
