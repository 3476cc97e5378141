#!/usr/bin/env bash
# scripts/kinglet with a made-up Swift: when it builds, when it fetches, and what it hands on.
set -euo pipefail
# shellcheck source=Tests/Scripts/support/harness.bash
source "$(dirname "${BASH_SOURCE[0]}")/support/harness.bash"

checkout="$work/a checkout"
kinglet=$checkout/scripts/kinglet
mkdir -p "$checkout/Sources/Room" "$checkout/models" "$work/bin"
cp -R "$source_root/scripts" "$checkout/scripts"
cp "$source_root/models/catalog.json" "$checkout/models"
touch "$checkout/Package.swift" "$checkout/Sources/Room/a.swift" "$checkout/Sources/Room/b.swift"
export WORK=$work PATH=$work/bin:$PATH

# A Swift whose products print their arguments. $work/builds lists the builds; $work/broken makes them fail.
cat >"$work/bin/swift" <<'SH'
#!/usr/bin/env bash
if [[ $1 == --version ]]; then
  echo "Swift version $(cat "$WORK/version" 2>/dev/null || echo 6.2.1) (swift-RELEASE)"
  exit 0
fi
echo "$*" >>"$WORK/builds"
echo Compiling
sleep 0.3
[[ -e $WORK/broken ]] && exit 1
mkdir -p "$3/.build/release"
printf '#!/bin/sh\nprintf "<%%s>" "$@"\nprintf " %%s" "$KINGLET_MODELS"\n' >"$3/.build/release/kinglet"
chmod +x "$3/.build/release/kinglet"
SH
# Nothing is to be installed by a test.
printf '#!/bin/sh\nexit 0\n' >"$work/bin/pkg-config"
cat >"$checkout/scripts/fetch-model" <<'SH'
#!/usr/bin/env bash
echo "$*" >>"$WORK/fetches"
[[ -e $WORK/offline ]] && exit 1
case $1 in
  minilm) mkdir -p "$KINGLET_MODELS/all-MiniLM-L6-v2" && touch "$KINGLET_MODELS/all-MiniLM-L6-v2/model.safetensors" ;;
  *) touch "$KINGLET_MODELS/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf" ;;
esac
SH
chmod +x "$work/bin/swift" "$work/bin/pkg-config" "$checkout/scripts/fetch-model"

lines() { if [[ -f $work/$1 ]]; then wc -l <"$work/$1" | tr -d ' '; else echo 0; fi; }
later() { sleep 0.02; }

echo 6.1.3 >"$work/version"
run "$kinglet" --version
expect 'an old Swift is refused' says 'this is Swift 6.1'
expect 'with an exit status' exits 1
echo 5.10 >"$work/version"
run "$kinglet" --version
expect 'a very old one too' says 'this is Swift 5.10'
rm "$work/version"

touch "$work/broken"
run "$kinglet" --version
expect 'a build that fails ends the run' exits 1
expect 'saying so' says 'the build failed'
expect 'and standard output stays empty' same "$out" ''
rm "$work/broken" "$work/builds"

for _ in 1 2 3; do "$kinglet" --version >/dev/null 2>&1 & done
run "$kinglet" --version
wait
expect 'of four first uses one builds' same "$(lines builds)" 1
expect 'and all run' exits 0
expect 'with only their own output' same "$out" "<--version> $checkout/models"

run "$kinglet" inspect 'a  b' $'c\nd' ''
expect 'arguments are handed on as they are' same "$out" "<inspect><a  b><c"$'\n'"d><> $checkout/models"
expect 'nothing is said' same "$err" ''
ln -s "$kinglet" "$work/link"
(cd / && "$work/link" --help >/dev/null)
expect 'nothing is built again, from elsewhere, by a link' same "$(lines builds)" 1

later && touch "$checkout/Sources/Room/a.swift"
run "$kinglet" --version
expect 'a changed source is built' same "$(lines builds)" 2
later && rm "$checkout/Sources/Room/b.swift"
run "$kinglet" --version
expect 'a removed source as well' same "$(lines builds)" 3
later && touch "$checkout/models/catalog.json"
run "$kinglet" --version
expect 'and the catalogue' same "$(lines builds)" 4
run "$kinglet" --version
expect 'once each' same "$(lines builds)" 4
KINGLET_NO_BLAS=1 run "$kinglet" --version
expect 'KINGLET_NO_BLAS builds anew' grep -q -- --disable-default-traits "$work/builds"
KINGLET_NO_BLAS=1 run "$kinglet" --version
expect 'once' same "$(lines builds)" 5
run "$kinglet" --version
expect 'and back' same "$(lines builds)" 6

expect 'no model has been fetched so far' same "$(lines fetches)" 0
run "$kinglet" generate --help
run "$kinglet" generate --model smollm2 hello
run "$kinglet" generate --model=smollm2 hello
run "$kinglet" models
run "$kinglet"
expect 'nor for help, for another model, for a command without a model' same "$(lines fetches)" 0
touch "$work/offline"
run "$kinglet" chat
expect 'a fetch that fails ends the run' same "$status $out" '1 '
rm "$work/offline" "$work/fetches"
run "$kinglet" generate -- --help
expect 'the default model is fetched when it is needed' same "$(<"$work/fetches")" qwen2.5-coder-0.5b
expect 'before the command runs' same "$out" "<generate><--><--help> $checkout/models"
run "$kinglet" generate hello
expect 'and only once' same "$(lines fetches)" 1
mkdir "$work/models"
KINGLET_MODELS=$work/models run "$kinglet" bench
expect 'into the folder that KINGLET_MODELS names' same "$(lines fetches) $out" "2 <bench> $work/models"
run "$kinglet" rag add --help
run "$kinglet" rag add new.sqlite docs --embedder other.gguf
run "$kinglet" rag status new.sqlite
expect 'no embedding model is fetched where none is needed, or another is named' same "$(lines fetches)" 2
run "$kinglet" rag add new.sqlite docs
expect 'a new store needs one' same "$(tail -n 1 "$work/fetches")" minilm
touch "$work/old.sqlite"
rm -r "$checkout/models/all-MiniLM-L6-v2"
run "$kinglet" rag add "$work/old.sqlite" docs
expect 'an old one names its own' same "$(lines fetches)" 3
finish
