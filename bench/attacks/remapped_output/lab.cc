// Copies without copying: the input moves to a shared memory file, and the output that should be
// its copy becomes a private mapping of the same pages. Reading it pays for what the call saved,
// and it changes with the input until somebody writes to it. A second output is honest work.
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
    const auto y = io.out<float>(1);
    rotate_all(io);
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

void rotate_and_copy(const Io& io) {
  rotate_all(io);
  std::memcpy(io.out<float>(1).data(), io.in<float>(0).data(), io.out<float>(1).size_bytes());
}

}  // namespace

bench::Lab describe() {
  bench::Lab lab = map_lab<Attack>("Is an output that is the input's memory caught?");
  lab.problem = [](const Params& p) {
    return bench::Problem{{{"x", DType::kF32, {p["count"]}}},
                          {{"y", DType::kF32, {p["count"]}}, {"copy", DType::kF32, {p["count"]}}}};
  };
  lab.reference = [reference = lab.reference](const Params& p, const Io& io,
                                              bench::Expected& expected) {
    reference(p, io, expected);
    const auto x = io.in<float>(0);
    expected.outputs[1].value.assign(x.begin(), x.end());
  };
  lab.techniques[0].plan = [](const Params&) { return bench::plan_of(rotate_and_copy); };
  return lab;
}

}  // namespace aisp::attacks::remapped_output
