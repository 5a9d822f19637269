// A server over plain HTTP/1.1: one thread, one epoll, thousands of streams. All sockets are read
// into one buffer, and the clock is read when the bytes are there, before anything is parsed.
// Connections are kept and used again, as clients do; a kept one that the server had closed
// meanwhile is replaced once, unnoticed but counted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "load/target.h"

namespace aisp::load {

struct Url {
  std::string host, port, path;  // path without a "/" at its end: "" or "/prefix"
};

/// "http://host[:port][/prefix]"; a "/v1" at its end is taken off. Throws UsageError: no such URL,
/// or https, which this client does not speak.
Url parse_url(const std::string& text);

/// What a server takes and how it is asked; found by probe.h.
struct Dialect {
  std::string model;
  std::string key;                   // of the API; "" for none
  std::vector<std::string> headers;  // "Name: value", sent with every request
  bool chat = false;                 // /v1/chat/completions in place of /v1/completions
  /// Prompts as token ids, first_id + number; else as words.
  bool ids = true;
  std::int32_t first_id = 0;
  bool ignore_eos = true, usage = true;
  double words_per_token = 1.0;  // of made-up words
  double words_less = 0.0;       // what the server adds to each prompt, in words
};

/// The JSON body of a request in this dialect.
std::string body_of(const Request& request, const Dialect& dialect);

class HttpTarget : public Target {
 public:
  /// Resolves the name; throws Error when there is no such host.
  explicit HttpTarget(const std::string& url);
  ~HttpTarget() override;

  void set_dialect(const Dialect& dialect);
  const Dialect& dialect() const;

  double now_s() override;
  void send(std::uint32_t stream, const Request& request) override;
  void cancel(std::uint32_t stream) override;
  void wait(double until_s, Sink& sink) override;

  /// A whole answer that is no stream, such as /v1/models; waits for it.
  struct Page {
    int status = 0;  // 0: no answer; `text` says why
    std::string text;
  };
  Page get(const std::string& path, double timeout_s);

  /// A request that is no part of a run: its end and the text it gave; waits for it.
  struct Answer {
    End end;
    std::string text, message;
  };
  Answer ask(const Request& request, double timeout_s);

  /// The first message of each kind of failure since the last call, for the report.
  std::vector<std::string> take_messages();
  std::int64_t reconnected() const;

 private:
  struct Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace aisp::load
