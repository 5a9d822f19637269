// Proofs about processors: how many threads, where, beside whom, at which priority and speed.
//
// Source: OpenMP 5.2 (OMP_NUM_THREADS), sched(7), Linux Documentation/scheduler/sched-util-clamp.
#include <dlfcn.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "doctor/paths.h"
#include "doctor/proofs/process_group.h"
#include "doctor/proofs/process_settings.h"
#include "doctor/proofs/proof.h"
#include "machine/cpu.h"
#include "machine/peer_blas.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

int cores() { return machine::cpu().cores; }
std::string text(int number) { return fmt::to_string(number); }

// The processors that this process may use, without the last one, and the last one.
struct Cpus {
  std::string all, others, last;
};

Cpus usable() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  std::set<int> cpus;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) cpus.insert(i);
  }
  const int last = cpus.empty() ? 0 : *cpus.rbegin();
  std::set<int> others = cpus;
  if (others.size() > 1) others.erase(last);
  return {cpu_list_text(cpus), cpu_list_text(others), text(last)};
}

std::string two_cpus() {
  const Cpus cpus = usable();
  return cpus.others == cpus.last ? "one processor has nothing to share out" : "";
}

std::string no_priority() { return why_not_allowed({{"nice", "-5"}}); }

std::string no_smt() {
  if (machine::cpu().threads_per_core < 2) return "the processor shows no sibling threads";
  return machine::cpu().hardware_threads > cores() ? "" : "this process may use no siblings";
}

// In a child: the library starts threads when it is loaded.
std::string no_openblas() {
  const pid_t child = fork();
  if (child == 0) _exit(dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL) != nullptr ? 0 : 1);
  int status = 1;
  if (child > 0) waitpid(child, &status, 0);
  return status == 0 ? "" : "needs libopenblas.so.0 (Debian package libopenblas0-pthread)";
}

std::string no_governor() {
  const auto governor = machine::read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  if (!governor) return "no frequency is set from here (no cpufreq: a virtual machine?)";
  if (*governor != "schedutil") {
    return "governor " + *governor + " takes no requests of a process: try --apply cpu-governor";
  }
  return why_not_allowed({{"uclamp_min", "1024"}});
}

std::string no_store_bypass() { return why_not_allowed({{"store_bypass", "off"}}); }

std::vector<Proof> counts() {
  const std::string all = text(cores());
  return {
      {.id = "thread-count-variables",
       .question = "What do more threads than processors cost a parallel loop?",
       .workload = "steps",
       .as_it_is = {"as OMP_NUM_THREADS and the system say", {{"threads", "openmp"}}},
       .remedy = {fmt::format("OMP_NUM_THREADS={}, one for each usable core", all),
                  {{"threads", "openmp"}},
                  {},
                  {{"OMP_NUM_THREADS", all}}}},
      {.id = "scaling-efficiency",
       .question = "Do all cores do equal work sooner than one?",
       .workload = "steps",
       .as_it_is = {"one thread", {{"threads", "1"}}},
       .remedy = {all + " threads", {{"threads", all}}},
       .needs = two_cpus},
      {.id = "parallel-transforms",
       .question = "Does spreading a batch's transforms over the cores pay?",
       .workload = "steps",
       .common = {{"steps", "1"}, {"work", "1000000"}},
       .as_it_is = {"transforms on one thread", {{"threads", "1"}}},
       .remedy = {"a pool with a thread for each core", {{"threads", all}}},
       .needs = two_cpus},
      {.id = "smt-benefit",
       .question = "Do sibling threads add to what the cores do?",
       .workload = "steps",
       .as_it_is = {"one thread a core", {{"threads", all}}},
       .remedy = {"one thread a hardware thread",
                  {{"threads", text(machine::cpu().hardware_threads)}}},
       .needs = no_smt},
      {.id = "persistent-kernels",
       .question = "What does a thread made for every task cost?",
       .workload = "steps",
       .common = {{"threads", text(std::max(2, cores()))}, {"work", "20000"}},
       .as_it_is = {"threads made for every step", {{"spawn", "1"}}},
       .remedy = {"threads that stay and wait", {{"spawn", "0"}}}},
      {.id = "container-cpu-quota",
       .question = "What does a quota of half of the processors cost a parallel loop?",
       .workload = "steps",
       .common = {{"threads", all}, {"steps", "512"}},
       .as_it_is = {"under such a quota", {}, {{"cpu_quota", fmt::format("{}", 0.5 * cores())}}},
       .remedy = {"without it"},
       .needs = why_no_quota},
  };
}

