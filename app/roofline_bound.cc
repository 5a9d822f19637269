// See roofline_bound.h.
#include "app/roofline_bound.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/units.h"

namespace aisp::app {
namespace {

constexpr const char* kWhere = "aisp tools roofline";

void check_positive(double value, const char* option) {
  if (std::isfinite(value) && value > 0.0) return;
  throw UsageError(fmt::format("{} is {}", option, value), kWhere, "give a number above 0");
}

std::string measured_types(const machine::Ceilings& ceilings) {
  std::set<std::string> types;
  for (const auto& entry : ceilings.compute) types.insert(std::string(name(entry.dtype)));
  return fmt::format("{}", fmt::join(types, ", "));
}

int threads_of(const BoundQuestion& question, const machine::Cpu& cpu) {
  if (question.threads == 0) return cpu.cores;
  if (question.threads >= 1 && question.threads <= cpu.cores) return question.threads;
  throw UsageError(
      fmt::format("--threads is {}", question.threads), kWhere,
      fmt::format("this machine has {} usable core{}", cpu.cores, cpu.cores == 1 ? "" : "s"));
}

double compute_rate(const machine::Ceilings& ceilings, const BoundQuestion& question, int threads) {
  const auto dtype = dtype_of_name(question.dtype);
  const double rate = dtype ? ceilings.compute_gflop_per_s(*dtype, threads) : 0.0;
  if (rate > 0.0) return rate;
  throw UsageError(fmt::format("no ceiling was measured for type \"{}\"", question.dtype), kWhere,
                   "measured here: " + measured_types(ceilings));
}

// Every level with its bandwidth: asked for with a set that just fits, memory with one that cannot.
std::vector<LevelBound> bounds_of_levels(const machine::Ceilings& ceilings, const machine::Cpu& cpu,
                                         int threads, double bytes) {
  std::vector<LevelBound> levels;
  for (const machine::Cache& cache : cpu.data_caches) {
    const std::size_t size = cpu.cache_bytes(cache.level, threads);
    levels.push_back(
        {fmt::format("L{}", cache.level), ceilings.bandwidth_gb_per_s(cpu, size, threads), 0.0});
  }
  levels.push_back({"DRAM", ceilings.bandwidth_gb_per_s(cpu, SIZE_MAX, threads), 0.0});
  for (LevelBound& level : levels) {
    if (level.gb_per_s > 0.0) level.seconds = bytes / level.gb_per_s / 1e9;
  }
  return levels;
}

std::size_t chosen_level(const std::vector<LevelBound>& levels, const machine::Cpu& cpu,
                         const BoundQuestion& question, int threads) {
  if (question.level.empty()) {
    std::size_t index = 0;
    while (index < cpu.data_caches.size() &&
           static_cast<double>(cpu.cache_bytes(cpu.data_caches[index].level, threads)) <
               question.bytes) {
      ++index;
    }
    return index;
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (strcasecmp(levels[i].level.c_str(), question.level.c_str()) == 0) return i;
    names.push_back(levels[i].level);
  }
  throw UsageError(fmt::format("unknown level \"{}\"", question.level), kWhere,
                   fmt::format("this machine has {}", fmt::join(names, ", ")));
}

}  // namespace

double Bound::seconds() const { return std::max(compute_seconds, levels[chosen].seconds); }

DType check_amounts(const BoundQuestion& question) {
  check_positive(question.flops, "--flops");
  check_positive(question.bytes, "--bytes");
  if (const auto dtype = dtype_of_name(question.dtype)) return *dtype;
  throw UsageError(fmt::format("unknown type \"{}\"", question.dtype), kWhere,
                   "types are f64, f32, f16, bf16, i8, u8 and those of `aisp machine`");
}

void check_question(const BoundQuestion& question, const machine::Cpu& cpu) {
  check_amounts(question);
  threads_of(question, cpu);
}

Bound find_bound(const machine::Ceilings& ceilings, const machine::Cpu& cpu,
                 const BoundQuestion& question) {
  check_question(question, cpu);
  Bound bound;
  bound.threads = threads_of(question, cpu);
  bound.gflop_per_s = compute_rate(ceilings, question, bound.threads);
  bound.compute_seconds = question.flops / bound.gflop_per_s / 1e9;
  bound.levels = bounds_of_levels(ceilings, cpu, bound.threads, question.bytes);
  bound.chosen = chosen_level(bound.levels, cpu, question, bound.threads);
  bound.memory_bound = bound.levels[bound.chosen].seconds > bound.compute_seconds;
  return bound;
}

std::string render_bound(const Bound& bound, const BoundQuestion& question) {
  const LevelBound& level = bound.levels[bound.chosen];
  const std::string on =
      bound.on.empty() ? fmt::format("{} thread{}", bound.threads, bound.threads == 1 ? "" : "s")
                       : bound.on;
  std::string text = fmt::format("\nBound of {} FLOP in {} on {} byte{}, {}: {} FLOP/byte\n",
                                 format_count(question.flops), question.dtype,
                                 format_count(question.bytes), question.bytes == 1 ? "" : "s", on,
                                 format_number(question.flops / question.bytes));
  text += fmt::format("  at least {}, at most {} GFLOP/s and {} GB/s\n",
                      format_time(bound.seconds() * 1e9),
                      format_number(question.flops / bound.seconds() / 1e9),
                      format_number(question.bytes / bound.seconds() / 1e9));
  text += bound.memory_bound
              ? fmt::format(
                    "  limited by the bandwidth of {}{}\n", level.level,
                    question.level.empty() && bound.on.empty() ? ", which holds so many bytes" : "")
              : "  limited by arithmetic\n";
  text += fmt::format("    {:<12} {:>10} GFLOP/s  {:>10}{}\n", "arithmetic",
                      format_number(bound.gflop_per_s), format_time(bound.compute_seconds * 1e9),
                      bound.memory_bound ? "" : "  <- sets the bound");
  for (std::size_t i = 0; i < bound.levels.size(); ++i) {
    const LevelBound& each = bound.levels[i];
    if (each.gb_per_s <= 0.0) continue;
    text += fmt::format("    {:<13} {:>9} GB/s     {:>10}{}\n", each.level,
                        format_number(each.gb_per_s), format_time(each.seconds * 1e9),
                        i != bound.chosen    ? ""
                        : bound.memory_bound ? "  <- sets the bound"
                                             : "  serves the bytes");
  }
  return text;
}

nlohmann::ordered_json to_json(const Bound& bound, const BoundQuestion& question) {
  nlohmann::ordered_json levels = nlohmann::ordered_json::array();
  for (const LevelBound& level : bound.levels) {
    levels.push_back(
        {{"level", level.level}, {"gb_per_s", level.gb_per_s}, {"seconds", level.seconds}});
  }
  return {{"flops", question.flops},
          {"bytes", question.bytes},
          {"dtype", question.dtype},
          {"gpu", bound.on},
          {"threads", bound.threads},
          {"flop_per_byte", question.flops / question.bytes},
          {"seconds", bound.seconds()},
          {"gflop_per_s", question.flops / bound.seconds() / 1e9},
          {"limit", bound.memory_bound ? "memory" : "compute"},
          {"level", bound.levels[bound.chosen].level},
          {"compute_seconds", bound.compute_seconds},
          {"compute_gflop_per_s", bound.gflop_per_s},
          {"levels", levels}};
}

}  // namespace aisp::app
