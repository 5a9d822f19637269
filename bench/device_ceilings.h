// The most that the GPU has been seen to do, in the instrument's terms. From machine/gpu_costs.h.
#pragma once

#include <string>

#include "base/dtype.h"
#include "machine/device.h"
#include "machine/gpu_costs.h"

namespace aisp::bench {

struct DeviceCeilings {
  std::string gpu;  // empty: not known
  double l2_bytes = 0.0;
  machine::GpuCosts costs;

  bool empty() const { return gpu.empty(); }
  /// Bytes read and written per second of a copy within device memory, in 1e9; 0: not known. `best`
  /// is what a result may not exceed.
  double memory_gb_per_s(bool best) const;
  /// Of the link to the host, in one direction or in both together.
  double link_gb_per_s(bool both_ways, bool best) const;
  /// 1e9 operations per second of the unit that computes in `dtype`; 0: not known.
  double compute_gflop_per_s(DType dtype, bool best) const;
  /// The same of tensor cores for f32 data, which they take rounded to TF32 (or split in parts that
  /// TF32 holds); 0 for other types and where it is not known.
  double tf32_gflop_per_s(DType dtype, bool best) const;
};

/// Of the device that techniques run on. Measured once, then cached beside the processor's;
/// `only_cached` measures nothing.
DeviceCeilings load_device_ceilings(bool only_cached);

/// The name of its expectations: "nvidia-h200".
std::string device_key(const machine::CudaDevice& device);

}  // namespace aisp::bench
