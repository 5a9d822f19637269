// Proofs about pages: their size, their first touch, their stay in memory, their node.
//
// Source: Linux Documentation/admin-guide/mm (transhuge, hugetlbpage, numa_memory_policy).
#include <fmt/format.h>
#include <sys/resource.h>

#include "doctor/proofs/process_settings.h"
#include "doctor/proofs/proof.h"
#include "machine/cpu.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

std::string one_node() { return machine::cpu().numa_nodes > 1 ? "" : "all memory is on one node"; }

std::string no_reserved_pages() {
  const auto free =
      machine::find_value(machine::read_text("/proc/meminfo").value_or(""), "HugePages_Free");
  const double pages = machine::parse_number(free.value_or("0")).value_or(0.0);
  return pages >= 64.0 ? "" : "no pool of huge pages is reserved (64 of 2 MiB would do)";
}

std::string no_huge_pages() {
  const auto text = machine::read_text("/sys/kernel/mm/transparent_hugepage/enabled");
  if (!text) return "the kernel has no transparent huge pages";
  return text->find("[never]") == std::string::npos
             ? ""
             : "the system's setting is never: try --apply transparent-hugepages";
}

std::string no_swap() {
  const auto text = machine::read_text("/proc/swaps").value_or("");
  return machine::split(machine::trim(text), '\n').size() > 1 ? "" : "no swap area is in use";
}

std::string no_locking() {
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  return limit.rlim_max >= (rlim_t{5} << 20) ? "" : "this process may not lock 4 MiB (ulimit -Hl)";
}

Proof proof_of_node(const char* id) {
  return {
      .id = id,
      .question = "What does a table on another node cost?",
      .workload = "gather",
      .as_it_is = {"memory of the last node",
                   {},
                   {{"cpus", "0"},
                    {"mempolicy", fmt::format("bind:{}", machine::cpu().numa_nodes - 1)}}},
      .remedy = {"memory of the node of the thread", {}, {{"cpus", "0"}, {"mempolicy", "local"}}},
      .needs = one_node};
}

std::vector<Proof> pages() {
  return {
      {.id = "transparent-hugepages",
       .question = "Is a fresh buffer ready sooner on huge pages?",
       .workload = "touch",
       .common = {{"pages", "huge"}},
       .as_it_is = {"huge pages denied", {}, {{"thp", "never"}}},
       .remedy = {"huge pages where a program asks for them"},
       .needs = no_huge_pages,
       .under_system = {{"pages", "huge"}}},
      {.id = "hugepages-in-use",
       .question = "Does a lookup table gain from huge pages?",
       .workload = "gather",
       .common = {{"bytes", "64M"}},
       .as_it_is = {"as a plain allocation comes", {{"pages", "asis"}}},
       .remedy = {"madvise(MADV_HUGEPAGE)", {{"pages", "huge"}}},
       .needs = no_huge_pages},
      {.id = "page-size-effect",
       .question = "What do 4 KiB pages cost random reads of a large table?",
       .workload = "gather",
       .common = {{"bytes", "512M"}},
       .as_it_is = {"4 KiB pages", {{"pages", "small"}}},
       .remedy = {"2 MiB pages", {{"pages", "huge"}}},
       .needs = no_huge_pages},
      {.id = "host-fragmentation",
       .question = "Does a reserved pool beat pages found at the time of need?",
       .workload = "touch",
       .as_it_is = {"pages as they are found", {{"pages", "huge"}}},
       .remedy = {"pages of the reserved pool", {{"pages", "reserved"}}},
       .needs = no_reserved_pages},
      {.id = "preallocated-tensors",
       .question = "What does allocating a step's tensors in every step cost?",
       .workload = "chain",
       .common = {{"operations", "1"}},
       .as_it_is = {"malloc and free in every step", {{"reuse", "0"}}},
       .remedy = {"allocated once", {{"reuse", "1"}}}},
      {.id = "reuse-output-buffers",
       .question = "What does a fresh array for every result cost?",
       .workload = "chain",
       .common = {{"operations", "2"}},
       .as_it_is = {"an array for every result", {{"reuse", "0"}}},
       .remedy = {"results into recycled arrays", {{"reuse", "1"}}}},
  };
}

std::vector<Proof> residence() {
  return {
      {.id = "swap-off",
       .question = "What do weights cost that memory pressure may put into swap?",
       .workload = "weights",
       .common = {{"backing", "memory"}, {"drop", "pressure"}, {"bytes", "4M"}},
       .as_it_is = {"pages that may go", {{"lock", "0"}}},
       .remedy = {"locked pages", {{"lock", "1"}}, {{"memlock", "hard"}}},
       .needs = no_swap,
       .under_system = {{"backing", "memory"}, {"drop", "pressure"}, {"bytes", "4M"}}},
      {.id = "host-paging",
       .question = "What does a mapped model cost that memory pressure pushes out?",
       .workload = "weights",
       .common = {{"backing", "file"}, {"drop", "pressure"}, {"bytes", "4M"}},
       .as_it_is = {"pages that may go", {{"lock", "0"}}},
       .remedy = {"locked pages", {{"lock", "1"}}, {{"memlock", "hard"}}},
       .needs = no_locking},
      {.id = "container-memlock",
       .question = "Does a limit that allows locking keep weights in memory here?",
       .workload = "weights",
       .common = {{"backing", "file"}, {"drop", "pressure"}, {"bytes", "1M"}},
       .as_it_is = {"nothing locked, as under a small limit", {{"lock", "0"}}},
       .remedy = {"locked, as --ulimit memlock=-1 allows", {{"lock", "1"}}, {{"memlock", "hard"}}},
       .needs = no_locking},
      {.id = "cold-start-warmup",
       .question = "What does the first request pay when nobody warmed up?",
       .workload = "weights",
       .as_it_is = {"a process that never read its weights", {{"drop", "process"}}},
       .remedy = {"weights mapped ahead of the request", {{"drop", "replica"}}}},
      {.id = "prestaged-model-switch",
       .question = "What does a model cost that is read at the moment of the switch?",
       .workload = "weights",
       .as_it_is = {"read from storage at the switch", {{"drop", "storage"}}},
       .remedy = {"staged while the old model serves", {{"drop", "staged"}}}},
      proof_of_node("numa-memory-placement"),
      proof_of_node("numa-penalty"),
  };
}

}  // namespace

std::vector<Proof> memory_proofs() {
  std::vector<Proof> all = pages();
  for (Proof& one : residence()) all.push_back(std::move(one));
  return all;
}

}  // namespace aisp::doctor
