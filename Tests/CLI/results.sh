#!/usr/bin/env bash
# What the program prints when all is well, as text and as JSON.
set -euo pipefail
# shellcheck source=Tests/CLI/support/kinglet.bash
source "$(dirname "${BASH_SOURCE[0]}")/support/kinglet.bash"

run "$kinglet" generate --model "$tiny" -n 12 hello
expect 'text is generated' test -n "$out"
first=$out
run "$kinglet" generate --model "$tiny" -n 12 hello
expect 'and greedily it is the same again' same "$out" "$first"
feed hello "$kinglet" generate --model "$tiny" -n 12 -
expect 'and from the standard input' same "$out" "$first"
run "$kinglet" generate --model "$tiny" -n 12 --temperature 1.5 --seed 7 hello
first=$out
run "$kinglet" generate --model "$tiny" -n 12 --temperature 1.5 --seed 7 hello
expect 'the same seed gives the same text' same "$out" "$first"
run "$kinglet" generate --model "$tiny" -n 12 --temperature 1.5 --seed 8 hello
expect 'another seed another' test "$out" != "$first"
run "$kinglet" generate --model "$tiny" -n 5 --json hello
expect 'JSON has text and tokens' json 'isinstance(o["text"], str) and len(o["tokens"]) == 5'
expect 'the reason of the end' json 'o["finish_reason"] == "length"'
expect 'what was used' json 'o["usage"]["generated_tokens"] == 5 and o["usage"]["prompt_tokens"] > 0'
expect 'and how long it took' json 'o["timings"]["prefill"] > 0 and o["timings"]["decode_tokens_per_second"] > 0'
run "$kinglet" generate --model "$tiny" --context 32 -n 1000 hello
expect 'a full context is told' says 'the context is full'
run "$kinglet" generate --model "$tiny" --chat --template "$template" -n 4 --json hello
expect 'a template of the caller makes a question' json 'o["usage"]["prompt_tokens"] > 5'

feed 'one\nover \\\n two lines\n"""\nin a\n\nblock\n"""\n/history\n/nonsense\n' \
  "$kinglet" chat --model "$tiny" --template "$template" -n 2
expect 'a chat without a terminal ends with its input' exits 0
expect 'a line is a message' prints 'user: one'
expect 'a backslash continues it' prints $'user: over \n two lines'
expect 'so do three quotation marks' prints $'user: in a\n\nblock'
expect 'an unknown command is refused' says '/nonsense'
printf 'word %.0s' {1..2000} >"$work/long.txt"
status=0
"$kinglet" chat --model "$tiny" --template "$template" <"$work/long.txt" >"$work/out" 2>"$work/err" || status=$?
out=$(<"$work/out") err=$(<"$work/err")
expect 'without a person a question that fails ends it' complains 1 'the context holds'

run "$kinglet" tokenize --model "$tiny" 'hello world'
expect 'a token a line' same "$(wc -l <"$work/out" | tr -d ' ')" 8
run "$kinglet" tokenize --model "$tiny" --json 'hello world'
expect 'ids and texts' json '"".join(o["texts"]) == "hello world" and len(o["ids"]) == 8'
printf '["hello world", "<eos>", ""]' >"$work/batch.json"
run "$kinglet" tokenize --model "$tiny" --batch "$work/batch.json"
expect 'a batch: control tokens are text' json 'len(o) == 3 and len(o[0]) == 8 and len(o[1]) > 1 and o[2] == []'
run "$kinglet" tokenize --model "$tiny" --special --batch "$work/batch.json"
expect 'unless asked for' json 'o[1] == [2]'
printf '{"a": 1}' >"$work/batch.json"
run "$kinglet" tokenize --model "$tiny" --batch "$work/batch.json"
expect 'another kind of JSON is refused' complains 1 'array of strings'

run "$kinglet" score --model "$tiny" --tokens 1,2,3 --top 2 --dump-logits "$work/logits.f32" --json
expect 'a log-probability for each token but the first' \
  json 'o["log_probabilities"][0] is None and all(p < 0 for p in o["log_probabilities"][1:])'
