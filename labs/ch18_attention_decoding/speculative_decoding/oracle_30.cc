// Guesses of which 30 % are right, from somebody who knows the answer (serve/oracle_drafter.h).
#include "labs/ch18_attention_decoding/speculative_decoding/problem.h"

namespace aisp::labs::ch18::speculative_decoding {

bench::Technique oracle_30() {
  return with_oracle("oracle_30", "guesses of which 30 % are right", 0.3);
}

}  // namespace aisp::labs::ch18::speculative_decoding
