// Questions that others ask the measured ceilings. See ceilings.h.
#include "machine/ceilings.h"

#include <algorithm>
#include <cmath>

namespace aisp::machine {
namespace {

// Rates found on one thread and on the most threads there are (0: not found).
struct Rates {
  double one = 0.0, most = 0.0;
  int most_threads = 1;

  void add(int threads, double rate) {
    if (threads == 1) one = std::max(one, rate);
    if (threads > most_threads) {
      most_threads = threads;
      most = rate;
    } else if (threads == most_threads) {
      most = std::max(most, rate);
    }
  }

  // What `threads` reach: never more than each alone would, and no more than all together.
  double at(int threads) const {
    if (threads <= 1 || most_threads == 1) return threads <= 1 ? one : std::max(one, most);
    if (threads >= most_threads) return most;
    return std::min(one * threads, std::max(one, most));
  }
};

// Is `kind`, with plain or non-temporal stores, the nearest mix? A negative share asks for any.
bool mixes_like(const std::string& kind, double read_share) {
  if (read_share < 0.0) return true;
  const std::string nearest = kind_of_mix(read_share);
  return kind == nearest || kind == nearest + "_nt";
}

std::vector<DType> computed_as(DType dtype) {
  switch (dtype) {
    case DType::kBF16:
    case DType::kF16:
      return {dtype, DType::kF32};
    case DType::kU8:
      return {DType::kI8};
    default:
      return {dtype};
  }
}

}  // namespace

const char* kind_of_mix(double read_share) {
  // Half way between neighbours: 0, 1/2, 2/3, 1.
  return read_share < 0.25       ? "write"
         : read_share < 7.0 / 12 ? "copy"
         : read_share < 5.0 / 6  ? "update"
                                 : "read";
}

void Ceilings::raise_to(const Ceilings& again) {
  for (ComputeCeiling& entry : compute) {
    for (const ComputeCeiling& other : again.compute) {
      if (entry.isa != other.isa || entry.dtype != other.dtype || entry.threads != other.threads)
        continue;
      if (other.gflop_per_s.estimate > entry.gflop_per_s.estimate)
        entry.gflop_per_s = other.gflop_per_s;
      entry.best = std::max(entry.best, other.best);
    }
  }
  for (BandwidthCeiling& entry : bandwidth) {
    for (const BandwidthCeiling& other : again.bandwidth) {
      if (entry.level != other.level || entry.kind != other.kind || entry.threads != other.threads)
        continue;
      if (other.gb_per_s.estimate > entry.gb_per_s.estimate) entry.gb_per_s = other.gb_per_s;
      entry.best = std::max(entry.best, other.best);
    }
  }
}

double Ceilings::compute_gflop_per_s(DType dtype, int threads, bool best) const {
  double highest = 0.0;
  for (const DType type : computed_as(dtype)) {
    // Sets of instructions are compared at the same number of threads, each interpolated alone.
    for (const ComputeCeiling& first : compute) {
      if (first.dtype != type) continue;
      Rates rates;
      for (const ComputeCeiling& entry : compute) {
        if (entry.dtype != type || entry.isa != first.isa) continue;
        rates.add(entry.threads, best ? entry.best : entry.gflop_per_s.estimate);
      }
      double rate = rates.at(threads);
      // Cores do not share arithmetic: what disturbed the epochs of all must not lower the bound.
      if (best) rate = std::max(rate, rates.one * std::clamp(threads, 1, rates.most_threads));
      highest = std::max(highest, rate);
    }
  }
  return highest;
}

double Ceilings::bandwidth_gb_per_s(const Cpu& cpu, std::size_t working_set_bytes, int threads,
                                    bool best, bool one_level_up, double read_share) const {
  // Levels from the fastest to memory, as this processor has them.
  std::vector<int> levels;
  for (const Cache& cache : cpu.data_caches) levels.push_back(cache.level);
  levels.push_back(0);
  std::size_t index = 0;
  while (levels[index] != 0 && cpu.cache_bytes(levels[index], threads) < working_set_bytes) ++index;
  if (one_level_up && index > 0) --index;
  // A level without entries (memory was short) is answered by the next faster one: still a bound.
  for (std::size_t at = index + 1; at-- > 0;) {
    double highest = 0.0;
    for (const BandwidthCeiling& first : bandwidth) {
      if (first.level != levels[at] || !mixes_like(first.kind, read_share)) continue;
      Rates rates;
      for (const BandwidthCeiling& entry : bandwidth) {
        if (entry.level != first.level || entry.kind != first.kind) continue;
        rates.add(entry.threads, best ? entry.best : entry.gb_per_s.estimate);
      }
      highest = std::max(highest, rates.at(threads));
    }
    if (highest > 0.0) return highest;
  }
  return 0.0;
}

}  // namespace aisp::machine
