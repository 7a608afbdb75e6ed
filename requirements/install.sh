#!/bin/sh
# install.sh NAME...: puts what requirements/NAME.txt pin by hash into /venv, without what only authors and compilers need, and
# compiles it. In an image, where this lies beside the pins. WITHOUT: distributions to leave out again, with blanks between.
set -e
[ $# -gt 0 ] || exit 0
here=$(dirname "$0")
[ -d /venv ] || python -m venv --without-pip /venv
touch /tmp/before
for name; do
  python -m pip --python /venv/bin/python install --quiet --no-cache-dir --disable-pip-version-check \
    --root-user-action ignore --no-compile --no-deps --only-binary :all: --require-hashes -r "$here/$name.txt"
done
if [ -n "$WITHOUT" ]; then
  # shellcheck disable=SC2086 # several names
  python -m pip --python /venv/bin/python uninstall -qq --yes --root-user-action ignore $WITHOUT
fi
cd /venv/lib/python3.13/site-packages
find . -type d \( -name tests -o -name include \) -prune -exec rm -rf {} +
find . \( -name '*.py[ix]' -o -name '*.px[di]' \) -delete
find /venv/lib -name '*.py' -newer /tmp/before >/tmp/new
python -m compileall -q -j 0 --invalidation-mode unchecked-hash -i /tmp/new
