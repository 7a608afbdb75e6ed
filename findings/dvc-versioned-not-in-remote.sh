#!/usr/bin/env bash
# dvc 3.67.1 with dvc-s3 3.3.0: `dvc data status --not-in-remote` calls missing what a `version_aware` remote has.
#
# Expected: right after `dvc push` nothing is "Not in remote", or the question is refused, as `dvc status --cloud` refuses it for
# such a remote. Seen: it lists every file, tells to push them, and ends with 0; it says the same after all versions were
# deleted, so a good remote and an empty one cannot be told apart. treeverse/dvc#10249 was the contrary, and is closed. The
# server is moto's.
set -euo pipefail

folder=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "dvc==3.67.1" "dvc-s3==3.3.0" "moto[server]==5.2.5"
export PATH="$folder/venv/bin:$PATH" HOME="$folder" DVC_NO_ANALYTICS=true
export AWS_ACCESS_KEY_ID=example AWS_SECRET_ACCESS_KEY=example AWS_DEFAULT_REGION=us-east-1

port=$(python -c "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])")
moto_server -H 127.0.0.1 -p "$port" >"$folder/server.log" 2>&1 &
server=$!
python - "$port" <<'PYTHON'
import socket, sys, time

import boto3

for _ in range(200):
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1).close()
        break
    except OSError:
        time.sleep(0.1)
client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{sys.argv[1]}")
client.create_bucket(Bucket="bucket")
client.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
PYTHON

mkdir "$folder/data" && cd "$folder/data"
git init --quiet
dvc init --quiet
dvc remote add --quiet --default store s3://bucket/dvc
dvc remote modify --quiet store endpointurl "http://127.0.0.1:$port"
dvc remote modify --quiet store version_aware true
echo 1 >table.csv
dvc add --quiet table.csv
dvc push >"$folder/push.txt" 2>&1

rm -rf .dvc/cache table.csv
dvc pull --quiet
pulled=$(cat table.csv)
full=0 && dvc data status --not-in-remote --json >"$folder/full.json" 2>"$folder/full.txt" || full=$?
python - "$port" <<'PYTHON'
import sys

import boto3

client = boto3.resource("s3", endpoint_url=f"http://127.0.0.1:{sys.argv[1]}")
client.Bucket("bucket").object_versions.delete()
PYTHON
empty=0 && dvc data status --not-in-remote --json >"$folder/empty.json" 2>"$folder/empty.txt" || empty=$?
cloud=0 && dvc status --cloud >"$folder/cloud.txt" 2>&1 || cloud=$?

missing() { # what it says is not in the remote
  python -c "import json, sys; print(*json.load(open(sys.argv[1])).get('not_in_remote', []))" "$1"
}
dvc --version
echo "push says: $(tail -1 "$folder/push.txt"); a pull into an empty cache gives: $pulled"
echo "with all files there it ends with $full, and not in remote is: $(missing "$folder/full.json")"
echo "with none of them it ends with $empty, and not in remote is: $(missing "$folder/empty.json")"
echo "status --cloud ends with $cloud and says: $(tr '\n' ' ' <"$folder/cloud.txt")"
[ "$pulled" = 1 ] && [ "$full $empty" = "0 0" ] && [ "$(missing "$folder/full.json")" = table.csv ] &&
  [ "$(missing "$folder/empty.json")" = table.csv ] && [ "$cloud" != 0 ]
