#!/usr/bin/env python3
"""Writes the recorded trees that probes of system, processor, memory, containers and storage are
tested with: a healthy machine beside a faulty one of the same kind, so that one place says how they
differ. Contents follow proc(5), Linux Documentation/ABI and admin-guide, and the manuals named in
each tree's "source". Run it in this folder after a change; the trees are checked in.
"""
import json
import os
import shutil

HERE = os.path.dirname(os.path.abspath(__file__))
GIB = 1 << 30


class Tree:
    def __init__(self, name, source):
        self.folder = os.path.join(HERE, name)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.about = {"source": source, "window_s": 1.0, "statfs": {}, "walks": {}, "commands": {}}
        self.facts, self.subject, self.variables = {}, {}, {}

    def put(self, path, text, part="root"):
        at = os.path.join(self.folder, part, path.lstrip("/"))
        os.makedirs(os.path.dirname(at), exist_ok=True)
        with open(at, "w", encoding="utf-8") as file:
            file.write(f"{text}\n")

    def grows(self, path, before, now):
        self.put(path, before, "before")
        self.put(path, now)

    def link(self, path, target):
        at = os.path.join(self.folder, "root", path.lstrip("/"))
        os.makedirs(os.path.dirname(at), exist_ok=True)
        os.symlink(target, at)

    def size(self, path, total, free):
        self.about["statfs"][path] = {"total_bytes": total, "free_bytes": free}

    def save(self):
        for name, value in (("tree", self.about), ("facts", self.facts), ("subject", self.subject)):
            with open(os.path.join(self.folder, f"{name}.json"), "w", encoding="utf-8") as file:
                file.write(json.dumps(value, indent=1) + "\n")
        with open(os.path.join(self.folder, "env"), "w", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in self.variables.items())


def stat_line(pid, name, parent=1, ticks=0, nice=0, cpu=0, policy=0, flags=4194304):
    """proc_pid_stat(5): 52 fields, of which the probes read 9, 14, 15, 19 and 39 to 41."""
    field = ["0"] * 53
    field[1], field[2], field[3], field[4] = str(pid), f"({name})", "S", str(parent)
    field[9], field[14], field[18], field[19] = str(flags), str(ticks), str(20 + nice), str(nice)
    field[20], field[39], field[40], field[41] = "1", str(cpu), "0", str(policy)
    return " ".join(field[1:])


def status_text(name, cpus, cap="0000000000000000", extra=""):
    return (f"Name:\t{name}\nCapEff:\t{cap}\nTHP_enabled:\t1\n"
            f"Cpus_allowed_list:\t{cpus}\nMems_allowed_list:\t0{extra}")


def limits_text(locked):
    return ("Limit                     Soft Limit           Hard Limit           Units     \n"
            f"Max locked memory         {locked:<20} {locked:<20} bytes     ")


def process(tree, pid, name, before=0, now=0, **more):
    tree.grows(f"/proc/{pid}/stat", stat_line(pid, name, ticks=before, **more),
               stat_line(pid, name, ticks=now, **more))


def walk(files, sizes, formats, **more):
    return {"files": files, "folders": 12, "complete": True, "sizes": sizes, "duplicates": 0,
            "large": [], "formats": {k: {"files": f, "bytes": b} for k, (f, b) in formats.items()},
            **more}


def gpu(index, name, memory, node, vbios, holders=()):
    return {"index": index, "name": name, "memory_bytes": memory, "numa_node": node, "vbios": vbios,
            "processes": [{"pid": pid} for pid in holders]}


def buddyinfo(large):
    order = [9000, 6000, 3000, 1500, 700, 300, 120, 40, 10] + ([40, 6000] if large else [2, 0])
    return ("Node 0, zone      DMA      1      0      0      0      2      1      1      0      1"
            "      1      3\nNode 0, zone   Normal " + " ".join(f"{n:6d}" for n in order))


