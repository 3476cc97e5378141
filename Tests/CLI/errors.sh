#!/usr/bin/env bash
# What the program says when it is used wrongly, or fed with what it cannot use.
set -euo pipefail
# shellcheck source=Tests/CLI/support/kinglet.bash
source "$(dirname "${BASH_SOURCE[0]}")/support/kinglet.bash"

run "$kinglet" --version
expect 'the version is one line' same "$status $out" "0 0.1.0"
run "$kinglet" --help
expect 'the help documents the exit codes' prints 'Exit codes'
for command in generate chat embed similarity rank inspect models tokenize convert quantize imatrix score perplexity \
  compare-models lora 'lora merge' 'lora convert' 'lora inspect' bench doctor; do
  # shellcheck disable=SC2086 # two words of some
  run "$kinglet" $command --help
  expect "$command shows examples" prints "kinglet $command"
done

# Arguments that make no sense: 64, before any model is opened.
run "$kinglet" generate
expect 'a missing prompt' misused 'prompt'
run "$kinglet" sing
expect 'an unknown command' misused 'sing'
run "$kinglet" generate --temperature -1 hi
expect 'a negative temperature' misused 'temperature -1.0'
run "$kinglet" generate --temperature warm hi
expect 'a temperature that is no number' misused 'warm'
run "$kinglet" generate -n -3 hi
expect 'a negative length' misused '--max-tokens'
run "$kinglet" generate --top-p 3 --temperature 1 hi
expect 'a probability above 1' misused 'top-p 3.0'
run "$kinglet" generate --stop '' hi
expect 'an empty stop string' misused '--stop'
run "$kinglet" generate --threads 0 hi
expect 'no threads' misused '--threads'
run "$kinglet" generate --context -5 hi
expect 'a negative context' misused '--context'
run "$kinglet" generate --system 'Be brief.' hi
expect 'instructions without a chat' misused '--system needs --chat'
run "$kinglet" score --model "$tiny"
expect 'nothing to score' misused '--tokens or --text'
run "$kinglet" tokenize --model "$tiny"
expect 'nothing to tokenise' misused '--batch'

# Models that are none: 1 and one line.
run "$kinglet" generate --model "$work/absent.gguf" hi
expect 'a model that is not there' complains 1 'absent.gguf'
run "$kinglet" generate --model smolm2 hi
expect 'a name mistyped' complains 1 'smollm2'
run "$kinglet" generate hi
expect 'the default model, where it has not been fetched' complains 1 'scripts/fetch-model'
run "$kinglet" inspect "$work"
expect 'a folder' complains 1 'folder'
: >"$work/empty.gguf"
run "$kinglet" inspect "$work/empty.gguf"
expect 'an empty file' complains 1 'empty'
echo 'This is no model.' >"$work/text.gguf"
run "$kinglet" generate --model "$work/text.gguf" hi
expect 'a file of another kind' complains 1 'text.gguf'
for length in 20 3000 20000 700000; do
  head -c "$length" "$tiny" >"$work/cut.gguf"
  run "$kinglet" generate --model "$work/cut.gguf" hi
  expect "a model cut after $length bytes" complains 1 'cut.gguf'
done

# Text that is none, or too long.
run "$kinglet" generate --model "$tiny" ''
expect 'an empty prompt' complains 1 'empty'
feed 'caf\351' "$kinglet" generate --model "$tiny" -
expect 'text that is not UTF-8' complains 1 'UTF-8'
printf 'word %.0s' {1..2000} >"$work/long.txt"
run "$kinglet" generate --model "$tiny" "$(<"$work/long.txt")"
expect 'a prompt longer than the context: both numbers' complains 1 'the context holds 512'
run "$kinglet" generate --model "$tiny" --truncate keep-end -n 2 "$(<"$work/long.txt")"
expect 'or what was left out' says 'tokens of the prompt were left out'
run "$kinglet" generate --model "$tiny" --context 100000 hi
expect 'a context longer than trained' complains 1 '512'
run "$kinglet" generate --model "$tiny" --chat hi
expect 'a chat without a template' complains 1 '--template'
run "$kinglet" chat --model "$tiny"
expect 'the same before the first question' complains 1 '--template'
run "$kinglet" generate --model "$tiny" --chat --template "$work/absent.jinja" hi
expect 'a template that is not there' complains 1 'absent.jinja'
KINGLET_ISA=mmx run "$kinglet" generate --model "$tiny" hi
expect 'kernels that nobody has' complains 1 'KINGLET_ISA'

run "$kinglet" bench --model "$tiny" --depth 0,deep
expect 'a depth that is no number' complains 1 '--depth'
run "$kinglet" bench --model "$tiny" --threads 1,
expect 'a number of threads left out' complains 1 '--threads'

# Places that cannot be written to.
status=0
"$kinglet" tokenize --model "$tiny" hello 2>"$work/err" >/dev/full || status=$?
out='' err=$(<"$work/err")
expect 'a full disk under the output' complains 1 'standard output: cannot be written'
run "$kinglet" score --model "$tiny" --tokens 1,2,3 --dump-logits "$work/absent/logits.f32"
expect 'logits into a folder that is not there' complains 1 'absent/logits.f32'
run "$kinglet" score --model "$tiny" --tokens 1,9999 --dump-logits "$work/logits.f32"
expect 'a token outside the vocabulary' complains 1 '9999'
expect 'half a file of logits is removed' absent "$work/logits.f32"
ln -s /dev/full "$work/full"
run "$kinglet" score --model "$tiny" --tokens 1,2,3 --dump-logits "$work/full"
expect 'a full disk under the logits' complains 1 'cannot be written'
expect 'what is no plain file is not removed' test -L "$work/full" -a -c /dev/full
# A reader that goes away ends the program, quietly: by SIGPIPE, or not at all if everything was read in time.
status=0
{ "$kinglet" inspect "$tiny" --tensors 2>"$work/err" | head -n 1 >"$work/out"; } || status=$?
out=$(<"$work/out") err=$(<"$work/err")
quiet_end() { [[ ($status == 0 || $status == 141) && -z $err && $out == file* ]]; }
expect 'a reader that goes away does no harm' quiet_end
finish
