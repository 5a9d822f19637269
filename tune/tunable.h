// Device kernels that can be built and launched in many ways, for `aisp tools occupancy-tuning`.
// The problem, its reference and its tolerance are a lab's; each way is a point, and the points of
// a kernel become the techniques of a lab that is measured like any other: verified, paired,
// judged.
//
// Source: V. Volkov, "Better performance at lower occupancy", GTC 2010.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/lab.h"
#include "bench/lab_table.h"

namespace aisp::tune {

/// What the compiler made of a kernel, and how many of its blocks fit: the occupancy API's answer.
struct Occupancy {
  int threads = 0;       // of a block
  int registers = 0;     // a thread
  int shared_bytes = 0;  // a block, static and dynamic
  int local_bytes = 0;   // a thread: arrays and spilled registers
  int blocks = 0;        // that a multiprocessor holds at once
  double share = 0.0;    // of the threads that it could hold
};

using Knobs = std::vector<std::pair<std::string, int>>;  // {"threads", 256}, in columns' order

/// One way to build and launch a kernel.
struct Point {
  Knobs knobs;
  std::function<std::unique_ptr<bench::Plan>(const bench::Params&)> plan;  // null without CUDA
  std::function<Occupancy(const bench::Params&)> occupancy;                // likewise
  std::string name() const;                                                // "threads_256_unroll_4"
};

struct Tunable {
  std::string name;         // "swiglu"
  std::string summary;      // one line
  std::string lab;          // whose problem it solves: "ch08:occupancy_tuning"
  std::string case_name;    // of that lab
  std::size_t shipped = 0;  // the baseline: used elsewhere here, or (swiglu, sgemm) the plain form
  std::vector<Point> points;
};

/// Every kernel, in every build; points have null functions without CUDA.
const std::vector<Tunable>& tunables();

/// "" or why it cannot be tuned here: its lab is not in this build, there is no GPU.
std::string why_not_here(const Tunable& tunable);

/// The labs "tune:<name>" of the kernels whose lab is in this build, for provide_labs().
std::vector<bench::LabEntry> labs();

// One each, in the file of its name.
Tunable swiglu();
Tunable router();
Tunable softmax();
Tunable sgemm();

}  // namespace aisp::tune
