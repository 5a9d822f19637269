// What a process on a GPU does: serves a model, trains one, or neither that can be told.
//
// Source: proc(5), proc_net; command lines of vLLM, SGLang, TensorRT-LLM, Triton, TGI and Dynamo.
#pragma once

#include <string>

#include "doctor/processes.h"

namespace aisp::doctor {

enum class Role { kUnknown, kServing, kTraining };

/// The serving engine that its arguments or its parent's name: "vLLM"; empty: none known.
std::string engine_of(const Evidence& evidence, const GpuUser& user);
/// Does it listen on a TCP port? Ports of training rendezvous do not count.
bool listens(const Evidence& evidence, const GpuUser& user);
Role role_of(const Evidence& evidence, const GpuUser& user);

}  // namespace aisp::doctor
