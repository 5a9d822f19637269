#!/usr/bin/env python3
"""Decode attention over a paged cache beside PyTorch's over a contiguous one: the same numbers, our
blocks shuffled in memory. Peers: scaled_dot_product_attention with each backend, the queries of a
group folded into rows so that K and V are read once (the strongest way to ask), or as enable_gqa
asks. Work is the bytes of K and V, read once. Caches rotate, so that they come from memory."""
import ctypes

import peers


def paged(torch, k, v, block, generator):
    """k, v [B, Hkv, T, D] -> cache [blocks][Hkv][2][block][D] in a random order, and its table."""
    b, h, t, d = k.shape
    per = t // block
    both = torch.stack([k, v], 2).view(b, h, 2, per, block, d).permute(0, 3, 1, 2, 4, 5)
    order = torch.randperm(b * per, device=k.device, generator=generator)
    cache = torch.empty((b * per, h, 2, block, d), dtype=k.dtype, device=k.device)
    cache[order] = both.reshape(b * per, h, 2, block, d)
    return cache, order.view(b, per).to(torch.int32).contiguous()


def uneven(torch, batch, tokens):
    """Lengths between 1/8 of `tokens` and all of them, the mean near a half."""
    steps = torch.arange(batch, device="cuda") * 7919 % batch
    return (tokens // 8 + steps * (tokens - tokens // 8) // max(1, batch - 1)).to(torch.int32)


def make(call, batch, tokens, kv_heads, group, d, block, q_tokens=1, ragged=False, e4m3=False):
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    sdpa = torch.nn.functional.scaled_dot_product_attention
    one = (2 if e4m3 else 4) * batch * tokens * kv_heads * d
    sets = peers.rotation(one, 8)
    generator = torch.Generator("cuda").manual_seed(1)

    def normal(*shape):
        return torch.randn(shape, device="cuda", generator=generator).to(torch.bfloat16)

    heads = kv_heads * group
    q = normal(batch, q_tokens, heads, d)
    ks = [normal(batch, kv_heads, tokens, d) for _ in range(sets)]
    vs = [normal(batch, kv_heads, tokens, d) for _ in range(sets)]
    caches = [paged(torch, k, v, block, generator) for k, v in zip(ks, vs)]
    wide = caches
    if e4m3:  # scales of 1: normal numbers are well inside its range
        caches = [(cache.to(torch.float8_e4m3fn), table) for cache, table in wide]
        ks, vs = ([x.to(torch.float8_e4m3fn).to(torch.bfloat16) for x in xs] for xs in (ks, vs))
    lengths = (uneven(torch, batch, tokens) if ragged else
               torch.full((batch,), tokens, dtype=torch.int32, device="cuda"))
    size = ctypes.c_int64()
    call("aisp_decode_workspace", ctypes.byref(size), batch, q_tokens, heads, kv_heads, block, d,
         int(e4m3))
    workspace = torch.zeros(size.value, dtype=torch.uint8, device="cuda")
    out = torch.empty_like(q)

    def ours(i):
        cache, table = caches[i]
        call("aisp_decode_attention", q, out, cache, table, lengths, workspace, batch, q_tokens,
             heads, kv_heads, block, d, table.shape[1], int(e4m3), peers.stream())
        return out

    folded = q.view(batch, q_tokens, kv_heads, group, d).permute(0, 2, 1, 3, 4).reshape(
        batch, kv_heads, q_tokens * group, d).contiguous()
    tall = q.transpose(1, 2).contiguous()

    def unfold(x):
        return x.view(batch, kv_heads, q_tokens, group, d).permute(0, 2, 1, 3, 4).reshape(q.shape)

    def with_backend(backend, gqa):
        def run(i):
            with sdpa_kernel(backend):
                if gqa:
                    return sdpa(tall, ks[i], vs[i], enable_gqa=group > 1).transpose(1, 2)
                return sdpa(folded, ks[i], vs[i])
        return run

    several = {}
    if q_tokens == 1:
        several = {"flash, folded": with_backend(SDPBackend.FLASH_ATTENTION, False),
                   "cudnn, folded": with_backend(SDPBackend.CUDNN_ATTENTION, False),
                   "cudnn, gqa": with_backend(SDPBackend.CUDNN_ATTENTION, True)}
    else:  # causal within the last tokens: only the rate is comparable, the mask is ours alone
        several = {"cudnn, folded, no mask": with_backend(SDPBackend.CUDNN_ATTENTION, False),
                   "flash, folded, no mask": with_backend(SDPBackend.FLASH_ATTENTION, False)}
    table_of_identity = torch.arange(batch * (tokens // block), dtype=torch.int32,
                                     device="cuda").view(batch, -1)

    def identity(i):
        call("aisp_decode_attention", q, out, caches[i][0], table_of_identity,
             lengths, workspace, batch, q_tokens, heads, kv_heads, block, d,
             table_of_identity.shape[1], int(e4m3), peers.stream())

    if ragged:  # as much work, cut evenly: what the unequal lengths cost
        mean = int(lengths.float().mean().item()) // block * block
        even = torch.full((batch,), mean, dtype=torch.int32, device="cuda")
        several = {"ours, even lengths": lambda i: call(
            "aisp_decode_attention", q, out, *caches[i], even, workspace, batch, q_tokens, heads,
            kv_heads, block, d, caches[i][1].shape[1], 0, peers.stream())}
    elif e4m3:
        several = {"ours, bf16 cache": lambda i: call(
            "aisp_decode_attention", q, out, *wide[i], lengths, workspace, batch, q_tokens, heads,
            kv_heads, block, d, wide[i][1].shape[1], 0, peers.stream())}
    else:
        several["ours, identity table"] = identity

    def error(got):
        if got is None:
            return 0.0
        worst = 0.0
        for b in {0, batch // 2, batch - 1}:
            n = int(lengths[b])
            k = ks[0][b, :, :n].double().repeat_interleave(group, 0)
            v = vs[0][b, :, :n].double().repeat_interleave(group, 0)
            s = torch.einsum("thd,hjd->htj", q[b].double(), k) / d**0.5
            late = torch.arange(n, device="cuda") >= (n - q_tokens + 1 + torch.arange(
                q_tokens, device="cuda"))[:, None]
            p = s.masked_fill(late, float("-inf")).softmax(-1)
            want = torch.einsum("htj,hjd->thd", p, v)
            bound = torch.einsum("htj,hjd->thd", p, v.abs()) * 2.0**-8 + want.abs() * 2.0**-8
            have = (got if got.shape == q.shape else unfold(got))[b].double()
            worst = max(worst, ((have - want).abs() / (bound + 2.0**-14)).max().item())
        return worst

    work = (2.0 if e4m3 else 4.0) * kv_heads * d * float(lengths.sum().item())
    name = f"B{batch} T{tokens} Hkv{kv_heads}x{group} D{d} p{block}" + (
        f" q{q_tokens}" if q_tokens > 1 else "") + (
            " ragged" if ragged else "") + (" e4m3" if e4m3 else "")
    return peers.Case(name, ours, several, sets, error, 1.0, work, "TB/s")


SHAPES = [  # batch, tokens, KV heads, group, D, block, query tokens, ragged, e4m3
    (32, 8192, 8, 4, 128, 16), (32, 8192, 8, 8, 128, 16), (32, 8192, 8, 4, 128, 64),
    (32, 8192, 8, 4, 64, 16), (8, 4096, 32, 1, 128, 16), (256, 1024, 8, 4, 128, 16),
    (64, 2048, 8, 8, 64, 32), (1, 131072, 8, 8, 128, 16), (4, 8192, 8, 4, 128, 16),
    (1, 8192, 8, 4, 128, 16), (16, 1024, 8, 4, 128, 16), (32, 8192, 8, 8, 128, 16, 2),
    (32, 8192, 8, 8, 128, 16, 4), (32, 8192, 8, 8, 128, 16, 8), (32, 8192, 8, 4, 128, 16, 1, True),
    (256, 2048, 8, 4, 128, 16, 1, True), (32, 16384, 8, 4, 128, 16, 1, False, True),
    (32, 16384, 8, 8, 64, 32, 1, False, True)]


def main():
    options = peers.arguments(__doc__)
    call = peers.load(options.library)
    makers = [(f"B{s[0]} T{s[1]} Hkv{s[2]}x{s[3]} D{s[4]} p{s[5]} q{(s + (1,))[6]}",
               lambda s=s: make(call, *s)) for s in SHAPES]
    raise SystemExit(peers.run(makers, options))


if __name__ == "__main__":
    main()
