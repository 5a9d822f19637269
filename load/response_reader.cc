// See response_reader.h.
#include "load/response_reader.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <charconv>

#include "load/stream_event.h"

namespace aisp::load {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using BeastView = boost::beast::string_view;

constexpr std::uint32_t kHeaderBytes = 16 * 1024;
constexpr std::size_t kEventBytes = 64 * 1024;
constexpr std::uint64_t kBodyBytes = std::uint64_t{1} << 40;  // the driver counts what arrives
constexpr double kLongestRetry = 86'400.0;

// Lines of an event stream to whole events: what follows "data:", lines joined.
class EventLines {
 public:
  /// False when an event is too long.
  template <typename OnData>
  bool put(std::string_view bytes, const OnData& on_data) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      line_.append(bytes.substr(0, end));
      if (line_.size() + data_.size() > kEventBytes) return false;
      if (end == std::string_view::npos) return true;
      bytes.remove_prefix(end + 1);
      take_line(on_data);
    }
    return true;
  }
  template <typename OnData>
  void finish(const OnData& on_data) {
    if (!line_.empty()) take_line(on_data);
    take_line(on_data);
  }

 private:
  template <typename OnData>
  void take_line(const OnData& on_data) {
    std::string_view line = line_;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty()) {
      if (has_data_) on_data(std::string_view(data_));
      data_.clear();
      has_data_ = false;
    } else if (line.starts_with("data:")) {
      line.remove_prefix(5);
      if (line.starts_with(' ')) line.remove_prefix(1);
      if (has_data_) data_ += '\n';
      data_ += line;
      has_data_ = true;
    }  // comments and other fields mean nothing here
    line_.clear();
  }

  std::string line_, data_;
  bool has_data_ = false;
};

double seconds_of(std::string_view text) {
  double value = -1.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && value >= 0.0 && value <= kLongestRetry ? value : -1.0;
}

}  // namespace

class ResponseReader::Parser : public http::basic_parser<false> {
 public:
  explicit Parser(std::size_t body_bytes) : body_bytes_(body_bytes) {
    header_limit(kHeaderBytes);
    body_limit(kBodyBytes);
    eager(true);
  }

  void take(std::string_view bytes, const OnText& on_text) {
    if (failed_ || is_done()) return;
    on_text_ = &on_text;
    got_some_ = got_some_ || !bytes.empty();
    pending_.append(bytes);
    while (!pending_.empty() && !failed_ && !is_done()) {
      error_code error;
      const std::size_t taken = put(boost::asio::buffer(pending_), error);
      pending_.erase(0, taken);
      if (error == http::error::need_more) {
        // The header of a chunk, or of the message, is not whole yet.
        if (pending_.size() > kHeaderBytes) fail("a header of more than 16 KiB");
        break;
      }
      if (error) fail(error.message());
      if (taken == 0) break;
    }
    if (is_done() && !failed_) finish();
  }

  void take_end(const OnText& on_text) {
    if (failed_ || is_done()) return;
    on_text_ = &on_text;
    if (got_some_ && is_header_done()) {
      error_code error;
      put_eof(error);  // the end of a body without a length; else an error
      if (!error) finish();
    }
    closed_ = true;
  }

  End end_ = {.outcome = Outcome::kClosedEarly};
  bool answered_ = false, failed_ = false, got_some_ = false, closed_ = false;
  std::string body_, message_;

 private:
  void fail(std::string why) {
    failed_ = true;
    if (answered_) return;
    answered_ = true;
    end_.outcome = Outcome::kBroken;
    message_ = std::move(why);
  }

  // The message is whole: what it says about the answer.
  void finish() {
    if (stream_) lines_.finish([this](std::string_view data) { take_event(data); });
    if (answered_) return;
    if (end_.status != 200) {
      answered_ = true;
      end_.outcome = end_.status == 429   ? Outcome::kTooManyRequests
                     : end_.status == 503 ? Outcome::kUnavailable
                                          : Outcome::kOtherStatus;
      message_ = body_;
    } else if (!stream_) {
      answered_ = true;
      end_.outcome = Outcome::kNotAStream;
      message_ = "status 200, but no text/event-stream";
    } else if (finished_) {
      answered_ = true;
      end_.outcome = Outcome::kAnswered;
    } else {
      answered_ = true;
      message_ = "the stream ended before the answer did";
    }
  }

