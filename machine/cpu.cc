// Detection of the processor: CPUID for what it can execute, hwloc for cores and caches, the
// scheduler and the control group for how much of it is ours. Needs no privileges; what cannot be
// found keeps the default of one core without caches.
// Source: hwloc manual 2.9, "Hardware Locality (hwloc) Introduction" and object attributes.
#include "machine/cpu.h"

#include <hwloc.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <type_traits>

#include "machine/cgroup.h"
#include "machine/cpuid.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

using Topology =
    std::unique_ptr<std::remove_pointer_t<hwloc_topology_t>, decltype(&hwloc_topology_destroy)>;
using Bitmap = std::unique_ptr<std::remove_pointer_t<hwloc_bitmap_t>, decltype(&hwloc_bitmap_free)>;

Topology load_topology() {
  hwloc_topology_t topology = nullptr;
  if (hwloc_topology_init(&topology) != 0) return {nullptr, &hwloc_topology_destroy};
  if (hwloc_topology_load(topology) != 0) {
    hwloc_topology_destroy(topology);
    topology = nullptr;
  }
  return {topology, &hwloc_topology_destroy};
}

int count_of(hwloc_topology_t topology, hwloc_obj_type_t type) {
  return std::max(1, hwloc_get_nbobjs_by_type(topology, type));
}

int count_inside(hwloc_topology_t topology, hwloc_const_cpuset_t set, hwloc_obj_type_t type) {
  return hwloc_get_nbobjs_inside_cpuset_by_type(topology, set, type);
}

// Caches above the first core, which on machines with two kinds of core is one of its kinds.
std::vector<Cache> read_caches(hwloc_topology_t topology, hwloc_obj_type_t core_type) {
  std::vector<Cache> caches;
  hwloc_obj_t unit = hwloc_get_obj_by_type(topology, HWLOC_OBJ_PU, 0);
  for (hwloc_obj_t at = unit; at != nullptr; at = at->parent) {
    if (!hwloc_obj_type_is_dcache(at->type)) continue;
    const auto& attributes = at->attr->cache;
    Cache cache;
    cache.level = static_cast<int>(attributes.depth);
    cache.size_bytes = attributes.size;
    if (attributes.linesize > 0) cache.line_bytes = static_cast<int>(attributes.linesize);
    // hwloc: -1 means fully associative, 0 unknown.
    cache.ways =
        attributes.associativity < 0
            ? static_cast<int>(cache.size_bytes / static_cast<std::size_t>(cache.line_bytes))
            : attributes.associativity;
    cache.sharing_cores = std::max(1, count_inside(topology, at->cpuset, core_type));
    if (cache.size_bytes > 0) caches.push_back(cache);
  }
  std::sort(caches.begin(), caches.end(),
            [](const Cache& a, const Cache& b) { return a.level < b.level; });
  return caches;
}

// Physical cores with at least one hardware thread that the scheduler lets us use. Virtual machines
// may show no cores, only hardware threads: each counts as a core then.
void read_usable(hwloc_topology_t topology, hwloc_obj_type_t core_type, Cpu& cpu) {
  const Bitmap mine(hwloc_bitmap_alloc(), &hwloc_bitmap_free);
  if (hwloc_get_cpubind(topology, mine.get(), HWLOC_CPUBIND_PROCESS) != 0) {
    hwloc_bitmap_copy(mine.get(), hwloc_topology_get_topology_cpuset(topology));
  }
  cpu.core_ids.clear();
  hwloc_obj_t core = nullptr;
  while ((core = hwloc_get_next_obj_by_type(topology, core_type, core)) != nullptr) {
    int id = -1;
    do {
      id = hwloc_bitmap_next(core->cpuset, id);
    } while (id >= 0 && !hwloc_bitmap_isset(mine.get(), static_cast<unsigned>(id)));
    if (id >= 0) cpu.core_ids.push_back(id);
  }
  hwloc_bitmap_and(mine.get(), mine.get(), hwloc_topology_get_topology_cpuset(topology));
  cpu.cores = std::max(1, static_cast<int>(cpu.core_ids.size()));
  cpu.hardware_threads = std::max(1, hwloc_bitmap_weight(mine.get()));
}

