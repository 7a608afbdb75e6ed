#!/usr/bin/env bash
# skops 0.16.0 writes one fitted model as other bytes each time.
#
# Expected: the same fitted estimator, dumped twice, gives the same file, as pickle does; so that a hash of the file says
# whether two models are the same. Seen: the bytes differ. Members of the archive are named by addresses in memory,
# `__id__` in schema.json is such an address, and members carry the time of writing, in steps of two seconds.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check skops==0.16.0 scikit-learn==1.9.1 numpy==2.4.6

"$folder/venv/bin/python" - <<'PYTHON'
import io, json, pickle, sys, time, zipfile

import skops, skops.io
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

model = RandomForestClassifier(n_estimators=5, random_state=0).fit(*load_iris(return_X_y=True))
first = skops.io.dumps(model)
time.sleep(2.1)
at_once = skops.io.dumps(model)
read_back = skops.io.dumps(skops.io.loads(first, trusted=skops.io.get_untrusted_types(data=first)))


def members(data):
    return zipfile.ZipFile(io.BytesIO(data)).infolist()


def identifiers(data):
    seen = []
    schema = zipfile.ZipFile(io.BytesIO(data)).read("schema.json")
    json.loads(schema, object_hook=lambda node: seen.append(node.get("__id__")) or node)
    return [value for value in seen if isinstance(value, int)]


seen = {
    "same bytes, the same object again": first == at_once,
    "same times, the same object again": [m.date_time for m in members(first)] == [m.date_time for m in members(at_once)],
    "same bytes, read back": first == read_back,
    "same ids, read back": identifiers(first) == identifiers(read_back),
    "same names, read back": [m.filename for m in members(first)] == [m.filename for m in members(read_back)],
    "same bytes, pickle twice": pickle.dumps(model) == pickle.dumps(model),
}
print(f"skops {skops.__version__}")
for what, value in seen.items():
    print(f"  {what}: {value}")
sys.exit(0 if list(seen.values()) == [False] * 5 + [True] else 1)
PYTHON
