// Measured ceilings: what this machine can do at most, by our own micro-kernels. A result beyond
// them is "impossible", and every result is shown as a fraction of them.
#pragma once

#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/interval.h"
#include "machine/cpu.h"

namespace aisp::machine {

/// Multiply-accumulate throughput. Unit: GFLOP/s (GOP/s for integers), multiply and add as two.
struct ComputeCeiling {
  std::string isa;  // "scalar", "sse2", "avx2", "avx512", "avx512_vnni", "avx512_bf16", "neon"
  DType dtype = DType::kF32;
  int threads = 1;
  Interval gflop_per_s;  // median of epochs with its 95 % interval
  double best = 0.0;     // second fastest epoch: the bound behind "impossible"
};

/// Sustained bandwidth. Unit: GB/s (1e9 bytes), all bytes that the program loads and stores
/// counted: a copy counts twice, the line that a cache fetches before a plain store does not count.
struct BandwidthCeiling {
  int level = 0;     // 1, 2, 3 = that cache; 0 = DRAM
  std::string kind;  // "read", "write", "copy", "update" (y += x); DRAM also "write_nt", "copy_nt"
                     // (non-temporal)
  int threads = 1;
  std::size_t working_set_bytes = 0;  // of all threads together
  Interval gb_per_s;
  double best = 0.0;
};

struct Ceilings {
  std::string hardware_key;
  double load1 = 0.0;  // load average when the measuring began: other work lowers what was found
  // Of all epochs, those in which another program had a core. Left out of the medians where enough
  // others remained.
  double interrupted_share = 0.0;
  // Cycles per nanosecond of one busy core, by additions that wait for each other; 0 if unknown. It
  // turns GFLOP/s into operations per cycle, which tables of the processor's pipes can be held
  // against.
  Interval clock_ghz;
  std::vector<ComputeCeiling> compute;
  std::vector<BandwidthCeiling> bandwidth;
  bool empty() const { return compute.empty() && bandwidth.empty(); }

  /// Highest compute rate for `dtype` with `threads`, over instruction sets; 0 if unknown. Types
  /// that may be computed in f32 (bf16, f16) have at least the rate of f32; u8 has that of i8.
  /// Between the thread counts measured it is interpolated. `best` picks the fastest epoch instead
  /// of the median, and never less than `threads` times that of one thread: an upper bound.
  double compute_gflop_per_s(DType dtype, int threads, bool best = false) const;
  /// Bandwidth at the level that holds `working_set_bytes` on `threads` cores, for accesses of
  /// which `read_share` are loads: write, copy, update or read, whichever mixes nearest, with or
  /// without non-temporal stores; below 0: the highest of any kind. `one_level_up` assumes the next
  /// faster level (for the impossible check). 0 if unknown.
  double bandwidth_gb_per_s(const Cpu& cpu, std::size_t working_set_bytes, int threads,
                            bool best = false, bool one_level_up = false,
                            double read_share = -1.0) const;

  /// Takes the higher of each entry, here and in `again`: ceilings only rise.
  void raise_to(const Ceilings& again);
};

struct CeilingOptions {
  double seconds = 10.0;     // total budget; every entry gets its share, at least 20 ms
  bool only_cached = false;  // load_or_measure: never measure; empty when the cache has none
  void (*progress)(double fraction, const std::string& now) = nullptr;
};

/// The kind of stream loop whose share of loads is nearest: "write" (none), "copy" (half), "update"
/// (two thirds) or "read" (all).
const char* kind_of_mix(double read_share);

/// Measures now, on one thread and on one thread per usable core. Takes about options.seconds; uses
/// at most an eighth of the memory; leaves no threads, and the caller's affinity as it was. Throws
/// Error when memory or threads cannot be had.
Ceilings measure_ceilings(const Cpu& cpu, const CeilingOptions& options);

/// From the cache of this hardware key, measured and stored (atomically) when absent, unreadable,
/// of another number of usable cores, or `refresh`. A cache that cannot be written is not an error.
/// Two processes do not measure at once: the second waits and reads what the first stored. Builds
/// without optimization or with sanitizers never store what they measure.
Ceilings load_or_measure_ceilings(const Cpu& cpu, const CeilingOptions& options,
                                  bool refresh = false);

/// "<folder>/ceilings-<hardware key>.json"; the folder is $AISP_CACHE_DIR, else
/// $XDG_CACHE_HOME/aisp, else ~/.cache/aisp. Empty when none of the variables is set.
std::string ceilings_cache_path(const Cpu& cpu);

/// Stores ceilings in the cache of their hardware key, atomically. A cache that cannot be written
/// is not an error.
void store_ceilings(const Cpu& cpu, const Ceilings& ceilings);

/// JSON text and back; throws Error on malformed text.
std::string to_json(const Ceilings& ceilings);
Ceilings ceilings_from_json(const std::string& text);

}  // namespace aisp::machine
