// Reading files and asking what the kernel keeps of them. See page_cache.h.
#include "machine/page_cache.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"

namespace aisp::machine {
namespace {

constexpr const char* kOtherDisk = "set TMPDIR to a folder on a disk (ext4, xfs, btrfs)";

std::string system_error() { return std::strerror(errno); }

// A read-only shared mapping that populates nothing.
class Mapping {
 public:
  Mapping(const File& file, const char* path) : bytes_(file.size_bytes()) {
    memory_ = mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, file.descriptor(), 0);
    if (memory_ == MAP_FAILED) throw Error("cannot map: " + system_error(), path, kOtherDisk);
  }
  ~Mapping() { munmap(memory_, bytes_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  void* memory() const { return memory_; }

 private:
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace

File::File(const char* path, int flags) : descriptor_(open(path, flags | O_CLOEXEC)) {
  if (descriptor_ < 0) throw Error("cannot open: " + system_error(), path, "check the file");
}

File::~File() { close(descriptor_); }

std::size_t File::size_bytes() const {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) throw Error(system_error(), "fstat", "check the disk");
  return static_cast<std::size_t>(status.st_size);
}

void read_all(const File& file, std::span<std::byte> into, std::size_t chunk_bytes) {
  for (std::size_t done = 0; done < into.size();) {
    const std::size_t wanted = std::min(chunk_bytes, into.size() - done);
    const ssize_t got = read(file.descriptor(), into.data() + done, wanted);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error("read failed: " + system_error(), "read", "check the disk");
    if (got == 0) throw Error("the file is shorter than its tensor", "read", "write it again");
    done += static_cast<std::size_t>(got);
  }
}

void read_at(const File& file, std::span<std::byte> into, std::size_t offset) {
  for (std::size_t done = 0; done < into.size();) {
    const ssize_t got = pread(file.descriptor(), into.data() + done, into.size() - done,
                              static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error("read failed: " + system_error(), "pread", "check the disk");
    if (got == 0) throw Error("the file ends too early", "pread", "write it again");
    done += static_cast<std::size_t>(got);
  }
}

std::size_t cached_bytes(const char* path) {
  const File file(path, O_RDONLY);
  const Mapping mapping(file, path);
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> resident((file.size_bytes() + page - 1) / page);
  if (mincore(mapping.memory(), file.size_bytes(), resident.data()) != 0) {
    throw Error("cannot ask for the page cache: " + system_error(), path, kOtherDisk);
  }
  const auto pages = std::count_if(resident.begin(), resident.end(),
                                   [](unsigned char flags) { return (flags & 1) != 0; });
  return static_cast<std::size_t>(pages) * page;
}

void make_cold(const char* path) {
  // Pages still on another core's list of recent additions survive one attempt.
  for (int attempt = 0; attempt < 5; ++attempt) {
    {
      const File file(path, O_RDONLY);
      posix_fadvise(file.descriptor(), 0, 0, POSIX_FADV_DONTNEED);
    }
    if (cached_bytes(path) == 0) return;
    usleep(1000u << attempt);
  }
  throw Error("the file stays in the page cache, so a cold read cannot be measured", path,
              kOtherDisk);
}

void make_warm(const char* path) {
  const File file(path, O_RDONLY);
  if (cached_bytes(path) >= file.size_bytes()) return;
  std::vector<std::byte> contents(file.size_bytes());
  read_all(file, contents, contents.size());
}

}  // namespace aisp::machine
