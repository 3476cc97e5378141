# shellcheck shell=bash
# What the tests of the command line share, besides the harness of the scripts: the program, and a model a stranger has.

# Before the harness forgets it.
real_models=${KINGLET_MODELS:-}
# shellcheck source=Tests/Scripts/support/harness.bash
source "$(dirname "${BASH_SOURCE[0]}")/../../Scripts/support/harness.bash"
real_models=${real_models:-$source_root/models}

# shellcheck disable=SC2034 # the tests use them
tiny=$source_root/Tests/Fixtures/arch/llama/model.gguf
# shellcheck disable=SC2034
kinglet=${KINGLET_BINARY:-$source_root/.build/release/kinglet}
export KINGLET_MODELS=$work/no-models XDG_CACHE_HOME=$work/cache
# Not in the checkout, whose models/ would be looked into.
cd "$work"

# A chat template of our own: the tiny model has none.
template=$work/template.jinja
cat >"$template" <<'JINJA'
{%- for message in messages -%}{{ message.role + ': ' + message.content + '\n' }}{%- endfor -%}
JINJA

# feed TEXT COMMAND…: like run, with TEXT (in which printf's escapes count) as its standard input.
feed() {
  local text=$1
  shift
  status=0
  # shellcheck disable=SC2059
  printf "$text" | "$@" >"$work/out" 2>"$work/err" || status=$?
  out=$(<"$work/out")
  err=$(<"$work/err")
}

prints() { [[ $out == *"$1"* ]]; }
silent() { [[ -z $out ]]; }
# Failures of the program are one line, and never Swift's own.
complains() { [[ $status == "$1" && $err == error:*"$2"* && $err != *$'\n'* && -z $out ]]; }
misused() { [[ $status == 64 && $err == error:*"$1"*Usage:* && -z $out ]]; }
# json EXPRESSION: whether the Python expression holds for the output, parsed as `o`.
json() { python3 -c 'import json, sys; o = json.load(open(sys.argv[1])); sys.exit(not eval(sys.argv[2]))' "$work/out" "$1"; }