void read_topology(Cpu& cpu) {
  const Topology topology = load_topology();
  if (!topology) {
    cpu.cores_online = std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
    cpu_set_t mine;
    const bool known = sched_getaffinity(0, sizeof mine, &mine) == 0;
    cpu.cores = cpu.hardware_threads = known ? CPU_COUNT(&mine) : cpu.cores_online;
    return;
  }
  const bool has_cores = hwloc_get_nbobjs_by_type(topology.get(), HWLOC_OBJ_CORE) > 0;
  const hwloc_obj_type_t core_type = has_cores ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
  cpu.cores_online = count_of(topology.get(), core_type);
  const hwloc_obj_t core = hwloc_get_obj_by_type(topology.get(), core_type, 0);
  cpu.threads_per_core = std::max(1, count_inside(topology.get(), core->cpuset, HWLOC_OBJ_PU));
  cpu.packages = count_of(topology.get(), HWLOC_OBJ_PACKAGE);
  cpu.numa_nodes = count_of(topology.get(), HWLOC_OBJ_NUMANODE);
  cpu.data_caches = read_caches(topology.get(), core_type);
  read_usable(topology.get(), core_type, cpu);
}

// Blocks of memory that are online count what is installed; MemTotal leaves out what the kernel
// took for itself at boot, and so changes with the kernel.
std::size_t installed_memory_bytes() {
  const std::string folder = "/sys/devices/system/memory";
  std::size_t block_bytes = 0, blocks = 0;
  if (const auto text = read_line(folder + "/block_size_bytes")) {
    try {
      block_bytes = std::stoull(*text, nullptr, 16);
    } catch (const std::exception&) {
      block_bytes = 0;
    }
  }
  if (block_bytes > 0) {
    std::error_code error;
    for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
         at.increment(error)) {
      if (!at->path().filename().string().starts_with("memory")) continue;
      if (read_line(at->path().string() + "/online").value_or("0") == "1") ++blocks;
    }
  }
  if (blocks > 0) return blocks * block_bytes;
  return static_cast<std::size_t>(std::max(0l, sysconf(_SC_PHYS_PAGES))) *
         static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// Other architectures name themselves in /proc/cpuinfo only, if at all.
void read_names(Cpu& cpu) {
  utsname system{};
  if (uname(&system) == 0) cpu.architecture = system.machine;
  const std::string info = read_text("/proc/cpuinfo").value_or("");
  if (cpu.vendor.empty()) cpu.vendor = find_value(info, "CPU implementer").value_or("");
  for (const char* name : {"model name", "CPU part", "uarch", "cpu"}) {
    if (cpu.model.empty()) cpu.model = find_value(info, name).value_or("");
  }
  if (cpu.vendor.empty()) cpu.vendor = cpu.architecture;
  if (cpu.model.empty()) cpu.model = cpu.architecture;
}

Cpu probe() {
  Cpu cpu;
  decode_cpuid(read_cpuid(), cpu);
  read_names(cpu);
  read_topology(cpu);
  cpu.cpu_quota = read_cgroup_limits().cpus;
  if (cpu.cpu_quota > 0) {
    // Rounded down: a thread more than the quota feeds gets every thread throttled in turn.
    const int allowed = std::max(1, static_cast<int>(std::floor(cpu.cpu_quota + 1e-9)));
    cpu.cores = std::min(cpu.cores, allowed);
    cpu.core_ids.resize(std::min(cpu.core_ids.size(), static_cast<std::size_t>(cpu.cores)));
  }
  cpu.memory_bytes = installed_memory_bytes();
  cpu.page_bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return cpu;
}

}  // namespace

std::size_t Cpu::cache_bytes(int level, int cores_used) const {
  for (const Cache& cache : data_caches) {
    if (cache.level != level) continue;
    const int used = std::max(1, cores_used), sharing = std::max(1, cache.sharing_cores);
    return cache.size_bytes * static_cast<std::size_t>((used + sharing - 1) / sharing);
  }
  return 0;
}

std::vector<std::string> Cpu::features() const {
  const std::pair<bool, const char*> all[] = {
      {avx2, "avx2"},
      {avx_vnni, "avx_vnni"},
      {avx512, "avx512"},
      {avx512_vnni, "avx512_vnni"},
      {avx512_bf16, "avx512_bf16"},
      {avx512_fp16, "avx512_fp16"},
      {amx_int8, "amx_int8"},
      {amx_bf16, "amx_bf16"},
  };
  std::vector<std::string> names;
  for (const auto& [present, name] : all) {
    if (present) names.emplace_back(name);
  }
  return names;
}

const Cpu& cpu() {
  static const Cpu probed = probe();
  return probed;
}

}  // namespace aisp::machine
