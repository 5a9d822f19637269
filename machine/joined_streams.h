// CUDA streams that are part of another one: they begin after what is on it, and it waits for them
// in the end, so that its time is theirs too. Device rooms only (.cu files).
//
// Source: CUDA C++ Programming Guide 13.0, "Streams", "Events", "Stream Priorities".
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "machine/cuda_raii.h"

namespace aisp::machine {

class JoinedStreams {
 public:
  /// Streams of normal priority.
  explicit JoinedStreams(std::size_t count) : JoinedStreams(std::vector<int>(count, 0)) {}
  /// A stream for each priority, 0 the lowest and normal; see highest_priority().
  explicit JoinedStreams(const std::vector<int>& priorities) : streams_(priorities.size()) {
    for (std::size_t i = 0; i < priorities.size(); ++i) {
      AISP_CUDA(cudaStreamCreateWithPriority(&streams_[i], cudaStreamNonBlocking, priorities[i]));
      done_.push_back(std::make_unique<Event>());
    }
  }
  ~JoinedStreams() {
    for (const cudaStream_t stream : streams_) cudaStreamDestroy(stream);
  }
  JoinedStreams(const JoinedStreams&) = delete;
  JoinedStreams& operator=(const JoinedStreams&) = delete;

  static int highest_priority() {
    int least = 0, greatest = 0;  // the smaller the number the higher the priority
    AISP_CUDA(cudaDeviceGetStreamPriorityRange(&least, &greatest));
    return greatest;
  }

  std::size_t size() const { return streams_.size(); }
  cudaStream_t operator[](std::size_t i) const { return streams_[i]; }
  void fork(cudaStream_t from) const {
    AISP_CUDA(cudaEventRecord(begin_, from));
    for (const cudaStream_t stream : streams_) AISP_CUDA(cudaStreamWaitEvent(stream, begin_, 0));
  }
  void join(cudaStream_t to) const {
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      AISP_CUDA(cudaEventRecord(*done_[i], streams_[i]));
      AISP_CUDA(cudaStreamWaitEvent(to, *done_[i], 0));
    }
  }

 private:
  std::vector<cudaStream_t> streams_;
  std::vector<std::unique_ptr<Event>> done_;
  Event begin_;
};

}  // namespace aisp::machine
