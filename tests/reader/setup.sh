#!/usr/bin/env bash
# Makes what the readers for Python and Node are made of ready in FOLDER. What is there already is kept.
set -euo pipefail
folder=${1:?the folder to make it ready in}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
exec 9>"$folder/lock"
flock 9

# made STAMP FILE...: whether the part was made out of these files.
made() { [ "$(cat "$folder/$1" 2>/dev/null)" = "$(cat "${@:2}" | sha256sum)" ]; }
finish() { cat "${@:2}" | sha256sum >"$folder/$1"; }

if ! made python.stamp "$here/requirements.txt"; then
  rm -rf "$folder/python"
  python3 -m venv "$folder/python" || { echo "python3 with its venv module is needed (Debian: python3-venv)" >&2; exit 1; }
  "$folder/python/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
  finish python.stamp "$here/requirements.txt"
fi

parts=("$here/program/package.json" "$here/program/package-lock.json")
if ! made node.stamp "${parts[@]}"; then
  rm -rf "$folder/node"
  mkdir "$folder/node"
  cp "${parts[@]}" "$folder/node"
  (cd "$folder/node" && npm ci --silent --no-audit --no-fund) || { echo "node with npm is needed (Debian: nodejs, npm)" >&2; exit 1; }
  finish node.stamp "${parts[@]}"
fi
