// Probes of the system on evidence made by hand: the cases that no tree of a whole machine has.
#include <gtest/gtest.h>

#include <functional>

#include "doctor/fake_evidence.h"
#include "doctor/probe.h"

namespace aisp::doctor {
namespace {

Finding ask(const std::string& id, const Evidence& evidence) {
  for (const Probe& probe : probes()) {
    if (id == probe.id) return probe.decide(evidence);
  }
  ADD_FAILURE() << "no probe " << id;
  return {};
}

struct Case {
  const char* what;
  const char* id;
  std::function<void(FakeEvidence&)> set;
  Verdict verdict;
  const char* words;
};

constexpr Verdict kOk = Verdict::kOk, kWarn = Verdict::kWarn, kFail = Verdict::kFail;
constexpr Verdict kNone = Verdict::kNotApplicable, kUnseen = Verdict::kCannotSee;

void expect(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    FakeEvidence evidence;
    one.set(evidence);
    const Finding finding = ask(one.id, evidence);
    EXPECT_EQ(finding.verdict, one.verdict) << one.id << ", " << one.what << ": " << finding.says;
    EXPECT_NE(finding.says.find(one.words), std::string::npos)
        << one.id << ", " << one.what << ": " << finding.says;
  }
}

// Eight processors, a quota of two of them.
void quota_of_two(FakeEvidence& e) {
  e.files["/sys/devices/system/cpu/online"] = "0-7";
  e.files["/proc/self/mountinfo"] = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw";
  e.files["/proc/self/cgroup"] = "0::/job";
  e.files["/sys/fs/cgroup/job/cpu.max"] = "200000 100000";
}

TEST(ThreadCounts, FitMaskQuotaAndRanks) {
  const char* const id = "thread-count-variables";
  const auto with = [](const char* name, const char* value) {
    return [=](FakeEvidence& e) {
      quota_of_two(e);
      e.environment[name] = value;
    };
  };
  expect({
      {"nothing set under a quota", id, quota_of_two, kWarn, "start 8 threads where the quota"},
      {"as many as the quota", id, with("OMP_NUM_THREADS", "2"), kOk, "fit"},
      {"half more", id, with("MKL_NUM_THREADS", "3"), kWarn, "MKL_NUM_THREADS=3"},
      {"twice as many", id, with("OPENBLAS_NUM_THREADS", "4"), kFail, "but 2 processors"},
      {"a list, the first counts", id, with("OMP_NUM_THREADS", "2,8"), kOk, "fit"},
      {"not a number", id, with("OMP_NUM_THREADS", "all"), kWarn, "'all' is no number"},
      {"zero", id, with("OMP_NUM_THREADS", "0"), kWarn, "is no number"},
      {"ranks", id,
       [](FakeEvidence& e) {
         e.files["/sys/devices/system/cpu/online"] = "0-7";
         e.environment = {{"OMP_NUM_THREADS", "4"}, {"LOCAL_WORLD_SIZE", "4"}};
       },
       kFail, "in each of 4 processes"},
  });
}

TEST(LockedMemory, BindsOnlyThoseWithoutTheCapability) {
  const auto with = [](const char* limit, const char* capabilities, const char* map, int gpus) {
    return [=](FakeEvidence& e) {
      e.files["/proc/self/limits"] = std::string("Max locked memory ") + limit + " x bytes";
      e.files["/proc/self/status"] = std::string("CapEff:\t") + capabilities;
      e.files["/proc/self/uid_map"] = map;
      e.machine.gpus.resize(static_cast<std::size_t>(gpus));
    };
  };
  const char* const first = "         0          0 4294967295";
  const char* const all = "000001ffffffffff";
  const char* const none = "0000000000000000";
  const char* const id = "locked-memory-limit";
  expect({
      {"root of the machine", id, with("65536", all, first, 1), kOk, "CAP_IPC_LOCK"},
      {"root of a user namespace", id, with("65536", all, "0 1000 1", 1), kWarn, "0.0625 MiB"},
      {"a user with a GPU", id, with("8388608", none, first, 1), kWarn, "8 MiB"},
      {"a user without", id, with("8388608", none, first, 0), kOk, "nothing here pins more"},
      {"very little", id, with("65536", none, first, 0), kWarn, "less than the kernel's own"},
      {"unlimited", id, with("unlimited", none, first, 8), kOk, "not limited"},
      {"garbage", id, with("lots", none, first, 1), kUnseen, "Max locked memory"},
      {"negative", id, with("-5", none, first, 1), kUnseen, "Max locked memory"},
  });
}

TEST(SharedMemory, GrowsWithGpus) {
  const auto of = [](std::uint64_t mib, int gpus, const char* container) {
    return [=](FakeEvidence& e) {
      e.file_systems["/dev/shm"] = {mib << 20, mib << 20, "tmpfs", "shm", ""};
      e.machine.gpus.resize(static_cast<std::size_t>(gpus));
      e.machine.container = container;
    };
  };
  const char* const id = "container-shm-size";
  expect({{"docker's default", id, of(64, 0, "docker"), kFail, "--ipc=host"},
          {"the same without a container", id, of(64, 0, ""), kFail, "only 64 MiB"},
          {"less than a GiB a GPU", id, of(2048, 4, "docker"), kWarn, "4 GPUs"},
          {"enough", id, of(2048, 2, "docker"), kOk, "2.0 GiB"}});
}

TEST(Processor, StealClocksAndTurbo) {
  const std::string cpu = "/sys/devices/system/cpu/";
  const auto stolen = [](const char* now) {
    return [=](FakeEvidence& e) {
      e.before["/proc/stat"] = "cpu  100 0 100 1000 0 0 0 50 0 0\nprocs_running 1";
      e.files["/proc/stat"] = now;
      e.files["/sys/devices/system/cpu/online"] = "0-1";
    };
  };
  const auto clock = [](const char* name, const char* release) {
    return [=](FakeEvidence& e) {
      e.files["/proc/sys/kernel/osrelease"] = release;
      e.files["/sys/devices/system/clocksource/clocksource0/current_clocksource"] = name;
    };
  };
  const auto performance = [cpu](const std::string& file, const char* value) {
    return [=](FakeEvidence& e) {
      e.files[cpu + "cpu0/cpufreq/scaling_governor"] = "performance";
      e.files[cpu + file] = value;
    };
  };
  expect({
      {"stolen time", "cpu-oversubscription",
       stolen("cpu  150 0 100 1030 0 0 0 70 0 0\nprocs_running 1"), kWarn, "20 % of this machine"},
      {"none stolen", "cpu-oversubscription",
       stolen("cpu  150 0 100 1050 0 0 0 50 0 0\nprocs_running 1"), kOk, "1 tasks"},
      {"a crowd", "cpu-oversubscription",
       stolen("cpu  150 0 100 1050 0 0 0 50 0 0\nprocs_running 9"), kWarn, "9 tasks"},
      {"acpi_pm", "kernel-release", clock("acpi_pm", "6.1.0"), kWarn, "acpi_pm, not tsc"},
      {"arm64", "kernel-release", clock("arch_sys_counter", "6.1.0"), kOk, "arch_sys_counter"},
      {"no release", "kernel-release", clock("tsc", "banana"), kUnseen, "banana"},
      {"turbo off, Intel", "cpu-governor", performance("intel_pstate/no_turbo", "1"), kWarn,
       "turbo"},
      {"turbo off, AMD", "cpu-governor", performance("cpufreq/boost", "0"), kWarn, "turbo"},
      {"preference", "cpu-governor",
       performance("cpu0/cpufreq/energy_performance_preference", "balance_power"), kWarn,
       "balance_power"},
      {"mitigations off", "security-cost",
       [](FakeEvidence& e) { e.files["/proc/cmdline"] = "ro mitigations=off"; }, kOk,
       "switched off"},
  });
}

void dataset_on(FakeEvidence& e, const std::string& mount) {
  e.looked_at.data = "/d/set";
  e.files["/proc/self/mountinfo"] = mount;
}

TEST(Storage, TellsMediaApart) {
  const auto on = [](const char* mount, const char* rotational = nullptr,
                     const char* hypervisor = "") {
    return [=](FakeEvidence& e) {
      dataset_on(e, mount);
      e.machine.hypervisor = hypervisor;
      e.links["/sys/dev/block/8:1"] = "../../devices/x/block/sda/sda1";
      if (rotational != nullptr) e.files["/sys/block/sda/queue/rotational"] = rotational;
    };
  };
  const char* const ext4 = "40 22 8:1 / /d rw,relatime - ext4 /dev/sda1 rw";
  const char* const id = "storage-media";
  expect({
      {"container layers", id, on("22 1 0:30 / / rw - overlay overlay rw"), kWarn, "overlay"},
      {"no direct I/O", id, on("40 22 0:31 / /d ro - squashfs /dev/loop0 ro"), kWarn, "direct I/O"},
      {"spinning", id, on(ext4, "1"), kWarn, "sda"},
      {"a virtual disk that says so", id, on(ext4, "1", "KVMKVMKVM"), kUnseen, "virtual disks"},
      {"solid", id, on(ext4, "0"), kOk, "ext4 on sda"},
      {"memory", id, on("40 22 0:31 / /d rw - tmpfs tmpfs rw"), kOk, "in memory"},
      {"remote with a cache", id, on("40 22 0:31 / /d rw - nfs a:/b rw,fsc"), kOk, "local cache"},
      {"no mount", id, on("rubbish"), kUnseen, "no mount"},
      {"none named", id, [](FakeEvidence&) {}, kNone, "no --data"},
      {"a relative path", id, [](FakeEvidence& e) { e.looked_at.data = "set"; }, kUnseen,
       "absolute"},
  });
}

TEST(Storage, CountsWhatNfsSentAgain) {
  FakeEvidence evidence;
  dataset_on(evidence, "40 22 0:31 / /d rw - nfs4 a:/b rw,rsize=1048576,nconnect=4");
  evidence.file_systems["/d"] = {100ULL << 30, 90ULL << 30, "nfs4", "a:/b", ""};
  evidence.files["/proc/self/mountstats"] =
      "device a:/b mounted on /d with fstype nfs4 statvers=1.1\n\tbytes:\t64424509440 0 0 0 "
      "42949672960 0 0 0\n";
  const Finding finding = ask("client-cache-nfs", evidence);
  EXPECT_EQ(finding.verdict, kWarn) << finding.says;
  EXPECT_NE(finding.says.find("4.0 times"), std::string::npos) << finding.says;
}

TEST(Dataset, WarnsOfWhatCosts) {
  const auto walked = [](std::uint64_t files, bool complete, std::uint64_t bytes,
                         std::uint64_t duplicates) {
    return [=](FakeEvidence& e) {
      e.looked_at.data = "/d";
      Walk walk;
      walk.files = files;
      walk.complete = complete;
      walk.duplicates = duplicates;
      walk.sizes.assign(20, bytes);
      walk.formats["tar"] = {20, 20 * bytes};
      e.walks["/d"] = walk;
    };
  };
  expect({
      {"many small", "small-files-census", walked(200'000, true, 4096, 0), kWarn, "200000 files"},
      {"more than were counted", "small-files-census", walked(5'000, false, 4096, 0), kWarn,
       "more than 5000"},
      {"many large", "small-files-census", walked(200'000, true, 1 << 20, 0), kOk, "200000"},
      {"few small", "small-files-census", walked(500, true, 4096, 0), kOk, "500 files"},
      {"twice there", "data-format-census", walked(20, true, 4096, 5), kWarn, "5 of 20"},
      {"empty", "data-format-census", walked(20, true, 0, 0), kNone, "no bytes"},
      {"absent", "data-format-census", [](FakeEvidence& e) { e.looked_at.data = "/x"; }, kUnseen,
       "cannot be listed"},
  });
}

TEST(Kubernetes, ReadsTheKubeletsPolicies) {
  const auto kubelet = [](const char* text, int nodes) {
    return [=](FakeEvidence& e) {
      e.files["/var/lib/kubelet/config.yaml"] = text;
      for (int node = 0; node < nodes; ++node) {
        e.files["/sys/devices/system/node/node" + std::to_string(node) + "/cpulist"] =
            std::to_string(node);
      }
    };
  };
  const char* const id = "orchestrator-numa-policy";
  const char* const good =
      "topologyManagerPolicy: \"single-numa-node\"\ncpuManagerPolicy: static\n";
  expect({
      {"good", id, kubelet(good, 2), kOk, "one node"},
      {"defaults", id, kubelet("kind: KubeletConfiguration\n", 2), kWarn, "(none, none)"},
      {"one node", id, kubelet("kind: KubeletConfiguration\n", 1), kNone, "one NUMA node"},
      {"a pod on one node", id,
       [](FakeEvidence& e) {
         e.environment["KUBERNETES_SERVICE_HOST"] = "10.0.0.1";
         e.files["/sys/devices/system/cpu/online"] = "0-7";
         e.files["/sys/devices/system/node/node0/cpulist"] = "0-3";
         e.files["/sys/devices/system/node/node1/cpulist"] = "4-7";
         e.files["/proc/self/status"] = "Cpus_allowed_list:\t4-5";
       },
       kOk, "one NUMA node"},
      {"given by a plugin", "scheduler-gpu-awareness",
       [](FakeEvidence& e) {
         e.environment = {{"KUBERNETES_SERVICE_HOST", "10.0.0.1"},
                          {"NVIDIA_VISIBLE_DEVICES", "GPU-1a2b"}};
         e.machine.gpus.resize(1);
       },
       kOk, "plugin gave"},
      {"GPUs, no plugin", "scheduler-gpu-awareness",
       [](FakeEvidence& e) {
         e.files["/var/lib/kubelet/device-plugins/kubelet.sock"] = "";
         e.machine.gpus.resize(1);
       },
       kWarn, "no device plugin"},
  });
}

TEST(MemoryLimit, CountsOnlyWhatIsHeld) {
  const auto held = [](const char* idle, const char* kills) {
    return [=](FakeEvidence& e) {
      quota_of_two(e);
      e.files["/sys/fs/cgroup/job/memory.max"] = "1000";
      e.files["/sys/fs/cgroup/job/memory.current"] = "990";
      e.files["/sys/fs/cgroup/job/memory.stat"] = std::string("inactive_file ") + idle;
      e.files["/sys/fs/cgroup/job/memory.events"] = std::string("oom_kill ") + kills;
    };
  };
  const char* const id = "container-memory-limit";
  expect({{"mostly idle cache", id, held("500", "0"), kOk, "49 %"},
          {"held", id, held("10", "0"), kWarn, "98 %"},
          {"somebody was killed", id, held("500", "2"), kWarn, "2 processes were killed"},
          {"no limit", id, quota_of_two, kOk, "no memory limit"}});
}

}  // namespace
}  // namespace aisp::doctor
