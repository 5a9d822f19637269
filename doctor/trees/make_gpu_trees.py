#!/usr/bin/env python3
"""Writes the trees dgx_h100 (in good state), bad_node (the same node with faults) and arm64.

Run it from anywhere after a change here; what it writes is checked in. Files that are in the trees
and not made here are left alone, so that other themes can add theirs. Source: NVIDIA DGX H100 user
guide (topology, port names), Linux Documentation/ABI (sysfs), NVML API reference, Slurm
scontrol(1), NVIDIA Grace performance tuning guide.
"""
import json
import os

from tree_writer import Tree

BARE = "bare metal, two sockets of 56 cores, eight H100 80GB on NVSwitch, ten ConnectX-7 ports"

# GPU, its compute adapter below the same switch, and the host bridge above both.
GPU_BUS = ["1b", "43", "52", "61", "9d", "c3", "d1", "df"]
NIC_BUS = ["18", "40", "4f", "5e", "9a", "c0", "ce", "dc"]
HOST_BUS = ["15", "37", "48", "59", "97", "b7", "c7", "d7"]
NIC_NAME = ["mlx5_0", "mlx5_3", "mlx5_4", "mlx5_5", "mlx5_6", "mlx5_9", "mlx5_10", "mlx5_11"]
STORAGE = [("mlx5_1", "29", 0), ("mlx5_2", "29", 1), ("mlx5_7", "aa", 0), ("mlx5_8", "aa", 1)]
CPUS = ["0-55,112-167", "56-111,168-223"]
PIDS = list(range(4101, 4109))


def node_of(i):
    return 0 if i < 4 else 1


def bridge(tree, path):
    """A port above a device: only its link is looked at."""
    for which in ("max", "current"):
        tree.put(f"sys/devices/{path}/{which}_link_speed", "32.0 GT/s PCIe")
        tree.put(f"sys/devices/{path}/{which}_link_width", 16)
    tree.link(f"sys/bus/pci/devices/{path.split('/')[-1]}", f"../../../devices/{path}")


def pci_device(tree, path, kind, node, speed="32.0 GT/s PCIe", width=16, now=None, irqs=()):
    """A device at sys/devices/<path>, and its entry on the bus."""
    address = path.split("/")[-1]
    folder = f"sys/devices/{path}"
    now_speed, now_width = now or (speed, width)
    tree.put(f"{folder}/class", kind)
    tree.put(f"{folder}/max_link_speed", speed)
    tree.put(f"{folder}/max_link_width", width)
    tree.put(f"{folder}/current_link_speed", now_speed)
    tree.put(f"{folder}/current_link_width", now_width)
    tree.put(f"{folder}/numa_node", node)
    tree.put(f"{folder}/local_cpulist", CPUS[node])
    tree.link(f"sys/bus/pci/devices/{address}", f"../../../devices/{path}")
    for irq in irqs:
        tree.put(f"{folder}/msi_irqs/{irq}", "msix")
        far = tree.bad and irq == 501
        tree.put(f"proc/irq/{irq}/effective_affinity_list", (node * 56 + 4) if not far else 60)


def errors_corrected(tree, address, now, before):
    text = "RxErr {0}\nBadTLP 0\nBadDLLP 0\nRollover 0\nTimeout 0\nTOTAL_ERR_COR {0}"
    path = f"sys/bus/pci/devices/{address}/aer_dev_correctable"
    tree.put(path, text.format(now))
    tree.put(path, text.format(before), part="before")


