#!/usr/bin/env python3
"""The bf16 products of decoding, C[M,N] = A[M,K] B[N,K]^T, beside torch.matmul (cuBLASLt). Weights
rotate through more memory than the L2 holds, so that they come from HBM. "ahead": our call may
fetch its weights before the call in front of it has ended (programmatic dependent launch), as in a
model whose weights do not change; without it, launches do not overlap, as PyTorch's. The rate is
bytes over time, the floor the copy bandwidth of the same run. Source: shapes of the published
configurations of Llama-3-8B and -70B and Qwen2.5-7B.
"""
import math

import peers

WEIGHT_BYTES = 512e6  # of all sets of a case: 8 times the L2 of an H200
SHAPES = [("8B o", 4096, 4096), ("8B qkv", 6144, 4096), ("8B gate+up", 28672, 4096),
          ("8B down", 4096, 14336), ("70B qkv", 10240, 8192), ("70B o", 8192, 8192),
          ("70B up", 28672, 8192), ("70B down", 8192, 28672), ("Qwen-7B down", 3584, 18944),
          ("8B k", 1024, 4096)]
TOKENS = [1, 8, 16, 32, 64, 128]


def copy_bandwidth(options):
    """Bytes read and written a second, in TB/s, by an elementwise kernel over 1 GiB (a graph's copy
    node goes through a copy engine and reaches two thirds of it)."""
    import torch
    data = [torch.ones(1 << 28, device="cuda") for _ in range(2)]
    copy = lambda i: torch.neg(data[1], out=data[0])
    microseconds = peers.pair(copy, copy, 1, options.blocks, options.sample_ms)["ours_us"]
    return 2e-6 * (1 << 30) / microseconds


def copies(count, sets):
    """A copy that reads and writes `count` bytes in all, of buffers that rotate as the weights do:
    what the card gives a kernel of this size, its start and end included."""
    import torch
    words = max(1, int(count) // 8)
    data = [torch.ones(words, device="cuda") for _ in range(2 * sets)]

    def copy(i):  # returns nothing: there is nothing to compare
        torch.neg(data[2 * (i % sets)], out=data[2 * (i % sets) + 1])
    return copy


def weight_sets(n, k):
    """How many matrices of n x k bf16 are WEIGHT_BYTES, at least two."""
    return max(2, math.ceil(WEIGHT_BYTES / (2 * n * k)))


def workspace(checked, function, *arguments):
    import torch
    count = torch.zeros(1, dtype=torch.int64)
    checked(function, count, *arguments)
    return torch.zeros(int(count[0]), dtype=torch.uint8, device="cuda")


def error_of(got, want, largest):
    return None if got is None else float((got.double() - want).abs().max() / largest)


def product(checked, name, m, n, k, ahead, gated=False):
    import torch
    torch.manual_seed(1)
    sets = weight_sets(n, k)
    b = [torch.randn(n, k, device="cuda", dtype=torch.bfloat16) for _ in range(sets)]
    a = torch.randn(m, k, device="cuda", dtype=torch.bfloat16)
    columns = n // 2 if gated else n
    c, peer_c = (torch.empty(m, w, device="cuda", dtype=torch.bfloat16) for w in (columns, n))
    room = workspace(checked, "aisp_skinny_workspace", m)

    def ours(i):
        checked("aisp_skinny", a, b[i], c, None, None, room, m, n, k, int(gated), int(ahead),
                peers.stream())
        return c

    def matmul(i):
        torch.mm(a, b[i].t(), out=peer_c)
        if not gated:
            return peer_c
        return torch.nn.functional.silu(peer_c[:, :columns]) * peer_c[:, columns:]

    want = a.double() @ b[0].double().t()
    if gated:
        want = torch.nn.functional.silu(want[:, :columns]) * want[:, columns:]
    largest = want.abs().max()
    work = 2.0 * (n * k + m * k + m * columns)
    return peers.Case(name, ours, {"matmul": matmul, "copy": copies(work, sets)}, sets=sets,
                      unit="TB/s", error=lambda got: error_of(got, want, largest),
                      bound=2.0**-8, work=work,
                      facts={"m": m, "n": n, "k": k, "ahead": ahead, "gated": gated})


def main():
    options = peers.arguments(__doc__.splitlines()[0])
    checked = peers.load(options.library)
    print(f"copy {copy_bandwidth(options):.3f} TB/s")
    makers = []
    for label, n, k in SHAPES:
        for m in TOKENS:
            for ahead in (False, True):
                name = f"{label} {m}x{n}x{k}" + (" ahead" if ahead else "")
                makers.append((name, lambda name=name, m=m, n=n, k=k, ahead=ahead: product(
                    checked, name, m, n, k, ahead)))
    for m in (1, 16, 64):
        name = f"8B swiglu {m}x28672x4096"
        makers.append((name, lambda name=name, m=m: product(checked, name, m, 28672, 4096, False,
                                                            gated=True)))
    return peers.run(makers, options)


if __name__ == "__main__":
    raise SystemExit(main())
