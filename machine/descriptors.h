// Descriptors that close themselves, and threads that answer on them: what the costs of threads and
// of the network are measured with.
#pragma once

#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace aisp::machine {

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { reset(); }
  int get() const { return number_; }
  void reset();

 private:
  int number_;
};

/// Two ends of a way there and back: what is written to near_out is read at far_in, and so on. For
/// sockets the two numbers of an end are duplicates.
struct Channel {
  Descriptor near_in, near_out, far_in, far_out;
};

/// Each throws Error when the system refuses.
Channel pipe_channel();
Channel unix_channel();
/// Over 127.0.0.1, without Nagle's delay.
Channel tcp_channel();

/// Sends one byte and waits for one, `count` times. Throws Error when the channel breaks.
void round_trips(const Channel& channel, std::int64_t count);

/// A thread on `cores` (empty: as the caller) that answers each byte of the far end with a byte,
/// until the near end is closed. The channel must outlive it.
class Echo {
 public:
  Echo(Channel& channel, const std::vector<int>& cores);
  ~Echo();
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;

 private:
  Channel& channel_;
  std::thread thread_;
};

/// Throws Error: what was refused, with errno in words.
[[noreturn]] void refuse(const std::string& what);

}  // namespace aisp::machine
