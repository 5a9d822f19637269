#!/usr/bin/env python3
"""Products with 4- and 8-bit weights for few tokens beside what PyTorch has: its int4 weight-only
kernel (_weight_int4pack_mm, groups of 128; tinygemm), its int8 one, and the bf16 matmul that the
quantised weights replace, and a copy of as many bytes. Weights rotate through more memory than the
L2 holds. "ahead": as in skinny.py. The rate is our packed bytes, scales included, over time; the
floor is the copy bandwidth of the same run. Source: shapes as in skinny.py.
"""
import peers
import skinny

FORMATS = {"int8": 0, "int8 g128": 1, "q8_0": 2, "int4 g128": 3, "int4 g128 zeros": 4, "q4_0": 5}
BITS = {"int8": 8, "int8 g128": 8, "q8_0": 8, "int4 g128": 4, "int4 g128 zeros": 4, "q4_0": 4}
GROUP = {"int8": 0, "int8 g128": 128, "q8_0": 32, "int4 g128": 128, "int4 g128 zeros": 128,
         "q4_0": 32}
ROWS = 1024  # that are quantised and packed; the matrix repeats them
SHAPES = [("8B o", 4096, 4096), ("8B gate+up", 28672, 4096), ("8B down", 4096, 14336),
          ("70B o", 8192, 8192), ("70B up", 28672, 8192), ("70B down", 8192, 28672)]


def weights(checked, kind, n, k):
    """Packed bytes on the device, and the ROWS x k weights in double, with what peers need."""
    import torch
    torch.manual_seed(2)
    group = GROUP[kind] or k
    scales = (torch.rand(ROWS, k // group) * 0.01 + 0.001).bfloat16().float()
    zeros = None
    if BITS[kind] == 8:
        q = torch.randint(-128, 128, (ROWS, k), dtype=torch.int8)
        levels, plain = q.double(), q
    else:
        q = torch.randint(0, 16, (ROWS, k), dtype=torch.uint8)
        offset = 8.0
        if "zeros" in kind:
            zeros = torch.randint(0, 16, (ROWS, k // group), dtype=torch.uint8)
            offset = zeros.double().repeat_interleave(group, 1)
        levels, plain = q.double() - offset, q[:, ::2] | q[:, 1::2] << 4
    count = torch.zeros(1, dtype=torch.int64)
    checked("aisp_gemv_packed_bytes", count, FORMATS[kind], ROWS, k)
    packed = torch.empty(int(count[0]), dtype=torch.uint8)
    checked("aisp_gemv_pack", packed, plain.contiguous(), scales, zeros, FORMATS[kind], ROWS, k)
    tail = 2 * ROWS if GROUP[kind] == 0 else 0  # a scale for each row follows all units
    repeat = n // ROWS
    body = packed[:len(packed) - tail].repeat(repeat)
    packed = torch.cat([body, packed[len(packed) - tail:].repeat(repeat)]).cuda()
    return packed, (levels * scales.double().repeat_interleave(group, 1)).cuda(), q, scales


def product(checked, name, kind, m, n, k, ahead):
    import torch
    packed, plain, q, scales = weights(checked, kind, n, k)
    sets = max(2, -(-int(skinny.WEIGHT_BYTES) // len(packed)))
    w = [packed] + [packed.clone() for _ in range(sets - 1)]
    a = torch.randn(m, k, device="cuda", dtype=torch.bfloat16)
    c = torch.empty(m, n, device="cuda", dtype=torch.bfloat16)
    room = skinny.workspace(checked, "aisp_gemv_workspace")

    def ours(i):
        checked("aisp_gemv", a, w[i], c, room, FORMATS[kind], m, n, k, int(ahead), peers.stream())
        return c

    wide = [plain.bfloat16().repeat(n // ROWS, 1) for _ in range(skinny.weight_sets(n, k))]
    against = {"bf16 matmul": lambda i: torch.mm(a, wide[i % len(wide)].t())}
    if kind == "int4 g128":
        turned = (q[:, ::2] << 4 | q[:, 1::2]).repeat(n // ROWS, 1).cuda()
        tiny = [torch.ops.aten._convert_weight_to_int4pack(turned, 8) for _ in range(sets)]
        both = torch.stack([scales.t(), torch.zeros_like(scales.t())], 2).bfloat16()
        both = both.repeat(1, n // ROWS, 1).contiguous().cuda()
        against["torch int4"] = lambda i: torch.ops.aten._weight_int4pack_mm(a, tiny[i], 128, both)
    if kind == "int8":
        rows = q.repeat(n // ROWS, 1).cuda()
        turns = [rows.clone() for _ in range(sets)]
        row_scales = scales[:, 0].bfloat16().repeat(n // ROWS).cuda()
        against["torch int8"] = lambda i: torch.ops.aten._weight_int8pack_mm(a, turns[i],
                                                                            row_scales)
    work = float(len(packed) + 2 * m * (n + k))
    against["copy"] = skinny.copies(work, sets)
    want = (a.double() @ plain.t()).repeat(1, n // ROWS)
    largest = want.abs().max()
    return peers.Case(name, ours, against, sets=sets, unit="TB/s",
                      error=lambda got: skinny.error_of(got, want, largest),
                      bound=2.0**-8, work=work,
                      facts={"m": m, "n": n, "k": k, "format": kind, "ahead": ahead})


def main():
    options = peers.arguments(__doc__.splitlines()[0])
    checked = peers.load(options.library)
    print(f"copy {skinny.copy_bandwidth(options):.3f} TB/s")
    makers = []

    def add(kind, label, m, n, k, ahead):
        name = f"{kind} {label} {m}x{n}x{k}" + (" ahead" if ahead else "")
        makers.append((name, lambda: product(checked, name, kind, m, n, k, ahead)))

    for label, n, k in SHAPES:
        for kind in ("int8", "int4 g128"):
            for m in (1, 8, 16):
                for ahead in (False, True):
                    add(kind, label, m, n, k, ahead)
    for kind in ("int8 g128", "q8_0", "int4 g128 zeros", "q4_0"):
        add(kind, "70B up", 8, 28672, 8192, True)
    return peers.run(makers, options)


if __name__ == "__main__":
    raise SystemExit(main())
