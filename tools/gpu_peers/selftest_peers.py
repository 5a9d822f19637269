#!/usr/bin/env python3
"""What other ways of timing say of kernels of known ratio: the kernels of `aisp bench selftest
--device cuda` under a plain loop between two events and under Triton's do_bench, each once a pair
as people use them: one kernel timed, then the other, the times divided.

Identical kernels that differ by more than 1 % or 3 % are false alarms; of kernels with 3 % more
work those are found whose ratio is above 1.01. The same rates of our own instrument are its
self-test's (--ours FILE: the output of `aisp bench selftest --device cuda --json`).
Source: Triton 3.6, triton.testing.do_bench (warm-up 25 ms, 100 ms, mean; clears the L2).
"""
import argparse
import ctypes
import json
import statistics

import peers

WARM_UPS, CALLS = 10, 100  # what examples in tutorials do
BUFFER = 4 << 30


def event_loop(kernel, work):
    """Nanoseconds of a call: a few to warm up, then a loop between two events, in C++."""
    return kernel.loop(work, WARM_UPS, CALLS)


def do_bench(kernel, work):
    from triton.testing import do_bench as triton_do_bench
    return 1e6 * triton_do_bench(kernel.make(work))


def graph_ms(call):
    """Milliseconds of a call without launch gaps: to find the work of a wanted time."""
    import torch
    sample = peers.Sample(lambda i: call(), 1, 2.0)
    times = []
    for _ in range(5):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        sample.enqueue()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end) / sample.calls)
    return statistics.median(times)


class Kernel:
    """A kernel whose work is a number: steps, or bytes read from `memory`."""

    def __init__(self, call, name, guess, memory):
        import torch
        self.call, self.name, self.guess, self.memory = call, name, guess, memory
        self.sink = torch.zeros(1, dtype=torch.int32, device="cuda")
        self.at = 0

    def make(self, work):
        def once():
            if self.at + work > BUFFER:
                self.at = 0
            where = None if self.memory is None else self.memory[self.at // 4:]
            self.call("aisp_selftest", where, work, self.sink, peers.stream())
            self.at += work
        return once

    def loop(self, work, warm_ups, calls):
        result = ctypes.c_double()
        self.call("aisp_selftest_loop", self.memory, BUFFER, work, self.sink, warm_ups, calls,
                  ctypes.byref(result), peers.stream())
        return result.value

    def rounded(self, work):
        return int(round(work)) if self.memory is None else int(work) // 4096 * 4096

    def work_for(self, target_us):
        work = self.guess * target_us
        for _ in range(2):
            work *= target_us / (1e3 * graph_ms(self.make(self.rounded(work))))
        return self.rounded(work)

    def with_effect(self, work, effect):
        """More work, so that the time grows by `effect`: a launch costs what no work makes."""
        more = self.rounded(1.1 * work)
        tenth = graph_ms(self.make(more)) / graph_ms(self.make(work)) - 1.0
        return self.rounded(work * (1.0 + effect * 0.1 / tenth))


def kernels(call):
    import torch
    memory = torch.ones(BUFFER // 4, dtype=torch.int32, device="cuda")
    return [Kernel(call, "spin", 250, None), Kernel(call, "read", 4 << 20, memory)]


def pairs_of(tool, kernel, work, more, count):
    return [tool(kernel, more) / tool(kernel, work) for _ in range(count)]


def row(kernel, target, tool, effect, ratios):
    off = [abs(r - 1.0) for r in ratios]
    return {"kernel": f"{kernel} {target:.0f} us", "tool": tool, "effect": effect,
            "pairs": len(ratios), "beyond_1": sum(x > 0.01 for x in off),
            "beyond_3": sum(x > 0.03 for x in off), "found": sum(r > 1.01 for r in ratios),
            "lowest": min(ratios), "highest": max(ratios)}


def ours(path):
    with open(path, encoding="utf-8") as file:
        rows = json.load(file)["rows"]
    return [{"kernel": r["workload"], "tool": "aisp", "effect": r["effect"], "pairs": r["trials"],
             "beyond_1": r["alarms"]["count"], "beyond_3": None, "found": r["right"]["count"],
             "lowest": None, "highest": None} for r in rows if r["effect"] != 0.01]


def table(rows):
    lines = [f"{'kernel':12} {'tool':12} {'planted':>7} {'pairs':>6} {'beyond 1 %':>10} "
             f"{'beyond 3 %':>10} {'found':>6}  ratios"]
    for r in rows:
        null = r["effect"] == 0.0
        beyond = ["-" if not null or r[k] is None else r[k] for k in ("beyond_1", "beyond_3")]
        spread = "" if r["lowest"] is None else f"{r['lowest']:.3f}..{r['highest']:.3f}"
        lines.append(f"{r['kernel']:12} {r['tool']:12} {100 * r['effect']:6.0f}% {r['pairs']:6} "
                     f"{beyond[0]:>10} {beyond[1]:>10} {'-' if null else r['found']:>6}  {spread}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("library", nargs="?", default="build/libaisp_gpu_kernels.so")
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--do-bench-pairs", type=int, default=30)
    parser.add_argument("--kernels", default="spin 5,spin 20,read 20,spin 200,read 200")
    parser.add_argument("--effects", type=float, nargs="+", default=[0.0, 0.03])
    parser.add_argument("--ours", help="JSON of aisp bench selftest --device cuda")
    parser.add_argument("--json", help="write the rows here")
    options = parser.parse_args()
    rows = ours(options.ours) if options.ours else []
    tools = {"event loop": (event_loop, options.pairs),
             "do_bench": (do_bench, options.do_bench_pairs)}
    wanted = [name.split() for name in options.kernels.split(",")]
    for kernel in kernels(peers.load(options.library)):
        for target in [float(us) for name, us in wanted if name == kernel.name]:
            work = kernel.work_for(target)
            for effect in options.effects:
                more = kernel.with_effect(work, effect) if effect else work
                for name, (tool, count) in tools.items():
                    ratios = pairs_of(tool, kernel, work, more, count)
                    rows.append(row(kernel.name, target, name, effect, ratios))
    print(table(rows))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
