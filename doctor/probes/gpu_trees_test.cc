// The recorded trees of a GPU node in good state and with faults, through every probe about
// GPUs, fabric and serving: what each must say. Single cases are in gpu_cases_test.cc.
#include <gtest/gtest.h>

#include <memory>

#include "doctor/examine.h"
#include "doctor/probe.h"

namespace aisp::doctor {
namespace {

Finding decided(const Evidence& evidence, const std::string& id) {
  for (const Probe& probe : probes()) {
    if (probe.id == id) return probe.decide(evidence);
  }
  ADD_FAILURE() << "no probe " << id;
  return {};
}

struct Expected {
  const char* id;
  Verdict good;               // on dgx_h100
  Verdict bad;                // on bad_node
  const char* bad_says = "";  // a part of the line there
};

constexpr auto kOk = Verdict::kOk, kWarn = Verdict::kWarn, kFail = Verdict::kFail;
constexpr auto kNone = Verdict::kNotApplicable;

const Expected kExpected[] = {
    {"accelerator-generation", kOk, kWarn, "FP4"},
    {"nvlink-present", kOk, kFail, "GPU 3"},
    {"job-domain-locality", kOk, kOk},
    {"coherent-memory", kNone, kNone, "discrete"},
    {"job-gpu-distance", kOk, kOk},
    {"collective-library-current", kOk, kWarn, "NCCL_ALGO=Ring"},
    {"gpu-process-numa-binding", kOk, kWarn, "far socket"},
    {"gpu-irq-affinity", kOk, kWarn, "1 interrupts"},
    {"driver-current", kOk, kFail, "550.54.15"},
    {"cuda-driver-runtime-match", kOk, kFail, "13.0"},
    {"stack-uniform-across-nodes", kOk, kWarn, "firmware"},
    {"gpu-persistence", kOk, kWarn, "8 GPUs"},
    {"mig-persistence", kNone, kWarn, "GPU 7"},
    {"pcie-link-state", kOk, kFail, "1 of 20"},
    {"iommu-acs", kOk, kWarn, "translates"},
    {"mps-for-shared-gpu", kOk, kWarn, "GPU 0"},
    {"mig-fit", kOk, kWarn, "slice"},
    {"ecc-enabled", kOk, kFail, "3, 4"},
    {"fabric-manager", kOk, kFail, "fabric"},
    {"process-checkpoint-support", kOk, kWarn, "plugin"},
    {"rank-island-mapping", kOk, kOk},
    {"gpu-xid-errors", kOk, kFail, "79"},
    {"gpu-memory-errors", kOk, kFail, "GPU 6"},
    {"health-watch-configured", kOk, kWarn, "no health watch"},
    {"rdma-device-active", kOk, kWarn, "mlx5_5"},
    {"gpudirect-rdma", kOk, kWarn, "nvidia_peermem"},
    {"nccl-env-sanity", kOk, kWarn, "NCCL_BUFFSIZE"},
    {"sharp-collnet", kOk, kWarn, "without"},
    {"nic-oversubscription", kOk, kOk},
    {"ib-error-counters", kOk, kWarn, "grow"},
    {"autoscaling-on-custom-metrics", kOk, kWarn, "1 of 1"},
    {"nixl-available", kNone, kNone, "prefill"},
    {"optimized-serving-engine", kNone, kWarn, "plain Python"},
    {"inference-qos-partition", kNone, kWarn, "share a GPU"},
    {"model-fits-memory", kOk, kFail, "8 here"},
    {"gpu-throttle-reasons", kOk, kWarn, "GPU 1"},
    {"multitenant-limits", kOk, kWarn, "several users"},
    {"mig-slice-layout", kNone, kWarn, "GPU 7"},
    {"cooling-hardware", kOk, kWarn, "GPU 1"},
    {"one-process-per-gpu", kOk, kWarn, "(0, 1)"},
    {"native-gpu-code", kOk, kWarn, "9.0"},
    {"triton-config-sanity", kOk, kWarn, "stages"},
    {"register-spills", kOk, kWarn, "1 of 3"},
    {"sass-inspection", kOk, kWarn, "Tensor Core"},
    {"arch-guards", kOk, kWarn, "1 kernel"},
};

TEST(GpuTrees, SayWhatWasPutThere) {
  const std::string trees = AISP_SOURCE_DIR "/doctor/trees/";
  const auto good = recorded_evidence(trees + "dgx_h100");
  const auto bad = recorded_evidence(trees + "bad_node");
  for (const Expected& row : kExpected) {
    const Finding fine = decided(*good, row.id), faulty = decided(*bad, row.id);
    EXPECT_EQ(name(fine.verdict), std::string(name(row.good))) << row.id << ": " << fine.says;
    EXPECT_EQ(name(faulty.verdict), std::string(name(row.bad))) << row.id << ": " << faulty.says;
    EXPECT_NE(faulty.says.find(row.bad_says), std::string::npos)
        << row.id << ": " << faulty.says << ", without '" << row.bad_says << "'";
  }
}

// What fires tells where it looked and what it costs; what is in order tells where it looked.
TEST(GpuTrees, GiveReasons) {
  const auto bad = recorded_evidence(AISP_SOURCE_DIR "/doctor/trees/bad_node");
  for (const Expected& row : kExpected) {
    const Finding finding = decided(*bad, row.id);
    EXPECT_FALSE(finding.says.empty()) << row.id;
    if (finding.verdict != kWarn && finding.verdict != kFail) continue;
    EXPECT_FALSE(finding.evidence.empty()) << row.id;
    EXPECT_FALSE(finding.cost.empty()) << row.id;
    for (const Reading& reading : finding.evidence) {
      EXPECT_FALSE(reading.source.empty()) << row.id;
      EXPECT_FALSE(reading.value.empty()) << row.id << ": " << reading.source;
    }
  }
}

}  // namespace
}  // namespace aisp::doctor
