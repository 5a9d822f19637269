// A trace of what a job did on its GPUs, made elsewhere (--trace): the Chrome trace that PyTorch's
// profiler exports (export_chrome_trace), or any file of that form. One file a process; a folder of
// them is one job's ranks. The measures of doctor/measures/trace_*.cc judge it.
//
// Read from "traceEvents", by "cat", all with "ph": "X", "ts" and "dur" in microseconds:
//   kernel           name; args: device, stream, grid, block, "registers per thread",
//                    "shared memory", "blocks per SM", "est. achieved occupancy %"
//   gpu_memcpy       name "Memcpy HtoD (Pageable -> Device)"; args: device, stream, bytes
//   gpu_memset       as a kernel that counts as busy
//   cuda_runtime, cuda_driver   name of the call; tid
//   cpu_op, python_function     name; tid
//   user_annotation  name: ranges of the user; "ProfilerStep#3" is a step
// and "deviceProperties" [{"numSms": 132, "sharedMemPerMultiprocessor": 233472}],
// "distributedInfo" {"rank": 0}.
//
// Source: PyTorch Kineto (libkineto/src/output_json.cpp); Chrome Trace Event Format.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "doctor/evidence.h"

namespace aisp::doctor {

struct Span {
  double begin_us = 0.0, end_us = 0.0;
  double us() const { return end_us - begin_us; }
};

struct Kernel : Span {
  std::string name;
  int device = 0, stream = 0;
  std::array<double, 3> grid{}, block{};
  double registers = 0.0, shared_bytes = 0.0, blocks_per_sm = 0.0;
  double occupancy = -1.0;  // 0 to 1, estimated by the profiler; -1: unknown
  bool collective = false;  // ncclDevKernel_* and its like
};

struct Copy : Span {
  std::string kind;  // "HtoD", "DtoH", "DtoD", "PtoP", "HtoH"
  bool pageable = false;
  double bytes = 0.0;
  int device = 0, stream = 0;
};

struct HostEvent : Span {
  std::string name;
  long thread = 0;
};

struct Trace {
  std::string file;
  int rank = 0;
  int multiprocessors = 0;           // 0: unknown
  double shared_bytes_per_sm = 0.0;  // 0: unknown
  std::vector<Kernel> kernels;
  std::vector<Copy> copies;
  std::vector<HostEvent> calls;   // of the CUDA runtime and driver
  std::vector<HostEvent> ops;     // of the framework and of Python
  std::vector<HostEvent> ranges;  // of the user, steps left out
  std::vector<HostEvent> steps;

  /// From the first to the last event on a GPU.
  Span gpu_span() const;
  /// At least 1.
  double step_count() const { return steps.empty() ? 1.0 : static_cast<double>(steps.size()); }
  /// Where the warm-up ends: the second step, or a tenth into the GPU's span.
  double steady_from_us() const;
};

/// Throws Error when the text is no such trace. 1 s for 100 MB.
Trace parse_trace(const std::string& text, const std::string& file);
/// A file or the *.json files of a folder, by rank; the last answer is kept. Throws Error.
const std::vector<Trace>& load_traces(const std::string& path);

/// Spans merged where they touch, in order.
std::vector<Span> merged(std::vector<Span> spans);
double length_us(const std::vector<Span>& merged_spans);
/// How much of `part` lies inside `whole`; both merged.
double overlap_us(const std::vector<Span>& part, const std::vector<Span>& whole);
/// What is between the merged spans inside `limits`.
std::vector<Span> gaps(const std::vector<Span>& merged_spans, const Span& limits);

template <class Events>
std::vector<Span> spans_of(const Events& events) {
  return merged(std::vector<Span>(events.begin(), events.end()));
}
/// Kernels and copies of one device.
std::vector<Span> busy_spans(const Trace& trace, int device);
/// The device with most kernels.
int main_device(const Trace& trace);

}  // namespace aisp::doctor
