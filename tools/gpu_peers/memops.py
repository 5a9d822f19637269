#!/usr/bin/env python3
"""The kernels that are bound by memory beside PyTorch: eager, torch.compile, its fused optimizer,
and a copy of as many bytes in the same run (peer/ours is then the fraction of copy bandwidth).

Shapes: Llama-3-8B (4096 wide, 14336 in the feed-forward layer) and 70B (8192, 28672), 16384 tokens,
vocabulary 128256. Bytes are those of each input and output once.
Source: PyTorch 2.11, torch.nn.functional, torch.optim.AdamW(fused=True), torch.compile.
"""
import ctypes
import sys

import peers

TOKENS, VOCABULARY, EPSILON = 16384, 128256, 1e-5
# Compiling takes seconds for each shape: these show what it reaches.
COMPILED = ("norm 16384x8192", "rmsnorm+fp8 16384x8192", "rmsnorm backward 16384x8192", "softmax",
            "cross-entropy both", "swiglu packed 16384x14336", "gelu 16384x14336",
            "quantize fp8 group")
SLICE = 256  # rows that are compared with the reference


def bf16(*shape):
    import torch
    return torch.randn(*shape, device="cuda").to(torch.bfloat16)


def copy_of(count):
    """A copy that reads and writes `count` bytes in all."""
    import torch
    half = int(count) // 2
    a = torch.randint(0, 255, (half,), device="cuda", dtype=torch.uint8)
    b = torch.empty_like(a)

    def copy(_):
        b.copy_(a)  # and returns nothing: there is nothing to compare
    return copy


def compiled(function):
    """torch.compile for these shapes; compiles at the first call."""
    import torch
    return torch.compile(function, dynamic=False)


def relative(reference):
    """The largest error of the compared rows over the largest reference value."""
    def error(out):
        want = reference()
        got = out[: want.shape[0]].double()
        return ((got - want).abs().max() / want.abs().max()).item()
    return error


def case(name, count, ours, others, error=None, bound=2.0**-8):
    """bound: one rounding to bf16, unless said otherwise. torch.compile only with --all or where
    the name is among COMPILED."""
    if not OPTIONS.all and not any(part in name for part in COMPILED):
        others = {peer: call for peer, call in others.items() if peer != "compile"}
    def checked(out):
        return None if out is None else error(out[0] if isinstance(out, tuple) else out)

    return peers.Case(name, ours, {**others, "copy": copy_of(count)}, work=count, unit="TB/s",
                      error=checked if error else None, bound=bound)


def rms(x, weight):
    import torch
    x = x.double()
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON) * weight.double()


def norm_case(call, kind, width):
    import torch
    import torch.nn.functional as F
    x, residual, weight = bf16(TOKENS, width), bf16(TOKENS, width), bf16(width)
    y, total = torch.empty_like(x), torch.empty_like(x)
    stored = 2 * x.numel()
    layer, add = kind == "layernorm", kind == "add+rmsnorm"

    def ours(_):
        call("aisp_norm", 2, int(layer), 0, TOKENS, width, x, residual if add else None,
             total if add else None, weight, None, y, None, 0, 0, 0, peers.stream())
        return y

    def eager(_):
        if layer:
            return F.layer_norm(x, (width,), weight, None, EPSILON)
        return F.rms_norm(x + residual if add else x, (width,), weight, EPSILON)

    def written_out(x, residual, weight):
        if add:
            x = x + residual
        if layer:
            return F.layer_norm(x, (width,), weight, None, EPSILON), x
        y = x.float()
        y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + EPSILON) * weight.float()
        return y.to(torch.bfloat16), x

    def reference():
        part = (x + residual if add else x)[:SLICE]
        if layer:
            return F.layer_norm(part.double(), (width,), weight.double(), None, EPSILON)
        return rms(part, weight)

    together = compiled(lambda a, b, c: written_out(a, b, c) if add else written_out(a, b, c)[0])
    return case(f"{kind} {TOKENS}x{width}", (4 if add else 2) * stored, ours,
                {"eager": eager, "compile": lambda _: together(x, residual, weight)},
                relative(reference))


