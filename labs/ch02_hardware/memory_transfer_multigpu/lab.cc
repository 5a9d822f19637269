// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include "base/rng.h"
#include "labs/ch02_hardware/memory_transfer_multigpu/problem.h"

namespace aisp::labs::ch02::memory_transfer_multigpu {
namespace {

bench::Problem problem(const bench::Params& params) {
  return {.inputs = {{.name = "in", .shape = {params["count"]}}},
          .outputs = {{.name = "out", .shape = {params["count"]}}}};
}

void prepare(const bench::Params&, std::uint64_t seed, const bench::Io& io) {
  fill_uniform(io.fill<float>(0), seed);
}

bench::Work work(const bench::Params& params) {
  const double bytes = 4.0 * static_cast<double>(params["count"]);
  return {.bytes_read = bytes, .bytes_written = bytes, .items = 1.0, .item_name = "buffers"};
}

void reference(const bench::Params&, const bench::Io& io, bench::Expected& expected) {
  const auto in = io.in<float>(0);
  expected.outputs[0].value.assign(in.begin(), in.end());
}

// A copy: every bit must be right.
Tolerance tolerance(const bench::Params&) { return {}; }

// Source and destination on their workers' nodes, which costs nothing once they are there.
void before_each(const bench::Params&, const bench::Io& io) {
  static const std::vector<machine::NumaNode> nodes = machine::read_numa_nodes();
  if (nodes.size() < 2) return;
  const auto in = std::as_writable_bytes(io.fill<float>(0));
  machine::place_on_node(in, nodes.front().id);
  machine::place_on_node(destination(io), nodes.back().id);
}

}  // namespace

bench::Lab describe() {
  return {
      .question =
          "What does a buffer in between cost when one worker's memory goes to another's, and can "
          "a bounce be made as good as a direct copy?",
      .targets = {"ch02:memory_transfer_multigpu"},
      .tags = {"memory", "numa", "communication"},
      .cases = {{.name = "llama3_8b_q_proj",
                 .origin =
                     "Llama 3 8B, q_proj in f32 to another worker, 64 MiB: beyond every cache",
                 .smoke = {{"count", 64 * 1024 + 5}},
                 .full = {{"count", 4096 * 4096}}},
                {.name = "llama3_8b_hidden",
                 .origin = "hidden state of 512 tokens of Llama 3 8B in f32 between two pipeline "
                           "stages: 8 MiB, which an L3 can hold",
                 .smoke = {{"count", 8 * 4096}},
                 .full = {{"count", 512 * 4096}}}},
      // One element; around a page, a piece (64 Ki floats), a slot (128 Ki), and the ring (1 Mi).
      .ragged = {{{"count", 1}},
                 {{"count", 1023}},
                 {{"count", 65537}},
                 {{"count", 128 * 1024}},
                 {{"count", 128 * 1024 + 1}},
                 {{"count", 9 * 128 * 1024 + 77}}},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .before_each = before_each,
      .techniques = {whole_bounce(), chunked_bounce(), pipelined_bounce(), direct_pull(),
                     direct_streaming(), direct_kernel(), direct_threads()},
      .baseline = "whole_bounce",
  };
}

}  // namespace aisp::labs::ch02::memory_transfer_multigpu
