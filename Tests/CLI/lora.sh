#!/usr/bin/env bash
# kinglet lora: adapters merged, converted and inspected, on the tiny model.
set -euo pipefail
# shellcheck source=Tests/CLI/support/kinglet.bash
source "$(dirname "${BASH_SOURCE[0]}")/support/kinglet.bash"

# make_adapter FOLDER COLUMNS [CONFIG]: random updates of the queries of two layers, the second of another scale.
make_adapter() {
  python3 - "$1" "$2" "${3:-{\}}" <<'PYTHON'
import json, os, random, struct, sys
folder, columns, more = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
os.makedirs(folder)
random.seed(1)
header, data = {}, b""
tensors = []
for layer in range(2):
    name = f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_"
    tensors += [(name + "A.weight", [2, columns]), (name + "B.weight", [64, 2])]
    if more.get("use_dora"):
        tensors.append((name + "magnitude_vector", [64]))
for name, shape in tensors:
    count = shape[0] * (shape[1] if len(shape) > 1 else 1)
    values = struct.pack(f"<{count}f", *(random.uniform(0.5, 1) for _ in range(count)))
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
    data += values
text = json.dumps(header).encode()
open(folder + "/adapter_model.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data)
config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "alpha_pattern": {"layers.1.self_attn.q_proj": 3}}
json.dump(config | more, open(folder + "/adapter_config.json", "w"))
PYTHON
}

# likelihood OPTIONS…: how well the model with them predicts some tokens.
likelihood() {
  "$kinglet" score --tokens 1,2,3,4,5 --matmul simd --json "$@" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["negative_log_likelihood"])'
}
# close A B: equal but for rounding.
close() { python3 -c 'import sys; a, b = map(float, sys.argv[1:]); sys.exit(abs(a - b) > 1e-5 * abs(b))' "$1" "$2"; }

# nothing_at PREFIX: no file or folder whose path begins so, finished or not.
nothing_at() { ! compgen -G "$1*" >/dev/null; }

make_adapter "$work/adapter" 64
plain=$(likelihood --model "$tiny")
adapted=$(likelihood --model "$tiny" --adapter "$work/adapter")
half=$(likelihood --model "$tiny" --adapter "$work/adapter=0.5")
expect 'the adapter changes something' test "$plain" != "$adapted"

run "$kinglet" lora inspect "$work/adapter"
expect 'an adapter is shown' prints 'peft'
expect 'with its layers, ranks and scales' prints 'attn_q   1          2  1.5000    64       64'
run "$kinglet" lora inspect "$work/adapter" --base "$tiny" --json
expect 'and fits its base' json 'o["base"]["fits"] and "problem" not in o'
expect 'in numbers' json '[(u["tensor"], u["rank"], u["scale"]) for u in o["updates"]] == [("blk.0.attn_q", 2, 2), ("blk.1.attn_q", 2, 1.5)] and o["bytes"] == 2048'
make_adapter "$work/wide" 128
run "$kinglet" lora inspect "$work/wide" --base "$tiny"
expect 'another base: both sides' says '64 x 128, the model has 64 x 64'
expect 'beside what it is' prints 'does not fit'
run "$kinglet" lora inspect "$work/wide" --base "$tiny" --json
expect 'which a script sees' exits 1
make_adapter "$work/odd" 64 '{"trainable_token_indices": [3]}'
run "$kinglet" lora inspect "$work/odd"
expect 'what is not applied is named' says 'trainable_token_indices'
expect 'beside what is in the file' prints 'layers.0.self_attn.q_proj.lora_A.weight'
run "$kinglet" lora inspect "$work/absent"
expect 'an adapter that is not there' complains 1 'absent'
run "$kinglet" lora inspect "$tiny"
expect 'a model is no adapter' complains 1 'not an adapter'

run "$kinglet" lora merge "$tiny" "$work/adapter" -o "$work/merged.gguf"
expect 'a merged model' prints '2 of 31 tensors changed'
expect 'says what the base says with the adapter' close "$(likelihood --model "$work/merged.gguf")" "$adapted"
run "$kinglet" lora merge "$tiny" "$work/adapter=0.5" -o "$work/merged.gguf" --json
expect 'at half its strength' close "$(likelihood --model "$work/merged.gguf")" "$half"
expect 'in numbers' json 'o["merged_tensors"] == 2'
run "$kinglet" lora merge "$tiny" "$work/adapter=0.25" "$work/adapter=0.75" -o "$work/merged.gguf" \
  --text "$source_root/LICENSE" --context 64 --json
