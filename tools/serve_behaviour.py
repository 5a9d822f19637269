#!/usr/bin/env python3
"""How `aisp serve` behaves when it is asked too much, for long, or by 32 streams at once.

  serve_behaviour.py AISP MODEL overload [--flood 60]   ten times its capacity, then calm: is it
                                                        good again within 5 s? refusals' times?
  serve_behaviour.py AISP MODEL soak [--seconds 3600]   every kind of client: does anything grow?
  serve_behaviour.py AISP MODEL threads                 CPU time of a step, by kind of thread
  serve_behaviour.py AISP SMALL tiers --large LARGE     what requests for each model and for `auto`
                                                        (by length) cost, one at a time

Starts the server on a free port of this machine, asks it with `aisp load` and with rude clients,
and reads /proc and /metrics. The last line is one object of JSON. Exit code 1: not as it should be.
"""

import argparse
import collections
import json
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

RUNNING = 32
JUDGES_MEMORY_S = 300
SLO = "ttft={0},tpot={1}"


class Server:
    def __init__(self, aisp, model, more):
        self.aisp = aisp
        self.folder = tempfile.TemporaryDirectory()
        self.lines_path = pathlib.Path(self.folder.name) / "lines"
        self.process = subprocess.Popen(
            [aisp, "serve", model, "--listen", "127.0.0.1:0", "--log", str(self.lines_path),
             "--max-running", str(RUNNING), *more])
        self.port = self.wait_for_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def lines(self):
        text = self.lines_path.read_text() if self.lines_path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def wait_for_port(self):
        while self.process.poll() is None:
            for line in self.lines():
                if line.get("event") == "listening":
                    return line["port"]
            time.sleep(0.05)
        sys.exit("the server did not start")

    def metrics(self):
        values = collections.defaultdict(float)
        with urllib.request.urlopen(self.url + "/metrics", timeout=30) as page:
            for line in page.read().decode().splitlines():
                if not line.startswith("#"):
                    name, value = line.rsplit(" ", 1)
                    values[name.split("{")[0]] += float(value)
        return values

    def held(self):
        """What could grow, when nobody asks: memory, files, threads, blocks that somebody has."""
        proc = pathlib.Path(f"/proc/{self.process.pid}")
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        metrics = self.metrics()
        unused = metrics["aisp_kv_blocks_free"] + metrics["aisp_kv_blocks_cached"]
        requests = metrics["aisp_requests_running"] + metrics["aisp_requests_waiting"]
        return {"rss_mib": int(status["VmRSS"].split()[0]) / 1024,
                "files": len(list((proc / "fd").iterdir())),
                "threads": int(status["Threads"]),
                "blocks": int(metrics["aisp_kv_blocks"] - unused), "requests": int(requests)}

    def idle(self):
        """held() once nothing is asked any more, or after 30 s. Asking takes a file itself."""
        for _ in range(300):
            held = self.held()
            if held["requests"] == 0 and held["blocks"] == 0:
                break
            time.sleep(0.1)
        return held

    def load(self, *options):
        """A run of `aisp load`, which says with 1 that too few requests were good."""
        done = subprocess.run([self.aisp, "load", self.url, "--json", "-", *options],
                              stdout=subprocess.PIPE, check=False)
        if done.returncode not in (0, 1):
            sys.exit(f"aisp load ended with {done.returncode}")
        record = json.loads(done.stdout[done.stdout.index(b"{"):])
        summary = record["runs"][0]["summary"]
        summary["generator_cpu_share"] = record["generator"]["cpu_share"]
        return summary, done.returncode == 0

    def end(self):
        self.process.terminate()
        code = self.process.wait()
        self.folder.cleanup()
        return code


def lengths(args):
    return ["--prompt-tokens", args.prompt, "--answer-tokens", args.answer, "--seed", "1"]


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else None


