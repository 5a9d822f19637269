// Buffers on the device. See device_mirror.h.
#include "bench/device_mirror.h"

#include <algorithm>
#include <cstring>

#include "bench/device_compare.h"

namespace aisp::bench {
namespace {

// On either side: overruns in practice are a vector, a row or a tile. Keeps 256-byte alignment.
constexpr std::size_t kCanaryBytes = 4096;
constexpr std::byte kCanary{0xC5};

// Copies from and to ordinary memory run at a third of the link's rate; smaller ones do not matter.
constexpr std::size_t kPinFrom = 1 << 20;

std::size_t round_up(std::size_t value, std::size_t to) { return (value + to - 1) / to * to; }

std::size_t array_bytes(std::size_t bytes) { return round_up(bytes, 256) + 2 * kCanaryBytes; }

}  // namespace

const char* name(CacheMode mode) {
  switch (mode) {
    case CacheMode::kWarm:
      return "warm";
    case CacheMode::kCold:
      return "cold";
    case CacheMode::kDirty:
      return "dirty";
  }
  return "?";
}

void* DeviceMirror::Array::data() const {
  return in_host() ? host->data : memory.as<std::byte>() + kCanaryBytes;
}

DeviceMirror::DeviceMirror(const Problem& problem, std::vector<Io::Buffer>& inputs,
                           std::vector<Io::Buffer>& outputs, machine::CudaStream stream,
                           int replicas)
    : stream_(stream), inputs_(static_cast<std::size_t>(std::max(replicas, 1))) {
  pinned_.reserve(inputs.size() + outputs.size());
  const auto pin = [&](const TensorSpec& spec, const Io::Buffer& buffer) {
    const bool wanted =
        spec.place == Place::kPinned || (spec.place == Place::kMemory && buffer.bytes >= kPinFrom);
    if (wanted && buffer.data != nullptr) pinned_.emplace_back(buffer.data, buffer.bytes);
  };
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    for (auto& replica : inputs_) add(replica, problem.inputs[i], inputs[i]);
    pristine_.emplace_back(input_on_device(i) ? machine::DeviceArray(inputs[i].bytes)
                                              : machine::DeviceArray());
    pin(problem.inputs[i], inputs[i]);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    add(outputs_, problem.outputs[i], outputs[i]);
    pin(problem.outputs[i], outputs[i]);
  }
  input_views_.resize(inputs_.size());
  for (std::size_t r = 0; r < inputs_.size(); ++r) view(inputs_[r], input_views_[r]);
  view(outputs_, output_views_);
}

void DeviceMirror::add(std::vector<Array>& arrays, const TensorSpec& spec, Io::Buffer& host) {
  Array array;
  array.host = &host;
  array.name = spec.name;
  if (spec.place == Place::kMemory) {
    array.memory = machine::DeviceArray(array_bytes(host.bytes));
    set_canaries(array);
  }
  arrays.push_back(std::move(array));
}

void DeviceMirror::view(const std::vector<Array>& arrays, std::vector<Io::Buffer>& views) const {
  for (const Array& array : arrays) {
    views.push_back(*array.host);
    views.back().data = array.data();
  }
}

Io DeviceMirror::io(int replica) {
  return {input_views_[static_cast<std::size_t>(replica)], output_views_, stream_};
}

void DeviceMirror::wait() const { machine::wait_for(stream_); }

void DeviceMirror::push_inputs() {
  for (std::size_t i = 0; i < inputs_[0].size(); ++i) {
    if (!input_on_device(i)) continue;
    const Io::Buffer& host = *inputs_[0][i].host;
    machine::copy_to_device(pristine_[i].as(), host.data, host.bytes, stream_);
    for (auto& replica : inputs_) {
      machine::copy_on_device(replica[i].data(), pristine_[i].as(), host.bytes, stream_);
    }
  }
}

