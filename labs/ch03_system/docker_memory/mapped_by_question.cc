// The baseline: the file is mapped and every question walks through all of it, as if the page cache
// were the machine's. The limit is smaller than the file, so that each walk finds what the last one
// has pushed out: a cyclic walk is the worst case of least-recently-used.
// Source: np.memmap and faiss with IO_FLAG_MMAP in a container with --memory.
#include "labs/ch03_system/docker_memory/problem.h"

namespace aisp::labs::ch03::docker_memory {

bench::Technique mapped_by_question() {
  return contained("mapped_by_question", "each question walks the mapped file, under the limit",
                   true, ask_one_by_one);
}

}  // namespace aisp::labs::ch03::docker_memory
