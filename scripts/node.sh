# Sourced by bin/postern and the scripts: puts a Node.js that is new enough first on PATH.
# The machine's own is used when it is 24.15 or newer; else the official binary comes from the npm registry, once per user, pinned and
# checked by scripts/node/package-lock.json. POSTERN_ROOT must name the checkout.
node_is_new_enough() {
  # Asked for its version it starts nothing: a fifth of the time of a line of JavaScript.
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#v}; minor=${version#*.}; minor=${minor%%.*}
  { [ "${version%%.*}" -gt 24 ] || { [ "${version%%.*}" -eq 24 ] && [ "$minor" -ge 15 ]; }; } 2>/dev/null
}

say() { printf 'postern: %s\n' "$*" >&2; }

# use_node_and_dependencies prod|dev: where both are missing they are fetched side by side, so that a first start waits for the slower one only.
use_node_and_dependencies() {
  fetching=
  if ! find_node; then
    command -v npm >/dev/null 2>&1 || { say "needs Node.js 24.15 or newer, or npm to fetch it"; exit 69; }
    fetch_node & fetching=$!
  fi
  use_dependencies "$1"
  [ -n "$fetching" ] || return 0
  wait "$fetching" || exit
  find_node || exit 69
}

find_node() {
  command -v node >/dev/null 2>&1 && node_is_new_enough node && return 0
  # One folder for each lock file, so that a newer pin never meets an older binary.
  sum=$(cksum <"$POSTERN_ROOT/scripts/node/package-lock.json" | cut -d' ' -f1)
  # Without a home of the user's own it lies in the checkout: in a folder for everybody another user could put his binary in our place.
  cache="$POSTERN_ROOT/.cache"; [ -z "${HOME:-}" ] || cache="$HOME/.cache"
  home="${XDG_CACHE_HOME:-$cache}/postern/node-$sum"
  node_is_new_enough "$home/bin/node" || return 1
  PATH="$home/bin:$PATH"; export PATH
}

# To `home`, as find_node has named it.
fetch_node() {
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
  mv -T "$fresh" "$home" 2>/dev/null || [ -e "$home" ] || mv "$fresh" "$home" 2>/dev/null
  rm -rf "$fresh"
}

# use_dependencies prod|dev: npm ci when the lock file changed since the last time. A dev install serves both.
use_dependencies() {
  stamp="$POSTERN_ROOT/node_modules/.postern-installed"
  dependencies_are_there "$1" && return 0
  command -v npm >/dev/null 2>&1 || { say "the dependencies are missing and there is no npm to install them"; exit 69; }
  # Two starts at once: the second waits for the first, because npm spoils a folder that another npm is filling.
  lock_install || exit 73
  if dependencies_are_there "$1"; then rm -f "$lock"; return 0; fi
  if [ "$1" = prod ]; then omit=--omit=dev; say "installing dependencies"; else omit=--include=dev; say "installing dependencies, with those of the tests"; fi
  log=$(mktemp) || { rm -f "$lock"; exit 73; }
  (cd "$POSTERN_ROOT" && npm ci $omit --ignore-scripts --no-audit --no-fund --loglevel=error >"$log" 2>&1) || {
    cat "$log" >&2; rm -f "$log" "$lock"; say "npm ci failed"; exit 69; }
  rm -f "$log"
  printf '%s %s\n' "$sum" "$1" >"$stamp"
  rm -f "$lock"
}

dependencies_are_there() {
  sum=$(cksum <"$POSTERN_ROOT/package-lock.json" | cut -d' ' -f1)
  have=$(cat "$stamp" 2>/dev/null)
  [ "$have" = "$sum dev" ] && return 0
  [ "$1" = prod ] && [ "$have" = "$sum prod" ]
}

# A symbolic link is made and filled in one step; it points to the process that installs. One whose process is gone counts for nothing.
lock_install() {
  lock="$POSTERN_ROOT/.install.tmp"; told=no
  until ln -s "$$" "$lock" 2>/dev/null; do
    holder=$(readlink "$lock" 2>/dev/null)
    if [ -z "$holder" ]; then [ -w "$POSTERN_ROOT" ] && continue; say "cannot write to $POSTERN_ROOT"; return 1; fi
    if ! kill -0 "$holder" 2>/dev/null; then rm -f "$lock"; continue; fi
    [ "$told" = yes ] || say "waiting for another start, which is installing dependencies"
    told=yes; sleep 1
  done
}
