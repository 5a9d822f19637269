// Single cases of probes about GPUs, fabric and serving, on evidence made in memory: what the
// recorded trees (gpu_trees_test.cc) do not show, and evidence that is missing or malformed.
#include <gtest/gtest.h>

#include <functional>

#include "doctor/device_code.h"
#include "doctor/fake_evidence.h"
#include "doctor/gpus.h"
#include "doctor/probe.h"

namespace aisp::doctor {
namespace {

using machine::Gpu;

constexpr auto kOk = Verdict::kOk, kWarn = Verdict::kWarn, kFail = Verdict::kFail;
constexpr auto kNone = Verdict::kNotApplicable, kUnseen = Verdict::kCannotSee;

Finding decided(const Evidence& evidence, const std::string& id) {
  for (const Probe& probe : probes()) {
    if (probe.id == id) return probe.decide(evidence);
  }
  ADD_FAILURE() << "no probe " << id;
  return {};
}

// `count` H100s, half on each socket, without NVLink.
FakeEvidence node(int count) {
  FakeEvidence node;
  node.files["/sys/devices/system/node/node0/cpulist"] = "0-7";
  node.files["/sys/devices/system/node/node1/cpulist"] = "8-15";
  for (int i = 0; i < count; ++i) {
    Gpu gpu;
    gpu.index = i;
    gpu.name = "NVIDIA H100 PCIe";
    gpu.pci_address = "0000:0" + std::to_string(i) + ":00.0";
    gpu.compute_major = 9;
    gpu.compute_minor = 0;
    gpu.memory_bytes = 80000000000;
    gpu.memory_bus_bits = 5120;
    gpu.numa_node = i < count / 2 ? 0 : 1;
    node.machine.gpus.push_back(gpu);
    for (int a = 0; a < i; ++a) {
      const bool near = node.machine.gpus[static_cast<std::size_t>(a)].numa_node == gpu.numa_node;
      node.machine.gpu_pairs.push_back({a, i, near ? "node" : "system", true, false});
    }
  }
  return node;
}

void add_process(FakeEvidence& node, int gpu, int pid, const std::string& arguments,
                 const std::string& environment = "", int uid = 1000) {
  node.machine.gpus.at(static_cast<std::size_t>(gpu))
      .processes.push_back({pid, 1000000000, "python3", uid});
  const std::string folder = "/proc/" + std::to_string(pid);
  node.files[folder + "/cmdline"] = arguments;
  node.files[folder + "/environ"] = environment;
  node.files[folder + "/status"] =
      "PPid:\t1\nCpus_allowed_list:\t" + std::string(gpu % 2 == 0 ? "0-3" : "4-7");
}

void link_pair(FakeEvidence& node, int a, int b) {
  for (auto& pair : node.machine.gpu_pairs) {
    if (pair.a == a && pair.b == b) pair.nvlink = true;
  }
}

void add_port(FakeEvidence& node, const std::string& device, const std::string& rate) {
  const std::string port = "/sys/class/infiniband/" + device + "/ports/1/";
  node.files[port + "state"] = "4: ACTIVE";
  node.files[port + "phys_state"] = "5: LinkUp";
  node.files[port + "link_layer"] = "InfiniBand";
  node.files[port + "rate"] = rate;
  node.files["/dev/infiniband/uverbs0"] = "";
}

std::string rank_environment(int rank, const char* more = "") {
  return "RANK=" + std::to_string(rank) + "\nWORLD_SIZE=4\nMASTER_PORT=29500" + more;
}

struct Case {
  const char* what;
  const char* id;
  Verdict verdict;
  std::function<FakeEvidence()> make;
};

FakeEvidence ranks_on(const std::vector<int>& gpus) {
  FakeEvidence fake = node(4);
  link_pair(fake, 0, 1);
  link_pair(fake, 2, 3);
  int rank = 0;
  for (const int gpu : gpus) {
    add_process(fake, gpu, 100 + rank, "python3\nx.py\n--tp\n2", rank_environment(rank));
    ++rank;
  }
  return fake;
}

FakeEvidence mig(std::size_t slices, std::size_t processes, bool persistent) {
  FakeEvidence fake = node(1);
  Gpu& gpu = fake.machine.gpus[0];
  gpu.mig_now = true;
  gpu.persistence = persistent;
  gpu.mig_devices.assign(slices, "NVIDIA H100 MIG 1g.10gb");
  for (std::size_t i = 0; i < processes; ++i) {
    add_process(fake, 0, 200 + static_cast<int>(i), "python3\nx.py");
  }
  fake.commands["systemctl is-enabled nvidia-mig-manager"] = {"enabled", 0};
  return fake;
}

FakeEvidence superchip(bool shares) {
  FakeEvidence fake = node(1);
  fake.machine.gpus[0].name = "NVIDIA GH200 480GB";
  fake.machine.gpus[0].pageable_memory_access = shares;
  fake.machine.gpus[0].host_page_tables = shares;
  return fake;
}

FakeEvidence job_on_nodes(const char* rate) {
  FakeEvidence fake = node(4);
  add_process(fake, 0, 100, "python3\nx.py", "WORLD_SIZE=8\nLOCAL_WORLD_SIZE=4\nRANK=0");
  if (rate != nullptr) {
    add_port(fake, "mlx5_0", rate);
    fake.machine.rdma.push_back({.device = "mlx5_0", .state = "ACTIVE"});
  }
  return fake;
}

FakeEvidence transfers(const char* transports, bool library) {
  FakeEvidence fake = node(1);
  add_process(fake, 0, 100, "vllm\nserve\n--kv-transfer-config={}");
  if (library) fake.machine.libraries.push_back({"libnixl.so", "/opt/libnixl.so", "", ""});
  fake.commands["ucx_info -d"] = {transports, 0};
  return fake;
}

FakeEvidence two_roles(int trainer_on) {
  FakeEvidence fake = node(2);
  add_process(fake, 0, 100, "vllm\nserve");
  add_process(fake, trainer_on, 101, "python3\ntrain.py", rank_environment(0));
  return fake;
}

FakeEvidence sharp(bool plugin) {
  FakeEvidence fake = node(2);
  add_port(fake, "mlx5_0", "400 Gb/sec (4X NDR)");
  fake.environment["NCCL_COLLNET_ENABLE"] = "1";
  if (plugin) {
    fake.machine.libraries.push_back({"libsharp.so.5", "/opt/libsharp.so.5", "", ""});
    fake.machine.libraries.push_back({"libnccl-net.so", "/opt/libnccl-net.so", "", ""});
  }
  return fake;
}

TEST(GpuCases, Decide) {
  const std::vector<Case> cases = {
      {"a job on both sockets with a free neighbour", "job-gpu-distance", kWarn,
       [] {
         FakeEvidence fake = node(4);
         add_process(fake, 0, 100, "python3\nx.py");
         add_process(fake, 2, 100, "python3\nx.py");
         return fake;
       }},
      {"a job on one socket", "job-gpu-distance", kOk,
       [] {
         FakeEvidence fake = node(4);
         add_process(fake, 2, 100, "python3\nx.py");
         add_process(fake, 3, 100, "python3\nx.py");
         return fake;
       }},
      {"tensor groups in islands", "rank-island-mapping", kOk,
       [] {
         return ranks_on({0, 1, 2, 3});
       }},
      {"tensor groups across", "rank-island-mapping", kWarn,
       [] {
         return ranks_on({0, 2, 1, 3});
       }},
      {"a job without NVLink", "nvlink-present", kWarn,
       [] {
         FakeEvidence fake = node(2);
         add_process(fake, 0, 100, "python3\nx.py", rank_environment(0));
         add_process(fake, 1, 101, "python3\nx.py", rank_environment(1));
         return fake;
       }},
      {"no job, no NVLink", "nvlink-present", kNone, [] { return node(2); }},
      {"nodes without RDMA", "job-domain-locality", kFail, [] { return job_on_nodes(nullptr); }},
      {"nodes with RDMA", "job-domain-locality", kOk,
       [] { return job_on_nodes("400 Gb/sec (4X NDR)"); }},
      {"a small port for four GPUs", "nic-oversubscription", kWarn,
       [] { return job_on_nodes("100 Gb/sec (4X EDR)"); }},
      {"a large port for four GPUs", "nic-oversubscription", kOk,
       [] { return job_on_nodes("400 Gb/sec (4X NDR)"); }},
      {"coherent", "coherent-memory", kOk, [] { return superchip(true); }},
      {"a superchip that is not", "coherent-memory", kWarn, [] { return superchip(false); }},
      {"slices declared", "mig-persistence", kOk, [] { return mig(2, 0, true); }},
      {"slices forgotten", "mig-persistence", kWarn, [] { return mig(2, 0, false); }},
      {"MIG without slices", "mig-persistence", kWarn, [] { return mig(0, 0, true); }},
      {"a slice each", "mig-slice-layout", kOk, [] { return mig(2, 2, true); }},
      {"a crowd", "mig-slice-layout", kWarn, [] { return mig(2, 3, true); }},
      {"UCX complete", "nixl-available", kOk,
       [] { return transfers("Transport: cuda_copy\nTransport: cuda_ipc", true); }},
      {"UCX without CUDA", "nixl-available", kWarn, [] { return transfers("tcp", true); }},
      {"no NIXL", "nixl-available", kWarn, [] { return transfers("", false); }},
      {"vLLM", "optimized-serving-engine", kOk, [] { return two_roles(1); }},
      {"own GPUs and processors", "inference-qos-partition", kOk, [] { return two_roles(1); }},
      {"one GPU for both", "inference-qos-partition", kWarn, [] { return two_roles(0); }},
      {"SHARP complete", "sharp-collnet", kOk, [] { return sharp(true); }},
      {"SHARP without plugin", "sharp-collnet", kWarn, [] { return sharp(false); }},
      {"a library older than the module", "driver-current", kFail,
       [] {
         FakeEvidence fake = node(0);
         fake.files["/proc/driver/nvidia/version"] = "NVRM version: NVIDIA  550.1.2  Release";
         fake.machine.unseen.push_back({"GPUs", "(the driver was updated without a restart)", ""});
         return fake;
       }},
      {"an old branch", "driver-current", kWarn,
       [] {
         FakeEvidence fake = node(1);
         fake.machine.gpu_driver = "535.104.05";
         return fake;
       }},
      {"a runtime of a later minor version", "cuda-driver-runtime-match", kWarn,
       [] {
         FakeEvidence fake = node(1);
         fake.machine.cuda_driver = "12.4";
         fake.machine.cuda_runtime = "12.8";
         return fake;
       }},
      {"the log is root's", "gpu-xid-errors", kUnseen,
       [] {
         FakeEvidence fake = node(1);
         fake.forbidden.insert("/dev/kmsg");
         return fake;
       }},
      {"no cuobjdump", "register-spills", kUnseen,
       [] {
         FakeEvidence fake = node(1);
         fake.looked_at.build = "/b";
         fake.files["/b/aisp"] = "program";
         return fake;
       }},
  };
  for (const Case& one : cases) {
    const Finding finding = decided(one.make(), one.id);
    EXPECT_EQ(name(finding.verdict), std::string(name(one.verdict)))
        << one.id << ", " << one.what << ": " << finding.says;
    EXPECT_FALSE(finding.says.empty()) << one.id << ", " << one.what;
  }
}

const char* const kGpuRows[] = {"accelerator-generation",
                                "nvlink-present",
                                "job-domain-locality",
                                "coherent-memory",
                                "job-gpu-distance",
                                "collective-library-current",
                                "gpu-process-numa-binding",
                                "gpu-irq-affinity",
                                "driver-current",
                                "cuda-driver-runtime-match",
                                "stack-uniform-across-nodes",
                                "gpu-persistence",
                                "mig-persistence",
                                "iommu-acs",
                                "mps-for-shared-gpu",
                                "mig-fit",
                                "ecc-enabled",
                                "fabric-manager",
                                "process-checkpoint-support",
                                "rank-island-mapping",
                                "gpu-xid-errors",
                                "gpu-memory-errors",
                                "health-watch-configured",
                                "gpudirect-rdma",
                                "nccl-env-sanity",
                                "sharp-collnet",
                                "nic-oversubscription",
                                "nixl-available",
                                "optimized-serving-engine",
                                "inference-qos-partition",
                                "model-fits-memory",
                                "gpu-throttle-reasons",
                                "multitenant-limits",
                                "mig-slice-layout",
                                "cooling-hardware",
                                "one-process-per-gpu",
                                "native-gpu-code",
                                "triton-config-sanity"};
const char* const kOtherRows[] = {
    "pcie-link-state", "rdma-device-active", "ib-error-counters", "autoscaling-on-custom-metrics",
    "register-spills", "sass-inspection",    "arch-guards"};

TEST(GpuCases, AreQuietWithoutGpu) {
  const FakeEvidence nothing;
  for (const char* id : kGpuRows) {
    const Finding finding = decided(nothing, id);
    EXPECT_EQ(finding.verdict, kNone) << id;
    EXPECT_EQ(finding.says, "no GPU") << id;
  }
  for (const char* id : kOtherRows) EXPECT_EQ(decided(nothing, id).verdict, kNone) << id;
}

TEST(GpuCases, TellOfGpusThatTheDriverDoesNot) {
  FakeEvidence fake;
  fake.files["/sys/bus/pci/devices/0000:01:00.0/vendor"] = "0x10de";
  fake.files["/sys/bus/pci/devices/0000:01:00.0/class"] = "0x030200";
  fake.machine.unseen.push_back({"GPUs", "Driver Not Loaded", ""});
  const Finding finding = decided(fake, "ecc-enabled");
  EXPECT_EQ(finding.verdict, kUnseen);
  EXPECT_NE(finding.says.find("Driver Not Loaded"), std::string::npos) << finding.says;
}

// A GPU of which nothing is known decides nothing.
TEST(GpuCases, NeverGuess) {
  FakeEvidence fake;
  fake.machine.gpus.resize(2);
  fake.machine.gpus[1].index = 1;
  for (const char* id : kGpuRows) {
    const Verdict verdict = decided(fake, id).verdict;
    EXPECT_TRUE(verdict != kWarn && verdict != kFail) << id << ": " << decided(fake, id).says;
  }
}

TEST(GpuCases, SurviveGarbage) {
  const std::string texts[] = {"",
                               "\n\n",
                               "-1",
                               "99999999999999999999999999",
                               "\xff\xfe\x80",
                               "{\"items\": [1, null, {\"spec\": 3}]}",
                               "a=b\n=\n|||\n0A 0A",
                               "x:"};
  for (const std::string& text : texts) {
    FakeEvidence fake = node(2);
    add_process(fake, 0, 100, text, text);
    fake.machine.gpu_driver = fake.machine.cuda_driver = fake.machine.cuda_runtime = text;
    fake.looked_at.model = "/m";
    fake.looked_at.build = "/b";
    for (const char* path :
         {"/proc/100/status", "/proc/100/maps", "/proc/net/tcp", "/proc/modules", "/dev/kmsg",
          "/proc/driver/nvidia/version", "/m/config.json", "/m/model.safetensors.index.json",
          "/b/program", "/etc/nccl.conf", "/t/a/k.json", "/sys/class/infiniband/d/ports/1/state",
          "/sys/class/infiniband/d/ports/1/rate", "/sys/bus/pci/devices/0000:00:00.0/class",
          "/sys/bus/pci/devices/0000:00:00.0/current_link_width",
          "/sys/bus/pci/devices/0000:00:00.0/local_cpulist"}) {
      fake.files[path] = text;
    }
    fake.environment = {{"TRITON_CACHE_DIR", "/t"}, {"NCCL_BUFFSIZE", text}, {"KUBECONFIG", "k"}};
    for (const char* command :
         {"dcgmi health -g 0 -f", "lspci -D -vvv", "scontrol show nodes -o", "ucx_info -d",
          "kubectl get hpa -A -o json", "kubectl get nodes -o json", "criu --version",
          "cuobjdump --list-elf /b/program", "cuobjdump -sass /b/program"}) {
      fake.commands[command] = {text, 0};
    }
    for (const char* id : kGpuRows) EXPECT_FALSE(decided(fake, id).says.empty()) << id;
    for (const char* id : kOtherRows) EXPECT_FALSE(decided(fake, id).says.empty()) << id;
  }
}

// Excerpts of what cuobjdump 13.0 prints.
TEST(DeviceCode, ReadsCuobjdump) {
  const auto usage = resource_usage(
      "\nFatbin elf code:\n================\narch = sm_80\ncode version = [1,8]\n\nResource "
      "usage:\n"
      " Common:\n  GLOBAL:0\n Function _Z7spillerPfi:\n  REG:32 STACK:256 SHARED:0 LOCAL:0 "
      "CONSTANT[0]:364 TEXTURE:0\n Function _Z4spinPf:\n  REG:8 STACK:0 SHARED:0 LOCAL:0\n"
      "\nFatbin ptx code:\n================\narch = sm_90\n");
  ASSERT_EQ(usage.size(), 1u);
  ASSERT_EQ(usage.at("sm_80").size(), 2u);
  EXPECT_EQ(usage.at("sm_80")[0].name, "_Z7spillerPfi");
  EXPECT_EQ(usage.at("sm_80")[0].stack_bytes, 256);
  EXPECT_EQ(usage.at("sm_80")[1].registers, 8);
  const auto counts = instructions(
      "\t\tFunction : _Z4wideP6float4PKS_\n"
      "        /*0060*/      LDG.E.128 R4, [R4.64] ;    /* 0x0000000404047981 */\n"
      "        /*0070*/      LDG.E R7, [R2.64+0x380] ;  /* 0x0003800402077981 */\n"
      "        /*0080*/      STL [R1], R7 ;             /* 0x0000000701007387 */\n");
  EXPECT_EQ(counts.at("_Z4wideP6float4PKS_").loads_wide, 1);
  EXPECT_EQ(counts.at("_Z4wideP6float4PKS_").loads_other, 1);
  EXPECT_EQ(counts.at("_Z4wideP6float4PKS_").local, 1);
}

TEST(DeviceCode, KnowsWhatRunsWhere) {
  EXPECT_TRUE(runs_on("sm_80", 8, 6));
  EXPECT_FALSE(runs_on("sm_86", 8, 0));
  EXPECT_TRUE(runs_on("sm_90a", 9, 0));
  EXPECT_FALSE(runs_on("sm_100a", 10, 3));
  EXPECT_TRUE(runs_on("sm_100f", 10, 3));
  EXPECT_FALSE(runs_on("sm_90", 10, 0));
  EXPECT_FALSE(runs_on("nonsense", 9, 0));
}

}  // namespace
}  // namespace aisp::doctor
