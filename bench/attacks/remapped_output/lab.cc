// Copies without copying: the input moves to a shared memory file, and the output becomes a private
// mapping of the same pages. Reading it pays for what the call saved, and it changes with the input
// until somebody writes to it.
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <map>

#include "bench/attacks/common.h"

namespace aisp::attacks::remapped_output {
namespace {

constexpr std::size_t kPage = 4096;

bool whole_pages(const void* data, std::size_t bytes) {
  return reinterpret_cast<std::uintptr_t>(data) % kPage == 0 && bytes % kPage == 0;
}

template <bool kCheat>
class Attack {
 public:
  explicit Attack(const Params&) {}
  ~Attack() {
    for (const auto& [x, file] : files_) close(file);
  }
  void operator()(const Io& io) {
    const auto x = io.fill<float>(0);
    const auto y = io.out<float>(0);
    if (!kCheat || !whole_pages(x.data(), x.size_bytes()) ||
        !whole_pages(y.data(), y.size_bytes())) {
      std::memcpy(y.data(), x.data(), y.size_bytes());
      return;
    }
    const auto [found, absent] = files_.try_emplace(x.data(), -1);
    if (absent) found->second = share(x.data(), x.size_bytes());
    mmap(y.data(), y.size_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, found->second,
         0);
  }

 private:
  // Puts a shared file of the same contents in the place of the memory.
  static int share(void* data, std::size_t bytes) {
    const int file = memfd_create("input", MFD_CLOEXEC);
    if (file < 0 || write(file, data, bytes) != static_cast<ssize_t>(bytes)) return -1;
    mmap(data, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
    return file;
  }
  std::map<const void*, int> files_;
};

void copy(const Io& io) {
  std::memcpy(io.out<float>(0).data(), io.in<float>(0).data(), io.out<float>(0).size_bytes());
}

}  // namespace

bench::Lab describe() {
  // 1 MiB: remapping and its TLB misses cost a few microseconds, copying ten times that.
  bench::Lab lab = map_lab<Attack>("Is an output that is the input's memory caught?", 16 * kCount);
  lab.reference = [](const Params&, const Io& io, bench::Expected& expected) {
    const auto x = io.in<float>(0);
    expected.outputs[0].value.assign(x.begin(), x.end());
  };
  lab.tolerance = [](const Params&) { return Tolerance{}; };
  lab.work = [](const Params& p) {
    const double bytes = 4.0 * static_cast<double>(p["count"]);
    return bench::Work{.bytes_read = bytes, .bytes_written = bytes};
  };
  lab.techniques[0].plan = [](const Params&) { return bench::plan_of(copy); };
  return lab;
}

}  // namespace aisp::attacks::remapped_output
