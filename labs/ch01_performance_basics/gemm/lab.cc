// Many small matrix products: one call each, or one call for all. See README.md.
#include <cmath>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch01_performance_basics/gemm/problem.h"
#include "machine/device_blas.h"

namespace aisp::labs::ch01::gemm {
namespace {

bench::Problem problem(const bench::Params& p) {
  const Sizes s(p);
  return {.inputs = {{"P", DType::kF32, {s.heads, s.T, s.T}},
                     {"V", DType::kF32, {s.heads / s.group, s.T, s.D}}},
          .outputs = {{"O", DType::kF32, {s.heads, s.T, s.D}}}};
}

/// P as attention has it: not negative, rows that sum to about one.
void prepare(const bench::Params& p, std::uint64_t seed, const bench::Io& io) {
  fill_uniform(io.fill<float>(kP), derive_seed(seed, 1), 0.0f, 2.0f / static_cast<float>(p["T"]));
  fill_uniform(io.fill<float>(kV), derive_seed(seed, 2));
}

bench::Work work(const bench::Params& p) {
  const Sizes s(p);
  const double heads = static_cast<double>(s.heads), group = static_cast<double>(s.group);
  const double rows = static_cast<double>(s.T), width = static_cast<double>(s.D);
  return {.flops = 2.0 * heads * rows * rows * width,
          .flops_dtype = DType::kF32,
          .bytes_read = 4.0 * (heads * rows * rows + heads / group * rows * width),
          .bytes_written = 4.0 * heads * rows * width,
          .items = heads,
          .item_name = "products"};
}

/// Double accumulation, head by head; scale is sum |p v|.
void reference(const bench::Params& p, const bench::Io& io, bench::Expected& expected) {
  const Sizes s(p);
  auto& output = expected.outputs[kO];
  output.scale.assign(output.value.size(), 0.0);
  for (std::int64_t h = 0; h < s.heads; ++h) {
    const auto at = s.at(io, h);
    for (std::int64_t i = 0; i < s.T; ++i) {
      const auto row = static_cast<std::size_t>((h * s.T + i) * s.D);
      double* __restrict value = output.value.data() + row;  // [D]
      double* __restrict scale = output.scale.data() + row;  // [D]
      for (std::int64_t k = 0; k < s.T; ++k) {
        const double weight = at.a[i * s.T + k];
        for (std::int64_t j = 0; j < s.D; ++j) {
          const double product = weight * at.b[k * s.D + j];
          value[j] += product;
          scale[j] += std::fabs(product);
        }
      }
    }
  }
}

/// A dot product of length T. rms: V has random signs, so that the error is a random walk of about
/// 0.1 / sqrt(T) of the bound; bf16 inputs would show 7000 / T, TF32 inputs 900 / T of it.
Tolerance tolerance(const bench::Params& p) {
  return {.relative = dot_bound(static_cast<double>(p["T"]), unit_roundoff(DType::kF32)),
          .absolute = 0.0,
          .rms = 0.1};
}

bench::Params sizes(std::int64_t heads, std::int64_t group, std::int64_t t, std::int64_t d) {
  return {{"heads", heads}, {"group", group}, {"T", t}, {"D", d}};
}

}  // namespace

bench::Technique peer(machine::PeerLibrary library, const char* name) {
  bench::Technique technique;
  technique.name = name;
  technique.summary = "the library's sgemm for each matrix, every core";
  technique.role = bench::Role::kPeer;
  technique.threads = 0;
  technique.needs = [library](const machine::Cpu&) { return machine::peer_blas(library).why_not; };
  technique.plan = [library](const bench::Params& p) {
    auto use =
        std::make_unique<machine::PeerUse>(machine::peer_blas(library), machine::cpu().cores);
    return bench::plan_of([use = std::move(use), s = Sizes(p)](const bench::Io& io) {
      const machine::PeerBlas& blas = use->blas();
      for (std::int64_t h = 0; h < s.heads; ++h) {
        const auto at = s.at(io, h);
        blas.sgemm(s.T, s.D, s.T, at.a, s.T, at.b, s.D, at.c, s.D);
      }
    });
  };
  return technique;
}

bench::Lab describe() {
  bench::Lab lab;
  lab.question = "What does one call for many small matrix products save over one call for each?";
  lab.targets = {"ch01:gemm", "ch01:gemm_batched", "ch01:gemm_strided"};
  lab.tags = {"gemm", "batch", "threads", "attention"};
  lab.cases = {
      {.name = "minilm_context",
       .origin = "all-MiniLM-L6-v2: 32 sentences of 32 tokens, 12 heads of 32",
       .smoke = sizes(12, 1, 32, 32),
       .full = sizes(384, 1, 32, 32)},
      {.name = "bert_base_context",
       .origin = "BERT-base: 8 sequences of 128 tokens, 12 heads of 64",
       .smoke = sizes(6, 1, 32, 64),
       .full = sizes(96, 1, 128, 64)},
      {.name = "llama3_8b_context",
       .origin = "Llama-3-8B: a prompt of 64 tokens, 32 query heads on 8 value heads of 128",
       .smoke = sizes(8, 4, 16, 128),
       .full = sizes(32, 4, 64, 128)},
      {.name = "minilm_context_gpu",
       .origin = "all-MiniLM-L6-v2 on a GPU: 32 sentences of 32 tokens, 12 heads of 32",
       .smoke = sizes(12, 1, 32, 32),
       .full = sizes(384, 1, 32, 32),
       .device = bench::Device::kCuda},
      {.name = "llama3_8b_context_gpu",
       .origin = "Llama-3-8B on a GPU: 8 prompts of 256 tokens, 32 query heads on 8 value heads",
       .smoke = sizes(8, 4, 16, 128),
       .full = sizes(256, 4, 256, 128),
       .device = bench::Device::kCuda}};
  // Fewer products than threads; odd sizes; one element.
  lab.ragged = {sizes(1, 1, 1, 1), sizes(3, 1, 17, 33), sizes(6, 3, 31, 65), sizes(1, 1, 130, 100)};
  lab.problem = problem;
  lab.prepare = prepare;
  lab.work = work;
  lab.reference = reference;
  lab.tolerance = tolerance;
  lab.techniques = {
      one_by_one(),
      batched(),
      strided(),
      onednn(),
      openblas(),
      cublas_one_by_one(),
      bench::on_gpu("cublas_pointers", "one call with arrays of pointers",
                    AISP_DEVICE(plan_cublas_pointers),
                    [](const machine::CudaDevice&) { return machine::DeviceBlas::why_not(); }),
      cublas_strided()};
  lab.baseline = "one_by_one";
  lab.device_baseline = "cublas_one_by_one";
  return lab;
}

}  // namespace aisp::labs::ch01::gemm
