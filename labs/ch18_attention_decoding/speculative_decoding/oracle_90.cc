// Guesses of which 90 % are right, from somebody who knows the answer (serve/oracle_drafter.h).
#include "labs/ch18_attention_decoding/speculative_decoding/problem.h"

namespace aisp::labs::ch18::speculative_decoding {

bench::Technique oracle_90() {
  return with_oracle("oracle_90", "guesses of which 90 % are right", 0.9);
}

}  // namespace aisp::labs::ch18::speculative_decoding
