// See request_reader.h. Source: Boost.Beast 1.74 documentation, parsing without a stream.
#include "front/request_reader.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace aisp::front {

namespace http = boost::beast::http;

struct RequestReader::Parser : http::request_parser<http::string_body> {};

namespace {

std::string text(boost::beast::string_view view) { return {view.data(), view.size()}; }

// What a parser's error means to the client.
RequestReader::Problem problem_of(const boost::beast::error_code& error) {
  if (error == http::error::header_limit) return {431, "the head is too large"};
  if (error == http::error::body_limit) return {413, "the body is too large"};
  return {400, "this is not HTTP/1.1: " + error.message()};
}

}  // namespace

RequestReader::RequestReader(const Limits& limits) : limits_(limits) {}
RequestReader::~RequestReader() = default;

RequestReader::Stage RequestReader::feed(std::string_view bytes) {
  unread_.append(bytes);
  if (stage_ != Stage::kWhole && stage_ != Stage::kError) read();
  return stage_;
}

void RequestReader::fail(int status, std::string why) {
  problem_ = {status, std::move(why)};
  stage_ = Stage::kError;
  parser_.reset();
  unread_.clear();
}

// Hands the parser what is unread until it wants more or has a whole request.
void RequestReader::read() {
  std::size_t at = 0;
  while (at < unread_.size()) {
    if (stage_ == Stage::kIdle) {
      // Empty lines before a request are not part of it (RFC 9112, 2.2).
      if (unread_[at] == '\r' || unread_[at] == '\n') {
        ++at;
        continue;
      }
      parser_ = std::make_unique<Parser>();
      parser_->header_limit(static_cast<std::uint32_t>(limits_.head_bytes));
      parser_->body_limit(limits_.body_bytes);
      parser_->eager(true);
      stage_ = Stage::kHead;
    }
    boost::beast::error_code error;
    const std::size_t used =
        parser_->put(boost::asio::const_buffer(unread_.data() + at, unread_.size() - at), error);
    at += used;
    if (error && error != http::error::need_more) {
      const Problem problem = problem_of(error);
      return fail(problem.status, problem.why);
    }
    if (stage_ == Stage::kHead && parser_->is_header_done()) {
      const auto& message = parser_->get();
      request_ = HttpRequest{};
      request_.method = text(message.method_string());
      request_.target = text(message.target());
      for (const auto& field : message) {
        request_.headers.push_back({text(field.name_string()), text(field.value())});
      }
      request_.keep_alive = message.keep_alive();
      request_.chunks = message.version() >= 11;
      continue_asked_ = request_.chunks && request_.header("expect") == "100-continue";
      stage_ = Stage::kBody;
    }
    if (stage_ == Stage::kBody && parser_->is_done()) {
      request_.body = std::move(parser_->get().body());
      parser_.reset();
      stage_ = Stage::kWhole;
      break;
    }
    if (error || used == 0) break;  // more bytes are needed
  }
  unread_.erase(0, at);
  // A head or the size line of a chunk that does not end: the parser asks for more for ever.
  if (stage_ != Stage::kWhole && unread_.size() > limits_.head_bytes) {
    if (stage_ == Stage::kBody) return fail(400, "the size of a chunk takes too many bytes");
    fail(431, "the head is too large");
  }
}

bool RequestReader::wants_continue() {
  return stage_ == Stage::kBody && std::exchange(continue_asked_, false);
}

std::optional<std::size_t> RequestReader::body_bytes() const {
  if (parser_ == nullptr) return std::nullopt;
  const auto length = parser_->content_length();
  if (!length) return std::nullopt;
  return static_cast<std::size_t>(*length);
}

std::size_t RequestReader::body_so_far() const {
  return parser_ == nullptr ? request_.body.size() : parser_->get().body().size();
}

HttpRequest RequestReader::take() {
  HttpRequest taken = std::move(request_);
  request_ = HttpRequest{};
  stage_ = Stage::kIdle;
  read();
  return taken;
}

}  // namespace aisp::front
