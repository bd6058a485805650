# Sourced by bin/postern and the scripts: puts a Node.js that is new enough first on PATH.
# The machine's own is used when it is 24.15 or newer; else the official binary comes from the npm registry, once per user, pinned and
# checked by scripts/node/package-lock.json. POSTERN_ROOT must name the checkout.
node_is_new_enough() {
  "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 24 || (a === 24 && b >= 15) ? 0 : 1)' 2>/dev/null
}

say() { printf 'postern: %s\n' "$*" >&2; }

use_node() {
  command -v node >/dev/null 2>&1 && node_is_new_enough node && return 0
  # One folder for each lock file, so that a newer pin never meets an older binary.
  sum=$(cksum <"$POSTERN_ROOT/scripts/node/package-lock.json" | cut -d' ' -f1)
  home="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/postern/node-$sum"
  if ! node_is_new_enough "$home/bin/node"; then
    command -v npm >/dev/null 2>&1 || { say "needs Node.js 24.15 or newer, or npm to fetch it"; exit 69; }
    say "fetching Node.js 24 from the npm registry (once; $(node --version 2>/dev/null || echo none) is too old)"
    fresh="$home.$$"; rm -rf "$fresh"; mkdir -p "$fresh/bin" || exit 73
    cp "$POSTERN_ROOT/scripts/node/package.json" "$POSTERN_ROOT/scripts/node/package-lock.json" "$fresh/"
    (cd "$fresh" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1) || {
      cat "$fresh/npm.log" >&2; rm -rf "$fresh"; say "could not fetch Node.js; install 24.15 or newer by hand"; exit 69; }
    binary=$(ls -d "$fresh"/node_modules/node-*/bin/node 2>/dev/null | head -n 1)
    [ -n "$binary" ] || { rm -rf "$fresh"; say "no Node.js in the registry for $(uname -sm); install 24.15 or newer by hand"; exit 69; }
    ln -s "../node_modules/$(basename "$(dirname "$(dirname "$binary")")")/bin/node" "$fresh/bin/node"
    # Two starts at once: the first to rename wins, the other's copy is dropped.
    if [ -e "$home" ] && ! node_is_new_enough "$home/bin/node"; then rm -rf "$home"; fi
    mv -T "$fresh" "$home" 2>/dev/null || mv "$fresh" "$home" 2>/dev/null
    rm -rf "$fresh"
  fi
  PATH="$home/bin:$PATH"; export PATH
}

# use_dependencies prod|dev: npm ci when the lock file changed since the last time. A dev install serves both.
use_dependencies() {
  sum=$(cksum <"$POSTERN_ROOT/package-lock.json" | cut -d' ' -f1)
  stamp="$POSTERN_ROOT/node_modules/.postern-installed"
  have=$(cat "$stamp" 2>/dev/null)
  [ "$have" = "$sum dev" ] && return 0
  [ "$1" = prod ] && [ "$have" = "$sum prod" ] && return 0
  command -v npm >/dev/null 2>&1 || { say "the dependencies are missing and there is no npm to install them"; exit 69; }
  if [ "$1" = prod ]; then omit=--omit=dev; say "installing dependencies"; else omit=--include=dev; say "installing dependencies, with those of the tests"; fi
  log="${TMPDIR:-/tmp}/postern-npm.$$"
  (cd "$POSTERN_ROOT" && npm ci $omit --ignore-scripts --no-audit --no-fund --loglevel=error >"$log" 2>&1) || {
    cat "$log" >&2; rm -f "$log"; say "npm ci failed"; exit 69; }
  rm -f "$log"
  printf '%s %s\n' "$sum" "$1" >"$stamp"
}