def common(tree, cpus, kernel, thp="madvise", clock="tsc", governor=None):
    tree.put("/proc/sys/kernel/osrelease", kernel)
    tree.put("/proc/version", f"Linux version {kernel} (build@host) #1 SMP PREEMPT_DYNAMIC")
    tree.put("/sys/devices/system/clocksource/clocksource0/current_clocksource", clock)
    tree.put("/sys/devices/system/cpu/online", f"0-{cpus - 1}")
    tree.put("/sys/devices/system/cpu/isolated", "")
    modes = " ".join(f"[{m}]" if m == thp else m for m in ("always", "madvise", "never"))
    tree.put("/sys/kernel/mm/transparent_hugepage/enabled", modes)
    tree.put("/sys/kernel/mm/transparent_hugepage/defrag",
             "always defer defer+madvise [madvise] never")
    if governor:
        for cpu in range(cpus):
            tree.put(f"/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor", governor)
    tree.facts.update(kernel=kernel, affinity=list(range(cpus)))


def tcp(tree, control, rmem, again):
    net = "/proc/sys/net/"
    tree.put(net + "ipv4/tcp_congestion_control", control)
    tree.put(net + "ipv4/tcp_available_congestion_control", "reno cubic")
    tree.put(net + "core/default_qdisc", "fq_codel")
    for side in ("rmem", "wmem"):
        tree.put(f"{net}core/{side}_max", rmem)
        tree.put(f"{net}ipv4/tcp_{side}", f"4096\t131072\t{max(rmem, 6291456)}")
    head = "Tcp: InSegs OutSegs RetransSegs\n"
    tree.grows("/proc/net/snmp", head + "Tcp: 800000 900000 90",
               head + f"Tcp: 840000 940000 {90 + again}")


def psi(tree, resource, some, full=0.0):
    tree.put(f"/proc/pressure/{resource}",
             f"some avg10={some:.2f} avg60={some:.2f} avg300={some:.2f} total=1\n"
             f"full avg10={full:.2f} avg60={full:.2f} avg300={full:.2f} total=1")


MITIGATIONS = {
    "spectre_v1": "Mitigation: usercopy/swapgs barriers and __user pointer sanitization",
    "spectre_v2": "Mitigation: Enhanced / Automatic IBRS; IBPB: conditional; RSB filling",
    "meltdown": "Not affected", "retbleed": "Not affected", "gather_data_sampling": "Not affected"}


def mitigations(tree, **other):
    for name, state in {**MITIGATIONS, **other}.items():
        tree.put(f"/sys/devices/system/cpu/vulnerabilities/{name}", state)


def cloud_vm():
    """Nothing is wrong with it: what warns here is a false alarm."""
    tree = Tree("cloud_vm", "an ordinary KVM guest: proc(5), Documentation/ABI; 4 vCPU, 16 GiB")
    common(tree, 4, "6.8.0-1021-aws", clock="kvm-clock")
    mitigations(tree)
    tree.facts.update(hostname="vm-1", hypervisor="KVMKVMKVM",
                      disks=[{"name": "vda", "size_bytes": 64 * GIB, "scheduler": "none"}],
                      network=[{"name": "ens5", "driver": "ena", "state": "up", "physical": True}])
    tree.subject = {"data": "/mnt/data"}
    tree.put("/proc/self/status", status_text("aisp", "0-3"))
    tree.put("/proc/self/limits", limits_text(8388608))
    tree.put("/proc/self/uid_map", "         0          0 4294967295")
    tree.put("/proc/self/cgroup", "0::/user.slice/user-1000.slice/session-3.scope")
    tree.put("/proc/self/mountinfo",
             "22 1 252:1 / / rw,relatime - ext4 /dev/vda1 rw\n"
             "31 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
             "40 22 252:17 / /mnt/data rw,noatime - ext4 /dev/vdb1 rw")
    tree.link("/sys/dev/block/252:17",
              "../../devices/pci0000:00/0000:00:05.0/virtio2/block/vdb/vdb1")
    tree.put("/sys/block/vdb/queue/read_ahead_kb", 128)
    tree.put("/sys/block/vdb/queue/rotational", 0)
    tree.put("/sys/fs/cgroup/user.slice/cpu.max", "max 100000")
    tree.put("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority")
    tree.put("/proc/buddyinfo", buddyinfo(True))
    tree.put("/proc/meminfo", "MemTotal:       16252928 kB\nHugepagesize:       2048 kB")
    tree.put("/sys/devices/system/node/node0/cpulist", "0-3")
    tree.put("/sys/devices/system/cpu/smt/active", 1)
    tree.put("/proc/sys/kernel/perf_event_paranoid", 2)
    tree.put("/proc/net/tcp", "  sl  local_address rem_address   st\n"
             "   0: 00000000:0016 00000000:0000 0A")
    tree.grows("/proc/stat", "cpu  1000 0 500 90000 10 0 5 20 0 0\nprocs_running 1",
               "cpu  1080 0 510 90308 10 0 5 21 0 0\nprocs_running 1")
    psi(tree, "cpu", 1.5)
    tcp(tree, "cubic", 212992, 1)
    process(tree, 1, "systemd", 500, 500, parent=0)
    process(tree, 801, "sshd", 20, 20)
    tree.size("/dev/shm", 8 * GIB, 8 * GIB)
    tree.about["walks"]["/mnt/data"] = walk(
        640, [128 << 20] * 9, {"parquet": (640, 640 * (128 << 20))})
    tree.save()


