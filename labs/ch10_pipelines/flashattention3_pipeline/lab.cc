// The lab: bf16 attention op by op, in FlashAttention-2's form and in FlashAttention-3's.
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "kernels/attention_cuda/cuda.h"
#include "labs/ch10_pipelines/flashattention3_pipeline/problem.h"
#include "machine/peer_cublaslt.h"

namespace aisp::labs::ch10::flashattention3_pipeline {
namespace {

using bench::Device;
using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  const auto tensor = [&](const char* name, std::int64_t heads, std::int64_t rows) {
    return bench::TensorSpec{.name = name, .dtype = DType::kBF16, .shape = {heads, rows, p["D"]}};
  };
  return {.inputs = {tensor("q", p["heads"], p["queries"]), tensor("k", p["kv_heads"], p["keys"]),
                     tensor("v", p["kv_heads"], p["keys"])},
          .outputs = {tensor("o", p["heads"], p["queries"])}};
}

/// Two products of 2 D flops for each visible pair; the softmax not counted.
bench::Work work(const Params& p) {
  const auto queries = static_cast<double>(p["queries"]), keys = static_cast<double>(p["keys"]);
  const auto heads = static_cast<double>(p["heads"]), D = static_cast<double>(p["D"]);
  const double hidden = p["causal"] != 0 ? queries * (queries - 1.0) / 2.0 : 0.0;
  return {
      .flops = 4.0 * D * (queries * keys - hidden) * heads,
      .flops_dtype = DType::kBF16,
      .bytes_read = 2.0 * D * (queries * heads + 2.0 * keys * static_cast<double>(p["kv_heads"])),
      .bytes_written = 2.0 * D * queries * heads,
      .items = queries,
      .item_name = "tokens"};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  std::array<float, 4096> part;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto to = io.fill<bf16>(i);
    for (std::size_t from = 0; from < to.size(); from += part.size()) {
      const std::size_t here = std::min(part.size(), to.size() - from);
      fill_normal(std::span(part).first(here), derive_seed(derive_seed(seed, i), from));
      for (std::size_t e = 0; e < here; ++e) to[from + e] = bf16(part[e]);
    }
  }
}

/// scale: in units of bf16's roundoff u, a probability is off by p (its own rounding) and p |s|
/// (that of a score kept in bf16), the latter also through the sum of the row: together at most
/// e_j = p_j (|v_j| + |s_j| (|v_j| + |o|)). Roundings are independent and centred, so that six
/// times sqrt(sum e^2) bounds them; the result's own is |o|. Sums in f32 lose 2^-23 of that each.
void reference(const Params& params, const Io& io, bench::Expected& expected) {
  const Shape s(params);
  const auto at = [&](std::size_t tensor, std::int64_t head, std::int64_t row, std::int64_t rows) {
    return io.in<bf16>(tensor).data() + (head * rows + row) * s.D;
  };
  auto& out = expected.outputs[0];
  out.scale.resize(out.value.size());
  std::vector<double> score(static_cast<std::size_t>(s.keys)), p(score.size());
  for (std::int64_t h = 0; h < s.heads; ++h) {
    const std::int64_t g = h / (s.heads / s.kv_heads);
    for (std::int64_t i = 0; i < s.queries; ++i) {
      const std::int64_t seen = s.causal ? std::min(s.keys, i + s.keys - s.queries + 1) : s.keys;
      const bf16* q = at(0, h, i, s.queries);
      for (std::int64_t j = 0; j < seen; ++j) {
        const bf16* k = at(1, g, j, s.keys);
        double sum = 0.0;
        for (std::int64_t d = 0; d < s.D; ++d) {
          sum += static_cast<double>(static_cast<float>(q[d])) * static_cast<float>(k[d]);
        }
        score[j] = sum / std::sqrt(static_cast<double>(s.D));
      }
      const double largest = *std::max_element(score.begin(), score.begin() + seen);
      double sum = 0.0;
      for (std::int64_t j = 0; j < seen; ++j) sum += p[j] = std::exp(score[j] - largest);
      for (std::int64_t d = 0; d < s.D; ++d) {
        double value = 0.0, squares = 0.0;
        for (std::int64_t j = 0; j < seen; ++j) {
          value += p[j] / sum * static_cast<float>(at(2, g, j, s.keys)[d]);
        }
        for (std::int64_t j = 0; j < seen; ++j) {
          const double here = std::fabs(static_cast<float>(at(2, g, j, s.keys)[d]));
          const double e = p[j] / sum * (here + std::fabs(score[j]) * (here + std::fabs(value)));
          squares += e * e;
        }
        const std::int64_t place = (h * s.queries + i) * s.D + d;
        out.value[place] = value;
        out.scale[place] = std::fabs(value) + 6.0 * std::sqrt(squares);
      }
    }
  }
}

