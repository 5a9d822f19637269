// See mixture.h.
#include "model/mixture.h"

#include <algorithm>

#include "model/each_row.h"

namespace aisp::model {

namespace linear = kernels::linear;

linear::Gate gate_of(Activation activation) {
  return activation == Activation::kSilu ? linear::Gate::kSilu : linear::Gate::kGeluTanh;
}

Mixture::Mixture(const Experts& experts, std::int64_t width, Activation activation,
                 std::int64_t most_rows)
    : used_(experts.used),
      size_(experts.size),
      width_(width),
      gate_(gate_of(activation)),
      inner_(static_cast<std::size_t>(most_rows * used_ * size_)),
      of_slot_(static_cast<std::size_t>(most_rows * used_ * width)) {}

void Mixture::run(const Multiply& multiply, machine::ThreadPool& pool,
                  std::span<const FeedForwardWeights> experts, const ExpertRouting& routing,
                  const float* x, float* out) {
  const auto slots = static_cast<std::int64_t>(routing.weights().size());
  const std::int64_t rows = slots / used_;
  products_.clear();
  for (const ExpertRouting::Group& group : routing.groups()) {
    const FeedForwardWeights& expert = experts[static_cast<std::size_t>(group.expert)];
    products_.push_back({.w = &expert.gate,
                         .y = inner_.data(),
                         .gate = gate_,
                         .up = &expert.up,
                         .x_rows = group.rows,
                         .y_rows = group.slots});
  }
  multiply({.x = x, .rows = rows, .k = width_}, products_);
  products_.clear();
  for (const ExpertRouting::Group& group : routing.groups()) {
    products_.push_back({.w = &experts[static_cast<std::size_t>(group.expert)].down,
                         .y = of_slot_.data(),
                         .x_rows = group.slots,
                         .y_rows = group.slots});
  }
  multiply({.x = inner_.data(), .rows = slots, .k = size_}, products_);
  each_row(pool, rows, used_ * width_, [&](std::size_t row) {
    float* const to = out + static_cast<std::int64_t>(row) * width_;
    std::fill_n(to, width_, 0.0f);
    for (std::int64_t i = 0; i < used_; ++i) {
      const std::int64_t slot = static_cast<std::int64_t>(row) * used_ + i;
      const float weight = routing.weights()[static_cast<std::size_t>(slot)];
      const float* const from = of_slot_.data() + slot * width_;
      for (std::int64_t j = 0; j < width_; ++j) to[j] += weight * from[j];
    }
  });
}

}  // namespace aisp::model
