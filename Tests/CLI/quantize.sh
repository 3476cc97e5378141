#!/usr/bin/env bash
# Files that are quantised, the importance matrix for it, and what it costs.
set -euo pipefail
# shellcheck source=Tests/CLI/support/kinglet.bash
source "$(dirname "${BASH_SOURCE[0]}")/support/kinglet.bash"

small=$work/small.gguf
run "$kinglet" quantize "$tiny" "$small" q8_0
expect 'a file is quantised' prints 'bits a weight'
run "$kinglet" inspect "$small" --json
expect 'it has the type' json 'any(t["name"] == "blk.0.attn_q.weight" and t["type"] == "Q8_0" for t in o["tensors"])'
expect 'norms stay as they are' json 'any(t["name"] == "output_norm.weight" and t["type"] == "F32" for t in o["tensors"])'
run "$kinglet" generate --model "$small" -n 4 hello
expect 'and runs' exits 0
run "$kinglet" quantize "$tiny" "$small" Q4_K_M --json
expect 'rows that do not fill blocks get another type' \
  json 'any(t["is_fallback"] and t["target"] == "Q5_0" for t in o["tensors"]) and o["output_bytes"] < o["input_bytes"]'
cp "$small" "$work/first.gguf"
run "$kinglet" quantize "$tiny" "$small" Q4_K_M --threads 1
expect 'the same on one thread' cmp "$small" "$work/first.gguf"

run "$kinglet" quantize "$small" "$work/again.gguf" Q4_0
expect 'a quantised file is refused' complains 1 'is quantised already'
run "$kinglet" quantize "$small" "$work/again.gguf" Q4_0 --allow-requantize
expect 'unless that is allowed' exits 0
run "$kinglet" quantize "$tiny" "$small" Q9_Z
expect 'an unknown type: the known ones' says 'Q4_K_M'
run "$kinglet" quantize "$tiny" "$work/absent/x.gguf" Q4_0
expect 'a folder that is not there' complains 1 'absent/x.gguf'
run "$kinglet" quantize "$work/absent.gguf" "$work/x.gguf" Q4_0
expect 'a model that is not there' complains 1 'absent.gguf'

run "$kinglet" imatrix "$tiny" "$source_root/LICENSE" -o "$work/i.gguf" --context 64 --chunks 3 --json
expect 'an importance matrix' json 'o["entries"] == 21 and o["chunks"] == 3'
run "$kinglet" quantize "$tiny" "$small" Q4_0 --imatrix "$work/i.gguf"
expect 'is used' exits 0
run cmp "$small" "$work/again.gguf"
expect 'and changes the file' exits 1
run "$kinglet" quantize "$tiny" "$small" Q4_0 --imatrix "$tiny"
expect 'a file that is none is refused' complains 1 'imatrix'
run "$kinglet" imatrix "$tiny" "$source_root/LICENSE" -o "$work/i.gguf" --context 100000
expect 'a text shorter than a chunk' complains 1 'fewer than one chunk'

run "$kinglet" quantize "$tiny" "$small" Q8_0
run "$kinglet" compare-models "$tiny" "$small" "$source_root/LICENSE" --context 64 --json
expect 'what was lost' \
  json '0 < o["mean_divergence"] < 0.01 and o["top_agreement"] > 0.9 and abs(o["perplexity"] / o["reference_perplexity"] - 1) < 0.01'
run "$kinglet" compare-models "$tiny" "$tiny" "$source_root/LICENSE" --context 64
expect 'nothing, by itself' prints '100.00 %'
finish
