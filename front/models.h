// The models that are served: each under a name, each with its engine; loaded again while requests
// run, the old one going when its last request has ended.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "front/seats.h"
#include "serve/loaded_model.h"

namespace aisp::front {

struct Served {
  Served(std::string name, const serve::LoadOptions& options, int per_client);

  std::string name;
  std::int64_t created_s;  // since 1970: when it was loaded
  Seats seats;             // one for each request that its engine has
  serve::LoadedModel model;
};

/// A line of JSON for the log: what was loaded, how long it took, what is to be said about it.
std::string loaded_line(const Served& served);

class Models {
 public:
  struct Source {
    std::string name;
    serve::LoadOptions load;
    int per_client = 0;  // as Seats has it
  };
  /// Loads all of them. Throws Error.
  explicit Models(std::vector<Source> sources);
  /// stop() first.
  ~Models();
  Models(const Models&) = delete;
  Models& operator=(const Models&) = delete;

  /// Null when there is none of this name. Whoever holds one keeps it alive, but never destroys it:
  /// that is done by a thread of this class, because an engine must not end in its own callback.
  std::shared_ptr<Served> find(const std::string& name) const;
  /// In the order of the sources.
  std::vector<std::shared_ptr<Served>> all() const;

  /// Loads every file again and exchanges the models, on a thread of its own; `done` hears there
  /// "" or why nothing changed. False: a reload is under way.
  bool reload(std::function<void(const std::string& problem)> done);

  /// Ends all engines: requests that run are cancelled, their last events come before it returns.
  void stop();

 private:
  std::string reload_all();
  void destroy_unused();

  const std::vector<Source> sources_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Served>> current_, retired_;
  std::atomic<bool> reloading_ = false, stopping_ = false;
  std::thread loader_;
};

}  // namespace aisp::front
