// For tests: a plain socket that speaks HTTP by hand, so that it can be rude too.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace aisp::front {

struct TestReply {
  int status = 0;  // 0: the connection ended before there was an answer
  std::string head, body;
  bool whole = false;  // the body ended as its head said
  nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
  /// The data of its server-sent events.
  std::vector<std::string> events() const {
    std::vector<std::string> out;
    for (std::size_t at = 0; (at = body.find("data: ", at)) != std::string::npos;) {
      const std::size_t end = body.find("\n\n", at);
      if (end == std::string::npos) break;
      out.push_back(body.substr(at + 6, end - at - 6));
      at = end;
    }
    return out;
  }
  std::string header(const std::string& name) const {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

class TestClient {
 public:
  explicit TestClient(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~TestClient() { close(); }
  TestClient(TestClient&& other) noexcept
      : socket_(other.socket_), connected_(other.connected_), read_(std::move(other.read_)) {
    other.socket_ = -1;
  }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  bool connected() const { return connected_; }
  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  /// Ends with a reset, as a killed machine does.
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void end_sending() { ::shutdown(socket_, SHUT_WR); }
  void shrink_buffers() {
    const int bytes = 4096;
    setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }

  /// False when the other side did not take all of it.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  static std::string post(const std::string& path, const std::string& body,
                          const std::string& headers = "") {
    return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  static std::string get(const std::string& path, const std::string& headers = "") {
    return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
  }

  /// Reads until `text` has come (it stays unread), or the end; false then.
  bool wait_for(std::string_view text, int ms = 20'000) {
    while (read_.find(text) == std::string::npos) {
      if (!more(ms)) return false;
    }
    return true;
  }
  /// True when the other side has closed within `ms`; what it sends until then is dropped.
  bool ends(int ms = 20'000) {
    while (more(ms)) read_.clear();
    return !timed_out_;
  }

  /// The next answer.
  TestReply read() {
    TestReply reply;
    if (!wait_for("\r\n\r\n")) return reply;
    const std::size_t end = read_.find("\r\n\r\n") + 4;
    reply.head = read_.substr(0, end);
    read_.erase(0, end);
    reply.status = std::atoi(reply.head.c_str() + 9);
    if (reply.status == 100) return reply;
    const std::string length = reply.header("Content-Length");
    if (!length.empty()) {
      reply.whole = take(std::strtoull(length.c_str(), nullptr, 10), reply.body);
    } else if (reply.header("Transfer-Encoding") == "chunked") {
      reply.whole = read_chunks(reply.body);
    } else {
      while (more()) continue;
      reply.body.swap(read_);
      reply.whole = true;
    }
    return reply;
  }
  TestReply ask(const std::string& request) { return send(request) ? read() : TestReply{}; }

 private:
  bool more(int ms = 20'000) {
    pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
    timed_out_ = ::poll(&ready, 1, ms) == 0;
    if (timed_out_) return false;
    char buffer[16384];
    const ssize_t bytes = ::recv(socket_, buffer, sizeof buffer, 0);
    if (bytes <= 0) return false;
    read_.append(buffer, static_cast<std::size_t>(bytes));
    return true;
  }
  bool take(std::size_t bytes, std::string& to) {
    while (read_.size() < bytes) {
      if (!more()) return false;
    }
    to += read_.substr(0, bytes);
    read_.erase(0, bytes);
    return true;
  }
  bool read_chunks(std::string& body) {
    for (;;) {
      if (!wait_for("\r\n")) return false;
      const std::size_t bytes = std::strtoull(read_.c_str(), nullptr, 16);
      read_.erase(0, read_.find("\r\n") + 2);
      std::string chunk;
      if (!take(bytes + 2, chunk)) return false;
      if (bytes == 0) return true;
      body += chunk.substr(0, bytes);
    }
  }

  int socket_;
  bool connected_ = false, timed_out_ = false;
  std::string read_;
};

}  // namespace aisp::front
