// The transformer with an exit. See problem.h.
// Source: Schuster et al., "Confident Adaptive Language Modeling", NeurIPS 2022 (saturation of the
// hidden state as the measure; keys and values of skipped layers from the state that left).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "labs/ch16_production_inference/early_exit/problem.h"

namespace aisp::labs::ch16::early_exit {
namespace {

/// |after - before| over |after|.
double change(std::span<const float> before, std::span<const float> after) {
  double difference = 0.0, all = 0.0;
  for (std::size_t i = 0; i < after.size(); ++i) {
    const double d = static_cast<double>(after[i]) - before[i];
    difference += d * d;
    all += static_cast<double>(after[i]) * after[i];
  }
  return std::sqrt(difference / all);
}

std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }

}  // namespace

Model::Model(const bench::Params& params)
    : shape_(shape_of(params)),
      exit_(params["E"]),
      layers_(shape_.model.config().layers),
      cache_(shape_.model.config(), model::KvType::kF32,
             static_cast<std::int32_t>(shape_.count() * shape_.blocks_for(shape_.longest))),
      blocks_(size(cache_.blocks())),
      logits_(size(shape_.count() * shape_.vocab())) {
  std::iota(blocks_.begin(), blocks_.end(), 0);
}

void Model::begin(const bench::Io& io) {
  const auto memory = std::as_bytes(io.in<std::uint8_t>(recorded::kModel));
  const model::ModelConfig& config = shape_.model.config();
  file_.emplace(shape_.model.file(memory));
  weights_.emplace(find_tensors(*file_, config), config, shape_.model.packed(memory));
  const std::int64_t prompts = shape_.count() * shape_.longest_prompt;
  for (Part* part : {&all_, &staying_, &leaving_}) {
    if (part->transformer) continue;
    part->transformer.emplace(*weights_, cache_, pool_, part == &all_ ? prompts : shape_.count());
  }
  tokens_ = io.in<std::int32_t>(recorded::kTokens);
  output_ = io.out<float>(recorded::kLogits);
  rows_ = left_ = 0;
}

void Model::add(Part& part, std::int64_t request, std::int64_t first, std::int64_t count) {
  const std::int64_t each = shape_.blocks_for(shape_.longest);
  part.rows.add(tokens_.subspan(size(shape_.request(request).first_token + first), size(count)),
                first, std::span(blocks_).subspan(size(request * each), size(each)), 1);
  part.requests.push_back(request);
}

// The rows behind the exit: those that changed little, and the others.
void Model::split(std::int64_t first, double least_change) {
  const auto width = size(shape_.model.config().width);
  const std::span<const float> rows = all_.transformer->hidden();
  const auto row = [&](std::span<const float> of, std::int64_t r) {
    return of.subspan(size(r) * width, width);
  };
  for (std::int64_t r = 0; r < shape_.count(); ++r) {
    const bool little = change(row(before_, r), row(rows, r)) < least_change;
    add(little ? leaving_ : staying_, r, first, 1);
  }
  for (Part* part : {&staying_, &leaving_}) {
    part->transformer->begin(part->rows.batch());
    auto to = part->transformer->hidden().begin();
    for (const std::int64_t r : part->requests) to = std::ranges::copy(row(rows, r), to).out;
  }
  rows_ += shape_.count();
  left_ += static_cast<std::int64_t>(leaving_.requests.size());
}

void Model::finish(Part& part, std::int64_t answer) {
  const auto vocab = size(shape_.vocab());
  const auto logits = std::span(logits_).first(part.requests.size() * vocab);
  part.transformer->finish(logits);
  for (std::size_t i = 0; i < part.requests.size(); ++i) {
    const std::int64_t row = shape_.request(part.requests[i]).first_logits + answer;
    std::copy_n(logits.data() + i * vocab, vocab, output_.data() + size(row) * vocab);
  }
  part.rows.clear();
  part.requests.clear();
}

// `count` tokens of every request from `first` on.
void Model::step(std::int64_t first, std::int64_t count, double least_change) {
  const std::int64_t answer = first + count - shape_.longest_prompt;
  for (std::int64_t r = 0; r < shape_.count(); ++r) add(all_, r, first, count);
  all_.transformer->begin(all_.rows.batch());
  for (std::int64_t layer = 0; layer < exit_; ++layer) {
    const auto rows = all_.transformer->hidden();
    if (layer == exit_ - 1) before_.assign(rows.begin(), rows.end());
    all_.transformer->layer(layer);
  }
  if (answer == 0 || least_change == 0.0) {
    for (std::int64_t layer = exit_; layer < layers_; ++layer) all_.transformer->layer(layer);
    return finish(all_, answer);
  }
  split(first, least_change);
  for (std::int64_t layer = exit_; layer < layers_; ++layer) {
    staying_.transformer->layer(layer);
    leaving_.transformer->only_keys_and_values(layer);
  }
  finish(staying_, answer);
  finish(leaving_, answer);
  all_.rows.clear();
  all_.requests.clear();
}

void Model::answer_all(const bench::Io& io, double least_change) {
  begin(io);
  const recorded::Request& any = shape_.request(0);
  step(0, any.prompt, 0.0);
  for (std::int64_t first = any.prompt; first < any.tokens() - 1; ++first) {
    step(first, 1, least_change);
  }
}

bench::Technique with_exit(const char* name, const char* summary, double least_change) {
  bench::Technique technique;
  technique.name = name;
  technique.summary = summary;
  technique.plan = [least_change](const bench::Params& params) {
    return bench::plan_of([least_change, model = std::make_shared<Model>(params)](
                              const bench::Io& io) { model->answer_all(io, least_change); });
  };
  return technique;
}

}  // namespace aisp::labs::ch16::early_exit
