#!/bin/sh
# install-one.sh <folder>: installs one of the large clients, each apart from the others for its size:
# claude, codex or inspector, from its package-lock.json. Quiet, and does nothing while it is up to
# date: a stamp holds the lock file's hash. Safe to run from several tests at once.
set -eu
cd "$(dirname "$0")"

fail() {
  echo "tests/clients/install-one.sh $folder: $*" >&2
  exit 1
}

folder=$1
if [ -z "${DOORBELL_INSTALL_LOCKED:-}" ] && command -v flock >/dev/null; then
  DOORBELL_INSTALL_LOCKED=1 exec flock "$folder/package.json" ./install-one.sh "$folder"
fi

cd "$folder"
command -v node >/dev/null && command -v npm >/dev/null || fail "needs node and npm"
want=$(cksum <package-lock.json)
if [ "$(cat node_modules/.doorbell-stamp 2>/dev/null)" != "$want" ]; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null || fail "npm ci failed"
  echo "$want" >node_modules/.doorbell-stamp
fi
