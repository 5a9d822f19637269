// Transpose of a row-major f32 matrix: in[rows][cols] -> out[cols][rows]. What the techniques
// share: the description of one call, and the adapter to the kernel's variants.
#pragma once

#include <cstdint>

#include "bench/lab.h"
#include "kernels/transpose/transpose.h"

namespace aisp::labs::ch07::transpose {

using kernels::transpose::Shape;
using kernels::transpose::Store;

inline Shape shape_of(const bench::Params& params) { return {params["rows"], params["cols"]}; }

inline kernels::transpose::Request request_of(const bench::Io& io, const Shape& shape) {
  return {io.in<float>(0).data(), io.out<float>(0).data(), shape, {shape.cols, shape.rows}};
}

/// A technique that runs one variant of the kernel on one thread. `stream`: with the kernel's
/// choice of stores; otherwise always through the caches.
bench::Technique one_variant(const char* name, const char* summary, const char* variant,
                             bool stream);

bench::Technique row_walk();
bench::Technique blocked();
bench::Technique tile();
bench::Technique padded_tile();
bench::Technique staged_stream_avx2();
bench::Technique registers_avx512();
bench::Technique stream_avx512();
bench::Technique stream_threads();

// On the GPU.
bench::Technique packs_in_registers();
std::unique_ptr<bench::Plan> plan_strided_writes(const bench::Params&);
std::unique_ptr<bench::Plan> plan_shared_tile(const bench::Params&);
std::unique_ptr<bench::Plan> plan_shared_tile_padded(const bench::Params&);
std::unique_ptr<bench::Plan> plan_shared_tile_swizzled(const bench::Params&);
std::unique_ptr<bench::Plan> plan_float4_tiles(const bench::Params&);

}  // namespace aisp::labs::ch07::transpose
