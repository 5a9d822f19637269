#!/usr/bin/env python3
"""Attention forward beside PyTorch's backends of scaled_dot_product_attention: cuDNN, flash,
memory-efficient. Shapes of real models, random data, tensors as [B, T, H, D]; the packed case meets
PyTorch's flash kernel for packed sequences. Grouped heads stay grouped where a backend takes them
(the memory-efficient one gets K and V repeated beforehand, outside of the timing).

    ninja -C build aisp_gpu_kernels && tools/gpu_peers/attention.py --json attention.json
"""
import math
import sys

import peers

# name: batch, tokens, query heads, KV heads, head size, causal
SHAPES = {
    "Llama-3-8B 4k causal": (4, 4096, 32, 8, 128, True),
    "Llama-3-8B 16k causal": (1, 16384, 32, 8, 128, True),
    "Llama-3-70B 4k causal": (2, 4096, 64, 8, 128, True),
    "Llama-3-70B 8k causal": (1, 8192, 64, 8, 128, True),
    "Llama-3-8B 2k causal": (8, 2048, 32, 8, 128, True),
    "Llama-3-8B 1k causal": (16, 1024, 32, 8, 128, True),
    "head 128 4k full": (4, 4096, 32, 32, 128, False),
    "head 128 16k full": (1, 16384, 16, 16, 128, False),
    "GPT-2 1k causal": (32, 1024, 12, 12, 64, True),
    "head 64 4k causal": (8, 4096, 16, 16, 64, True),
    "head 64 16k causal": (2, 16384, 16, 16, 64, True),
    "head 64 4k full": (8, 4096, 16, 16, 64, False),
}
PACKED = {"Llama-3-8B packed": ([4096, 1500, 300, 2800, 777, 6000, 64, 1000], 32, 8, 128)}
BOUND = 1.0  # in units of bound(): the largest error over what rounding explains


def reference(q, k, v, causal):
    """One sequence, [T, H, D], in float64 of float32 inputs by slices of queries: the output and
    the bound u |o| + (u + 2^-12) sum p |v|, u = 2^-8 of bf16: P and o are each rounded once; scores
    are sums in float32, wrong by some 2^-24 sqrt(D) times sum |q k|."""
    import torch
    group = q.shape[1] // k.shape[1]
    k, v = (x.double().repeat_interleave(group, 1) for x in (k, v))
    out, bound = torch.empty_like(q, dtype=torch.float64), torch.empty_like(q, dtype=torch.float64)
    keys = torch.arange(k.shape[0], device=q.device)
    for begin in range(0, q.shape[0], 512):
        rows = q[begin:begin + 512].double()
        scores = torch.einsum("qhd,khd->hqk", rows, k) / math.sqrt(q.shape[-1])
        if causal:
            last = torch.arange(begin, begin + rows.shape[0], device=q.device)
            hidden = keys[None] > last[:, None] + k.shape[0] - q.shape[0]
            scores.masked_fill_(hidden, -math.inf)
        p = scores.softmax(-1)
        exact = torch.einsum("hqk,khd->qhd", p, v)
        size = torch.einsum("hqk,khd->qhd", p, v.abs())
        out[begin:begin + 512] = exact
        bound[begin:begin + 512] = 2**-8 * exact.abs() + (2**-8 + 2**-12) * size
    return out, bound


def ours(library, tensors, starts, sizes, causal):
    q, k, v, o = tensors
    library("aisp_attention", q, k, v, o, None, *starts, *sizes, q.shape[-2], k.shape[-2],
            q.shape[-1], int(causal), 0, peers.stream())
    return o


def sdpa(backend, tensors, causal):
    import torch
    from torch.nn.attention import sdpa_kernel
    q, k, v = (x.transpose(1, 2) for x in tensors)
    with sdpa_kernel(backend):
        return torch.nn.functional.scaled_dot_product_attention(
            q, k, v, is_causal=causal, enable_gqa=q.shape[1] != k.shape[1]).transpose(1, 2)


def random(*shape):
    import torch
    return torch.randn(shape, device="cuda", dtype=torch.bfloat16)


def first_error(q, k, v, causal):
    """The error of the first sequence's first 8 heads (of Q) in units of its bound."""
    heads, group = min(8, q.shape[2]), q.shape[2] // k.shape[2]
    kv = max(1, heads // group)
    exact, bound = reference(q[0, :, :heads], k[0, :, :kv], v[0, :, :kv], causal)
    return lambda out: ((out[0, :, :heads].double() - exact).abs() / bound).max().item()


def dense_case(name, library):
    from torch.nn.attention import SDPBackend
    batch, tokens, heads, kv_heads, D, causal = SHAPES[name]
    sets = peers.rotation(4 * batch * tokens * (heads + kv_heads) * D, at_most=4)
    inputs = [(random(batch, tokens, heads, D), random(batch, tokens, kv_heads, D),
               random(batch, tokens, kv_heads, D)) for _ in range(sets)]
    output = inputs[0][0].new_empty(inputs[0][0].shape)
    repeated = [(q, k.repeat_interleave(heads // kv_heads, 2),
                 v.repeat_interleave(heads // kv_heads, 2)) for q, k, v in inputs]
    sizes = (batch, tokens, tokens, 0, 0)
    return peers.Case(
        name=name,
        ours=lambda i: ours(library, (*inputs[i], output), (None, None), sizes, causal),
        peers={"cuDNN": lambda i: sdpa(SDPBackend.CUDNN_ATTENTION, inputs[i], causal),
               "flash": lambda i: sdpa(SDPBackend.FLASH_ATTENTION, inputs[i], causal),
               "efficient": lambda i: sdpa(SDPBackend.EFFICIENT_ATTENTION, repeated[i], causal)},
        sets=len(inputs), error=first_error(*inputs[0], causal), bound=BOUND,
        work=4 * batch * heads * tokens**2 * D / (2 if causal else 1),
        facts={"shape": SHAPES[name]})


def packed_case(name, library):
    import torch
    lengths, heads, kv_heads, D = PACKED[name]
    starts = torch.tensor([0, *lengths]).cumsum(0).int().cuda()
    rows, longest = sum(lengths), max(lengths)
    q, k, v = random(rows, heads, D), random(rows, kv_heads, D), random(rows, kv_heads, D)
    wide_k, wide_v = (x.repeat_interleave(heads // kv_heads, 1) for x in (k, v))
    output = torch.empty_like(q)
    sizes = (len(lengths), longest, longest, rows, rows)
    one = [x[None, :lengths[0]] for x in (q, k, v)]
    error = first_error(*one, True)
    return peers.Case(
        name=name,
        ours=lambda i: ours(library, (q, k, v, output), (starts, starts), sizes, True),
        peers={"flash": lambda i: torch.ops.aten._flash_attention_forward(
            q, wide_k, wide_v, starts, starts, longest, longest, 0.0, True, False)[0]},
        error=lambda out: error(out[None, :lengths[0]]), bound=BOUND,
        work=sum(2 * heads * n**2 * D for n in lengths), facts={"lengths": lengths})


def main():
    options = peers.arguments(__doc__.splitlines()[0])
    library = peers.load(options.library)
    makers = [(name, lambda name=name: dense_case(name, library)) for name in SHAPES]
    makers += [(name, lambda name=name: packed_case(name, library)) for name in PACKED]
    return peers.run(makers, options)


if __name__ == "__main__":
    sys.exit(main())
