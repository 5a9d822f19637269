// Small work on each row of a batch, on threads only where it is more than a fork costs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "machine/thread_pool.h"

namespace aisp::model {

/// Calls body(row) for each of the rows, whose work is about as many additions as values_per_row.
template <typename Body>
void each_row(machine::ThreadPool& pool, std::int64_t rows, std::int64_t values_per_row,
              Body body) {
  constexpr std::int64_t kValuesAlone = 1 << 15;  // 10 us of additions
  const auto some = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) body(static_cast<std::size_t>(row));
  };
  if (rows * values_per_row <= kValuesAlone) return some(0, rows);
  pool.parallel_for(rows, 1, some);
}

}  // namespace aisp::model