def container_limits():
    """A pod with two GPUs and every limit too tight: control groups of version 2."""
    tree = Tree("container_limits", "a Kubernetes pod: admin-guide/cgroup-v2, device plugins' "
                "environment, docker run reference (default /dev/shm of 64 MiB)")
    common(tree, 16, "6.1.0-28-amd64")
    mitigations(tree)
    two = [gpu(i, "NVIDIA A10", 24 * GIB, i, "94.02.75.00.01", [7 + i]) for i in (0, 1)]
    tree.facts.update(hostname="train-0", container="kubernetes", gpus=two)
    tree.subject = {"data": "/data"}
    tree.variables = {"OMP_NUM_THREADS": "16", "NVIDIA_VISIBLE_DEVICES": "all",
                      "KUBERNETES_SERVICE_HOST": "10.96.0.1"}
    tree.put("/proc/self/status", status_text("aisp", "2-9"))
    tree.put("/proc/self/limits", limits_text(65536))
    tree.put("/proc/self/uid_map", "         0          0 4294967295")
    pod = "/kubepods.slice/kubepods-podaa.slice"
    own = pod + "/cri-containerd-bb.scope"
    tree.put("/proc/self/cgroup", f"0::{own}")
    tree.put("/proc/self/mountinfo",
             "500 400 0:80 / / rw,relatime - overlay overlay rw,lowerdir=/a,upperdir=/b\n"
             "510 500 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
             "520 500 0:91 / /data rw,relatime - nfs4 10.0.0.9:/set "
             "rw,vers=4.2,rsize=1048576,wsize=1048576,nconnect=8,fsc")
    groups = "/sys/fs/cgroup"
    tree.put(f"{groups}{own}/cpu.max", "max 100000")
    tree.put(f"{groups}{pod}/cpu.max", "150000 100000")  # an ancestor's limit counts
    tree.grows(f"{groups}{pod}/cpu.stat",
               "usage_usec 900000\nnr_periods 900\nnr_throttled 300\nthrottled_usec 5000000",
               "usage_usec 990000\nnr_periods 910\nnr_throttled 309\nthrottled_usec 5900000")
    tree.put(f"{groups}{own}/memory.max", 16 * GIB)
    tree.put(f"{groups}{own}/memory.current", int(15.6 * GIB))
    tree.put(f"{groups}{own}/memory.stat", f"anon {15 * GIB}\ninactive_file {GIB // 8}")
    tree.grows(f"{groups}{own}/memory.events", "low 0\nhigh 0\nmax 10\noom 0\noom_kill 0",
               "low 0\nhigh 0\nmax 44\noom 0\noom_kill 0")
    tree.put(f"{groups}{own}/cpuset.cpus.effective", "2-9")
    tree.put("/proc/meminfo", "MemTotal:      131886080 kB\nHugepagesize:       2048 kB")
    for node in (0, 1):
        tree.put(f"/sys/devices/system/node/node{node}/cpulist", f"{8 * node}-{8 * node + 7}")
    tree.put("/sys/class/bdi/0:91/read_ahead_kb", 15360)
    tree.size("/dev/shm", 64 << 20, 64 << 20)
    tree.size("/data", 4000 * GIB, 1000 * GIB)
    tree.put("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority")
    tree.save()


