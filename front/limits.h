// What a stranger may ask for at most, in one place. Sizes are checked before anything of that size
// is allocated; docs/SERVING.md tells what is answered when one is passed.
#pragma once

#include <chrono>
#include <cstddef>

namespace aisp::front {

struct Limits {
  // Of the protocol.
  std::size_t head_bytes = std::size_t{16} << 10;     // trace headers and long keys fit four times
  std::size_t body_bytes = std::size_t{8} << 20;      // a million tokens of text
  std::size_t bodies_bytes = std::size_t{64} << 20;   // of all connections together
  std::size_t unread_bytes = std::size_t{64} << 10;   // sent ahead while an answer is under way
  std::size_t stream_bytes = std::size_t{256} << 10;  // written by the model, not yet by the socket
  int connections = 4096;                             // about 2 KiB each while idle
  std::chrono::milliseconds head_time{10'000};        // from the first byte to the last of the head
  std::chrono::milliseconds body_time{60'000};        // 8 MiB at 1.1 Mbit/s
  std::chrono::milliseconds write_time{30'000};       // 256 KiB at 70 kbit/s
  std::chrono::milliseconds idle_time{75'000};        // between requests
  std::chrono::milliseconds linger_time{2'000};       // for a client to read why it was refused

  // Of JSON: a value takes 16 bytes and more, so their number bounds memory, not the body alone.
  int json_depth = 64;
  int json_values = 1 << 20;

  // Of a request.
  int messages = 2048;
  int tools = 256;
  int prompts = 256;
  int choices = 16;                // n
  int requests = 256;              // prompts times n
  int inputs = 2048;               // of an embedding, as OpenAI's
  int embedding_values = 1 << 20;  // inputs times the vectors' length: 12 MiB of JSON
  int stop_strings = 16;           // each is searched for in every piece
  std::size_t stop_bytes = 256;
  int biases = 1024;

  int queued_work = 1024;  // requests that wait for a worker; a short one takes 0.2 ms
  int workers = 2;
};

}  // namespace aisp::front
