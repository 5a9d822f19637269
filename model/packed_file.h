// Packed weights kept on disk beside the model, so that the next start maps them instead of packing
// again: one file with every matrix as kernels/linear/pack.cc wrote it, the same for every
// instruction set. It is used only when it was made of this very model (PackedKey) and every byte
// of it is what was written: opening reads the whole file once, at 15 GB/s a thread, which the
// first token would have to do anyway. So a stale, foreign, cut or damaged file is never used; it
// is told in words and made again.
// The data begin at a multiple of 2 MiB and are written in pieces of that size: the page cache of a
// recent kernel then holds them on huge pages, and they are mapped so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "machine/descriptors.h"
#include "machine/thread_pool.h"
#include "model/layer_tensors.h"
#include "model/mapped_file.h"
#include "model/tensor_file.h"

namespace aisp::model {

/// What the packed weights were made of, as 128 mixed bits: sizes and times of the source's files,
/// each matrix's name, type and shape, and 4 KiB of weights at 512 places. Two models that differ
/// only between those places and have the same sizes and times to the nanosecond have one key: who
/// edits a model in place and sets its time back asks check_packed() (`aisp model check`). Not
/// against an attacker, who could replace the model as well.
struct PackedKey {
  std::uint64_t low = 0, high = 0;
  bool operator==(const PackedKey&) const = default;
};

/// Where a model's packed weights are kept, and what they must be to be used.
struct PackedPlace {
  std::string path;  // "<file>.aisp-packed" beside a file, "<folder>/model.aisp-packed" in a folder
  PackedKey key;
  std::int64_t bytes = 0;             // of data
  std::uint32_t owner = 0, mode = 0;  // of the model's file
};
PackedPlace packed_place(const TensorFile& source, std::span<const Weight* const> matrices,
                         std::int64_t bytes);

class PackedFile {
 public:
  /// Maps and checks it on `pool`. Nothing when it is not there (then `why` is empty) or cannot be
  /// used (then `why` says it in words). A file that belongs to neither this user, the model's
  /// owner nor root is not used.
  static std::optional<PackedFile> open(const PackedPlace& place, machine::ThreadPool& pool,
                                        std::string& why);
  /// As written; aligned to 4096.
  std::span<const std::byte> data() const { return data_; }

 private:
  explicit PackedFile(MappedFile file) : file_(std::move(file)) {}
  MappedFile file_;
  std::span<const std::byte> data_;
};

/// Writes one, readable for whom the model is. The file has no name until finish(): whatever ends
/// the program before leaves nothing behind. Where the folder or the disk refuses, failure() says
/// why and all else does nothing.
class PackedWriter {
 public:
  explicit PackedWriter(PackedPlace place);
  void append(std::span<const std::byte> bytes);
  /// Gives it its name, in place of an older one. All bytes must have come.
  void finish();
  const std::string& failure() const { return failure_; }

 private:
  void put(const void* data, std::size_t size, std::int64_t at);
  void end_piece();

  PackedPlace place_;
  std::int64_t done_ = 0;
  machine::Descriptor file_;
  std::vector<std::byte> piece_;
  std::vector<std::uint64_t> hashes_;
  std::string failure_;
};

/// Held by at most one process for a model, so that two that start together do not both write. Not
/// waited for: who does not get it keeps its packed weights in memory.
class PackingLock {
 public:
  explicit PackingLock(const std::string& model);
  bool held() const { return held_; }

 private:
  machine::Descriptor file_;
  bool held_ = false;
};

}  // namespace aisp::model