def container_clean():
    """A container as it should be, with control groups of version 1."""
    tree = Tree("container_clean", "docker run --ipc=host --ulimit memlock=-1 on a host with "
                "admin-guide/cgroup-v1 hierarchies")
    common(tree, 8, "5.15.0-119-generic")
    mitigations(tree)
    tree.facts.update(hostname="c0ffee", container="docker")
    tree.variables = {"OMP_NUM_THREADS": "4"}
    tree.put("/.dockerenv", "")
    tree.put("/proc/self/status", status_text("aisp", "0-7"))
    tree.put("/proc/self/limits", limits_text("unlimited"))
    tree.put("/proc/self/cgroup", "12:memory:/docker/c0ffee\n4:cpu,cpuacct:/docker/c0ffee\n0::/")
    tree.put("/proc/self/mountinfo",
             "100 90 0:60 / / rw,relatime - overlay overlay rw\n"
             "110 100 0:31 /docker/c0ffee /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n"
             "111 100 0:32 /docker/c0ffee /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory")
    cpu, memory = "/sys/fs/cgroup/cpu/", "/sys/fs/cgroup/memory/"
    tree.put(cpu + "cpu.cfs_quota_us", 400000)
    tree.put(cpu + "cpu.cfs_period_us", 100000)
    tree.grows(cpu + "cpu.stat", "nr_periods 4000\nnr_throttled 3\nthrottled_time 1",
               "nr_periods 4010\nnr_throttled 3\nthrottled_time 1")
    tree.put(memory + "memory.limit_in_bytes", 32 * GIB)
    tree.put(memory + "memory.usage_in_bytes", 20 * GIB)
    tree.put(memory + "memory.stat", f"cache {12 * GIB}\ntotal_inactive_file {11 * GIB}")
    tree.size("/dev/shm", 16 * GIB, 16 * GIB)
    tree.save()


def workstation():
    """A desktop: frequencies on demand, a spinning disk, a folder of small text files."""
    tree = Tree("workstation", "a desktop PC: admin-guide/pm/cpufreq, mount(8), swapon(8)")
    common(tree, 8, "6.11.4-arch1-1", clock="hpet", governor="powersave")
    mitigations(tree)
    tree.facts.update(hostname="desk", bare_metal=True,
                      gpus=[gpu(0, "NVIDIA GeForce RTX 4090", 24 * GIB, 0, "95.02.3c.00.8c")])
    tree.subject = {"data": "/srv/set"}
    tree.put("/proc/self/status", status_text("aisp", "0-7"))
    tree.put("/proc/self/limits", limits_text(8388608))
    tree.put("/proc/self/cgroup", "0::/user.slice")
    tree.put("/proc/self/mountinfo",
             "22 1 8:1 / / rw,relatime - ext4 /dev/nvme0n1p2 rw\n"
             "24 22 8:17 / /srv rw - ext4 /dev/sda1 rw\n"
             "31 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw")
    tree.link("/sys/dev/block/8:17", "../../devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/"
              "0:0:0:0/block/sda/sda1")
    tree.put("/sys/block/sda/queue/read_ahead_kb", 128)
    tree.put("/sys/block/sda/queue/rotational", 1)
    tree.put("/sys/block/nvme0n1/queue/scheduler", "none mq-deadline kyber [bfq]")
    tree.put("/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 8388604 0 -2")
    tree.put("/proc/sys/vm/swappiness", 60)
    tree.put("/proc/meminfo", "MemTotal:       65752928 kB\nHugepagesize:       2048 kB")
    tree.put("/proc/buddyinfo", buddyinfo(True))
    tree.put("/sys/devices/system/node/node0/cpulist", "0-7")
    tree.put("/sys/devices/system/cpu/smt/active", 0)
    tree.put("/sys/class/hwmon/hwmon2/name", "coretemp")
    tree.put("/sys/class/hwmon/hwmon2/temp1_input", 99000)
    tree.put("/sys/class/hwmon/hwmon2/temp1_crit", 100000)
    tree.size("/dev/shm", 31 * GIB, 31 * GIB)
    process(tree, 1, "systemd", parent=0)
    process(tree, 900, "gnome-shell", 4000, 4004)
    process(tree, 901, "packagekitd", 100, 100)
    psi(tree, "cpu", 2.0)
    tree.about["walks"]["/srv/set"] = walk(
        180000, [900, 2100, 2600, 3000, 4000, 5200, 9000, 21000],
        {"json": (1600, 6400000), "image": (400, 1200000)})
    tree.save()


