// How GPUs reach each other: NVLink, islands of it, and whether jobs lie well on them.
//
// Source: NVML API reference (NVLink, topology, fabric information); NVIDIA Fabric Manager user
// guide; Megatron-LM documentation (tensor groups are consecutive ranks).
#include <algorithm>
#include <climits>

#include "doctor/gpus.h"
#include "doctor/processes.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using machine::Gpu;
using machine::GpuPair;

const char* const kSlower =
    "PCIe 5.0 x16 moves 63 GB/s each way, NVLink 4 moves 450 GB/s "
    "(vendor's figures)";

bool a_job_spans_gpus(const Evidence& evidence) {
  for (const auto& job : gpu_jobs(evidence)) {
    std::set<int> gpus;
    for (const GpuUser& user : job) gpus.insert(user.gpus.begin(), user.gpus.end());
    if (gpus.size() > 1) return true;
  }
  return false;
}

Finding nvlink_present(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence, 2)) return *none;
  const auto& facts = evidence.facts();
  bool any_active = false;
  std::vector<Reading> down, up;
  std::vector<int> with_down;
  for (const Gpu& gpu : facts.gpus) {
    std::vector<int> dead;
    double speed = 0.0;
    for (const auto& link : gpu.nvlinks) {
      if (link.active) speed += link.gb_per_s.value_or(0.0);
      if (link.active) any_active = true;
      if (!link.active) dead.push_back(link.link);
    }
    const std::string source = fmt::format("GPU {}: NVLink", gpu.index);
    if (dead.empty()) {
      up.push_back(
          {source, fmt::format("{} links up, {:.0f} GB/s each way", gpu.nvlinks.size(), speed)});
    } else {
      with_down.push_back(gpu.index);
      down.push_back({source, fmt::format("{} of {} links down ({})", dead.size(),
                                          gpu.nvlinks.size(), numbers_in_words(dead))});
    }
  }
  int unlinked = 0, linked = 0;
  for (const GpuPair& pair : facts.gpu_pairs) {
    if (pair.nvlink) ++(*pair.nvlink ? linked : unlinked);
    if (pair.nvlink && !*pair.nvlink && down.size() < 8) {
      down.push_back({fmt::format("GPU {} to GPU {}", pair.a, pair.b), "no NVLink path"});
    }
  }
  if (!any_active && linked == 0) {
    if (!a_job_spans_gpus(evidence)) return not_applicable("these GPUs have no NVLink that is up");
    return warn("a job spans GPUs that no NVLink joins", down, kSlower);
  }
  if (!with_down.empty()) {
    return fail(fmt::format("NVLinks are down on {}", gpus_in_words(with_down)), down, kSlower);
  }
  if (unlinked > 0 && a_job_spans_gpus(evidence)) {
    return warn(
        fmt::format("{} of {} pairs of GPUs have no NVLink path", unlinked, unlinked + linked),
        down, kSlower);
  }
  return ok(fmt::format("all NVLinks of {} GPUs are up", facts.gpus.size()), up);
}

bool rdma_is_active(const machine::Facts& facts) {
  return std::any_of(facts.rdma.begin(), facts.rdma.end(), [](const auto& port) {
    return port.state.find("ACTIVE") != std::string::npos;
  });
}

// Ranks per tensor group of any job; 0: none is given.
int tensor_group(const std::vector<GpuUser>& job) {
  int size = 0;
  for (const GpuUser& user : job) {
    size = std::max(size, tensor_parallel_size(user.arguments));
    size = std::max(size, positive(user.environment, "TENSOR_PARALLEL_SIZE"));
  }
  return size;
}

