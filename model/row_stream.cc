// See row_stream.h.
#include "model/row_stream.h"

#include <algorithm>

#include "base/error.h"

namespace aisp::model {

namespace {
constexpr std::int64_t kPieceElements = 1 << 21;  // at most 8 MB of blocks; enough rows for threads
}  // namespace

RowStream::RowStream(GgufWriter& writer, int threads, WriteProgress progress)
    : writer_(writer), pool_(threads), progress_(std::move(progress)) {}

void RowStream::tensor(BlockType type, const std::vector<std::int64_t>& shape,
                       const FillRow& fill) {
  const std::int64_t columns = shape.back();
  std::int64_t rows = 1;
  for (std::size_t i = 0; i + 1 < shape.size(); ++i) rows *= shape[i];
  const auto row_bytes = static_cast<std::size_t>(*stored_bytes(format_of(type), columns));
  const std::int64_t piece = std::max<std::int64_t>(1, kPieceElements / columns);
  for (std::int64_t first = 0; first < rows; first += piece) {
    const std::int64_t count = std::min(piece, rows - first);
    blocks_.resize(row_bytes * static_cast<std::size_t>(count));
    pool_.parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
      std::vector<float> values(static_cast<std::size_t>(columns));
      for (std::int64_t row = begin; row < end; ++row) {
        fill(first + row, values);
        quantize(type, values, blocks_.data() + static_cast<std::size_t>(row) * row_bytes);
      }
    });
    put(blocks_);
  }
}

void RowStream::copy(std::span<const std::byte> bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += kPieceElements) {
    put(bytes.subspan(at, std::min<std::size_t>(kPieceElements, bytes.size() - at)));
  }
}

void RowStream::put(std::span<const std::byte> bytes) {
  writer_.append(bytes);
  done_ += static_cast<std::int64_t>(bytes.size());
  if (progress_ && !progress_(done_, writer_.bytes_declared())) {
    throw Error("was interrupted; nothing is left of it", writer_.path(), "");
  }
}

}  // namespace aisp::model
