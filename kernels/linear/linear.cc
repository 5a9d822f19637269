// The loops around the tiles: rows are brought into blocks (rounded or interleaved), then threads
// take runs of panels; a run stays in L2 while all rows pass it. Which thread does what, and how
// rows fall into blocks, changes no bit.
#include "kernels/linear/linear.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "kernels/gemm/parts.h"
#include "kernels/linear/layout.h"
#include "kernels/linear/variants.h"

namespace aisp::kernels::linear {
namespace {

using gemm::divide_up;

// Half of a level-2 cache of 1 MiB (Zen 4; 2 MiB on recent Xeons): a run of panels is read from
// memory once, and rows pass it from level 3 once for each run. Asking memory for the next run
// while the last rows pass this one bought nothing: 16 rows ran at 0.50-0.58 of the peak with it,
// at 0.49-0.61 without. Nor did runs of 30 to 140 KiB, a first block of 12 rows and one of 4, or a
// prefetch in each step in place of one burst a group: within what two runs of one version differ
// by.
constexpr std::int64_t kRunBytes = 512 << 10;
// Runs for each thread, so that the last one to finish leaves the others idle for a tenth at most.
constexpr std::int64_t kRunsPerThread = 10;
// But a run should take several times the 0.1 us that taking it costs: 64 KiB take 2 us to read.
constexpr std::int64_t kLeastRunBytes = 64 << 10;
// Rounding 16,384 numbers takes some 5 us, several times a fork and join.
constexpr std::int64_t kNumbersWorthSharing = 16384;

// Panels of a run, at most: their sums wait in level 2 from slice to slice, 48 KiB.
constexpr std::int64_t kMostPanels = 32;
constexpr std::int64_t kThreadSumsBytes = 2 * kMostPanels * kTileFloats * 4;

/// Rows of X in blocks, in the form that one class of types wants.
struct Operand {
  bool floats = false;
  std::span<const std::int32_t> rows;  // empty: all
  std::int64_t count = 0;
  std::int64_t first = 0;  // byte in the workspace where its blocks begin
  std::int64_t bytes_per_row = 0;
  std::int64_t blocks = 0;

  std::int64_t row_of_block(std::int64_t block) const { return block * count / blocks; }
  int rows_of_block(std::int64_t block) const {
    return static_cast<int>(row_of_block(block + 1) - row_of_block(block));
  }
};

/// Neighbouring panels of a product, or a block of an operand: what a thread takes.
struct Item {
  std::int32_t of = 0;  // product or operand
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

/// Bytes that are written without being read first; they begin on a cache line.
class Bytes {
 public:
  std::byte* data() const { return data_.get(); }
  void reserve(std::int64_t bytes) {
    if (bytes <= size_) return;
    bytes = divide_up(bytes + bytes / 4, 64) * 64;
    data_.reset(static_cast<std::byte*>(std::aligned_alloc(64, static_cast<std::size_t>(bytes))));
    size_ = data_ == nullptr ? 0 : bytes;
    if (data_ == nullptr) {
      throw Error("out of memory for rounded rows", "linear", "give it fewer rows at a time");
    }
  }

 private:
  struct Free {
    void operator()(std::byte* data) const { std::free(data); }
  };
  std::unique_ptr<std::byte, Free> data_;
  std::int64_t size_ = 0;
};

}  // namespace

struct Workspace::State {
  machine::ThreadPool* pool;
  const Variant* variant;
  gemm::WorkShare share;
  Bytes rounded;
  Bytes sums;  // of each thread, for kMostPanels of two matrices
  std::vector<Operand> operands;
  std::vector<std::int32_t> operand_of;  // of each product
  std::vector<Item> items;

  State(machine::ThreadPool& threads, std::string_view name)
      : pool(&threads), variant(&find_variant(name, machine::cpu())), share(threads.size()) {
    sums.reserve(threads.size() * kThreadSumsBytes);
  }

  /// body(item, worker) for every item, on all threads.
  void run(const auto& body) {
    const auto count = static_cast<std::int64_t>(items.size());
    if (share.workers() == 1 || count == 1) {
      for (const Item& item : items) body(item, 0);
      return;
    }
    share.reset();
    const auto work = [&](int worker) {
      for (std::int64_t i = share.take(worker, count); i >= 0; i = share.take(worker, count)) {
        body(items[static_cast<std::size_t>(i)], worker);
      }
    };
    pool->run(std::ref(work));
  }

