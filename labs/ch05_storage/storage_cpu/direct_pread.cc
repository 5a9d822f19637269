// Direct I/O: the disk writes into the tensor itself, without page cache and without a copy by the
// processor. Where the tensor's address does not suit the device, and for the end of the file that
// fills no block, an aligned buffer stands between.
// Source: open(2), O_DIRECT; statx(2), STATX_DIOALIGN.
#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "labs/ch05_storage/storage_cpu/problem.h"

namespace aisp::labs::ch05::storage_cpu {
namespace {

// The block layer cuts a request into pieces (1280 KiB on many devices) and has all of them in
// flight, so the size is the queue depth: 128 KiB gave 1.2 GB/s, 1 MiB 2.4, 4 MiB 2.7, 16 MiB 2.85.
constexpr std::size_t kChunk = 16 << 20;
// Through the aligned buffer: small enough to be copied out of L2 or L3.
constexpr std::size_t kBounce = 1 << 20;

void load(const bench::Io& io, std::byte* bounce) {
  const auto out = destination(io);
  const DirectFile file(io.in_path(0));
  const DirectAlignment alignment = file.alignment();
  const bool in_place = reinterpret_cast<std::uintptr_t>(out.data()) % alignment.memory == 0;
  const std::size_t whole = in_place ? out.size() / alignment.offset * alignment.offset : 0;
  for (std::size_t done = 0; done < out.size();) {
    std::size_t got = 0;
    if (done < whole) {
      got = file.read(out.subspan(done, std::min(kChunk, whole - done)), done);
    } else {
      got = std::min(file.read({bounce, kBounce}, done), out.size() - done);
      std::memcpy(out.data() + done, bounce, got);
    }
    done += got;
    // A read may end early, but only the end of the file ends off a block.
    if (got == 0 || (done < out.size() && done % alignment.offset != 0)) {
      throw Error("the file is shorter than its tensor", io.in_path(0), "write it again");
    }
  }
}

}  // namespace

bench::Technique direct_pread() {
  return {.name = "direct_pread",
          .summary = "O_DIRECT reads of 16 MiB straight into the tensor",
          .blocks = true,
          .plan = [](const bench::Params&) {
            return bench::plan_of([bounce = allocate_scratch(kBounce)](const bench::Io& io) {
              load(io, bounce.get());
            });
          }};
}

}  // namespace aisp::labs::ch05::storage_cpu
