// Bytes of a connection to requests, whatever pieces they come in, within limits: no socket and no
// clock, so that a test can feed it anything. Boost.Beast's parser does the reading; its headers
// are in request_reader.cc alone, because they take seconds to compile.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "front/http.h"
#include "front/limits.h"

namespace aisp::front {

class RequestReader {
 public:
  explicit RequestReader(const Limits& limits);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  enum class Stage {
    kIdle,   // not a byte of a request
    kHead,   // within its head
    kBody,   // the head is known: head()
    kWhole,  // take() it
    kError   // error(); the connection is of no more use
  };

  /// More bytes. What comes behind a whole request is kept until that was taken. Memory: the
  /// limits of a head and a body, and what is fed beyond.
  Stage feed(std::string_view bytes);
  Stage stage() const { return stage_; }

  /// In kBody: the request without its body.
  const HttpRequest& head() const { return request_; }
  /// In kBody: the client waits for "100 Continue" before it sends the body. True once.
  bool wants_continue();
  /// In kBody: bytes of the body as the head announces them; nothing for chunks.
  std::optional<std::size_t> body_bytes() const;
  /// In kBody: bytes of the body so far.
  std::size_t body_so_far() const;

  /// In kWhole: the request; reading goes on with what was fed behind it.
  HttpRequest take();

  struct Problem {
    int status = 400;
    std::string why;
  };
  const Problem& error() const { return problem_; }
  /// Bytes fed and not yet read.
  std::size_t unread() const { return unread_.size(); }

 private:
  struct Parser;
  void read();
  void fail(int status, std::string why);

  Limits limits_;
  std::unique_ptr<Parser> parser_;
  std::string unread_;
  HttpRequest request_;
  Problem problem_;
  Stage stage_ = Stage::kIdle;
  bool continue_asked_ = false;
};

}  // namespace aisp::front
