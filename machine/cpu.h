// What the processor can do: features that techniques ask for before they run, cores and caches.
// Read once per process; plain data, so that tests can make their own.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace aisp::machine {

struct Cache {
  int level = 0;
  std::size_t size_bytes = 0;
  int ways = 0;
  int line_bytes = 64;
  int sharing_cores = 1;  // cores that share one such cache
};

struct Cpu {
  std::string vendor;        // "AuthenticAMD"
  std::string model;         // "AMD EPYC ..."
  std::string architecture;  // "x86_64"
  int family = 0, model_number = 0, stepping = 0;
  int cores = 1;             // physical cores that this process may use (affinity and cgroup quota)
  int cores_online = 1;      // of the machine, or of the set of cores that its container owns
  int hardware_threads = 1;  // that this process may run on: more than `cores` with SMT
  int threads_per_core = 1;
  std::vector<int>
      core_ids;            // for each usable core, the system's number of its first hardware thread
  double cpu_quota = 0.0;  // CPU seconds per second that the cgroup allows; 0: no limit
  int packages = 1;
  int numa_nodes = 1;
  bool avx2 = false;    // with FMA and F16C
  bool avx_vnni = false;  // VNNI for 256 bits, on processors with or without AVX-512
  bool avx512 = false;    // F, BW, DQ, VL
  bool avx512_vnni = false;
  bool avx512_bf16 = false;
  bool avx512_fp16 = false;
  bool amx_int8 = false, amx_bf16 = false;
  std::vector<Cache> data_caches;  // L1d, L2, L3 in order
  std::size_t memory_bytes = 0;    // installed, whatever a cgroup allows
  std::size_t page_bytes = 4096;

  /// Total bytes of cache `level` that `cores_used` cores can hold between them; 0 if absent.
  std::size_t cache_bytes(int level, int cores_used = 1) const;
  /// Feature names for humans and records: {"avx2", "avx512", ...}.
  std::vector<std::string> features() const;
};

/// This machine. Thread-safe; probes once.
const Cpu& cpu();

}  // namespace aisp::machine
