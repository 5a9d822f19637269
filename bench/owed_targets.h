// Book targets that no lab answers yet, and why: asked for by name they get their reason instead of
// "no target is called so", and `bench list-targets` ends with them. A target leaves this table in
// the commit that adds its lab (a test says so).
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace aisp::bench {

struct OwedTarget {
  std::string_view name;  // "ch09:cutlass_gemm_fp4"
  std::string_view why;
  std::string_view nearest;  // a lab that asks about the same idea; "" where there is none
};
/// In the order of chapters. Chapters 1, 2 and 6 to 12.
std::span<const OwedTarget> owed_targets();

/// "ch09:cutlass_gemm_fp4: needs FP4 ...; nearest: ch09:tensor_core_gemm", or "" for other names.
std::string why_owed(std::string_view target);

}  // namespace aisp::bench
