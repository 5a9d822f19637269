#!/usr/bin/env python3
"""Rotary embedding of q and k beside PyTorch's: the formula of Hugging Face's models with tables of
cosines, as written and through torch.compile, and a copy of as many bytes (the floor). Work is the
bytes of q and k read and written. Buffers rotate, so that they come from memory."""
import peers


def make(call, tokens, heads, kv_heads, d, interleaved, append):
    import torch
    base = 500000.0
    row = (heads + kv_heads) * d
    moved = 4 * tokens * (row + (kv_heads * d if append else 0))
    sets = peers.rotation(moved // 2, 16)
    generator = torch.Generator("cuda").manual_seed(1)

    def normal(h):
        return torch.randn((tokens, h, d), device="cuda", generator=generator).to(torch.bfloat16)

    qs, ks = [normal(heads) for _ in range(sets)], [normal(kv_heads) for _ in range(sets)]
    vs = [normal(kv_heads) for _ in range(sets)] if append else [None] * sets
    caches = ([torch.empty((tokens + 15) // 16 * 16 * 2 * kv_heads * d, dtype=torch.bfloat16,
                           device="cuda") for _ in range(sets)] if append else [None] * sets)
    slots = torch.randperm(tokens, device="cuda", generator=generator)  # one token each
    positions = torch.arange(tokens, dtype=torch.int32, device="cuda") % 8192
    frequency = base ** (-torch.arange(0, d, 2, device="cuda", dtype=torch.float64) / d)
    angle = positions[:, None].double() * frequency
    if interleaved:
        wide = angle.repeat_interleave(2, -1)
    else:
        wide = torch.cat([angle, angle], -1)
    cos, sin = wide.cos().to(torch.bfloat16)[:, None], wide.sin().to(torch.bfloat16)[:, None]

    def turned(x, c, s):
        if interleaved:
            other = torch.stack([-x[..., 1::2], x[..., ::2]], -1).flatten(-2)
        else:
            other = torch.cat([-x[..., d // 2:], x[..., :d // 2]], -1)
        return x * c + other * s

    def formula(q, k):
        return turned(q, cos, sin), turned(k, cos, sin)

    compiled = torch.compile(formula, dynamic=False)

    def ours(i, q=None, k=None):
        call("aisp_rope", qs[i] if q is None else q, ks[i] if k is None else k, vs[i], positions,
             caches[i], slots, tokens, heads, kv_heads, d, int(interleaved), 16, base,
             peers.stream())

    start = (qs[0].clone(), ks[0].clone())
    q_copy = [torch.empty_like(x) for x in qs[:2]]
    k_copy = [torch.empty_like(x) for x in ks[:2]]

    def copy(i):
        q_copy[i % 2].copy_(qs[i])
        k_copy[i % 2].copy_(ks[i])

    def error(output):
        q, k = start[0].clone(), start[1].clone()
        if output is None:
            ours(0, q, k)
            output = (q, k)
        worst = 0.0
        for got, x in zip(output, start[:1] if append else start):
            want = turned(x.double(), wide.cos()[:, None], wide.sin()[:, None])
            bound = 2.0**-8 * want.abs() + 2.0**-20 * (1.0 + x.double().abs())
            worst = max(worst, ((got.double() - want).abs() / bound).max().item())
        return worst

    several = {"copy": copy} if append else {
        "copy": copy, "compiled": lambda i: compiled(qs[i], ks[i]) if i else compiled(*start),
        "eager": lambda i: formula(qs[i], ks[i]) if i else formula(*start)}
    name = f"T{tokens} H{heads}+{kv_heads} D{d}" + (" interleaved" if interleaved else "") + (
        " append" if append else "")
    return peers.Case(name, ours, several, sets, error, 1.0, float(moved), "TB/s")


SHAPES = [  # tokens, heads, KV heads, head size, interleaved, append
    (16384, 32, 8, 128, False, False), (16384, 32, 8, 128, True, False),
    (32768, 32, 8, 64, False, False), (16384, 32, 8, 128, False, True),
    (4096, 64, 8, 128, False, False), (256, 32, 8, 128, False, True), (32, 32, 8, 128, False, True)]


def main():
    options = peers.arguments(__doc__)
    call = peers.load(options.library)
    makers = [(f"T{s[0]} D{s[3]}{' interleaved' * s[4]}{' append' * s[5]}",
               lambda s=s: make(call, *s)) for s in SHAPES]
    raise SystemExit(peers.run(makers, options))


if __name__ == "__main__":
    main()
