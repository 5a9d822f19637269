// Buffers on the device. See device_mirror.h.
#include "bench/device_mirror.h"

#include <algorithm>
#include <cstring>

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
  return memory.bytes() == 0 ? host->data : memory.as<std::byte>() + kCanaryBytes;
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
  for (auto& replica : inputs_) {
    for (Array& array : replica) {
      if (array.memory.bytes() == 0) continue;
      machine::copy_to_device(array.data(), array.host->data, array.host->bytes, stream_);
    }
  }
}

void DeviceMirror::push_outputs() {
  for (Array& array : outputs_) {
    if (array.memory.bytes() == 0) continue;
    machine::copy_to_device(array.data(), array.host->data, array.host->bytes, stream_);
  }
}

void DeviceMirror::pull_outputs() {
  for (Array& array : outputs_) {
    if (array.memory.bytes() == 0) continue;
    machine::copy_to_host(array.host->data, array.data(), array.host->bytes, stream_);
  }
}

std::string DeviceMirror::changed_input() {
  for (auto& replica : inputs_) {
    for (Array& array : replica) {
      if (array.memory.bytes() == 0) continue;
      scratch_.resize(std::max(scratch_.size(), array.host->bytes));
      machine::copy_to_host(scratch_.data(), array.data(), array.host->bytes, stream_);
      if (std::memcmp(scratch_.data(), array.host->data, array.host->bytes) != 0) return array.name;
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
  if (array.memory.bytes() == 0) return true;
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
      bytes += static_cast<std::size_t>(replicas) * array_bytes(spec.bytes());
    }
  }
  for (const TensorSpec& spec : problem.outputs) {
    if (spec.place == Place::kMemory) bytes += array_bytes(spec.bytes());
  }
  return 2 * bytes;
}

}  // namespace aisp::bench