expect 'their sum' json 'abs(o["negative_log_likelihood"] + sum(o["log_probabilities"][1:])) < 1e-9'
expect 'the best next tokens' \
  json '[len(t) for t in o["top"]] == [2, 2, 2] and o["top"][0][0]["logit"] >= o["top"][0][1]["logit"]'
expect 'and all logits' same "$(wc -c <"$work/logits.f32" | tr -d ' ')" $((3 * 512 * 4))
cp "$work/logits.f32" "$work/first.f32"
feed '1, 2\n3\n' "$kinglet" score --model "$tiny" --tokens - --dump-logits "$work/logits.f32"
expect 'ids may come from the standard input' cmp "$work/first.f32" "$work/logits.f32"
run "$kinglet" score --model "$tiny" --tokens 5
expect 'one token is scored too' exits 0
run "$kinglet" perplexity --model "$tiny" --context 16 --json "$source_root/LICENSE"
expect 'perplexity of a text' json 'o["perplexity"] > 1 and o["scored_tokens"] == 7 * o["chunks"] == 7 * len(o["running"])'

run "$kinglet" inspect "$tiny"
expect 'what a file holds' prints 'architecture   llama'
run "$kinglet" inspect "$tiny" --json
expect 'also as JSON' json 'o["architecture"] == "llama" and o["tokenizer"]["tokens"] == 512 and not o["has_chat_template"]'
run "$kinglet" models --json
expect 'the catalogue' json 'sum(m["is_default"] for m in o["models"]) == 1 and o["models"][0]["presence"] == "absent"'
run "$kinglet" doctor --json
expect 'the machine' json 'o["machine"]["cores"] == o["threads"]["used"] >= 1'
expect 'what its processor can do' json 'isinstance(o["processor_features"], list) and o["best_instruction_set"]'
run "$kinglet" doctor
expect 'for people too' prints 'folders of models'
run "$kinglet" bench --model "$tiny" -p 8 -n 4 --threads 1,2 --repetitions 2 --json
expect 'a benchmark for each number of threads' \
  json '[(t["name"], t["threads"]) for t in o["tests"]] == [("pp8", 1), ("tg4", 1), ("pp8", 2), ("tg4", 2)]'
expect 'with speeds' json 'all(r["min"] <= r["median"] <= r["max"] for r in (t["tokens_per_second"] for t in o["tests"]))'
expect 'and memory' json 'o["peak_memory_bytes"] > 1 << 20'
run "$kinglet" bench --model "$tiny" -p 8 -n 4 --depth 0,30 --repetitions 1 --roofline --format json
expect 'at some depths' json '[t["name"] for t in o["tests"]] == ["pp8", "tg4", "pp8 @ d30", "tg4 @ d30"]'
expect 'beside what the machine can do' \
  json 'all(o["roofline"][k] > 0 for k in ("read_gb_per_s", "sgemm_gflop_per_s")) and all(t["share_of_read"] > 0 for t in o["tests"])'
run "$kinglet" bench --model "$tiny" -p 8 -n 0 --repetitions 1 --format csv
expect 'a benchmark as CSV: names and a test' same "$(wc -l <"$work/out" | tr -d ' ')" 2
expect 'with as many cells as names' test "$(head -n 1 <<<"$out" | tr -cd , | wc -c)" = "$(tail -n 1 <<<"$out" | tr -cd , | wc -c)"
run "$kinglet" bench --model "$tiny" -p 8 --repetitions 1 --compare-matmul --format json
expect 'both paths of each product' json 'all(p["simd_gop_per_s"]["median"] > 0 for p in o["products"])'
run "$kinglet" bench --model "$tiny" -p 8 -n 0 --repetitions 1 --roofline
expect 'or for people, with the limits' prints 'At most, with'

model=$real_models/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf
if [[ -f $model ]]; then
  KINGLET_MODELS=$real_models run "$kinglet" generate --chat 'What is the capital of Denmark?'
  expect 'the default model answers' prints Copenhagen
  run "$kinglet" generate --model "$model" --chat --json 'What is the capital of Denmark?'
  expect 'and ends by itself' json 'o["finish_reason"] == "stop_token"'
fi
finish
