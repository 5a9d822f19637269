// See http_target.h.
#include "load/http_target.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cmath>
#include <map>
#include <optional>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "load/response_reader.h"

namespace aisp::load {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kNoStream = ~std::uint32_t{0};
constexpr std::size_t kPageBytes = 4 << 20;
constexpr std::size_t kDrained = 64 * 1024;  // behind an answer, before the connection is given up
constexpr int kAtOnce = 64;                  // handlers run before requests that are due get a turn

struct Connection {
  explicit Connection(asio::io_context& io) : socket(io) {}
  tcp::socket socket;
  std::string out;
  std::size_t written = 0;
  ResponseReader reader;
  std::uint32_t stream = kNoStream;
  bool reused = false, waits_to_read = false;
  std::size_t drained = 0, body_bytes = 0;
};
using Shared = std::shared_ptr<Connection>;

// As many sockets as the system lets us have.
void raise_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

Outcome outcome_of(const error_code& error) {
  const bool ours = error == asio::error::no_descriptors || error == asio::error::no_memory ||
                    error == boost::system::errc::too_many_files_open_in_system ||
                    error == boost::system::errc::address_not_available;
  return ours ? Outcome::kNoSocket : Outcome::kNotConnected;
}

}  // namespace

struct HttpTarget::Loop {
  explicit Loop(const std::string& text);

  void open(std::uint32_t stream, std::string bytes, std::size_t body_bytes, bool fresh);
  void connected(const Shared& connection, const error_code& error);
  void write(const Shared& connection);
  void wait_to_read(const Shared& connection);
  void readable(const Shared& connection);
  void closed(const Shared& connection, double at_s);
  void after_bytes(const Shared& connection, double at_s);
  void end(const Shared& connection, double at_s, const End& end, const std::string& message);
  void drop(const Shared& connection);
  void fail_later(std::uint32_t stream, Outcome outcome, std::string message);
  std::string head(const std::string& method, const std::string& path) const;
  double now_s() const {
    return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
  }

  Url url;
  Dialect dialect;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  asio::steady_timer timer{io};
  tcp::endpoint endpoint;
  std::array<char, 64 * 1024> buffer;
  std::map<std::uint32_t, Shared> open_streams;
  std::vector<Shared> idle;
  Sink* sink = nullptr;
  bool rang = false;
  int told = 0;
  std::int64_t reconnected = 0;
  std::map<Outcome, std::string> messages;
  std::string last_body, last_message;
};

HttpTarget::Loop::Loop(const std::string& text) : url(parse_url(text)) {
  raise_open_files();
  error_code error;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(url.host, url.port, error);
  if (error || found.empty()) {
    throw Error("there is no such host", url.host, "check the URL, or give its address");
  }
  endpoint = found.begin()->endpoint();
  tcp::socket trial(io);  // of several addresses, the first that answers
  const tcp::endpoint answers = asio::connect(trial, found, error);
  if (!error) endpoint = answers;
}

std::string HttpTarget::Loop::head(const std::string& method, const std::string& path) const {
  const bool six = url.host.find(':') != std::string::npos;
  std::string text = fmt::format(
      "{} {}{} HTTP/1.1\r\nHost: {}:{}\r\nAccept-Encoding: identity\r\nUser-Agent: aisp-load\r\n",
      method, url.path, path, six ? "[" + url.host + "]" : url.host, url.port);
  for (const std::string& header : dialect.headers) text += header + "\r\n";
  if (!dialect.key.empty()) text += "Authorization: Bearer " + dialect.key + "\r\n";
  return text;
}

// A failure before anything was sent is told in the next wait(), as the target's contract says.
void HttpTarget::Loop::fail_later(std::uint32_t stream, Outcome outcome, std::string message) {
  const auto connection = std::make_shared<Connection>(io);
  connection->stream = stream;
  open_streams[stream] = connection;
  asio::post(io, [this, connection, outcome, message = std::move(message)] {
    if (connection->stream != kNoStream) end(connection, now_s(), {.outcome = outcome}, message);
  });
}

