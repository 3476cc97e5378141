#!/usr/bin/env bash
# Benchmarks/peers without any engine but one that we make up: what it prints, draws and leaves out.
set -euo pipefail
# shellcheck source=Tests/Scripts/support/harness.bash
source "$(dirname "${BASH_SOURCE[0]}")/support/harness.bash"
peers=$source_root/Benchmarks/peers

run "$peers" --help
expect 'the help shows examples' test "$status" = 0 -a -z "${out##*Benchmarks/peers --rounds*}"
run "$peers" --engines abacus "$source_root/LICENSE"
expect 'an unknown engine is refused' says 'abacus'
run "$peers" "$work/absent.gguf"
expect 'so is a file that is not there' says 'absent.gguf'
run "$peers" --rounds 0 "$source_root/LICENSE"
expect 'and no rounds at all' says '--rounds'

# A Kinglet that says what it is told to, and an environment whose Python knows one engine, which reads one file of two.
cat >"$work/kinglet" <<'SH'
#!/bin/sh
case $1 in
  doctor) echo '{"version": "1.0", "machine": {"processor": "Abacus & Sons", "cores": 2, "instruction_set": "beads"}}' ;;
  generate) echo once ;;
  bench) echo '{"peak_memory_bytes": 5000000, "tests": [
    {"name": "pp512", "tokens_per_second": {"median": 300}, "share_of_sgemm": 1.25},
    {"name": "tg64", "tokens_per_second": {"median": 90}, "share_of_read": 0.75}]}' ;;
esac
SH
mkdir -p "$work/venv/bin"
cat >"$work/venv/bin/python" <<'SH'
#!/bin/sh
case "$*" in
  *find_spec*llama_cpp*) exit 0 ;;
  *find_spec* | *pip*) echo 'no such package' >&2; exit 1 ;;
  *strange.gguf*) echo 'cannot read it' >&2; exit 1 ;;
  *) echo '{"prefill": 100, "decode": 45, "first": 0.5, "memory": 10000000, "version": "0.1"}' ;;
esac
SH
chmod +x "$work/kinglet" "$work/venv/bin/python"
: >"$work/a.gguf"
: >"$work/strange.gguf"
run "$peers" --kinglet "$work/kinglet" --venv "$work/venv" --engines llama.cpp,OpenVINO --rounds 2 --threads 1 \
  --svg "$work/a.svg" --json "$work/a.json" "$work/a.gguf" "$work/strange.gguf"
prints() { [[ $out == *"$1"* ]]; }
expect 'it runs' exits 0
expect 'decode, and the ratio' prints '| decode of 64, tokens/s | 90.0 | 45.0 | 2.00 |'
expect 'prefill' prints '| prefill of 512, tokens/s | 300.0 | 100.0 | 3.00 |'
expect 'memory' prints '| peak memory, MB | 5 | 10 | 0.50 |'
expect 'the machine and the versions' prints 'Abacus & Sons, 2 cores, beads; 1 threads, medians of rounds: 2; Kinglet 1.0'
expect 'why an engine is left out' prints 'OpenVINO cannot be installed: no such package'
expect 'or does not run a file' prints 'llama.cpp does not run strange.gguf: cannot read it'
expect 'every measurement is kept' python3 -c '
import json, sys
o = json.load(open(sys.argv[1]))["results"]
assert o["a.gguf"]["llama.cpp"]["decode"] == [45, 45] and list(o["strange.gguf"]) == ["Kinglet"]' "$work/a.json"
expect 'the chart is XML, with a bar for each speed' python3 -c '
import sys, xml.etree.ElementTree as e
bars = e.parse(sys.argv[1]).findall("{http://www.w3.org/2000/svg}rect")
assert len(bars) == 1 + 2 * 3, len(bars)' "$work/a.svg"
finish