def overload(server, args):
    slo = ["--slo", SLO.format(args.ttft, args.tpot)]
    flood_of = ["--warmup", "0", "--tail", "0", "--header", f"X-First-Token-Within: {args.ttft}",
                *slo, *lengths(args)]
    full, _ = server.load("--concurrency", str(2 * RUNNING), "--duration", str(args.calm), *slo,
                          *lengths(args))
    capacity = full["answered_per_s"]
    if capacity <= 0:
        sys.exit(f"nothing was answered within {args.calm} s: give more --calm or a smaller model")
    # Once before, so that what grows is not the first use of the memory for keys and values.
    server.load("--rate", str(10 * capacity), "--duration", str(args.calm), *flood_of)
    before, seen = server.idle(), len(server.lines())
    flood, _ = server.load("--rate", str(10 * capacity), "--duration", str(args.flood), *flood_of)
    # At once, without a pause; what is due in the first 5 s is not judged.
    calm, _ = server.load("--rate", str(0.5 * capacity), "--warmup", "5", "--duration",
                          str(args.calm), *slo, *lengths(args))
    after = server.idle()
    told = [line for line in server.lines()[seen:] if line.get("status") == 429 and "ms" in line]
    # Those that were taken in and dropped when their deadline had passed are another matter.
    late = [line for line in told if "deadline" in line.get("error", "")]
    quick = sorted((line for line in told if line not in late), key=lambda one: one["ms"]["whole"])
    times = [line["ms"]["whole"] for line in quick]
    result = {"capacity_per_s": capacity, "offered_per_s": flood["offered_per_s"],
              "flood": flood["outcomes"], "flood_goodput_per_s": flood["goodput_per_s"],
              "generator_cpu_share": flood["generator_cpu_share"],
              "calm_good_share": calm["good_share"], "calm": calm["outcomes"],
              "dropped_late": len(late), "refused": len(quick),
              "refusal_ms": {str(share): percentile(times, share) for share in
                             (0.5, 0.99, 0.999, 1.0)},
              "slowest": quick[-3:], "before": before, "after": after}
    as_before = all(after[name] <= before[name] for name in ("files", "threads", "blocks"))
    as_before = as_before and after["rss_mib"] <= before["rss_mib"] * 1.02 + 4
    return result, calm["good_share"]["estimate"] >= 0.9 and as_before


def be_rude(port, kind):
    """A client that leaves, or speaks nonsense."""
    body = json.dumps({"model": "behaviour", "prompt": "a b c", "max_tokens": 64, "stream": True})
    head = f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        if kind == 0:
            client.sendall(random.randbytes(random.randrange(1, 400)))
        elif kind == 1:
            client.sendall(head.encode())
        else:
            client.sendall((head + body).encode())
        if kind == 3:
            client.recv(300)


def soak(server, args):
    first, begin, rounds = None, time.monotonic(), []
    while time.monotonic() - begin < args.seconds:
        server.load("--concurrency", str(RUNNING), "--duration", str(args.round), "--warmup", "0",
                    "--turns", "2", *lengths(args))
        for kind in range(40):
            be_rude(server.port, kind % 4)
        rounds.append(server.idle())
        print(json.dumps({"s": round(time.monotonic() - begin, 1), **rounds[-1]}), flush=True)
        if first is None and time.monotonic() - begin >= args.seconds / 3:
            first = rounds[-1]
    first, last = first or rounds[0], rounds[-1]
    still = all(last[name] <= first[name] for name in ("files", "threads", "blocks"))
    # Before, memory for keys and values is still being used for the first time.
    judged = args.seconds >= JUDGES_MEMORY_S
    still = still and (not judged or last["rss_mib"] <= first["rss_mib"] * 1.02 + 4)
    return {"rounds": len(rounds), "after_a_third": first, "last": last,
            "memory_judged": judged}, still


def thread_times(pid):
    """CPU seconds by the name of the thread; the first thread is the one for I/O."""
    times = collections.defaultdict(float)
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        name = "io" if task.name == str(pid) else (task / "comm").read_text().strip()
        times[name] += int((task / "schedstat").read_text().split()[0]) / 1e9
    return times


