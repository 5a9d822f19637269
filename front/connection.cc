// See connection.h.
#include "front/connection.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace aisp::front {

namespace asio = boost::asio;
using Stage = RequestReader::Stage;
using boost::system::error_code;

namespace {
constexpr int kSendBuffer = 128 << 10;  // bytes; a token of a stream is 200
}

Connection::Connection(asio::ip::tcp::socket socket, Shared& shared)
    : socket_(std::move(socket)), shared_(shared), reader_(shared.limits) {}

void Connection::start() {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  // Else the system would keep up to 4 MiB of a stream that nobody reads.
  socket_.set_option(asio::socket_base::send_buffer_size(kSendBuffer), ignored);
  socket_.non_blocking(true, ignored);
  // A connection that never says anything has as long as a head takes.
  set_deadline(shared_.limits.head_time);
  wait();
}

void Connection::set_deadline(std::chrono::milliseconds from_now) {
  deadline_ = Clock::now() + from_now;
}

void Connection::look(Clock::time_point now) {
  if (closed_ || now < deadline_) return;
  // Who has begun a request learns why it ends; the others are only closed.
  const bool begun = seen_ == Stage::kHead || seen_ == Stage::kBody;
  if (exchange_ == nullptr && !writing_ && !lingering_ && begun) {
    return refuse(shared_.handler.protocol_error(408, "the request came too slowly"));
  }
  drop();
}

void Connection::close_if_idle() {
  if (exchange_ == nullptr && !writing_ && seen_ == Stage::kIdle) drop();
}

void Connection::drop() {
  if (std::exchange(closed_, true)) return;
  const std::shared_ptr<Connection> self = shared_from_this();
  shared_.open.erase(self);
  count_body(0);
  error_code ignored;
  socket_.close(ignored);
  if (const auto exchange = std::exchange(exchange_, nullptr)) {
    --shared_.exchanges;
    exchange->close(Closing::kGone);
  }
}

void Connection::wait() {
  if (waiting_ || closed_) return;
  waiting_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_read,
                     [self = shared_from_this()](const error_code& error) {
                       self->waiting_ = false;
                       if (self->closed_) return;
                       if (error) return self->drop();
                       self->readable();
                     });
}

void Connection::readable() {
  error_code error;
  const std::size_t bytes = socket_.read_some(asio::buffer(shared_.scratch), error);
  if (error == asio::error::would_block || error == asio::error::interrupted) return wait();
  if (error) return drop();  // the end of the stream too: whoever closes has gone
  if (lingering_) return wait();
  reader_.feed({shared_.scratch.data(), bytes});
  if (exchange_ == nullptr && !writing_) return advance();
  // Sent ahead: kept, but not without a limit; the rest is read when this answer is out.
  if (reader_.unread() < shared_.limits.unread_bytes) wait();
}

void Connection::count_body(std::size_t bytes) {
  *shared_.bodies_bytes += bytes - body_counted_;  // modulo 2^64: it may shrink
  body_counted_ = bytes;
}

// Looks at what the reader has made of the bytes so far.
void Connection::advance() {
  const Stage before = std::exchange(seen_, reader_.stage());
  switch (seen_) {
    case Stage::kIdle:
      break;
    case Stage::kHead:
      if (before != Stage::kHead) set_deadline(shared_.limits.head_time);
      break;
    case Stage::kBody: {
      count_body(std::max(reader_.body_bytes().value_or(0), reader_.body_so_far()));
      if (*shared_.bodies_bytes > shared_.limits.bodies_bytes) {
        HttpResponse full = shared_.handler.protocol_error(429, "too many bodies at once");
        full.headers.push_back({"Retry-After", "1"});
        return refuse(full);
      }
      if (before == Stage::kBody) break;
      set_deadline(shared_.limits.body_time);
      if (const auto refusal = shared_.handler.refuse(reader_.head())) return refuse(*refusal);
      if (reader_.wants_continue()) {
        error_code ignored;  // 25 bytes into an empty buffer; should they not go, nor does the rest
        socket_.write_some(asio::buffer("HTTP/1.1 100 Continue\r\n\r\n", 25), ignored);
      }
      break;
    }
    case Stage::kWhole:
      return answer();
    case Stage::kError:
      return refuse(shared_.handler.protocol_error(reader_.error().status, reader_.error().why));
  }
  wait();
}

// Answers without reading on; the connection closes when the client has had time to read it.
void Connection::refuse(const HttpResponse& response) {
  count_body(0);
  last_ = true;
  sending_ = head_text(response, response.body.size(), false, true) + response.body;
  writing_ = true;
  set_deadline(shared_.limits.write_time);
  asio::async_write(socket_, asio::buffer(sending_),
                    [self = shared_from_this()](const error_code& error, std::size_t) {
                      self->writing_ = false;
                      if (self->closed_) return;
                      if (error) return self->drop();
                      self->answered();
                    });
}

void Connection::answer() {
  HttpRequest request = reader_.take();
  count_body(request.body.size());
  request.room = std::shared_ptr<void>(
      nullptr, [all = shared_.bodies_bytes, bytes = std::exchange(body_counted_, 0)](void*) {
        *all -= bytes;
      });
  exchange_ = std::make_shared<Exchange>(std::move(request), shared_.limits.stream_bytes);
  ++shared_.exchanges;
  deadline_ = Clock::time_point::max();
  // Whoever wakes is on another thread, or within handle(): pump() never runs inside of it.
  exchange_->set_wake([weak = weak_from_this(), &context = shared_.context] {
    asio::post(context, [weak] {
      if (const auto self = weak.lock()) self->pump();
    });
  });
  wait();
  const std::shared_ptr<Exchange> exchange = exchange_;
  // Also with a body of length 0: what holds for heads is asked of every request.
  if (auto refusal = shared_.handler.refuse(exchange->request)) {
    return exchange->respond(std::move(*refusal));
  }
  shared_.handler.handle(exchange);
}

void Connection::pump() {
  if (closed_ || writing_ || exchange_ == nullptr) return;
  Exchange::Taken taken = exchange_->take();
  if (taken.overflowed) return drop();
  if (!taken.bytes.empty()) {
    sending_ = std::move(taken.bytes);
    writing_ = true;
    set_deadline(shared_.limits.write_time);
    asio::async_write(socket_, asio::buffer(sending_),
                      [self = shared_from_this()](const error_code& error, std::size_t bytes) {
                        self->sent(bytes, error.failed());
                      });
    return;
  }
  if (!taken.ended) return;
  last_ = taken.broken || !exchange_->request.keep_alive || shared_.closing;
  --shared_.exchanges;
  std::exchange(exchange_, nullptr)->close(Closing::kWritten);
  answered();
}

void Connection::sent(std::size_t /*bytes*/, bool failed) {
  writing_ = false;
  if (closed_) return;
  if (failed) return drop();
  if (sending_.capacity() > std::size_t{4} << 10) sending_ = {};
  deadline_ = Clock::time_point::max();
  pump();
}

// The answer is out: the next request, or the end.
void Connection::answered() {
  sending_ = {};
  if (last_) {
    // Closing with unread bytes would destroy the answer on its way (RFC 9112, 9.6).
    lingering_ = true;
    error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    set_deadline(shared_.limits.linger_time);
    return wait();
  }
  set_deadline(shared_.limits.idle_time);
  seen_ = Stage::kIdle;
  advance();
}

}  // namespace aisp::front