void DeviceMirror::push_outputs() {
  for (Array& array : outputs_) {
    if (array.in_host()) continue;
    machine::copy_to_device(array.data(), array.host->data, array.host->bytes, stream_);
  }
}

void DeviceMirror::pull_outputs() {
  wait();
  for (Array& array : outputs_) {
    if (array.in_host()) continue;
    machine::copy_to_host(array.host->data, array.data(), array.host->bytes, stream_);
  }
}

bool DeviceMirror::poison_output(std::size_t index, std::uint64_t word) {
  if (outputs_[index].in_host()) return false;
  fill_on_device(outputs_[index].data(), outputs_[index].host->bytes, word, stream_);
  return true;
}

std::uint64_t DeviceMirror::output_hash(std::size_t index) const {
  const Array& array = outputs_[index];
  return array.in_host() ? 0 : hash_on_device(array.data(), array.host->bytes, stream_);
}

const void* DeviceMirror::output(std::size_t index) const {
  return outputs_[index].in_host() ? nullptr : outputs_[index].data();
}

std::string DeviceMirror::changed_input() {
  for (auto& replica : inputs_) {
    for (std::size_t i = 0; i < replica.size(); ++i) {
      if (replica[i].in_host()) continue;
      if (!same_on_device(replica[i].data(), pristine_[i].as(), replica[i].host->bytes, stream_)) {
        return replica[i].name;
      }
    }
  }
  return "";
}

void DeviceMirror::set_canaries(Array& array) {
  const std::vector<std::byte> pattern(2 * kCanaryBytes, kCanary);
  const std::size_t end = kCanaryBytes + array.host->bytes;
  array.memory.upload(pattern.data(), kCanaryBytes);
  array.memory.upload(pattern.data(), array.memory.bytes() - end, end);
}

bool DeviceMirror::canaries_intact(const Array& array) const {
  if (array.in_host()) return true;
  const std::size_t end = kCanaryBytes + array.host->bytes;
  std::vector<std::byte> seen(kCanaryBytes + array.memory.bytes() - end);
  machine::copy_to_host(seen.data(), array.memory.as<std::byte>(), kCanaryBytes, stream_);
  machine::copy_to_host(seen.data() + kCanaryBytes, array.memory.as<std::byte>() + end,
                        array.memory.bytes() - end, stream_);
  return std::all_of(seen.begin(), seen.end(), [](std::byte b) { return b == kCanary; });
}

std::string DeviceMirror::damaged_canary() {
  for (const auto& replica : inputs_) {
    for (const Array& array : replica) {
      if (!canaries_intact(array)) return "input " + array.name;
    }
  }
  for (const Array& array : outputs_) {
    if (!canaries_intact(array)) return "output " + array.name;
  }
  return "";
}

void DeviceMirror::mend_canaries() {
  const auto mend = [&](Array& array) {
    if (!canaries_intact(array)) set_canaries(array);
  };
  for (auto& replica : inputs_) std::for_each(replica.begin(), replica.end(), mend);
  std::for_each(outputs_.begin(), outputs_.end(), mend);
}

int cold_replicas(const Problem& problem, const machine::CudaDevice& device) {
  std::size_t bytes = 1;
  for (const TensorSpec& spec : problem.inputs) bytes += spec.bytes();
  const std::size_t wanted = 2 * device.l2_bytes / bytes + 2;
  return static_cast<int>(std::clamp<std::size_t>(wanted, 2, 64));
}

std::size_t device_bytes(const Problem& problem, int replicas) {
  std::size_t bytes = 0;
  for (const TensorSpec& spec : problem.inputs) {
    if (spec.place == Place::kMemory) {
      bytes += static_cast<std::size_t>(replicas + 1) * array_bytes(spec.bytes());
    }
  }
  for (const TensorSpec& spec : problem.outputs) {
    if (spec.place == Place::kMemory) bytes += array_bytes(spec.bytes());
  }
  return 2 * bytes;
}

}  // namespace aisp::bench
