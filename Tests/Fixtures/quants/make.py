#!/usr/bin/env python3
"""Writes blocks.json: random blocks of each type and their values, from the formulas of the formats.

Independent of the Swift code on purpose: it reads bits with big integers, one value at a time, and rounds every product
and sum to single precision. The types of code books and of few bits are read by the package gguf (0.19), which has its own
code for them. Usage: pip install gguf; python3 make.py > blocks.json
"""
import json
import random
import struct

import gguf
import numpy

LEVELS = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]


def f32(x):
    """x, exact in double precision or a sum of two singles, rounded to single precision."""
    return struct.unpack("<f", struct.pack("<f", x))[0]


def half(data, at):
    return struct.unpack_from("<e", data, at)[0]


def bits(data, start, width):
    """`width` bits from bit `start` of data, counted from the lowest bit of the first byte."""
    return int.from_bytes(data, "little") >> start & (1 << width) - 1


def nibble32(data, i):
    """Nibble i of 32: low nibbles of 16 bytes, then the high ones."""
    return data[i % 16] >> (4 if i >= 16 else 0) & 15


def six_bit(packed, g):
    """(scale, minimum) of group g of Q4_K and Q5_K."""
    if g < 4:
        return packed[g] % 64, packed[g + 4] % 64
    return packed[g + 4] % 16 + packed[g - 4] // 64 * 16, packed[g + 4] // 16 + packed[g] // 64 * 16


def affine(scale, s, q, minimum_scale, m):
    return f32(f32(f32(scale * s) * q) - f32(minimum_scale * m))


def q4_0(b):
    return [f32((nibble32(b[2:], i) - 8) * half(b, 0)) for i in range(32)]


def q4_1(b):
    return [f32(f32(nibble32(b[4:], i) * half(b, 0)) + half(b, 2)) for i in range(32)]


def q5_0(b):
    return [f32((nibble32(b[6:], i) + 16 * bits(b[2:6], i, 1) - 16) * half(b, 0)) for i in range(32)]


def q5_1(b):
    return [f32(f32((nibble32(b[8:], i) + 16 * bits(b[4:8], i, 1)) * half(b, 0)) + half(b, 2)) for i in range(32)]


def q8_0(b):
    return [f32(struct.unpack_from("<b", b, 2 + i)[0] * half(b, 0)) for i in range(32)]


