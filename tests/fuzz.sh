#!/usr/bin/env bash
# The long run of every fuzz target, each for so many minutes (20 by default), as many at a time as there are cores.
#
#   tests/fuzz.sh [MINUTES] [TARGET]      TARGET is a part of the name of a test in tests/fuzz
#
# A failure prints its seed: SCOPEGATE_FUZZ_SEED=N SCOPEGATE_FUZZ_CASES=1 cargo test --test fuzz shows it again.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-20}
case $minutes in '' | *[!0-9]*) echo "usage: tests/fuzz.sh [MINUTES] [TARGET]" >&2; exit 2 ;; esac
SCOPEGATE_FUZZ_SECONDS=$((minutes * 60)) SCOPEGATE_FUZZ_SEED=${SCOPEGATE_FUZZ_SEED:-$(date +%s)000000} \
  cargo test --locked --test fuzz -- --nocapture ${2:+"$2"}
