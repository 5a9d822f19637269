// The baseline: a buffer of the tensor's size is allocated, the file is read into it, and it is
// copied into the tensor. The buffer is not even zeroed first, but each of its pages is fresh.
// Source: llama.cpp, llama_model_loader::load_all_data without mmap and without a host buffer: a
// std::vector<no_init<uint8_t>> read_buf of the tensor's size, read_raw (fread), then tensor_set.
#include <fcntl.h>

#include <cstdio>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "labs/ch05_storage/storage_cpu/problem.h"

namespace aisp::labs::ch05::storage_cpu {
namespace {

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

void load(const bench::Io& io) {
  const auto out = destination(io);
  const std::unique_ptr<std::FILE, Closer> file(std::fopen(io.in_path(0), "rb"));
  if (file == nullptr) throw Error("cannot open", io.in_path(0), "check the file");
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(out.size());
  if (std::fread(buffer.get(), 1, out.size(), file.get()) != out.size()) {
    throw Error("the file is shorter than its tensor", io.in_path(0), "write it again");
  }
  std::memcpy(out.data(), buffer.get(), out.size());
}

}  // namespace

bench::Technique read_fresh() {
  return {.name = "read_fresh",
          .summary = "fread into a newly allocated buffer, then a copy into the tensor",
          .blocks = true,
          .plan = [](const bench::Params&) { return bench::plan_of(load); }};
}

}  // namespace aisp::labs::ch05::storage_cpu
