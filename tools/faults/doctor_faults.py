#!/usr/bin/env python3
"""Plants faults of many kinds and counts how many `aisp doctor` finds.

    doctor_faults.py AISP [--only NAME,...] [--runs N] [--json FILE]

Each fault is planted in a container of its own: environment, resource limits, mount namespaces in
which a file of the kernel shows another value, control groups, processes, datasets, build folders,
repositories, and recorded machines of doctor/trees with a changed fact. The same item is first
examined without the fault and must be content (or not applicable). Then N examinations of this
machine as it is must give identical verdicts. Nothing outside of temporary folders is changed.
Exit status: 0 recall at least 95 % and no false alarm, 1 otherwise. What needs rights that are not
there (root for namespaces and control groups) is skipped and said so.
"""
import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from plants import FAULTS, Skip  # noqa: E402

BAD = ("warn", "fail")


def examine(aisp, arguments, prefix=(), env=None, cwd=None):
    """Verdicts by id of one examination."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "MKL_"))}
    environment.update(env or {})
    ran = subprocess.run([*prefix, aisp, "doctor", "--json", *arguments], env=environment, cwd=cwd,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, check=False)
    if ran.returncode != 0:
        raise RuntimeError(f"status {ran.returncode}: {ran.stderr.decode(errors='replace')[-300:]}")
    return {row["id"]: row for row in json.loads(ran.stdout)["rows"]}


def try_fault(fault, aisp, trees):
    """One row of the table: (name, item, without, with, verdict of the trial)."""
    with tempfile.TemporaryDirectory(prefix="aisp-fault-") as folder:
        plant = fault.make(pathlib.Path(folder), trees)
        arguments = ["--item", fault.item, *(["--measure"] if fault.measure else [])]
        try:
            before = examine(aisp, arguments + plant.clean_arguments, plant.clean_prefix,
                             plant.clean_env)
            after = examine(aisp, arguments + plant.arguments, plant.prefix, plant.env)
        finally:
            plant.close()
    clean, found = before[fault.item], after[fault.item]
    if clean["verdict"] in BAD:
        outcome = "false alarm"
    elif found["verdict"] in BAD:
        outcome = "found"
    else:
        outcome = "missed"
    return {"fault": fault.name, "kind": fault.kind, "item": fault.item,
            "without": clean["verdict"], "with": found["verdict"], "outcome": outcome,
            "says": (clean if outcome == "false alarm" else found)["says"]}


def repeat(aisp, runs):
    """Verdicts of this machine as it is, `runs` times: what differs between runs, and the time."""
    begin, seen = time.monotonic(), []
    for _ in range(runs):
        seen.append({k: row["verdict"] for k, row in examine(aisp, []).items()})
    unsteady = sorted({k for one in seen for k in one if one[k] != seen[0][k]})
    return unsteady, (time.monotonic() - begin) / runs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("aisp")
    parser.add_argument("--only", default="")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--json")
    parser.add_argument("--trees", default=str(pathlib.Path(__file__).parents[2] / "doctor/trees"))
    o = parser.parse_args()
    aisp = str(pathlib.Path(o.aisp).resolve())
    wanted = set(filter(None, o.only.split(",")))
    rows, skipped = [], []
    for fault in FAULTS:
        if wanted and fault.name not in wanted:
            continue
        try:
            rows.append(try_fault(fault, aisp, pathlib.Path(o.trees)))
            row = rows[-1]
            print(f"{row['outcome']:<12} {row['kind']:<12} {row['fault']:<28} {row['item']:<28} "
                  f"{row['without']} -> {row['with']}", flush=True)
            if row["outcome"] != "found":
                print(f"             {row['says']}")
        except Skip as why:
            skipped.append((fault.name, str(why)))
            print(f"{'skipped':<12} {fault.kind:<12} {fault.name:<28} {why}", flush=True)
    counts = collections.Counter(row["outcome"] for row in rows)
    found, missed, false = counts["found"], counts["missed"], counts["false alarm"]
    recall = found / max(1, found + missed)
    print(f"\n{len(rows)} faults of {len({row['kind'] for row in rows})} kinds: {found} found, "
          f"{missed} missed, {false} false alarms without the fault, {len(skipped)} skipped; "
          f"recall {100 * recall:.1f} %")
    unsteady, seconds = repeat(aisp, o.runs) if o.runs > 0 else ([], 0.0)
    if o.runs > 0:
        print(f"{o.runs} examinations of this machine: "
              f"{'identical verdicts' if not unsteady else 'unsteady: ' + ', '.join(unsteady)}, "
              f"{seconds:.2f} s each")
    if o.json:
        pathlib.Path(o.json).write_text(json.dumps(
            {"rows": rows, "skipped": skipped, "recall": recall, "unsteady": unsteady,
             "seconds": seconds}, indent=1) + "\n", encoding="utf-8")
    return 0 if rows and recall >= 0.95 and false == 0 and not unsteady else 1


if __name__ == "__main__":
    sys.exit(main())