std::vector<Proof> neighbours() {
  const Cpus cpus = usable();
  const std::string many = text(3 * cores()), some = text(std::max(1, cores() - 1));
  return {
      {.id = "cpu-oversubscription",
       .question = "What do more busy workers than processors cost the step beside them?",
       .workload = "beside",
       .as_it_is = {many + " busy workers", {{"neighbours", many}}},
       .remedy = {some + " busy workers: a core stays free", {{"neighbours", some}}},
       .needs = two_cpus},
      {.id = "loader-thread-priority",
       .question = "Does a higher priority get a feeding thread its processor sooner?",
       .workload = "beside",
       .common = {{"neighbours", "2"}, {"their_cpus", cpus.last}, {"own_cpus", cpus.last}},
       .as_it_is = {"nice 0 beside others of nice 0"},
       .remedy = {"nice -5", {{"nice", "-5"}}},
       .needs = no_priority},
      {.id = "server-cpu-isolation",
       .question = "What do neighbours on the server's processor cost it?",
       .workload = "beside",
       .common = {{"neighbours", "2"}, {"own_cpus", cpus.last}},
       .as_it_is = {"neighbours on the same processor", {{"their_cpus", cpus.last}}},
       .remedy = {"neighbours confined to the others", {{"their_cpus", cpus.others}}},
       .needs = two_cpus},
      {.id = "critical-thread-pinning",
       .question = "Does pinning producer and consumer to cores of their own speed the hand-over?",
       .workload = "hand_over",
       .common = {{"bytes", "64K"}},
       .as_it_is = {"threads wherever they run"},
       .remedy = {"each on a core of its own",
                  {{"producer_cpus", cpus.last}, {"consumer_cpus", cpus.others}}},
       .needs = two_cpus},
      {.id = "container-shm-size",
       .question = "What do batches cost that go through a pipe for want of shared memory?",
       .workload = "hand_over",
       .as_it_is = {"copied through a pipe", {{"through", "pipe"}}},
       .remedy = {"in memory that both sides see", {{"through", "memory"}}}},
  };
}

std::vector<Proof> processor() {
  const std::string core(machine::openblas_core_type(machine::cpu()));
  Side told = {"OPENBLAS_CORETYPE=" + core, {}, {}, {{"OPENBLAS_CORETYPE", core}}};
  if (core.empty()) told = {"what it chooses by itself", {}, {}, {{"OPENBLAS_CORETYPE", ""}}};
  return {
      {.id = "vendor-libraries",
       .question = "Does OpenBLAS run at its rate with the core type that it chose?",
       .workload = "sgemm",
       .as_it_is = {"as the environment and the library say"},
       .remedy = told,
       .needs = no_openblas},
      {.id = "cpu-governor",
       .question = "Does asking for full speed end the ramp of the governor?",
       .workload = "beside",
       .common = {{"work", "1000000"}},
       .as_it_is = {"as the governor decides"},
       .remedy = {"full speed asked for (util_min 1024)", {}, {{"uclamp_min", "1024"}}},
       .needs = no_governor,
       .under_system = {{"work", "1000000"}}},
      {.id = "security-cost",
       .question = "What does the protection against speculative store bypass cost a process?",
       .workload = "store_forward",
       .as_it_is = {"protected (prctl PR_SPEC_STORE_BYPASS)", {}, {{"store_bypass", "off"}}},
       .remedy = {"as other processes run"},
       .needs = no_store_bypass},
  };
}

}  // namespace

std::vector<Proof> thread_proofs() {
  std::vector<Proof> all = counts();
  for (const auto& table : {neighbours(), processor()}) {
    all.insert(all.end(), table.begin(), table.end());
  }
  return all;
}

}  // namespace aisp::doctor
