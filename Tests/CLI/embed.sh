#!/usr/bin/env bash
# kinglet embed, similarity and rank with a tiny encoder.
set -euo pipefail
# shellcheck source=Tests/CLI/support/kinglet.bash
source "$(dirname "${BASH_SOURCE[0]}")/support/kinglet.bash"

encoder=$source_root/Tests/Fixtures/arch/bert/model.gguf

# floats FILE: its raw numbers as Python's list.
floats() { python3 -c 'import array, sys; a = array.array("f"); a.frombytes(open(sys.argv[1], "rb").read()); print(list(a))' "$1"; }

run "$kinglet" embed --model "$encoder" 'hello world' 'some text'
expect 'a vector on each line' python3 -c 'import sys
rows = [line.split() for line in sys.argv[1].splitlines()]
lengths = [sum(float(v) ** 2 for v in row) for row in rows]
sys.exit([len(row) for row in rows] != [64, 64] or any(abs(x - 1) > 1e-5 for x in lengths))' "$out"
run "$kinglet" embed --model "$encoder" --json 'hello world' 'some text'
expect 'JSON: a list of lists' json '[len(v) for v in o["embeddings"]] == [64, 64] and o["dimensions"] == 64'
expect 'and how long the texts were' json 'o["token_counts"] == [12, 9] and o["dropped_token_counts"] == [0, 0]'
cp "$work/out" "$work/both.json"
printf '["hello world", "some text"]' >"$work/batch.json"
run "$kinglet" embed --model "$encoder" --batch "$work/batch.json" --json
expect 'a batch is the same' cmp "$work/out" "$work/both.json"
printf 'hello world\r\nsome text\n' >"$work/lines.txt"
run "$kinglet" embed --model "$encoder" --file "$work/lines.txt" --json
expect 'so are lines' cmp "$work/out" "$work/both.json"
feed 'hello world\nsome text' "$kinglet" embed --model "$encoder" --file - --json
expect 'also from the standard input' cmp "$work/out" "$work/both.json"
"$kinglet" embed --model "$encoder" --file "$work/lines.txt" --binary >"$work/both.f32"
expect 'binary has the same numbers' python3 -c 'import json, sys
a, b = json.load(open(sys.argv[1]))["embeddings"], eval(sys.argv[2])
sys.exit(max(abs(x - y) for x, y in zip(sum(a, []), b)) > 1e-6 or len(b) != 128)' "$work/both.json" "$(floats "$work/both.f32")"
run "$kinglet" embed --model "$encoder" --dump "$work/dump.f32" 'hello world' 'some text'
expect 'so has a file' cmp "$work/dump.f32" "$work/both.f32"
run "$kinglet" embed --model "$encoder" --dimensions 16 --json 'hello world'
expect 'fewer dimensions have unit length again' \
  json 'len(o["embeddings"][0]) == 16 and abs(sum(v * v for v in o["embeddings"][0]) - 1) < 1e-5'
run "$kinglet" embed --model "$encoder" --no-normalize --json 'hello world'
expect 'unless it is not wanted' json 'abs(sum(v * v for v in o["embeddings"][0]) - 1) > 1e-3'
run "$kinglet" embed --model "$encoder" --tokens 2,7,9,3 --pooling none --dump "$work/tokens.f32"
expect 'a vector for each token' same "$(wc -c <"$work/tokens.f32" | tr -d ' ')" $((4 * 64 * 4))
run "$kinglet" embed --model "$encoder" --tokens 2,7,9,3 --pooling cls --no-normalize --json
expect 'of which the first is that of the first token' python3 -c 'import json, sys
a, b = json.load(open(sys.argv[1]))["embeddings"][0], eval(sys.argv[2])
sys.exit(max(abs(x - y) for x, y in zip(a, b)) > 1e-6)' "$work/out" "$(floats "$work/tokens.f32")"
run "$kinglet" embed --model "$encoder" --pooling none --json 'hello world'
expect 'JSON has a list for each text then' json '[len(v) for v in o["embeddings"][0]] == [64] * o["token_counts"][0]'
run "$kinglet" embed --model "$encoder" --task nomic-query --json hello
counted=$(<"$work/out")
run "$kinglet" embed --model "$encoder" --prefix 'search_query: ' --json hello
expect 'a task is words before the text' same "$out" "$counted"
run "$kinglet" embed --model "$tiny" --json hello
expect 'a decoder embeds, too' json 'len(o["embeddings"][0]) == o["dimensions"]'
: >"$work/nothing.txt"
run "$kinglet" embed --model "$encoder" --file "$work/nothing.txt" --json
expect 'no texts, no vectors' json 'o["embeddings"] == []'

