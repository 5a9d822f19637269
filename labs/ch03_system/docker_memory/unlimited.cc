// The baseline's walk without the limit: the first question brings the file into the page cache,
// the others find it there. Not a way to keep the limit; the scale that the others are read
// against.
#include "labs/ch03_system/docker_memory/problem.h"

namespace aisp::labs::ch03::docker_memory {

bench::Technique unlimited() {
  return contained("unlimited", "each question walks the mapped file, no limit", false,
                   ask_one_by_one);
}

}  // namespace aisp::labs::ch03::docker_memory
