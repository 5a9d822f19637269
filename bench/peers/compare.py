#!/usr/bin/env python3
"""Runs google-benchmark and hyperfine on the workloads of `aisp bench selftest` and prints the same
error rates for all of them: false alarms on identical code, planted effects found, coverage of the
interval, time to verdict, each with the exact bounds that its number of trials allows.

    bench/peers/compare.py [--build build] [--seconds 240] [--trials N] [--load L] [--json FILE]
"""

import argparse
import json
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rules  # noqa: E402
import tools  # noqa: E402

PARTS = 3  # aisp and the peers take turns this often, so that a drifting machine meets them alike


class Tally:
    """What one rule of one tool said about one row."""

    def __init__(self):
        self.trials = self.right = self.alarms = self.covered = self.intervals = 0
        self.seconds = []

    def add(self, row, verdict, flip, truth, seconds):
        planted = "faster" if flip else "slower"
        self.trials += 1
        self.alarms += verdict.says != ""
        self.right += verdict.says == (planted if row["effect"] else "")
        if verdict.interval:
            self.intervals += 1
            self.covered += verdict.interval[0] <= truth <= verdict.interval[1]
        self.seconds.append(seconds)

    def add_aisp(self, row):
        self.trials += row["trials"]
        self.intervals += row["trials"]
        self.right += row["right"]["count"]
        self.alarms += row["alarms"]["count"]
        self.covered += row["covered"]["count"]
        if row["trials"]:
            self.seconds.append(row["seconds_median"])  # of this part; the table shows their median

    def as_json(self):
        def rate(count, trials):
            low, high = rules.clopper_pearson(count, trials)
            return {"count": count, "low": low, "high": high}
        covered = rate(self.covered, self.intervals) if self.intervals else None
        return {"trials": self.trials, "right": rate(self.right, self.trials),
                "alarms": rate(self.alarms, self.trials), "covered": covered,
                "seconds_median": rules.median(self.seconds) if self.seconds else None}


