// HTTP/1.1 on one I/O thread: the listener, connections with their deadlines, and signals. What is
// answered is the Handler's affair.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "front/http.h"
#include "front/limits.h"

namespace aisp::front {

struct Address {
  std::string host = "127.0.0.1";  // an IP address
  int port = 8080;                 // 0: any that is free
  bool loopback() const;
};

/// "127.0.0.1:8080" or "[::1]:8080". Throws Error.
Address read_address(const std::string& text);

class HttpServer {
 public:
  /// Listens. Throws Error: not an address, in use, no right to.
  HttpServer(const Address& address, const Limits& limits, Handler& handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;

  /// `on_signal` is called on the I/O thread with SIGINT, SIGTERM or SIGHUP. Before run().
  void catch_signals(std::function<void(int)> on_signal);
  /// `on_tick` is called on the I/O thread four times a second. Before run().
  void set_tick(std::function<void()> on_tick);

  /// Serves on this thread until stop(). Then what is open is dropped.
  void run();
  /// Any thread.
  void stop();

  /// Drops every connection; when run() has returned.
  void close();

  /// I/O thread: connections, and of them those with a request under way.
  int connections() const;
  int exchanges() const;
  /// Any thread: bytes of bodies that are read or wait to be.
  std::size_t bodies_bytes() const;
  /// I/O thread: connections close after the answer under way.
  void close_after_answers();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aisp::front
