"""The tools that compare.py runs: how each is started, as its own users start it, and the verdicts
that its users would read from one trial. README.md gives the reasons."""

import json
import math
import os
import subprocess
import sys
import tempfile
import time

import rules

TARGET_NS = 20e6     # a process that hyperfine times lasts about this long
HYPERFINE_RUNS = 20  # its own default, 10 runs and at least 3 s, spends 150 such runs on each side
NS_PER_STEP = {"compute": 1.15, "memory": 3.6}


class Failed(Exception):
    """A tool did not run; the message says what to do."""


class Verdict:
    """What one rule says about one trial: '', 'slower' or 'faster'; an interval if it gives one."""

    def __init__(self, rule, says, interval=None):
        self.rule, self.says, self.interval = rule, says, interval


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        text = done.stderr.decode(errors="replace").strip().splitlines()
        raise Failed(f"{command[0]} ended with {done.returncode}: {text[-1] if text else ''}")
    return done.stdout


class GoogleBenchmark:
    """Two processes, one a side, judged by the U test of its compare.py."""

    name = "google-benchmark 9 x 10 ms"
    rule_names = ("U test", "U test and margin", "U test and margin, CPU time")
    arguments = ("--benchmark_repetitions=9", "--benchmark_min_time=0.01")

    def __init__(self, build):
        self.program = os.path.join(build, "peer_google_benchmark")

    def absent(self):
        if os.path.exists(self.program):
            return ""
        return "install libbenchmark-dev, configure again and build the target `peers`"

    def times(self, row, steps):
        out = run([self.program, row["kind"], str(steps), "--benchmark_format=json",
                   *self.arguments])
        runs = [r for r in json.loads(out)["benchmarks"] if r.get("run_type") == "iteration"]
        return [r["real_time"] for r in runs], [r["cpu_time"] for r in runs]

    def trial(self, row, base_steps, mine_steps):
        base, mine = self.times(row, base_steps), self.times(row, mine_steps)
        verdicts = []
        for rule, clock, margin in zip(self.rule_names, (0, 0, 1), (0.0, row["margin"],
                                                                    row["margin"])):
            ratio = rules.median(mine[clock]) / rules.median(base[clock])
            significant = rules.mann_whitney_p(mine[clock], base[clock]) < rules.ALPHA
            verdicts.append(Verdict(rule, rules.beyond(ratio, margin) if significant else ""))
        return verdicts


class GoogleBenchmarkDefaults(GoogleBenchmark):
    """One run of each side with nothing set, and the ratio read off."""

    name = "google-benchmark defaults"
    rule_names = ("ratio beyond margin",)
    arguments = ()

    def trial(self, row, base_steps, mine_steps):
        base, mine = self.times(row, base_steps), self.times(row, mine_steps)
        ratio = rules.median(mine[0]) / rules.median(base[0])
        return [Verdict(self.rule_names[0], rules.beyond(ratio, row["margin"]))]


class Hyperfine:
    """Whole processes, judged by the Welch test of its scripts folder."""

    name = f"hyperfine {HYPERFINE_RUNS} runs"
    rule_names = ("Welch test", "Welch test and margin")

    def __init__(self, build):
        self.workload = os.path.join(build, "peer_workload")

    def absent(self):
        try:
            run(["hyperfine", "--version"])
        except (OSError, Failed):
            return "install hyperfine"
        return ""

    def trial(self, row, base_steps, mine_steps):
        calls = max(1, round(TARGET_NS / (row["steps"] * NS_PER_STEP[row["kind"]])))
        commands = [f"'{self.workload}' run {row['kind']} {steps} {calls}"
                    for steps in (base_steps, mine_steps)]
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            run(["hyperfine", "--shell=none", "--style=none", "--warmup=2",
                 f"--runs={HYPERFINE_RUNS}", f"--export-json={out.name}", *commands])
            with open(out.name, encoding="utf-8") as text:
                base, mine = (r["times"] for r in json.load(text)["results"])
        ratio = rules.mean(mine) / rules.mean(base)
        significant = rules.welch_p(mine, base) < rules.ALPHA
        # The "1.03 +- 0.04 times" that it prints: standard deviations of single runs, propagated.
        spread = ratio * math.sqrt(rules.variance(mine) / rules.mean(mine) ** 2
                                   + rules.variance(base) / rules.mean(base) ** 2)
        interval = (ratio - spread, ratio + spread)
        return [Verdict(self.rule_names[0], rules.beyond(ratio, 0.0) if significant else "",
                        interval),
                Verdict(self.rule_names[1],
                        rules.beyond(ratio, row["margin"]) if significant else "", interval)]


PEERS = (GoogleBenchmark, GoogleBenchmarkDefaults, Hyperfine)


def workloads(build):
    program = os.path.join(build, "peer_workload")
    if not os.path.exists(program):
        raise Failed(f"{program} is not there: build it with `ninja -C {build} peers`")
    return [json.loads(line) for line in run([program, "list"]).splitlines()]


def aisp_rows(build, load, seed, limit):
    """One run of aisp's own self-test; `limit` is its --trials or --seconds argument."""
    program = os.path.join(build, "aisp")
    if not os.path.exists(program):
        raise Failed(f"{program} is not there: build it with `ninja -C {build} aisp`")
    return json.loads(run([program, "bench", "selftest", "--json", f"--load={load}",
                           f"--seed={seed}", *limit]))["rows"]


class BackgroundLoad:
    """The self-test's busy neighbours: even ones compute, odd ones stream memory."""

    def __init__(self, build, count):
        program = os.path.join(build, "peer_workload")
        self.children = [subprocess.Popen([program, "busy", ("compute", "memory")[i % 2]])
                         for i in range(count)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self.children:
            child.kill()
        for child in self.children:
            child.wait()


def timed(action):
    begin = time.monotonic()
    result = action()
    return result, time.monotonic() - begin


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
