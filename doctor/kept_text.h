// What a recorded tree keeps of a text that may hold secrets: a tree is meant to be passed on.
#pragma once

#include <string>

namespace aisp::doctor {

/// Of /proc/PID/environ only variables that steer libraries and launchers (is_steering_variable);
/// of /proc/PID/cmdline no value of an option that names a key, token, secret or password.
/// Every other text as it is.
std::string kept_text(const std::string& path, const std::string& text);

}  // namespace aisp::doctor
