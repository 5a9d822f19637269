// See expert_routing.h.
#include "model/expert_routing.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace aisp::model {

void ExpertRouting::route(const Experts& experts, std::span<const float> scores) {
  const auto count = static_cast<std::size_t>(experts.count);
  const auto used = static_cast<std::size_t>(experts.used);
  const std::size_t rows = scores.size() / count;
  chosen_.resize(rows * used);
  weights_.resize(rows * used);
  share_.resize(count);
  order_.resize(count);
  for (std::size_t row = 0; row < rows; ++row) {
    const std::span<const float> of_row = scores.subspan(row * count, count);
    const double largest = static_cast<double>(*std::max_element(of_row.begin(), of_row.end()));
    double sum = 0.0, kept = 0.0;
    for (std::size_t e = 0; e < count; ++e) {
      sum += share_[e] = std::exp(static_cast<double>(of_row[e]) - largest);
    }
    std::iota(order_.begin(), order_.end(), 0);
    std::partial_sort(order_.begin(), order_.begin() + experts.used, order_.end(),
                      [&](std::int32_t a, std::int32_t b) {
                        const float left = of_row[static_cast<std::size_t>(a)];
                        const float right = of_row[static_cast<std::size_t>(b)];
                        return left > right || (left == right && a < b);
                      });
    for (std::size_t i = 0; i < used; ++i) {
      chosen_[row * used + i] = order_[i];
      kept += share_[static_cast<std::size_t>(order_[i])] / sum;
    }
    const double scale = experts.scale / (experts.normalize ? kept : 1.0);
    for (std::size_t i = 0; i < used; ++i) {
      const double share = share_[static_cast<std::size_t>(order_[i])] / sum;
      weights_[row * used + i] = static_cast<float>(share * scale);
    }
  }
  group(experts);
}

void ExpertRouting::use(const Experts& experts, std::span<const std::int32_t> chosen,
                        std::span<const float> weights) {
  chosen_.assign(chosen.begin(), chosen.end());
  weights_.assign(weights.begin(), weights.end());
  group(experts);
}

void ExpertRouting::group(const Experts& experts) {
  const auto count = static_cast<std::size_t>(experts.count);
  const auto used = static_cast<std::size_t>(experts.used);
  rows_.clear();
  slots_.clear();
  rows_.reserve(chosen_.size());  // views into both must stay valid
  slots_.reserve(chosen_.size());
  groups_.clear();
  for (std::size_t e = 0; e < count; ++e) {
    const std::size_t begin = slots_.size();
    for (std::size_t slot = 0; slot < chosen_.size(); ++slot) {
      if (chosen_[slot] != static_cast<std::int32_t>(e)) continue;
      rows_.push_back(static_cast<std::int32_t>(slot / used));
      slots_.push_back(static_cast<std::int32_t>(slot));
    }
    const std::size_t found = slots_.size() - begin;
    if (found == 0) continue;
    groups_.push_back({static_cast<std::int64_t>(e), std::span(rows_).subspan(begin, found),
                       std::span(slots_).subspan(begin, found)});
  }
}

}  // namespace aisp::model
