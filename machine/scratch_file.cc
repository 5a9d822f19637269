// See scratch_file.h.
#include "machine/scratch_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/rng.h"

namespace aisp::machine {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20;
constexpr std::size_t kLeastBytes = 16 * kChunk;

struct NamedMagic {
  long magic;
  const char* name;
};
// Source: statfs(2), linux/magic.h.
constexpr NamedMagic kFileSystems[] = {
    {0xef53, "ext2/3/4"},  {0x58465342, "xfs"},     {0x9123683e, "btrfs"},  {0x2fc12fc1, "zfs"},
    {0xf2f52010, "f2fs"},  {0x794c7630, "overlay"}, {0x6969, "nfs"},        {0x65735546, "fuse"},
    {0x01021997, "9p"},    {0xff534d42, "cifs"},    {0x0bd00bd0, "lustre"}, {0x00c36400, "ceph"},
    {0x01021994, "tmpfs"}, {0x858458f6, "ramfs"}};

std::string name_of(long magic) {
  for (const NamedMagic& known : kFileSystems) {
    if (known.magic == magic) return known.name;
  }
  return fmt::format("file system {:#x}", static_cast<unsigned long>(magic));
}

std::string file_system_of(const std::string& folder) {
  struct statfs facts {};
  if (statfs(folder.c_str(), &facts) != 0) return "";
  return name_of(static_cast<long>(facts.f_type));
}

bool in_memory(const std::string& file_system) {
  return file_system == "tmpfs" || file_system == "ramfs";
}

[[noreturn]] void fail(const std::string& what, const std::string& folder) {
  throw Error(what + ": " + std::strerror(errno), folder,
              "name a folder of a disk with room with --disk");
}

// O_TMPFILE, or a name that lives for two system calls during which no signal is delivered.
Descriptor open_nameless(const std::string& folder) {
  Descriptor file(open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file.get() >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return file;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::string name = folder + "/aisp-disk-XXXXXX";
  file = Descriptor(mkostemp(name.data(), O_CLOEXEC));
  const int problem = errno;
  if (file.get() >= 0) unlink(name.c_str());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = problem;
  return file;
}

}  // namespace

std::string default_disk_folder() {
  const char* chosen = std::getenv("TMPDIR");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  for (const char* folder : {"/tmp", "/var/tmp"}) {
    const std::string file_system = file_system_of(folder);
    if (!file_system.empty() && !in_memory(file_system)) return folder;
  }
  return "/tmp";
}

ScratchFile::ScratchFile(const std::string& folder)
    : folder_(folder), file_system_(file_system_of(folder)) {
  if (file_system_.empty()) fail("no file can be made there", folder);
  if (in_memory(file_system_)) {
    throw Error("the folder is in memory (" + file_system_ + "), not on a disk", folder,
                "name one with --disk");
  }
  file_ = open_nameless(folder);
  if (file_.get() < 0) fail("no file can be made there", folder);
}

void ScratchFile::fill(std::size_t limit_bytes, double seconds) {
  struct statfs facts {};
  if (fstatfs(file_.get(), &facts) != 0) fail("its free space is not known", folder_);
  const std::size_t room =
      static_cast<std::size_t>(facts.f_bavail) * static_cast<std::size_t>(facts.f_bsize) / 2;
  const std::size_t most = std::min(limit_bytes, room) / kChunk * kChunk;
  if (most < kLeastBytes) {
    throw Error(fmt::format("less than {} MiB may be written", kLeastBytes / kChunk), folder_,
                "name a folder of a disk with room with --disk");
  }
  std::vector<std::uint64_t> chunk(kChunk / sizeof(std::uint64_t));
  Rng rng(0xd15c);
  const auto start = std::chrono::steady_clock::now();
  while (size_bytes_ < most) {
    for (std::uint64_t& word : chunk) word = rng.next();
    const ssize_t put = pwrite(file_.get(), chunk.data(), kChunk, static_cast<off_t>(size_bytes_));
    if (put != static_cast<ssize_t>(kChunk)) {
      if (put < 0 && errno == EINTR) continue;
      if (put >= 0) errno = ENOSPC;
      fail("the temporary file cannot be written", folder_);
    }
    size_bytes_ += kChunk;
    // Synced on the way: what waits in the page cache would make the last call take all the time.
    if (size_bytes_ % kLeastBytes != 0) continue;
    fdatasync(file_.get());
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    if (spent.count() > seconds) break;
  }
  if (fdatasync(file_.get()) != 0) fail("the temporary file cannot be written", folder_);
}

bool ScratchFile::set_direct(bool direct) {
  return fcntl(file_.get(), F_SETFL, direct ? O_DIRECT : 0) == 0;
}

void ScratchFile::drop() {
  posix_fadvise(file_.get(), 0, 0, POSIX_FADV_DONTNEED);
  warm_ = false;
}

bool ScratchFile::cached() const {
  constexpr std::size_t kPages = 16, kPage = 4096;
  void* const mapped = mmap(nullptr, kPages * kPage, PROT_READ, MAP_SHARED, file_.get(), 0);
  if (mapped == MAP_FAILED) return false;
  unsigned char there[kPages] = {};
  const bool known = mincore(mapped, kPages * kPage, there) == 0;
  munmap(mapped, kPages * kPage);
  return known && std::any_of(there, there + kPages, [](unsigned char p) { return (p & 1) != 0; });
}

void ScratchFile::warm(std::size_t bytes) {
  if (warm_) return;
  std::vector<char> chunk(kChunk);
  for (std::size_t at = 0; at < std::min(bytes, size_bytes_); at += kChunk) {
    if (pread(file_.get(), chunk.data(), kChunk, static_cast<off_t>(at)) < 0) {
      fail("the temporary file cannot be read", folder_);
    }
  }
  warm_ = true;
}

}  // namespace aisp::machine