def hpc_node(slow):
    """A node of a Slurm cluster: two sockets, two GPUs, a job (--pid). `slow` has the faults."""
    tree = Tree("hpc_node_slow" if slow else "hpc_node",
                "a two-socket cluster node: Documentation/ABI (node, net, irq, hwmon), "
                "slurm.conf(5), GPUDirect Storage guide, ip-sysctl, proc_pid_stat(5)")
    pick = lambda good, bad: bad if slow else good
    common(tree, 16, pick("6.8.0-45-generic", "4.18.0-553.el8.x86_64"), pick("madvise", "never"),
           governor="performance")
    mitigations(tree, **pick({}, {"meltdown": "Mitigation: PTI",
                                  "retbleed": "Mitigation: IBRS"}))
    job, workers = 4100, (4101, 4102)
    hpc_facts(tree, slow, job)
    hpc_processors(tree, slow)
    hpc_job(tree, slow, job, workers)
    hpc_storage(tree, slow)
    hpc_network(tree, slow)
    tree.put("/proc/buddyinfo", buddyinfo(not slow))
    tree.put("/proc/meminfo", "MemTotal:      263772160 kB\nHugepagesize:       2048 kB")
    tree.grows("/proc/vmstat", "thp_fault_fallback 10\ncompact_fail 5\nnuma_miss 100",
               pick("thp_fault_fallback 10\ncompact_fail 5\nnuma_miss 100",
                    "thp_fault_fallback 900\ncompact_fail 50\nnuma_miss 90000"))
    tree.put("/proc/swaps", "Filename Type Size Used Priority"
             + pick("", "\n/dev/sda3 partition 33554428 1048576 -2"))
    tree.put("/proc/sys/kernel/numa_balancing", pick(0, 1))
    tree.put("/proc/sys/kernel/perf_event_paranoid", pick(1, 4))
    tree.put("/proc/driver/nvidia/params", f"RmProfilingAdminOnly: {pick(0, 1)}")
    tree.put("/etc/slurm/slurm.conf", pick(
        "TaskPlugin=task/affinity,task/cgroup\nGresTypes=gpu\nSelectType=select/cons_tres\n"
        "TopologyPlugin=topology/tree", "TaskPlugin=task/none\nSelectType=select/linear"))
    tree.put("/proc/cmdline", pick("ro iommu=pt", "ro intel_iommu=on"))
    psi(tree, "cpu", pick(3.0, 45.0))
    psi(tree, "memory", 1.0, pick(0.2, 9.0))
    psi(tree, "io", 1.0, pick(0.1, 2.0))
    tree.size("/dev/shm", 126 * GIB, 126 * GIB)
    tree.save()


def hpc_facts(tree, slow, job):
    vbios = ("95.02.66.00.01", "95.02.5b.00.04" if slow else "95.02.66.00.01")
    tree.facts.update(
        hostname="node17", bare_metal=True,
        gpus=[gpu(i, "NVIDIA L40S", 48 * GIB, i, vbios[i], [job + i]) for i in (0, 1)],
        network=[{"name": "ens1f0", "driver": "mlx5_core", "state": "up", "speed_mbit": 100000,
                  "mtu": 1500 if slow else 9000, "numa_node": 1, "physical": True}],
        libraries=[{"name": "libcufile.so.0", "path": "/usr/lib/libcufile.so.0", "version": "1.9"}])
    tree.put("/sys/class/dmi/id/bios_version", "2.1")
    tree.put("/sys/class/dmi/id/bios_date", "03/14/2025")


def hpc_processors(tree, slow):
    folder = "/sys/devices/system/cpu"
    for cpu in range(16):  # siblings are 8 apart; node 1 has cores 4 to 7
        tree.put(f"{folder}/cpu{cpu}/topology/thread_siblings_list", f"{cpu % 8},{cpu % 8 + 8}")
    for node, cpus in ((0, "0-3,8-11"), (1, "4-7,12-15")):
        tree.put(f"/sys/devices/system/node/node{node}/cpulist", cpus)
    tree.put(f"{folder}/smt/active", 1)
    tree.put(f"{folder}/isolated", "4-7,12-15")
    for cpu in (0, 4):
        name = f"{folder}/cpu{cpu}/thermal_throttle/core_throttle_count"
        tree.grows(name, 12, 12 + (7 if slow and cpu else 0))
    head = "           " + "".join(f"CPU{cpu:<10}" for cpu in range(16)) + "\n"
    row = lambda count: " 60: " + " ".join(
        str(count if cpu == (5 if slow else 0) else 0) for cpu in range(16)) + "  PCI-MSI nvme0q1"
    tree.grows("/proc/interrupts", head + row(100), head + row(900))
    tree.grows("/proc/stat", "cpu  1000 0 500 90000 10 0 5 0 0 0\nprocs_running 4",
               "cpu  1800 0 510 90800 10 0 5 0 0 0\nprocs_running 4")


