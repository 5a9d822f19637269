// One product cut into many calls, or left whole. See README.md.
#include "labs/ch03_system/gemm/problem.h"

namespace aisp::labs::ch03::gemm {

bench::Lab describe() {
  using bench::matmul::sizes;
  bench::Lab lab;
  lab.question = "What does cutting one matrix product into many library calls cost?";
  lab.targets = {"ch03:gemm"};
  lab.tags = {"gemm", "threads", "launches"};
  lab.cases = {{.name = "bert_base_projection",
                .origin = "BERT-base attention projection: 4 sequences of 128 tokens, width 768",
                .smoke = sizes(40, 96, 160),
                .full = sizes(512, 768, 768)},
               {.name = "llama32_1b_key",
                .origin = "Llama-3.2-1B key projection: a prompt of 128 tokens, 2048 to 512",
                .smoke = sizes(24, 64, 256),
                .full = sizes(128, 512, 2048)}};
  // One element; one below and above a block of K and of rows; odd sizes.
  lab.ragged = {sizes(1, 1, 1), sizes(15, 33, 63), sizes(17, 61, 65), sizes(33, 130, 129)};
  bench::matmul::set_contract(lab);
  lab.techniques = {k_blocks_add(), row_calls(),      row_calls_one_fork(),
                    one_call(),     onednn_threads(), openblas_threads()};
  lab.baseline = "k_blocks_add";
  return lab;
}

}  // namespace aisp::labs::ch03::gemm
