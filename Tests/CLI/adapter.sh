#!/usr/bin/env bash
# --adapter: a PEFT folder made here, on the tiny model.
set -euo pipefail
# shellcheck source=Tests/CLI/support/kinglet.bash
source "$(dirname "${BASH_SOURCE[0]}")/support/kinglet.bash"

# make_adapter FOLDER COLUMNS: random updates of the queries of the first layer.
make_adapter() {
  python3 - "$1" "$2" <<'PYTHON'
import json, os, random, struct, sys
folder, columns = sys.argv[1], int(sys.argv[2])
os.makedirs(folder)
random.seed(1)
name = "base_model.model.model.layers.0.self_attn.q_proj.lora_"
header, data = {}, b""
for part, shape in [("A", [2, columns]), ("B", [64, 2])]:
    values = struct.pack(f"<{shape[0] * shape[1]}f", *(random.uniform(-1, 1) for _ in range(shape[0] * shape[1])))
    header[name + part + ".weight"] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
    data += values
text = json.dumps(header).encode()
open(folder + "/adapter_model.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data)
json.dump({"peft_type": "LORA", "r": 2, "lora_alpha": 4}, open(folder + "/adapter_config.json", "w"))
PYTHON
}

make_adapter "$work/adapter" 64
likelihood() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["negative_log_likelihood"])' "$work/out"; }

run "$kinglet" score --model "$tiny" --tokens 1,2,3,4,5 --json
plain=$(likelihood)
run "$kinglet" score --model "$tiny" --adapter "$work/adapter" --tokens 1,2,3,4,5 --json
adapted=$(likelihood)
expect 'an adapter changes what the model says' test "$plain" != "$adapted"
run "$kinglet" score --model "$tiny" --adapter "$work/adapter=0" --tokens 1,2,3,4,5 --json
expect 'of no strength it does not' same "$(likelihood)" "$plain"
run "$kinglet" score --model "$tiny" --adapter "$work/adapter=1" --tokens 1,2,3,4,5 --json
expect 'of full strength it is as without a number' same "$(likelihood)" "$adapted"
run "$kinglet" generate --model "$tiny" --adapter "$work/adapter=0.5" --adapter "$work/adapter=0.5" -n 8 hello
twice=$out
run "$kinglet" generate --model "$tiny" --adapter "$work/adapter" -n 8 hello
expect 'two halves are a whole' same "$out" "$twice"
run "$kinglet" bench --model "$tiny" --adapter "$work/adapter" -p 8 -n 4 -r 1 --parallel 1,3 --json
expect 'its speed' json '[t["name"] for t in o["tests"]] == ["pp8", "tg4", "tg4 x 3"]'

feed "one\n/adapter $work/adapter=0.5\n/adapter\ntwo\n/adapter none\n/adapter\n/adapter $work/absent\n" \
  "$kinglet" chat --model "$tiny" --template "$template" -n 2
expect 'a chat takes and lists them' prints "$work/adapter=0.5"
expect 'and lets go of them' prints 'no adapter'
expect 'and goes on after one that is not there' says 'absent'

make_adapter "$work/other" 128
run "$kinglet" generate --model "$tiny" --adapter "$work/other" hello
expect 'another base is refused with both sides' complains 1 '64 x 128, the model has 64 x 64'
run "$kinglet" generate --model "$tiny" --adapter "$work/absent" hello
expect 'an adapter that is not there' complains 1 'absent'
run "$kinglet" generate --model "$tiny" --adapter "$tiny" hello
expect 'a model is no adapter' complains 1 'not an adapter'
mv "$work/other/adapter_model.safetensors" "$work/other/adapter_model.bin"
run "$kinglet" generate --model "$tiny" --adapter "$work/other" hello
expect 'pickled weights are refused with the reason' complains 1 'programs'
finish