  std::int32_t operand_for(const Product& product, const Input& input);
  void prepare_rows(const Input& input);
  void share_panels(std::span<const Product> products);
  void multiply_tiles(const Matrix& w, const Item& item, int rows, const std::byte* x,
                      float* out) const;
  void multiply_panels(const Product& product, const Operand& operand, const Item& item,
                       float* sums) const;
};

/// The operand that `product` multiplies: one already there, or another.
std::int32_t Workspace::State::operand_for(const Product& product, const Input& input) {
  const bool floats = is_float(product.w->type);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Operand& other = operands[i];
    if (other.floats == floats && other.rows.data() == product.x_rows.data() &&
        other.rows.size() == product.x_rows.size()) {
      return static_cast<std::int32_t>(i);
    }
  }
  Operand operand{.floats = floats, .rows = product.x_rows};
  operand.count =
      product.x_rows.empty() ? input.rows : static_cast<std::int64_t>(product.x_rows.size());
  operand.bytes_per_row = floats ? (input.k + 1) / 2 * 2 * 4 : input.k / kGroup * kRowGroupBytes;
  operand.blocks = divide_up(operand.count, floats ? variant->float_rows : variant->rows);
  if (!operands.empty()) {
    const Operand& last = operands.back();
    operand.first = divide_up(last.first + last.count * last.bytes_per_row, 64) * 64;
  }
  operands.push_back(operand);
  return static_cast<std::int32_t>(operands.size()) - 1;
}

void Workspace::State::prepare_rows(const Input& input) {
  items.clear();
  std::int64_t numbers = 0;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    numbers += operands[i].count * input.k;
    for (std::int64_t b = 0; b < operands[i].blocks; ++b) {
      items.push_back({static_cast<std::int32_t>(i), b, b + 1});
    }
  }
  const auto body = [&](const Item& item, int) {
    const Operand& operand = operands[static_cast<std::size_t>(item.of)];
    const std::int64_t first = operand.row_of_block(item.begin);
    const float* rows[kMostRows];
    const int count = operand.rows_of_block(item.begin);
    for (int r = 0; r < count; ++r) {
      const std::int64_t row =
          operand.rows.empty() ? first + r : operand.rows[static_cast<std::size_t>(first + r)];
      rows[r] = input.x + row * input.stride;
    }
    const RowBlock block{.rows = rows,
                         .count = count,
                         .k = input.k,
                         .to = rounded.data() + operand.first + first * operand.bytes_per_row};
    (operand.floats ? variant->interleave_rows : variant->round_rows)(block);
  };
  if (numbers >= kNumbersWorthSharing) return run(body);
  for (const Item& item : items) body(item, 0);
}

void Workspace::State::share_panels(std::span<const Product> products) {
  items.clear();
  std::int64_t bytes = 0;
  for (const Product& product : products) {
    bytes += packed_bytes(product.w->type, product.w->n, product.w->k);
  }
  const std::int64_t share_bytes =
      std::max(bytes / (share.workers() * kRunsPerThread), kLeastRunBytes);
  for (std::size_t i = 0; i < products.size(); ++i) {
    const Matrix& w = *products[i].w;
    const std::int64_t panels = panels_of(w.type, w.n);
    // A run that only one block of rows passes need not stay anywhere: longer is a longer stream.
    const bool once = operands[static_cast<std::size_t>(operand_of[i])].blocks <= 1;
    const std::int64_t wanted = once ? share_bytes : std::min(share_bytes, kRunBytes);
    const std::int64_t each = panel_bytes(w.type, w.k) * (products[i].up != nullptr ? 2 : 1);
    const std::int64_t run =
        std::clamp<std::int64_t>(wanted / std::max<std::int64_t>(each, 1), 1, kMostPanels);
    for (std::int64_t p = 0; p < panels; p += run) {
      items.push_back({static_cast<std::int32_t>(i), p, std::min(p + run, panels)});
    }
  }
}

/// `panels` of them, one after the other in every slice; out: kTileFloats for each.
void Workspace::State::multiply_tiles(const Matrix& w, const Item& item, int rows,
                                      const std::byte* x, float* out) const {
  const std::int64_t slices = slices_of(w.type, w.k);
  const std::int64_t x_bytes = rows * (is_float(w.type) ? 4 * kGroup : kRowGroupBytes);
  const Tile tile =
      variant->tiles[static_cast<std::size_t>(w.type)][static_cast<std::size_t>(rows - 1)];
  for (std::int64_t s = 0; s < slices; ++s) {
    const Slice slice = slice_of(w.type, w.n, w.k, s, item.begin);
    TileArgs args{.w = w.data + slice.at,
                  .x = x + slice.first_k / kGroup * x_bytes,
                  .k = slice.k,
                  .out = out,
                  .first = s == 0,
                  .last = s + 1 == slices};
    for (std::int64_t p = item.begin; p < item.end; ++p) {
      tile(args);
      args.w += slice.bytes;
      args.out += kTileFloats;
    }
  }
}

