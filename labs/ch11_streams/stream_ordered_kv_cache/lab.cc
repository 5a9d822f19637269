// Cache updates that must be in order: kept by waits of the host, or by events. See README.md.
#include <vector>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "kernels/attention/attention.h"
#include "labs/ch11_streams/stream_ordered_kv_cache/problem.h"

namespace aisp::labs::ch11::stream_ordered_kv_cache {
namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  const auto layers = p["layers"], heads = p["heads"], tokens = p["tokens"], D = p["D"];
  return {.inputs = {{.name = "arriving",
                      .shape = {layers, 2, tokens, heads, D},
                      .place = bench::Place::kPinned},
                     {"q", DType::kF32, {layers, heads, D}}},
          .outputs = {{"cache", DType::kF32, {layers, 2, heads, tokens, D}},
                      {"o", DType::kF32, {layers, heads, D}}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  for (std::size_t i = 0; i < 2; ++i) fill_normal(io.fill<float>(i), derive_seed(seed, i));
}

bench::Work work(const Params& p) {
  const double rows = static_cast<double>(p["layers"]) * static_cast<double>(p["heads"]) *
                      static_cast<double>(p["D"]);
  const double cached = 2.0 * rows * static_cast<double>(p["tokens"]);
  return {.flops = 2.0 * cached,
          .bytes_read = 4.0 * cached,
          .bytes_written = 0.0,
          .items = static_cast<double>(p["tokens"]),
          .item_name = "tokens",
          .medium = bench::Work::Medium::kHostLink};
}

/// The cache is exact; attention comes with its own bound in `scale` (kernels/attention).
void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const auto layers = static_cast<std::size_t>(p["layers"]);
  const auto heads = static_cast<std::size_t>(p["heads"]), D = static_cast<std::size_t>(p["D"]);
  const auto tokens = static_cast<std::size_t>(p["tokens"]);
  const std::size_t half = heads * tokens * D;
  auto& cache = expected.outputs[0].value;
  auto& out = expected.outputs[1];
  out.scale.assign(out.value.size(), 0.0);
  std::vector<float> ordered(2 * half);
  for (std::size_t l = 0; l < layers; ++l) {
    for (std::size_t i = 0; i < 2 * half; ++i) {
      const std::size_t d = i % D, t = i / D % tokens, h = i / D / tokens % heads, kv = i / half;
      ordered[i] = io.in<float>(0)[l * 2 * half + ((kv * tokens + t) * heads + h) * D + d];
      cache[l * 2 * half + i] = ordered[i];
    }
    const std::size_t at = l * heads * D;
    kernels::attention::reference(
        {.heads = p["heads"],
         .kv_heads = p["heads"],
         .queries = 1,
         .keys = p["tokens"],
         .D = p["D"]},
        {io.in<float>(1).data() + at, ordered.data(), ordered.data() + half}, 0.0F,
        std::span(out.value).subspan(at, heads * D), std::span(out.scale).subspan(at, heads * D));
  }
}

/// rms: errors of many keys average out, 0.02 of the bound or less; rounded inputs show 1 and more.
Tolerance tolerance(const Params&) { return {.relative = unit_roundoff(DType::kF32), .rms = 0.2}; }

Params sizes(std::int64_t layers, std::int64_t heads, std::int64_t tokens, std::int64_t D) {
  return {{"layers", layers}, {"heads", heads}, {"tokens", tokens}, {"D", D}};
}

}  // namespace

bench::Lab describe() {
  bench::Technique sync_per_update =
      bench::on_gpu("sync_per_update", "one stream, the host waits for copy, update and attention",
                    AISP_DEVICE(plan_sync_per_update));
  sync_per_update.blocks = true;
  return {
      .question = "What keeps cache updates in order without stopping the host or the link?",
      .targets = {"ch11:stream_ordered_kv_cache"},
      .tags = {"streams", "overlap", "attention", "allocation"},
      .cases = {{.name = "llama3_8b_256",
                 .origin = "Llama-3-8B: 32 layers, 8 KV heads of 128, 256 tokens arriving (67 MB)",
                 .smoke = sizes(3, 2, 33, 128),
                 .full = sizes(32, 8, 256, 128),
                 .device = bench::Device::kCuda},
                {.name = "smollm_135m_64",
                 .origin = "SmolLM-135M: 30 layers, 3 KV heads of 64, 64 tokens (3 MB)",
                 .smoke = sizes(4, 3, 17, 64),
                 .full = sizes(30, 3, 64, 64),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 1, 1, 1), sizes(2, 1, 5, 3), sizes(5, 2, 130, 40)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {sync_per_update,
                     bench::on_gpu("one_stream", "the same without waits of the host",
                                   AISP_DEVICE(plan_one_stream)),
                     bench::on_gpu("events_two_buffers",
                                   "a copy and a compute stream, events, two staging buffers",
                                   AISP_DEVICE(plan_events_two_buffers)),
                     bench::on_gpu("events_pool",
                                   "the same, staging allocated and freed in stream order",
                                   AISP_DEVICE(plan_events_pool))},
      .device_baseline = "sync_per_update",
  };
}

}  // namespace aisp::labs::ch11::stream_ordered_kv_cache
