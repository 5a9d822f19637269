// The text of the last failed call, for peers.py.
#include "tools/gpu_peers/c_call.h"

namespace aisp::gpu_peers {

std::string& last_error() {
  thread_local std::string text;
  return text;
}

}  // namespace aisp::gpu_peers

extern "C" const char* aisp_last_error() { return aisp::gpu_peers::last_error().c_str(); }