void HttpTarget::Loop::open(std::uint32_t stream, std::string bytes, std::size_t body_bytes,
                            bool fresh) {
  Shared connection;
  if (!fresh && !idle.empty()) {
    connection = idle.back();
    idle.pop_back();
    connection->reused = true;
  } else {
    connection = std::make_shared<Connection>(io);
  }
  connection->out = std::move(bytes);
  connection->written = 0;
  connection->body_bytes = body_bytes;
  connection->reader = ResponseReader(body_bytes);
  connection->stream = stream;
  connection->drained = 0;
  if (connection->reused) {
    open_streams[stream] = connection;
    return write(connection);
  }
  error_code error;
  connection->socket.open(endpoint.protocol(), error);
  if (error) return fail_later(stream, outcome_of(error), error.message());
  open_streams[stream] = connection;
  connection->socket.set_option(tcp::no_delay(true), error);
  connection->socket.non_blocking(true, error);
  connection->socket.async_connect(
      endpoint, [this, connection](const error_code& failed) { connected(connection, failed); });
}

void HttpTarget::Loop::connected(const Shared& connection, const error_code& error) {
  if (connection->stream == kNoStream) return;
  if (error) return end(connection, now_s(), {.outcome = outcome_of(error)}, error.message());
  write(connection);
}

void HttpTarget::Loop::write(const Shared& connection) {
  error_code error;
  while (connection->written < connection->out.size()) {
    connection->written +=
        connection->socket.write_some(asio::buffer(connection->out) + connection->written, error);
    if (error) break;
  }
  if (error == asio::error::would_block) {
    connection->socket.async_wait(tcp::socket::wait_write, [this, connection](const error_code&) {
      if (connection->stream != kNoStream) write(connection);
    });
  }
  // Any other error shows when it is read: a server may have refused before it read everything.
  wait_to_read(connection);
}

void HttpTarget::Loop::wait_to_read(const Shared& connection) {
  if (connection->waits_to_read || !connection->socket.is_open()) return;
  connection->waits_to_read = true;
  connection->socket.async_wait(tcp::socket::wait_read, [this, connection](const error_code& ec) {
    connection->waits_to_read = false;
    if (!ec && connection->socket.is_open()) readable(connection);
  });
}

void HttpTarget::Loop::readable(const Shared& connection) {
  error_code error;
  const std::size_t size = connection->socket.read_some(asio::buffer(buffer), error);
  const double at_s = now_s();
  if (error == asio::error::would_block) return wait_to_read(connection);
  if (error || (connection->stream == kNoStream && connection->reader.complete())) {
    return closed(connection, at_s);
  }
  if (connection->stream == kNoStream) connection->drained += size;
  connection->reader.put({buffer.data(), size}, [&](std::string_view text) {
    if (connection->stream == kNoStream) return;  // cancelled by the text before
    ++told;
    sink->on_text(connection->stream, at_s, text, {});
  });
  after_bytes(connection, at_s);
}

// The server has closed the connection, or a kept one said something that nobody asked for.
void HttpTarget::Loop::closed(const Shared& connection, double at_s) {
  if (connection->stream != kNoStream && connection->reused && !connection->reader.got_some()) {
    ++reconnected;
    const std::uint32_t stream = connection->stream;
    std::string bytes = std::move(connection->out);
    drop(connection);
    return open(stream, std::move(bytes), connection->body_bytes, true);
  }
  connection->reader.end_of_bytes([&](std::string_view text) {
    if (connection->stream != kNoStream) sink->on_text(connection->stream, at_s, text, {});
  });
  if (connection->stream == kNoStream) return drop(connection);
  const std::string message = connection->reader.message();
  end(connection, at_s, connection->reader.end(), message.empty() ? "closed" : message);
  drop(connection);
}

void HttpTarget::Loop::after_bytes(const Shared& connection, double at_s) {
  if (connection->stream != kNoStream && connection->reader.answered()) {
    last_body = connection->reader.body();
    end(connection, at_s, connection->reader.end(), connection->reader.message());
  }
  if (connection->reader.reusable() && connection->stream == kNoStream &&
      connection->socket.is_open()) {
    idle.push_back(connection);
  } else if (connection->reader.failed() || connection->reader.complete() ||
             connection->drained > kDrained) {
    return drop(connection);
  }
  wait_to_read(connection);
}

void HttpTarget::Loop::end(const Shared& connection, double at_s, const End& end,
                           const std::string& message) {
  const std::uint32_t stream = connection->stream;
  connection->stream = kNoStream;
  open_streams.erase(stream);
  last_message = cut_to_width(printable(message), 160);
  if (end.outcome != Outcome::kAnswered) messages.emplace(end.outcome, last_message);
  if (end.outcome == Outcome::kNotConnected || end.outcome == Outcome::kNoSocket) drop(connection);
  ++told;
  sink->on_end(stream, at_s, end);
}

