# Sourced by the scripts beside it. Steps go on after one that failed; the last line sums up what ran.

notes=$(mktemp -d "${TMPDIR:-/tmp}/doorbell-test-XXXXXX") || exit 1
# Where a test or a check that could not do its work says so: kind, name and reason, tab-separated.
export DOORBELL_TEST_SKIPS=$notes/skips
: >"$DOORBELL_TEST_SKIPS"
passed=0 failed=0 ignored=0
trap 'sum_up $?' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '\n== %s\n' "$*"; }

# check <name> <command…>: passes or fails as a whole.
check() {
  say "$1"
  if "${@:2}"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "$1" >>"$notes/red"
  fi
}

# suite <name> <command…>: tests, counted by the closing lines of cargo's runner, of node's, or of ours.
suite() {
  local status counted
  say "$1"
  "${@:2}" 2>&1 | tee "$notes/suite"
  status=${PIPESTATUS[0]}
  read -r -a counted < <(awk '
    /^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { pass = $1; fail = $3; ignore = $5; next }
    /^test result: / { pass += $4; fail += $6; ignore += $8 }
    $1 == "ℹ" && $2 == "pass" { pass += $3 }
    $1 == "ℹ" && ($2 == "fail" || $2 == "cancelled") { fail += $3 }
    $1 == "ℹ" && ($2 == "skipped" || $2 == "todo") { ignore += $3 }
    END { print pass + 0, fail + 0, ignore + 0 }' "$notes/suite")
  awk '/^test .* \.\.\. FAILED$/ { print $2 } $1 == "✖" && /\(.*ms\)$/ { print }' "$notes/suite" | sort -u >>"$notes/red"
  # One that does not build, dies before it has counted, or runs nothing is red too.
  if [ "${counted[1]}" = 0 ] && { [ "$status" != 0 ] || [ "${counted[0]}" = 0 ]; }; then
    counted[1]=1
    echo "$1 (exit status $status)" >>"$notes/red"
  fi
  passed=$((passed + counted[0])) failed=$((failed + counted[1])) ignored=$((ignored + counted[2]))
}

# give_up <why>: what comes next cannot be done at all.
give_up() {
  failed=$((failed + 1))
  echo "$*" >>"$notes/red"
  exit 1
}

sum_up() {
  local status=$1 skipping others
  trap - EXIT
  # A test that skips itself has passed for its runner.
  skipping=$(awk -F '\t' '$1 == "test" { print $2 }' "$DOORBELL_TEST_SKIPS" | sort -u | wc -l)
  others=$(grep -vc '^test' "$DOORBELL_TEST_SKIPS")
  if [ "$status" != 0 ] && [ "$failed" = 0 ]; then
    failed=1
    echo "the run itself, which ended early (exit status $status)" >>"$notes/red"
  fi
  printf '\n'
  awk -F '\t' '!seen[$0]++ { printf "!! SKIPPED %s: %s\n", $2, $3 }' "$DOORBELL_TEST_SKIPS"
  if [ -f "$notes/red" ]; then sed 's/^/!! FAILED /' "$notes/red"; fi
  printf '%d passed, %d failed, %d skipped\n' \
    $((passed - skipping)) "$failed" $((ignored + skipping + others))
  rm -rf "$notes"
  [ "$failed" = 0 ] || [ "$status" != 0 ] || status=1
  exit "$status"
}
