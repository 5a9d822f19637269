// The format of ld.so.cache. See loader_cache.h.
// Source: glibc sysdeps/generic/dl-cache.h (struct cache_file_new, struct file_entry_new).
#include "machine/loader_cache.h"

#include <cstdint>
#include <cstring>

namespace aisp::machine {
namespace {

// Files of before 2.32 carry an older list in front of this mark.
constexpr std::string_view kMark = "glibc-ld.so.cache1.1";
constexpr std::size_t kHeaderBytes = 48, kEntryBytes = 24;

std::uint32_t word(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  if (at + sizeof value <= bytes.size()) std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// The text that ends with a NUL at `at`; empty when it runs out of the file.
std::string text(std::string_view bytes, std::size_t at) {
  if (at >= bytes.size()) return "";
  const std::size_t end = bytes.find('\0', at);
  return end == std::string_view::npos ? "" : std::string(bytes.substr(at, end - at));
}

}  // namespace

std::vector<CachedLibrary> parse_loader_cache(std::string_view bytes) {
  std::vector<CachedLibrary> found;
  const std::size_t start = bytes.find(kMark);
  if (start == std::string_view::npos) return found;
  bytes.remove_prefix(start);
  const std::size_t count = word(bytes, kMark.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = kHeaderBytes + i * kEntryBytes;
    if (at + kEntryBytes > bytes.size()) break;
    // The upper byte names the kind of 64-bit library (x86-64: 3, AArch64: 10); 0: a 32-bit one.
    if ((word(bytes, at) & 0xff00) == 0) continue;
    CachedLibrary library{text(bytes, word(bytes, at + 4)), text(bytes, word(bytes, at + 8))};
    if (!library.name.empty() && !library.path.empty()) found.push_back(std::move(library));
  }
  return found;
}

}  // namespace aisp::machine
