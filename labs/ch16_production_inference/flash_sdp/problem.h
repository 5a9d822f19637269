// Causal attention of R new rows after C tokens that are cached: a prompt (C = 0), or a piece of
// one. Params: R, C, H query heads, G KV heads, D head size. Inputs, f32: q [R,H,D]; k, v
// [C+R,G,D]; the same K and V in the engine's blocks (`blocks`, found through `table`), where
// appending has put them. Output: o [R,H,D]. A technique reads either form.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/lab.h"
#include "kernels/eager_attention/ranges.h"
#include "kernels/eager_attention/scatter.h"

namespace aisp::labs::ch16::flash_sdp {

enum Input : std::size_t { kQ, kK, kV, kTable, kBlocks };
enum Output : std::size_t { kO };

struct Shape {
  explicit Shape(const bench::Params& params);
  std::int64_t rows, context;
  kernels::eager_attention::Heads heads;
  kernels::eager_attention::Scattered cache;
  std::int64_t tokens() const { return context + rows; }
  /// What each row sees: itself and everything before it.
  std::vector<kernels::eager_attention::Range> ranges() const;
};

bench::Technique score_matrix();
bench::Technique row_blocks();
bench::Technique online_tiles();
bench::Technique online_chunks();
bench::Technique online_chunks_threads();

/// Library calls over blocks of so many rows (0: all); the engine's kernel with so many threads.
bench::Technique by_matrix(const char* name, const char* summary, std::int64_t together);
bench::Technique by_chunks(const char* name, const char* summary, int threads);

}  // namespace aisp::labs::ch16::flash_sdp