def pci(tree):
    for i in range(8):
        host = f"pci0000:{HOST_BUS[i]}/0000:{HOST_BUS[i]}:01.0"
        up = int(HOST_BUS[i], 16) + 1
        switch = f"{host}/0000:{up:02x}:00.0"
        for place, bus, kind in ((0, NIC_BUS[i], "0x020700"), (1, GPU_BUS[i], "0x030200")):
            port = f"{switch}/0000:{up + 1:02x}:{place:02x}.0"
            bridge(tree, port)
            slow = tree.bad and kind == "0x030200" and i == 2
            device = f"{port}/0000:{bus}:00.0"
            pci_device(tree, device, kind, node_of(i), now=("32.0 GT/s PCIe", 8) if slow else None,
                       irqs=[501 + i] if place == 1 else [])
            tree.put(f"sys/devices/{device}/vendor", "0x10de" if place else "0x15b3")
            errors_corrected(tree, f"0000:{bus}:00.0", 7 if slow else 0, 2 if slow else 0)
            group = 10 + 2 * i + place
            tree.link(f"sys/devices/{device}/iommu_group",
                      f"../../../../../../kernel/iommu_groups/{group}")
            tree.put(f"sys/kernel/iommu_groups/{group}/type", tree.either("identity", "DMA-FQ"))
            if place == 0:
                adapter(tree, NIC_NAME[i], device, "InfiniBand", node_of(i))
    for name, bus, function in STORAGE:
        root = "26" if bus == "29" else "a7"
        device = f"pci0000:{root}/0000:{root}:01.0/0000:{bus}:00.{function}"
        bridge(tree, f"pci0000:{root}/0000:{root}:01.0")
        pci_device(tree, device, "0x020000", 0 if bus == "29" else 1)
        adapter(tree, name, device, "Ethernet", 0 if bus == "29" else 1, up=function == 0)


COUNTERS = ["counters/symbol_error", "counters/port_xmit_discards", "counters/port_xmit_wait",
            "hw_counters/packet_seq_err"]


def adapter(tree, name, device, layer, node, up=True):
    folder = f"sys/devices/{device}/infiniband/{name}"
    tree.link(f"sys/class/infiniband/{name}", f"../../devices/{device}/infiniband/{name}")
    tree.link(f"{folder}/device", f"../../../{device.split('/')[-1]}")
    down = tree.bad and name == "mlx5_5"
    port = f"{folder}/ports/1"
    tree.put(f"{port}/state", "4: ACTIVE" if up and not down else "1: DOWN")
    tree.put(f"{port}/phys_state", "5: LinkUp" if up and not down else "2: Polling")
    tree.put(f"{port}/link_layer", layer)
    tree.put(f"{port}/rate",
             "400 Gb/sec (4X NDR)" if layer == "InfiniBand" else "200 Gb/sec (4X HDR)")
    tree.put(f"{folder}/fw_ver", "28.39.1002")
    if layer == "Ethernet":
        tree.put(f"{port}/gid_attrs/types/0", "IB/RoCE v1")
        tree.put(f"{port}/gid_attrs/types/1", "RoCE v2")
    for counter in COUNTERS if layer == "InfiniBand" else []:
        growing = ("symbol_error", "packet_seq_err")
        grows = tree.bad and name == "mlx5_9" and counter.endswith(growing)
        tree.put(f"{port}/{counter}", 154 if grows else 3)
        tree.put(f"sys/class/infiniband/{name}/ports/1/{counter}", 120 if grows else 3, "before")
    tree.put(f"dev/infiniband/uverbs{name.split('_')[1]}", "")


def processes(tree):
    for i, pid in enumerate(PIDS):
        status = CPUS[node_of(i)] if not (tree.bad and i == 5) else CPUS[0]
        tree.put(f"proc/{pid}/status", f"Name:\tpython3\nPPid:\t4100\nCpus_allowed_list:\t{status}")
        tree.put(f"proc/{pid}/comm", "python3")
        tree.put(f"proc/{pid}/cmdline", "/opt/venv/bin/python3\ntrain.py\n--tensor-parallel-size=8")
        world = {"RANK": i, "LOCAL_RANK": i, "WORLD_SIZE": 32, "LOCAL_WORLD_SIZE": 8,
                 "MASTER_ADDR": "dgx01", "MASTER_PORT": 29500, "SLURM_JOB_ID": 771,
                 "SLURM_JOB_NUM_NODES": 4, "NCCL_IB_HCA": "mlx5", "NCCL_COLLNET_ENABLE": 1}
        if tree.bad:
            world.update({"NCCL_IB_DISABLE": 1, "NCCL_SOCKET_IFNAME": "docker0",
                          "NCCL_ALGO": "Ring",
                          "NCCL_BUFSIZE": 4194304})
        tree.put(f"proc/{pid}/environ", "\n".join(f"{k}={v}" for k, v in world.items()))
        site = "/opt/venv/lib/python3.12/site-packages"
        tree.put(f"proc/{pid}/maps",
                 f"7f00-7f01 r-xp 00000000 08:02 9 {site}/nvidia/nccl/lib/libnccl.so.2\n"
                 f"7f02-7f03 r-xp 00000000 08:02 9 {site}/torch/lib/libtorch_cuda.so")
    version = tree.either("2.27.5", "2.14.3")
    tree.put(f"{site}/nvidia_nccl_cu12-{version}.dist-info/INSTALLER", "pip")
    if not tree.bad:
        return
    # A plain server and a notebook user beside the job; and one interpreter that drives two GPUs.
    tree.put("proc/5201/status", f"Name:\tpython3\nPPid:\t1\nCpus_allowed_list:\t{CPUS[0]}")
    tree.put("proc/5201/cmdline", "/usr/bin/python3\nserve.py\n--port\n8000")
    tree.put("proc/5201/maps",
             "7f02-7f03 r-xp 00000000 08:02 9 /opt/venv/torch/lib/libtorch_cuda.so")
    tree.link("proc/5201/fd/7", "socket:[90210]")
    tree.put("proc/5201/environ", "HOME=/root")
    tree.put("proc/net/tcp",
             "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "
             "timeout inode\n"
             "   0: 00000000:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0"
             "        0 90210 1")
    tree.put("proc/5202/status", f"Name:\tpython3\nPPid:\t1\nCpus_allowed_list:\t{CPUS[0]}")
    tree.put("proc/5202/cmdline", "python3\nnotebook.py")
    tree.put("proc/5202/environ", "HOME=/srv/b")


