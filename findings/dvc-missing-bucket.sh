#!/usr/bin/env bash
# dvc 3.67.1 with dvc-s3 3.3.0: `dvc status --cloud` ends with 0 where the remote's bucket does not exist.
#
# Expected: a status asked of a bucket that is not there fails, as a push does. Seen: it lists the file as "new" and ends with
# 0, so a check of a remote by its status finds no fault; `dvc push` says that the bucket is missing, and fails. The server is moto's.
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

for _ in range(200):
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1).close()
        break
    except OSError:
        time.sleep(0.1)
PYTHON

mkdir "$folder/data" && cd "$folder/data"
dvc init --quiet --no-scm
dvc remote add --quiet --default store s3://no-such-bucket/dvc
dvc remote modify --quiet store endpointurl "http://127.0.0.1:$port"
echo 1 >table.csv
dvc add --quiet table.csv

status=0
dvc status --cloud >"$folder/status.txt" 2>&1 || status=$?
push=0
dvc push >"$folder/push.txt" 2>&1 || push=$?
dvc --version
echo "status ends with $status and says: $(tr '\n' ' ' <"$folder/status.txt")"
echo "push ends with $push and says that the bucket is missing: $(grep -qE "NoSuchBucket|specified bucket does not exist" "$folder/push.txt" && echo yes || echo no)"
[ "$status" = 0 ] && grep -q "new:" "$folder/status.txt" && [ "$push" != 0 ] && grep -qE "NoSuchBucket|specified bucket does not exist" "$folder/push.txt"
