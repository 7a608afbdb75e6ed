#!/usr/bin/env bash
# dvc 3.67.1: `dvc fetch` of a folder ends with 0 and "Everything is up to date." where the remote has lost the folder's list.
#
# Expected: a fetch that brings nothing of what the pointer names fails, as it does where one file of the folder is missing.
# Seen: the remote has no `.dir` object, which lists the folder's files; `dvc fetch` warns, ends with 0, and fetches none of the
# files that the remote still holds. `dvc pull` and `dvc checkout` fail, so only a fetch alone goes unnoticed. Reported as
# treeverse/dvc#11041. The remote is a folder.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "dvc==3.67.1"
export PATH="$folder/venv/bin:$PATH" HOME="$folder" DVC_NO_ANALYTICS=true

mkdir "$folder/data" "$folder/remote" && cd "$folder/data"
dvc init --quiet --no-scm
dvc remote add --quiet --default store "$folder/remote"
mkdir table && echo 1 >table/a.csv && echo 2 >table/b.csv
dvc add --quiet table
dvc push --quiet
a=$(md5sum table/a.csv | cut -c 1-32)

ends() { # of a fetch into an empty cache
  rm -rf .dvc/cache table && mkdir .dvc/cache
  local code=0
  dvc fetch >"$folder/$1.txt" 2>&1 || code=$?
  echo "$code"
}

mv "$folder/remote/files/md5/${a:0:2}" "$folder/aside"
without_file=$(ends file)
mv "$folder/aside" "$folder/remote/files/md5/${a:0:2}"
find "$folder/remote" -name '*.dir' -delete
without_list=$(ends list)
dvc --version
echo "without one file of the folder, fetch ends with $without_file"
echo "without the folder's list, fetch ends with $without_list and says: $(tr '\n' ' ' <"$folder/list.txt")"
fetched=$(find .dvc/cache -type f | wc -l)
echo "files fetched: $fetched"
[ "$without_file" != 0 ] && [ "$without_list" = 0 ] && [ "$fetched" = 0 ] && grep -q "Everything is up to date" "$folder/list.txt"
