#!/bin/sh
# Installs the foreign clients of the end-to-end tests: node/node_modules from package-lock.json and
# python/.venv from requirements.txt. Quiet, and does nothing while both are up to date: a stamp holds
# the hash of the lock file and the interpreter's version. Safe to run from several tests at once.
set -eu
cd "$(dirname "$0")"

fail() {
  echo "tests/clients/install.sh: $*" >&2
  exit 1
}

# One at a time, where flock is to be had. The lock lives as long as this process, however it ends.
if [ -z "${DOORBELL_INSTALL_LOCKED:-}" ] && command -v flock >/dev/null; then
  mkdir -p python/.venv
  DOORBELL_INSTALL_LOCKED=1 exec flock python/.venv ./install.sh
fi

command -v node >/dev/null && command -v npm >/dev/null ||
  fail "needs node (20.19 or later) and npm: apt-get install nodejs npm, or nodejs.org where that is older"
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
  fail "node $(node --version) is too old for Stripe's, Linear's and MCP's libraries: needs 20.19 or later"
command -v python3 >/dev/null && python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  fail "needs python3 (3.11 or later) with venv: apt-get install python3 python3-venv"

# stamp <lock file> <interpreter>: what the installed tree must have been made from
stamp() {
  echo "$("$2" --version) $(cksum <"$1")"
}

want=$(stamp node/package-lock.json node)
if [ "$(cat node/node_modules/.doorbell-stamp 2>/dev/null)" != "$want" ]; then
  (cd node && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null) || fail "npm ci failed"
  echo "$want" >node/node_modules/.doorbell-stamp
fi

want=$(stamp python/requirements.txt python3)
if [ "$(cat python/.venv/.doorbell-stamp 2>/dev/null)" != "$want" ]; then
  rm -f python/.venv/.doorbell-stamp
  { python3 -m venv --clear python/.venv &&
    python/.venv/bin/pip install --quiet --disable-pip-version-check --no-input -r python/requirements.txt; } ||
    fail "installing python/requirements.txt failed"
  echo "$want" >python/.venv/.doorbell-stamp
fi
