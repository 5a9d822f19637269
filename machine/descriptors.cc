// See descriptors.h.
#include "machine/descriptors.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "machine/crew.h"

namespace aisp::machine {
namespace {

Descriptor duplicate(const Descriptor& from) {
  Descriptor copy(fcntl(from.get(), F_DUPFD_CLOEXEC, 0));
  if (copy.get() < 0) refuse("a descriptor");
  return copy;
}

Channel of_sockets(Descriptor near_end, Descriptor far_end) {
  Channel channel;
  channel.near_out = duplicate(near_end);
  channel.far_out = duplicate(far_end);
  channel.near_in = std::move(near_end);
  channel.far_in = std::move(far_end);
  return channel;
}

// Both are sockets or both are pipes; a signal is no end.
bool read_byte(int from) {
  char byte;
  ssize_t got;
  do got = read(from, &byte, 1);
  while (got < 0 && errno == EINTR);
  return got == 1;
}

bool write_byte(int to) {
  const char byte = 1;
  ssize_t put;
  do put = write(to, &byte, 1);
  while (put < 0 && errno == EINTR);
  return put == 1;
}

}  // namespace

void refuse(const std::string& what) {
  throw Error(what + " is refused: " + std::strerror(errno), "", "");
}

void Descriptor::reset() {
  if (number_ >= 0) close(number_);
  number_ = -1;
}

Channel pipe_channel() {
  Channel channel;
  int there[2], back[2];
  if (pipe2(there, O_CLOEXEC) != 0) refuse("a pipe");
  channel.far_in = Descriptor(there[0]);
  channel.near_out = Descriptor(there[1]);
  if (pipe2(back, O_CLOEXEC) != 0) refuse("a pipe");
  channel.near_in = Descriptor(back[0]);
  channel.far_out = Descriptor(back[1]);
  return channel;
}

Channel unix_channel() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) refuse("a UNIX socket");
  return of_sockets(Descriptor(ends[0]), Descriptor(ends[1]));
}

Channel tcp_channel() {
  const Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (listener.get() < 0) refuse("a TCP socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (bind(listener.get(), plain, size) != 0 || listen(listener.get(), 1) != 0 ||
      getsockname(listener.get(), plain, &size) != 0) {
    refuse("a TCP port of 127.0.0.1");
  }
  Descriptor near_end(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (near_end.get() < 0) refuse("a TCP socket");
  if (connect(near_end.get(), plain, size) != 0) refuse("a connection to 127.0.0.1");
  Descriptor far_end(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (far_end.get() < 0) refuse("a connection from 127.0.0.1");
  const int on = 1;
  setsockopt(near_end.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(far_end.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return of_sockets(std::move(near_end), std::move(far_end));
}

void round_trips(const Channel& channel, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    if (!write_byte(channel.near_out.get()) || !read_byte(channel.near_in.get())) {
      throw Error("a channel broke while it was measured", "", "");
    }
  }
}

Echo::Echo(Channel& channel, const std::vector<int>& cores)
    : channel_(channel), thread_([&channel, cores] {
        if (!cores.empty()) run_on(cores);
        while (read_byte(channel.far_in.get()) && write_byte(channel.far_out.get())) {
        }
      }) {}

Echo::~Echo() {
  // A duplicate keeps a socket open: its end is announced first.
  shutdown(channel_.near_out.get(), SHUT_RDWR);
  channel_.near_out.reset();
  thread_.join();
}

}  // namespace aisp::machine
