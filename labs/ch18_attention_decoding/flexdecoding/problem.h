// Attention of the last R of T tokens under a mask with structure. Params: kind (0 sliding window,
// 1 a prefix that sees itself wholly, causal after it, 2 documents side by side, causal in each),
// W (tokens of the window or of the prefix, or the number of documents), R, T, H query heads, G KV
// heads, D head size. Inputs, f32: q [R,H,D]; k, v [T,G,D]; the same K and V in the engine's
// blocks: `blocks`, found through `tables`, one for each document (one, where they are no
// documents). Output: o [R,H,D]. A technique reads either form. What the mask is follows from the
// sizes, so all techniques may prepare their form of it.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/lab.h"
#include "kernels/eager_attention/ranges.h"
#include "kernels/eager_attention/scatter.h"

namespace aisp::labs::ch18::flexdecoding {

enum Input : std::size_t { kQ, kK, kV, kTables, kBlocks };
enum Output : std::size_t { kO };
enum class Kind : std::int64_t { kWindow, kPrefix, kDocuments };

struct Shape {
  explicit Shape(const bench::Params& params);
  Kind kind;
  std::int64_t W, rows, tokens;
  kernels::eager_attention::Heads heads;

  /// What each row sees: the mask.
  std::vector<kernels::eager_attention::Range> ranges() const;
  /// Where documents begin, and T: one from 0 to T where there are none.
  std::vector<std::int64_t> bounds() const;
  kernels::eager_attention::Scattered cache() const;
  /// Each document's rows to append, or to attend to, with its table.
  std::vector<kernels::paged_attention::Sequence> documents(
      std::span<const std::int32_t> tables) const;
};

bench::Technique mask_matrix();
bench::Technique mask_blocks();
bench::Technique known_structure();

}  // namespace aisp::labs::ch18::flexdecoding
