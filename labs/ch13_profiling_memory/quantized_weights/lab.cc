// The lab: the same weights in 32, 16, 8 and 4 bits. See README.md.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/rng.h"
#include "labs/ch13_profiling_memory/quantized_weights/problem.h"

namespace aisp::labs::ch13::quantized_weights {

namespace linear = kernels::linear;

linear::Type type_of(Input packed) {
  if (packed == kF32) return linear::Type::kF32;
  if (packed == kBF16) return linear::Type::kBF16;
  return packed == kQ8_0 ? linear::Type::kQ8_0 : linear::Type::kQ4_0;
}

std::span<const std::byte> packed_in(const bench::Io& io, Input packed) {
  if (packed == kF32) return std::as_bytes(io.in<float>(packed));
  if (packed == kBF16) return std::as_bytes(io.in<bf16>(packed));
  return std::as_bytes(io.in<std::uint8_t>(packed));
}

void dequantize(const std::uint8_t* blocks, std::int64_t count, float* to) {
  for (std::int64_t b = 0; b < count; ++b) {
    const std::uint8_t* block = blocks + b * 18;
    f16 scale;
    std::memcpy(&scale.bits, block, 2);
    const auto d = static_cast<float>(scale);
    float* __restrict out = to + b * 32;
    for (int i = 0; i < 16; ++i) out[i] = d * static_cast<float>((block[2 + i] & 15) - 8);
    for (int i = 0; i < 16; ++i) out[16 + i] = d * static_cast<float>((block[2 + i] >> 4) - 8);
  }
}

bench::Technique with_weights(const char* name, const char* summary, Input packed, int threads) {
  struct State {
    explicit State(int threads) : pool(threads), workspace(pool) {}
    machine::ThreadPool pool;
    linear::Workspace workspace;
  };
  bench::Technique technique;
  technique.name = name;
  technique.summary = summary;
  technique.threads = threads;
  technique.plan = [packed, threads](const bench::Params& p) {
    return bench::plan_of([state = std::make_shared<State>(threads), packed, rows = p["T"],
                           depth = p["K"], outputs = p["N"]](const bench::Io& io) {
      const auto bytes = packed_in(io, packed);
      const linear::Matrix w{type_of(packed), outputs, depth, bytes.data()};
      const linear::Product product{.w = &w, .y = io.out<float>(kY).data()};
      linear::multiply(state->workspace, {.x = io.in<float>(kX).data(), .rows = rows, .k = depth},
                       {&product, 1});
    });
  };
  return technique;
}

namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  const auto packed = [&](const char* name, Input input, DType dtype) {
    const std::int64_t bytes = linear::packed_bytes(type_of(input), p["N"], p["K"]);
    return bench::TensorSpec{.name = name,
                             .dtype = dtype,
                             .shape = {bytes / static_cast<std::int64_t>(size_bytes(dtype))},
                             .structured = true};
  };
  return {.inputs = {{.name = "x", .shape = {p["T"], p["K"]}},
                     {.name = "blocks",
                      .dtype = DType::kU8,
                      .shape = {p["N"] * p["K"] / 32 * 18},
                      .structured = true},
                     packed("f32", kF32, DType::kF32),
                     packed("bf16", kBF16, DType::kBF16),
                     packed("q8_0", kQ8_0, DType::kU8),
                     packed("q4_0", kQ4_0, DType::kU8)},
          .outputs = {{.name = "y", .shape = {p["T"], p["N"]}}}};
}

/// Nibbles at random; scales near 1 / (4 sqrt(K)), of 4 significant bits.
void fill_blocks(std::int64_t depth, std::uint64_t seed, std::span<std::uint8_t> blocks) {
  Rng rng(seed);
  const int power = static_cast<int>(std::ceil(std::log2(std::sqrt(static_cast<double>(depth)))));
  for (std::size_t at = 0; at < blocks.size(); at += 18) {
    const f16 scale(std::ldexp(static_cast<float>(8 + rng.below(8)), -6 - power));
    std::memcpy(&blocks[at], &scale.bits, 2);
    for (std::size_t i = 2; i < 18; ++i) blocks[at + i] = static_cast<std::uint8_t>(rng.next());
  }
}

/// The same weights as rows of `type`, as a model file would have them.
std::vector<std::byte> rows_of(linear::Type type, std::span<const std::uint8_t> blocks) {
  const auto count = static_cast<std::int64_t>(blocks.size() / 18);
  const linear::SourceBlock form = linear::source_block(type);
  std::vector<std::byte> rows(static_cast<std::size_t>(count * 32 / form.weights * form.bytes));
  float wide[32];
  std::byte* to = rows.data();
  for (std::int64_t b = 0; b < count; ++b) {
    const std::uint8_t* block = blocks.data() + b * 18;
    dequantize(block, 1, wide);
    if (type == linear::Type::kF32) {
      std::memcpy(to, wide, sizeof(wide));
      to += sizeof(wide);
    } else if (type == linear::Type::kBF16) {
      for (const float value : wide) {
        const bf16 narrow(value);
        std::memcpy(to, &narrow.bits, 2);
        to += 2;
      }
    } else if (type == linear::Type::kQ8_0) {
      std::memcpy(to, block, 2);
      for (int i = 0; i < 32; ++i) {
        const int q = (i < 16 ? block[2 + i] & 15 : block[2 + i - 16] >> 4) - 8;
        to[2 + i] = static_cast<std::byte>(q);
      }
      to += 34;
    } else {
      std::memcpy(to, block, 18);
      to += 18;
    }
  }
  return rows;
}

