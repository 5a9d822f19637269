// See lent_model.h.
#include "model/lent_model.h"

#include <algorithm>

#include "base/check.h"
#include "base/rng.h"

namespace aisp::model {
namespace {

constexpr std::int64_t kLine = 64;

std::int64_t bytes_of(const Tensor& tensor) {
  return stored_bytes(format_of(tensor.type), tensor.elements()).value();
}
std::int64_t lines_of(const Tensor& tensor) {
  return (bytes_of(tensor) + kLine - 1) / kLine * kLine;
}

}  // namespace

LentModel::LentModel(const ModelConfig& config, const std::string& type)
    : config_(config), type_(type) {
  for (const MadeTensor& made : made_tensors(options(1))) {
    layout_.push_back({made.name, made.type, made.shape, {}});
    stored_bytes_ += lines_of(layout_.back());
  }
  // Sizes only: no page of it becomes real.
  const auto size = static_cast<std::size_t>(stored_bytes_);
  const auto nothing = std::make_unique_for_overwrite<std::byte[]>(size);
  const TensorFile views = file({nothing.get(), size});
  packed_bytes_ = Weights::packed_bytes(find_tensors(views, config_));
}

MakeOptions LentModel::options(std::uint64_t seed) const {
  MakeOptions options;
  options.config = config_;
  options.type = type_;
  options.seed = seed;
  return options;
}

double LentModel::operations(std::int64_t tokens, std::int64_t logits) const {
  const ModelConfig& c = config_;
  const auto table = static_cast<double>(c.vocab * c.width);
  const double layers = static_cast<double>(parameter_count(c, true)) - table;
  const auto count = static_cast<double>(tokens);
  const auto query = 4.0 * static_cast<double>(c.layers * c.heads * c.head_size);
  return 2.0 * count * layers + query * count * (count + 1.0) / 2.0 +
         2.0 * static_cast<double>(logits) * table;
}

TensorFile LentModel::file(std::span<const std::byte> memory) const {
  check(static_cast<std::int64_t>(memory.size()) == bytes(), "the bytes of this model");
  TensorFile views("a model in memory", TensorFile::Format::kGguf);
  for (const Tensor& tensor : layout_) {
    Tensor view = tensor;
    view.bytes = memory.first(static_cast<std::size_t>(bytes_of(tensor)));
    memory = memory.subspan(static_cast<std::size_t>(lines_of(tensor)));
    views.add(std::move(view));
  }
  return views;
}

void LentModel::fill_tokens(std::uint64_t seed, std::span<std::int32_t> tokens) const {
  Rng rng(seed);
  for (std::int32_t& token : tokens) {
    token = static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(config_.vocab)));
  }
}

void LentModel::fill(std::uint64_t seed, std::span<std::byte> memory) const {
  std::span<std::byte> to = memory;
  for (const MadeTensor& made : made_tensors(options(seed))) {
    const Tensor tensor{made.name, made.type, made.shape, {}};
    const std::int64_t rows = tensor.elements() / tensor.shape.back();
    const auto row_bytes = static_cast<std::size_t>(bytes_of(tensor) / rows);
    std::vector<float> row(static_cast<std::size_t>(tensor.shape.back()));
    for (std::int64_t i = 0; i < rows; ++i) {
      made.fill(i, row);
      format_of(made.type).quantize(row, to.data() + static_cast<std::size_t>(i) * row_bytes);
    }
    to = to.subspan(static_cast<std::size_t>(lines_of(tensor)));
  }
  pack(memory);
}

void LentModel::pack(std::span<std::byte> memory) const {
  const TensorFile views = file(memory);
  machine::ThreadPool pool(1);
  const Weights weights(find_tensors(views, config_), config_, pool);
  check(weights.packed_bytes() == packed_bytes_, "the packed bytes of this model");
  std::ranges::copy(weights.packed(),
                    memory.begin() + static_cast<std::ptrdiff_t>(stored_bytes_));
}

Transformer& LentTransformer::on(std::span<const std::byte> memory) {
  file_.emplace(model_.file(memory));
  weights_.emplace(find_tensors(*file_, model_.config()), model_.config(), model_.packed(memory));
  if (!transformer_) transformer_.emplace(*weights_, cache_, pool_, most_rows_);
  return *transformer_;
}

}  // namespace aisp::model
