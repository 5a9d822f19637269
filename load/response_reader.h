// The answer to one request, from bytes as they come: HTTP/1.1 by Boost.Beast's parser, then
// server-sent events. Knows no socket and no clock, so that it is tested and fuzzed alone. Memory
// is bounded: headers 16 KiB, a chunk's header 16 KiB, an event 64 KiB, a body that is no
// stream as much as the caller says.
// Source: RFC 9112 (HTTP/1.1); the HTML standard's "Server-sent events".
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "load/target.h"

namespace aisp::load {

class ResponseReader {
 public:
  /// `body_bytes`: how much is kept and read of an answer that is no stream, > 0.
  explicit ResponseReader(std::size_t body_bytes = 16 * 1024);
  ~ResponseReader();
  ResponseReader(ResponseReader&&) noexcept;
  ResponseReader& operator=(ResponseReader&&) noexcept;

  using OnText = std::function<void(std::string_view text)>;
  /// Takes the next bytes; text of the answer goes to `on_text`. Nothing is taken after failed() or
  /// complete().
  void put(std::string_view bytes, const OnText& on_text);
  /// The connection has ended.
  void end_of_bytes(const OnText& on_text);

  /// The answer is known as a whole (or as failed), although the message may go on.
  bool answered() const;
  /// What it was; kClosedEarly while it is not answered().
  End end() const;
  /// The message is complete, and another may follow on the connection.
  bool reusable() const;
  bool complete() const;
  bool failed() const;
  bool got_some() const;            // at least a byte
  std::string message() const;      // beginning of the body of an error, or what was wrong
  const std::string& body() const;  // of an answer with status 200 that is no stream

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace aisp::load
