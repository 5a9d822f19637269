// See weights.h.
#include "model/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/text.h"
#include "base/units.h"

namespace aisp::model {
namespace {

namespace linear = kernels::linear;

std::optional<linear::Type> multiplied_type(BlockType type) {
  switch (type) {
    case BlockType::kF32:
      return linear::Type::kF32;
    case BlockType::kF16:
      return linear::Type::kF16;
    case BlockType::kBF16:
      return linear::Type::kBF16;
    case BlockType::kQ8_0:
      return linear::Type::kQ8_0;
    case BlockType::kQ4_0:
      return linear::Type::kQ4_0;
    case BlockType::kQ4_K:
      return linear::Type::kQ4_K;
    case BlockType::kQ6_K:
      return linear::Type::kQ6_K;
    default:
      return std::nullopt;
  }
}

std::int64_t size_of(const Weight& w) {
  const auto type = multiplied_type(w.type).value_or(linear::Type::kF32);
  constexpr std::int64_t kLine = 64;
  return w ? (linear::packed_bytes(type, w.rows, w.columns) + kLine - 1) / kLine * kLine : 0;
}

// Every matrix of the model with the place it goes to, in the order a token meets them.
template <typename Visit>
void for_each_matrix(const ModelTensors& from, std::vector<LayerWeights>& to, Matrix& output,
                     Visit visit) {
  const auto feed_forward = [&](const FeedForward& source, FeedForwardWeights& target, bool used) {
    visit(source.gate, target.gate, used);
    visit(source.up, target.up, used);
    visit(source.down, target.down, used);
  };
  for (std::size_t i = 0; i < from.layers.size(); ++i) {
    const LayerTensors& source = from.layers[i];
    LayerWeights& target = to[i];
    visit(source.q, target.q, true);
    visit(source.k, target.k, true);
    visit(source.v, target.v, true);
    visit(source.o, target.o, true);
    visit(source.router, target.router, true);
    feed_forward(source.dense, target.dense, true);
    target.experts.resize(source.experts.size());
    for (std::size_t e = 0; e < source.experts.size(); ++e) {
      feed_forward(source.experts[e], target.experts[e], false);
    }
    feed_forward(source.shared, target.shared, true);
    visit(source.shared_gate, target.shared_gate, true);
  }
  visit(from.output, output, true);
}

// Each matrix that is there, in that order: where it comes from, and where in the region it goes.
struct Place {
  const Weight* from;
  Matrix* to;
  bool always;  // every token reads it, not only those that choose this expert
  std::int64_t at, bytes;
};

std::vector<Place> places_of(const ModelTensors& tensors, std::vector<LayerWeights>& layers,
                             Matrix& output) {
  std::vector<Place> places;
  std::int64_t at = 0;
  for_each_matrix(tensors, layers, output, [&](const Weight& w, Matrix& to, bool always) {
    if (!w) return;
    places.push_back({&w, &to, always, at, size_of(w)});
    at += places.back().bytes;
  });
  return places;
}

std::int64_t bytes_of(const std::vector<Place>& places) {
  return places.empty() ? 0 : places.back().at + places.back().bytes;
}

PackedPlace kept_place(const TensorFile& file, const std::vector<Place>& places) {
  std::vector<const Weight*> matrices;
  for (const Place& place : places) matrices.push_back(place.from);
  return packed_place(file, matrices, bytes_of(places));
}

Matrix pack(const Weight& w, std::span<std::byte> to, machine::ThreadPool& pool) {
  if (const auto type = multiplied_type(w.type)) {
    return linear::pack(*type, w.rows, w.columns, w.bytes.data(), to, pool);
  }
  std::vector<float> wide(static_cast<std::size_t>(w.rows * w.columns));
  const auto row = static_cast<std::size_t>(w.columns);
  pool.parallel_for(w.rows, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      w.dequantize_row(i, std::span(wide).subspan(static_cast<std::size_t>(i) * row, row));
    }
  });
  return linear::pack(linear::Type::kF32, w.rows, w.columns,
                      reinterpret_cast<const std::byte*>(wide.data()), to, pool);
}

// Packs one after the other into the same memory and shows each, until that returns false.
template <typename Show>
void pack_each(const std::vector<Place>& places, machine::ThreadPool& pool, Show show) {
  std::int64_t most = 0;
  for (const Place& place : places) most = std::max(most, place.bytes);
  const machine::PageBuffer memory(static_cast<std::size_t>(std::max<std::int64_t>(most, 1)));
  for (const Place& place : places) {
    const std::span<std::byte> to(memory.data(), static_cast<std::size_t>(place.bytes));
    // What is behind the last whole line is written too.
    std::ranges::fill(to.last(std::min<std::size_t>(64, to.size())), std::byte{0});
    pack(*place.from, to, pool);
    if (!show(place, to)) return;
  }
}

// Writes the file; "" or why it could not be done.
std::string keep_packed(const PackedPlace& place, const std::vector<Place>& places,
                        machine::ThreadPool& pool) {
  PackedWriter writer(place);
  if (!writer.failure().empty()) return writer.failure();
  pack_each(places, pool, [&](const Place&, std::span<const std::byte> packed) {
    writer.append(packed);
    return writer.failure().empty();
  });
  writer.finish();
  return writer.failure();
}

