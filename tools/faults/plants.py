"""The faults that doctor_faults.py plants: one row of FAULTS each."""
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import time
from typing import Callable


class Skip(Exception):
    """Cannot be planted here; says why."""


@dataclasses.dataclass
class Plant:
    """How to examine with the fault, and without it."""
    arguments: list = dataclasses.field(default_factory=list)
    prefix: list = dataclasses.field(default_factory=list)
    env: dict = dataclasses.field(default_factory=dict)
    clean_arguments: list = dataclasses.field(default_factory=list)
    clean_prefix: list = dataclasses.field(default_factory=list)
    clean_env: dict = dataclasses.field(default_factory=dict)
    undo: list = dataclasses.field(default_factory=list)

    def close(self):
        for step in reversed(self.undo):
            step()


@dataclasses.dataclass
class Fault:
    name: str
    kind: str
    item: str
    make: Callable
    measure: bool = False


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


# Environment and limits --------------------------------------------------------------------------

def variables(**values):
    return lambda folder, trees: Plant(env={k: v.format(folder=folder) for k, v in values.items()})


def limited(option):
    def make(folder, trees):
        if shutil.which("prlimit") is None:
            raise Skip("needs prlimit (util-linux)")
        if os.geteuid() == 0 and shutil.which("setpriv") is None:
            raise Skip("needs setpriv (util-linux): the limit does not bind root")
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        return Plant(prefix=["prlimit", option, *(nobody if os.geteuid() == 0 else [])])
    return make


# Files of the kernel, seen differently in a mount namespace ---------------------------------------

def namespace(script):
    """Runs the doctor after `script` in a mount namespace of its own."""
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c",
            f'set -e; {script}; exec "$0" "$@"']


def shown(path, text, clean=None, data=False):
    """The file `path` shows `text`; without the fault `clean` where that is given, else itself."""
    def make(folder, trees):
        need_root()
        if not pathlib.Path(path).exists():
            raise Skip(f"{path} is not there")
        plant = Plant()
        for name, value in (("bad", text), ("good", clean)):
            if value is None:
                continue
            (folder / name).write_text(value + "\n", encoding="utf-8")
            prefix = namespace(f"mount --bind {folder / name} {path}")
            if name == "bad":
                plant.prefix = prefix
            else:
                plant.clean_prefix = prefix
        if data:
            plant.arguments = plant.clean_arguments = ["--data", data]
        return plant
    return make


# Control groups -----------------------------------------------------------------------------------

def cgroup_folders(controller):
    """(folder of the hierarchy, version) that can be written, or Skip."""
    need_root()
    v2 = pathlib.Path("/sys/fs/cgroup/cgroup.controllers")
    if v2.exists():
        if controller not in v2.read_text(encoding="utf-8").split():
            raise Skip(f"no {controller} controller")
        return pathlib.Path("/sys/fs/cgroup"), 2
    v1 = pathlib.Path("/sys/fs/cgroup") / controller
    if not v1.is_dir():
        raise Skip("no control groups are mounted")
    return v1, 1


def in_cgroup(controller, settings_v1, settings_v2, burn=""):
    def make(folder, trees):
        root, version = cgroup_folders(controller)
        group = root / f"aisp-fault-{os.getpid()}"
        try:
            if version == 2:
                control = root / "cgroup.subtree_control"
                if controller not in control.read_text(encoding="utf-8").split():
                    control.write_text(f"+{controller}\n", encoding="utf-8")
            group.mkdir()
        except OSError as problem:
            raise Skip(f"control groups cannot be written: {problem.strerror}") from None
        plant = Plant(undo=[lambda: remove_group(group)])
        try:
            for name, value in (settings_v1 if version == 1 else settings_v2).items():
                (group / name).write_text(value, encoding="utf-8")
        except OSError as problem:
            plant.close()
            raise Skip(f"the control group refuses: {problem.strerror}") from None
        enter = f"echo $$ > {group}/cgroup.procs"
        plant.prefix = ["sh", "-c", f'set -e; {enter}; {burn} exec "$0" "$@"']
        return plant
    return make


def remove_group(group):
    for _ in range(50):
        for pid in (group / "cgroup.procs").read_text(encoding="utf-8").split():
            try:
                os.kill(int(pid), 9)
            except ProcessLookupError:
                pass
        try:
            group.rmdir()
            return
        except OSError:
            time.sleep(0.1)


