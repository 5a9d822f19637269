// The loops around the tile: blocks of k, shared packing of B, dynamic distribution of the C blocks
// over the threads. See gemm.h for the order to read in.
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
  std::vector<Scratch> packed_b;  // kc x nc, two shared ones, so that packing need not wait
                                  // for the last reader; in a batch one for each thread
  std::vector<Ticket> tickets;    // for each pass: one for packing, one for C blocks
  std::unique_ptr<Barrier> barrier;
  bool threads_take_products = false;  // batch: a whole product for one thread at a time

  void multiply(const Operands& at, int worker, int workers);
  void run_products(std::int64_t count, const auto& operands_of);
  void multiply_block(const Operands& at, const Block& part, std::int64_t row, std::int64_t column,
                      std::int64_t depth, float* a_scratch, bool repack);
  void multiply_direct(const Operands& at, int worker, int workers);
  void multiply_packed(const Operands& at, int worker, int workers);
  void allocate(int threads);
  void reset_tickets();
};

namespace {

/// C is cut into units of at most mc rows and `width` columns; units outnumber the threads four to
/// one where the shape allows it, so that a delayed thread costs a quarter of its share at most.
struct Units {
  std::int64_t row_blocks = 1;
  std::int64_t height = 1;
  std::int64_t column_blocks = 1;
  std::int64_t width = 1;
  std::int64_t count() const { return row_blocks * column_blocks; }
};

Units cut(std::int64_t m, std::int64_t n, std::int64_t mc, const TileSize& tile, int workers) {
  Units units;
  units.height = mc;
  units.row_blocks = divide_up(m, mc);
  units.width = n;
  if (workers > 1) {
    const std::int64_t wanted = 4 * workers;
    // Columns first: cutting them costs nothing but another pass over the same A block.
    // A thin product is bound by reading B, whose rows must stay long for the prefetchers.
    const std::int64_t narrowest = m <= 4 ? 1024 : 2 * tile.columns;
    const std::int64_t most = std::max<std::int64_t>(1, n / narrowest);
    units.column_blocks = std::clamp<std::int64_t>(divide_up(wanted, units.row_blocks), 1, most);
    units.width = divide_up(divide_up(n, units.column_blocks), tile.columns) * tile.columns;
    units.column_blocks = divide_up(n, units.width);
    while (units.count() < wanted && units.height > tile.rows) {
      const std::int64_t smaller = divide_up(units.height / 2, tile.rows) * tile.rows;
      if (smaller >= units.height) break;
      units.height = smaller;
      units.row_blocks = divide_up(m, units.height);
    }
  }
  return units;
}

/// Panels of B that one thread packs at a time: four, as pack_b reads rows of B in runs of four,
/// but fewer when not every thread would get two turns.
std::int64_t panels_at_once(std::int64_t n, std::int64_t tile_columns, int workers) {
  return std::clamp<std::int64_t>(n / tile_columns / (2 * workers), 1, 4);
}

}  // namespace

/// One C block times one pass over k: packs A when asked, then runs the tiles.
void GemmPlan::State::multiply_block(const Operands& at, const Block& part, std::int64_t row,
                                     std::int64_t column, std::int64_t depth, float* a_scratch,
                                     bool repack) {
  Block now = part;
  now.a = at.a + row * strides.a + depth;
  now.a_stride = strides.a;
  if (config.pack_a) {
    if (repack) variant->pack_a(now.m, now.k, now.a, strides.a, a_scratch);
    now.a = a_scratch;
    now.a_stride = 0;
  }
  now.c = at.c + row * strides.c + column;
  now.c_stride = strides.c;
  now.accumulate = depth > 0;
  variant->block(now);
}

/// B is read in place: every C block is independent of the others.
void GemmPlan::State::multiply_direct(const Operands& at, int worker, int workers) {
  const Units units = cut(shape.m, shape.n, config.mc, variant->tile, workers);
  float* a_scratch = packed_a[static_cast<std::size_t>(worker)].data();
  std::int64_t packed_row = -1;
  std::int64_t unit = 0;
  const auto next = [&] { return workers == 1 ? unit++ : tickets[0].take(); };
  for (std::int64_t mine = next(); mine < units.count(); mine = next()) {
    const std::int64_t row = mine / units.column_blocks * units.height;
    const std::int64_t column = mine % units.column_blocks * units.width;
    Block part;
    part.m = std::min(units.height, shape.m - row);
    part.n = std::min(units.width, shape.n - column);
    for (std::int64_t depth = 0; depth < shape.k; depth += config.kc) {
      part.k = std::min(config.kc, shape.k - depth);
      part.b = at.b + depth * strides.b + column;
      part.b_stride = strides.b;
      const bool one_pass = shape.k <= config.kc;
      multiply_block(at, part, row, column, depth, a_scratch, !one_pass || packed_row != row);
      packed_row = row;
    }
  }
}

