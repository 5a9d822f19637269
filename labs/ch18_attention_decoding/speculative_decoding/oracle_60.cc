// Guesses of which 60 % are right, from somebody who knows the answer (serve/oracle_drafter.h).
#include "labs/ch18_attention_decoding/speculative_decoding/problem.h"

namespace aisp::labs::ch18::speculative_decoding {

bench::Technique oracle_60() {
  return with_oracle("oracle_60", "guesses of which 60 % are right", 0.6);
}

}  // namespace aisp::labs::ch18::speculative_decoding
