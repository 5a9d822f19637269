#!/usr/bin/env python3
"""Plants faults in the scheduler's source and counts how many the simulation notices.

    scheduler_faults.py BUILD_FOLDER [--only NAME,...] [--jobs N]

Each fault changes one place of serve/*.cc, is compiled beside the untouched rest of a built tree
(library aisp_serve and the tests' objects), and the simulation must then fail. The untouched
simulation must pass. Exit status: 0 every fault was noticed, 1 otherwise. Nothing outside of a
temporary folder is changed.
"""
import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# name: (file, the text to find, exactly once; what stands there instead)
FAULTS = {
    "leaked_block": ("memory.cc", "for (const BlockId block : s.blocks) state.pool.drop(block);",
                     "for (std::size_t i = 1; i < s.blocks.size(); ++i)\n"
                     "  state.pool.drop(s.blocks[i]);"),
    "leaked_draft_block": ("memory.cc", "    state.pool.drop(s.blocks.back());\n", ""),
    "leaked_duplicate": ("memory.cc", "      state.pool.drop(own);\n", ""),
    "leaked_host_block": ("memory.cc", "      state.host.drop(host);\n", ""),
    "kept_lock": ("memory.cc", "  state.index.unlock(s.node);\n  s.blocks.clear();",
                  "  s.blocks.clear();"),
    "shared_before_produced": (
        "scheduler.cc", "  s.in_plan = true;\n",
        "  s.in_plan = true;\n  s.computed += known;\n  index_produced(state, slot);\n"
        "  s.computed -= known;\n"),
    "prompt_budget_ignored": ("scheduler.cc", "    tokens_ -= known + reading;\n", ""),
    "rows_ignored": ("scheduler.cc", "return state_.config.max_rows - state_.plan.rows;",
                     "return state_.config.max_rows;"),
    "draft_rows_ignored": ("scheduler.cc", "    spare_rows -= drafts;\n", ""),
    "freed_in_flight": ("scheduler.cc", "  if (s.in_plan) {\n    s.cancelled = true;",
                        "  if (false) {\n    s.cancelled = true;"),
    "no_copy_on_write": ("memory.cc", "bool own_tail(State& state, int slot) {\n",
                         "bool own_tail(State& state, int slot) {\n  return true;\n"),
    "copy_not_planned": (
        "memory.cc",
        "    state.plan.moves.push_back({Move::Kind::kCopy, s.blocks[tail], own});\n", ""),
    "to_host_not_planned": (
        "memory.cc", "    state.plan.moves.push_back({Move::Kind::kToHost, block, host});\n", ""),
    "from_host_not_planned": (
        "memory.cc", "      state.plan.moves.push_back({Move::Kind::kFromHost, host, device});\n",
        ""),
    "locked_evicted": ("prefix_index.cc", "      node.users == 0 && (node.on_host ?",
                       "      (node.on_host ?"),
    "rejected_drafts_kept": ("scheduler.cc", "    s.computed = known + taken - 1;",
                             "    s.computed = known + std::min(taken, drafts);"),
    "domains_shared": ("scheduler.cc", "match = state_.index.match(s.request.cache_domain,",
                       "match = state_.index.match(0,"),
    "last_token_cached": ("scheduler.cc",
                          "std::span<const Token>(s.tokens).first(s.tokens.size() - 1)",
                          "std::span<const Token>(s.tokens)"),
    "parked_for_ever": (
        "memory.cc", "    parked.stage = Stage::kWaiting;\n    enqueue(state, woken);\n", ""),
    "preempted_forgotten": ("memory.cc", "  if (!queued) enqueue(state, slot);\n", ""),
    "preempts_the_planned": ("memory.cc", "      if (at(state, *last).in_plan) continue;\n", ""),
    "stop_token_passed": ("scheduler.cc", "      return Finish::kStop;\n", "      continue;\n"),
    "promises_forgotten": ("scheduler.cc",
                           "  return available_blocks - promised_blocks - running >=",
                           "  return available_blocks - 0 * (promised_blocks + running) >="),
    "nobody_yields": ("memory.cc", "may_preempt && last != state.running.rend()",
                      "false && last != state.running.rend()"),
    "the_latest_due_first": ("memory.cc", "{ return goes_before(at(state, a), at(state, b)); }",
                             "{ return goes_before(at(state, b), at(state, a)); }"),
}

def build_and_run(name, fault, build, folder):
    source, old, written = fault
    text = (ROOT / "serve" / source).read_text()
    if text.count(old) != 1:
        return name, None, f"its place was found {text.count(old)} times"
    place = folder / name
    place.mkdir()
    (place / source).write_text(text.replace(old, written))
    flags = ["-std=c++20", "-O1", "-fno-omit-frame-pointer", f"-I{ROOT}"]
    subprocess.run(["g++", *flags, "-c", str(place / source), "-o", str(place / "fault.o")],
                   check=True)
    program = link(build, place / "run", [place / "fault.o"])
    return name, *judge(program)


def link(build, program, objects):
    tests = build / "CMakeFiles" / "serve_test.dir" / "serve"
    subprocess.run(["g++", str(tests / "simulation_test.cc.o"), *map(str, objects),
                    str(build / "libaisp_serve.a"), str(build / "libaisp_base.a"), "-lgtest",
                    "-lgtest_main", "-lfmt", "-lpthread", "-o", str(program)], check=True)
    return program


def judge(program):
    """(noticed, by what)."""
    try:
        ran = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return True, "it never ends"
    said = ran.stdout.decode(errors="replace")
    found = re.search(r"check failed in .*: (.*)", said) or re.search(r"(.*Failure\n.*)", said)
    return ran.returncode != 0, found.group(1).replace("\n", " ") if found else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    chosen = {k: v for k, v in FAULTS.items() if not options.only or k in options.only.split(",")}
    missed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        noticed, why = judge(link(options.build, folder / "untouched", []))
        if noticed:
            sys.exit(f"the untouched simulation fails: {why}")
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            jobs = [pool.submit(build_and_run, k, v, options.build, folder)
                    for k, v in chosen.items()]
            for job in concurrent.futures.as_completed(jobs):
                fault, noticed, why = job.result()
                missed += not noticed
                print(f"{'noticed' if noticed else 'MISSED '} {fault}: {why}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} faults noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
