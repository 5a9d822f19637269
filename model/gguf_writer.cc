// See gguf.h.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/check.h"
#include "base/error.h"
#include "model/gguf.h"

namespace aisp::model {
namespace {

constexpr std::int64_t kAlignment = 32;

std::int64_t padded(std::int64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

void put_text(std::string& out, const std::string& text) {
  put(out, static_cast<std::uint64_t>(text.size()));
  out += text;
}

// The low bytes of a number are the number, little endian.
void put_integer(std::string& out, MetaType type, std::int64_t value) {
  out.append(reinterpret_cast<const char*>(&value), static_cast<std::size_t>(stored_size(type)));
}

void put_float(std::string& out, MetaType type, double value) {
  if (type == MetaType::kF32) {
    put(out, static_cast<float>(value));
  } else {
    put(out, value);
  }
}

struct PutValue {
  std::string& out;
  MetaType type;
  void operator()(std::int64_t v) const { put_integer(out, type, v); }
  void operator()(double v) const { put_float(out, type, v); }
  void operator()(const std::string& v) const { put_text(out, v); }
  template <class T>
  void operator()(const std::vector<T>& values) const {
    put(out, static_cast<std::uint32_t>(type));
    put(out, static_cast<std::uint64_t>(values.size()));
    for (const T& v : values) (*this)(v);
  }
};

}  // namespace

GgufWriter::GgufWriter(std::string path)
    : path_(std::move(path)), part_(path_ + ".part-" + std::to_string(getpid())) {
  file_ = machine::Descriptor(open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file_.get() < 0) {
    throw Error(std::string("cannot be written: ") + std::strerror(errno), part_,
                "name a file in a folder that is there and can be written to");
  }
}

GgufWriter::~GgufWriter() {
  if (!finished_) unlink(part_.c_str());
}

void GgufWriter::declare(std::string name, BlockType type, std::vector<std::int64_t> shape) {
  check(!begun_, "a tensor was declared after the head was written");
  check(!shape.empty() && shape.size() <= 4, "a GGUF tensor has 1 to 4 dimensions");
  std::int64_t elements = 1;
  for (const std::int64_t extent : shape) {
    check(extent > 0 && extent <= kMaxElements / elements, "a tensor's shape");
    elements *= extent;
  }
  const BlockFormat& format = format_of(type);
  check(shape.back() % format.elements == 0, "rows are whole blocks");
  tensors_.push_back({std::move(name), type, std::move(shape), *stored_bytes(format, elements)});
}

std::int64_t GgufWriter::bytes_declared() const {
  std::int64_t sum = 0;
  for (const Declared& tensor : tensors_) sum += padded(tensor.bytes);
  return sum;
}

void GgufWriter::begin() {
  metadata_.remove("general.alignment");  // ours is the format's own
  std::string head;
  put(head, std::uint32_t{0x46554747});
  put(head, std::uint32_t{3});
  put(head, static_cast<std::uint64_t>(tensors_.size()));
  put(head, static_cast<std::uint64_t>(metadata_.all().size()));
  for (const auto& [key, value] : metadata_.all()) {
    put_text(head, key);
    put(head, static_cast<std::uint32_t>(value.is_array ? MetaType::kArray : value.type));
    std::visit(PutValue{head, value.type}, value.value);
  }
  std::int64_t offset = 0;
  for (const Declared& tensor : tensors_) {
    put_text(head, tensor.name);
    put(head, static_cast<std::uint32_t>(tensor.shape.size()));
    for (std::size_t d = tensor.shape.size(); d-- > 0;) put(head, tensor.shape[d]);
    put(head, static_cast<std::uint32_t>(tensor.type));
    put(head, static_cast<std::uint64_t>(offset));
    offset += padded(tensor.bytes);
  }
  head.resize(static_cast<std::size_t>(padded(static_cast<std::int64_t>(head.size()))), '\0');
  // A full disk is better met now than after minutes. Where the file system cannot reserve, write()
  // will say it.
  const auto size = static_cast<off_t>(head.size()) + static_cast<off_t>(offset);
  if (fallocate(file_.get(), 0, 0, size) != 0 && errno == ENOSPC) {
    throw Error("has no room for " + std::to_string(size) + " bytes", path_,
                "free disk space or name another folder");
  }
  begun_ = true;
  write(head.data(), head.size());
}

void GgufWriter::append(std::span<const std::byte> bytes) {
  check(begun_ && current_ < tensors_.size(), "bytes without a tensor");
  const std::int64_t size = tensors_[current_].bytes;
  in_current_ += static_cast<std::int64_t>(bytes.size());
  check(in_current_ <= size, "more bytes than the tensor has");
  write(bytes.data(), bytes.size());
  if (in_current_ < size) return;
  constexpr char kZeros[kAlignment] = {};
  write(kZeros, static_cast<std::size_t>(padded(size) - size));
  ++current_;
  in_current_ = 0;
}

void GgufWriter::finish() {
  check(begun_ && current_ == tensors_.size(), "a tensor without its bytes");
  if (fsync(file_.get()) != 0 || std::rename(part_.c_str(), path_.c_str()) != 0) {
    throw Error(std::string("cannot be written: ") + std::strerror(errno), path_,
                "free disk space or name another folder");
  }
  finished_ = true;
}

void GgufWriter::write(const void* data, std::size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t done = ::write(file_.get(), at, size);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) {
      throw Error(std::string("cannot be written: ") + std::strerror(errno), path_,
                  "free disk space or name another folder");
    }
    at += done;
    size -= static_cast<std::size_t>(done);
  }
}

}  // namespace aisp::model