Finding job_domain_locality(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  const auto& facts = evidence.facts();
  const int nodes = nodes_of_jobs(evidence);
  std::set<std::string> cliques;
  for (const Gpu& gpu : facts.gpus) {
    if (gpu.fabric_clique && !gpu.fabric_clique->empty()) cliques.insert(*gpu.fabric_clique);
  }
  std::vector<Reading> read = {{"NVLink cliques here", fmt::format("{}", cliques.size())},
                               {"nodes of the job", fmt::format("{}", nodes)}};
  int group = 0;
  for (const auto& job : gpu_jobs(evidence)) group = std::max(group, tensor_group(job));
  if (group > 0) read.push_back({"ranks of a tensor group", fmt::format("{}", group)});
  if (nodes > 1 && !rdma_is_active(facts)) {
    return fail(
        fmt::format("a job runs on {} nodes and no RDMA port is active here", nodes), read,
        "sockets copy every byte through the kernel; a 400 Gb/s RDMA port moves 50 GB/s past it");
  }
  if (cliques.size() > 1 && group > 1) {
    return warn("a tensor group may hold GPUs of several NVLink cliques", read, kSlower);
  }
  const int here = static_cast<int>(facts.gpus.size());
  if (nodes > 1 && group > here && cliques.empty()) {
    return warn(
        fmt::format("tensor groups of {} ranks reach beyond the {} GPUs of a node", group, here),
        read, "a 400 Gb/s port moves 50 GB/s, NVLink 4 moves 450 GB/s each way");
  }
  if (nodes > 1) return ok(fmt::format("{} nodes, RDMA between them", nodes), read);
  if (cliques.size() == 1) return ok("all GPUs here are in one NVLink clique", read);
  return not_applicable("no job over several nodes or NVLink domains", read);
}

// The kernel's and the driver's words for how far two devices are apart, from near to far.
int distance(const GpuPair* pair) {
  if (pair == nullptr) return INT_MAX;
  if (pair->nvlink.value_or(false)) return 0;
  static const char* const kFar[] = {"",           "internal", "single", "multiple",
                                     "hostbridge", "node",     "system"};
  for (int i = 1; i < 7; ++i) {
    if (pair->common_ancestor == kFar[i]) return i;
  }
  return INT_MAX;
}
constexpr int kSystem = 6;

int worst_distance(const machine::Facts& facts, const std::vector<int>& gpus) {
  int worst = 0;
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    for (std::size_t j = i + 1; j < gpus.size(); ++j) {
      worst = std::max(worst, distance(pair_of(facts, gpus[i], gpus[j])));
    }
  }
  return worst;
}

// As many GPUs as `job` has, among those that are idle or its own, with the least worst distance.
std::vector<int> closest_set(const machine::Facts& facts, const std::vector<int>& job) {
  std::vector<int> usable;
  for (const Gpu& gpu : facts.gpus) {
    const bool own = std::find(job.begin(), job.end(), gpu.index) != job.end();
    if (own || gpu.processes.empty()) usable.push_back(gpu.index);
  }
  if (usable.size() > 16) return job;  // 12,870 sets at most
  std::vector<bool> taken(usable.size(), false);
  std::fill(taken.begin(), taken.begin() + static_cast<long>(job.size()), true);
  std::vector<int> best = job;
  int least = worst_distance(facts, job);
  do {
    std::vector<int> set;
    for (std::size_t i = 0; i < usable.size(); ++i) {
      if (taken[i]) set.push_back(usable[i]);
    }
    const int worst = worst_distance(facts, set);
    if (worst < least) {
      least = worst;
      best = set;
    }
  } while (std::prev_permutation(taken.begin(), taken.end()));
  return best;
}

Finding job_gpu_distance(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence, 2)) return *none;
  const auto& facts = evidence.facts();
  std::vector<Reading> read;
  for (const auto& job : gpu_jobs(evidence)) {
    std::set<int> held;
    for (const GpuUser& user : job) held.insert(user.gpus.begin(), user.gpus.end());
    if (held.size() < 2) continue;
    const std::vector<int> gpus(held.begin(), held.end());
    const int worst = worst_distance(facts, gpus);
    if (worst == INT_MAX) return cannot_see("the driver did not tell how GPUs reach each other");
    read.push_back({fmt::format("process {}: GPUs", job.front().pid), numbers_in_words(gpus)});
    if (worst < kSystem) continue;
    const auto closer = closest_set(facts, gpus);
    if (closer == gpus) continue;
    read.push_back({"a closer set that is free", numbers_in_words(closer)});
    return warn(fmt::format("a job's GPUs ({}) lie on both sockets; {} would lie closer",
                            numbers_in_words(gpus), numbers_in_words(closer)),
                read, "peer copies cross the link between the sockets",
                {{Fix::Kind::kVariable, "CUDA_VISIBLE_DEVICES",
                  fmt::format("{}", fmt::join(closer, ","))}});
  }
  if (read.empty()) return not_applicable("no job holds two GPUs");
  return ok("no job's GPUs could lie closer", read);
}

