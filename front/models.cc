// See models.h.
#include "front/models.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/error.h"
#include "machine/cpu.h"
#include "machine/text_file.h"

namespace aisp::front {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::milliseconds kLook{20};  // between looks at who still holds an old model

std::int64_t now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What loading takes beside what is there: the weights are packed, hence written out once.
double bytes_to_load(const serve::LoadOptions& load) {
  double bytes = load.kv_memory_gib * 0x1p30;
  if (bytes <= 0.0) bytes = static_cast<double>(machine::cpu().memory_bytes) / 8.0;
  std::error_code ignored;
  if (fs::is_directory(load.model, ignored)) {
    for (const auto& entry : fs::directory_iterator(load.model, ignored)) {
      if (entry.is_regular_file(ignored)) {
        bytes += static_cast<double>(entry.file_size(ignored));
      }
    }
    return bytes;
  }
  const auto size = fs::file_size(load.model, ignored);
  return ignored ? bytes : bytes + static_cast<double>(size);
}

void check_memory(const serve::LoadOptions& load) {
  const double needed = bytes_to_load(load);
  const std::string memory = machine::read_text("/proc/meminfo").value_or("");
  const auto there_kib = machine::find_value(memory, "MemAvailable");
  if (!there_kib) return;  // nothing to go by: then the load itself says it
  const double there = std::strtod(there_kib->c_str(), nullptr) * 1024.0;
  if (there >= needed) return;
  throw Error(fmt::format("loading it beside the one that runs takes {:.1f} GiB, {:.1f} are free",
                          needed / 0x1p30, there / 0x1p30),
              load.model, "lower --kv-memory, or start the server again");
}

}  // namespace

Served::Served(std::string name, const serve::LoadOptions& options, int per_client)
    : name(std::move(name)),
      created_s(now_s()),
      seats(options.slots, options.tenants, per_client),
      model(options) {}

std::string loaded_line(const Served& served) {
  nlohmann::ordered_json line = {{"event", "loaded"},
                                 {"model", served.name},
                                 {"seconds", std::round(served.model.load_s() * 1e3) / 1e3}};
  if (!served.model.note().empty()) line["note"] = served.model.note();
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Models::Models(std::vector<Source> sources) : sources_(std::move(sources)) {
  for (const Source& source : sources_) {
    if (find(source.name) != nullptr) {
      throw UsageError("two models have this name", source.name, "give --model NAME=FILE");
    }
    current_.push_back(std::make_shared<Served>(source.name, source.load, source.per_client));
  }
}

Models::~Models() { stop(); }

std::shared_ptr<Served> Models::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(current_, [&](const auto& m) { return m->name == name; });
  return found == current_.end() ? nullptr : *found;
}

std::vector<std::shared_ptr<Served>> Models::all() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

bool Models::reload(std::function<void(const std::string&)> done) {
  if (stopping_ || reloading_.exchange(true)) return false;
  if (loader_.joinable()) loader_.join();  // it has ended, or is about to
  loader_ = std::thread([this, done = std::move(done)] {
    std::string problem;
    try {
      problem = reload_all();
    } catch (const std::exception& thrown) {
      problem = thrown.what();
    }
    done(problem);
    destroy_unused();
    reloading_ = false;
  });
  return true;
}

std::string Models::reload_all() {
  for (const Source& source : sources_) {
    check_memory(source.load);
    auto loaded = std::make_shared<Served>(source.name, source.load, source.per_client);
    const std::lock_guard lock(mutex_);
    for (std::shared_ptr<Served>& current : current_) {
      if (current->name != source.name) continue;
      retired_.push_back(current);
      current.swap(loaded);
    }
  }
  return "";
}

// Waits until nobody but this class holds the models that went.
void Models::destroy_unused() {
  for (;;) {
    std::vector<std::shared_ptr<Served>> unused;
    {
      const std::lock_guard lock(mutex_);
      if (retired_.empty()) return;
      std::erase_if(retired_, [&](std::shared_ptr<Served>& served) {
        // Only who holds it could give it on, so a count of one stays one.
        const bool free = served.use_count() == 1;
        if (free) unused.push_back(std::move(served));
        return free;
      });
    }
    unused.clear();
    if (stopping_) return;
    std::this_thread::sleep_for(kLook);
  }
}

void Models::stop() {
  stopping_ = true;
  if (loader_.joinable()) loader_.join();
  for (const auto& served : all()) served->model.stop();
  for (const auto& served : retired_) served->model.stop();
}

}  // namespace aisp::front
