// Which experts the rows of a batch use, grouped so that each expert multiplies its rows at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/config.h"

namespace aisp::model {

class ExpertRouting {
 public:
  /// Rows that use one expert, and their slots (row * used + which of the row's experts).
  struct Group {
    std::int64_t expert = 0;
    std::span<const std::int32_t> rows, slots;
  };

  /// `scores` [rows, count]: the largest `used` of each row by softmax, ties to the lower index.
  /// Groups and weights stay valid until the next call.
  void route(const Experts& experts, std::span<const float> scores);

  /// The same for a choice made elsewhere: experts [rows, used] and their weights.
  void use(const Experts& experts, std::span<const std::int32_t> chosen,
           std::span<const float> weights);

  std::span<const Group> groups() const { return groups_; }
  std::span<const float> weights() const { return weights_; }  // by slot

 private:
  void group(const Experts& experts);

  std::vector<std::int32_t> order_, chosen_, rows_, slots_;
  std::vector<double> share_;
  std::vector<float> weights_;
  std::vector<Group> groups_;
};

}  // namespace aisp::model