def norm_quantize_case(call, to, width):
    import torch
    x, weight = bf16(TOKENS, width), bf16(width)
    q = torch.empty(TOKENS, width, device="cuda", dtype=torch.int8)
    scale = torch.empty(TOKENS, device="cuda")
    most = 127.0 if to == "int8" else 448.0
    narrow = torch.int8 if to == "int8" else torch.float8_e4m3fn

    def ours(_):
        call("aisp_norm", 2, 0, 1 if to == "int8" else 2, TOKENS, width, x, None, None, weight,
             None, q, scale, 0, 0, 0, peers.stream())
        return q

    @compiled
    def together(x, weight):
        y = x.float()
        y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + EPSILON) * weight.float()
        s = y.abs().amax(-1, keepdim=True).clamp(min=1e-30) / most
        z = y / s
        return (z.round() if to == "int8" else z).to(narrow), s

    def error(out):
        want = rms(x[:SLICE], weight)
        most_of_row = want.abs().amax(-1, keepdim=True)
        got = out.view(narrow)[:SLICE].double() * most_of_row / most
        return ((got - want).abs() / most_of_row).max().item()

    # Half a step: 1/254 of the largest in int8; e4m3 has 16 steps in its top binade, 448 of 512.
    bound = 1.001 * (0.5 / 127 if to == "int8" else 16.0 / 448)
    return case(f"rmsnorm+{to} {TOKENS}x{width}", 3 * x.numel(), ours,
                {"compile": lambda _: together(x, weight)}, error, bound)


def norm_backward_case(call, width):
    import torch
    x, dy, weight = bf16(TOKENS, width), bf16(TOKENS, width), bf16(width)
    dx, dweight = torch.empty_like(x), torch.empty(width, device="cuda")
    library = ctypes.CDLL(OPTIONS.library)
    library.aisp_norm_backward_scratch.restype = ctypes.c_int64
    count = library.aisp_norm_backward_scratch(*(ctypes.c_int64(v) for v in (2, TOKENS, width)))
    partial = torch.empty(count, device="cuda")

    def ours(_):
        call("aisp_norm_backward", 2, TOKENS, width, x, weight, dy, dx, dweight, partial,
             peers.stream())
        return dx

    def gradient(x, weight, dy):
        a, h = x.float(), dy.float() * weight.float()
        s = torch.rsqrt(a.pow(2).mean(-1, keepdim=True) + EPSILON)
        dx = s * (h - a * s * s * (h * a).mean(-1, keepdim=True))
        return dx.to(torch.bfloat16), (dy.float() * a * s).sum(0)

    def reference():
        a, h = x[:SLICE].double(), dy[:SLICE].double() * weight.double()
        s = torch.rsqrt(a.pow(2).mean(-1, keepdim=True) + EPSILON)
        return s * (h - a * s * s * (h * a).mean(-1, keepdim=True))

    together = compiled(gradient)
    return case(f"rmsnorm backward {TOKENS}x{width}", 6 * x.numel(), ours,
                {"compile": lambda _: together(x, weight, dy)},
                relative(reference))


def softmax_case(call, rows, width):
    import torch
    x = bf16(rows, width) * 3
    y, ticket = torch.empty_like(x), torch.zeros(1, device="cuda", dtype=torch.int32)

    def ours(_):
        call("aisp_softmax", 2, rows, width, x, y, ticket, 0, 0, 0, peers.stream())
        return y

    together = compiled(lambda a: torch.softmax(a, -1))
    return case(f"softmax {rows}x{width}", 4 * x.numel(), ours,
                {"eager": lambda _: torch.softmax(x, -1), "compile": lambda _: together(x)},
                relative(lambda: torch.softmax(x[:SLICE].double(), -1)))


