// The loops around the tile, packed B, and the cells of C that threads take. See gemm_int8.h for
// the order to read in. Blocking is kernels/gemm's, which counts 32-bit words: k words instead of k
// elements.
#include "kernels/gemm_int8/gemm_int8.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "kernels/gemm/parts.h"
#include "kernels/gemm_int8/variants.h"

namespace aisp::kernels::gemm_int8 {
namespace {

using gemm::Config;
using gemm::divide_up;
using gemm::run_items;
using gemm::Scratch;
using gemm::WorkShare;

// A plain B that meets few rows is packed in blocks that stay in L2 (512 words x 256 columns are
// 512 KiB) instead of a copy in memory, which would be written and read again.
constexpr std::int64_t kBlockColumns = 256;
constexpr std::int64_t kRowsForBlocks = 192;

/// The length of a pass, in words; depends on nothing that differs between plans of one k.
std::int64_t pass_words(std::int64_t words, std::int64_t given, const Variant& variant) {
  // m and n that are neither thin nor small: they do not matter here.
  const Config config =
      gemm::choose_config({1024, 1024, words}, {}, variant.tile, machine::cpu(), 1);
  std::int64_t kc = given > 0 ? given : config.kc;
  if (variant.most_words > 0) kc = std::min(kc, variant.most_words);
  return std::max<std::int64_t>(kc, 1);
}

}  // namespace

struct PackedB::State {
  std::int64_t k = 0;
  std::int64_t n = 0;
  AType a_type = AType::kU8;
  const Variant* variant = nullptr;
  std::int64_t words = 0;  // of a column
  std::int64_t kc = 0;     // of them in one pass
  Scratch memory;          // pass after pass, in each the panels of all columns

  std::int64_t passes() const { return divide_up(words, kc); }
  std::int64_t panels() const { return divide_up(n, variant->tile.columns); }
  /// Words of one panel of a pass, its start row included.
  std::int64_t panel_words(std::int64_t pass) const {
    return (std::min(kc, words - pass * kc) + variant->start_rows) * variant->tile.columns;
  }
  /// Where the panel of `column`, a multiple of the tile's width, begins.
  float* panel(std::int64_t pass, std::int64_t column) const {
    const std::int64_t before = pass * (kc + variant->start_rows) * variant->tile.columns;
    return memory.data() + before * panels() + column / variant->tile.columns * panel_words(pass);
  }
  std::int64_t total_words() const {
    return (words + passes() * variant->start_rows) * variant->tile.columns * panels();
  }
};

PackedB::PackedB(std::int64_t k, std::int64_t n, const Options& options) : state_(new State) {
  check(k >= 0 && n >= 0 && options.kc >= 0, "gemm_int8: negative size");
  State& state = *state_;
  state.k = k;
  state.n = n;
  state.a_type = options.a_type;
  state.variant = &find_variant(options.variant, machine::cpu());
  state.words = divide_up(k, state.variant->group);
  state.kc = pass_words(state.words, options.kc, *state.variant);
  state.memory = Scratch(state.total_words());
}

PackedB::~PackedB() = default;
PackedB::PackedB(PackedB&&) noexcept = default;
PackedB& PackedB::operator=(PackedB&&) noexcept = default;

std::int64_t PackedB::bytes() const { return 4 * state_->total_words(); }

void PackedB::pack(const std::int8_t* b, std::int64_t stride, machine::ThreadPool* pool) {
  const State& state = *state_;
  check(stride == 0 || stride >= state.n, "gemm_int8: row stride shorter than a row");
  if (stride == 0) stride = state.n;
  const std::int64_t width = state.variant->tile.columns;
  const auto pack_columns = [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t column = begin * width;
    if (begin >= end) return;
    for (std::int64_t pass = 0; pass < state.passes(); ++pass) {
      const std::int64_t row = pass * state.kc * state.variant->group;
      state.variant->pack_b({.k = std::min(state.kc * state.variant->group, state.k - row),
                             .n = std::min(end * width, state.n) - column,
                             .b = b + row * stride + column,
                             .stride = stride},
                            state.a_type, state.panel(pass, column));
    }
  };
  // Packing 64 KiB takes some 5 us, several times a fork and join.
  if (pool == nullptr || state.k * state.n < (64 << 10)) return pack_columns(0, state.panels());
  // In whole runs of 256 columns; see kRun in simd.inc.
  pool->parallel_for(state.panels(), 256 / width, pack_columns);
}

struct GemmPlan::State {
  Shape shape;
  RowStrides strides;
  AType a_type = AType::kU8;
  const Variant* variant = nullptr;
  Config config;  // in words
  std::unique_ptr<machine::ThreadPool> own_pool;
  machine::ThreadPool* pool = nullptr;  // null: one thread
  std::vector<Scratch> packed_a;        // for each thread: mc x kc words, height of whole tiles
  std::unique_ptr<WorkShare> share;
  // For calls that bring B as it is: all of it packed, or a block of it for each thread.
  std::unique_ptr<PackedB> own_b;
  std::vector<Scratch> packed_b;
  std::vector<float> ones, zeros;  // [n]: scales and bias that a call leaves out

