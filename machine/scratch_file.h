// A file without a name: the kernel removes it when the descriptor is closed, also after SIGKILL.
#pragma once

#include <cstddef>
#include <string>

#include "machine/descriptors.h"

namespace aisp::machine {

class ScratchFile {
 public:
  /// In `folder`. Throws Error when the folder is absent, read-only or in memory (tmpfs).
  explicit ScratchFile(const std::string& folder);

  /// Writes mixed bytes that no disk can compress, up to `limit_bytes`, half of the free space, or
  /// until `seconds` have passed and at least 16 MiB are there; then syncs. Throws Error on
  /// failure.
  void fill(std::size_t limit_bytes, double seconds);

  int get() const { return file_.get(); }
  std::size_t size_bytes() const { return size_bytes_; }  // a multiple of 1 MiB
  const std::string& file_system() const { return file_system_; }

  /// Later reads and writes go past the page cache, or through it. False where it is refused.
  bool set_direct(bool direct);
  /// Forgets all cached pages of the file (it must be synced).
  void drop();
  /// Are the first bytes in the page cache?
  bool cached() const;
  /// Reads the first `bytes` into the page cache unless they have stayed there since.
  void warm(std::size_t bytes);
  /// Pages may have left the cache.
  void changed() { warm_ = false; }

 private:
  Descriptor file_;
  std::string folder_, file_system_;
  std::size_t size_bytes_ = 0;
  bool warm_ = false;
};

/// $TMPDIR, else the first of /tmp and /var/tmp that is not in memory, else /tmp.
std::string default_disk_folder();

}  // namespace aisp::machine
