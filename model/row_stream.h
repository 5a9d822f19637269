// Tensors into a GgufWriter, row by row from wherever the rows come: floats are made, turned into
// blocks on all threads and written, a few MB at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "machine/thread_pool.h"
#include "model/gguf.h"

namespace aisp::model {

/// Makes row `row` of a tensor. Called from several threads, each row once; must not throw.
using FillRow = std::function<void(std::int64_t row, std::span<float> out)>;

/// Called between pieces; false ends the writing with an Error.
using WriteProgress = std::function<bool(std::int64_t bytes_done, std::int64_t bytes_all)>;

class RowStream {
 public:
  /// After writer.begin(). threads 0: one per core.
  RowStream(GgufWriter& writer, int threads, WriteProgress progress);

  /// The next tensor. Rows run along the last extent.
  void tensor(BlockType type, const std::vector<std::int64_t>& shape, const FillRow& fill);
  /// The next tensor, as it is.
  void copy(std::span<const std::byte> bytes);

 private:
  void put(std::span<const std::byte> bytes);

  GgufWriter& writer_;
  machine::ThreadPool pool_;
  WriteProgress progress_;
  std::vector<std::byte> blocks_;
  std::int64_t done_ = 0;
};

}  // namespace aisp::model