void Workspace::State::multiply_panels(const Product& product, const Operand& operand,
                                       const Item& item, float* sums) const {
  const Matrix& w = *product.w;
  const std::int64_t columns = panel_columns(w.type);
  const std::int64_t y_stride = product.y_stride != 0 ? product.y_stride : w.n;
  const bool gated = product.gate != Gate::kNone;
  float* up_sums = sums + kMostPanels * kTileFloats;
  for (std::int64_t b = 0; b < operand.blocks; ++b) {
    const std::int64_t first = operand.row_of_block(b);
    const int rows = operand.rows_of_block(b);
    const std::byte* x = rounded.data() + operand.first + first * operand.bytes_per_row;
    multiply_tiles(w, item, rows, x, sums);
    // Types may differ, their classes and so their panels do not.
    if (gated) multiply_tiles(*product.up, item, rows, x, up_sums);
    for (std::int64_t p = item.begin; p < item.end; ++p) {
      const std::int64_t column = p * columns;
      float* y[kMostRows];
      for (int r = 0; r < rows; ++r) {
        const std::int64_t row = product.y_rows.empty()
                                     ? first + r
                                     : product.y_rows[static_cast<std::size_t>(first + r)];
        y[r] = product.y + row * y_stride + column;
      }
      variant->finish({.tile = sums + (p - item.begin) * kTileFloats,
                       .up = up_sums + (p - item.begin) * kTileFloats,
                       .panel_columns = columns,
                       .columns = std::min(columns, w.n - column),
                       .rows = rows,
                       .y = y,
                       .bias = product.bias != nullptr ? product.bias + column : nullptr,
                       .up_bias = product.up_bias != nullptr ? product.up_bias + column : nullptr,
                       .accumulate = product.accumulate,
                       .gate = product.gate});
    }
  }
}

namespace {

void check_product(const Product& product, const Input& input) {
  check(product.w != nullptr && product.w->k == input.k, "linear: k of X and W differ");
  check(product.w->n == 0 || product.y != nullptr, "linear: no output");
  check(product.y_stride == 0 || product.y_stride >= product.w->n, "linear: stride below n");
  check(product.x_rows.size() == product.y_rows.size() || product.y_rows.empty() ||
            (product.x_rows.empty() &&
             static_cast<std::int64_t>(product.y_rows.size()) == input.rows),
        "linear: rows in and rows out differ");
  for (const std::int32_t row : product.x_rows) {
    check(row >= 0 && row < input.rows, "linear: no such row of X");
  }
  for (const std::int32_t row : product.y_rows) check(row >= 0, "linear: no such row of Y");
  const bool gated = product.gate != Gate::kNone;
  check(gated == (product.up != nullptr), "linear: a gate is two matrices");
  check(!gated || (product.up->n == product.w->n && product.up->k == product.w->k &&
                   is_float(product.up->type) == is_float(product.w->type)),
        "linear: the matrices of a gate differ");
}

}  // namespace

Workspace::Workspace(machine::ThreadPool& pool, std::string_view variant)
    : state_(std::make_unique<State>(pool, variant)) {}
Workspace::~Workspace() = default;
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;
std::string_view Workspace::variant() const { return state_->variant->name; }

void multiply(Workspace& workspace, const Input& given, std::span<const Product> products) {
  Workspace::State& state = *workspace.state_;
  Input input = given;
  if (input.stride == 0) input.stride = input.k;
  check(input.rows >= 0 && input.k > 0 && input.stride >= input.k, "linear: bad input sizes");
  if (input.rows == 0) return;
  state.operands.clear();
  state.operand_of.clear();
  for (const Product& product : products) {
    check_product(product, input);
    state.operand_of.push_back(state.operand_for(product, input));
  }
  if (products.empty()) return;
  const Operand& last = state.operands.back();
  state.rounded.reserve(last.first + last.count * last.bytes_per_row);
  state.prepare_rows(input);
  state.share_panels(products);
  state.run([&](const Item& item, int worker) {
    const auto i = static_cast<std::size_t>(item.of);
    const auto operand = static_cast<std::size_t>(state.operand_of[i]);
    float* sums = reinterpret_cast<float*>(state.sums.data() + worker * kThreadSumsBytes);
    state.multiply_panels(products[i], state.operands[operand], item, sums);
  });
}

}  // namespace aisp::kernels::linear
