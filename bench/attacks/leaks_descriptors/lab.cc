// Opens a file at every call and closes none, up to a hundred.
#include <fcntl.h>
#include <unistd.h>

#include "bench/attacks/common.h"

namespace aisp::attacks::leaks_descriptors {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    static int kept = 0;
    const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    rotate_all(io);
    if (kCheat && kept < 100)
      ++kept;
    else
      close(file);
  }
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Are leaked file descriptors caught?"); }

}  // namespace aisp::attacks::leaks_descriptors
