// See http.h.
#include "front/http.h"

#include <fmt/format.h>

#include <algorithm>

namespace aisp::front {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "Unknown";
  }
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  for (const char c : value) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out += c;
  }
  out += "\r\n";
}

}  // namespace

std::string_view HttpRequest::header(std::string_view name) const {
  const auto same = [&](const Header& header) {
    return std::ranges::equal(header.name, name, {}, lower, lower);
  };
  const auto found = std::ranges::find_if(headers, same);
  return found == headers.end() ? std::string_view() : std::string_view(found->value);
}

std::string_view HttpRequest::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string head_text(const HttpResponse& response, std::optional<std::size_t> length,
                      bool keep_alive, bool chunks) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
  append_header(out, "Content-Type", response.type);
  for (const Header& header : response.headers) append_header(out, header.name, header.value);
  if (length) {
    append_header(out, "Content-Length", std::to_string(*length));
  } else if (chunks) {
    append_header(out, "Transfer-Encoding", "chunked");
  }
  append_header(out, "Connection", keep_alive ? "keep-alive" : "close");
  return out += "\r\n";
}

void Exchange::call_wake(std::unique_lock<std::mutex>& lock) {
  if (awake_ || !wake_) return;
  awake_ = true;
  const std::function<void()> wake = wake_;
  lock.unlock();
  wake();
}

void Exchange::respond(HttpResponse response) {
  std::unique_lock lock(mutex_);
  if (closed_ || ended_) return;
  waiting_ += head_text(response, response.body.size(), request.keep_alive, true);
  waiting_ += response.body;
  ended_ = true;
  call_wake(lock);
}

void Exchange::begin(const HttpResponse& head) {
  std::unique_lock lock(mutex_);
  if (closed_ || ended_) return;
  streaming_ = true;
  if (!request.chunks) request.keep_alive = false;
  waiting_ += head_text(head, std::nullopt, request.keep_alive, request.chunks);
  call_wake(lock);
}

bool Exchange::write(std::string_view piece) {
  std::unique_lock lock(mutex_);
  if (closed_ || ended_) return false;
  if (waiting_.size() + piece.size() > most_waiting_) {
    ended_ = broken_ = overflowed_ = true;
    waiting_.clear();
    waiting_.shrink_to_fit();
    call_wake(lock);
    return false;
  }
  if (!piece.empty()) {
    if (request.chunks) waiting_ += fmt::format("{:x}\r\n", piece.size());
    waiting_ += piece;
    if (request.chunks) waiting_ += "\r\n";
  }
  call_wake(lock);
  return true;
}

void Exchange::end(bool broken) {
  std::unique_lock lock(mutex_);
  if (closed_ || ended_) return;
  ended_ = true;
  broken_ = broken;
  if (!broken && request.chunks) waiting_ += "0\r\n\r\n";
  call_wake(lock);
}

Exchange::Taken Exchange::take() {
  const std::lock_guard lock(mutex_);
  awake_ = false;
  Taken taken{.ended = ended_, .broken = broken_, .overflowed = overflowed_};
  taken.bytes.swap(waiting_);
  return taken;
}

void Exchange::close(Closing how) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    closed_ = true;
    wake_ = nullptr;
    waiting_.clear();
  }
  if (on_close) on_close(how);
  on_close = nullptr;  // it holds who holds this
}

void Exchange::set_wake(std::function<void()> wake) {
  std::unique_lock lock(mutex_);
  wake_ = std::move(wake);
  if (!waiting_.empty() || ended_) call_wake(lock);
}

}  // namespace aisp::front
