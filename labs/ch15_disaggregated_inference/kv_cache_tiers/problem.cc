// Blocks in a mapped temporary file. See problem.h.
// Source: mmap(2), posix_fallocate(3), madvise(2); open(2), O_TMPFILE.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "labs/ch15_disaggregated_inference/kv_cache_tiers/problem.h"
#include "machine/page_cache.h"

namespace aisp::labs::ch15::kv_cache_tiers {
namespace {

constexpr std::size_t kPage = 4096;
constexpr long kTmpfs = 0x01021994, kRamfs = 0x858458f6;  // magic numbers of statfs(2)

std::string folder() { return std::filesystem::temp_directory_path().string(); }

[[noreturn]] void refused(const char* what, int reason) {
  throw Error(std::string(what) + ": " + std::strerror(reason), folder(),
              "set TMPDIR to a folder with room");
}

}  // namespace

std::string no_disk_for_temporary_files() {
  struct statfs system {};
  if (statfs(folder().c_str(), &system) != 0) return "no folder for temporary files";
  const bool in_memory = system.f_type == kTmpfs || system.f_type == kRamfs;
  return in_memory ? "temporary files live in memory: set TMPDIR to a folder on a disk" : "";
}

MappedBlocks::MappedBlocks(std::int64_t blocks, std::size_t block_bytes)
    : block_bytes_((block_bytes + kPage - 1) / kPage * kPage),
      bytes_(static_cast<std::size_t>(blocks) * block_bytes_) {
  std::string name = folder() + "/aisp-kv-XXXXXX";
  descriptor_ = mkostemp(name.data(), O_CLOEXEC);
  if (descriptor_ < 0) refused("no temporary file", errno);
  unlink(name.c_str());
  // Space that is only promised would end the process when the disk is full.
  const int full = posix_fallocate(descriptor_, 0, static_cast<off_t>(bytes_));
  void* const mapping =
      full != 0 ? MAP_FAILED
                : mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
  if (mapping == MAP_FAILED) {
    const int reason = full != 0 ? full : errno;
    close(descriptor_);
    refused("no mapped file for blocks", reason);
  }
  data_ = static_cast<std::byte*>(mapping);
}

MappedBlocks::~MappedBlocks() {
  munmap(data_, bytes_);
  close(descriptor_);
}

std::span<std::byte> MappedBlocks::block(serve::BlockId id) const {
  return {data_ + static_cast<std::size_t>(id) * block_bytes_, block_bytes_};
}

recorded::HostBlocks MappedBlocks::host() const {
  return {.store =
              [this](serve::BlockId id, std::span<const std::byte> from) {
                std::ranges::copy(from, block(id).begin());
              },
          .load =
              [this](serve::BlockId id, std::span<std::byte> to) {
                std::ranges::copy(block(id).first(to.size()), to.begin());
              }};
}

void MappedBlocks::to_disk() const {
  madvise(data_, bytes_, MADV_DONTNEED);  // mapped pages would stay
  machine::make_cold(("/proc/self/fd/" + std::to_string(descriptor_)).c_str());
}

}  // namespace aisp::labs::ch15::kv_cache_tiers
