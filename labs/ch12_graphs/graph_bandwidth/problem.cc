// The tensors of the model. See problem.h.
#include "labs/ch12_graphs/graph_bandwidth/problem.h"

namespace aisp::labs::ch12::graph_bandwidth {

std::vector<Piece> pieces(const bench::Params& p) {
  const auto width = p["width"], mlp = p["mlp"];
  std::vector<Piece> all;
  std::int64_t from = 0, to = 0;
  const auto add = [&](std::int64_t count) {
    all.push_back({from, to, count});
    from += (count + 127) / 128 * 128;
    to += count;
  };
  for (std::int64_t layer = 0; layer < p["layers"]; ++layer) {
    for (const auto count : {width, width, 3 * width, width, width, width, mlp, width}) add(count);
    if (p["matrices"] == 0) continue;
    for (const auto rows : {3 * width, width, mlp, mlp}) add(rows * width);
  }
  return all;
}

}  // namespace aisp::labs::ch12::graph_bandwidth