def loss_case(call, rows, gradient):
    import torch
    import torch.nn.functional as F
    x = bf16(rows, VOCABULARY)
    labels = torch.randint(0, VOCABULARY, (rows,), device="cuda", dtype=torch.int32)
    wide = labels.long()
    loss = torch.empty(rows, device="cuda")
    factor, mean = torch.empty(1, device="cuda"), torch.empty(1, device="cuda")
    out = torch.empty_like(x) if gradient else None
    ticket = torch.zeros(1, device="cuda", dtype=torch.int32)

    def ours(_):
        call("aisp_cross_entropy", 2, rows, VOCABULARY, x, labels, loss, out, factor, mean, ticket,
             0, 0, 0, peers.stream())
        return mean

    def forward(x):
        return F.cross_entropy(x, wide)

    leaf = x.detach().requires_grad_(gradient)

    def eager(_, call=forward):
        value = call(leaf)
        if gradient:
            return torch.autograd.grad(value, leaf)[0].reshape(-1)[:0].sum() + value.detach()
        return value

    together = compiled(forward)

    def reference():
        parts = [F.cross_entropy(x[i:i + SLICE].double(), wide[i:i + SLICE], reduction="sum")
                 for i in range(0, rows, SLICE)]
        return (sum(parts) / rows).reshape(1)

    wanted = reference()
    # f32 throughout: 6 sqrt(n) roundings. Eager rounds its mean to bf16.
    return case(f"cross-entropy {'both' if gradient else 'loss'} {rows}x{VOCABULARY}",
                (4 if gradient else 2) * x.numel(), ours,
                {"eager": eager, "compile": lambda i: eager(i, together)},
                lambda got: ((got.double().reshape(1) - wanted) / wanted).abs().item(),
                6 * VOCABULARY**0.5 * 2.0**-24)


def activation_case(call, name, width):
    import torch
    import torch.nn.functional as F
    a, b = bf16(TOKENS, width), bf16(TOKENS, width)
    out = torch.empty_like(a)
    op = {"swiglu": 0, "gelu": 1, "gelu_tanh": 2, "add": 4}[name]
    formula = {"swiglu": lambda a, b: F.silu(a) * b, "gelu": lambda a, b: F.gelu(a),
               "gelu_tanh": lambda a, b: F.gelu(a, approximate="tanh"),
               "add": lambda a, b: a + b}[name]
    two = name in ("swiglu", "add")

    def ours(_):
        call("aisp_activate", op, 2, TOKENS, width, a, b if two else None, out, 0, 0,
             peers.stream())
        return out

    together = compiled(formula)
    return case(f"{name} {TOKENS}x{width}", (6 if two else 4) * a.numel(), ours,
                {"eager": lambda _: formula(a, b), "compile": lambda _: together(a, b)},
                relative(lambda: formula(a[:SLICE].double(), b[:SLICE].double())))


def packed_case(call, width):
    import torch
    import torch.nn.functional as F
    x = bf16(TOKENS, 2 * width)
    out = torch.empty(TOKENS, width, device="cuda", dtype=torch.bfloat16)

    def ours(_):
        call("aisp_activate", 0, 2, TOKENS, width, x, x[:, width:], out, 2 * width, 2 * width,
             peers.stream())
        return out

    def formula(x):
        gate, up = x.chunk(2, -1)
        return F.silu(gate) * up

    together = compiled(formula)
    return case(f"swiglu packed {TOKENS}x{width}", 6 * out.numel(), ours,
                {"eager": lambda _: formula(x), "compile": lambda _: together(x)},
                relative(lambda: formula(x[:SLICE].double())))


