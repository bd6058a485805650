#!/bin/sh
# test.sh [FILE …]: brings what is missing, checks types, lint and format, then runs the tests (all, or the files given).
# node:test prints its closing totals last. In CI (CI=true) a skipped test is a failure: there everything a test needs must be installed.
POSTERN_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 69
. "$POSTERN_ROOT/scripts/node.sh"
. "$POSTERN_ROOT/scripts/run-tests.sh"
use_node_and_dependencies dev
cd "$POSTERN_ROOT" || exit 69
if [ $# -gt 0 ]; then run_tests "$@"; exit; fi
# Both are run whatever the first says; the totals of the tests stay last.
failed=0
sh scripts/check.sh || failed=1
# shellcheck disable=SC2046
run_tests $(find src test -name '*.test.ts' | sort) || failed=1
exit "$failed"