// The file beside the model: mapped, or made and then mapped; nothing where that cannot be.
std::optional<PackedFile> mapped_or_made(const TensorFile& file, const std::vector<Place>& places,
                                         machine::ThreadPool& pool, std::string& note) {
  const PackingLock lock(file.path());
  const PackedPlace place = kept_place(file, places);
  std::string fault;
  std::optional<PackedFile> mapped = PackedFile::open(place, pool, fault);
  if (mapped) return mapped;
  std::string failure =
      lock.held() ? keep_packed(place, places, pool) : "another process is writing them";
  note = fault.empty() ? "" : place.path + " " + fault + "; ";
  if (failure.empty()) {
    if (std::optional<PackedFile> made = PackedFile::open(place, pool, failure)) {
      note += fmt::format("packed weights, {}, are kept in {} for the next start",
                          format_bytes(static_cast<double>(place.bytes)), place.path);
      return made;
    }
  }
  note += fmt::format("packed weights are not kept in {}: {}", place.path, failure);
  return std::nullopt;
}

// Gives each matrix its place, by `matrix_of`; returns the bytes that one token reads.
template <typename MatrixOf>
std::int64_t place_all(const std::vector<Place>& places, const Experts& experts,
                       MatrixOf matrix_of) {
  std::int64_t always = 0;
  double of_experts = 0.0;
  for (const Place& place : places) {
    *place.to = matrix_of(place);
    if (place.always) {
      always += place.bytes;
    } else {
      of_experts += static_cast<double>(place.bytes);
    }
  }
  if (experts.count == 0) return always;
  return always + static_cast<std::int64_t>(of_experts * static_cast<double>(experts.used) /
                                            static_cast<double>(experts.count));
}

Matrix matrix_in(std::span<const std::byte> packed, const Place& place) {
  return {multiplied_type(place.from->type).value_or(linear::Type::kF32), place.from->rows,
          place.from->columns, packed.data() + place.at};
}

}  // namespace

Weights::Weights(const ModelTensors& tensors, const ModelConfig& config, machine::ThreadPool& pool,
                 const TensorFile* keep)
    : config_(config), embedding_(tensors.embedding), layers_(tensors.layers.size()) {
  read_vectors(tensors);
  const std::vector<Place> places = places_of(tensors, layers_, output_);
  if (keep != nullptr) {
    if (auto mapped = mapped_or_made(*keep, places, pool, note_)) {
      mapped_.emplace(std::move(*mapped));
    }
  }
  if (mapped_) {
    packed_ = mapped_->data().first(static_cast<std::size_t>(bytes_of(places)));
    bytes_per_token_ = place_all(places, config.experts,
                                 [&](const Place& place) { return matrix_in(packed_, place); });
    return;
  }
  memory_.emplace(static_cast<std::size_t>(bytes_of(places)));
  packed_ = {memory_->data(), memory_->size_bytes()};
  bytes_per_token_ = place_all(places, config.experts, [&](const Place& place) {
    return pack(*place.from, {memory_->data() + place.at, static_cast<std::size_t>(place.bytes)},
                pool);
  });
}

Weights::Weights(const ModelTensors& tensors, const ModelConfig& config,
                 std::span<const std::byte> packed)
    : config_(config),
      embedding_(tensors.embedding),
      layers_(tensors.layers.size()),
      packed_(packed) {
  read_vectors(tensors);
  const std::vector<Place> places = places_of(tensors, layers_, output_);
  check(static_cast<std::int64_t>(packed.size()) == bytes_of(places),
        "this model's packed weights");
  bytes_per_token_ = place_all(places, config.experts,
                               [&](const Place& place) { return matrix_in(packed, place); });
}

std::int64_t Weights::packed_bytes(const ModelTensors& tensors) {
  std::vector<LayerWeights> layers(tensors.layers.size());
  Matrix output;
  return bytes_of(places_of(tensors, layers, output));
}

void Weights::read_vectors(const ModelTensors& tensors) {
  const auto values = [&](const Weight& w, bool is_norm) {
    return w ? vector_of(w, config_, is_norm) : std::vector<float>();
  };
  output_norm_ = values(tensors.output_norm, true);
  output_bias_ = values(tensors.output_bias, false);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const LayerTensors& from = tensors.layers[i];
    LayerWeights& to = layers_[i];
    to.attention_norm = values(from.attention_norm, true);
    to.q_norm = values(from.q_norm, true);
    to.k_norm = values(from.k_norm, true);
    to.attention_post_norm = values(from.attention_post_norm, true);
    to.ff_norm = values(from.ff_norm, true);
    to.ff_post_norm = values(from.ff_post_norm, true);
    to.q_bias = values(from.q_bias, false);
    to.k_bias = values(from.k_bias, false);
    to.v_bias = values(from.v_bias, false);
    to.o_bias = values(from.o_bias, false);
  }
}

PackedCheck check_packed(const TensorFile& file, const ModelTensors& tensors,
                         machine::ThreadPool& pool) {
  std::vector<LayerWeights> layers(tensors.layers.size());
  Matrix output;
  const std::vector<Place> places = places_of(tensors, layers, output);
  const PackedPlace place = kept_place(file, places);
  PackedCheck result{.path = place.path};
  const std::optional<PackedFile> mapped = PackedFile::open(place, pool, result.fault);
  result.there = mapped.has_value() || !result.fault.empty();
  if (!mapped) return result;
  pack_each(places, pool, [&](const Place& one, std::span<const std::byte> packed) {
    const auto kept = mapped->data().subspan(static_cast<std::size_t>(one.at), packed.size());
    if (std::memcmp(kept.data(), packed.data(), packed.size()) == 0) return true;
    result.fault = "differs from the model in " + printable(one.from->name);
    return false;
  });
  return result;
}

}  // namespace aisp::model
