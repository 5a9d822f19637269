// Softmax of every row: y[r][i] = e^(x[r][i] - max_r) / sum_r. Input x[rows][n], output y[rows][n],
// f32. Masked elements are -inf and give 0; a row of nothing but -inf gives NaN (0/0), as in
// PyTorch. The SIMD techniques are adapters to kernels/softmax.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "bench/lab.h"
#include "kernels/softmax/softmax.h"

namespace aisp::labs::ch09::online_softmax {

/// The rows of one call.
kernels::softmax::Rows rows_of(const bench::Params& params, const bench::Io& io);

/// A plan that runs a plain loop on one row after another.
using RowLoop = void (*)(const float* x, float* y, std::size_t n);
std::unique_ptr<bench::Plan> plan_rows(const bench::Params& params, RowLoop loop);

/// The kernel's variant called `variant`, on one thread, as a technique.
bench::Technique kernel_variant(const char* name, const char* summary, std::string_view variant);

/// oneDNN's softmax primitive; threads as in Technique.
bench::Technique peer(const char* name, const char* summary, int threads);

bench::Technique three_pass();
bench::Technique online();
bench::Technique three_pass_simd();
bench::Technique online_portable();
bench::Technique online_avx2();
bench::Technique online_avx512();
bench::Technique online_threads();
bench::Technique onednn();
bench::Technique onednn_threads();

// On the GPU; x is read three times, twice, or once.
std::unique_ptr<bench::Plan> plan_three_pass_block(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_online_block(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_online_warp(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_row_on_chip(const bench::Params& params);

}  // namespace aisp::labs::ch09::online_softmax
