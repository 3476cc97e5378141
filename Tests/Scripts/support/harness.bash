# shellcheck shell=bash
# What the tests of scripts share: a checkout of their own in a temporary folder, expectations, a count at the end.

# shellcheck disable=SC2034 # the tests use it
source_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
work=$(mktemp -d)
work=$(readlink -f "$work")
trap 'rm -rf "$work"' EXIT
export NO_COLOR=1
unset KINGLET_MODELS KINGLET_NO_BLAS
passed=0
failed=0

# run COMMAND…: leaves its standard output in $out, its standard error in $err, its exit status in $status.
run() {
  status=0
  "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
  out=$(<"$work/out")
  err=$(<"$work/err")
}

# expect WHAT CONDITION…: notes whether the condition, a command, holds.
expect() {
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED: %s\n  condition: %s\n  status: %s\n  out: %s\n  err: %s\n' \
      "$what" "$*" "${status:-}" "${out:-}" "${err:-}"
  fi
}

exits() { [[ $status == "$1" ]]; }
says() { [[ $err == *"$1"* ]]; }
absent() { [[ ! -e $1 ]]; }
same() { [[ $1 == "$2" ]]; }

finish() {
  printf '%s passed, %s failed\n' "$passed" "$failed"
  ((failed == 0))
}