def gpu_facts(tree, i):
    bad = tree.bad
    pid = PIDS[i]
    facts = {
        "index": i, "name": "NVIDIA H100 80GB HBM3",
        "uuid": f"GPU-0000000{i}-aaaa-bbbb-cccc-000000000000",
        "pci_address": f"0000:{GPU_BUS[i]}:00.0", "compute_major": 9, "compute_minor": 0,
        "multiprocessors": 132, "memory_bytes": 85520809984,
        "memory_free_bytes": 84000000000 - 1000000 * i,
        "l2_bytes": 52428800, "memory_bus_bits": 5120, "sm_clock_now": 1755, "sm_clock_max": 1980,
        "memory_clock_now": 2619, "memory_clock_max": 2619,
        "power_now": 640.0 + i, "power_limit": 700.0,
        "power_limit_default": 700.0, "power_limit_max": 700.0, "temperature": 58 + i % 4,
        "temperature_slowdown": 87, "memory_temperature": 70, "temperature_margin": 29, "fans": 0,
        "throttle_reasons": 4 if i == 0 else 0, "ecc_now": True, "ecc_pending": True,
        "ecc_uncorrected_volatile": 0, "ecc_uncorrected_aggregate": 0,
        "remapped_rows_uncorrectable": 0, "remap_pending": False, "remap_failed": False,
        "mig_now": False, "mig_devices": [], "persistence": True, "compute_mode": "default",
        "pcie_generation_now": 5, "pcie_generation_max": 5,
        "pcie_width_now": 16, "pcie_width_max": 16,
        "pcie_replays": 0, "numa_node": node_of(i), "utilization_percent": 97,
        "memory_utilization_percent": 60, "vbios": "96.00.89.00.01", "fabric_state": "completed",
        "fabric_clique": "0", "pageable_memory_access": False,
        "host_page_tables": False, "gpudirect_rdma": True, "dma_buf": True,
        "nvlinks": [{"link": n, "active": True, "gb_per_s": 25.0} for n in range(18)],
        "processes": [{"pid": pid, "memory_bytes": 61000000000, "name": "python3", "uid": 1001}],
    }
    if not bad:
        return facts
    facts.update({"fabric_state": "in_progress", "dma_buf": False, "persistence": False})
    changes = {
        0: {"processes": facts["processes"] + [
            {"pid": 5201, "memory_bytes": 9000000000, "name": "python3", "uid": 0},
            {"pid": 5202, "memory_bytes": 500000000, "name": "python3", "uid": 1002}]},
        1: {"throttle_reasons": 0x48, "temperature": 88, "temperature_margin": 2,
            "sm_clock_now": 690,
            "processes": facts["processes"] + [
                {"pid": 5202, "memory_bytes": 500000000, "name": "python3", "uid": 1002}]},
        2: {"pcie_width_now": 8},
        3: {"ecc_now": False, "ecc_pending": False, "vbios": "96.00.74.00.01"},
        4: {"ecc_pending": False, "ecc_uncorrected_volatile": 1, "remap_pending": True},
        6: {"remap_failed": True},
        7: {"mig_now": True, "mig_devices": ["NVIDIA H100 80GB HBM3 MIG 3g.40gb"],
            "processes": facts["processes"] + [{"pid": 5301, "name": "jupyter", "uid": 1003}]},
    }
    facts.update(changes.get(i, {}))
    if i == 3:
        for n in (4, 11):
            facts["nvlinks"][n]["active"] = False
    return facts


