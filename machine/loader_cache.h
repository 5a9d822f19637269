// Where the dynamic loader finds a library: the list in /etc/ld.so.cache, read as a file. Nothing
// is loaded, so nothing that a library does at its start can happen to us.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aisp::machine {

struct CachedLibrary {
  std::string name, path;  // "libnccl.so.2", "/usr/lib/x86_64-linux-gnu/libnccl.so.2"
};

/// The 64-bit libraries in the bytes of an ld.so.cache of glibc 2.2 or later; empty when they are
/// none or damaged.
std::vector<CachedLibrary> parse_loader_cache(std::string_view bytes);

}  // namespace aisp::machine