# Processes ----------------------------------------------------------------------------------------

def crowded(spinners, seconds):
    """So many busy processes for so long before the doctor looks; they end by themselves."""
    def make(folder, trees):
        if busy():
            raise Skip("this machine is busy already")
        spin = f"timeout {3 * seconds} sh -c 'while :; do :; done' >/dev/null 2>&1 &"
        crowd = f"for i in $(seq {spinners}); do {spin} done; sleep {seconds}; exec \"$0\" \"$@\""
        return Plant(prefix=["sh", "-c", crowd])
    return make


def process(command, clean_command, ready=0.5, beside=None):
    """The doctor looks at a process (--pid); `beside` runs next to it."""
    def make(folder, trees):
        plant = Plant()

        def start(words, times):
            words = words(folder) if callable(words) else words
            children = [subprocess.Popen(words, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL) for _ in range(times)]
            for child in children:
                plant.undo.append(lambda c=child: (c.kill(), c.wait()))
            return children
        if beside:
            start(beside, os.cpu_count())
        faulty = start(command, 1)
        healthy = start(clean_command, 1)
        time.sleep(2 * ready)
        plant.arguments = ["--pid", str(faulty[0].pid)]
        plant.clean_arguments = ["--pid", str(healthy[0].pid)]
        return plant
    return make


def busy():
    try:
        text = pathlib.Path("/proc/pressure/cpu").read_text(encoding="utf-8")
    except OSError:
        return os.getloadavg()[0] > 1.0
    return float(text.split("avg60=")[1].split()[0]) > 10.0


def named(name, words):
    """The same program under another name: loaders are known by it."""
    def make(folder):
        copy = folder / name
        if not copy.exists():
            shutil.copy("/bin/sh", copy)
        return [str(copy) if word == "sh" else word for word in words]
    return make


# Holds private memory and touches every page of it.
HOLD = """
import mmap, time
memory = mmap.mmap(-1, {size}, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory.{advice}
for at in range(0, {size}, 4096):
    memory[at] = 1
time.sleep(60)
"""


def memory_holder(advice):
    return ["python3", "-c", HOLD.format(size=1200 << 20, advice=advice)]


# Folders ------------------------------------------------------------------------------------------

def folders(option, spoil, heal):
    """`--option FOLDER`: spoil(folder) makes the faulty one, heal(folder) the one in order."""
    def make(folder, trees):
        bad, good = folder / "bad", folder / "good"
        bad.mkdir()
        good.mkdir()
        spoil(bad)
        heal(good)
        return Plant(arguments=[option, str(bad)], clean_arguments=[option, str(good)])
    return make


def build_folder(kind, flags):
    def write(folder):
        cache = f"CMAKE_BUILD_TYPE:STRING={kind}\n"
        (folder / "CMakeCache.txt").write_text(cache, encoding="utf-8")
        (folder / "compile_commands.json").write_text(json.dumps([{
            "directory": str(folder), "file": "a.cc", "command": f"c++ {flags} -c a.cc"}]),
            encoding="utf-8")
    return write


def repository(dirty, gate):
    def write(folder):
        git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.com"]
        (folder / "step.py").write_text("print(1)\n", encoding="utf-8")
        workflows = folder / ".github/workflows"
        workflows.mkdir(parents=True)
        step = "aisp bench gate runs/pr" if gate else "make"
        (workflows / "ci.yml").write_text(f"jobs:\n  test:\n    steps:\n      - run: {step}\n",
                                          encoding="utf-8")
        if gate:
            expected = folder / "labs/x/expectations"
            expected.mkdir(parents=True)
            (expected / "machine.json").write_text("{}\n", encoding="utf-8")
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"], ["tag", "v1"]):
            subprocess.run(git + words, check=True, stdout=subprocess.DEVNULL)
        if dirty:
            (folder / "step.py").write_text("print(2)\n", encoding="utf-8")
    return write


def checkpoints(count, age_s):
    def write(folder):
        for step in range(1, count + 1):
            one = folder / f"step-{step * 1000}"
            one.mkdir()
            (one / "model.safetensors").write_bytes(b"\0" * 4096)
            (one / "manifest.json").write_text('{"files": {"model.safetensors": 4096}}\n',
                                               encoding="utf-8")
            then = time.time() - age_s - 600 * (count - step)
            for path in (one / "model.safetensors", one / "manifest.json", one):
                os.utime(path, (then, then))
    return write