  struct Cell {
    std::int64_t row, column, m, n;
  };
  /// B of one product: packed as a whole, or its rows, packed block by block by each thread.
  struct Right {
    const PackedB::State* packed = nullptr;
    const std::int8_t* rows = nullptr;
    std::int64_t kc = 0;
  };
  void multiply(const void* a, const Right& b, const Block& product, const Cell& cell,
                int worker) const;
  void run(const Operands& at, Block product);
  void finish_empty(const Block& product) const;
};

/// One cell on one thread: block after block of A passes by the panels of B.
void GemmPlan::State::multiply(const void* a, const Right& b, const Block& product,
                               const Cell& cell, int worker) const {
  Block part = product;
  float* a_scratch = packed_a[static_cast<std::size_t>(worker)].data();
  part.a = a_scratch;
  const auto pack_a = a_type == AType::kU8 ? variant->pack_a_u8 : variant->pack_a_s8;
  const auto* rows = static_cast<const std::uint8_t*>(a) + cell.row * strides.a;
  const std::int64_t pass_length = b.kc * variant->group;
  const std::int64_t nc = b.packed != nullptr ? config.nc : kBlockColumns;
  const bool one_a_block = cell.m <= config.mc && shape.k <= pass_length;
  for (std::int64_t j = 0; j < cell.n; j += nc) {
    const std::int64_t column = cell.column + j;
    part.n = std::min(nc, cell.n - j);
    part.column_scales = product.scaled ? product.column_scales + column : nullptr;
    part.bias = product.scaled ? product.bias + column : nullptr;
    for (std::int64_t depth = 0; depth < shape.k; depth += pass_length) {
      const std::int64_t length = std::min(pass_length, shape.k - depth);
      part.k = divide_up(length, variant->group);
      if (b.packed != nullptr) {
        part.b = b.packed->panel(depth / pass_length, column);
      } else {
        float* b_scratch = packed_b[static_cast<std::size_t>(worker)].data();
        variant->pack_b({.k = length,
                         .n = part.n,
                         .b = b.rows + depth * strides.b + column,
                         .stride = strides.b},
                        a_type, b_scratch);
        part.b = b_scratch;
      }
      part.accumulate = depth > 0;
      part.scaled = product.scaled && depth + length == shape.k;
      for (std::int64_t i = 0; i < cell.m; i += config.mc) {
        part.m = std::min(config.mc, cell.m - i);
        if (j == 0 || !one_a_block) {
          pack_a({.m = part.m, .k = length, .a = rows + i * strides.a + depth, .stride = strides.a},
                 a_scratch);
        }
        part.c = product.c + (cell.row + i) * strides.c + column;
        part.row_scales =
            product.row_scales != nullptr ? product.row_scales + cell.row + i : nullptr;
        variant->block(part);
      }
    }
  }
}

/// The product of vectors of length 0: zero, or the bias.
void GemmPlan::State::finish_empty(const Block& product) const {
  for (std::int64_t i = 0; i < shape.m; ++i) {
    // Zeros are the same bits in both types.
    const void* row = product.scaled ? product.bias : zeros.data();
    std::memcpy(product.c + i * strides.c, row, static_cast<std::size_t>(shape.n) * 4);
  }
}

void GemmPlan::State::run(const Operands& at, Block product) {
  const bool is_unsigned = a_type == AType::kU8;
  check(is_unsigned ? at.a_s8 == nullptr : at.a_u8 == nullptr, "gemm_int8: A of another type");
  check((at.b == nullptr) != (at.packed_b == nullptr), "gemm_int8: one B, packed or not");
  Right b{.rows = at.b, .kc = config.kc};
  if (at.packed_b != nullptr) {
    b.packed = at.packed_b->state_.get();
  } else if (own_b != nullptr) {
    own_b->pack(at.b, strides.b, pool);
    b.packed = own_b->state_.get();
  } else {
    check(!packed_b.empty(), "gemm_int8: a plan for packed B got another");
  }
  if (b.packed != nullptr) {
    const PackedB::State& made = *b.packed;
    check(made.k == shape.k && made.n == shape.n && made.a_type == a_type &&
              made.variant == variant && made.kc <= config.kc,
          "gemm_int8: a B packed for another product");
    b.kc = made.kc;
  }
  if (shape.m == 0 || shape.n == 0) return;
  if (shape.k == 0) return finish_empty(product);
  product.c_stride = strides.c;
  const void* a = is_unsigned ? static_cast<const void*>(at.a_u8) : at.a_s8;
  const std::int64_t cell_columns = divide_up(shape.n, config.cell_n);
  const std::int64_t cells = divide_up(shape.m, config.cell_m) * cell_columns;
  run_items(pool, *share, cells, [&](std::int64_t item, int worker) {
    const std::int64_t row = item / cell_columns * config.cell_m;
    const std::int64_t column = item % cell_columns * config.cell_n;
    multiply(a, b, product,
             {row, column, std::min(config.cell_m, shape.m - row),
              std::min(config.cell_n, shape.n - column)},
             worker);
  });
}

GemmPlan::GemmPlan(const Shape& shape, const Options& options) : state_(new State) {
  check(shape.m >= 0 && shape.n >= 0 && shape.k >= 0, "gemm_int8: negative size");
  State& state = *state_;
  state.shape = shape;
  state.a_type = options.a_type;
  const auto stride = [](std::int64_t given, std::int64_t tight) {
    check(given == 0 || given >= tight, "gemm_int8: row stride shorter than a row");
    return given != 0 ? given : tight;
  };
  state.strides = {stride(options.strides.a, shape.k), stride(options.strides.b, shape.n),
                   stride(options.strides.c, shape.n)};
  const machine::Cpu& cpu = machine::cpu();
  state.variant = &find_variant(options.variant, cpu);
  const gemm::TileSize& tile = state.variant->tile;
  const Shape words = {shape.m, shape.n, divide_up(shape.k, state.variant->group)};
  int threads = options.threads > 0 ? options.threads : cpu.cores;
  if (options.pool != nullptr) threads = std::min(threads, options.pool->size());
  if (options.config == nullptr) threads = gemm::threads_worth(words, 1, threads);
  Config& config = state.config;
  config = options.config != nullptr ? *options.config
                                     : gemm::choose_config(words, {}, tile, cpu, threads);
  if (config.cell_m == 0) config.cell_m = std::max<std::int64_t>(shape.m, 1);
  if (config.cell_n == 0) config.cell_n = std::max<std::int64_t>(shape.n, 1);
  check(config.cell_n % tile.columns == 0 || config.cell_n >= shape.n,
        "gemm_int8: a cell must hold whole tiles");
  config.nc = divide_up(config.nc, tile.columns) * tile.columns;
  config.kc = pass_words(words.k, options.kc, *state.variant);
  check(config.threads >= 1 && config.threads <= threads && config.mc > 0 && config.nc > 0,
        "gemm_int8: an impossible blocking");

  state.pool = config.threads > 1 ? options.pool : nullptr;
  if (config.threads > 1 && state.pool == nullptr) {
    state.own_pool = std::make_unique<machine::ThreadPool>(config.threads);
    state.pool = state.own_pool.get();
  }
  state.share = std::make_unique<WorkShare>(config.threads);
  for (int i = 0; i < config.threads; ++i) {
    state.packed_a.emplace_back(divide_up(config.mc, tile.rows) * tile.rows * config.kc);
  }
  if (options.always_packed) {
  } else if (shape.m <= kRowsForBlocks && config.cell_m >= shape.m) {
    const std::int64_t words_and_start = config.kc + state.variant->start_rows;
    for (int i = 0; i < config.threads; ++i) {
      state.packed_b.emplace_back(words_and_start * kBlockColumns);
    }
  } else {
    state.own_b = std::make_unique<PackedB>(
        shape.k, shape.n,
        PackedB::Options{.a_type = options.a_type, .variant = options.variant, .kc = options.kc});
  }
  state.ones.assign(static_cast<std::size_t>(shape.n), 1.0f);
  state.zeros.assign(static_cast<std::size_t>(shape.n), 0.0f);
}

GemmPlan::~GemmPlan() = default;
GemmPlan::GemmPlan(GemmPlan&&) noexcept = default;
GemmPlan& GemmPlan::operator=(GemmPlan&&) noexcept = default;

void GemmPlan::run(const Operands& at, std::int32_t* c) { state_->run(at, {.c = c}); }

void GemmPlan::run_scaled(const Operands& at, const Scales& scales, float* c) {
  // The sums live in C until they are scaled, as bits: all access is through memcpy or intrinsics.
  state_->run(at,
              {.c = reinterpret_cast<std::int32_t*>(c),
               .scaled = true,
               .row_scales = scales.rows,
               .column_scales = scales.columns != nullptr ? scales.columns : state_->ones.data(),
               .bias = scales.bias != nullptr ? scales.bias : state_->zeros.data()});
}

std::string_view GemmPlan::variant() const { return state_->variant->name; }
int GemmPlan::threads() const { return state_->config.threads; }

}  // namespace aisp::kernels::gemm_int8
