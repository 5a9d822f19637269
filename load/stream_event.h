// One event of an answer's stream, as OpenAI's completions and chat completions send it. Read
// without building a document: depth and memory are bounded, whatever a server sends.
#pragma once

#include <string>
#include <string_view>

namespace aisp::load {

struct StreamEvent {
  std::string text;       // choices[].text, or choices[].delta.content or .reasoning_content
  bool finished = false;  // a finish_reason was given
  std::string error;      // error, or error.message
  int prompt_tokens = -1, answer_tokens = -1, cached_tokens = -1;  // usage; -1: not said
};

/// False when `json` is no JSON object or is nested deeper than 32. Unknown fields are skipped: it
/// is the server's document. Numbers that are no counts (below 0, beyond 2^30) count as not said.
bool read_stream_event(std::string_view json, StreamEvent& event);

}  // namespace aisp::load
