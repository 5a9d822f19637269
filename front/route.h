// Which of two models answers a request that names neither: a stated policy, told in the answer.
// A policy looks at the request and at the engines, never at what the text means.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace aisp::front {

struct Route {
  enum class Policy {
    kLength,    // prompts beyond prompt_tokens go to the large model
    kDeadline,  // the large model, unless its first token would come too late or it is full
    kLoad       // the large model, until it has so many requests
  };
  std::string name = "auto";  // that requests ask for
  Policy policy = Policy::kLength;
  std::string small, large;  // names of models
  int prompt_tokens = 256;
  int requests = 8;
};

/// Of `length`, `deadline`, `load`.
std::optional<Route::Policy> route_policy_of(std::string_view name);

}  // namespace aisp::front