def facts(tree):
    pairs = [{"a": a, "b": b, "common_ancestor": "node" if node_of(a) == node_of(b) else "system",
              "peer_access": True, "nvlink": True} for a in range(8) for b in range(a + 1, 8)]
    rdma = [{"device": name, "port": 1, "state": "ACTIVE", "physical_state": "LinkUp",
             "link_layer": "InfiniBand", "firmware": "28.39.1002", "gbit_per_s": 400.0,
             "numa_node": node_of(i)} for i, name in enumerate(NIC_NAME)]
    rdma += [{"device": name, "port": 1, "state": "ACTIVE" if f == 0 else "DOWN",
              "physical_state": "LinkUp" if f == 0 else "Polling", "link_layer": "Ethernet",
              "firmware": "28.39.1002", "gbit_per_s": 200.0, "numa_node": 0 if bus == "29" else 1}
             for name, bus, f in STORAGE]
    network = [{"name": name, "driver": driver, "state": "up", "speed_mbit": speed, "mtu": mtu,
                "pci_address": "", "physical": physical} for name, driver, speed, mtu, physical in
               [("eno3", "i40e", 10000, 1500, True), ("ibp24s0", "mlx5_core", 400000, 4092, True),
                ("enp41s0f0np0", "mlx5_core", 200000, 9000, True),
                ("docker0", "bridge", None, 1500, False)]]
    sharp = [{"name": "libsharp.so.5", "version": "5.2",
              "path": "/opt/mellanox/sharp/lib/libsharp.so.5"},
             {"name": "libnccl-net.so.0",
              "path": "/opt/hpcx/nccl_rdma_sharp_plugin/lib/libnccl-net.so.0",
              "version": ""}]
    return {
        "hostname": tree.either("dgx01", "dgx02"), "kernel": "5.15.0-1063-nvidia",
        "distribution": "Ubuntu 22.04.4 LTS", "bare_metal": True,
        "gpus": [gpu_facts(tree, i) for i in range(8)], "gpu_pairs": pairs,
        "gpu_driver": tree.either("580.95.05", "550.90.07"),
        "cuda_driver": tree.either("13.0", "12.4"),
        "cuda_runtime": "13.0", "network": network, "rdma": rdma,
        "libraries": tree.either(sharp, []),
        "numa_nodes": [0, 1], "numa_distances": [[10, 21], [21, 10]],
    }


def files(tree):
    version = tree.either("580.95.05", "550.54.15")
    kind = tree.either("Open Kernel Module for x86_64", "x86_64 Kernel Module")
    tree.put("proc/driver/nvidia/version",
             f"NVRM version: NVIDIA UNIX {kind}  {version}  Release Build\n"
             "GCC version:  gcc version 11.4.0")
    for bus in ("07", "08", "09", "0a"):
        tree.put(f"proc/driver/nvidia-nvswitch/devices/0000:{bus}:00.0", "Device")
    modules = "nvidia_uvm 4943872 8 - Live 0x0\nnvidia 14000000 500 nvidia_uvm, Live 0x0"
    tree.put("proc/modules", tree.either("nvidia_peermem 16384 0 - Live 0x0\n", "") + modules)
    tree.put("proc/cmdline", tree.either("ro iommu=pt quiet", "ro intel_iommu=on quiet"))
    tree.put("dev/kmsg", "6,900,12000000,-;mlx5_core 0000:18:00.0: firmware version: 28.39.1002" +
             tree.either("", "\n3,1201,92000000,-;NVRM: Xid (PCI:0000:c3:00): 79, pid=4106, "
                         "GPU has fallen off the bus."
                         "\n3,1202,92000100,-;NVRM: Xid (PCI:0000:1b:00): 31, pid=5201, MMU Fault"))
    if not tree.bad:
        tree.put("run/nvidia-persistenced/socket", "")
    for node in (0, 1):
        tree.put(f"sys/devices/system/node/node{node}/cpulist", CPUS[node])
    cubin = {"num_warps": 4, "num_stages": 3, "shared": 98304, "name": "matmul",
             "target": {"backend": "cuda", "arch": 90, "warp_size": 32}}
    if tree.bad:
        cubin.update({"num_stages": 7, "shared": 262144})
    tree.put("raid/triton/ab12/matmul.json", json.dumps(cubin))
    tree.env["TRITON_CACHE_DIR"] = "/raid/triton"
    config = {"num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8,
              "hidden_size": 8192, "head_dim": 128, "max_position_embeddings": 131072,
              "torch_dtype": "bfloat16"}
    if tree.bad:
        config["quantization_config"] = {"quant_method": "nvfp4"}
    tree.put("raid/model/config.json", json.dumps(config))
    tree.put("raid/model/model.safetensors.index.json",
             json.dumps({"metadata": {"total_size": tree.either(141107412992, 1600000000000)},
                         "weight_map": {}}))
    tree.put("raid/job/train_ops", "program")


