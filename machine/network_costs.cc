// Costs of the loopback network: what two processes of one machine pay to talk. A real network adds
// to this and is never quicker.
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <memory>

#include "base/error.h"
#include "base/units.h"
#include "machine/cost_sheet.h"
#include "machine/descriptors.h"

namespace aisp::machine {
namespace {

// A call's worth: the call itself (0.2 us) is nothing beside copying it (50 us at 5 GB/s).
constexpr std::size_t kBlock = std::size_t{256} << 10;
constexpr std::int64_t kFirstBlocks = 16;      // 4 MiB: less is mostly waking the receiver
constexpr double kStreamEpochSeconds = 10e-3;  // long against filling and draining the window
constexpr int kMostStreams = 4;

bool send_all(int to, const void* bytes, std::size_t size) {
  const auto* at = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t put = send(to, at, size, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    at += put;
    size -= static_cast<std::size_t>(put);
  }
  return true;
}

bool receive_all(int from, void* bytes, std::size_t size) {
  auto* at = static_cast<char*>(bytes);
  while (size > 0) {
    const ssize_t got = recv(from, at, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

// One TCP connection with its receiver: a length, so many bytes, one byte back.
class Stream {
 public:
  explicit Stream(const std::vector<int>& cores)
      : channel_(tcp_channel()), block_(kBlock, 1), receiver_([this, cores] {
          if (!cores.empty()) run_on(cores);
          receive();
        }) {}
  ~Stream() {
    shutdown(channel_.near_out.get(), SHUT_RDWR);
    receiver_.join();
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// True when all of it has arrived.
  bool transfer(std::uint64_t bytes) {
    const int to = channel_.near_out.get();
    if (!send_all(to, &bytes, sizeof bytes)) return false;
    for (std::uint64_t sent = 0; sent < bytes;) {
      const std::uint64_t piece = std::min<std::uint64_t>(kBlock, bytes - sent);
      if (!send_all(to, block_.data(), piece)) return false;
      sent += piece;
    }
    char done;
    return receive_all(channel_.near_in.get(), &done, 1);
  }

 private:
  void receive() {
    std::vector<char> into(kBlock);
    const int from = channel_.far_in.get();
    for (std::uint64_t left = 0; receive_all(from, &left, sizeof left);) {
      while (left > 0) {
        const std::uint64_t piece = std::min<std::uint64_t>(kBlock, left);
        if (!receive_all(from, into.data(), piece)) return;
        left -= piece;
      }
      if (!send_all(channel_.far_out.get(), "", 1)) return;
    }
  }

  Channel channel_;
  std::vector<char> block_;
  std::thread receiver_;
};

void add_streams(const CostProbe& probe, int count) {
  auto streams = std::make_shared<std::vector<std::unique_ptr<Stream>>>();
  for (int i = 0; i < count; ++i) {
    streams->push_back(std::make_unique<Stream>(probe.cpu.core_ids));
  }
  CountedLoop loop = [&crew = probe.crew, streams, count](std::int64_t blocks) {
    const std::uint64_t bytes = kBlock * static_cast<std::uint64_t>(blocks);
    std::atomic<bool> arrived{true};
    const Crew::Time time = crew.timed(count, [&](int worker) {
      if (!(*streams)[static_cast<std::size_t>(worker)]->transfer(bytes)) arrived = false;
    });
    if (!arrived) throw Error("a connection broke while it was measured", "", "");
    return Epoch{time.seconds, static_cast<double>(blocks) * count, false};
  };
  probe.sheet.add_blocks(
      {fmt::format("loopback/TCP, {} stream{}", count, count == 1 ? "" : "s"), "GB/s",
       fmt::format("{} a call; each stream has a sender and a receiver", format_bytes(kBlock))},
      kBlock, kFirstBlocks, std::move(loop), kStreamEpochSeconds);
}

void add_round_trip(const CostProbe& probe, const char* name, Channel (*make)()) {
  struct Pair {
    Channel channel;
    std::unique_ptr<Echo> echo;
  };
  auto pair = std::make_shared<Pair>();
  pair->channel = make();
  std::vector<int> far = probe.cpu.core_ids;
  if (far.size() > 1) far = {far[1]};
  pair->echo = std::make_unique<Echo>(pair->channel, far);
  CountedLoop loop = [&crew = probe.crew, pair](std::int64_t count) {
    const Crew::Time time = crew.timed(1, [&](int) { round_trips(pair->channel, count); });
    return Epoch{time.seconds, static_cast<double>(count), false};
  };
  probe.sheet.add_time({name, "us",
                        probe.cpu.core_ids.size() > 1
                            ? "one byte there and back, two cores, both sides sleep while they wait"
                            : "one byte there and back"},
                       10, std::move(loop));
}

}  // namespace

void add_network_costs(const CostProbe& probe) {
  const auto attempt = [&](const std::string& name, const auto& add) {
    try {
      add();
    } catch (const std::exception& problem) {
      probe.sheet.add_missing(name, problem.what());
    }
  };
  attempt("loopback/TCP, 1 stream", [&] { add_streams(probe, 1); });
  if (const int streams = std::min(kMostStreams, probe.crew.size()); streams > 1) {
    attempt("loopback/TCP, several streams", [&] { add_streams(probe, streams); });
  } else {
    probe.sheet.add_missing("loopback/TCP, several streams", "one usable core");
  }
  const char* const tcp = "loopback/TCP round trip";
  attempt(tcp, [&] { add_round_trip(probe, tcp, tcp_channel); });
  const char* const local = "loopback/UNIX socket round trip";
  attempt(local, [&] { add_round_trip(probe, local, unix_channel); });
}

}  // namespace aisp::machine