// Which GPU a rank uses: the one that it holds alone, else the one its own list names.
int gpu_of_rank(const GpuUser& user) {
  if (user.gpus.size() == 1) return user.gpus[0];
  const auto visible = user.environment.find("CUDA_VISIBLE_DEVICES");
  const int local =
      user.environment.contains("LOCAL_RANK")
          ? static_cast<int>(machine::parse_number(user.environment.at("LOCAL_RANK")).value_or(-1))
          : -1;
  if (visible == user.environment.end()) return local;
  const auto list = machine::split(visible->second, ',');
  if (local < 0 || local >= static_cast<int>(list.size())) return -1;
  return static_cast<int>(
      machine::parse_number(list[static_cast<std::size_t>(local)]).value_or(-1));
}

// GPUs of a job in the order of its ranks; empty when they cannot be told.
std::vector<int> gpus_by_rank(std::vector<GpuUser> job) {
  const auto rank = [](const GpuUser& user) {
    const auto found = user.environment.find("RANK");
    return found == user.environment.end() ? 1e9 + user.pid
                                           : machine::parse_number(found->second).value_or(1e9);
  };
  std::sort(job.begin(), job.end(),
            [&](const GpuUser& a, const GpuUser& b) { return rank(a) < rank(b); });
  std::vector<int> gpus;
  for (const GpuUser& user : job) {
    if (job.size() == 1) return user.gpus;
    const int gpu = gpu_of_rank(user);
    if (gpu < 0) return {};
    gpus.push_back(gpu);
  }
  return gpus;
}

Finding rank_island_mapping(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence, 2)) return *none;
  const auto islands = link_islands(evidence.facts());
  std::vector<Reading> read;
  for (const auto& island : islands) read.push_back({"NVLink island", numbers_in_words(island)});
  if (islands.size() == 1) return ok("one NVLink island: every group lies inside", read);
  if (islands.size() == evidence.facts().gpus.size()) {
    return not_applicable("no NVLink islands: no GPU is linked to another");
  }
  const auto island_of = [&](int gpu) {
    return std::find_if(islands.begin(), islands.end(), [&](const auto& island) {
      return std::find(island.begin(), island.end(), gpu) != island.end();
    });
  };
  bool known = false;
  for (const auto& job : gpu_jobs(evidence)) {
    const auto size = static_cast<std::size_t>(tensor_group(job));
    const auto gpus = gpus_by_rank(job);
    if (size < 2 || gpus.empty()) continue;
    known = true;
    for (std::size_t first = 0; first + size <= gpus.size(); first += size) {
      const std::vector<int> group(gpus.begin() + static_cast<long>(first),
                                   gpus.begin() + static_cast<long>(first + size));
      const bool crosses = std::any_of(group.begin(), group.end(), [&](int gpu) {
        return island_of(gpu) != island_of(group[0]);
      });
      if (!crosses) continue;
      read.push_back({"a tensor group, by rank", numbers_in_words(group)});
      return warn(
          fmt::format("a tensor group (GPUs {}) crosses NVLink islands", numbers_in_words(group)),
          read, kSlower);
    }
  }
  if (known) return ok("every tensor group lies inside one NVLink island", read);
  return not_applicable("no process here tells the size of its tensor groups", read);
}

}  // namespace

std::vector<Probe> gpu_link_probes() {
  return {{"nvlink-present", nvlink_present},
          {"job-domain-locality", job_domain_locality},
          {"job-gpu-distance", job_gpu_distance},
          {"rank-island-mapping", rank_island_mapping}};
}

}  // namespace aisp::doctor
