// How the rows of a token are dealt to warps: shared by the choice and the kernel.
#pragma once

#include "kernels/rope_cuda/cuda.h"

namespace aisp::kernels::rope_cuda {

constexpr int kThreads = 256;
/// Rows of a thread: their loads start together, and share the cosines. Two divide the rows of most
/// models (40 of 8 lanes are five warps); four, with exact cosines and a loop over the work,
/// reached 0.91 of a copy where compiled PyTorch had 0.96.
constexpr int kRows = 2;

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
