// What the .cu files offer to the tables of points, by number: the same numbers in both.
#pragma once

#include <memory>
#include <type_traits>

#include "tune/tunable.h"

namespace aisp::tune {

/// `function` with all but its first argument given; null where AISP_DEVICE() left none.
template <class Function, class... Rest>
auto with(Function function, Rest... rest) {
  if constexpr (std::is_same_v<Function, std::nullptr_t>) {
    return nullptr;
  } else {
    return [=](const bench::Params& params) { return function(params, rest...); };
  }
}

/// swiglu.cu: `threads` and `unroll` as listed in swiglu.cc, `shared_bytes` asked for and not used.
std::unique_ptr<bench::Plan> plan_swiglu(const bench::Params&, int threads, int unroll,
                                         int shared_bytes);
Occupancy occupancy_swiglu(const bench::Params&, int threads, int unroll, int shared_bytes);

/// router.cu: bounds of `threads` and at least `blocks` of them on a multiprocessor.
std::unique_ptr<bench::Plan> plan_router(const bench::Params&, int threads, int blocks);
Occupancy occupancy_router(const bench::Params&, int threads, int blocks);

/// softmax.cu: kernels/softmax_cuda with `packs` of 16 bytes a thread and `rows` rows a block;
/// sizes that a point does not fit run as the kernel would choose.
std::unique_ptr<bench::Plan> plan_softmax(const bench::Params&, int packs, int rows);
Occupancy occupancy_softmax(const bench::Params&, int packs, int rows);

/// sgemm.cu: tile number `index` of kSgemmTiles.
struct SgemmTile {
  int rows, columns, depth, rows_each, columns_each;
  constexpr int threads() const { return rows / rows_each * (columns / columns_each); }
};
inline constexpr SgemmTile kSgemmTiles[] = {
    {128, 128, 8, 8, 8}, {128, 128, 16, 8, 8}, {128, 64, 8, 8, 4}, {128, 64, 16, 8, 4},
    {64, 64, 8, 4, 4},   {64, 64, 16, 4, 4},   {64, 64, 8, 8, 8},  {32, 64, 16, 4, 4}};
std::unique_ptr<bench::Plan> plan_sgemm(const bench::Params&, int index);
Occupancy occupancy_sgemm(const bench::Params&, int index);

}  // namespace aisp::tune
