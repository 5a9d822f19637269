#!/usr/bin/env python3
"""Sampling from logits beside PyTorch: argmax; softmax and multinomial, or the race of exponential
variables that serving engines use for it; top-p by sorting; top-k by topk. Work is the bytes of the
logits, read once. Logits look like a model's (a few far above a normal rest) or are all normal.
What was drawn is checked against the set that the filters leave, in double."""
import peers

FILTERS = {  # temperature, top-k, top-p, min-p
    "greedy": (0.0, 0, 1.0, 0.0), "plain": (0.8, 0, 1.0, 0.0), "top-p 0.9": (0.8, 0, 0.9, 0.0),
    "top-k 50": (0.8, 50, 1.0, 0.0), "k 50, p 0.95": (0.8, 50, 0.95, 0.0),
    "min-p 0.05": (0.8, 0, 1.0, 0.05)}


def make(call, batch, vocabulary, filters, normal_rest):
    import torch
    temperature, top_k, top_p, min_p = FILTERS[filters]
    sets = peers.rotation(4 * batch * vocabulary, 64)
    generator = torch.Generator("cuda").manual_seed(1)

    def logits():
        x = torch.randn((batch, vocabulary), device="cuda", generator=generator)
        if not normal_rest:
            where = torch.randint(vocabulary, (batch, 200), device="cuda", generator=generator)
            x = 2.5 * x
            x.scatter_add_(1, where, 3.0 * torch.randn(
                (batch, 200), device="cuda", generator=generator).abs() + 6.0)
        return x

    rows = [logits() for _ in range(sets)]
    tokens = torch.empty(batch, dtype=torch.int32, device="cuda")
    seeds = torch.arange(batch, dtype=torch.int64, device="cuda")

    def full(value, on, dtype):
        return torch.full((batch,), value, dtype=dtype, device="cuda") if on else None

    t = full(temperature, True, torch.float32)
    k, p = full(top_k, top_k > 0, torch.int32), full(top_p, top_p < 1, torch.float32)
    m = full(min_p, min_p > 0, torch.float32)

    def ours(i, variant=0):
        call("aisp_sample", rows[i], tokens, t, k, p, m, seeds, batch, vocabulary, variant,
             peers.stream())
        return tokens

    def race(p):
        return (p / torch.empty_like(p).exponential_(1)).argmax(-1)

    def filtered(x):
        x = x / temperature
        index = None
        if top_k:
            x, index = x.topk(top_k, -1)
        elif top_p < 1:
            x, index = x.sort(-1, descending=True)
        probabilities = x.softmax(-1)
        if top_p < 1:
            before = probabilities.cumsum(-1) - probabilities
            probabilities = probabilities.masked_fill(before >= top_p, 0.0)
        if min_p > 0:
            least = min_p * probabilities.amax(-1, keepdim=True)
            probabilities = probabilities.masked_fill(probabilities < least, 0.0)
        chosen = race(probabilities)
        return chosen if index is None else index.gather(-1, chosen[:, None])[:, 0]

    compiled = torch.compile(filtered, dynamic=False)
    if filters == "greedy":
        several = {"argmax": lambda i: rows[i].argmax(-1)}
    else:
        several = {"eager race": lambda i: filtered(rows[i])}
        if top_p == 1 and not top_k:
            several["compiled race"] = lambda i: compiled(rows[i])
        if filters == "plain":
            several["multinomial"] = lambda i: torch.multinomial(
                (rows[i] / temperature).softmax(-1), 1)[:, 0]
    if batch in (1, 256):
        several["ours, rereading"] = lambda i: ours(i, 1)

    def error(got):
        x = rows[0].double()
        got = got.long()[:, None]
        if filters == "greedy":
            return float((x.gather(1, got) < x.amax(-1, keepdim=True)).any())
        ordered = (x / temperature).sort(-1, descending=True).values
        q = ordered.softmax(-1)
        if top_k:
            q = q[:, :top_k] / q[:, :top_k].sum(-1, keepdim=True)
        above = q.cumsum(-1) - q
        kept = (above < top_p * (1 + 2.0**-18)) & (q >= min_p * (1 - 1e-5) * q[:, :1])
        least = ordered.gather(1, kept.sum(-1, keepdim=True) - 1) * temperature
        return float((x.gather(1, got) < least - 1e-6).any())

    name = f"B{batch} V{vocabulary} {filters}" + (", normal" if normal_rest else "")
    return peers.Case(name, ours, several, sets, error, 0.5, 4.0 * batch * vocabulary, "TB/s")


def main():
    options = peers.arguments(__doc__)
    call = peers.load(options.library)
    makers = []
    for filters in FILTERS:
        for batch in (1, 32, 256):
            makers.append((f"B{batch} {filters}",
                           lambda b=batch, f=filters: make(call, b, 128256, f, False)))
    makers.append(("B256 top-p 0.9, normal", lambda: make(call, 256, 128256, "top-p 0.9", True)))
    makers.append(("B256 V32000", lambda: make(call, 256, 32000, "top-p 0.9", False)))
    raise SystemExit(peers.run(makers, options))


if __name__ == "__main__":
    main()
