#!/bin/sh
# proof.sh [FILE …]: the long tests (test/**/*.proof.ts): many rounds of kill -9, system-call traces, power cuts, injected disk errors, days at every limit.
POSTERN_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 69
. "$POSTERN_ROOT/scripts/node.sh"
. "$POSTERN_ROOT/scripts/run-tests.sh"
use_node_and_dependencies dev
cd "$POSTERN_ROOT" || exit 69
# One file at a time: they measure nothing, but they load the disk.
TEST_CONCURRENCY=1
if [ $# -gt 0 ]; then run_tests "$@"; exit; fi
files=$(find test -name '*.proof.ts' | sort)
[ -n "$files" ] || { say "there are no proofs"; exit 1; }
# shellcheck disable=SC2086
run_tests $files
