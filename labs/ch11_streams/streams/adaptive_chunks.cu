// As many chunks as pay: more of them fill and empty the pipeline sooner, each costs some
// microseconds. The number follows from the size and from what the slowest stage takes.
#include <algorithm>

#include "labs/ch11_streams/streams/stages.cuh"

namespace aisp::labs::ch11::streams {
namespace {

// One H200 behind PCIe 5: 50 GB/s each way; 3 instructions a term, of which a multiprocessor starts
// 128 a cycle, about 60 % of them reached. A chunk's copies and launch cost about 6 us on top.
constexpr double kLinkBytesPerUs = 50e3;
constexpr double kTermsPerUsOfMultiprocessor = 0.6 * 128.0 * 1700.0 / 3.0;
constexpr double kIssueUs = 6.0;

}  // namespace

std::unique_ptr<bench::Plan> plan_adaptive_chunks(const bench::Params& params) {
  const auto n = static_cast<double>(params["n"]), hidden = static_cast<double>(params["hidden"]);
  const double link_us = 4.0 * n / kLinkBytesPerUs;
  const double compute_us =
      n * hidden / (kTermsPerUsOfMultiprocessor * machine::cuda_device().multiprocessors);
  return plan_dealt(params, 3, best_chunks(std::max(link_us, compute_us), kIssueUs));
}

}  // namespace aisp::labs::ch11::streams
