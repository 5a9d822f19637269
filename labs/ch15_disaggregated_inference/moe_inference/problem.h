// The experts of a mixture-of-experts layer: y[t] = sum over the top-k experts e of token t of
// gate[t][e] * W2[e]^T (silu(W1[e]^T x[t]) * W3[e]^T x[t]). Which experts, and their gates, come
// from the router and are inputs. Params: T tokens, C width, F expert width, E experts, K experts
// of a token. Inputs: x [T,C]; w1, w3 [E,C,F]; w2 [E,F,C]; ids [T,K] i32; gates [T,K]; packed (u8),
// the same weights as the engine keeps them once a model is loaded. Output: y [T,C].
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "bench/lab.h"
#include "kernels/gemm/gemm.h"
#include "model/weights.h"

namespace aisp::labs::ch15::moe_inference {

enum Input : std::size_t { kX, kW1, kW3, kW2, kIds, kGates, kPacked };
enum Output : std::size_t { kY };

struct Shape {
  explicit Shape(const bench::Params& p)
      : tokens(p["T"]), c(p["C"]), f(p["F"]), experts(p["E"]), k(p["K"]) {}
  std::int64_t pairs() const { return tokens * k; }  // of a token and one of its experts
  std::int64_t tokens, c, f, experts, k;
};

/// The packed weights of all experts as views of `bytes`, one expert after the other.
std::vector<model::FeedForwardWeights> experts_in(const Shape& shape,
                                                  std::span<const std::byte> bytes);
std::int64_t packed_bytes(const Shape& shape);

/// One expert's network on any number of rows up to `most`, on one thread: products planned for 1,
/// 2, 4 ... rows, of which the smallest that suffices runs.
class Expert {
 public:
  Expert(const Shape& shape, std::int64_t most) : shape_(shape) {
    for (std::int64_t rows = 1;; rows *= 2) {
      rows = std::min(rows, std::max<std::int64_t>(most, 1));
      plans_.push_back({rows, kernels::gemm::GemmPlan({rows, shape.f, shape.c}),
                        kernels::gemm::GemmPlan({rows, shape.c, shape.f})});
      if (rows >= most) break;
    }
    gate_.resize(static_cast<std::size_t>(plans_.back().rows * shape.f));
    up_.resize(gate_.size());
  }
  /// x and y are rows x C, tight.
  void run(const bench::Io& io, std::int64_t expert, std::int64_t rows, const float* x, float* y);

 private:
  struct Plans {
    std::int64_t rows;
    kernels::gemm::GemmPlan to_f, to_c;
  };
  Shape shape_;
  std::vector<Plans> plans_;
  std::vector<float> gate_, up_;  // [rows, F]
};

/// gate = silu(gate) * up; the same for all techniques.
void silu_times(float* gate, const float* up, std::int64_t count);

/// The pairs of tokens and experts, sorted by expert: pair i of expert e, i in [first[e],
/// first[e + 1]), is token pair[i] / K in its choice pair[i] % K.
struct Sorted {
  explicit Sorted(const Shape& shape)
      : first(static_cast<std::size_t>(shape.experts + 1)),
        next(first.size()),
        pair(static_cast<std::size_t>(shape.pairs())) {}
  /// A counting sort: two passes over the ids.
  void sort(std::span<const std::int32_t> ids);
  std::vector<std::int64_t> first, next, pair;
};

bench::Technique token_loop();
bench::Technique mask_scan();
bench::Technique sorted_grouped();
bench::Technique sorted_grouped_threads();
bench::Technique engine_grouped();
bench::Technique engine_grouped_threads();

/// Shared by the last two; threads = 1, or 0 for every core.
bench::Technique engine(const char* name, const char* summary, int threads);

}  // namespace aisp::labs::ch15::moe_inference
