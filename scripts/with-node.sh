#!/bin/sh
# with-node.sh COMMAND …: runs a command with the right Node.js, the dependencies and their programs on PATH.
POSTERN_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 69
. "$POSTERN_ROOT/scripts/node.sh"
use_node_and_dependencies dev
PATH="$POSTERN_ROOT/node_modules/.bin:$PATH"; export PATH
exec "$@"
