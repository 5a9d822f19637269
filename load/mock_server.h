// For tests: a server on loopback whose every byte and delay is known, in a thread of its own. Each
// request that comes is answered by a script: pieces of bytes, each after a delay. It takes any
// request that has a head and a body of the length the head says.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace aisp::load {

struct Script {
  struct Piece {
    double after_s = 0.0;  // since the piece before
    std::string bytes;
  };
  std::vector<Piece> pieces;
  bool close = false;     // the connection, behind the last piece
  bool repeat = false;    // the last piece, until the client goes away
  bool keep_open = true;  // false: reset instead of an orderly end
};

inline std::string chunk(const std::string& text) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + text + "\r\n";
}

inline std::string token_event(const std::string& word = "w ") {
  return chunk("data: {\"choices\":[{\"text\":\"" + word + "\",\"finish_reason\":null}]}\n\n");
}

/// A right answer of `tokens` tokens: the first after first_s, the others gap_s apart.
inline Script answer_script(int tokens, double first_s, double gap_s, int prompt_tokens = 32) {
  Script script;
  script.pieces.push_back({0.0,
                           "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n"});
  for (int i = 0; i < tokens; ++i)
    script.pieces.push_back({i == 0 ? first_s : gap_s, token_event()});
  script.pieces.push_back(
      {0.0, chunk("data: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"length\"}]}\n\n"
                  "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":" +
                  std::to_string(prompt_tokens) +
                  ",\"completion_tokens\":" + std::to_string(tokens) + "}}\n\ndata: [DONE]\n\n") +
                "0\r\n\r\n"});
  return script;
}

inline Script page_script(int status, const std::string& type, const std::string& body,
                          const std::string& more = "") {
  Script script;
  script.pieces.push_back(
      {0.0, "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: " + type + "\r\n" + more +
                "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body});
  return script;
}

class MockServer {
 public:
  /// `answer` is given the head and the body of a request and its number; called on the server's
  /// thread.
  using Answer =
      std::function<Script(const std::string& head, const std::string& body, int number)>;
  explicit MockServer(Answer answer)
      : answer_(std::move(answer)), acceptor_(io_, {boost::asio::ip::address_v4::loopback(), 0}) {
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~MockServer() {
    io_.stop();
    thread_.join();
  }
  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }
  int connections() const { return connections_; }
  int requests() const { return requests_; }

 private:
  struct Peer {
    explicit Peer(boost::asio::io_context& io) : socket(io), timer(io) {}
    boost::asio::ip::tcp::socket socket;
    boost::asio::steady_timer timer;
    boost::asio::streambuf in;
    std::string head, body, out;
    Script script;
    std::size_t next = 0;
  };
  using Shared = std::shared_ptr<Peer>;
  using Code = boost::system::error_code;

  void accept() {
    const auto peer = std::make_shared<Peer>(io_);
    acceptor_.async_accept(peer->socket, [this, peer](const Code& failed) {
      if (failed) return;
      ++connections_;
      boost::system::error_code ignored;
      peer->socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
      read_head(peer);
      accept();
    });
  }
  void read_head(const Shared& peer) {
    boost::asio::async_read_until(
        peer->socket, peer->in, "\r\n\r\n", [this, peer](const Code& failed, std::size_t size) {
          if (failed) return;
          peer->head = take(peer->in, size);
          const std::size_t at = peer->head.find("Content-Length: ");
          const std::size_t length =
              at == std::string::npos ? 0 : std::stoul(peer->head.substr(at + 16));
          const std::size_t have = std::min(length, peer->in.size());
          boost::asio::async_read(peer->socket, peer->in,
                                  boost::asio::transfer_exactly(length - have),
                                  [this, peer, length](const Code& cut, std::size_t) {
                                    if (cut) return;
                                    peer->body = take(peer->in, length);
                                    peer->script = answer_(peer->head, peer->body, requests_++);
                                    peer->next = 0;
                                    play(peer);
                                  });
        });
  }
  static std::string take(boost::asio::streambuf& in, std::size_t size) {
    const auto* data = static_cast<const char*>(in.data().data());
    std::string text(data, size);
    in.consume(size);
    return text;
  }
  void play(const Shared& peer) {
    if (peer->next == peer->script.pieces.size()) {
      Code ignored;
      if (!peer->script.keep_open) {
        peer->socket.set_option(boost::asio::socket_base::linger(true, 0), ignored);
        peer->socket.close(ignored);
      } else if (peer->script.close) {
        peer->socket.shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
        peer->socket.close(ignored);
      } else {
        read_head(peer);
      }
      return;
    }
    const Script::Piece& piece = peer->script.pieces[peer->next];
    peer->out = piece.bytes;
    if (!peer->script.repeat || peer->next + 1 < peer->script.pieces.size()) ++peer->next;
    peer->timer.expires_after(
        std::chrono::microseconds(static_cast<std::int64_t>(piece.after_s * 1e6)));
    peer->timer.async_wait([this, peer](const Code&) {
      boost::asio::async_write(peer->socket, boost::asio::buffer(peer->out),
                               [this, peer](const Code& failed, std::size_t) {
                                 if (!failed) play(peer);
                               });
    });
  }

  Answer answer_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::atomic<int> connections_{0}, requests_{0};
  std::thread thread_;
};

}  // namespace aisp::load
