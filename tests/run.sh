#!/usr/bin/env bash
# Installs what the tests need when it is missing, then runs all of them.
set -euo pipefail
cd "$(dirname "$0")/.."

need() { # need COMMAND PACKAGE...
  local command=$1
  shift
  command -v "$command" >/dev/null 2>&1 && return
  command -v apt-get >/dev/null 2>&1 || { echo "missing: $command; install it and run again" >&2; exit 1; }
  local sudo=""
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

need cc gcc libc6-dev
need curl curl
need strace strace

cargo test --locked --all-targets
cargo test --locked --doc