def resource_listing(architectures):
    text = ""
    for architecture, kernels in architectures.items():
        text += (f"\nFatbin elf code:\n================\narch = {architecture}\n"
                 "code version = [1,8]\n\nResource usage:\n Common:\n  GLOBAL:0\n")
        for name, registers, stack in kernels:
            text += (f" Function {name}:\n"
                     f"  REG:{registers} STACK:{stack} SHARED:0 LOCAL:0 CONSTANT[0]:900"
                     " TEXTURE:0 SURFACE:0 SAMPLER:0\n")
    return text


def sass(name, lines):
    body = "".join(f"        /*{16 * n:04x}*/                   {line} ;\n"
                   for n, line in enumerate(lines))
    return f"\tcode for sm_90a\n\t\tFunction : {name}\n{body}\t\t..........\n"


def commands(tree):
    bad = tree.bad
    tree.command("systemctl is-active nvidia-fabricmanager", tree.either("active", "failed"),
                 tree.either(0, 3))
    tree.command("nv-fabricmanager --version",
                 f"Fabric Manager version is : {tree.either('580.95.05', '550.54.15')}")
    state = tree.either("On ", "Off")
    rows = "".join(f"| {name:<15} | {state:<58} |\n" for name in
                   ("PCIe", "NVLINK", "Memory", "SM", "InfoROM", "Thermal", "Power", "Driver"))
    tree.command("dcgmi health -g 0 -f", "Health monitor systems report\n+---+---+\n" + rows)
    redirect = tree.either("-", "+")
    tree.command("lspci -D -vvv", "0000:17:01.0 PCI bridge: Broadcom PEX890xx\n"
                 "\tCapabilities: [170 v1] Access Control Services\n"
                 f"\t\tACSCtl: SrcValid+ TransBlk- ReqRedir{redirect} CmpltRedir{redirect} "
                 "UpstreamFwd+")
    systems = ["5.15.0-1063-nvidia", tree.either("5.15.0-1063-nvidia", "5.15.0-1042-nvidia")]
    tree.command("scontrol show nodes -o", "\n".join(
        f"NodeName=dgx0{n + 1} Arch=x86_64 CoresPerSocket=56 Gres=gpu:h100:8 OS=Linux {system} "
        f"#64-Ubuntu SMP Version=24.05.3" for n, system in enumerate(systems)))
    tree.command("ucx_info -d", "#      Transport: rc_mlx5\n#      Transport: cuda_copy\n" +
                 tree.either("#      Transport: cuda_ipc\n", ""))
    metrics = tree.either([{"type": "Pods", "pods": {"metric": {"name": "queue_depth"}}}],
                          [{"type": "Resource", "resource": {"name": "cpu"}}])
    tree.command("kubectl get hpa -A -o json", json.dumps({"items": [
        {"metadata": {"namespace": "serving", "name": "chat"},
         "spec": {"scaleTargetRef": {"name": "vllm-chat"}, "metrics": metrics}}]}))
    tree.command("criu --version", "Version: 4.1")
    if not bad:
        tree.command("cuda-checkpoint --help", "CUDA checkpoint and restore utility.")
        tree.put("usr/lib/criu/cuda_plugin.so", "plugin")
    program = "/raid/job/train_ops"
    native = tree.either(["sm_80", "sm_90a"], ["sm_80"])
    tree.command(f"cuobjdump --list-elf {program}",
                 "\n".join(f"ELF file    {n + 1}: train_ops.{n + 1}.{a}.cubin"
                           for n, a in enumerate(native)))
    tree.command(f"cuobjdump --list-ptx {program}", "PTX file    1: train_ops.1.sm_80.ptx")
    kernels = [("softmax", 40, 0), ("gemm_tiles", 168, tree.either(0, 96))]
    tree.command(f"cuobjdump --dump-resource-usage {program}", resource_listing(
        {"sm_80": kernels, "sm_90a": tree.either(kernels, kernels[:1])}))
    matrix = tree.either("HGMMA.64x128x16.F32.BF16 R24, gdesc[UR4], R24", "FFMA R1, R2, R3, R1")
    tree.command(f"cuobjdump -sass {program}",
                 sass("gemm_tiles", ["LDG.E.128.CONSTANT R4, desc[UR4][R2.64]", matrix]) +
                 sass("softmax", ["LDG.E.128 R4, desc[UR4][R2.64]",
                                  "STG.E.128 desc[UR4][R2.64], R4"]))