expect 'several add up' close "$(likelihood --model "$work/merged.gguf")" "$adapted"
expect 'the perplexity shows it' json 'abs(o["merged_perplexity"] / o["unmerged_perplexity"] - 1) < 1e-5'
run "$kinglet" lora merge "$tiny" "$work/adapter" -o "$work/small.gguf" --type q8_0 --text "$source_root/LICENSE" -c 64
expect 'another type, and what it costs' prints 'difference'
run "$kinglet" inspect "$work/small.gguf" --json
expect 'is that of the tensors' json 'any(t["name"] == "blk.2.attn_q.weight" and t["type"] == "Q8_0" for t in o["tensors"])'
run "$kinglet" lora merge "$work/small.gguf" "$work/adapter=-1" -o "$work/back.gguf"
expect 'of a quantised base' exits 0
run "$kinglet" inspect "$work/back.gguf" --json
expect 'the types stay' json 'any(t["name"] == "blk.0.attn_q.weight" and t["type"] == "Q8_0" for t in o["tensors"])'

cp "$tiny" "$work/base.gguf"
run "$kinglet" lora merge "$work/base.gguf" "$work/adapter" -o "$work/base.gguf"
expect 'never over the base' complains 1 'written over'
expect 'which is as it was' cmp "$work/base.gguf" "$tiny"
run "$kinglet" lora merge "$tiny" "$work/adapter" -o "$work/adapter/adapter_model.safetensors"
expect 'nor over the adapter' complains 1 'written over'
run "$kinglet" lora merge "$tiny" "$work/wide" -o "$work/no.gguf"
expect 'another base is refused with both sides' complains 1 '64 x 128, the model has 64 x 64'
run "$kinglet" lora merge "$tiny" "$work/adapter=1e38" -o "$work/no.gguf" --type f16
expect 'sums beyond the type' complains 1 'blk.0.attn_q'
run "$kinglet" lora merge "$tiny" "$work/adapter" -o "$work/absent/no.gguf"
expect 'a folder that is not there' complains 1 'absent/no.gguf'
run "$kinglet" lora merge "$tiny" "$work/adapter" -o "$work/no.gguf" --text "$source_root/LICENSE" -c 100000
expect 'a text shorter than a chunk' complains 1 'fewer than one chunk'
run "$kinglet" lora merge "$tiny" -o "$work/no.gguf"
expect 'no adapter' misused 'adapter'
run "$kinglet" lora merge "$tiny" "$work/adapter" -o "$work/no.gguf" --type q9_z
expect 'an unknown type: the known ones' says 'Q4_K_M'
# limited COMMAND…: with no room for the whole file.
limited() (
  trap '' XFSZ
  ulimit -f 100
  "$@"
)
run limited "$kinglet" lora merge "$tiny" "$work/adapter" -o "$work/no.gguf"
expect 'no room' complains 1 'cannot be written'
expect 'nothing of all that is left behind' nothing_at "$work/no.gguf"

run "$kinglet" lora convert "$work/adapter" -o "$work/adapter.gguf" --to gguf --base "$tiny"
expect 'a GGUF adapter' prints 'peft to gguf'
expect 'says what it had to fold' says '1 of 2 updates have another scale'
expect 'and has the same effect' close "$(likelihood --model "$tiny" --adapter "$work/adapter.gguf")" "$adapted"
run "$kinglet" lora convert "$work/adapter.gguf" -o "$work/mlx" --to mlx --base "$tiny" --json
expect 'an MLX folder of that' json 'o["updates"] == 2 and o["format"] == "mlx"'
expect 'has the same effect' close "$(likelihood --model "$tiny" --adapter "$work/mlx")" "$adapted"
run "$kinglet" lora convert "$work/mlx" -o "$work/peft" --to peft
expect 'a PEFT folder of that' exits 0
expect 'has the same effect' close "$(likelihood --model "$tiny" --adapter "$work/peft")" "$adapted"
run "$kinglet" lora convert "$work/adapter" -o "$work/peft" --to peft
expect 'a folder with something in it is left alone' complains 1 'something already'
run "$kinglet" lora convert "$work/adapter" -o "$work/x.gguf" --to gguf
expect 'the base is missing' complains 1 '--base'
run "$kinglet" lora convert "$work/adapter.gguf" -o "$work/x" --to peft
expect 'for the order of rows too' complains 1 '--base'
make_adapter "$work/dora" 64 '{"use_dora": true}'
run "$kinglet" lora convert "$work/dora" -o "$work/x.gguf" --to gguf --base "$tiny"
expect 'what has no place in the format is named' complains 1 'blk.0.attn_q: weight-decomposed (DoRA)'
run "$kinglet" lora convert "$work/dora" -o "$work/dora-mlx" --to mlx
expect 'and goes where it has one' exits 0
expect 'with the same effect' \
  close "$(likelihood --model "$tiny" --adapter "$work/dora-mlx")" "$(likelihood --model "$tiny" --adapter "$work/dora")"
run "$kinglet" lora convert "$work/adapter" -o "$work/x" --to onnx
expect 'an unknown format: the known ones' misused 'peft'
expect 'nothing of all that is left behind' nothing_at "$work/x"
finish
