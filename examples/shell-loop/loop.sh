#!/bin/sh
# One line per message, handled by a shell: loop.sh [folder]. Ctrl-C stops.
#
# `doorbell watch` goes on where it left off, so nothing is missed while this does not run; the last
# message may come twice.
set -u
folder=${1:-demo}

handle() { # the message is on standard input, a JSON object
  printf '%s\n' "$(cut -c 1-200)"
}

doorbell watch --folder "$folder" --jsonl --name shell-loop | while IFS= read -r message; do
  printf '%s\n' "$message" | handle
done