def dataset(suffix, text):
    def write(folder):
        for number in range(40):
            (folder / f"part-{number:05}{suffix}").write_bytes(text + b"%d" % number)
    return write


# Recorded machines --------------------------------------------------------------------------------

def tree(name, change):
    """A recorded machine with `change(root, facts)` applied to a copy."""
    def make(folder, trees):
        source = trees / name
        if not source.is_dir():
            raise Skip(f"no tree {name}")
        copy = folder / name
        shutil.copytree(source, copy, symlinks=True)
        facts_file = copy / "facts.json"
        facts = json.loads(facts_file.read_text(encoding="utf-8"))
        change(copy, facts)
        facts_file.write_text(json.dumps(facts), encoding="utf-8")
        return Plant(arguments=["--tree", str(copy)], clean_arguments=["--tree", str(source)])
    return make


def gpu(**values):
    def change(root, facts):
        facts["gpus"][3].update(values)
    return tree("dgx_h100", change)


def file(path, text, name="dgx_h100"):
    def change(root, facts):
        target = root / "root" / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink() or target.exists():
            target.unlink()
        target.write_text(text + "\n", encoding="utf-8")
    return tree(name, change)


def edited(path, old, new, name="dgx_h100"):
    def change(root, facts):
        target = root / "root" / path.lstrip("/")
        text = target.read_text(encoding="utf-8")
        if old not in text:
            raise Skip(f"{path} of {name} does not hold {old!r}")
        target.write_text(text.replace(old, new), encoding="utf-8")
    return tree(name, change)


def tree_variables(**values):
    def change(root, facts):
        with open(root / "env", "a", encoding="utf-8") as env:
            env.writelines(f"{name}={value}\n" for name, value in values.items())
    return tree("dgx_h100", change)


def without_persistence(root, facts):
    for gpu in facts["gpus"]:
        gpu["persistence"] = False
    shutil.rmtree(root / "root/run/nvidia-persistenced")


def port_down(root, facts):
    for name, text in (("state", "1: DOWN"), ("phys_state", "2: Polling")):
        for file_ in sorted((root / "root/sys/devices").rglob(f"ports/1/{name}"))[:1]:
            file_.write_text(text + "\n", encoding="utf-8")
    facts["rdma"][0].update(state="1: DOWN", physical_state="2: Polling")


SPIN = ["sh", "-c", "while :; do :; done"]
THP = "/sys/kernel/mm/transparent_hugepage/enabled"
LOADER = named("pt_data_worker", SPIN)
NICE_LOADER = named("pt_data_worker", ["nice", "-n", "19", *SPIN])

