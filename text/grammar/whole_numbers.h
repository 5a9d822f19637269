// Whole numbers between two bounds, digit by digit.
#pragma once

#include <cstdint>
#include <optional>

#include "text/grammar/expression.h"

namespace aisp::text::grammar {

/// Decimal numbers without leading zeros in [low, high], at most 18 digits; no bound where there is
/// none. Bounds are within 1e17; low <= high.
Expression whole_numbers(std::optional<std::int64_t> low, std::optional<std::int64_t> high);

}  // namespace aisp::text::grammar
