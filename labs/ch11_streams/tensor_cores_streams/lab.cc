// Products of batches that come from the host and return there. See README.md.
#include "base/rng.h"
#include "bench/device_technique.h"
#include "bench/matmul_narrow.h"
#include "labs/ch11_streams/tensor_cores_streams/problem.h"

namespace aisp::labs::ch11::tensor_cores_streams {
namespace {

using bench::Io;
using bench::on_gpu;
using bench::Params;
using bench::Place;
using bench::matmul::Narrow;

bench::Problem problem(const Params& p) {
  return {
      .inputs =
          {{.name = "A", .dtype = DType::kF16, .shape = {p["M"], p["K"]}, .place = Place::kPinned},
           {.name = "B", .dtype = DType::kF16, .shape = {p["N"], p["K"]}}},
      .outputs = {
          {.name = "C", .dtype = DType::kF16, .shape = {p["M"], p["N"]}, .place = Place::kPinned}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  for (std::size_t i = 0; i < 2; ++i) {
    bench::matmul::fill_narrow(io, i, Narrow::kF16, derive_seed(seed, i));
  }
}

bench::WhyNot needs_hopper(const machine::CudaDevice& device) { return device.needs_hopper(); }

/// The same product, but A and C cross the link to the host.
bench::Work work(const Params& p) {
  bench::Work work = bench::matmul::narrow_work(p);
  const auto m = static_cast<double>(p["M"]);
  work.bytes_read = 2.0 * m * static_cast<double>(p["K"]);
  work.bytes_written = 2.0 * m * static_cast<double>(p["N"]);
  work.medium = bench::Work::Medium::kHostLink;
  return work;
}

Params sizes(std::int64_t parts, std::int64_t m, std::int64_t n, std::int64_t k) {
  return {{"parts", parts},
          {"M", m},
          {"N", n},
          {"K", k},
          {"type", static_cast<std::int64_t>(Narrow::kF16)}};
}

}  // namespace

bench::Lab describe() {
  bench::Technique serial_sync =
      on_gpu("serial_sync", "copy in, multiply, copy out and wait for each batch",
             AISP_DEVICE(plan_serial_sync), needs_hopper);
  serial_sync.blocks = true;
  return {
      .question = "How much of the copies can hide behind tensor cores, and the reverse?",
      .targets = {"ch11:tensor_cores_streams", "ch11:gemm_streams"},
      .tags = {"gemm", "tensor cores", "streams", "overlap"},
      .cases = {{.name = "llama3_8b_query",
                 .origin =
                     "query projection of Llama-3-8B, 8 batches of 512 tokens: 34 MB each way",
                 .smoke = sizes(3, 50, 72, 40),
                 .full = sizes(8, 4096, 4096, 4096),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 1, 2, 8), sizes(5, 4, 10, 8), sizes(7, 129, 138, 72)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = bench::matmul::reference_by_columns,
      .reference_on_device = AISP_DEVICE(bench::matmul::reference_by_columns_on_device),
      .tolerance =
          [](const Params& p) { return bench::matmul::narrow_tolerance(Narrow::kF16, p["K"]); },
      .techniques = {serial_sync,
                     on_gpu("one_stream", "the same without waits of the host",
                            AISP_DEVICE(plan_one_stream), needs_hopper),
                     on_gpu("three_streams", "batches dealt to three streams",
                            AISP_DEVICE(plan_three_streams), needs_hopper)},
      .device_baseline = "serial_sync",
  };
}

}  // namespace aisp::labs::ch11::tensor_cores_streams
