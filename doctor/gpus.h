// What probes about accelerators share: why there is nothing to decide, and one verdict for many
// GPUs. The facts of each GPU come from the driver's library (machine/facts.h).
#pragma once

#include <fmt/format.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "doctor/evidence.h"
#include "doctor/finding.h"

namespace aisp::doctor {

/// Why a question about GPUs is not decided here: there are fewer than `at_least` (not applicable),
/// or one is on the bus and its driver did not answer (cannot see). Nothing: decide.
std::optional<Finding> without_gpus(const Evidence& evidence, std::size_t at_least = 1);

/// "GPU 3", or "3 GPUs (0, 2, 5)".
std::string gpus_in_words(const std::vector<int>& gpus);
/// "0, 2, 5".
std::string numbers_in_words(const std::vector<int>& numbers);

/// GPUs sorted by one fact of each.
struct GpuSorting {
  std::vector<int> good, bad, unseen;
  std::vector<Reading> good_read, bad_read;
};
/// `judge` gives: does it hold, and the value as text; nothing when the driver did not tell.
struct Judged {
  bool holds = false;
  std::string value;
};
GpuSorting sort_gpus(const Evidence& evidence, const std::string& fact,
                     const std::function<std::optional<Judged>(const machine::Gpu&)>& judge);

/// A field as text: "?" where it is absent.
template <class T>
std::string shown(const machine::Maybe<T>& field, const char* unit = "") {
  return field ? fmt::format("{}{}", *field, unit) : "?";
}

/// The pair's facts, either way round; null when unknown.
const machine::GpuPair* pair_of(const machine::Facts& facts, int a, int b);

/// Groups of GPUs that NVLink joins, directly or through others; by lowest index.
std::vector<std::vector<int>> link_islands(const machine::Facts& facts);

/// "580.95.05" -> {580, 95, 5}; empty when it does not begin with a number.
std::vector<int> version_parts(std::string_view text);
/// Is `text` at least major.minor? Nothing when it is no version.
std::optional<bool> version_at_least(std::string_view text, int major, int minor = 0);

/// The first library whose name begins with `prefix` ("libnccl.so"); null: not found.
const machine::Library* library(const machine::Facts& facts, std::string_view prefix);

/// Part of an NVSwitch fabric, set up or not.
bool has_fabric(const machine::Gpu& gpu);
/// Memory of stacked dies (HBM): a bus of 2,048 bits or more.
bool has_stacked_memory(const machine::Gpu& gpu);

}  // namespace aisp::doctor
