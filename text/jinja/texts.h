// Python's operations on str that templates use, over UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aisp::text::jinja {

/// Characters of `which` ("": white space) taken off the ends.
std::string stripped(const std::string& text, std::string_view which, bool left, bool right);
/// By `by`, or by runs of white space when it is ""; at most `times` cuts (-1: all), from the right
/// when `from_right`.
std::vector<std::string> split(const std::string& text, std::string_view by, std::int64_t times,
                               bool from_right);
std::vector<std::string> lines_of(const std::string& text);
/// Throws Error when the result has more than `limit` bytes.
std::string replaced(const std::string& text, std::string_view from, std::string_view to,
                     std::int64_t count, std::size_t limit);
std::int64_t count_of(const std::string& text, std::string_view part);
/// how: "upper", "lower", "title", "capitalize".
std::string in_case(const std::string& text, std::string_view how);
/// what: "isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower".
bool is_all(const std::string& text, std::string_view what);

}  // namespace aisp::text::jinja