def threads(server, args):
    load = subprocess.Popen(
        [server.aisp, "load", server.url, "--concurrency", str(RUNNING), "--duration",
         str(args.calm + 30), "--warmup", "0", "--tail", "0", "--prompt-tokens", "16",
         "--answer-tokens", "2000", "--timeout", "600"], stdout=subprocess.DEVNULL)
    while server.metrics()["aisp_requests_running"] < RUNNING:
        time.sleep(0.1)
    time.sleep(1)
    before, steps, begin = thread_times(server.process.pid), server.metrics(), time.monotonic()
    time.sleep(args.calm)
    after, then, end = thread_times(server.process.pid), server.metrics(), time.monotonic()
    load.terminate()
    load.wait()
    count = then["aisp_engine_steps_total"] - steps["aisp_engine_steps_total"]
    rows = then["aisp_engine_decode_rows_total"] - steps["aisp_engine_decode_rows_total"]
    step_us = (end - begin) / count * 1e6
    each_us = {name: (after[name] - before[name]) / count * 1e6 for name in sorted(after)}
    around = ("io", "front-worker", "scheduler", "callbacks")
    share = sum(each_us.get(name, 0.0) for name in around) / step_us
    return {"steps": count, "rows_of_a_step": rows / count, "step_us": step_us,
            "cpu_us_of_a_step": each_us, "front_and_scheduler_share": share}, share < 0.02


def tiers(server, args):
    """CPU time of the same requests, asked of each model and of the route between them."""
    result, prompts = {}, ["word " * (2 + 30 * (number % 2)) for number in range(args.requests)]
    for name in ("large", "behaviour", "auto"):
        routed, tokens = collections.Counter(), 0
        before = thread_times(server.process.pid)
        for number, prompt in enumerate(prompts):
            body = {"model": name, "prompt": f"{number} {name} {prompt}", "max_tokens": 16,
                    "ignore_eos": True, "temperature": 0}
            ask = urllib.request.Request(server.url + "/v1/completions", json.dumps(body).encode())
            with urllib.request.urlopen(ask, timeout=120) as answer:
                routed[json.load(answer)["model"]] += 1
                tokens += 16
        after = thread_times(server.process.pid)
        spent = {thread: after[thread] - before[thread] for thread in after}
        result[name] = {"answered_by": routed, "answer_tokens": tokens,
                        "cpu_ms_of_a_request": sum(spent.values()) / len(prompts) * 1e3,
                        "worker_us_of_a_request": spent["front-worker"] / len(prompts) * 1e6}
    return result, True


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("aisp")
    parser.add_argument("model")
    parser.add_argument("what", choices=("overload", "soak", "threads", "tiers"))
    parser.add_argument("--flood", type=float, default=60, help="seconds of ten times the capacity")
    parser.add_argument("--calm", type=float, default=15, help="seconds of each other measurement")
    parser.add_argument("--seconds", type=float, default=3600, help="of a soak")
    parser.add_argument("--round", type=float, default=10, help="seconds of a soak's round")
    parser.add_argument("--prompt", default="16-128", help="tokens, as `aisp load` has it")
    parser.add_argument("--answer", default="16-64")
    parser.add_argument("--ttft", type=float, default=1.0, help="seconds to the first token")
    parser.add_argument("--tpot", type=float, default=0.5, help="seconds for each further one")
    parser.add_argument("--requests", type=int, default=12, help="of tiers: for each name")
    parser.add_argument("--large", help="of tiers: the other model")
    parser.add_argument("--serve", default="", help="more options of `aisp serve`, in quotes")
    args = parser.parse_args()
    more = ["--served-name", "behaviour", *args.serve.split()]
    if args.what == "tiers":
        more += ["--model", f"large={args.large}", "--route", "length",
                 "--route-prompt-tokens", "40"]
    server = Server(args.aisp, args.model, more)
    try:
        what = {"overload": overload, "soak": soak, "threads": threads, "tiers": tiers}[args.what]
        result, good = what(server, args)
    finally:
        code = server.end()
    print(json.dumps({"what": args.what, "good": good and code == 0, **result}))
    sys.exit(0 if good and code == 0 else 1)


if __name__ == "__main__":
    main()
