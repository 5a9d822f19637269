// See http_server.h.
#include "front/http_server.h"

#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <csignal>

#include "base/error.h"
#include "front/connection.h"

namespace aisp::front {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

// Deadlines are seconds: four looks a second at a few thousand connections take microseconds.
constexpr std::chrono::milliseconds kTick{250};
constexpr int kBacklog = 1024;
constexpr int kOtherFiles = 64;  // of the process: model, log, libraries

// A connection is an open file. Returns how many connections there may be.
int raise_file_limit(int wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  const rlim_t files = static_cast<rlim_t>(wanted) + kOtherFiles;
  if (limit.rlim_cur < files) {
    limit.rlim_cur = std::min(files, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  return static_cast<int>(std::min(files, limit.rlim_cur)) - kOtherFiles;
}

}  // namespace

bool Address::loopback() const {
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

Address read_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  Address address;
  bool right = colon != std::string::npos;
  if (right) {
    address.host = text.substr(0, colon);
    if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']') {
      address.host = address.host.substr(1, address.host.size() - 2);
    }
    const char *begin = text.data() + colon + 1, *end = text.data() + text.size();
    const auto [at, problem] = std::from_chars(begin, end, address.port);
    right = problem == std::errc() && at == end && address.port >= 0 && address.port < 65536;
  }
  error_code error;
  if (right) asio::ip::make_address(address.host, error);
  if (!right || error) {
    throw Error("not an address and a port", text, "such as 127.0.0.1:8080 or [::]:8080");
  }
  return address;
}

struct HttpServer::State {
  State(const Limits& limits, Handler& handler)
      : context(1), shared{.context = context, .limits = limits, .handler = handler} {}

  void listen(const Address& address) {
    const tcp::endpoint where(asio::ip::make_address(address.host),
                              static_cast<std::uint16_t>(address.port));
    error_code error;
    acceptor.open(where.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(where, error);
    if (!error) acceptor.listen(kBacklog, error);
    if (error) {
      throw Error(error.message(), address.host + ":" + std::to_string(address.port),
                  "choose another address or port with --listen");
    }
  }

  void accept() {
    acceptor.async_accept([this](const error_code& error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) {  // no more files: the next tick tries again
        accept_again = true;
        return;
      }
      if (static_cast<int>(shared.open.size()) < shared.limits.connections) {
        const auto connection = std::make_shared<Connection>(std::move(socket), shared);
        shared.open.insert(connection);
        connection->start();
      } else {
        // No word of why: who writes to everybody beyond the limit has no limit.
        error_code ignored;
        socket.close(ignored);
      }
      accept();
    });
  }

  void tick() {
    timer.expires_after(kTick);
    timer.async_wait([this](const error_code& error) {
      if (error) return;
      const auto now = Clock::now();
      looked_at.assign(shared.open.begin(), shared.open.end());
      for (const auto& connection : looked_at) {
        connection->look(now);
        if (shared.closing) connection->close_if_idle();
      }
      looked_at.clear();
      if (std::exchange(accept_again, false)) accept();
      if (on_tick) on_tick();
      tick();
    });
  }

  void wait_for_signal() {
    signals.async_wait([this](const error_code& error, int signal) {
      if (error) return;
      on_signal(signal);
      wait_for_signal();
    });
  }

  asio::io_context context;
  Shared shared;
  tcp::acceptor acceptor{context};
  asio::steady_timer timer{context};
  asio::signal_set signals{context};
  std::function<void(int)> on_signal;
  std::function<void()> on_tick;
  std::vector<std::shared_ptr<Connection>> looked_at;
  bool accept_again = false;
};

HttpServer::HttpServer(const Address& address, const Limits& limits, Handler& handler) {
  Limits allowed = limits;
  allowed.connections = raise_file_limit(limits.connections);
  state_ = std::make_unique<State>(allowed, handler);
  state_->listen(address);
}

HttpServer::~HttpServer() { close(); }

void HttpServer::close() {
  state_->looked_at.assign(state_->shared.open.begin(), state_->shared.open.end());
  for (const auto& connection : state_->looked_at) connection->drop();
  state_->looked_at.clear();
}

int HttpServer::port() const { return state_->acceptor.local_endpoint().port(); }

void HttpServer::catch_signals(std::function<void(int)> on_signal) {
  state_->on_signal = std::move(on_signal);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) state_->signals.add(signal);
  state_->wait_for_signal();
}

void HttpServer::set_tick(std::function<void()> on_tick) { state_->on_tick = std::move(on_tick); }

void HttpServer::run() {
  state_->accept();
  state_->tick();
  state_->context.run();
}

void HttpServer::stop() { state_->context.stop(); }

int HttpServer::connections() const { return static_cast<int>(state_->shared.open.size()); }
int HttpServer::exchanges() const { return state_->shared.exchanges; }
std::size_t HttpServer::bodies_bytes() const { return *state_->shared.bodies_bytes; }
void HttpServer::close_after_answers() { state_->shared.closing = true; }

}  // namespace aisp::front
