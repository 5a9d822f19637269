// Placing, loading, decoding. See problem.h.
#include <algorithm>
#include <cstring>

#include "kernels/simd/vectors.h"
#include "labs/ch03_system/numa_unaware/problem.h"

namespace aisp::labs::ch03::numa_unaware {
namespace {

using kernels::simd::portable::V;

// 4-wide vectors do 16 flops a load of 64 bytes: three times what memory delivers to one core, so
// wider ones would change nothing.
float dot(const float* a, const float* b, std::int64_t count) {
  V::Reg sums[4] = {};
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (int v = 0; v < 4; ++v) {
      sums[v] = V::fma(V::load(a + i + 4 * v), V::load(b + i + 4 * v), sums[v]);
    }
  }
  float sum = V::sum_of_lanes(V::add(V::add(sums[0], sums[1]), V::add(sums[2], sums[3])));
  for (; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

std::vector<Seat> seats(const std::vector<int>& core_ids,
                        const std::vector<machine::NumaNode>& nodes) {
  std::vector<Seat> all;
  for (const int core : core_ids) {
    std::size_t node = 0;
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      const auto& near = nodes[n].cpus;
      if (std::find(near.begin(), near.end(), core) != near.end()) node = n;
    }
    all.push_back({core, node});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Seat& a, const Seat& b) { return a.node < b.node; });
  return all;
}

Engine::Engine(const bench::Params& params, Placement placement,
               std::vector<machine::NumaNode> nodes)
    : rows_(params["rows"]),
      width_(params["width"]),
      tokens_(params["tokens"]),
      placement_(placement),
      nodes_(std::move(nodes)),
      seats_(seats(machine::cpu().core_ids, nodes_)),
      memory_(static_cast<std::size_t>(rows_ * width_) * sizeof(float)) {
  check(static_cast<int>(seats_.size()) >= pool_.size(), "numa_unaware: a seat for each worker");
  const machine::AffinityGuard guard;
  if (placement_.pinned) {
    pool_.run([&](int worker) {
      machine::pin_thread({&seats_[static_cast<std::size_t>(worker)].cpu, 1});
    });
  }
  switch (placement_.touch) {
    case Touch::kMain:
      memory_.fill();
      break;
    case Touch::kInterleaved:
      machine::interleave_over({memory_.data(), memory_.size_bytes()}, nodes_);
      memory_.fill();
      break;
    case Touch::kRemote:
    case Touch::kLocal:
      pool_.run([this](int worker) { touch_rows(worker); });
      break;
  }
}

// From the worker's own seat, or for a moment from the next node that has cores.
void Engine::touch_rows(int worker) {
  const Seat seat = seats_[static_cast<std::size_t>(worker)];
  if (placement_.touch == Touch::kRemote) {
    std::size_t other = (seat.node + 1) % nodes_.size();
    while (nodes_[other].cpus.empty() && other != seat.node) other = (other + 1) % nodes_.size();
    machine::pin_thread(nodes_[other].cpus);
  }
  const Rows rows = rows_of(worker);
  std::fill(weights() + rows.begin * width_, weights() + rows.end * width_, 1.0f);
  if (placement_.touch == Touch::kRemote) machine::pin_thread({&seat.cpu, 1});
}

Engine::Rows Engine::rows_of(int worker) const {
  return {rows_ * worker / workers(), rows_ * (worker + 1) / workers()};
}

int Engine::node_of_rows(int worker) const {
  return machine::node_of(weights() + rows_of(worker).begin * width_);
}

void Engine::run(const bench::Io& io) {
  const float* loaded_from = io.in<float>(0).data();  // [rows][width]
  const float* x = io.in<float>(1).data();            // [tokens][width]
  float* y = io.out<float>(0).data();                 // [tokens][rows]
  const machine::AffinityGuard guard;
  if (placement_.pinned) machine::pin_thread({&seats_[0].cpu, 1});
  pool_.run([&](int worker) {
    const Rows rows = rows_of(worker);
    std::memcpy(weights() + rows.begin * width_, loaded_from + rows.begin * width_,
                static_cast<std::size_t>((rows.end - rows.begin) * width_) * sizeof(float));
  });
  for (std::int64_t token = 0; token < tokens_; ++token) {
    pool_.run([&](int worker) {
      const Rows rows = rows_of(worker);
      for (std::int64_t row = rows.begin; row < rows.end; ++row) {
        y[token * rows_ + row] = dot(weights() + row * width_, x + token * width_, width_);
      }
    });
  }
}

bench::WhyNot why_not(const machine::Cpu& cpu) { return cpu.numa_nodes > 1 ? "" : "one NUMA node"; }

bench::Technique placed(const char* name, const char* summary, Placement placement) {
  return {.name = name,
          .summary = summary,
          .threads = 0,
          .needs = why_not,
          .plan = [placement](const bench::Params& params) {
            return bench::plan_of([engine = std::make_unique<Engine>(params, placement)](
                                      const bench::Io& io) { engine->run(io); });
          }};
}

}  // namespace aisp::labs::ch03::numa_unaware
