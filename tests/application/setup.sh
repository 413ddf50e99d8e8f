#!/usr/bin/env bash
# Makes the real application ready in FOLDER: its environment, static files, and a database with data. What is there already is kept.
set -euo pipefail
folder=${1:?the folder to make it ready in}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
exec 9>"$folder/lock"
flock 9

# Bytecode goes beside the environment, never into the checkout, and only for what is used.
export PYTHONPYCACHEPREFIX=$folder/bytecode

# made STAMP FILE...: whether the part was made out of these files.
made() { [ "$(cat "$folder/$1" 2>/dev/null)" = "$(cat "${@:2}" | sha256sum)" ]; }
finish() { cat "${@:2}" | sha256sum >"$folder/$1"; }

parts=("$here/requirements.txt")
if ! made environment.stamp "${parts[@]}"; then
  rm -rf "$folder/environment"
  python3 -m venv "$folder/environment" || { echo "python3 with its venv module is needed (Debian: python3-venv)" >&2; exit 1; }
  "$folder/environment/bin/pip" install --quiet --disable-pip-version-check --no-compile --requirement "$here/requirements.txt"
  finish environment.stamp "${parts[@]}"
fi

parts+=("$here/seed.py" "$here"/shop/*.py)
if ! made data.stamp "${parts[@]}"; then
  rm -rf "$folder/data"
  mkdir "$folder/data"
  export SHOP_DATA=$folder/data DJANGO_SETTINGS_MODULE=shop.settings PYTHONPATH=$here
  python=$folder/environment/bin/python
  "$python" -m django migrate --verbosity 0
  "$python" -m django collectstatic --noinput --verbosity 0
  "$python" "$here/seed.py"
  finish data.stamp "${parts[@]}"
fi
