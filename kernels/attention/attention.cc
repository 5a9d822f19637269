// Tasks and threads. Prefill: a task is a tile of queries of one head; under a causal mask tiles
// differ in cost by their visible keys, so workers take them from a shared counter, the longest
// first. Decode: a task is up to kGroupRows heads of one group; a single group runs on one thread.
#include "kernels/attention/attention.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <new>
#include <vector>

#include "base/check.h"
#include "kernels/attention/variants.h"

namespace aisp::kernels::attention {
namespace {

struct FreeFloats {
  void operator()(float* floats) const { std::free(floats); }
};
using Floats = std::unique_ptr<float, FreeFloats>;

Floats make_floats(std::size_t count) {
  void* memory = std::aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
  if (memory == nullptr) throw std::bad_alloc();
  return Floats(static_cast<float*>(memory));
}

constexpr std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace

struct AttentionPlan::State {
  Shape shape;
  float scale = 1.0f;
  const Variant* variant = nullptr;
  machine::ThreadPool* pool = nullptr;
  std::unique_ptr<machine::ThreadPool> own_pool;
  std::vector<Floats> scratch;  // one for each thread
  std::int64_t tasks = 0;

  std::int64_t share() const { return shape.heads / shape.kv_heads; }
  bool decodes() const { return shape.queries == 1; }
  std::int64_t tiles() const { return ceil_divide(shape.queries, variant->functions.tile_queries); }
  std::int64_t group_parts() const { return ceil_divide(share(), kGroupRows); }

  void run_task(std::int64_t task, const Arrays& in, float* o, std::int64_t keys,
                float* floats) const {
    const std::int64_t cache = shape.capacity * shape.D, D = shape.D;
    if (decodes()) {
      const std::int64_t kv = task / group_parts(), part = task % group_parts();
      const std::int64_t head = kv * share() + part * kGroupRows;
      variant->functions.group({.q = in.q + head * D,
                                .k = in.k + kv * cache,
                                .v = in.v + kv * cache,
                                .o = o + head * D,
                                .rows = std::min(kGroupRows, share() - part * kGroupRows),
                                .keys = keys,
                                .D = D,
                                .scale = scale},
                               floats);
      return;
    }
    const std::int64_t head = task % shape.heads, tile = tiles() - 1 - task / shape.heads;
    const std::int64_t kv = head / share(), plane = shape.queries * D;
    variant->functions.tile({.q = in.q + head * plane,
                             .k = in.k + kv * cache,
                             .v = in.v + kv * cache,
                             .o = o + head * plane,
                             .queries = shape.queries,
                             .keys = keys,
                             .D = D,
                             .first_query = tile * variant->functions.tile_queries,
                             .causal = shape.causal,
                             .scale = scale},
                            floats);
  }
};

AttentionPlan::AttentionPlan(const Shape& shape, const Options& options)
    : state_(std::make_unique<State>()) {
  check(shape.heads >= 1 && shape.kv_heads >= 1 && shape.heads % shape.kv_heads == 0,
        "attention: kv_heads must divide heads");
  check(shape.queries >= 0 && shape.keys >= 0 && shape.D >= 1, "attention: sizes");
  check(!shape.causal || shape.keys >= shape.queries, "attention: a causal query sees itself");
  check(shape.capacity == 0 || shape.capacity >= shape.keys, "attention: keys beyond capacity");
  check(options.scale >= 0.0f, "attention: the scale must be positive");
  State& s = *state_;
  s.shape = shape;
  if (shape.capacity == 0) s.shape.capacity = shape.keys;
  s.scale = options.scale != 0.0f ? options.scale : 1.0f / std::sqrt(static_cast<float>(shape.D));
  s.variant = &find_variant(options.variant, machine::cpu());
  s.tasks = s.decodes() ? shape.kv_heads * s.group_parts() : shape.heads * s.tiles();
  s.pool = options.pool;
  const int wanted = options.threads == 0 ? machine::cpu().cores : options.threads;
  if (s.pool == nullptr && wanted > 1 && s.tasks > 1) {
    s.own_pool = std::make_unique<machine::ThreadPool>(
        static_cast<int>(std::min<std::int64_t>(wanted, s.tasks)));
    s.pool = s.own_pool.get();
  }
  for (int t = 0; t < threads(); ++t) {
    s.scratch.push_back(make_floats(s.variant->functions.scratch_floats(shape.D)));
  }
}

AttentionPlan::~AttentionPlan() = default;
AttentionPlan::AttentionPlan(AttentionPlan&&) noexcept = default;
AttentionPlan& AttentionPlan::operator=(AttentionPlan&&) noexcept = default;

void AttentionPlan::run(const float* q, const float* k, const float* v, float* o,
                        std::int64_t keys) {
  const State& s = *state_;
  if (keys == 0) keys = s.shape.keys;
  check(keys <= s.shape.capacity && (!s.shape.causal || keys >= s.shape.queries),
        "attention: keys outside of what was planned");
  const Arrays in = {q, k, v};
  if (s.pool == nullptr) {
    for (std::int64_t t = 0; t < s.tasks; ++t) s.run_task(t, in, o, keys, s.scratch[0].get());
    return;
  }
  std::atomic<std::int64_t> next{0};
  s.pool->run([&](int worker) {
    float* floats = s.scratch[static_cast<std::size_t>(worker)].get();
    for (std::int64_t t; (t = next.fetch_add(1, std::memory_order_relaxed)) < s.tasks;) {
      s.run_task(t, in, o, keys, floats);
    }
  });
}

std::string_view AttentionPlan::variant() const { return state_->variant->name; }
int AttentionPlan::threads() const { return state_->pool == nullptr ? 1 : state_->pool->size(); }

}  // namespace aisp::kernels::attention
