#!/usr/bin/env bash
# kinglet convert: a folder made here becomes a file that can be inspected; what is no folder is refused.
set -euo pipefail
# shellcheck source=Tests/CLI/support/kinglet.bash
source "$(dirname "${BASH_SOURCE[0]}")/support/kinglet.bash"

# A BERT of one layer, four wide, with all weights zero.
make_folder() {
  python3 - "$1" <<'PYTHON'
import json, math, os, struct, sys
folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
config = {"architectures": ["BertModel"], "hidden_act": "gelu", "hidden_size": 4, "intermediate_size": 8,
          "layer_norm_eps": 1e-12, "max_position_embeddings": 6, "num_attention_heads": 2, "num_hidden_layers": 1,
          "type_vocab_size": 2, "vocab_size": 5}
shapes = {"embeddings.word_embeddings.weight": [5, 4], "embeddings.position_embeddings.weight": [6, 4],
          "embeddings.token_type_embeddings.weight": [2, 4]}
layer = "encoder.layer.0."
for name, out, inputs in [("attention.self.query", 4, 4), ("attention.self.key", 4, 4), ("attention.self.value", 4, 4),
                          ("attention.output.dense", 4, 4), ("intermediate.dense", 8, 4), ("output.dense", 4, 8)]:
    shapes.update({f"{layer}{name}.weight": [out, inputs], f"{layer}{name}.bias": [out]})
for name in ["embeddings.LayerNorm", layer + "attention.output.LayerNorm", layer + "output.LayerNorm"]:
    shapes.update({f"{name}.weight": [4], f"{name}.bias": [4]})
header, offset = {}, 0
for name, shape in shapes.items():
    end = offset + 4 * math.prod(shape)
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, end]}
    offset = end
text = json.dumps(header).encode()
with open(f"{folder}/model.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + bytes(offset))
json.dump(config, open(f"{folder}/config.json", "w"))
PYTHON
}

make_folder "$work/bird"
run "$kinglet" convert "$work/bird" -o "$work/bird.gguf"
expect 'a folder is converted' same "$status $err" '0 '
expect 'and what it became is told' prints 'bert'
run "$kinglet" inspect "$work/bird.gguf"
expect 'the file can be read' prints 'F32'
run "$kinglet" convert "$work/bird" --output "$work/bird-f16.gguf" --type f16
expect 'weights can be stored otherwise' exits 0
run "$kinglet" inspect "$work/bird-f16.gguf"
expect 'and are' prints 'F16'
run "$kinglet" inspect "$work/bird"
expect 'a folder can be given in the place of a file' prints 'bert'
expect 'for which it is converted in the cache' test -f "$work"/cache/kinglet/converted/bird-*.gguf

run "$kinglet" convert "$work/bird"
expect 'no place to write' misused 'output'
run "$kinglet" convert "$work/bird" -o "$work/x.gguf" --type q9
expect 'a type that is none' misused 'q9'
run "$kinglet" convert "$work/absent" -o "$work/x.gguf"
expect 'a folder that is not there' complains 1 'absent'
printf '{' >"$work/bird/config.json"
run "$kinglet" convert "$work/bird" -o "$work/x.gguf"
expect 'a broken configuration' complains 1 'config.json'
make_folder "$work/bird"
head -c 500 "$work/bird/model.safetensors" >"$work/half" && mv "$work/half" "$work/bird/model.safetensors"
run "$kinglet" convert "$work/bird" -o "$work/x.gguf"
expect 'weights cut short' complains 1 'model.safetensors'
expect 'nothing is left behind' absent "$work/x.gguf"
finish
