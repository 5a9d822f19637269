#!/usr/bin/env python3
"""Writes block_vectors.txt: random blocks of each stored type, and what llama.cpp's library says
they mean. The test compares our loops with these bits; nothing of that library is built or linked.

    make_block_vectors.py path/to/libggml-base.so > block_vectors.txt
"""
import ctypes
import random
import struct
import sys

# name: number in GGUF, elements, bytes, offsets of the 16-bit floats in a block
TYPES = {
    "f16": (1, 1, 2, [0]),
    "bf16": (30, 1, 2, []),
    "q4_0": (2, 32, 18, [0]),
    "q4_1": (3, 32, 20, [0, 2]),
    "q5_0": (6, 32, 22, [0]),
    "q5_1": (7, 32, 24, [0, 2]),
    "q8_0": (8, 32, 34, [0]),
    "q2_k": (10, 256, 84, [80, 82]),
    "q3_k": (11, 256, 110, [108]),
    "q4_k": (12, 256, 144, [0, 2]),
    "q5_k": (13, 256, 176, [0, 2]),
    "q6_k": (14, 256, 210, [208]),
}


class Traits(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("block_elements", ctypes.c_int64),
        ("interleave", ctypes.c_int64),
        ("block_bytes", ctypes.c_size_t),
        ("is_quantized", ctypes.c_bool),
        ("to_float", ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int64)),
    ]


def main():
    library = ctypes.CDLL(sys.argv[1])
    library.ggml_get_type_traits.restype = ctypes.POINTER(Traits)
    rng = random.Random(20240229)
    for name, (number, elements, size, halves) in TYPES.items():
        traits = library.ggml_get_type_traits(number).contents
        assert (traits.block_elements, traits.block_bytes) == (elements, size), name
        for _ in range(2 if elements > 1 else 16):
            block = bytearray(rng.randbytes(size))
            for offset in halves:
                block[offset : offset + 2] = struct.pack("<e", rng.gauss(0.0, 0.02))
            if name == "bf16":
                block = bytearray(struct.pack("<f", rng.gauss(0.0, 1.0))[2:])
            out = (ctypes.c_float * elements)()
            traits.to_float(bytes(block), ctypes.addressof(out), elements)
            print(name, bytes(block).hex(), bytes(out).hex())


main()
