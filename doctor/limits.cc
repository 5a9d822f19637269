// See limits.h.
#include "doctor/limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

constexpr int kIpcLock = 14;  // CAP_IPC_LOCK
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

// "0 0 4294967295": the user namespace in which capabilities count for the whole machine.
bool in_first_namespace(const Evidence& evidence) {
  const Text map = evidence.read(evidence.of_subject("uid_map"));
  std::vector<double> numbers;
  for (const auto word : machine::split(map.value, ' ')) {
    const auto number = machine::parse_number(word);
    if (number) numbers.push_back(*number);
  }
  return numbers.size() == 3 && numbers[0] == 0 && numbers[1] == 0 && numbers[2] == 4294967295.0;
}

}  // namespace

bool has_capability(const Evidence& evidence, int number) {
  const std::string status = evidence.read(evidence.of_subject("status")).value;
  const auto mask = Evidence::value_of(status, "CapEff");
  if (!mask || mask->size() > 16 || mask->empty()) return false;
  char* end = nullptr;
  const std::uint64_t bits = std::strtoull(mask->c_str(), &end, 16);
  return *end == '\0' && ((bits >> number) & 1U) != 0;
}

std::optional<LockedMemory> locked_memory(const Evidence& evidence, std::string* why) {
  const std::string file = evidence.of_subject("limits");
  const Text limits = evidence.read(file);
  if (!limits) {
    *why = limits.why;
    return std::nullopt;
  }
  const auto value = Evidence::value_of(limits.value, "Max locked memory");
  const std::string soft = value ? value->substr(0, value->find(' ')) : "";
  const auto bytes = machine::parse_number(soft);
  if (soft != "unlimited" && (!bytes || *bytes < 0)) {
    *why = file + ": no line 'Max locked memory' with a number";
    return std::nullopt;
  }
  LockedMemory locked;
  if (bytes && *bytes < 1.8e19) locked.limit_bytes = static_cast<std::uint64_t>(*bytes);
  locked.evidence.push_back({file, "Max locked memory " + soft});
  locked.may_exceed = has_capability(evidence, kIpcLock) && in_first_namespace(evidence);
  if (locked.may_exceed) {
    locked.evidence.push_back({evidence.of_subject("status"), "CapEff has CAP_IPC_LOCK"});
  }
  return locked;
}

Finding judge_locked_memory(const Evidence& evidence, const LockedMemory& locked) {
  if (!locked.limit_bytes) return ok("locked memory is not limited", locked.evidence);
  const double mib = static_cast<double>(*locked.limit_bytes) / static_cast<double>(kMiB);
  if (locked.may_exceed) {
    return ok(fmt::format("the limit of {:g} MiB does not bind: CAP_IPC_LOCK", mib),
              locked.evidence);
  }
  const machine::Facts& facts = evidence.facts();
  const std::vector<Fix> fixes = {{Fix::Kind::kCommand, "ulimit -l unlimited", ""}};
  if (!facts.rdma.empty() && *locked.limit_bytes < 64 * kMiB) {
    return fail(fmt::format("only {:g} MiB may be locked: RDMA cannot register buffers", mib),
                locked.evidence,
                "registration fails, or transfers go through sockets at a fraction of the rate",
                fixes);
  }
  // What a training process stages: a gibibyte for each GPU.
  const std::uint64_t wanted = 1024 * kMiB * std::max<std::size_t>(1, facts.gpus.size());
  if ((!facts.gpus.empty() || !facts.rdma.empty()) && *locked.limit_bytes < wanted) {
    return warn(fmt::format("only {:g} MiB may be locked, staging for {} GPUs wants {} MiB", mib,
                            facts.gpus.size(), wanted / kMiB),
                locked.evidence, "lab ch02:memory_transfer measures pinned against pageable copies",
                fixes);
  }
  // Kernels since 5.16 give every process 8 MiB; io_uring's fixed buffers need some of it.
  if (*locked.limit_bytes < 8 * kMiB) {
    return warn(fmt::format("only {:g} MiB may be locked, less than the kernel's own 8 MiB", mib),
                locked.evidence,
                "mlock and io_uring's fixed buffers fail; lab ch05:storage_cpu measures reads "
                "with and without them",
                fixes);
  }
  return ok(fmt::format("{:g} MiB may be locked; nothing here pins more (no GPU, no RDMA)", mib),
            locked.evidence);
}

}  // namespace aisp::doctor
