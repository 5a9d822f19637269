// Checks of device memory that run on the device: poison, equality, hashes, and the comparison with
// a reference. A case's outputs are then compared whole after every epoch without crossing the
// link. What is found wrong here is looked at again on the host (base/numeric.h), which says where.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/numeric.h"
#include "machine/device.h"

namespace aisp::bench {

/// Fills `bytes` with `word` from the start on, the last word cut. Waits for the stream, as all
/// below do. `data` is 8-byte aligned.
void fill_on_device(void* data, std::size_t bytes, std::uint64_t word, machine::CudaStream stream);

bool same_on_device(const void* a, const void* b, std::size_t bytes, machine::CudaStream stream);

/// Of every word and its place; not cryptographic.
std::uint64_t hash_on_device(const void* data, std::size_t bytes, machine::CudaStream stream);

/// compare() of base/numeric.h for device memory; `scale` may be null. Of the worst element only
/// worst_in_bounds is told, neither its index nor its values.
Comparison compare_on_device(const void* got, DType type, std::size_t count, const double* value,
                             const double* scale, const Tolerance& tolerance, bool skip_nonfinite,
                             machine::CudaStream stream);

}  // namespace aisp::bench
