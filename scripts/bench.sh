#!/bin/sh
# bench.sh [OPTION …]: measures Postern beside Debian's Postfix (bench/README.md). Installs nothing but our own dependencies.
POSTERN_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 69
. "$POSTERN_ROOT/scripts/node.sh"
use_node_and_dependencies prod
# Debian keeps daemons' programs where not everybody's PATH leads.
PATH="$PATH:/usr/sbin:/sbin"; export PATH
exec node --disable-warning=ExperimentalWarning "$POSTERN_ROOT/bench/main.ts" "$@"
