#!/bin/sh
# Installs the real Claude Code for the test of examples/claude-code-plugin, apart from the other
# clients for its size (360 MB). Quiet, and does nothing while it is up to date: a stamp holds the
# lock file's hash. Safe to run from several tests at once.
set -eu
cd "$(dirname "$0")"

fail() {
  echo "tests/clients/claude/install.sh: $*" >&2
  exit 1
}

if [ -z "${DOORBELL_INSTALL_LOCKED:-}" ] && command -v flock >/dev/null; then
  mkdir -p node_modules
  DOORBELL_INSTALL_LOCKED=1 exec flock package.json ./install.sh
fi

command -v node >/dev/null && command -v npm >/dev/null || fail "needs node and npm"
want=$(cksum <package-lock.json)
if [ "$(cat node_modules/.doorbell-stamp 2>/dev/null)" != "$want" ]; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null || fail "npm ci failed"
  echo "$want" >node_modules/.doorbell-stamp
fi