/// rms: a rounding is 0.42 u at the root mean square, where 6 u are allowed: honest techniques show
/// 0.03 to 0.05, probabilities of 3 bits (fp8) 0.4.
Tolerance tolerance(const Params& p) {
  const auto outputs = static_cast<double>(p["heads"] * p["queries"] * p["D"]);
  return {.relative = unit_roundoff(DType::kBF16), .rms = 0.12 + 0.5 / std::sqrt(outputs)};
}

Params sizes(std::int64_t heads, std::int64_t kv_heads, std::int64_t queries, std::int64_t keys,
             std::int64_t D, bool causal = true) {
  return {{"heads", heads}, {"kv_heads", kv_heads},    {"queries", queries}, {"keys", keys},
          {"D", D},         {"causal", causal ? 1 : 0}};
}

bench::WhyNot needs_cublaslt(const machine::CudaDevice& device) {
  const std::string& why = machine::CublasLt::why_not();
  return why.empty() ? device.needs(8) : why;
}

}  // namespace

bench::Technique kernel_variant(const char* name, const char* summary, std::string_view variant) {
  namespace attention = kernels::attention_cuda;
  const attention::Variant* found = nullptr;
  for (const auto& one : attention::variants()) {
    if (one.name == variant) found = &one;
  }
  check(found != nullptr, "no such variant of attention");
  const auto plan = [found](const Params& p) {
    return bench::plan_of([found, s = Shape(p)](const Io& io) {
      const auto strides = [&](std::int64_t rows) {
        return attention::Strides{.batch = 0, .token = s.D, .head = rows * s.D};
      };
      found->run({.shape = {.queries = s.queries,
                            .keys = s.keys,
                            .heads = s.heads,
                            .kv_heads = s.kv_heads,
                            .D = s.D,
                            .causal = s.causal},
                  .q = io.in<bf16>(0).data(),
                  .k = io.in<bf16>(1).data(),
                  .v = io.in<bf16>(2).data(),
                  .o = io.out<bf16>(0).data(),
                  .q_strides = strides(s.queries),
                  .k_strides = strides(s.keys),
                  .v_strides = strides(s.keys),
                  .o_strides = strides(s.queries),
                  .stream = io.stream()});
    });
  };
  return bench::on_gpu(name, summary, plan, found->why_not);
}

bench::Lab describe() {
  return {
      .question =
          "What do roles of warps and asynchronous products bring attention on tensor cores?",
      .targets = {"ch10:flashattention3_pipeline", "ch10:attention", "ch09:sdpa_attention"},
      .tags = {"attention", "fusion", "tensor cores", "pipeline", "tma"},
      .cases = {{.name = "llama3_8b",
                 .origin = "Llama-3-8B prefill: 32 query heads on 8 KV heads, 2048 tokens",
                 .smoke = sizes(4, 1, 150, 150, 128),
                 .full = sizes(32, 8, 2048, 2048, 128),
                 .device = Device::kCuda},
                {.name = "bert_large",
                 .origin = "BERT-large: 16 heads of 64, 512 tokens, 8 sequences, not causal",
                 .smoke = sizes(3, 3, 70, 72, 64, false),
                 .full = sizes(128, 128, 512, 512, 64, false),
                 .device = Device::kCuda}},
      // The library wants rows of scores of 16 bytes: keys are multiples of 8.
      .ragged = {sizes(1, 1, 8, 8, 64), sizes(4, 2, 33, 40, 64), sizes(1, 1, 129, 136, 128),
                 sizes(6, 2, 5, 264, 128), sizes(2, 2, 70, 16, 64, false)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .reference_on_device = AISP_DEVICE(reference_on_device),
      .tolerance = tolerance,
      .techniques = {bench::on_gpu("op_by_op", "product, softmax, product: scores in memory",
                                   AISP_DEVICE(plan_op_by_op), needs_cublaslt),
                     tiles_in_registers(), wgmma_roles()},
      .device_baseline = "op_by_op",
  };
}

}  // namespace aisp::labs::ch10::flashattention3_pipeline
