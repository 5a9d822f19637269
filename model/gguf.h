// GGUF files, versions 2 and 3, little endian: read by mapping, written in one pass.
// Layout: head (counts, named values, tensors' names, shapes, types, offsets), then the tensors'
// bytes, each at a multiple of the alignment. A split model is several such files.
// Source: github.com/ggml-org/ggml, docs/gguf.md.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "machine/descriptors.h"
#include "model/tensor_file.h"

namespace aisp::model {

/// Opens and checks everything but the weights' values. The file may come from a stranger: no size
/// in it is believed before it was compared with the file's own. Of a split model
/// ("-00001-of-00003.gguf") the first part is named and the others lie beside it. Values that are
/// arrays of arrays are not read (no published model has one). Throws Error. Cost: the head only, a
/// few ms for 100000 tokens.
TensorFile open_gguf(const std::string& path);

/// The head of a file of `bytes`, for tests and fuzzing: as open_gguf, of memory that outlives the
/// result.
TensorFile parse_gguf(const std::string& name, std::span<const std::byte> bytes);

/// Writes a GGUF version 3 file: values and tensors are declared, then the tensors' bytes follow in
/// their order, in pieces of any size. The file appears under its name, complete, by finish();
/// until then, and after an error, there is only "<name>.part-<pid>", which the destructor removes.
class GgufWriter {
 public:
  /// Throws Error when the folder cannot be written to.
  explicit GgufWriter(std::string path);
  ~GgufWriter();
  GgufWriter(const GgufWriter&) = delete;
  GgufWriter& operator=(const GgufWriter&) = delete;

  const std::string& path() const { return path_; }
  Metadata& metadata() { return metadata_; }
  /// shape: slowest first, 1 to 4 extents, the last a multiple of the type's block.
  void declare(std::string name, BlockType type, std::vector<std::int64_t> shape);
  /// Writes the head and reserves the disk space. Throws Error when it is not there.
  void begin();
  /// The next bytes of the tensors' data, without padding; may end inside a tensor and begin the
  /// next one only at a call's start.
  void append(std::span<const std::byte> bytes);
  /// Checks that all is there, syncs, and gives the file its name. Throws Error.
  void finish();

  std::int64_t bytes_declared() const;

 private:
  struct Declared {
    std::string name;
    BlockType type;
    std::vector<std::int64_t> shape;
    std::int64_t bytes;
  };
  void write(const void* data, std::size_t size);

  std::string path_, part_;
  machine::Descriptor file_;
  Metadata metadata_;
  std::vector<Declared> tensors_;
  std::size_t current_ = 0;      // tensor that append() is in
  std::int64_t in_current_ = 0;  // bytes of it that are written
  bool begun_ = false, finished_ = false;
};

}  // namespace aisp::model