FAULTS = [
    Fault("threads-omp", "environment", "thread-count-variables",
          variables(OMP_NUM_THREADS="64")),
    Fault("threads-mkl", "environment", "thread-count-variables", variables(MKL_NUM_THREADS="256")),
    Fault("cuda-cache-off", "environment", "tuning-caches-kept", variables(CUDA_CACHE_DISABLE="1")),
    Fault("openblas-prescott", "environment", "vendor-libraries",
          variables(OPENBLAS_CORETYPE="Prescott")),
    Fault("memlock-64k", "limits", "locked-memory-limit",
          limited("--memlock=65536:65536")),
    Fault("thp-never", "namespace", "transparent-hugepages",
          shown(THP, "always madvise [never]", "always [madvise] never")),
    Fault("swap-eager", "namespace", "swap-off",
          shown("/proc/swaps",
                "Filename Type Size Used Priority\n/dev/sda2 partition 8388604 0 -2")),
    Fault("clock-hpet", "namespace", "kernel-release",
          shown("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet", "tsc")),
    Fault("quota-throttled", "cgroup", "container-cpu-quota",
          in_cgroup("cpu", {"cpu.cfs_quota_us": "20000"}, {"cpu.max": "20000 100000"},
                    2 * "(while :; do :; done) >/dev/null 2>&1 & ")),
    Fault("threads-over-quota", "cgroup", "thread-count-variables",
          in_cgroup("cpu", {"cpu.cfs_quota_us": "50000"}, {"cpu.max": "50000 100000"},
                    "export OMP_NUM_THREADS=2;")),
    Fault("cpu-crowded", "process", "cpu-oversubscription", crowded(12, 22)),
    Fault("loader-nice", "process", "loader-thread-priority",
          process(NICE_LOADER, LOADER, beside=SPIN)),
    Fault("no-huge-pages", "process", "hugepages-in-use",
          process(memory_holder("madvise(15)"), memory_holder("madvise(14)"), 4.0)),
    Fault("debug-build", "folder", "optimized-build",
          folders("--build", build_folder("Debug", "-O0 -g"), build_folder("Release", "-O3"))),
    Fault("dirty-tree", "folder", "versioned-state",
          folders("--source", repository(True, True), repository(False, True))),
    Fault("no-gate", "folder", "ci-performance-gate",
          folders("--source", repository(False, False), repository(False, True))),
    Fault("one-checkpoint", "folder", "checkpoint-recovery",
          folders("--checkpoints", checkpoints(1, 60), checkpoints(3, 60))),
    Fault("text-dataset", "folder", "data-format-census",
          folders("--data", dataset(".csv", b"1,2,3,4\n" * 500),
                  dataset(".npy", b"\x93NUMPY" * 600))),
    Fault("pcie-x8", "recorded", "pcie-link-state", gpu(pcie_width_now=8)),
    Fault("ecc-off", "recorded", "ecc-enabled", gpu(ecc_now=False, ecc_pending=False)),
    Fault("ecc-pending", "recorded", "ecc-enabled", gpu(ecc_pending=False)),
    Fault("hot-gpu", "recorded", "gpu-throttle-reasons", gpu(throttle_reasons=0x40)),
    Fault("persistence-off", "recorded", "gpu-persistence",
          tree("dgx_h100", without_persistence)),
    Fault("bad-rows", "recorded", "gpu-memory-errors", gpu(remap_failed=True)),
    Fault("rows-pending", "recorded", "gpu-memory-errors", gpu(remap_pending=True)),
    Fault("fabric-lost", "recorded", "fabric-manager", gpu(fabric_state="not started")),
    Fault("numa-balancing", "recorded", "numa-memory-placement",
          file("/proc/sys/kernel/numa_balancing", "1", "hpc_node")),
    Fault("nvme-bfq", "recorded", "nvme-scheduler",
          file("/sys/block/nvme0n1/queue/scheduler", "none mq-deadline kyber [bfq]", "hpc_node")),
    Fault("nccl-debug", "recorded", "nccl-env-sanity", tree_variables(NCCL_DEBUG="TRACE")),
    Fault("governor-save", "recorded", "cpu-governor",
          file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave", "hpc_node")),
    Fault("tcp-buffers", "recorded", "tcp-buffer-limits",
          file("/proc/sys/net/core/rmem_max", "212992", "hpc_node")),
    Fault("old-kernel", "recorded", "kernel-release",
          tree("dgx_h100", lambda root, facts: facts.update(kernel="4.18.0-80.el8.x86_64"))),
    Fault("ib-down", "recorded", "rdma-device-active", tree("dgx_h100", port_down)),
    Fault("link-dead", "recorded", "nvlink-present",
          tree("dgx_h100",
               lambda root, facts: facts["gpus"][2]["nvlinks"][0].update(active=False))),
    Fault("driver-old", "recorded", "driver-current",
          tree("dgx_h100", lambda root, facts: facts.update(gpu_driver="418.67"))),
    Fault("perf-forbidden", "recorded", "profiler-access",
          file("/proc/sys/kernel/perf_event_paranoid", "4", "workstation")),
    Fault("atime-strict", "recorded", "mount-noatime",
          edited("/proc/self/mountinfo", "noatime", "strictatime", "cloud_vm")),
    Fault("small-shm", "recorded", "container-shm-size",
          tree("container_clean", lambda root, facts: set_statfs(root, "/dev/shm", 64 << 20))),
]


def set_statfs(root, path, total):
    tree_file = root / "tree.json"
    content = json.loads(tree_file.read_text(encoding="utf-8"))
    there = content.setdefault("statfs", {}).setdefault(path, {})
    there.update(total_bytes=total, free_bytes=total)
    tree_file.write_text(json.dumps(content), encoding="utf-8")