class Comparison:
    def __init__(self, options):
        self.options = options
        self.rows = tools.workloads(options.build)
        self.random = random.Random(options.seed)
        self.absent, self.peers = [], []
        for kind in tools.PEERS:
            peer = kind(options.build)
            reason = peer.absent()
            if reason:
                self.absent.append((peer.name, reason))
            else:
                self.peers.append(peer)
        self.spent = {peer.name: 0.0 for peer in self.peers}
        self.queues = {peer.name: [] for peer in self.peers}
        self.share = options.seconds / (len(self.peers) + 1)
        self.tallies = {("aisp", "interval beyond margin"): [Tally() for _ in self.rows]}
        for peer in self.peers:
            for rule in peer.rule_names:
                self.tallies[(peer.name, rule)] = [Tally() for _ in self.rows]

    def aisp_part(self, part):
        limit = [f"--seconds={self.share / PARTS:.1f}"]
        # 5 ms operations take about a second a trial: a few trials may be less than the budget.
        if 0 < self.options.trials < self.share / 3.0:
            limit = [f"--trials={-(-self.options.trials // PARTS)}"]
        tools.progress(f"aisp, part {part + 1} of {PARTS}")
        rows = tools.aisp_rows(self.options.build, self.options.load,
                               self.options.seed + part, limit)
        for tally, row in zip(self.tallies[("aisp", "interval beyond margin")], rows):
            tally.add_aisp(row)

    def one_trial(self, peer, index):
        row = self.rows[index]
        flip = self.random.random() < 0.5  # the planted side changes, as in the self-test
        base, mine = row["steps"], row["more_steps"]
        if flip:
            base, mine = mine, base
        verdicts, seconds = tools.timed(lambda: peer.trial(row, base, mine))
        self.spent[peer.name] += seconds
        for verdict in verdicts:
            self.tallies[(peer.name, verdict.rule)][index].add(row, verdict, flip, mine / base,
                                                              seconds)

    def next_row(self, peer, wanted):
        """Every row once in random order, then again; None when all have as many as wanted."""
        queue = self.queues[peer.name]
        tallies = self.tallies[(peer.name, peer.rule_names[0])]
        if not queue:
            queue.extend(i for i, t in enumerate(tallies) if not wanted or t.trials < wanted)
            self.random.shuffle(queue)
        return queue.pop() if queue else None

    def peers_part(self, part):
        """The tools in turn, until each has used its share of this part."""
        until = self.share * (part + 1) / PARTS
        wanted = self.options.trials and -(-self.options.trials * (part + 1) // PARTS)
        with tools.BackgroundLoad(self.options.build, self.options.load):
            active = list(self.peers)
            while active:
                for peer in list(active):
                    index = self.next_row(peer, wanted) if self.spent[peer.name] < until else None
                    if index is None:
                        active.remove(peer)
                        continue
                    tools.progress(f"{peer.name}: {self.rows[index]['workload']}")
                    self.one_trial(peer, index)

    def run(self):
        for part in range(PARTS):
            self.aisp_part(part)
            self.peers_part(part)
        tools.progress("")


def rate_text(count, trials):
    if not trials:
        return "-"
    low, high = rules.clopper_pearson(count, trials)
    return f"{100 * count / trials:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def time_text(seconds):
    middle = rules.median(seconds) if seconds else 0.0
    if not seconds:
        return "-"
    return f"{1e3 * middle:.0f} ms" if middle < 1.0 else f"{middle:.1f} s"


def print_row(label, tally, null):
    alarms = rate_text(tally.alarms, tally.trials) if null else "-"
    print(f"  {label:54} {tally.trials:>6} {rate_text(tally.right, tally.trials):>22} {alarms:>22} "
          f"{rate_text(tally.covered, tally.intervals):>22} {time_text(tally.seconds):>9}")


def print_tables(comparison):
    header = f"  {'tool, rule':54} {'trials':>6} {'right verdict':>22} " \
             f"{'false alarms':>22} {'interval holds truth':>22} {'to verdict':>9}"
    for index, row in enumerate(comparison.rows):
        print(f"{row['workload']}, planted {100 * row['effect']:+.0f} %, "
              f"margin {100 * row['margin']:.1f} %")
        print(header)
        for (tool, rule), tallies in comparison.tallies.items():
            print_row(f"{tool}, {rule}", tallies[index], row["effect"] == 0)
        print()
    print("all workloads together")
    print(f"  {'tool, rule':54} {'identical, called different':>29} {'+1 % found':>25} "
          f"{'+3 % found':>25}")
    for (tool, rule), tallies in comparison.tallies.items():
        cells = []
        for effect in (0, 0.01, 0.03):
            some = [t for t, row in zip(tallies, comparison.rows) if row["effect"] == effect]
            count = sum(t.right if effect else t.alarms for t in some)
            cells.append(rate_text(count, sum(t.trials for t in some)))
        print(f"  {tool + ', ' + rule:54} {cells[0]:>29} {cells[1]:>25} {cells[2]:>25}")
    for name, reason in comparison.absent:
        print(f"  {name}: absent; {reason}")


def write_json(comparison, path):
    rows = []
    for (tool, rule), tallies in comparison.tallies.items():
        for row, tally in zip(comparison.rows, tallies):
            rows.append({"tool": tool, "rule": rule, "workload": row["workload"],
                         "effect": row["effect"], "margin": row["margin"], **tally.as_json()})
    record = {"schema": "aisp.peers/1", "load": comparison.options.load,
              "seconds": comparison.options.seconds, "load_average": os.getloadavg(),
              "absent": [{"tool": name, "install": reason} for name, reason in comparison.absent],
              "rows": rows}
    with open(path, "w", encoding="utf-8") as out:
        json.dump(record, out, indent=1)
        out.write("\n")


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", default="build", help="build folder with aisp and the peers")
    parser.add_argument("--seconds", type=float, default=240.0, help="budget of all tools together")
    parser.add_argument("--trials", type=int, default=0, help="most trials a row; 0: what fits")
    parser.add_argument("--load", type=int, default=0, help="busy background processes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", metavar="FILE", help="write the counts there too")
    options = parser.parse_args(arguments)
    if options.seconds <= 0 or options.trials < 0 or not 0 <= options.load <= 64:
        parser.error("--seconds must be above 0, --trials at least 0, --load from 0 to 64")
    options.build = os.path.abspath(options.build)
    return options


def main(arguments):
    options = parse(arguments)
    try:
        comparison = Comparison(options)
        print(f"background load {options.load}, {options.seconds:.0f} s, load average at the "
              f"beginning {os.getloadavg()[0]:.1f}; rates with exact 95 % bounds\n")
        comparison.run()
        print_tables(comparison)
        if options.json:
            write_json(comparison, options.json)
    except (tools.Failed, OSError) as failure:
        print(f"compare.py: {failure}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
