#!/bin/sh
# Make or renew a virtual environment from a lock file: create_venv.sh FOLDER runtime|test
# Needs nothing but a Python; called by the Makefile. PYTHON names one to use.
set -eu
venv=$1
lock=requirements/$2.txt

new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
  for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
    if new_enough "$candidate"; then
      echo "$candidate"
      return
    fi
  done
}

if [ ! -x "$venv/bin/python" ]; then
  python=$(find_python)
  if [ -z "$python" ]; then
    found=$("${PYTHON:-python3}" --version 2>/dev/null || echo "no ${PYTHON:-python3}")
    echo "Cartwheel needs Python 3.11 or newer and found $found." \
      "Name another one: make up PYTHON=/path/to/python3.12" >&2
    exit 2
  fi
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$python cannot make virtual environments here. Debian: apt-get install python3-venv" >&2
    exit 2
  fi
  echo "Making $venv with $("$python" --version)"
  "$python" -m venv "$venv"
fi

echo "Installing $lock (once; hashes are checked)"
pip="$venv/bin/python -m pip --disable-pip-version-check --quiet"
$pip install --require-hashes -r "$lock"
# The project itself: no dependency is looked up and nothing is fetched to build it, since
# setuptools is in the lock file.
$pip install --no-deps --no-build-isolation --editable .
# Compiled now, once, and not by six processes at the first start.
"$venv/bin/python" -m compileall -q app services cartwheel
touch "$venv/.$2"