def quantize_case(call, to, group, width, back):
    import torch
    x = bf16(TOKENS, width)
    y = torch.empty_like(x)
    q = torch.empty(TOKENS, width, device="cuda", dtype=torch.int8)
    groups = width // 128 if group else 1
    scale = torch.empty(TOKENS, groups, device="cuda")
    most = 127.0 if to == "int8" else 448.0
    narrow = torch.int8 if to == "int8" else torch.float8_e4m3fn

    def run(values, backward):
        call("aisp_quantize", backward, int(to != "int8"), int(group), 2, TOKENS, width, values, q,
             scale, peers.stream())

    def ours(_):
        run(y if back else x, int(back))
        return y if back else q

    def there(x):
        parts = x.float().reshape(TOKENS, groups, -1)
        s = parts.abs().amax(-1, keepdim=True).clamp(min=1e-30) / most
        z = parts / s
        return (z.round() if to == "int8" else z).to(narrow).reshape(TOKENS, width), s

    def return_trip(q, scale):
        parts = q.reshape(TOKENS, groups, -1).float() * scale.reshape(TOKENS, groups, 1)
        return parts.reshape(TOKENS, width).to(torch.bfloat16)

    run(x, 0)
    together = compiled(return_trip if back else there)
    other = (lambda _: together(q.view(narrow), scale)) if back else (lambda _: together(x))

    def error(out):
        if not back:
            out = return_trip(out.view(narrow), scale)
        parts = x[:SLICE].double().reshape(SLICE, groups, -1)
        off = (out[:SLICE].double().reshape(SLICE, groups, -1) - parts).abs()
        return (off / parts.abs().amax(-1, keepdim=True)).max().item()

    # Half a step as in norm_quantize_case, and the rounding of the way back to bf16.
    bound = 1.001 * (0.5 / 127 if to == "int8" else 16.0 / 448) + 2.0**-8
    return case(f"{'de' if back else ''}quantize {to} {'group' if group else 'row'} {width}",
                3 * x.numel(), ours, {"compile": other}, error, bound)


def adamw_case(call, narrow):
    import torch
    # Four layers of Llama-3-8B.
    sizes = 4 * (3 * [4096 * 14336] + 2 * [4096 * 4096] + 2 * [4096 * 1024] + 2 * [4096])
    kind = torch.bfloat16 if narrow else torch.float32
    sets = []
    for count in sizes:
        w, g = torch.randn(count, device="cuda"), torch.randn(count, device="cuda").to(kind)
        zeros = torch.zeros_like(w)
        sets.append((w.to(kind) if narrow else w, g, w if narrow else None, zeros,
                     zeros.clone()))
    addresses = (ctypes.c_void_p * (5 * len(sets)))(
        *[None if t is None else t.data_ptr() for tensors in sets for t in tensors])
    handle = ctypes.c_void_p()
    call("aisp_adamw_prepare", 2 if narrow else 4, 2 if narrow else 4, len(sets), addresses,
         (ctypes.c_int64 * len(sets))(*sizes), ctypes.byref(handle))
    leaves = [torch.randn(count, device="cuda", requires_grad=True) for count in sizes]
    for leaf in leaves:
        leaf.grad = torch.randn_like(leaf)
    optimizer = torch.optim.AdamW(leaves, lr=1e-3, fused=True, capturable=True)
    keep = (sets, addresses)

    def ours(_):
        call("aisp_adamw", handle, 1e-3, 10, None, peers.stream())
        return keep[0][0][0]

    return case(f"adamw {'bf16+f32' if narrow else 'f32'} {sum(sizes) // 10**6}M",
                28 * sum(sizes), ours, {"fused f32": lambda _: optimizer.step()})


def transpose_case(call, bytes_, rows, cols):
    import torch
    x = torch.randn(rows, cols, device="cuda").to(torch.bfloat16 if bytes_ == 2 else torch.float32)
    y = torch.empty(cols, rows, device="cuda", dtype=x.dtype)

    def ours(_):
        call("aisp_transpose", bytes_, rows, cols, x, y, peers.stream())
        return y

    together = compiled(lambda a: a.t().contiguous())
    return case(f"transpose {8 * bytes_} bits {rows}x{cols}", 2 * bytes_ * x.numel(), ours,
                {"eager": lambda _: x.t().contiguous(), "compile": lambda _: together(x)},
                relative(lambda: x.t()[:SLICE].double()), 0.0)


