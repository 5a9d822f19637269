// See rotation.h.
#include "model/rotation.h"

namespace aisp::model {
namespace {

namespace rope = kernels::rope;

bool alike(const Rope& a, const RopeTable& a_table, const Rope& b, const RopeTable& b_table) {
  return a.pairs == b.pairs && a_table.frequency == b_table.frequency &&
         a_table.magnitude == b_table.magnitude;
}

}  // namespace

Rotation::Rotation(const ModelConfig& config, machine::ThreadPool& pool)
    : pool_(pool),
      head_size_(config.head_size),
      table_{rope_table(config.rope, config.context), config.rope.pairs, {}},
      local_{rope_table(config.local_rope, config.context), config.local_rope.pairs, {}} {
  one_table_ = alike(config.rope, table_.rope, config.local_rope, local_.rope);
}

void Rotation::prepare(const Batch& batch) {
  positions_.clear();
  for (const Sequence& sequence : batch.sequences) {
    for (std::int64_t i = 0; i < sequence.rows; ++i) {
      positions_.push_back(static_cast<std::int32_t>(sequence.context + i));
    }
  }
  for (Table* table : {&table_, &local_}) {
    if (table == &local_ && one_table_) continue;
    rope::make_angles(table->rope.frequency, positions_, table->rope.magnitude, table->angles);
  }
}

void Rotation::apply(float* x, std::int64_t heads, bool local) const {
  const Table& table = local && !one_table_ ? local_ : table_;
  rope::rotate(
      {.x = x,
       .rows = static_cast<std::int64_t>(positions_.size()),
       .heads = heads,
       .head_size = head_size_},
      table.pairs == RopePairs::kHalves ? rope::Pairing::kHalves : rope::Pairing::kInterleaved,
      table.angles, &pool_);
}

}  // namespace aisp::model