void HttpTarget::Loop::drop(const Shared& connection) {
  if (connection->stream != kNoStream) open_streams.erase(connection->stream);
  connection->stream = kNoStream;
  std::erase(idle, connection);
  error_code ignored;
  connection->socket.close(ignored);
}

HttpTarget::HttpTarget(const std::string& url) : loop_(std::make_unique<Loop>(url)) {}
HttpTarget::~HttpTarget() = default;

void HttpTarget::set_dialect(const Dialect& dialect) { loop_->dialect = dialect; }
const Dialect& HttpTarget::dialect() const { return loop_->dialect; }
double HttpTarget::now_s() { return loop_->now_s(); }
std::int64_t HttpTarget::reconnected() const { return loop_->reconnected; }

void HttpTarget::send(std::uint32_t stream, const Request& request) {
  const Dialect& dialect = loop_->dialect;
  const std::string body = body_of(request, dialect);
  std::string bytes =
      loop_->head("POST", dialect.chat ? "/v1/chat/completions" : "/v1/completions");
  bytes += fmt::format(
      "Accept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
      body.size());
  loop_->open(stream, bytes + body, 16 * 1024, false);
}

void HttpTarget::cancel(std::uint32_t stream) {
  const auto found = loop_->open_streams.find(stream);
  if (found != loop_->open_streams.end()) loop_->drop(Shared(found->second));
}

void HttpTarget::wait(double until_s, Sink& sink) {
  Loop& loop = *loop_;
  loop.sink = &sink;
  loop.told = 0;
  loop.rang = false;
  const double ahead_s = std::min(until_s - now_s(), 3600.0);
  if (ahead_s > 0.0) {
    loop.timer.expires_after(
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(ahead_s)));
    loop.timer.async_wait([&loop](const error_code& error) { loop.rang = loop.rang || !error; });
    while (!loop.rang && loop.told == 0) loop.io.run_one();
    loop.timer.cancel();
  }
  for (int i = 0; i < kAtOnce && loop.io.poll_one() > 0; ++i) {
  }
  loop.sink = nullptr;
}

namespace {

// Waits for one stream.
struct One : Sink {
  void on_text(std::uint32_t, double, std::string_view part,
               std::span<const std::int32_t>) override {
    if (text.size() < 65'536) text += part;
  }
  void on_end(std::uint32_t, double, const End& how) override { end = how; }
  std::string text;
  std::optional<End> end;
};

constexpr std::uint32_t kOwnStream = kNoStream - 1;

}  // namespace

HttpTarget::Page HttpTarget::get(const std::string& path, double timeout_s) {
  check(loop_->open_streams.empty(), "a page is asked for between runs");
  loop_->open(kOwnStream, loop_->head("GET", path) + "\r\n", kPageBytes, false);
  One one;
  const double by_s = now_s() + timeout_s;
  while (!one.end && now_s() < by_s) wait(by_s, one);
  if (!one.end) {
    cancel(kOwnStream);
    return {0, fmt::format("no answer in {:g} s", timeout_s)};
  }
  // A page is "no stream", and that is what was wanted.
  if (one.end->outcome == Outcome::kNotAStream) return {200, loop_->last_body};
  return {one.end->status, loop_->last_message};
}

HttpTarget::Answer HttpTarget::ask(const Request& request, double timeout_s) {
  check(loop_->open_streams.empty(), "a request of its own is sent between runs");
  send(kOwnStream, request);
  One one;
  const double by_s = now_s() + timeout_s;
  while (!one.end && now_s() < by_s) wait(by_s, one);
  if (!one.end) {
    cancel(kOwnStream);
    return {{.outcome = Outcome::kTimedOut}, "", fmt::format("no answer in {:g} s", timeout_s)};
  }
  return {*one.end, one.text, loop_->last_message};
}

std::vector<std::string> HttpTarget::take_messages() {
  std::vector<std::string> lines;
  for (const auto& [outcome, message] : loop_->messages) {
    if (!message.empty()) lines.push_back(fmt::format("{}: {}", name_of(outcome), message));
  }
  loop_->messages.clear();
  return lines;
}

}  // namespace aisp::load
