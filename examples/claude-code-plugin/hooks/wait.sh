#!/bin/sh
# The Stop hook: waits beside an idle Claude, and wakes it with exit status 2 when something rings.
#
# Each stop starts one of these. While one waits for this session the next goes away at once; and a
# message wakes a session once, so that one which is left in the inbox does not wake it for ever.
set -u

input=$(cat)
session=$(printf '%s' "$input" | sed -n 's/.*"session_id"[[:space:]]*:[[:space:]]*"\([A-Za-z0-9_-]*\)".*/\1/p' | head -n 1)
kept=${CLAUDE_PLUGIN_DATA:-${XDG_STATE_HOME:-$HOME/.local/state}/doorbell}
mkdir -p "$kept" || exit 0
pidfile=$kept/wait-${session:-none}.pid
rung=$kept/rung-${session:-none}

waits() {
  pid=$(cat "$pidfile" 2>/dev/null) && [ -n "$pid" ] && ps -p "$pid" -o args= 2>/dev/null | grep -q wait.sh
}
if waits; then exit 0; fi
echo $$ >"$pidfile"

set -- --folder "${DOORBELL_FOLDER:-claude}" --session "${DOORBELL_SESSION:-claude}" --timeout 86000 --json
for id in $(tail -n 200 "$rung" 2>/dev/null); do set -- "$@" --except "$id"; done

doorbell wait "$@" >"$pidfile.message" &
waiting=$!
trap 'kill "$waiting" 2>/dev/null; rm -f "$pidfile" "$pidfile.message"; exit 0' HUP INT TERM
wait "$waiting"
status=$?
sed -n 's/^{"id":"\([0-9A-Z]*\)".*/\1/p' "$pidfile.message" >>"$rung"
rm -f "$pidfile" "$pidfile.message"
exit "$status"