def hpc_job(tree, slow, job, workers):
    tree.subject = {"pid": job, "data": "/shared/train" if slow else "/scratch/train"}
    process(tree, 1, "systemd", parent=0)
    process(tree, 700, "node_exporter" if not slow else "updatedb", 50, 50)
    process(tree, 710, "nv-hostengine" if not slow else "logrotate", 50, 50)
    process(tree, 720, "tar", 100, 160 if slow else 100, cpu=6)
    process(tree, job, "python3", 9000, 9095, cpu=4)
    for worker in workers:
        process(tree, worker, "pt_data_worker", 500, 560, parent=job, cpu=5)
    cpus = "4-7,12-15"
    tree.put(f"/proc/{job}/status", status_text(
        "python3", cpus, extra="\nVmSwap:\t  2097152 kB" if slow else "\nVmSwap:\t  0 kB"))
    tree.put(f"/proc/{job}/limits", limits_text("unlimited"))
    tree.put(f"/proc/{job}/cgroup", "0::/system.slice/slurmstepd.scope/job_9")
    tree.grows(f"/proc/{job}/schedstat", "1000000000 10000000 500",
               "1900000000 400000000 900" if slow else "1900000000 20000000 520")
    threads = ((job, "python3", cpus, 0),
               (4110, "pt_data_pin", "4" if slow else "5", 10 if slow else 0),
               (4111, "NCCL Proxy", "12" if slow else "6", 0),
               (4112, "nccl rpc", "0-15" if slow else "7", 0))
    for task, name, mask, nice in threads:
        tree.put(f"/proc/{job}/task/{task}/stat", stat_line(task, name, nice=nice, cpu=5))
        tree.put(f"/proc/{job}/task/{task}/status", status_text(name, mask))
    away = 700000 if slow else 900
    tree.put(f"/proc/{job}/numa_maps",
             f"7f0000000000 default anon={1000000 + away} dirty=9 N0={away} N1=1000000\n"
             "7f9000000000 default file=/usr/lib/libc.so.6 mapped=300 N0=300")
    huge = (1 if slow else 30) * (1 << 20)
    tree.put(f"/proc/{job}/smaps_rollup",
             f"Anonymous:      {40 * (1 << 20)} kB\nAnonHugePages:  {huge} kB\n"
             "Private_Hugetlb:       0 kB")
    tree.variables = {"OMP_NUM_THREADS": "4", "LOCAL_WORLD_SIZE": "2"}
    for at, worker in enumerate(workers):
        shard = 0 if slow else at
        tree.link(f"/proc/{worker}/fd/7", f"{tree.subject['data']}/shard-{shard:05d}.tar")


def hpc_storage(tree, slow):
    tree.put("/proc/self/mountinfo",
             "22 1 259:1 / / rw,relatime - ext4 /dev/nvme0n1p1 rw\n"
             "31 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
             "40 22 259:3 / /scratch rw,noatime - xfs /dev/nvme1n1p1 rw\n"
             "45 22 0:47 / /shared rw,relatime - nfs4 10.1.0.2:/export "
             "rw,vers=4.2,rsize=65536,wsize=65536,proto=tcp")
    tree.link("/sys/dev/block/259:3",
              "../../devices/pci0000:17/0000:17:01.0/nvme/nvme1/nvme1n1/nvme1n1p1")
    tree.put("/sys/block/nvme1n1/queue/read_ahead_kb", 4096)
    tree.put("/sys/block/nvme1n1/queue/rotational", 0)
    tree.put("/sys/block/nvme1n1/queue/scheduler", "[none] mq-deadline kyber")
    tree.put("/sys/class/bdi/0:47/read_ahead_kb", 128)
    tree.put("/proc/modules", "xfs 2000000 1 - Live 0x0" if slow else
             "nvidia_fs 262144 0 - Live 0x0\nxfs 2000000 1 - Live 0x0")
    tree.put("/etc/cufile.json", '{"properties": {"allow_compat_mode": true,\n "x": 1}}')
    tree.about["walks"][tree.subject["data"]] = walk(
        2048, [512 << 20] * 8, {"tar": (2048, 2048 * (512 << 20))})


