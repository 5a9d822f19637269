// See steps.h.
#include "recorded/steps.h"

#include <algorithm>
#include <numeric>

namespace aisp::recorded {

Steps::Steps(const Shape& shape, std::int64_t blocks, std::int64_t most_rows,
             std::int64_t most_wanted, model::KvType type)
    : shape_(shape),
      cache_(shape.model.config(), type, static_cast<std::int32_t>(blocks)),
      model_(shape.model, cache_, pool_, most_rows),
      ids_(static_cast<std::size_t>(blocks)),
      padding_(static_cast<std::size_t>(shape.longest)),
      row_logits_(static_cast<std::size_t>(most_wanted * shape.vocab())) {
  std::iota(ids_.begin(), ids_.end(), 0);
}

void Steps::begin(const bench::Io& io) {
  transformer_ = &model_.on(std::as_bytes(io.in<std::uint8_t>(kModel)));
  input_ = io.in<std::int32_t>(kTokens);
  output_ = io.out<float>(kLogits);
  computed_ = 0;
  rows_.clear();
  to_.clear();
}

std::span<const std::int32_t> Steps::tokens(std::int64_t request, std::int64_t first,
                                            std::int64_t count) const {
  return input_.subspan(static_cast<std::size_t>(shape_.request(request).first_token + first),
                        static_cast<std::size_t>(count));
}

std::span<const std::int32_t> Steps::place(std::int64_t index, std::int64_t each) const {
  return std::span(ids_).subspan(static_cast<std::size_t>(index * each),
                                 static_cast<std::size_t>(each));
}

void Steps::add(std::int64_t request, std::int64_t first, std::int64_t count,
                std::span<const std::int32_t> blocks, bool computed_before) {
  const Request& own = shape_.request(request);
  const std::int64_t answer = first + count - own.prompt;  // which token of it comes out
  const bool wanted = answer >= 0 && !computed_before;
  rows_.add(tokens(request, first, count), first, blocks, wanted ? 1 : 0);
  if (wanted) to_.push_back(answer < own.wanted ? own.first_logits + answer : -1);
}

void Steps::padding(std::int64_t count, std::int64_t context, std::span<const std::int32_t> blocks,
                    bool wanted) {
  rows_.add(std::span(padding_).first(static_cast<std::size_t>(count)), context, blocks,
            wanted ? 1 : 0);
  if (wanted) to_.push_back(-1);
}

void Steps::forward() {
  const auto vocab = static_cast<std::size_t>(shape_.vocab());
  const std::span<float> logits = std::span(row_logits_).first(rows_.wanted() * vocab);
  transformer_->forward(rows_.batch(), logits);
  for (std::size_t i = 0; i < to_.size(); ++i) {
    if (to_[i] < 0) continue;
    std::copy_n(logits.data() + i * vocab, vocab,
                output_.data() + static_cast<std::size_t>(to_[i]) * vocab);
    ++computed_;
  }
  rows_.clear();
  to_.clear();
}

}  // namespace aisp::recorded
