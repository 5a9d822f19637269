// Bytes from outside made fit to print and to store.
#pragma once

#include <string>
#include <string_view>

namespace aisp::doctor {

/// Without trailing white space; every byte that is not part of valid UTF-8, and every control
/// character but newline and tab, becomes U+FFFD. A NUL becomes a newline (/proc/PID/environ).
std::string readable(std::string_view bytes);

}  // namespace aisp::doctor
