// One client: bytes in, one request at a time, bytes out. All of it on the I/O thread. The inside
// of http_server.cc; nothing else includes it.
//
//   reading -> (refused: answering, then lingering) -> answering -> reading ... -> closed
//
// A read is always under way, also while an answer is made: so a client that leaves is noticed at
// once. It waits without a buffer; all connections share one to read into.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "front/http.h"
#include "front/limits.h"
#include "front/request_reader.h"

namespace aisp::front {

class Connection;

/// What connections share; it outlives them.
struct Shared {
  boost::asio::io_context& context;
  Limits limits;
  Handler& handler;
  std::unordered_set<std::shared_ptr<Connection>> open;
  std::vector<char> scratch = std::vector<char>(std::size_t{64} << 10);
  /// Of bodies that are read or wait for a worker. It outlives this: the last may be dropped late.
  std::shared_ptr<std::atomic<std::size_t>> bodies_bytes =
      std::make_shared<std::atomic<std::size_t>>(0);
  int exchanges = 0;
  bool closing = false;  // no request after the one under way
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::ip::tcp::socket socket, Shared& shared);

  void start();
  /// Closes it when its deadline has passed.
  void look(Clock::time_point now);
  /// Closes it when no request is under way.
  void close_if_idle();
  void drop();

 private:
  void wait();
  void readable();
  void advance();
  void refuse(const HttpResponse& response);
  void answer();
  void pump();
  void sent(std::size_t bytes, bool failed);
  void answered();
  void count_body(std::size_t bytes);
  void set_deadline(std::chrono::milliseconds from_now);

  boost::asio::ip::tcp::socket socket_;
  Shared& shared_;
  RequestReader reader_;
  RequestReader::Stage seen_ = RequestReader::Stage::kIdle;
  std::shared_ptr<Exchange> exchange_;
  std::string sending_;
  std::size_t body_counted_ = 0;  // of the body being read
  Clock::time_point deadline_;
  bool writing_ = false, waiting_ = false, closed_ = false;
  bool last_ = false;       // after this answer the connection closes
  bool lingering_ = false;  // the answer is out; what still comes in is thrown away
};

}  // namespace aisp::front
