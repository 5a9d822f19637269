// The lab: quantised weights widened before they are multiplied, or multiplied as they are. See
// README.md.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/dtype.h"
#include "base/rng.h"
#include "labs/ch16_production_inference/weight_quantization/problem.h"

namespace aisp::labs::ch16::weight_quantization {
namespace {

namespace linear = kernels::linear;
using bench::Io;
using bench::Params;
using linear::Type;

// The forms of W belong together: they must not be mixed between two seeds (bytes never are).
bench::Problem problem(const Params& p) {
  const Shape s(p);
  const auto bytes = [](const char* name, std::int64_t count) {
    return bench::TensorSpec{
        .name = name, .dtype = DType::kU8, .shape = {count}, .structured = true};
  };
  return {.inputs = {{.name = "x", .shape = {s.M, s.K}},
                     bytes("stored", s.N * s.row_bytes()),
                     bytes("packed", linear::packed_bytes(s.type, s.N, s.K)),
                     {.name = "wide",
                      .shape = {linear::packed_bytes(Type::kF32, s.N, s.K) / 4},
                      .structured = true}},
          .outputs = {{.name = "y", .shape = {s.M, s.N}}}};
}

void set_half(std::uint8_t* at, float value) {
  const f16 half(value);
  std::memcpy(at, &half.bits, 2);
}

/// Random numbers of the type's range in every place; scales such that weights have a deviation of
/// about 1 / sqrt(K), as trained layers have. A Q4_K block's minimum takes its mean away.
void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  const Shape s(p);
  const auto stored = io.fill<std::uint8_t>(kStored);
  fill_normal(io.fill<float>(kX), derive_seed(seed, 1));
  Rng rng(derive_seed(seed, 2));
  for (std::size_t i = 0; i + 8 <= stored.size(); i += 8) {
    const std::uint64_t word = rng.next();
    std::memcpy(stored.data() + i, &word, 8);
  }
  const linear::SourceBlock block = linear::source_block(s.type);
  const float root = std::sqrt(static_cast<float>(s.K));
  for (std::size_t at = 0; at < stored.size(); at += static_cast<std::size_t>(block.bytes)) {
    std::uint8_t* b = stored.data() + at;
    const float some = (0.5f + static_cast<float>(rng.uniform())) / root;
    if (s.type == Type::kQ8_0) {
      set_half(b, some / 73.0f);
      for (int i = 0; i < 32; ++i) b[2 + i] = b[2 + i] == 128 ? 127 : b[2 + i];
    } else if (s.type == Type::kQ4_0) {
      set_half(b, some / 4.6f);
    } else {
      set_half(b, some / 4.6f / 32.0f);
      set_half(b + 2, some / 4.6f / 32.0f * 7.5f);
    }
  }
  const auto* source = reinterpret_cast<const std::byte*>(stored.data());
  const auto packed = std::as_writable_bytes(io.fill<std::uint8_t>(kPacked));
  const auto wide = std::as_writable_bytes(io.fill<float>(kWide));
  machine::ThreadPool pool(1);
  linear::pack(s.type, s.N, s.K, source, packed, pool);
  std::vector<float> rows(static_cast<std::size_t>(s.N * s.K));
  for (std::int64_t j = 0; j < s.N; ++j) {
    dequantize_row(s, stored.data() + j * s.row_bytes(), rows.data() + j * s.K);
  }
  linear::pack(Type::kF32, s.N, s.K, std::as_bytes(std::span(rows)).data(), wide, pool);
}

/// What the layer needs at the declared precision: 8-bit products, the weights as they are stored.
bench::Work work(const Params& p) {
  const Shape s(p);
  const auto m = static_cast<double>(s.M), n = static_cast<double>(s.N);
  const auto k = static_cast<double>(s.K);
  return {.flops = 2.0 * m * n * k,
          .flops_dtype = DType::kI8,
          .bytes_read = 4.0 * m * k + n * static_cast<double>(s.row_bytes()),
          .bytes_written = 4.0 * m * n,
          .items = m,
          .item_name = "tokens"};
}

/// Weight i of a stored row, straight from the description of its type (kernels/linear/linear.h);
/// `parts` is the sum of the magnitudes that make it.
double weight(Type type, const std::uint8_t* row, std::int64_t i, double& parts) {
  const linear::SourceBlock block = linear::source_block(type);
  const std::uint8_t* b = row + i / block.weights * block.bytes;
  const std::int64_t j = i % block.weights;
  const auto half = [](const std::uint8_t* at) {
    return static_cast<double>(
        static_cast<float>(std::bit_cast<f16>(static_cast<std::uint16_t>(at[0] + 256 * at[1]))));
  };
  const double d = half(b);
  double value = 0.0;
  if (type == Type::kQ4_K) {
    const std::int64_t g = j / 32;
    const int pair = b[16 + g / 2 * 32 + j % 32], q = g % 2 == 0 ? pair % 16 : pair / 16;
    const std::uint8_t* s = b + 4;
    const int scale = g < 4 ? s[g] % 64 : s[g + 4] % 16 + s[g - 4] / 64 * 16;
    const int least = g < 4 ? s[g + 4] % 64 : s[g + 4] / 16 + s[g] / 64 * 16;
    const double positive = d * scale * q, negative = half(b + 2) * least;
    parts = positive + negative;
    return positive - negative;
  }
  if (type == Type::kQ8_0) {
    value = d * static_cast<std::int8_t>(b[2 + j]);
  } else {
    value = d * ((j < 16 ? b[2 + j] % 16 : b[2 + j - 16] / 16) - 8);
  }
  parts = std::fabs(value);
  return value;
}

/// Sums in double. The bound: rounding x to 8 bits in groups of 32, errors uniform within half of a
/// step a_g / 127, independent: variance sum_g (a_g / 127)^2 / 12 sum_k w_k^2, of which six
/// deviations; and u (6 sqrt(K + 2) + 8) sum |terms| for the sums, in f32 at worst.
void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const Shape s(p);
  const auto x = io.in<float>(kX);
  const auto stored = io.in<std::uint8_t>(kStored);
  auto& out = expected.outputs[kY];
  out.scale.assign(out.value.size(), 0.0);
  const double units =
      unit_roundoff(DType::kF32) * (dot_bound(static_cast<double>(s.K), 1.0) + 8.0);
  std::vector<double> w(static_cast<std::size_t>(s.K)), parts(w.size());
  for (std::int64_t j = 0; j < s.N; ++j) {
    for (std::int64_t k = 0; k < s.K; ++k) {
      const auto at = static_cast<std::size_t>(k);
      w[at] = weight(s.type, stored.data() + j * s.row_bytes(), k, parts[at]);
    }
    for (std::int64_t i = 0; i < s.M; ++i) {
      double sum = 0.0, magnitude = 0.0, variance = 0.0;
      for (std::int64_t k = 0; k < s.K; k += 32) {
        double most = 0.0, squares = 0.0;
        for (std::int64_t c = k; c < k + 32; ++c) {
          const auto at = static_cast<std::size_t>(c);
          const double term = x[static_cast<std::size_t>(i * s.K + c)];
          sum += term * w[at];
          magnitude += std::fabs(term) * parts[at];
          squares += w[at] * w[at];
          most = std::max(most, std::fabs(term));
        }
        variance += most * most / (127.0 * 127.0 * 12.0) * squares;
      }
      const auto place = static_cast<std::size_t>(i * s.N + j);
      out.value[place] = sum;
      out.scale[place] = 6.0 * std::sqrt(variance) + units * magnitude;
    }
  }
}

