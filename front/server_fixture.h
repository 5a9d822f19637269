// For tests: a whole server in this process, with a tiny model made here, on a port of its own.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "front/service.h"
#include "front/test_client.h"
#include "model/made_model.h"

namespace aisp::front {

/// Waits for what other threads will have done soon; false after 20 s.
inline bool soon(const std::function<bool()>& done) {
  for (int i = 0; i < 4000; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

struct ServerSettings {
  Limits limits;
  Keys keys;
  int max_running = 8, slots = 64;
  double first_token_within_s = 0.0;
  int per_client = 0;
  std::string kv = "bf16";
  std::optional<Route> route;
};

class TestServer {
 public:
  explicit TestServer(const ServerSettings& settings = {}, const std::string& more_model = "")
      : models_(sources(settings, more_model)),
        service_(models_, {.limits = settings.limits,
                           .keys = settings.keys,
                           .route = settings.route,
                           .first_token_within_s = settings.first_token_within_s,
                           .log = [this](const std::string& line) { keep(line); }}),
        server_(Address{.port = 0}, settings.limits, service_) {
    service_.set_server(&server_);
    server_.set_tick([this] {
      std::function<void()> work;
      {
        const std::lock_guard lock(mutex_);
        work.swap(work_);
      }
      if (work) work();
    });
    thread_ = std::thread([this] { server_.run(); });
  }
  ~TestServer() {
    server_.stop();
    thread_.join();
    server_.close();
    service_.stop();
    models_.stop();
  }

  TestClient client() { return TestClient(server_.port()); }
  TestReply ask(const std::string& request) { return client().ask(request); }
  TestReply post(const std::string& path, const std::string& body) {
    return ask(TestClient::post(path, body));
  }
  /// A completion of the model "tiny" with these more fields.
  TestReply complete(const std::string& fields) {
    return post("/v1/completions", R"({"model": "tiny", )" + fields + "}");
  }
  serve::Engine& engine() { return models_.find("tiny")->model.engine(); }
  Service& service() { return service_; }
  HttpServer& server() { return server_; }
  /// On the I/O thread, at its next tick.
  void run_there(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    work_ = std::move(work);
  }
  Models& models() { return models_; }
  std::vector<nlohmann::json> log() {
    const std::lock_guard lock(mutex_);
    std::vector<nlohmann::json> out;
    for (const std::string& line : lines_) out.push_back(nlohmann::json::parse(line));
    return out;
  }
  /// Nothing runs, nothing waits, nobody holds a block.
  bool empty() {
    const serve::Occupancy now = engine().occupancy();
    return now.running + now.waiting == 0 && now.free_blocks + now.cached_blocks == now.blocks;
  }
  const std::string& model_path() const { return made_.file.path(); }
  const model::MadeModel& made() const { return made_; }

 private:
  std::vector<Models::Source> sources(const ServerSettings& settings, const std::string& more) {
    serve::LoadOptions load;
    load.model = made_.file.path();
    load.threads = 1;
    load.kv_memory_gib = 0.02;
    load.kv = settings.kv;
    load.max_running = settings.max_running;
    load.slots = settings.slots;
    load.tenants = std::max(1, settings.keys.count());
    std::vector<Models::Source> all = {{"tiny", load, settings.per_client}};
    if (!more.empty()) all.push_back({more, load, settings.per_client});
    return all;
  }
  void keep(const std::string& line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(line);
  }

  model::MadeModel made_{"llama"};
  std::mutex mutex_;
  std::vector<std::string> lines_;
  std::function<void()> work_;
  Models models_;
  Service service_;
  HttpServer server_;
  std::thread thread_;
};

}  // namespace aisp::front
