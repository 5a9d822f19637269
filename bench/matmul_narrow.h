// Parts of a contract for C = A B in the types of tensor cores (tf32, f16, bf16, e4m3), sums in
// f32. matmul_problem.h is the same for f32. A size "type" says which (as_params).
//
// Source: OCP 8-bit Floating Point Specification (2023) for e4m3; Higham and Mary (2019), as
// base/numeric.h, for the bound.
#pragma once

#include <cstdint>

#include "bench/lab.h"

namespace aisp::bench::matmul {

enum class Narrow : std::int64_t {
  kTf32,  // A, B, C f32; each input may be rounded to 11 significant bits
  kF16,   // A, B, C f16
  kE4M3,  // A, B e4m3 (kU8 holds their bits), C bf16
  kBF16,  // A, B, C bf16
};

inline Narrow narrow(const Params& p) { return static_cast<Narrow>(p["type"]); }
DType input_type(Narrow type);
DType output_type(Narrow type);

/// Input `index` uniform in [-1, 1), rounded to the type.
void fill_narrow(const Io& io, std::size_t index, Narrow type, std::uint64_t seed);

/// Expected C[M,N] = A[M,K] B of the inputs 0 and 1; B stored [N,K] (by columns) or [K,N] (by
/// rows). The scale of an element is s = sqrt(sum (a b)^2), plus what rounding it to C's type may
/// cost.
void reference_by_columns(const Params& p, const Io& io, Expected& expected);
void reference_by_rows(const Params& p, const Io& io, Expected& expected);
/// The same on the GPU: 69 G products of 4096 cubed in some tenths of a second.
void reference_by_columns_on_device(const Params& p, const Io& io,
                                    std::span<const ExpectedOnDevice> outputs);
void reference_by_rows_on_device(const Params& p, const Io& io,
                                 std::span<const ExpectedOnDevice> outputs);
Tolerance narrow_tolerance(Narrow type, std::int64_t k);

/// Of both references: scale = s + narrow_rounding() |c|.
double narrow_rounding(Narrow type, std::int64_t k);

/// 2 M N K flops; A, B and C once.
Work narrow_work(const Params& p);

}  // namespace aisp::bench::matmul
