// Before a run: which model a server has, and which of token ids, ignore_eos and usage in streams
// it takes. Servers differ, some refuse fields they do not know; a run that assumed them would
// measure refusals.
#pragma once

#include <cstdint>
#include <string>

#include "load/http_target.h"

namespace aisp::load {

struct ProbeWishes {
  std::string model;  // "": the first of /v1/models
  std::string key;
  std::vector<std::string> headers;
  bool chat = false;  // asked for
  enum class Prompts : std::uint8_t { kEither, kIds, kWords } prompts = Prompts::kEither;
  std::int32_t first_id = 300;  // ids in [first_id, first_id + ids) are ordinary tokens
  int ids = 1000;
  double timeout_s = 120.0;
};

/// Asks and sets the target's dialect: token ids before words, ignore_eos and usage if taken. For
/// words, two prompts of different length tell how many tokens a word is. Throws Error with the
/// server's own words when nothing is answered. A server that says 429 or 503 is asked again a few
/// times. Sends 2 to 20 short requests, one after the other.
void probe(HttpTarget& target, const ProbeWishes& wishes);

/// One line: what was found.
std::string describe(const Dialect& dialect);

}  // namespace aisp::load
