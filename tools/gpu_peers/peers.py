"""Times our device kernels beside PyTorch's, in pairs, in one process and on one stream.

A script <op>.py builds a Case (our call, the peers' calls, inputs that rotate, a reference) and
hands it to run(). One sample is a CUDA graph of so many calls that launch gaps stay out; they come
as A B B A or B A A B at random, so that a drifting clock meets both alike; a block's ratio is
(B + B) / (A + A), and the median of the blocks carries the interval of the sign test. Before
anything is timed, every output is compared with a reference in wider precision; what is wrong is
not timed. Source: W. J. Conover, "Practical Nonparametric Statistics" (1999), 3.2; PyTorch 2.11,
torch.cuda.CUDAGraph.
"""
import argparse
import ctypes
import json
import math
import random
import statistics
from dataclasses import dataclass, field
from typing import Any, Callable

COLD_BYTES = 120e6   # more than twice the 50 MB L2 of an H200: what rotates comes from memory
SAMPLE_MS = 2.0      # 1000 times the 2 us of an event pair
BLOCKS = 15          # the interval is then the 4th to the 12th ratio


@dataclass
class Case:
    """One shape. Calls take the number of the input set, enqueue on torch's current stream, and
    return the output (a tensor) when they have one. error(output) is what `bound` limits."""
    name: str
    ours: Callable[[int], Any]
    peers: dict[str, Callable[[int], Any]]
    sets: int = 1                                  # see rotation()
    error: Callable[[Any], float] | None = None    # of set 0, against the reference
    bound: float = math.inf                        # ours must stay within it
    work: float = 0.0                              # flops or bytes of one call
    unit: str = "TFLOP/s"                          # or "GB/s", "TB/s"
    facts: dict[str, Any] = field(default_factory=dict)


def load(path):
    """The library of our kernels. A failed call raises its own text."""
    library = ctypes.CDLL(path)
    library.aisp_last_error.restype = ctypes.c_char_p

    def checked(function, *arguments):
        """function(*arguments): tensors become addresses, None a null pointer."""
        plain = [ctypes.c_void_p(a.data_ptr()) if hasattr(a, "data_ptr") else a for a in arguments]
        plain = [ctypes.c_int64(a) if type(a) is int else a for a in plain]
        plain = [ctypes.c_float(a) if type(a) is float else a for a in plain]
        if getattr(library, function)(*plain) != 0:
            raise RuntimeError(f"{function}: {library.aisp_last_error().decode()}")

    return checked


def stream():
    """torch's current stream, as our C functions take it."""
    import torch
    return ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)


def rotation(bytes_of_a_set, at_most=64):
    """How many input sets keep the L2 from answering: more than COLD_BYTES in all."""
    return max(1, min(at_most, math.ceil(COLD_BYTES / max(1, bytes_of_a_set))))


def sign_interval(values, confidence=0.95):
    """(low, high): order statistics that hold the median with at least `confidence`; the extremes
    when there are too few values for that."""
    ordered, n = sorted(values), len(values)
    tail, k = 0.0, 0
    while k < (n - 1) // 2:
        tail += math.comb(n, k) / 2.0**n
        if 2.0 * tail > 1.0 - confidence:
            break
        k += 1
    k = max(0, k - 1)
    return ordered[k], ordered[n - 1 - k]


def block_orders(count, seed=0):
    """ABBA or BAAB, at random: 0 is A."""
    rng = random.Random(seed)
    return [rng.choice(((0, 1, 1, 0), (1, 0, 0, 1))) for _ in range(count)]


def sm_clock_mhz():
    """The SM clock now, or None without NVML."""
    try:
        nvml, value, device = ctypes.CDLL("libnvidia-ml.so.1"), ctypes.c_uint(), ctypes.c_void_p()
        if nvml.nvmlInit_v2() or nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)):
            return None
        return None if nvml.nvmlDeviceGetClockInfo(device, 1, ctypes.byref(value)) else value.value
    except OSError:
        return None


class Sample:
    """`calls` calls over the input sets, as a graph; without one where capture is refused."""

    def __init__(self, call, sets, sample_ms):
        import torch
        for i in range(max(3, min(sets, 3))):
            call(i % sets)
        torch.cuda.synchronize()
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for i in range(3):
            call(i % sets)
        end.record()
        torch.cuda.synchronize()
        once = max(1e-3, start.elapsed_time(end) / 3)
        rounds = max(1, math.ceil(sample_ms / once / sets))
        self.calls = rounds * sets if sets > 1 else rounds
        self.graph = torch.cuda.CUDAGraph()
        self.plain = None
        try:
            with torch.cuda.graph(self.graph, capture_error_mode="relaxed"):
                for i in range(self.calls):
                    call(i % sets)
        except RuntimeError:
            torch.cuda.synchronize()
            self.plain = lambda: [call(i % sets) for i in range(self.calls)]

    def enqueue(self):
        if self.plain is None:
            self.graph.replay()
        else:
            self.plain()


