// What the rooflines show, before they are drawn: a panel for each number of threads, with the
// roofs that the machine was measured to have and every technique below them. Source: Williams,
// Waterman and Patterson, CACM 52 (2009).
#pragma once

#include <string>
#include <vector>

#include "report/model.h"

namespace aisp::report {

/// A measured ceiling. Compute: GFLOP/s. Bandwidth: GB/s of the cache level (0: DRAM), which serves
/// working sets from `from_bytes` to `to_bytes` (0: no bound known). Of a GPU the levels are its
/// own memory and its link to the host.
struct Roof {
  std::string label;  // "avx512 f32 118 GFLOP/s", "L2 177 GB/s"
  std::string dtype;  // of a compute roof
  std::string place;  // of a bandwidth roof: "L2", "DRAM", "device memory", "host link"
  double value = 0.0;
  int level = 0;
  double from_bytes = 0.0, to_bytes = 0.0;
};

struct Point {
  std::size_t view = 0, row = 0;  // in the order of the model: case, row of the case
  double x = 0.0, y = 0.0;        // the units of the panel
};

/// Compute panels: x in flops per byte, y in GFLOP/s. Memory panels, for cases without flops: x in
/// bytes of working set, y in GB/s.
struct Panel {
  bool memory = false;
  int threads = 1;
  std::string gpu;                       // "NVIDIA H200"; "": the processor's
  std::vector<Roof> compute, bandwidth;  // the highest first
  std::vector<Point> points;
};

struct Roofline {
  std::vector<Panel> panels;  // compute before memory, few threads before many
  int without_place = 0;      // timed techniques that declare neither flops nor bytes
  int elsewhere = 0;          // timed techniques of the other device: under its roofs, not these
};

/// Every technique of the processor with a time is in one panel, or counted in `without_place`; one
/// of a GPU is counted in `elsewhere`. Malformed ceilings in the header count as absent.
/// O(techniques * roofs).
Roofline collect_roofline(const Model& model, const bench::Json& header);

/// The ceilings alone, without points: a compute panel for each number of threads measured, with
/// the roofs of every type. The header needs "ceilings" and "cpu".
Roofline machine_roofline(const bench::Json& header);

/// The same two of the GPU: techniques of device cuda under the ceilings of "device" in the header:
/// the rate of a copy in its memory, for sets above its L2, and of its products of matrices by
/// type.
Roofline collect_gpu_roofline(const Model& model, const bench::Json& header);
Roofline gpu_roofline(const bench::Json& header);

}  // namespace aisp::report
