"""kernels/gemm_cuda beside cuBLASLt (torch's matmul, linear, addmm, _scaled_mm): plain products in
bf16 and e4m3 at the shapes of Llama 3's layers and square ones, and fused epilogues beside
cuBLASLt and a separate pass compiled by torch.compile. Inputs are random normal numbers: the card's
power limit makes the rate depend on them.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import peers  # noqa: E402

BF16, E4M3 = 0, 1
OUT_BF16, OUT_F32, OUT_E4M3 = 0, 1, 2
NONE, SILU, GELU = 0, 1, 2
IN_INSTRUCTION, PROMOTED = 0, 1

# name, N, K: 8B's attention output, queries-keys-values, down and one half of gate-up; 70B's.
LAYERS = [("8b_o", 4096, 4096), ("8b_qkv", 6144, 4096), ("8b_up", 14336, 4096),
          ("8b_down", 4096, 14336), ("70b_o", 8192, 8192), ("70b_up", 28672, 8192)]
SQUARES = [4096, 8192]


def ours(call, a, b, c, sum_in=PROMOTED, scale_a=None, scale_b=None, per_row=0, bias=None,
         activation=NONE, gated=0, residual=None, output_scale=None, config=(0, 0, 0)):
    import torch
    outputs = {torch.bfloat16: OUT_BF16, torch.float32: OUT_F32, torch.float8_e4m3fn: OUT_E4M3}
    call("aisp_gemm", c.shape[0], c.shape[1], a.shape[1], a, b, c,
         BF16 if a.dtype == torch.bfloat16 else E4M3, outputs[c.dtype], scale_a, scale_b, per_row,
         bias, activation, gated, residual, output_scale, sum_in, *config, peers.stream())
    return c


def error_of(reference, at_once):
    """Largest |x - reference| over the root mean square of the reference: 2^-8 / 2 is what rounding
    to bf16 costs an element of that size."""
    size = reference.square().mean().sqrt()

    def error(out):
        return ((out[:at_once].double() - reference).abs().max() / size).item()
    return error


def inputs(M, N, K, dtype):
    import torch
    torch.manual_seed(0)
    a = torch.randn(M, K, device="cuda", dtype=torch.bfloat16).to(dtype)
    b = torch.randn(N, K, device="cuda", dtype=torch.bfloat16).to(dtype)
    return a, b


def reference_of(a, b, rows=256):
    import torch
    return torch.cat([a[:rows].double() @ part.double().t() for part in b.split(2048)], dim=1)


def plain_bf16(call, M, N, K):
    import torch
    a, b = inputs(M, N, K, torch.bfloat16)
    c = torch.empty(M, N, device="cuda", dtype=torch.bfloat16)
    out = torch.empty_like(c)
    # The largest of M N values is about 6 of their root mean square: 6 * 2^-8 / 2 and some.
    return peers.Case("", lambda i: ours(call, a, b, c),
                      {"cublaslt": lambda i: torch.matmul(a, b.t(), out=out)},
                      error=error_of(reference_of(a, b), 256), bound=0.02, work=2.0 * M * N * K)


def plain_e4m3(call, M, N, K, sum_in, per_row):
    import torch
    a, b = inputs(M, N, K, torch.float8_e4m3fn)
    c = torch.empty(M, N, device="cuda", dtype=torch.bfloat16)
    shape_a, shape_b = ((M, 1), (1, N)) if per_row else ((), ())
    scale_a = torch.full(shape_a, 0.5, device="cuda")
    scale_b = torch.full(shape_b, 2.0, device="cuda")
    return peers.Case(
        "", lambda i: ours(call, a, b, c, sum_in, scale_a, scale_b, int(per_row)),
        {"cublaslt": lambda i: torch._scaled_mm(a, b.t(), scale_a, scale_b,
                                                out_dtype=torch.bfloat16,
                                                use_fast_accum=sum_in == IN_INSTRUCTION)},
        error=error_of(reference_of(a, b), 256), bound=0.1 if sum_in == IN_INSTRUCTION else 0.03,
        work=2.0 * M * N * K)


def fused(call, kind, M, N, K):
    import torch
    import torch.nn.functional as F
    e4m3 = torch.float8_e4m3fn
    a, b = inputs(M, 2 * N if kind == "swiglu" else N, K, torch.bfloat16)
    b *= K ** -0.5
    c = torch.empty(M, N, device="cuda", dtype=e4m3 if kind == "quantise" else torch.bfloat16)
    bias = torch.randn(N, device="cuda", dtype=torch.bfloat16)
    residual = torch.randn(M, N, device="cuda", dtype=torch.bfloat16)
    scale = torch.tensor(0.05, device="cuda")
    exact = reference_of(a, b)
    compiled = torch.compile
    swiglu = compiled(lambda x: F.silu(x[:, :N]) * x[:, N:])
    silu = compiled(lambda x: F.silu(x))
    quantise = compiled(lambda x: (x.float() / scale).clamp(-448, 448).to(e4m3))
    made = {
        "bias": lambda: (dict(bias=bias), exact + bias.double(),
                         {"linear": lambda i: F.linear(a, b, bias)}),
        "bias_silu": lambda: (dict(bias=bias, activation=SILU), F.silu(exact + bias.double()),
                              {"linear+pass": lambda i: silu(F.linear(a, b, bias))}),
        "bias_gelu": lambda: (dict(bias=bias, activation=GELU),
                              F.gelu(exact + bias.double(), approximate="tanh"),
                              {"addmm_gelu": lambda i: torch._addmm_activation(
                                  bias, a, b.t(), use_gelu=True),
                               "linear+pass": lambda i: F.gelu(F.linear(a, b, bias),
                                                               approximate="tanh")}),
        "residual": lambda: (dict(residual=residual), exact + residual[:256].double(),
                             {"addmm": lambda i: torch.addmm(residual, a, b.t()),
                              "linear+pass": lambda i: F.linear(a, b).add_(residual)}),
        "swiglu": lambda: (dict(activation=SILU, gated=1), F.silu(exact[:, :N]) * exact[:, N:],
                           {"linear+pass": lambda i: swiglu(F.linear(a, b))}),
        "quantise": lambda: (dict(output_scale=scale), exact,
                             {"linear+pass": lambda i: quantise(F.linear(a, b))}),
    }
    options, reference, others = made[kind]()

    def as_values(out):
        return out[:256].double() * (0.05 if out.dtype == e4m3 else 1.0)
    error = error_of(reference, 256)
    return peers.Case("", lambda i: ours(call, a, b, c, **options), others,
                      error=lambda out: error(as_values(out)),
                      bound=0.5 if kind == "quantise" else 0.2,
                      work=2.0 * M * b.shape[0] * K)


def named(name, make):
    def made():
        case = make()
        case.name = name
        return case
    return name, made


def cases(call, rows):
    shapes = [(f"square_{n}", n, n, n) for n in SQUARES]
    shapes += [(f"{name}_M{M}", M, N, K) for M in rows for name, N, K in LAYERS]
    for name, M, N, K in shapes:
        yield named(f"bf16/{name}", lambda M=M, N=N, K=K: plain_bf16(call, M, N, K))
    for sum_in, label in ((IN_INSTRUCTION, "e4m3_instruction"), (PROMOTED, "e4m3_promoted")):
        for name, M, N, K in shapes:
            yield named(f"{label}/{name}", lambda M=M, N=N, K=K, s=sum_in:
                        plain_e4m3(call, M, N, K, s, False))
        yield named(f"{label}_per_row/square_8192", lambda s=sum_in:
                    plain_e4m3(call, 8192, 8192, 8192, s, True))
    for kind in ("bias", "bias_silu", "bias_gelu", "residual", "swiglu", "quantise"):
        M, N, K = (4096, 4096, 14336) if kind == "residual" else (4096, 14336, 4096)
        yield named(f"{kind}/8b_M4096", lambda k=kind, M=M, N=N, K=K: fused(call, k, M, N, K))


if __name__ == "__main__":
    OPTIONS = peers.arguments(__doc__, extra=lambda parser: parser.add_argument(
        "--rows", type=int, nargs="*", default=[4096, 8192], help="M of the layers' shapes"))
    CALL = peers.load(OPTIONS.library)
    sys.exit(peers.run(cases(CALL, OPTIONS.rows), OPTIONS))
