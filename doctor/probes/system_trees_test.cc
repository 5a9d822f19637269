// Probes of system, processor, memory, containers and storage, each on a recorded tree where it is
// content and on one where it fires, and all of them on trees where nothing can be relied on.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "doctor/fake_evidence.h"
#include "doctor/probe.h"
#include "doctor/proofs/proof.h"

namespace aisp::doctor {
namespace {

struct Row {
  const char* id;
  const char* content;  // tree on which it is ok
  const char* fires;    // tree on which it is not
  Verdict verdict;      // there
  const char* words;    // in what it says there
};

constexpr Verdict kWarn = Verdict::kWarn, kFail = Verdict::kFail;
constexpr Row kRows[] = {
    {"critical-thread-pinning", "hpc_node", "hpc_node_slow", kWarn, "1 of 3 feeding threads"},
    {"kernel-release", "cloud_vm", "hpc_node_slow", kWarn, "4.18 is older"},
    {"kernel-release", "container_clean", "workstation", kWarn, "hpet, not tsc"},
    {"cpu-governor", "hpc_node", "workstation", kWarn, "powersave on 8 of 8"},
    {"background-services", "cloud_vm", "workstation", kWarn, "gnome-shell, packagekitd"},
    {"swap-off", "cloud_vm", "workstation", kWarn, "swap is on"},
    {"swap-off", "hpc_node", "hpc_node_slow", kFail, "2048 MiB of the process"},
    {"host-fragmentation", "cloud_vm", "hpc_node_slow", kWarn, "of free memory"},
    {"thread-count-variables", "hpc_node", "container_limits", kFail,
     "OMP_NUM_THREADS=16, but 1.5 processors may be used (control-group quota)"},
    {"numa-memory-placement", "hpc_node", "hpc_node_slow", kWarn, "41 % of its memory"},
    {"nic-irq-affinity", "hpc_node", "hpc_node_slow", kWarn, "1 of 2 network interrupts"},
    {"transparent-hugepages", "cloud_vm", "hpc_node_slow", kWarn, "never"},
    {"hugepages-in-use", "hpc_node", "hpc_node_slow", kWarn, "2 % of 40.0 GiB"},
    {"locked-memory-limit", "hpc_node", "container_limits", kWarn, "only 0.0625 MiB"},
    {"housekeeping-cores", "hpc_node", "hpc_node_slow", kWarn, "4-7,12-15 are not quiet"},
    {"mount-noatime", "cloud_vm", "workstation", kWarn, "strictatime"},
    {"block-readahead", "hpc_node", "hpc_node_slow", kWarn, "over a network"},
    {"block-readahead", "cloud_vm", "workstation", kWarn, "spinning"},
    {"nvme-scheduler", "hpc_node", "workstation", kWarn, "bfq"},
    {"firmware-versions", "hpc_node", "hpc_node_slow", kWarn, "VBIOS of NVIDIA L40S"},
    {"container-shm-size", "cloud_vm", "container_limits", kFail, "only 64 MiB"},
    {"container-memlock", "container_clean", "container_limits", kWarn, "2 GPUs"},
    {"container-cpu-quota", "container_clean", "container_limits", kFail,
     "1.5 processors stopped the group 9 times"},
    {"container-memory-limit", "container_clean", "container_limits", kFail, "at its memory limit"},
    {"orchestrator-numa-policy", "hpc_node", "hpc_node_slow", kWarn, "not bound"},
    {"orchestrator-numa-policy", "hpc_node", "container_limits", kWarn, "on 2 NUMA nodes"},
    {"cpu-oversubscription", "cloud_vm", "hpc_node_slow", kWarn, "waits for a processor 43 %"},
    {"job-packing-contention", "hpc_node", "hpc_node_slow", kWarn, "9 % of the last minute"},
    {"storage-media", "cloud_vm", "workstation", kWarn, "spinning disk (sda)"},
    {"storage-media", "container_limits", "hpc_node_slow", kWarn, "nfs4 without a local cache"},
    {"lustre-stripe-count", "lustre_client", "lustre_client_one_stripe", kWarn, "1 of 1 large"},
    {"small-files-census", "hpc_node", "workstation", kWarn, "180000 files"},
    {"loader-sharding", "hpc_node", "hpc_node_slow", kWarn, "1 of 1 open data files"},
    {"client-cache-nfs", "container_limits", "hpc_node_slow", kWarn, "at most 64 KiB"},
    {"smt-state", "hpc_node", "hpc_node_slow", kWarn, "siblings of core 4"},
    {"loader-thread-priority", "hpc_node", "hpc_node_slow", kWarn, "1 of 3"},
    {"cpu-throttle-counters", "hpc_node", "hpc_node_slow", kFail, "throttled from heat"},
    {"cpu-throttle-counters", "hpc_node", "workstation", kWarn, "99 C"},
    {"data-format-census", "hpc_node", "workstation", kWarn, "84 % of the data is text"},
    {"security-cost", "cloud_vm", "hpc_node_slow", kWarn, "2 of them known to be costly"},
    {"cpu-cores-per-gpu", "hpc_node", "container_limits", kFail, "0.8 cores for each of 2 GPUs"},
    {"host-memory-per-gpu", "hpc_node", "container_limits", kWarn, "16 GiB of host memory"},
    {"gds-stack", "hpc_node", "hpc_node_slow", kWarn, "nvidia_fs is not loaded"},
    {"profiler-access", "hpc_node", "hpc_node_slow", kWarn, "perf_event_paranoid 4"},
    {"server-cpu-isolation", "hpc_node", "hpc_node_slow", kWarn, "1 other processes"},
    {"tcp-loss", "cloud_vm", "hpc_node_slow", kWarn, "1.00 % of TCP segments"},
    {"tcp-buffer-limits", "hpc_node", "hpc_node_slow", kWarn, "4 of 4"},
    {"jumbo-frames", "hpc_node", "hpc_node_slow", kWarn, "1500 bytes"},
    {"tcp-congestion-control", "cloud_vm", "hpc_node_slow", kWarn, "reno"},
    {"monitoring-exporters", "hpc_node", "hpc_node_slow", kWarn, "no exporter"},
    {"scheduler-gpu-awareness", "hpc_node", "hpc_node_slow", kWarn, "GresTypes lacks gpu"},
    {"scheduler-gpu-awareness", "hpc_node", "container_limits", kWarn, "sees every GPU"},
};

std::unique_ptr<Evidence> tree(const std::string& name) {
  return recorded_evidence(fmt::format("{}/doctor/trees/{}", AISP_SOURCE_DIR, name));
}

Finding ask(const std::string& id, const Evidence& evidence) {
  for (const Probe& probe : probes()) {
    if (id == probe.id) return probe.decide(evidence);
  }
  for (const Setting& setting : settings()) {
    if (id == setting.id) return decide(setting, evidence);
  }
  ADD_FAILURE() << "no probe " << id;
  return {};
}

TEST(SystemProbes, AreContentWhereNothingIsWrong) {
  for (const Row& row : kRows) {
    const Finding finding = ask(row.id, *tree(row.content));
    EXPECT_EQ(finding.verdict, Verdict::kOk)
        << row.id << " on " << row.content << ": " << finding.says;
    EXPECT_FALSE(finding.says.empty()) << row.id;
  }
}

TEST(SystemProbes, FireWhereSomethingIs) {
  for (const Row& row : kRows) {
    const Finding finding = ask(row.id, *tree(row.fires));
    EXPECT_EQ(finding.verdict, row.verdict)
        << row.id << " on " << row.fires << ": " << finding.says;
    EXPECT_NE(finding.says.find(row.words), std::string::npos) << row.id << ": " << finding.says;
    EXPECT_FALSE(finding.evidence.empty()) << row.id << " shows no evidence";
    EXPECT_FALSE(finding.cost.empty()) << row.id << " names no cost";
  }
}

// A cost may name a proof or a measurement only if there is one.
TEST(SystemProbes, PointToProofsThatExist) {
  std::set<std::string> known;
  for (const Proof& proof : proofs()) known.insert(proof.id);
  int named = 0;
  for (const Row& row : kRows) {
    const Finding finding = ask(row.id, *tree(row.fires));
    const std::string words = finding.says + " " + finding.cost + " ";
    const std::string_view option = "--prove ";
    for (std::size_t at = words.find(option); at != std::string::npos;
         at = words.find(option, at + 1)) {
      const std::size_t begin = at + option.size();
      const std::string id = words.substr(begin, words.find_first_of(" ;,", begin) - begin);
      EXPECT_TRUE(known.contains(id)) << row.id << " names --prove " << id;
      ++named;
    }
  }
  EXPECT_GE(named, 5);
}

// What it says of a healthy machine must not send its owner on errands.
TEST(SystemProbes, RaiseNoFalseAlarm) {
  for (const char* const name : {"cloud_vm", "container_clean", "hpc_node", "lustre_client"}) {
    const auto evidence = tree(name);
    for (const Row& row : kRows) {
      const Finding finding = ask(row.id, *evidence);
      EXPECT_NE(finding.verdict, Verdict::kWarn)
          << row.id << " on " << name << ": " << finding.says;
      EXPECT_NE(finding.verdict, Verdict::kFail)
          << row.id << " on " << name << ": " << finding.says;
    }
  }
}

TEST(SystemProbes, DecideNothingByGarbage) {
  const auto broken = tree("broken");
  const FakeEvidence nothing;
  for (const Row& row : kRows) {
    for (const Evidence* const evidence :
         std::initializer_list<const Evidence*>{broken.get(), &nothing}) {
      const Finding finding = ask(row.id, *evidence);
      EXPECT_TRUE(finding.verdict == Verdict::kNotApplicable ||
                  finding.verdict == Verdict::kCannotSee)
          << row.id << " on " << (evidence == broken.get() ? "broken" : "nothing") << ": "
          << name(finding.verdict) << ", " << finding.says;
      EXPECT_FALSE(finding.says.empty()) << row.id;
    }
  }
}

}  // namespace
}  // namespace aisp::doctor