# Texts beyond the window.
printf 'hello %.0s' {1..300} >"$work/long.txt"
run "$kinglet" embed --model "$encoder" short "$(<"$work/long.txt")"
expect 'too long a text is named, with both lengths' complains 1 '128'
expect 'and counted from zero' says 'text 1'
run "$kinglet" embed --model "$encoder" --overflow truncate --json "$(<"$work/long.txt")"
expect 'or cut' json 'o["token_counts"] == [128] and o["dropped_token_counts"][0] > 100'
run "$kinglet" embed --model "$encoder" --overflow split --json "$(<"$work/long.txt")"
expect 'or split' json 'o["token_counts"][0] > 300 and o["dropped_token_counts"] == [0]'
run "$kinglet" embed --model "$encoder" --window 8 --overflow truncate --json "$(<"$work/long.txt")"
expect 'a shorter window' json 'o["token_counts"] == [8]'

run "$kinglet" similarity --model "$encoder" 'hello world' 'some text' 'hello world'
expect 'a table of cosines' prints '1.0000'
run "$kinglet" similarity --model "$encoder" --json 'hello world' 'some text' 'hello world'
expect 'JSON: a symmetric matrix' json 'o["cosines"][0][1] == o["cosines"][1][0] and abs(o["cosines"][0][2] - 1) < 1e-5'

run "$kinglet" inspect --json "$encoder"
expect 'inspect says what an encoder takes' json 'o["encoder"]["trained_context"] == 128 and o["encoder"]["pooling"] == "mean"'
run "$kinglet" bench --model "$encoder" --lengths 8,100 --batches 1,4 -r 2 --json
expect 'speed by length and batch' json '[(t["length"], t["batch"]) for t in o["tests"]] == [(8, 1), (8, 4), (100, 1), (100, 4)]'
expect 'in texts a second' json 'all(t["texts_per_second"]["median"] > 0 for t in o["tests"])'

# What cannot be.
run "$kinglet" embed --model "$encoder"
expect 'no text' misused '--file'
run "$kinglet" embed --model "$encoder" --json --binary hello
expect 'two forms at once' misused 'exclude'
run "$kinglet" embed --model "$encoder" --dimensions 65 hello
expect 'more dimensions than there are' complains 1 '64'
run "$kinglet" embed --model "$encoder" --dimensions 0 hello
expect 'no dimensions' complains 1 'dimensions'
run "$kinglet" embed --model "$encoder" --window 1000 hello
expect 'a window beyond the model' complains 1 '128'
run "$kinglet" embed --model "$encoder" --tokens 2,512
expect 'a token that is not there' complains 1 '512'
run "$kinglet" embed --model "$encoder" --tokens 2,two
expect 'a token that is no number' complains 1 'two'
run "$kinglet" embed --model "$encoder" --pooling rank hello
expect 'no head for ranks' complains 1 'rank'
run "$kinglet" rank --model "$encoder" query text
expect 'nor for this' complains 1 'cross-encoder'
run "$kinglet" embed --model "$encoder" --file "$work/absent.txt"
expect 'a file that is not there' complains 1 'absent.txt'
printf '{"a": 1}' >"$work/batch.json"
run "$kinglet" embed --model "$encoder" --batch "$work/batch.json"
expect 'another kind of JSON' complains 1 'array of strings'
run "$kinglet" embed --model "$encoder" --dump "$work/no-folder/dump.f32" hello
expect 'a place that is not there' complains 1 'no-folder'
run "$kinglet" generate --model "$encoder" hello
expect 'an encoder does not write' complains 1 'bert'

# Ctrl-C keeps what is there.
python3 -c 'print("hello world, some text\n" * 200000, end="")' >"$work/many.txt"
status=0
# In the foreground, or timeout would send the signal twice, and a second one ends the program at once.
timeout --foreground --signal=INT 5 "$kinglet" embed --model "$encoder" --file "$work/many.txt" --json \
  >"$work/out" 2>"$work/err" || status=$?
err=$(<"$work/err")
expect 'an interrupted object is closed' json 'o["interrupted"] and 0 < len(o["embeddings"]) < 200000'
finish
