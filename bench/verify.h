// Right before fast: runs the reference, compares every element, and names what is wrong.
#pragma once

#include <string>

#include "bench/lab.h"
#include "bench/memory.h"

namespace aisp::bench {

/// Runs the lab's reference on the set's inputs. Sizes and zeroes `value` before. `on_device`:
/// by reference_on_device, on the set's device.
Expected compute_expected(const Lab& lab, const Params& params, InputSet& set,
                          bool on_device = false);

/// "" when reference_on_device says what reference() says of the set's inputs, to 1e-9 of the
/// largest element of each output; otherwise where they part.
std::string references_disagree(const Lab& lab, const Params& params, InputSet& set);

/// Compares all outputs of the set, element by element. "" when right; otherwise which output,
/// where and by how much. `skip_nonfinite`, `skip_rms`: the attack suite's switches.
std::string wrong_output(const Lab& lab, const Params& params, const InputSet& set,
                         const Expected& expected, bool skip_nonfinite = false,
                         bool skip_rms = false, double* worst_in_bounds = nullptr);

/// One call of one technique on fresh inputs, everything checked: outputs, inputs untouched,
/// canaries.
/// "" when right. For lab tests and ragged sizes.
std::string run_and_check(const Lab& lab, const Params& params, const Technique& technique,
                          std::uint64_t seed, const std::string& folder = "/tmp");

/// For lab tests: run_and_check for every CPU technique that can run here, on the smoke sizes of
/// the CPU's cases and every ragged size, two seeds each. "" or the first failure, with technique
/// and sizes.
std::string check_all_techniques(const Lab& lab);

/// For lab tests: "" when every CPU technique that can run here leaves the same bits in every
/// output at this size, otherwise which one does not.
std::string differing_bits(const Lab& lab, const Params& params);

/// The same as check_all_techniques for device techniques and cases that can run here, peers
/// included, and for reference_on_device. Call it only where machine::cuda_device() can be used.
std::string check_device_techniques(const Lab& lab);

}  // namespace aisp::bench