def make(name, bad):
    tree = Tree(name, bad)
    os.makedirs(tree.folder, exist_ok=True)
    pci(tree)
    processes(tree)
    files(tree)
    commands(tree)
    tree.env.update({"KUBECONFIG": "/etc/kubernetes/admin.conf", "SLURM_JOB_ID": "771",
                     "SLURM_JOB_NUM_NODES": "4"})
    with open(os.path.join(tree.folder, "env"), "w") as file:
        file.write("".join(f"{k}={v}\n" for k, v in sorted(tree.env.items())))
    tree.save("facts.json", facts(tree))
    tree.save("subject.json", {"model": "/raid/model", "build": "/raid/job"})
    tree.save("tree.json", {
        "window_s": 1.0, "commands": tree.commands,
        "statfs": {"/raid/triton": {"total_bytes": 30 << 40, "free_bytes": 20 << 40,
                                    "type": "ext4", "source": "/dev/md1", "options": "rw"}},
        "source": BARE + (", with faults" if bad else "") + "; written by make_gpu_trees.py "
        "after the DGX H100 user guide, Linux Documentation/ABI, the NVML API reference and "
        "manuals of tools"})


def make_arm64():
    """One GH200: 72 cores and their memory are node 0, the GPU's memory is node 1."""
    tree = Tree("arm64", False)
    tree.put("sys/devices/system/node/node0/cpulist", "0-71")
    tree.put("sys/devices/system/node/node1/cpulist", "")
    tree.put("proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX Open Kernel Module for "
             "aarch64  580.95.05  Release Build")
    tree.put("run/nvidia-persistenced/socket", "")
    address = "0009:01:00.0"
    tree.put(f"sys/bus/pci/devices/{address}/vendor", "0x10de")
    tree.put(f"sys/bus/pci/devices/{address}/class", "0x030200")
    tree.put(f"sys/bus/pci/devices/{address}/numa_node", "0")
    tree.put(f"sys/bus/pci/devices/{address}/local_cpulist", "0-71")
    gpu = gpu_facts(Tree("dgx_h100", False), 0)
    gpu.update({"name": "NVIDIA GH200 480GB", "pci_address": address, "memory_bytes": 102625181696,
                "memory_bus_bits": 6144, "numa_node": 0, "pageable_memory_access": True,
                "host_page_tables": True, "processes": [], "fabric_state": "not_supported",
                "nvlinks": [], "utilization_percent": 0, "throttle_reasons": 1})
    del gpu["fabric_clique"]
    tree.save("facts.json", {
        "hostname": "grace01", "kernel": "6.8.0-1021-nvidia-64k", "distribution": "Ubuntu 24.04",
        "bare_metal": True, "gpus": [gpu], "gpu_driver": "580.95.05", "cuda_driver": "13.0",
        "cuda_runtime": "12.8", "numa_nodes": [0, 1], "numa_distances": [[10, 80], [80, 10]]})
    tree.save("tree.json", {"source": "a GH200 after the NVIDIA Grace performance tuning guide; "
                            "written by make_gpu_trees.py"})


make("dgx_h100", False)
make("bad_node", True)
make_arm64()