/// The bound is in `scale`. rms: 8 bits show 1/6 of six deviations, 7 bits 2/6 (see the test). The
/// second term is for few outputs and few groups, whose rms varies.
Tolerance tolerance(const Params& p) {
  const auto outputs = static_cast<double>(p["M"] * p["N"]);
  return {
      .relative = 1.0,
      .rms = 1.1 / 6.0 + 0.3 / std::sqrt(outputs) + 0.3 / std::sqrt(static_cast<double>(p["K"]))};
}

Params sizes(std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t bits,
             std::int64_t block) {
  return {{"M", m}, {"N", n}, {"K", k}, {"bits", bits}, {"block", block}};
}

Type type_of(const Params& p) {
  if (p["bits"] == 8) return Type::kQ8_0;
  return p["block"] == 256 ? Type::kQ4_K : Type::kQ4_0;
}

}  // namespace

Shape::Shape(const Params& p) : M(p["M"]), N(p["N"]), K(p["K"]), type(type_of(p)) {}

bench::Lab describe() {
  const std::string llama = "Llama-3.2-1B MLP, up: 2048 to 8192, ";
  return {
      .question =
          "What is gained by multiplying quantised weights as they are, instead of "
          "dequantising them first?",
      .targets = {"ch16:awq_gptq_smoothquant"},
      .tags = {"gemm", "int8", "int4", "quantization", "decode"},
      .cases = {{.name = "llama32_1b_q8_decode",
                 .origin = llama + "Q8_0, one token",
                 .smoke = sizes(1, 96, 256, 8, 32),
                 .full = sizes(1, 8192, 2048, 8, 32)},
                {.name = "llama32_1b_q4_decode",
                 .origin = llama + "Q4_0, one token",
                 .smoke = sizes(1, 96, 256, 4, 32),
                 .full = sizes(1, 8192, 2048, 4, 32)},
                {.name = "llama32_1b_q4k_batch",
                 .origin = llama + "Q4_K, a decoding step of 16 requests",
                 .smoke = sizes(16, 96, 512, 4, 256),
                 .full = sizes(16, 8192, 2048, 4, 256)},
                {.name = "qwen25_05b_q8_prompt",
                 .origin = "Qwen2.5-0.5B MLP, gate: 896 to 4864, Q8_0, a prompt of 128 tokens",
                 .smoke = sizes(20, 96, 256, 8, 32),
                 .full = sizes(128, 4864, 896, 8, 32)}},
      // One block; around panels (16 and 32 columns), chunks (256) and slices (1024, 2048) of K,
      // and 64 rows of W together.
      .ragged = {sizes(1, 1, 32, 8, 32), sizes(9, 33, 288, 4, 32), sizes(3, 65, 1280, 4, 256),
                 sizes(13, 129, 1056, 8, 32), sizes(2, 17, 2080, 4, 32)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {dequantize_matrix(), dequantize_rows(), wide_weights(), packed_integers(),
                     packed_integers_threads()},
      .baseline = "dequantize_matrix",
  };
}

}  // namespace aisp::labs::ch16::weight_quantization
