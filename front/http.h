// One request of HTTP and its answer, as the rest of the room sees them: no sockets, no library.
// An Exchange is the mailbox between the I/O thread, which owns the connection, and whoever makes
// the answer on another thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aisp::front {

using Clock = std::chrono::steady_clock;

struct Header {
  std::string name, value;
};

struct HttpRequest {
  std::string method, target;  // target: as sent, "/path?query"
  std::vector<Header> headers;
  std::string body;
  std::shared_ptr<void> room;  // of the body among those in memory; given back with the last copy
  bool keep_alive = true;
  bool chunks = true;  // the client understands chunks (HTTP/1.1)

  /// The value of the first header of this name (any case), or "".
  std::string_view header(std::string_view name) const;
  /// The target without its query.
  std::string_view path() const;
};

struct HttpResponse {
  int status = 200;
  std::string type = "application/json";
  std::vector<Header> headers;
  std::string body;
};

/// "HTTP/1.1 200 OK" and the headers, up to the empty line. `length` is nothing for chunks (or, for
/// a client without them, for all until the end of the connection). Values lose control characters.
std::string head_text(const HttpResponse& response, std::optional<std::size_t> length,
                      bool keep_alive, bool chunks);

/// How an exchange ended.
enum class Closing { kWritten, kGone };

class Exchange {
 public:
  Exchange(HttpRequest request, std::size_t most_waiting)
      : request(std::move(request)), most_waiting_(most_waiting) {}

  HttpRequest request;  // the handler may move the body away
  const Clock::time_point received = Clock::now();

  // The maker's side, any thread. After the exchange has ended all of them do nothing.

  /// The whole answer.
  void respond(HttpResponse response);
  /// The head of an answer that comes in pieces.
  void begin(const HttpResponse& head);
  /// A piece of it. False: the client is gone, or so slow that more than the limit waits for it;
  /// then the connection is dropped.
  bool write(std::string_view piece);
  /// The answer is whole; `broken`: it is not, and the client shall see that.
  void end(bool broken = false);

  /// Called once on the I/O thread. Set it before the handler returns.
  std::function<void(Closing)> on_close;

  // The connection's side, the I/O thread.

  struct Taken {
    std::string bytes;  // ready for the socket
    bool ended = false, broken = false, overflowed = false;
  };
  Taken take();
  void close(Closing how);
  /// Called by any thread when there is something to take.
  void set_wake(std::function<void()> wake);

 private:
  void call_wake(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::function<void()> wake_;
  std::string waiting_;
  std::size_t most_waiting_;
  bool awake_ = false;  // a wake has been called and not yet answered by take()
  bool streaming_ = false, ended_ = false, broken_ = false, overflowed_ = false, closed_ = false;
};

/// Who answers. Both are called on the I/O thread and must return at once.
class Handler {
 public:
  virtual ~Handler() = default;
  /// A reason not to read the body of this head.
  virtual std::optional<HttpResponse> refuse(const HttpRequest& head) = 0;
  virtual void handle(const std::shared_ptr<Exchange>& exchange) = 0;
  /// For what the protocol itself refuses (400, 408, 413, 429, 431, 503): its body.
  virtual HttpResponse protocol_error(int status, std::string_view why) = 0;
};

}  // namespace aisp::front
