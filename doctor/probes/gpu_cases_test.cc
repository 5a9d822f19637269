// Single cases of probes about GPUs, fabric and serving, on evidence made in memory: what the
// recorded trees (gpu_trees_test.cc) do not show.
#include <gtest/gtest.h>

#include <functional>

#include "doctor/probes/fake_node.h"

namespace aisp::doctor {
namespace {

using machine::Gpu;

constexpr auto kOk = Verdict::kOk, kWarn = Verdict::kWarn, kFail = Verdict::kFail;
constexpr auto kNone = Verdict::kNotApplicable, kUnseen = Verdict::kCannotSee;

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

std::vector<Case> link_cases() {
  return {
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
  };
}

std::vector<Case> sharing_cases() {
  return {
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
  };
}

std::vector<Case> software_cases() {
  return {
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
}

TEST(GpuCases, Decide) {
  std::vector<Case> cases = link_cases();
  for (const auto& more : {sharing_cases(), software_cases()}) {
    cases.insert(cases.end(), more.begin(), more.end());
  }
  for (const Case& one : cases) {
    const Finding finding = decided(one.make(), one.id);
    EXPECT_EQ(name(finding.verdict), std::string(name(one.verdict)))
        << one.id << ", " << one.what << ": " << finding.says;
    EXPECT_FALSE(finding.says.empty()) << one.id << ", " << one.what;
  }
}

}  // namespace
}  // namespace aisp::doctor