/// All threads pack a block of B together, then share the C blocks that use it.
void GemmPlan::State::multiply_packed(const Operands& at, int worker, int workers) {
  float* a_scratch = packed_a[static_cast<std::size_t>(worker)].data();
  const std::int64_t tile_columns = variant->tile.columns;
  std::size_t pass = 0;
  for (std::int64_t column = 0; column < shape.n; column += config.nc) {
    const std::int64_t n = std::min(config.nc, shape.n - column);
    const Units units = cut(shape.m, n, config.mc, variant->tile, workers);
    for (std::int64_t depth = 0; depth < shape.k; depth += config.kc, ++pass) {
      const std::int64_t k = std::min(config.kc, shape.k - depth);
      float* b_packed = packed_b[workers == 1 ? static_cast<std::size_t>(worker) : pass % 2].data();
      std::int64_t local = 0;
      const auto next = [&](std::size_t which) {
        return workers == 1 ? local++ : tickets[2 * pass + which].take();
      };
      const std::int64_t chunk = panels_at_once(n, tile_columns, workers) * tile_columns;
      for (std::int64_t j = next(0) * chunk; j < n; j = next(0) * chunk) {
        variant->pack_b(k, std::min(chunk, n - j), at.b + depth * strides.b + column + j, strides.b,
                        b_packed + j * k);
      }
      if (workers > 1) barrier->wait();
      local = 0;
      std::int64_t packed_row = -1;
      for (std::int64_t mine = next(1); mine < units.count(); mine = next(1)) {
        const std::int64_t row = mine / units.column_blocks * units.height;
        const std::int64_t j = mine % units.column_blocks * units.width;
        Block part;
        part.m = std::min(units.height, shape.m - row);
        part.n = std::min(units.width, n - j);
        part.k = k;
        part.b = b_packed + j * k;
        multiply_block(at, part, row, column + j, depth, a_scratch, packed_row != row);
        packed_row = row;
      }
    }
  }
}

void GemmPlan::State::multiply(const Operands& at, int worker, int workers) {
  if (shape.k == 0) {
    if (worker != 0) return;
    for (std::int64_t i = 0; i < shape.m; ++i) {
      std::fill_n(at.c + i * strides.c, shape.n, 0.0f);
    }
  } else if (config.pack_b) {
    multiply_packed(at, worker, workers);
  } else {
    multiply_direct(at, worker, workers);
  }
}

void GemmPlan::State::reset_tickets() {
  for (Ticket& ticket : tickets) ticket.next.store(0, std::memory_order_relaxed);
}

void GemmPlan::State::run_products(std::int64_t count, const auto& operands_of) {
  if (shape.m == 0 || shape.n == 0) return;
  if (pool == nullptr || (config.threads == 1 && !threads_take_products)) {
    for (std::int64_t i = 0; i < count; ++i) multiply(operands_of(i), 0, 1);
    return;
  }
  if (threads_take_products) {
    tickets[0].next.store(0, std::memory_order_relaxed);
    // Sixteen turns for each thread: uneven threads differ by a sixteenth, and the shared counter
    // (50 to 100 ns when it moves between cores) is not met for every tiny product.
    const std::int64_t turn = std::max<std::int64_t>(1, count / (16 * pool->size()));
    pool->run([&](int worker) {
      for (std::int64_t i = tickets[0].take() * turn; i < count; i = tickets[0].take() * turn) {
        for (std::int64_t j = i; j < std::min(count, i + turn); ++j) {
          multiply(operands_of(j), worker, 1);
        }
      }
    });
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    reset_tickets();
    const Operands at = operands_of(i);
    pool->run([&](int worker) {
      if (worker < config.threads) multiply(at, worker, config.threads);
    });
  }
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
  state.threads_take_products = threads > 1 && options.batch >= threads;
  state.config = options.config != nullptr
                     ? *options.config
                     : choose_config(shape, state.strides, state.variant->tile, cpu,
                                     state.threads_take_products ? 1 : threads);
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
  packed_a.resize(static_cast<std::size_t>(threads));
  if (config.pack_a) {
    const std::int64_t panels = divide_up(config.mc, tile.rows);
    for (auto& scratch : packed_a) scratch = Scratch(panels * tile.rows * config.kc);
  }
  std::size_t passes = 1;
  if (config.pack_b) {
    const std::int64_t columns = divide_up(config.nc, tile.columns) * tile.columns;
    packed_b.resize(static_cast<std::size_t>(std::max(2, threads)));
    const std::size_t used = threads_take_products ? packed_b.size() : config.threads > 1 ? 2 : 1;
    for (std::size_t i = 0; i < used; ++i) packed_b[i] = Scratch(columns * config.kc);
    passes =
        static_cast<std::size_t>(divide_up(shape.n, config.nc) * divide_up(shape.k, config.kc));
  }
  tickets = std::vector<Ticket>(std::max<std::size_t>(2 * passes, 1));
  barrier = std::make_unique<Barrier>(config.threads);
}

GemmPlan::~GemmPlan() = default;
GemmPlan::GemmPlan(GemmPlan&&) noexcept = default;
GemmPlan& GemmPlan::operator=(GemmPlan&&) noexcept = default;

void GemmPlan::run(const float* a, const float* b, float* c) {
  state_->run_products(1, [&](std::int64_t) { return Operands{a, b, c}; });
}

void GemmPlan::run_batch(std::span<const Operands> batch) {
  state_->run_products(static_cast<std::int64_t>(batch.size()),
                       [&](std::int64_t i) { return batch[static_cast<std::size_t>(i)]; });
}

void GemmPlan::run_strided(const StridedBatch& batch) {
  state_->run_products(batch.count, [&](std::int64_t i) {
    return Operands{batch.first.a + i * batch.stride_a, batch.first.b + i * batch.stride_b,
                    batch.first.c + i * batch.stride_c};
  });
}

const Config& GemmPlan::config() const { return state_->config; }
std::string_view GemmPlan::variant() const { return state_->variant->name; }
int GemmPlan::threads() const { return static_cast<int>(state_->packed_a.size()); }

}  // namespace aisp::kernels::gemm