def gather_case(call, width):
    import torch
    import torch.nn.functional as F
    table = bf16(VOCABULARY, width)
    ids = torch.randint(0, VOCABULARY, (TOKENS,), device="cuda", dtype=torch.int32)
    out = torch.empty(TOKENS, width, device="cuda", dtype=torch.bfloat16)

    def ours(_):
        call("aisp_gather", 2 * width, VOCABULARY, TOKENS, table, ids, out, peers.stream())
        return out

    together = compiled(F.embedding)
    return case(f"gather {TOKENS}x{width}", 4 * out.numel(), ours,
                {"eager": lambda _: F.embedding(ids, table),
                 "compile": lambda _: together(ids, table)},
                relative(lambda: table[ids[:SLICE].long()].double()), 0.0)


def scatter_case(call, width, ordered):
    import torch
    rows = bf16(TOKENS, width)
    ids = torch.randint(0, VOCABULARY, (TOKENS,), device="cuda", dtype=torch.int32)
    order = torch.argsort(ids, stable=True).int() if ordered else None
    table = torch.zeros(VOCABULARY, width, device="cuda")
    wide, long_ids = rows.float(), ids.long()

    def ours(_):
        call("aisp_scatter_add", 2, width, VOCABULARY, TOKENS, rows, ids, order, table,
             peers.stream())

    # Rows of bf16 read, and of f32 read and written; PyTorch's are of f32.
    return case(f"scatter_add {'ordered' if ordered else 'atomic'} {TOKENS}x{width}",
                10 * rows.numel(), ours,
                {"index_add_": lambda _: table.index_add_(0, long_ids, wide)})


def cases(call):
    for width in (4096, 8192):
        for kind in ("rmsnorm", "add+rmsnorm", "layernorm"):
            yield f"{kind} {width}", lambda k=kind, w=width: norm_case(call, k, w)
        for to in ("int8", "fp8"):
            yield f"rmsnorm+{to} {width}", lambda t=to, w=width: norm_quantize_case(call, t, w)
        yield f"rmsnorm backward {width}", lambda w=width: norm_backward_case(call, w)
    yield "softmax 4096", lambda: softmax_case(call, 32768, 4096)
    yield "softmax vocabulary", lambda: softmax_case(call, 4096, VOCABULARY)
    yield "cross-entropy loss", lambda: loss_case(call, 8192, False)
    yield "cross-entropy both", lambda: loss_case(call, 8192, True)
    for name in ("swiglu", "gelu", "gelu_tanh", "add"):
        yield f"{name} 14336", lambda n=name: activation_case(call, n, 14336)
    for width in (14336, 28672):
        yield f"swiglu packed {width}", lambda w=width: packed_case(call, w)
    for to in ("int8", "fp8"):
        for group in (False, True):
            for back in (False, True):
                yield (f"{'de' if back else ''}quantize {to} {'group' if group else 'row'}",
                       lambda t=to, g=group, b=back: quantize_case(call, t, g, 8192, b))
    for narrow in (True, False):
        yield f"adamw {'bf16' if narrow else 'f32'}", lambda n=narrow: adamw_case(call, n)
    for bytes_ in (2, 4):
        yield f"transpose {8 * bytes_}", lambda b=bytes_: transpose_case(call, b, 8192, 28672)
    yield "gather", lambda: gather_case(call, 4096)
    for ordered in (False, True):
        yield f"scatter_add {ordered}", lambda o=ordered: scatter_case(call, 4096, o)


OPTIONS = None


def main():
    global OPTIONS
    OPTIONS = peers.arguments(__doc__, extra=lambda parser: parser.add_argument(
        "--all", action="store_true", help="torch.compile for every case: minutes"))
    return peers.run(cases(peers.load(OPTIONS.library)), OPTIONS)


if __name__ == "__main__":
    sys.exit(main())