def hpc_network(tree, slow):
    tcp(tree, "reno" if slow else "cubic", 212992 if slow else 268435456, 400 if slow else 3)
    for number, cpu in ((80, "4"), (81, "0" if slow else "5")):
        tree.put(f"/sys/class/net/ens1f0/device/msi_irqs/{number}", "msix")
        tree.put(f"/proc/irq/{number}/effective_affinity_list", cpu)
    tree.put("/proc/net/tcp", "  sl  local_address rem_address   st\n"
             "   0: 00000000:0016 00000000:0000 0A")


def lustre_client(name, stripes):
    tree = Tree(name, "a Lustre client: Lustre operations manual, lfs-getstripe(1)")
    file = "/lustre/set/tokens.bin"
    tree.subject = {"data": "/lustre/set"}
    tree.put("/proc/self/mountinfo", "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
             "50 22 0:55 / /lustre rw - lustre 10.2.0.1@o2ib:/work rw,flock")
    tree.about["walks"]["/lustre/set"] = walk(
        3, [4096, 40 * GIB, 40 * GIB], {"binary": (2, 80 * GIB), "json": (1, 4096)}, large=[file])
    tree.about["commands"][f"lfs getstripe -c {file}"] = {"status": 0, "output": str(stripes)}
    tree.save()


def broken():
    """Files that are malformed, empty, negative, huge or not text: nothing is decided by them."""
    tree = Tree("broken", "no machine: what a damaged or hostile /proc and /sys could show")
    tree.about["forbidden"] = ["/proc/buddyinfo", "/sys/devices/system/cpu/smt/active",
                               "/var/lib/kubelet/config.yaml"]
    tree.subject = {"pid": 77, "data": "/nowhere"}
    tree.facts = {"gpus": [{"index": 0, "name": ""}], "network": [{"name": "", "state": "up"}]}
    tree.variables = {"LOCAL_WORLD_SIZE": "many", "CUDA_VISIBLE_DEVICES": ",,,"}
    garbage = "-1 \u00ff\u0000 nan 99999999999999999999999999 (((: = x"
    for path in ("/proc/77/status", "/proc/77/limits", "/proc/77/cgroup", "/proc/self/mountinfo",
                 "/proc/77/stat", "/proc/77/smaps_rollup", "/proc/77/numa_maps", "/proc/77/uid_map",
                 "/proc/77/task/77/stat", "/proc/77/schedstat", "/proc/stat", "/proc/swaps",
                 "/proc/pressure/cpu", "/proc/net/snmp", "/proc/net/tcp", "/proc/interrupts",
                 "/proc/vmstat", "/proc/sys/kernel/osrelease", "/proc/sys/kernel/numa_balancing",
                 "/proc/sys/kernel/perf_event_paranoid", "/proc/driver/nvidia/params",
                 "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/devices/system/cpu/online",
                 "/sys/devices/system/cpu/isolated", "/sys/devices/system/node/node0/cpulist",
                 "/sys/devices/system/node/nodeX/cpulist", "/sys/class/hwmon/hwmon0/name",
                 "/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count",
                 "/sys/devices/system/cpu/vulnerabilities/meltdown", "/sys/class/net/x/mtu"):
        tree.put(path, garbage)
        tree.put(path, garbage, "before")
    tree.put("/proc/meminfo", "MemTotal: -5 kB\nHugepagesize:")
    tree.put("/sys/block/nvme0n1/queue/scheduler", "")
    tree.put("/proc/cmdline", "x" * ((1 << 20) + 4096))  # more than is ever read
    with open(os.path.join(tree.folder, "root/proc/version"), "wb") as file:
        file.write(bytes(range(128, 256)))
    tree.save()


if __name__ == "__main__":
    cloud_vm()
    container_limits()
    container_clean()
    workstation()
    hpc_node(slow=False)
    hpc_node(slow=True)
    lustre_client("lustre_client", 8)
    lustre_client("lustre_client_one_stripe", 1)
    broken()
