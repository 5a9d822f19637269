// What every <op>_c.cc uses: an exception must not cross a C boundary, so a call returns 0, or 1
// and its text waits in aisp_last_error() (peers.py raises it). Source: Python 3 ctypes manual.
#pragma once

#include <exception>
#include <string>

#include "machine/device.h"

namespace aisp::gpu_peers {

/// The text of this thread's last failed call.
std::string& last_error();

template <class Work>
int c_call(Work work) noexcept {
  try {
    work();
    return 0;
  } catch (const std::exception& error) {
    last_error() = error.what();
    return 1;
  }
}

/// PyTorch's stream handle, as Python passes it.
inline machine::CudaStream stream_of(void* stream) {
  return static_cast<machine::CudaStream>(stream);
}

}  // namespace aisp::gpu_peers