void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  fill_normal(io.fill<float>(kX), derive_seed(seed, 1));
  const auto blocks = io.fill<std::uint8_t>(kBlocks);
  fill_blocks(p["K"], derive_seed(seed, 2), blocks);
  machine::ThreadPool pool(1);
  for (const Input input : {kF32, kBF16, kQ8_0, kQ4_0}) {
    const std::vector<std::byte> rows = rows_of(type_of(input), blocks);
    const std::span<const std::byte> lent = packed_in(io, input);
    linear::pack(type_of(input), p["N"], p["K"], rows.data(),
                 {const_cast<std::byte*>(lent.data()), lent.size()}, pool);
  }
}

/// The bytes that the problem needs are those of the narrowest form, which holds it all.
bench::Work work(const Params& p) {
  const auto t = static_cast<double>(p["T"]), k = static_cast<double>(p["K"]);
  const auto n = static_cast<double>(p["N"]);
  return {.flops = 2.0 * t * k * n,
          .flops_dtype = DType::kI8,
          .bytes_read = 4.0 * t * k + n * k * 18.0 / 32.0,
          .bytes_written = 4.0 * t * n,
          .items = t,
          .item_name = "tokens"};
}

/// In double from the blocks, by their definition. scale is the standard deviation that rounding x
/// to 8 bits in groups of 32 causes: errors uniform within half a step, independent, so var y =
/// sum over groups of step^2 / 12 sum w^2.
void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const auto rows = static_cast<std::size_t>(p["T"]), n = static_cast<std::size_t>(p["N"]);
  const auto groups = static_cast<std::size_t>(p["K"] / 32);
  const auto x = io.in<float>(kX);
  const auto blocks = io.in<std::uint8_t>(kBlocks);
  std::vector<double> variance(rows * groups);
  for (std::size_t i = 0; i < variance.size(); ++i) {
    double most = 0.0;
    for (std::size_t k = 0; k < 32; ++k) {
      most = std::max(most, std::fabs(static_cast<double>(x[i * 32 + k])));
    }
    variance[i] = most / 127.0 * most / 127.0 / 12.0;
  }
  auto& out = expected.outputs[kY];
  out.scale.assign(out.value.size(), 0.0);
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t g = 0; g < groups; ++g) {
      const std::uint8_t* block = blocks.data() + (j * groups + g) * 18;
      f16 half;
      std::memcpy(&half.bits, block, 2);
      double w[32], squares = 0.0;
      for (std::size_t k = 0; k < 32; ++k) {
        const int q = k < 16 ? block[2 + k] % 16 : block[2 + k - 16] / 16;
        w[k] = static_cast<double>(static_cast<float>(half)) * (q - 8);
        squares += w[k] * w[k];
      }
      for (std::size_t t = 0; t < rows; ++t) {
        const float* from = x.data() + (t * groups + g) * 32;
        double sum = 0.0;
        for (std::size_t k = 0; k < 32; ++k) sum += from[k] * w[k];
        out.value[t * n + j] += sum;
        out.scale[t * n + j] += variance[t * groups + g] * squares;
      }
    }
  }
  for (double& scale : out.scale) scale = std::sqrt(scale);
}

/// Six deviations: a sum of many bounded independent errors is beyond them with probability 2e-9;
/// sums in f32 add a hundredth of one. rms: 8 bits show 1/6 of the bound, 7 bits would show 2/6.
/// The second term is for sums of few terms, whose rms varies.
Tolerance tolerance(const Params& p) {
  return {.relative = 6.0,
          .absolute = 0x1p-40,
          .rms = (1.1 + 2.0 / std::sqrt(static_cast<double>(p["K"]))) / 6.0};
}

Params sizes(std::int64_t t, std::int64_t k, std::int64_t n) {
  return {{"T", t}, {"K", k}, {"N", n}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question = "What does a layer gain when the same weights are stored in fewer bits?",
      .targets = {"ch13:torchao_quantization"},
      .tags = {"gemm", "int8", "int4", "memory"},
      .cases = {{.name = "tinyllama_mlp_decode",
                 .origin = "TinyLlama-1.1B MLP, gate: 2048 to 5632, one token",
                 .smoke = sizes(1, 256, 160),
                 .full = sizes(1, 2048, 5632)},
                {.name = "qwen25_05b_mlp_batch",
                 .origin = "Qwen2.5-0.5B MLP, gate: 896 to 4864, a decode step of 16 requests",
                 .smoke = sizes(4, 256, 128),
                 .full = sizes(16, 896, 4864)},
                {.name = "smollm_mlp_prompt",
                 .origin = "SmolLM-135M MLP, gate: 576 to 1536, a prompt of 128 tokens",
                 .smoke = sizes(16, 192, 96),
                 .full = sizes(128, 576, 1536)}},
      // One block, one output; odd numbers around panels of 16 and 32 and chunks of 8 groups.
      .ragged = {sizes(1, 32, 1), sizes(7, 288, 33), sizes(3, 1056, 15), sizes(19, 64, 67)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {f32_weights(), f32_weights_threads(), bf16_weights(), int8_weights(),
                     int4_weights(), int4_weights_threads(), dequantize_each_call()},
      .baseline = "f32_weights",
  };
}

}  // namespace aisp::labs::ch13::quantized_weights
