// Blocking from cache sizes: pure, so that any machine can be asked about in a test.
// Source: Low, Igual, Smith and Quintana-Orti, "Analytical Modeling Is Enough for High-Performance
// BLIS", TOMS 43 (2016), for which block lives in which cache.
#include <algorithm>

#include "base/check.h"
#include "kernels/gemm/gemm.h"

namespace aisp::kernels::gemm {
namespace {

std::int64_t divide_up(std::int64_t value, std::int64_t by) { return (value + by - 1) / by; }
std::int64_t round_up(std::int64_t value, std::int64_t to) { return divide_up(value, to) * to; }

/// The largest even split of `total` into pieces of at most `limit`, rounded up to `grain`: 1024 in
/// pieces of at most 504 becomes 3 x 342, not 504 + 504 + 16.
std::int64_t even_piece(std::int64_t total, std::int64_t limit, std::int64_t grain) {
  if (total <= limit) return std::max<std::int64_t>(total, 1);
  return std::min(limit, round_up(divide_up(total, divide_up(total, limit)), grain));
}

std::int64_t cache_or(const machine::Cpu& cpu, int level, std::int64_t otherwise) {
  const auto bytes = static_cast<std::int64_t>(cpu.cache_bytes(level));
  return bytes > 0 ? bytes : otherwise;
}

/// L1 finds a line by bits 6 to 11 of its address: rows that start a multiple of 2048 bytes apart
/// share two places, and a panel of them evicts itself.
bool rows_share_sets(std::int64_t stride_elements) { return stride_elements * 4 % 2048 == 0; }

/// Cuts C into `rows` x `columns` cells of whole tiles.
struct Grid {
  std::int64_t rows = 1;
  std::int64_t columns = 1;
};

/// The grid with at most `threads` cells whose largest cell takes least time. Each thread packs for
/// itself: packing an element costs as much as 16 multiply-adds (measured: 0.3 ns at 55 G/s), and
/// sharing packed blocks would cost more where cores do not share an L3 (measured on a virtual
/// machine with 0.5 us from core to core: 512^3 on two threads at 172 GFLOP/s shared, 216 with
/// cells).
Grid choose_grid(const Shape& shape, const TileSize& tile, int threads) {
  Grid best;
  double best_cost = 0.0;
  const std::int64_t most_rows = std::max<std::int64_t>(1, shape.m / tile.rows);
  // A thin product reads B along its rows, which must stay long for the prefetchers.
  const std::int64_t least_columns = shape.m <= 4 ? 512 : tile.columns;
  const std::int64_t most_columns = std::max<std::int64_t>(1, shape.n / least_columns);
  for (std::int64_t rows = 1; rows <= std::min<std::int64_t>(threads, most_rows); ++rows) {
    const std::int64_t columns = std::min<std::int64_t>(threads / rows, most_columns);
    const double m = static_cast<double>(round_up(divide_up(shape.m, rows), tile.rows));
    const double n = static_cast<double>(round_up(divide_up(shape.n, columns), tile.columns));
    const double cost = m * n + 16.0 * (m + n);
    // Rows only where they clearly win: their edges fall between tiles less evenly.
    if (best_cost == 0.0 || cost < 0.97 * best_cost) {
      best = {rows, columns};
      best_cost = cost;
    }
  }
  return best;
}

}  // namespace

int threads_worth(const Shape& shape, std::int64_t products, int threads) {
  // A fork and join of threads that still spin takes 1 to 2 us, and each should work three times as
  // long: 0.5 MFLOP (measured: 96^3 on two threads 158 GFLOP/s, on one 111).
  constexpr double kFlopsPerThread = 0.5e6;
  const double flops = 2.0 * static_cast<double>(products) * static_cast<double>(shape.m) *
                       static_cast<double>(shape.n) * static_cast<double>(shape.k);
  return static_cast<int>(std::clamp(flops / kFlopsPerThread, 1.0, static_cast<double>(threads)));
}

Config choose_config(const Shape& shape, const RowStrides& strides, const TileSize& tile,
                     const machine::Cpu& cpu, int threads) {
  check(threads >= 1 && tile.rows >= 1 && tile.columns >= 1, "gemm: bad tile or thread count");
  const std::int64_t l2 = cache_or(cpu, 2, 256 << 10);
  const std::int64_t a_stride = strides.a != 0 ? strides.a : shape.k;
  const std::int64_t b_stride = strides.b != 0 ? strides.b : shape.n;
  Config config;

  const int worth = threads_worth(shape, 1, threads);
  const Grid grid = choose_grid(shape, tile, worth);
  config.threads = static_cast<int>(grid.rows * grid.columns);
  config.cell_m = std::min(shape.m, round_up(divide_up(shape.m, grid.rows), tile.rows));
  config.cell_n = std::min(shape.n, round_up(divide_up(shape.n, grid.columns), tile.columns));
  if (config.threads > 1) {
    // Several cells for each thread, so that one that is held up leaves work to the others; but not
    // below 1024 columns. High ones: each packs its columns of B once, and A once for 1024 columns.
    // CPU time of 4096^3 on two threads against oneDNN's, on a busy machine, by height of the
    // cells: 0.956 to 0.964 with 1024 (three runs), 0.965 with 2048 (one), 0.971 to 0.979 with 4096
    // (three). Cells of 4096 x 2048, whose blocks of B take 8 MiB of a shared L3: 0.977 (one).
    config.cell_m = even_piece(config.cell_m, 4096, tile.rows);
    if (config.cell_n >= 2048) config.cell_n = even_piece(shape.n, 1024, tile.columns);
  }

  // kc: long passes touch C less often, until a panel of A and one of B outgrow an eighth of L2,
  // from where both stream (measured at 1024^3 on 1 MiB of L2: 256 gives 106 GFLOP/s, 512 gives
  // 108).
  const std::int64_t kc_limit =
      std::clamp<std::int64_t>(l2 / 8 / (4 * (tile.rows + tile.columns)) / 8 * 8, 128, 512);
  config.kc = even_piece(shape.k, kc_limit, 8);

  // mc: a block of A takes half of L2; the other half is for the panels of B and C that pass by.
  config.mc = even_piece(
      config.cell_m,
      std::max<std::int64_t>(l2 / 2 / (4 * config.kc) / tile.rows * tile.rows, tile.rows),
      tile.rows);

  // nc: a block of B takes half of this thread's share of L3, or 2 MiB where there is no L3.
  std::int64_t l3_share = 4 << 20;
  for (const machine::Cache& cache : cpu.data_caches) {
    if (cache.level != 3) continue;
    l3_share = static_cast<std::int64_t>(cache.size_bytes) /
               std::clamp(threads, 1, std::max(1, cache.sharing_cores));
  }
  const std::int64_t nc_limit = l3_share / 2 / (4 * config.kc) / tile.columns * tile.columns;
  config.nc = even_piece(config.cell_n, std::clamp<std::int64_t>(nc_limit, 8 * tile.columns, 8192),
                         tile.columns);

  // Packing B costs a read and a write of each element and is repaid by every row panel. Measured
  // with 4096 x 4096: reading in place wins up to 192 rows (64 rows: 99 to 86 GFLOP/s), packing
  // from 256 rows on. A B within half of L2 is never worth copying (256^3: 113.8 to 109.6).
  const std::int64_t b_bytes = 4 * shape.k * std::min(b_stride, 2 * config.cell_n);
  config.pack_b = config.cell_m > 192 && b_bytes > l2 / 2;

  // The same for A, with the columns in place of the rows.
  const std::int64_t a_bytes = 4 * config.cell_m * a_stride;
  const bool a_in_place = a_bytes <= l2 / 4 && !rows_share_sets(a_stride);
  const bool thin = shape.m <= 4 || config.cell_n <= tile.columns;
  config.pack_a = config.pack_b || !(thin || a_in_place);
  if (shape.m <= 4) config.kc = std::max<std::int64_t>(shape.k, 1);  // thin blocks need no passes
  return config;
}

}  // namespace aisp::kernels::gemm
