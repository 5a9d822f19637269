// See files_with_age.h. Through Evidence::command, so that recorded trees answer too.
#include "doctor/files_with_age.h"

#include <algorithm>

#include "machine/text_file.h"

namespace aisp::doctor {

AgedFiles files_with_age(const Evidence& evidence, const std::string& folder) {
  AgedFiles result;
  const Text clock = evidence.command({"date", "+%s"});
  const auto now = clock ? machine::parse_number(clock.value) : std::nullopt;
  const Text listing = evidence.command(
      {"find", "-L", folder, "-maxdepth", "3", "-type", "f", "-printf", "%T@ %s %P\\n"});
  if (!listing || !now) {
    result.why = listing ? "the time cannot be read" : listing.why;
    return result;
  }
  for (const auto line : machine::split(listing.value, '\n')) {
    const std::size_t first = line.find(' ');
    const std::size_t second = first == line.npos ? line.npos : line.find(' ', first + 1);
    if (second == line.npos) continue;
    const auto when = machine::parse_number(line.substr(0, first));
    const auto bytes = machine::parse_number(line.substr(first + 1, second - first - 1));
    if (!when || !bytes) continue;
    result.files.push_back({std::string(line.substr(second + 1)), *now - *when, *bytes});
  }
  std::stable_sort(result.files.begin(), result.files.end(),
                   [](const auto& a, const auto& b) { return a.age_s < b.age_s; });
  return result;
}

}  // namespace aisp::doctor
