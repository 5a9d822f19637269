// A small HTTP server on Boost.Beast: one thread answers, one examines. See metrics.h.
//
// Source: Boost.Beast 1.81 documentation, tcp_stream timeouts.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "doctor/metrics.h"

namespace aisp::doctor {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

constexpr auto kConnectionLimit = std::chrono::seconds(5);
constexpr auto kStopEvery = std::chrono::milliseconds(100);
constexpr int kMostConnections = 64;
constexpr std::uint32_t kMostHead = 8 * 1024, kMostBody = 1024;

// What is served: replaced whole after each examination.
struct Served {
  std::mutex mutex;
  std::string metrics, json;
};

using Response = http::response<http::string_body>;

Response answer(const http::request<http::string_body>& request, Served& served) {
  Response response;
  response.version(request.version());
  response.keep_alive(false);
  response.set(http::field::content_type, "text/plain; version=0.0.4; charset=utf-8");
  const std::string_view target(request.target().data(), request.target().size());
  const bool known = target == "/metrics" || target == "/report.json" || target == "/health";
  if (request.method() != http::verb::get) {
    response.result(http::status::method_not_allowed);
    response.set(http::field::allow, "GET");
  } else if (!known) {
    response.result(http::status::not_found);
    response.body() = "see /metrics, /report.json, /health\n";
  } else if (const std::lock_guard lock(served.mutex); target == "/health") {
    response.body() = "ok\n";
  } else if (served.metrics.empty()) {
    response.result(http::status::service_unavailable);
    response.set(http::field::retry_after, "5");
    response.body() = "the first examination is under way\n";
  } else if (target == "/metrics") {
    response.body() = served.metrics;
  } else {
    response.set(http::field::content_type, "application/json");
    response.body() = served.json;
  }
  response.prepare_payload();
  return response;
}

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Served& served, int& open)
      : stream_(std::move(socket)), served_(served), open_(open) {
    ++open_;
  }
  ~Connection() { --open_; }

  void start() {
    parser_.header_limit(kMostHead);
    parser_.body_limit(kMostBody);
    stream_.expires_after(kConnectionLimit);
    http::async_read(stream_, buffer_, parser_,
                     [self = shared_from_this()](beast::error_code error, std::size_t) {
                       if (!error) self->reply();
                     });
  }

 private:
  void reply() {
    response_ = answer(parser_.get(), served_);
    stream_.expires_after(kConnectionLimit);
    http::async_write(stream_, response_,
                      [self = shared_from_this()](beast::error_code, std::size_t) {
                        beast::error_code ignored;
                        self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
                      });
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  http::request_parser<http::string_body> parser_;
  Response response_;
  Served& served_;
  int& open_;
};

tcp::acceptor listen_on(asio::io_context& context, const ServeOptions& options) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error) throw Error("not an IP address", options.address, "such as 127.0.0.1 or 0.0.0.0");
  tcp::acceptor acceptor(context);
  const tcp::endpoint where(address, options.port);
  acceptor.open(where.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(where, error);
  if (!error) acceptor.listen(kMostConnections, error);
  if (error) {
    throw Error(error.message(), options.address + ":" + std::to_string(options.port),
                "choose another address or port");
  }
  return acceptor;
}

void examine_for_ever(const ServeOptions& options, Served& served, const std::atomic<bool>& stop) {
  while (!stop) {
    const Examination found = examine(options.examine);
    {
      const std::lock_guard lock(served.mutex);
      served.metrics = metrics_text(found);
      served.json = to_json(found).dump(2, ' ', false, Json::error_handler_t::replace);
    }
    const auto next =
        std::chrono::steady_clock::now() + std::chrono::duration<double>(options.every_s);
    while (!stop && std::chrono::steady_clock::now() < next)
      std::this_thread::sleep_for(kStopEvery);
  }
}

}  // namespace

void serve_metrics(const ServeOptions& options, const std::atomic<bool>& stop) {
  asio::io_context context(1);
  tcp::acceptor acceptor = listen_on(context, options);
  Served served;
  int open = 0;
  std::function<void()> accept = [&] {
    acceptor.async_accept([&](beast::error_code error, tcp::socket socket) {
      if (!error && open < kMostConnections) {
        std::make_shared<Connection>(std::move(socket), served, open)->start();
      }
      if (acceptor.is_open()) accept();
    });
  };
  accept();
  asio::steady_timer timer(context);
  std::function<void(beast::error_code)> look = [&](beast::error_code) {
    if (stop) return context.stop();
    timer.expires_after(kStopEvery);
    timer.async_wait(look);
  };
  look({});
  if (options.listening) options.listening(acceptor.local_endpoint().port());
  const std::jthread examiner([&] { examine_for_ever(options, served, stop); });
  context.run();
}

}  // namespace aisp::doctor
