// See rotation.h.
#include "model/rotation.h"

#include <algorithm>
#include <cmath>

namespace aisp::model {
namespace {

bool alike(const RopeTable& a, const RopeTable& b) {
  return a.frequency == b.frequency && a.magnitude == b.magnitude;
}

}  // namespace

Rotation::Rotation(const ModelConfig& config, std::int64_t most_rows)
    : head_size_(config.head_size) {
  const RopeTable all = rope_table(config.rope, config.context);
  const RopeTable local = rope_table(config.local_rope, config.context);
  one_table_ = alike(all, local) && config.rope.pairs == config.local_rope.pairs;
  const auto make = [&](const RopeTable& from, RopePairs pairs) {
    const std::size_t count = static_cast<std::size_t>(most_rows) * from.frequency.size();
    return Table{pairs, from.frequency, from.magnitude, std::vector<float>(count),
                 std::vector<float>(count)};
  };
  table_ = make(all, config.rope.pairs);
  if (!one_table_) local_ = make(local, config.local_rope.pairs);
  positions_.reserve(static_cast<std::size_t>(most_rows));
}

void Rotation::prepare(const Batch& batch) {
  positions_.clear();
  for (const Sequence& sequence : batch.sequences) {
    for (std::int64_t i = 0; i < sequence.rows; ++i) positions_.push_back(sequence.context + i);
  }
  fill(table_);
  if (!one_table_) fill(local_);
}

void Rotation::fill(Table& table) const {
  std::size_t at = 0;
  for (const std::int32_t position : positions_) {
    for (const double frequency : table.frequency) {
      const double angle = static_cast<double>(position) * frequency;
      table.cosine[at] = static_cast<float>(std::cos(angle) * table.magnitude);
      table.sine[at] = static_cast<float>(std::sin(angle) * table.magnitude);
      ++at;
    }
  }
}

void Rotation::apply(float* x, std::int64_t heads, bool local) const {
  const Table& table = local && !one_table_ ? local_ : table_;
  const std::size_t half = table.frequency.size();
  const bool halves = table.pairs == RopePairs::kHalves;
  for (std::size_t row = 0; row < positions_.size(); ++row) {
    const float* const cosine = table.cosine.data() + row * half;
    const float* const sine = table.sine.data() + row * half;
    for (std::int64_t head = 0; head < heads; ++head, x += head_size_) {
      for (std::size_t i = 0; i < half; ++i) {
        float& a = x[halves ? i : 2 * i];
        float& b = x[halves ? i + half : 2 * i + 1];
        const float turned = a * cosine[i] - b * sine[i];
        b = a * sine[i] + b * cosine[i];
        a = turned;
      }
    }
  }
}

}  // namespace aisp::model
