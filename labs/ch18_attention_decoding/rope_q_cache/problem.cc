// The steps that techniques share: copying, turning, appending by the engine's kernels.
#include <cmath>
#include <cstring>
#include <numeric>

#include "labs/ch18_attention_decoding/rope_q_cache/problem.h"

namespace aisp::labs::ch18::rope_q_cache {
namespace {

namespace rope = kernels::rope;
namespace paged = kernels::paged_attention;

constexpr double kBase = 500000.0;  // Llama 3

}  // namespace

Shape::Shape(const bench::Params& p)
    : layers(p["L"]),
      rows(p["R"]),
      heads(p["H"]),
      kv_heads(p["G"]),
      size(p["D"]),
      positions(p["T"]) {}

std::vector<double> Shape::frequencies() const {
  std::vector<double> all;
  for (std::int64_t i = 0; i < size / 2; ++i) {
    all.push_back(std::pow(kBase, -2.0 * static_cast<double>(i) / static_cast<double>(size)));
  }
  return all;
}

Layer layer_of(const Shape& s, const bench::Io& io, std::int64_t index) {
  const std::int64_t q = index * s.rows * s.width(), kv = index * s.rows * s.kv_width();
  bf16* cache = io.out<bf16>(kCache).data() + index * s.rows / 32 * s.block_numbers();
  return {.q = io.in<float>(kQ).data() + q,
          .k = io.in<float>(kK).data() + kv,
          .v = io.in<float>(kV).data() + kv,
          .o = io.out<float>(kO).data() + q,
          .cache = {.type = paged::Type::kBF16,
                    .kv_heads = s.kv_heads,
                    .head_size = s.size,
                    .data = reinterpret_cast<std::byte*>(cache)}};
}

void turn_q(const Shape& s, const Layer& layer, const rope::Angles& angles) {
  std::memcpy(layer.o, layer.q, static_cast<std::size_t>(s.rows * s.width()) * sizeof(float));
  rope::rotate({.x = layer.o, .rows = s.rows, .heads = s.heads, .head_size = s.size},
               rope::Pairing::kHalves, angles);
}

RotateAndAppend::RotateAndAppend(const Shape& shape)
    : shape_(shape),
      turned_(static_cast<std::size_t>(shape.rows * shape.kv_width())),
      blocks_(static_cast<std::size_t>(shape.rows / 32)) {
  std::iota(blocks_.begin(), blocks_.end(), 0);
}

void RotateAndAppend::run(const Layer& layer, const rope::Angles& angles) {
  turn_q(shape_, layer, angles);
  std::memcpy(turned_.data(), layer.k, turned_.size() * sizeof(float));
  rope::rotate({.x = turned_.data(),
                .rows = shape_.rows,
                .heads = shape_.kv_heads,
                .head_size = shape_.size},
               rope::Pairing::kHalves, angles);
  const paged::Sequence rows{.rows = shape_.rows, .blocks = blocks_};
  paged::append(layer.cache, {&rows, 1}, turned_.data(), layer.v, 0, pool_);
}

Table::Table(const Shape& shape) {
  std::vector<std::int32_t> every(static_cast<std::size_t>(shape.positions));
  std::iota(every.begin(), every.end(), 0);
  rope::make_angles(shape.frequencies(), every, 1.0, all_);
  picked_.pairs = all_.pairs;
  picked_.cosine.resize(static_cast<std::size_t>(shape.rows * all_.pairs));
  picked_.sine.resize(picked_.cosine.size());
}

const rope::Angles& Table::pick(std::span<const std::int32_t> positions) {
  const auto pairs = static_cast<std::size_t>(all_.pairs);
  for (std::size_t r = 0; r < positions.size(); ++r) {
    const std::size_t from = static_cast<std::size_t>(positions[r]) * pairs;
    std::memcpy(picked_.cosine.data() + r * pairs, all_.cosine.data() + from, pairs * 4);
    std::memcpy(picked_.sine.data() + r * pairs, all_.sine.data() + from, pairs * 4);
  }
  return picked_;
}

}  // namespace aisp::labs::ch18::rope_q_cache
