// Recorded arrivals of requests in the public formats: when each came, how long its prompt and its
// answer were, and, where the format says so, which prompts begin alike. Read as published; the
// bytes come from strangers. In base/ because serve/ (replay on virtual time) and load/ (replay
// against a server) both need it and include neither each other nor data/.
// Source: Azure/AzurePublicDataset (AzureLLMInferenceTrace 2023), HPMLL/BurstGPT,
// kvcache-ai/Mooncake (FAST 2025).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aisp {

struct TracedRequest {
  double arrival_s = 0.0;  // from the first request of the trace
  std::int32_t prompt_tokens = 0;
  std::int32_t output_tokens = 0;
  /// One number for each hash_tokens tokens of the prompt (the last may be of fewer); equal
  /// prefixes of numbers are equal prefixes of the prompt. Empty: nothing is known.
  std::vector<std::int64_t> prefix;
};

struct RequestTrace {
  enum class Format : std::uint8_t { kAzure, kBurstGpt, kMooncake } format = Format::kAzure;
  std::vector<TracedRequest> requests;  // by arrival
  std::int32_t hash_tokens = 0;         // 512 in Mooncake's traces, 0 where there is no prefix
  std::int64_t skipped = 0;             // lines that say that the request failed (no answer)
};

/// Reads a whole trace; the format is recognised by the first line:
///   TIMESTAMP,ContextTokens,GeneratedTokens                  Azure 2023: date and time, 7 digits
///   Timestamp,[Session ID,Elapsed time,]Model,Request tokens,Response tokens,Total tokens,Log Type
///                                                            BurstGPT: seconds
///   {"timestamp": ms, "input_length":, "output_length":, "hash_ids": [...]}    Mooncake
/// Lines end with \n or \r\n. Throws Error {what, name:line, remedy} for anything else, such as
/// numbers that are negative or beyond 2^24 tokens, or more numbers than the prompt has blocks.
RequestTrace parse_request_trace(std::string_view text, const std::string& name);

/// The same of a file; throws Error when it cannot be read.
RequestTrace read_request_trace(const std::string& path);

const char* name_of(RequestTrace::Format format);

}  // namespace aisp
