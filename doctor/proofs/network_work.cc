// Work over TCP connections of this machine with itself: streams with the options of a socket, and
// messages as text or as numbers. What a network card and its wire add is not in it.
// Source: tcp(7), socket(7).
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <thread>

#include "base/error.h"
#include "doctor/proofs/workload.h"

namespace aisp::doctor {
namespace {

void require(bool done, const std::string& what) {
  if (!done) throw Error(std::strerror(errno), what, "");
}

struct SocketOptions {
  int buffer_bytes = 0;   // of each end; 0: the system's
  int segment_bytes = 0;  // most in a segment; 0: the interface's
  bool no_delay = false;
  std::string congestion;  // "": the system's
  void apply(int fd) const {
    const auto set = [&](int level, int name, int value) {
      require(setsockopt(fd, level, name, &value, sizeof value) == 0, "a socket's option");
    };
    if (buffer_bytes > 0) {
      set(SOL_SOCKET, SO_SNDBUF, buffer_bytes);
      set(SOL_SOCKET, SO_RCVBUF, buffer_bytes);
    }
    if (segment_bytes > 0) set(IPPROTO_TCP, TCP_MAXSEG, segment_bytes);
    if (no_delay) set(IPPROTO_TCP, TCP_NODELAY, 1);
    if (!congestion.empty()) {
      require(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion.data(),
                         static_cast<socklen_t>(congestion.size())) == 0,
              "congestion control " + congestion);
    }
  }
};

// Both ends of one connection.
class Connection {
 public:
  explicit Connection(const SocketOptions& options) {
    const int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(door >= 0, "socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const where = reinterpret_cast<sockaddr*>(&address);
    options.apply(door);
    const bool open = bind(door, where, size) == 0 && listen(door, 1) == 0 &&
                      getsockname(door, where, &size) == 0;
    here_ = open ? socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    if (here_ >= 0) {
      options.apply(here_);
      if (connect(here_, where, size) == 0) {
        there_ = accept4(door, nullptr, nullptr, SOCK_CLOEXEC);
      }
    }
    const int failure = errno;
    close(door);
    errno = failure;
    require(there_ >= 0, "a connection of this machine with itself");
    options.apply(there_);
  }
  ~Connection() {
    if (here_ >= 0) close(here_);
    if (there_ >= 0) close(there_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  int here() const { return here_; }
  int there() const { return there_; }

 private:
  int here_ = -1, there_ = -1;
};

bool send_all(int fd, const char* data, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes;) {
    const ssize_t put = send(fd, data + at, bytes - at, MSG_NOSIGNAL);
    if (put <= 0) return false;
    at += static_cast<std::size_t>(put);
  }
  return true;
}

bool receive_all(int fd, char* data, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes;) {
    const ssize_t got = recv(fd, data + at, bytes - at, 0);
    if (got <= 0) return false;
    at += static_cast<std::size_t>(got);
  }
  return true;
}

SocketOptions socket_options(const Arguments& arguments) {
  return {arguments.count("buffer", 0), arguments.count("segment", 0), arguments.flag("no_delay"),
          arguments.word("congestion", "")};
}

// Bytes from one end to the other over several connections, a sender for each; this thread
// receives in turns.
Prepared bulk(const Arguments& arguments) {
  struct State {
    std::vector<std::unique_ptr<Connection>> connections;
    std::vector<char> out, in;
    bool right = true;
  };
  const auto state = std::make_shared<State>();
  const std::size_t count = arguments.size("connections", 1);
  const std::size_t bytes = arguments.size("bytes", 8 << 20) / count;
  const std::size_t write_bytes = std::min(arguments.size("write", 1 << 20), bytes);
  const SocketOptions options = socket_options(arguments);
  for (std::size_t i = 0; i < count; ++i) {
    state->connections.push_back(std::make_unique<Connection>(options));
  }
  state->out.assign(bytes, 'x');
  state->in.assign(256 * 1024, 0);
  Prepared made;
  made.run = [=](std::uint64_t n) {
    for (std::uint64_t call = 0; call < n; ++call) {
      std::vector<std::thread> senders;
      for (const auto& one : state->connections) {
        senders.emplace_back([&, fd = one->here()] {
          for (std::size_t at = 0; at < bytes; at += write_bytes) {
            send_all(fd, state->out.data() + at, std::min(write_bytes, bytes - at));
          }
        });
      }
      for (std::size_t left = bytes; left > 0;) {
        const std::size_t part = std::min(left, state->in.size());
        for (const auto& one : state->connections) {
          if (!receive_all(one->there(), state->in.data(), part)) state->right = false;
          if (state->in[part - 1] != 'x') state->right = false;
        }
        if (!state->right) break;
        left -= part;
      }
      for (std::thread& one : senders) one.join();
    }
  };
  made.wrong = [=] { return state->right ? "" : "bytes were lost"; };
  made.work = static_cast<double>(bytes * count) / (1024.0 * 1024.0);
  made.unit = fmt::format("MiB over {} connection{}", count, count == 1 ? "" : "s");
  made.threads = static_cast<int>(count) + 1;
  return made;
}

std::string as_text(const std::vector<float>& numbers) {
  std::string text = "{\"embedding\":[";
  for (const float one : numbers) text += fmt::format("{},", one);
  text.back() = ']';
  return text + "}";
}

// The array's numbers from such a text, summed.
double sum_of_text(const std::string& text) {
  double sum = 0.0;
  const char* at = text.data() + text.find('[') + 1;
  const char* const end = text.data() + text.size();
  for (float value = 0.0f; at < end; sum += value) {
    const auto [next, failure] = std::from_chars(at, end, value);
    if (failure != std::errc()) break;
    at = next + 1;
  }
  return sum;
}

// An embedding a message, made into bytes, sent, received and read: as JSON or as 32-bit floats.
Prepared messages(const Arguments& arguments) {
  struct State {
    explicit State(const SocketOptions& options) : connection(options) {}
    Connection connection;
    std::vector<float> numbers, received;
    std::string in;
    double expected = 0.0;
    bool right = true;
  };
  SocketOptions options = socket_options(arguments);
  options.no_delay = true;
  const auto state = std::make_shared<State>(options);
  for (int i = 0; i < 768; ++i) state->numbers.push_back(static_cast<float>(i) * 0.125f);
  for (const float one : state->numbers) state->expected += one;
  state->received.resize(state->numbers.size());
  const bool json = arguments.word("format", "json") == "json";
  Prepared made;
  made.run = [=](std::uint64_t n) {
    State& s = *state;
    for (std::uint64_t call = 0; call < n; ++call) {
      double sum = 0.0;
      if (json) {
        const std::string text = as_text(s.numbers);
        s.in.resize(text.size());
        s.right &= send_all(s.connection.here(), text.data(), text.size());
        s.right &= receive_all(s.connection.there(), s.in.data(), s.in.size());
        sum = sum_of_text(s.in);
      } else {
        const std::size_t bytes = 4 * s.numbers.size();
        s.right &= send_all(s.connection.here(), reinterpret_cast<char*>(s.numbers.data()), bytes);
        s.right &=
            receive_all(s.connection.there(), reinterpret_cast<char*>(s.received.data()), bytes);
        for (const float one : s.received) sum += one;
      }
      if (sum != s.expected) s.right = false;
    }
  };
  made.wrong = [=] { return state->right ? "" : "a message arrived with other numbers"; };
  made.work = 1;
  made.unit = "message of 768 numbers";
  return made;
}

}  // namespace

std::vector<WorkloadRow> network_work() { return {{"bulk", bulk}, {"messages", messages}}; }

}  // namespace aisp::doctor
