// Probes about GPUs where there is none, where nothing is known, and where evidence is malformed;
// and what is read from cuobjdump.
#include <gtest/gtest.h>

#include "doctor/device_code.h"
#include "doctor/probes/fake_node.h"

namespace aisp::doctor {
namespace {

constexpr auto kWarn = Verdict::kWarn, kFail = Verdict::kFail;
constexpr auto kNone = Verdict::kNotApplicable, kUnseen = Verdict::kCannotSee;

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

TEST(GpuAbsence, AreQuietWithoutGpu) {
  const FakeEvidence nothing;
  for (const char* id : kGpuRows) {
    const Finding finding = decided(nothing, id);
    EXPECT_EQ(finding.verdict, kNone) << id;
    EXPECT_EQ(finding.says, "no GPU") << id;
  }
  for (const char* id : kOtherRows) EXPECT_EQ(decided(nothing, id).verdict, kNone) << id;
}

TEST(GpuAbsence, TellOfGpusThatTheDriverDoesNot) {
  FakeEvidence fake;
  fake.files["/sys/bus/pci/devices/0000:01:00.0/vendor"] = "0x10de";
  fake.files["/sys/bus/pci/devices/0000:01:00.0/class"] = "0x030200";
  fake.machine.unseen.push_back({"GPUs", "Driver Not Loaded", ""});
  const Finding finding = decided(fake, "ecc-enabled");
  EXPECT_EQ(finding.verdict, kUnseen);
  EXPECT_NE(finding.says.find("Driver Not Loaded"), std::string::npos) << finding.says;
}

// A GPU of which nothing is known decides nothing.
TEST(GpuAbsence, NeverGuess) {
  FakeEvidence fake;
  fake.machine.gpus.resize(2);
  fake.machine.gpus[1].index = 1;
  for (const char* id : kGpuRows) {
    const Verdict verdict = decided(fake, id).verdict;
    EXPECT_TRUE(verdict != kWarn && verdict != kFail) << id << ": " << decided(fake, id).says;
  }
}

TEST(GpuAbsence, SurviveGarbage) {
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