def q2_k(b):
    scales, quants, d, dmin = b[:16], b[16:80], half(b, 80), half(b, 82)
    out = []
    for i in range(256):
        s = scales[i // 16]
        q = bits(quants[32 * (i // 128) + i % 32:][:1], 2 * (i % 128 // 32), 2)
        out.append(affine(d, s % 16, q, dmin, s // 16))
    return out


def q3_k(b):
    high, quants, packed, d = b[:32], b[32:96], b[96:108], half(b, 108)
    out = []
    for i in range(256):
        g = i // 16
        s = bits(packed, 8 * (g % 8) + 4 * (g // 8), 4) + 16 * bits(packed, 64 + 8 * (g % 4) + 2 * (g // 4), 2)
        q = bits(quants[32 * (i // 128) + i % 32:][:1], 2 * (i % 128 // 32), 2) + 4 * bits(high[i % 32:], i // 32, 1)
        out.append(f32(f32(d * (s - 32)) * (q - 4)))
    return out


def q4_k(b):
    out = []
    for i in range(256):
        s, m = six_bit(b[4:16], i // 32)
        q = bits(b[16:], 8 * (i // 64 * 32 + i % 32) + 4 * (i // 32 % 2), 4)
        out.append(affine(half(b, 0), s, q, half(b, 2), m))
    return out


def q5_k(b):
    out = []
    for i in range(256):
        s, m = six_bit(b[4:16], i // 32)
        q = bits(b[48:], 8 * (i // 64 * 32 + i % 32) + 4 * (i // 32 % 2), 4) + 16 * bits(b[16:48], 8 * (i % 32) + i // 32, 1)
        out.append(affine(half(b, 0), s, q, half(b, 2), m))
    return out


def q6_k(b):
    low, high, scales, d = b[:128], b[128:192], b[192:208], half(b, 208)
    out = []
    for i in range(256):
        h, j, l = i // 128, i % 128 // 32, i % 32
        q = bits(low, 8 * (64 * h + 32 * (j % 2) + l) + 4 * (j // 2), 4) + 16 * bits(high, 8 * (32 * h + l) + 2 * j, 2)
        s = struct.unpack_from("<b", scales, i // 16)[0]
        out.append(f32(f32(d * s) * (q - 32)))
    return out


def iq4_nl(b):
    return [f32(half(b, 0) * LEVELS[nibble32(b[2:], i)]) for i in range(32)]


def iq4_xs(b):
    out = []
    for i in range(256):
        g = i // 32
        s = bits(b[4:8], 4 * g, 4) + 16 * bits(b[2:4], 2 * g, 2) - 32
        out.append(f32(f32(half(b, 0) * s) * LEVELS[nibble32(b[8 + 16 * g:], i % 32)]))
    return out


def q1_0(b):
    return [half(b, 0) * (1 if bits(b[2:], i, 1) else -1) for i in range(128)]


def q2_0(b):
    return [half(b, 0) * (bits(b[2:], 2 * i, 2) - 1) for i in range(64)]


def by_gguf(name):
    kind = gguf.GGMLQuantizationType[name]
    return lambda b: gguf.quants.dequantize(numpy.frombuffer(b, numpy.uint8), kind).tolist()


# Name: formula, bytes per block, where its halves lie.
TYPES = {
    "F32": (lambda b: list(struct.unpack("<f", b)), 4, []),
    "F16": (lambda b: [half(b, 0)], 2, [0]),
    "BF16": (lambda b: list(struct.unpack("<f", b"\0\0" + b)), 2, []),
    "Q4_0": (q4_0, 18, [0]), "Q4_1": (q4_1, 20, [0, 2]), "Q5_0": (q5_0, 22, [0]), "Q5_1": (q5_1, 24, [0, 2]),
    "Q8_0": (q8_0, 34, [0]), "Q2_K": (q2_k, 84, [80, 82]), "Q3_K": (q3_k, 110, [108]), "Q4_K": (q4_k, 144, [0, 2]),
    "Q5_K": (q5_k, 176, [0, 2]), "Q6_K": (q6_k, 210, [208]), "IQ4_NL": (iq4_nl, 18, [0]), "IQ4_XS": (iq4_xs, 136, [0]),
    "Q1_0": (q1_0, 18, [0]), "Q2_0": (q2_0, 18, [0]),
} | {
    name: (by_gguf(name), size, halves)
    for name, size, halves in [
        ("IQ1_S", 50, [0]), ("IQ1_M", 56, []), ("IQ2_XXS", 66, [0]), ("IQ2_XS", 74, [0]), ("IQ2_S", 82, [0]),
        ("IQ3_XXS", 98, [0]), ("IQ3_S", 110, [0]), ("TQ1_0", 54, [52]), ("TQ2_0", 66, [64]), ("MXFP4", 17, []),
        ("NVFP4", 36, []),
    ]
}


def random_block(rng, size, halves):
    """Random bytes, with finite numbers where numbers are: ordinary, subnormal and largest halves."""
    block = bytearray(rng.randbytes(size))
    for at in halves:
        x = rng.choice([rng.gauss(0, 0.02), rng.gauss(0, 3), rng.uniform(-6e-5, 6e-5), 65504.0])
        struct.pack_into("<e", block, at, x)
    return bytes(block)


def main():
    rng = random.Random(20)
    result = {}
    for name, (formula, size, halves) in TYPES.items():
        count = 48 if size <= 4 else 4 if size <= 34 else 3
        blocks = []
        while len(blocks) < count:
            block = random_block(rng, size, halves)
            if all(v == v for v in formula(block)):
                blocks.append(block)
        values = [v for block in blocks for v in formula(block)]
        result[name] = {"blocks": b"".join(blocks).hex(), "values": struct.pack(f"<{len(values)}f", *values).hex()}
    print(json.dumps(result, indent=0))


if __name__ == "__main__":
    main()
