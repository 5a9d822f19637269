#!/usr/bin/env python3
"""The rows of recorded runs as Markdown: one table of all labs, or the table of one lab.

Usage: tools/labs_table.py [--lab ch10:batch] RUN...
Of a case that several runs hold, the last one named counts. Needs nothing but Python 3.
"""
import argparse
import json
import sys


def rows_of(runs):
    cases = {}
    for run in runs:
        with open(run + "/run.json") as header:
            commit = json.load(header)["aisp"]["git_commit"][:12]
        with open(run + "/results.jsonl") as lines:
            for line in lines:
                case = json.loads(line)
                cases[case["lab"], case["case"]] = (case, commit)
    return [cases[key] for key in sorted(cases)]


def three_digits(value):
    text = f"{value:.3g}"
    return f"{float(text):.0f}" if "e" in text and abs(value) >= 1 else text


def time_text(ns):
    for unit, factor in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if ns >= factor:
            return f"{three_digits(ns / factor)} {unit}"
    return f"{three_digits(ns)} ns"


def cells(case, row):
    """time, speed-up, interval, of ceiling; or why there are none."""
    if row["outcome"] not in ("ok", "noisy"):
        return [f"*{row['outcome']}*", "", row.get("reason", ""), ""]
    ratio = row["pair"]["ratio"]
    fraction = row.get("ceiling_fraction") or 0.0
    known = row.get("bound", "") != "" and fraction >= 0.005
    of = f"{100.0 * fraction:.0f} % {row['bound']}" if known else ""
    if row["name"] == case["baseline"]:
        return [time_text(row["time_ns"]["estimate"]), "1", "", of]
    low, high = 1.0 / ratio["high"], 1.0 / ratio["low"]
    times = f"{three_digits(low)} to {three_digits(high)}"
    return [time_text(row["time_ns"]["estimate"]), three_digits(1.0 / ratio["estimate"]), times, of]


def one_lab(cases):
    """A column pair for each case."""
    names = [row["name"] for row in cases[0][0]["techniques"] if row["role"] != "ceiling"]
    print("| technique |" + "".join(f" `{case['case']}` | |" for case, _ in cases))
    print("|---|" + "---|---|" * len(cases))
    for name in names:
        line = f"| `{name}` |"
        for case, _ in cases:
            row = next(row for row in case["techniques"] if row["name"] == name)
            time, times, interval, _ = cells(case, row)
            hull = f" [{interval.replace(' to ', ', ')}]" if interval else ""
            line += f" {time} | {times}{hull} |"
        print(line)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lab", help="only this one, a column for each case")
    parser.add_argument("runs", nargs="+")
    options = parser.parse_args()
    cases = rows_of(options.runs)
    if options.lab:
        cases = [one for one in cases if one[0]["lab"] == options.lab]
        if not cases:
            sys.exit(f"no run there holds {options.lab}")
        one_lab(cases)
        return
    print("| lab, case | technique | time | times quicker | interval | of ceiling | commit |")
    print("|---|---|---|---|---|---|---|")
    for case, commit in cases:
        for row in case["techniques"]:
            if row["role"] == "ceiling":
                continue
            role = {"baseline": " (baseline)", "peer": " (peer)"}.get(row["role"], "")
            print(f"| {case['lab']} {case['case']} | {row['name']}{role} | " +
                  " | ".join(cells(case, row)) + f" | {commit[:7]} |")


if __name__ == "__main__":
    main()
