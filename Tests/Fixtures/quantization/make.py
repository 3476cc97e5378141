"""Makes types.json: the types that llama.cpp (llama-cpp-python 0.3.36) gives the tensors of toy models.

  python make.py            needs llama-cpp-python, gguf and numpy
"""
import ctypes
import json
import os
import tempfile

import gguf
import llama_cpp
import numpy as np

TYPES = {
    "F32": 0, "F16": 1, "BF16": 32, "Q8_0": 7, "Q6_K": 18, "Q5_K_M": 17, "Q5_K_S": 16, "Q5_1": 9, "Q5_0": 8, "Q4_K_M": 15, "Q4_K_S": 14,
    "Q4_1": 3, "Q4_0": 2, "IQ4_NL": 25, "IQ4_XS": 30, "Q3_K_L": 13, "Q3_K_M": 12, "Q3_K_S": 11, "Q2_K": 10,
}
#         layers, heads, key heads, hidden, feed forward, tied, experts
MODELS = {
    "plain": (16, 2, 2, 256, 512, False, 0),
    "shared": (18, 8, 2, 256, 512, True, 0),
    "narrow": (9, 3, 1, 96, 256, True, 0),
    "odd": (8, 2, 2, 40, 48, False, 0),
    "experts": (16, 4, 2, 256, 256, False, 8),
    "large": (80, 4, 2, 256, 256, False, 0),
}


def tensors(layers, heads, key_heads, hidden, feed, tied, experts):
    keys = hidden * key_heads // heads
    yield "token_embd.weight", (32, hidden)
    if not tied:
        yield "output.weight", (32, hidden)
    yield "output_norm.weight", (hidden,)
    for i in range(layers):
        b = f"blk.{i}."
        yield b + "attn_norm.weight", (hidden,)
        yield b + "attn_q.weight", (hidden, hidden)
        yield b + "attn_k.weight", (keys, hidden)
        yield b + "attn_v.weight", (keys, hidden)
        yield b + "attn_output.weight", (hidden, hidden)
        yield b + "ffn_norm.weight", (hidden,)
        suffix, outer = ("_exps.weight", (experts,)) if experts else (".weight", ())
        if experts:
            yield b + "ffn_gate_inp.weight", (experts, hidden)
        yield b + "ffn_gate" + suffix, outer + (feed, hidden)
        yield b + "ffn_up" + suffix, outer + (feed, hidden)
        yield b + "ffn_down" + suffix, outer + (hidden, feed)


def write(path, layers, heads, key_heads, hidden, feed, tied, experts):
    w = gguf.GGUFWriter(path, "llama")
    w.add_block_count(layers)
    w.add_context_length(64)
    w.add_embedding_length(hidden)
    w.add_feed_forward_length(feed)
    w.add_head_count(heads)
    w.add_head_count_kv(key_heads)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_vocab_size(32)
    if experts:
        w.add_expert_count(experts)
        w.add_expert_used_count(2)
    for name, shape in tensors(layers, heads, key_heads, hidden, feed, tied, experts):
        w.add_tensor(name, np.ones(shape, np.float32))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def quantize(source, target, number, importance):
    p = llama_cpp.llama_model_quantize_default_params()
    p.ftype, p.nthread = number, 1
    if importance:
        class Entry(ctypes.Structure):
            _fields_ = [("name", ctypes.c_char_p), ("data", ctypes.c_void_p), ("size", ctypes.c_size_t)]
        # An entry for no tensor: types depend on whether there is a matrix, not on what is in it.
        one = np.ones(1, np.float32)
        entries = (Entry * 2)(Entry(b"none", one.ctypes.data, 1))
        p.imatrix = ctypes.cast(entries, type(p.imatrix))
    assert llama_cpp.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(p)) == 0
    return {t.name: t.tensor_type.name for t in gguf.GGUFReader(target).tensors}


result = {}
with tempfile.TemporaryDirectory() as folder:
    source, target = os.path.join(folder, "a.gguf"), os.path.join(folder, "b.gguf")
    for model, shape in MODELS.items():
        write(source, *shape)
        numbers = ["layers", "heads", "key_heads", "hidden", "feed_forward", "tied", "experts"]
        entry = result[model] = dict(zip(numbers, shape))
        for importance in (False, True):
            table = entry["with_importance" if importance else "types"] = {}
            for name, number in TYPES.items():
                found = quantize(source, target, number, importance)
                # Layers with the same types are told once: "0-3,7" has the types that follow.
                base = {k: v for k, v in found.items() if not k.startswith("blk.")}
                groups = {}
                for i in range(shape[0]):
                    types = {k.split(".", 2)[2]: v for k, v in found.items() if k.startswith(f"blk.{i}.") and "norm" not in k}
                    groups.setdefault(json.dumps(types, sort_keys=True), []).append(i)
                table[name] = {"base": base, "layers": [{"numbers": n, "types": json.loads(t)} for t, n in groups.items()]}
for entry in result.values():  # Where importance changes nothing, it is not told.
    entry["with_importance"] = {k: v for k, v in entry["with_importance"].items() if v != entry["types"][k]}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "types.json"), "w") as f:
    json.dump(result, f, sort_keys=True, separators=(",", ":"))
    f.write("\n")
