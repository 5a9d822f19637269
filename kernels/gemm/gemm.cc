// The loops around the tile, and the cells of C that threads take. See gemm.h for the order to read
// in.
#include "kernels/gemm/gemm.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "kernels/gemm/parts.h"
#include "kernels/gemm/variants.h"

namespace aisp::kernels::gemm {

struct GemmPlan::State {
  Shape shape;
  RowStrides strides;
  const Variant* variant = nullptr;
  Config config;
  std::unique_ptr<machine::ThreadPool> own_pool;
  machine::ThreadPool* pool = nullptr;  // null: one thread

  std::vector<Scratch> packed_a;  // for each thread: mc x kc, height padded to whole tiles
  std::vector<Scratch> packed_b;  // for each thread: kc x nc, width padded to whole tiles
  std::unique_ptr<WorkShare> share;
  bool threads_take_products = false;  // batch: a whole product for one thread at a time

  void multiply(const Operands& at, const Shape& cell, int worker);
  void run_products(std::int64_t count, std::int64_t m, const auto& operands_of);
  void clear(const Operands& at, std::int64_t m);
  void allocate(int threads);
};

/// One cell on one thread: a block of B is packed, then block after block of A passes by.
void GemmPlan::State::multiply(const Operands& at, const Shape& cell, int worker) {
  float* a_scratch = packed_a[static_cast<std::size_t>(worker)].data();
  float* b_scratch = packed_b[static_cast<std::size_t>(worker)].data();
  const std::int64_t nc = config.pack_b ? config.nc : cell.n;
  Block part{.c_stride = strides.c};
  for (std::int64_t column = 0; column < cell.n; column += nc) {
    part.n = std::min(nc, cell.n - column);
    for (std::int64_t depth = 0; depth < cell.k; depth += config.kc) {
      part.k = std::min(config.kc, cell.k - depth);
      part.accumulate = depth > 0;
      part.b = at.b + depth * strides.b + column;
      part.b_stride = strides.b;
      if (config.pack_b) {
        variant->pack_b(part.k, part.n, part.b, strides.b, b_scratch);
        part.b = b_scratch;
        part.b_stride = 0;
      }
      for (std::int64_t row = 0; row < cell.m; row += config.mc) {
        part.m = std::min(config.mc, cell.m - row);
        part.a = at.a + row * strides.a + depth;
        part.a_stride = strides.a;
        if (config.pack_a) {
          variant->pack_a(part.m, part.k, part.a, strides.a, a_scratch);
          part.a = a_scratch;
          part.a_stride = 0;
        }
        part.c = at.c + row * strides.c + column;
        variant->block(part);
      }
    }
  }
}

/// The product of vectors of length 0.
void GemmPlan::State::clear(const Operands& at, std::int64_t m) {
  for (std::int64_t i = 0; i < m; ++i) std::fill_n(at.c + i * strides.c, shape.n, 0.0f);
}

/// Work items are cells, of one product of m rows after the other; a batch is cut into products
/// only.
void GemmPlan::State::run_products(std::int64_t count, std::int64_t m, const auto& operands_of) {
  if (m == 0 || shape.n == 0) return;
  if (shape.k == 0) {
    for (std::int64_t i = 0; i < count; ++i) clear(operands_of(i), m);
    return;
  }
  const bool whole = threads_take_products || config.threads == 1;
  const std::int64_t cell_m = whole ? m : config.cell_m;
  const std::int64_t cell_n = whole ? shape.n : config.cell_n;
  const std::int64_t cell_columns = divide_up(shape.n, cell_n);
  const std::int64_t cells = divide_up(m, cell_m) * cell_columns;
  const auto multiply_item = [&](std::int64_t item, int worker) {
    const Operands at = operands_of(item / cells);
    const std::int64_t row = item % cells / cell_columns * cell_m;
    const std::int64_t column = item % cells % cell_columns * cell_n;
    multiply({at.a + row * strides.a, at.b + column, at.c + row * strides.c + column},
             {std::min(cell_m, m - row), std::min(cell_n, shape.n - column), shape.k}, worker);
  };
  run_items(pool, *share, count * cells, multiply_item);
}

GemmPlan::GemmPlan(const Shape& shape, const Options& options) : state_(new State) {
  check(shape.m >= 0 && shape.n >= 0 && shape.k >= 0, "gemm: negative size");
  State& state = *state_;
  state.shape = shape;
  const auto stride = [](std::int64_t given, std::int64_t tight) {
    check(given == 0 || given >= tight, "gemm: row stride shorter than a row");
    return given != 0 ? given : tight;
  };
  state.strides = {stride(options.strides.a, shape.k), stride(options.strides.b, shape.n),
                   stride(options.strides.c, shape.n)};
  const machine::Cpu& cpu = machine::cpu();
  state.variant = &find_variant(options.variant, cpu);
  int threads = options.threads > 0 ? options.threads : cpu.cores;
  if (options.pool != nullptr) threads = std::min(threads, options.pool->size());
  if (options.config == nullptr) threads = threads_worth(shape, options.batch, threads);
  state.threads_take_products = threads > 1 && options.batch >= threads;
  state.config = options.config != nullptr
                     ? *options.config
                     : choose_config(shape, state.strides, state.variant->tile, cpu,
                                     state.threads_take_products ? 1 : threads);
  if (state.config.cell_m == 0) state.config.cell_m = std::max<std::int64_t>(shape.m, 1);
  if (state.config.cell_n == 0) state.config.cell_n = std::max<std::int64_t>(shape.n, 1);
  check(state.config.threads >= 1 && state.config.threads <= threads,
        "gemm: a blocking for more threads than the plan has");
  state.pool = options.pool;
  if (state.pool == nullptr && (state.config.threads > 1 || state.threads_take_products)) {
    state.own_pool = std::make_unique<machine::ThreadPool>(threads);
    state.pool = state.own_pool.get();
  }
  state.allocate(threads);
}

void GemmPlan::State::allocate(int threads) {
  const TileSize& tile = variant->tile;
  share = std::make_unique<WorkShare>(threads_take_products ? threads : config.threads);
  packed_a.resize(static_cast<std::size_t>(share->workers()));
  packed_b.resize(static_cast<std::size_t>(share->workers()));
  const std::int64_t rows = divide_up(config.mc, tile.rows) * tile.rows;
  const std::int64_t columns = divide_up(config.nc, tile.columns) * tile.columns;
  for (std::size_t i = 0; i < packed_a.size(); ++i) {
    if (config.pack_a) packed_a[i] = Scratch(rows * config.kc);
    if (config.pack_b) packed_b[i] = Scratch(columns * config.kc);
  }
}

GemmPlan::~GemmPlan() = default;
GemmPlan::GemmPlan(GemmPlan&&) noexcept = default;
GemmPlan& GemmPlan::operator=(GemmPlan&&) noexcept = default;

void GemmPlan::run(const float* a, const float* b, float* c) { run_rows(state_->shape.m, a, b, c); }

void GemmPlan::run_rows(std::int64_t rows, const float* a, const float* b, float* c) {
  check(rows >= 0 && rows <= state_->shape.m, "gemm: more rows than the plan has");
  state_->run_products(1, rows, [&](std::int64_t) { return Operands{a, b, c}; });
}

void GemmPlan::run_batch(std::span<const Operands> batch) {
  state_->run_products(static_cast<std::int64_t>(batch.size()), state_->shape.m,
                       [&](std::int64_t i) { return batch[static_cast<std::size_t>(i)]; });
}

void GemmPlan::run_strided(const StridedBatch& batch) {
  state_->run_products(batch.count, state_->shape.m, [&](std::int64_t i) {
    return Operands{batch.first.a + i * batch.stride_a, batch.first.b + i * batch.stride_b,
                    batch.first.c + i * batch.stride_c};
  });
}

const Config& GemmPlan::config() const { return state_->config; }
std::string_view GemmPlan::variant() const { return state_->variant->name; }
int GemmPlan::threads() const { return state_->share->workers(); }

}  // namespace aisp::kernels::gemm
