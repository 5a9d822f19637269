// Rows of floats kept on disk while one model makes way for the next. The file has no name from the
// start, so whatever ends the program, nothing stays behind.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace aisp::model {

class RowFile {
 public:
  /// In `folder`. Throws Error when nothing can be written there.
  RowFile(const std::string& folder, std::int64_t columns);
  ~RowFile();
  RowFile(const RowFile&) = delete;
  RowFile& operator=(const RowFile&) = delete;

  /// Behind the last row. Throws Error when the disk is full.
  void append(std::span<const float> row);
  /// Thread-safe. 0 <= number < rows(). Throws Error when the disk fails.
  void read(std::int64_t number, std::span<float> row) const;
  std::int64_t rows() const { return rows_; }

 private:
  std::string folder_;
  int file_ = -1;
  std::size_t row_bytes_;
  std::int64_t rows_ = 0;
};

}  // namespace aisp::model
