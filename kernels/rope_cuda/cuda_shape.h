// How the rows of a token are dealt to warps: shared by the choice and the kernel.
#pragma once

#include "kernels/rope_cuda/cuda.h"

namespace aisp::kernels::rope_cuda {

constexpr int kThreads = 256;
/// 80 registers a thread at most; 768 threads with kRows rows of 32 bytes are 96 KiB on their way,
/// three times what memory needs.
constexpr int kBlocksPerMultiprocessor = 3;
/// Rows of a thread at a time: their loads start together, and share the cosines.
constexpr int kRows = 4;

/// A lane has two 16-byte pieces of a row, whose elements pair up.
constexpr int lanes_of_row(int head_size) { return head_size / 16; }
constexpr int rows_of_item(int head_size) { return 32 / lanes_of_row(head_size) * kRows; }
inline int rows_of_token(const Request& request) {
  return request.heads + request.kv_heads * (request.cache.data != nullptr ? 2 : 1);
}
inline int items_of_token(const Request& request) {
  const int rows = rows_of_item(request.head_size);
  return (rows_of_token(request) + rows - 1) / rows;
}

}  // namespace aisp::kernels::rope_cuda