  void take_event(std::string_view data) {
    if (answered_) return;
    if (data == "[DONE]") {
      answered_ = true;
      end_.outcome = Outcome::kAnswered;
      return;
    }
    StreamEvent event;
    if (!read_stream_event(data, event)) return fail("an event that is no JSON object");
    if (!event.error.empty()) {
      answered_ = true;
      end_.outcome = Outcome::kServerError;
      message_ = event.error;
      return;
    }
    if (!event.text.empty()) (*on_text_)(event.text);
    finished_ = finished_ || event.finished;
    if (event.prompt_tokens >= 0) end_.prompt_tokens = event.prompt_tokens;
    if (event.answer_tokens >= 0) end_.answer_tokens = event.answer_tokens;
    if (event.cached_tokens >= 0) end_.cached_tokens = event.cached_tokens;
  }

  void take_body(std::string_view part) {
    if (!stream_) {
      body_.append(part.substr(0, body_bytes_ - body_.size()));
      if (body_.size() == body_bytes_) {  // enough is known; the rest stays unread
        finish();
        failed_ = true;
      }
    } else if (!lines_.put(part, [this](std::string_view data) { take_event(data); })) {
      fail("an event of more than 64 KiB");
    }
  }

  void on_request_impl(http::verb, BeastView, BeastView, int, error_code&) override {}
  void on_response_impl(int status, BeastView, int, error_code&) override { end_.status = status; }
  void on_field_impl(http::field name, BeastView, BeastView value, error_code&) override {
    if (name == http::field::content_type) {
      stream_type_ = boost::beast::iequals(value.substr(0, std::min<std::size_t>(17, value.size())),
                                           "text/event-stream");
    } else if (name == http::field::retry_after) {
      end_.retry_after_s = seconds_of({value.data(), value.size()});
    }
  }
  void on_header_impl(error_code&) override { stream_ = end_.status == 200 && stream_type_; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(BeastView part, error_code&) override {
    take_body({part.data(), part.size()});
    return part.size();
  }
  void on_chunk_header_impl(std::uint64_t, BeastView, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView part, error_code&) override {
    take_body({part.data(), part.size()});
    return part.size();
  }
  void on_finish_impl(error_code&) override {}

  const std::size_t body_bytes_;
  const OnText* on_text_ = nullptr;
  std::string pending_;
  EventLines lines_;
  bool stream_type_ = false, stream_ = false, finished_ = false;
};

ResponseReader::ResponseReader(std::size_t body_bytes)
    : parser_(std::make_unique<Parser>(body_bytes)) {}
ResponseReader::~ResponseReader() = default;
ResponseReader::ResponseReader(ResponseReader&&) noexcept = default;
ResponseReader& ResponseReader::operator=(ResponseReader&&) noexcept = default;

void ResponseReader::put(std::string_view bytes, const OnText& on_text) {
  parser_->take(bytes, on_text);
}
void ResponseReader::end_of_bytes(const OnText& on_text) { parser_->take_end(on_text); }
bool ResponseReader::answered() const { return parser_->answered_; }
End ResponseReader::end() const { return parser_->end_; }
bool ResponseReader::complete() const { return parser_->is_done() && !parser_->failed_; }
bool ResponseReader::failed() const { return parser_->failed_; }
bool ResponseReader::got_some() const { return parser_->got_some_; }
bool ResponseReader::reusable() const {
  return complete() && !parser_->closed_ && parser_->keep_alive();
}
std::string ResponseReader::message() const { return parser_->message_; }
const std::string& ResponseReader::body() const { return parser_->body_; }

}  // namespace aisp::load