def pair(ours, peer, sets, blocks=BLOCKS, sample_ms=SAMPLE_MS, seed=0):
    """Times two calls. Returns microseconds of each and the ratio peer / ours: above 1, ours is
    quicker."""
    import torch
    samples = [Sample(ours, sets, sample_ms), Sample(peer, sets, sample_ms)]
    for sample in samples * 2:
        sample.enqueue()
    orders, events = block_orders(blocks, seed), []
    for order in orders:
        for which in order:
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            samples[which].enqueue()
            end.record()
            events.append((which, start, end))
    clock = sm_clock_mhz()
    torch.cuda.synchronize()
    times, ratios = ([], []), []
    for b in range(blocks):
        block = ([], [])
        for which, start, end in events[4 * b:4 * b + 4]:
            block[which].append(1e3 * start.elapsed_time(end) / samples[which].calls)
        ratios.append(sum(block[1]) / sum(block[0]))
        for which in (0, 1):
            times[which].extend(block[which])
    low, high = sign_interval(ratios)
    return {"ours_us": statistics.median(times[0]), "peer_us": statistics.median(times[1]),
            "ratio": statistics.median(ratios), "low": low, "high": high, "blocks": blocks,
            "calls": [sample.calls for sample in samples], "sm_clock_mhz": clock,
            "graph": [sample.plain is None for sample in samples]}


def rate(case, microseconds):
    scale = {"TFLOP/s": 1e12, "TB/s": 1e12, "GB/s": 1e9}[case.unit]
    return case.work / (1e-6 * microseconds) / scale


def measure(case, options):
    """One row for each peer of a case."""
    rows = []
    error = case.error(case.ours(0)) if case.error else None
    wrong = error is not None and not error <= case.bound
    for name, peer in case.peers.items():
        row = {"case": case.name, "peer": name, "error": error, "bound": case.bound,
               "unit": case.unit, **case.facts}
        try:
            row["peer_error"] = case.error(peer(0)) if case.error else None
            if wrong:
                row["why_not"] = f"ours is wrong: {error:.3g} > {case.bound:.3g}"
            else:
                row.update(pair(case.ours, peer, case.sets, options.blocks, options.sample_ms))
                row["ours_rate"] = rate(case, row["ours_us"])
                row["peer_rate"] = rate(case, row["peer_us"])
        except (RuntimeError, ImportError) as refusal:
            row["why_not"] = str(refusal).splitlines()[0]
        rows.append(row)
        print(line(row), flush=True)
    return rows


HEADER = (f"{'case':34} {'peer':14} {'ours us':>9} {'peer us':>9} {'ours':>8} {'peer':>8} "
          f"{'unit':7} {'peer/ours':>9} {'interval':>15} {'error':>9} {'peer err':>9} {'MHz':>5}")


def line(row):
    if "why_not" in row:
        return f"{row['case']:34} {row['peer']:14} {row['why_not']}"

    def number(value):
        return "-" if value is None else f"{value:.2e}"

    interval = f"{row['low']:.3f}..{row['high']:.3f}"
    return (f"{row['case']:34} {row['peer']:14} {row['ours_us']:9.2f} {row['peer_us']:9.2f} "
            f"{row['ours_rate']:8.2f} {row['peer_rate']:8.2f} {row['unit']:7} {row['ratio']:9.3f} "
            f"{interval:>15} {number(row['error']):>9} {number(row['peer_error']):>9} "
            f"{row['sm_clock_mhz'] or 0:5}")


def arguments(description, argv=None, extra=None):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--library", default="build/libaisp_gpu_kernels.so")
    parser.add_argument("--json", help="write the rows here")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--blocks", type=int, default=BLOCKS)
    parser.add_argument("--sample-ms", type=float, default=SAMPLE_MS)
    if extra:
        extra(parser)
    options = parser.parse_args(argv)
    if options.blocks < 1 or options.sample_ms <= 0:
        parser.error("--blocks and --sample-ms are positive")
    return options


def run(makers, options):
    """Measures the cases of `makers`, pairs of a name and a function that returns the Case (called
    when its turn comes: one at a time holds the memory). Prints the table, writes the JSON. Returns
    1 when ours was wrong."""
    import torch
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}, "
          f"cuDNN {torch.backends.cudnn.version()}; peer/ours above 1: ours is quicker")
    print(HEADER)
    rows = []
    for name, make in makers:
        if options.only in name:
            rows += measure(make(), options)
            torch.cuda.empty_cache()
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"device": torch.cuda.get_device_name(), "torch": torch.__version__,
                       "cuda": torch.version.cuda, "rows": rows}, file, indent=1)
    return int(any("ours is wrong" in row.get("why_not", "") for row in rows))
