#!/bin/sh
# check.sh: types, lint (with types: a lost promise is a lost message) and format. All three are run, so that one look shows everything.
POSTERN_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 69
. "$POSTERN_ROOT/scripts/node.sh"
use_node_and_dependencies dev
PATH="$POSTERN_ROOT/node_modules/.bin:$PATH"; export PATH
cd "$POSTERN_ROOT" || exit 69
failed=0
tsc -p . || failed=1
oxlint --type-aware --deny-warnings || failed=1
oxfmt -c .oxfmtrc.json --check . || failed=1
[ "$failed" = 0 ] || { say "check failed"; exit 1; }
say "types, lint and format are in order"
