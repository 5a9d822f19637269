// The engine of this process as a target of the load tool: the same requests without a network, so
// that the difference to a run against `aisp serve` is what the front costs.
#pragma once

#include <memory>
#include <string>

#include "load/target.h"
#include "serve/loaded_model.h"

namespace aisp::app {

class EngineTarget : public load::Target {
 public:
  /// Loads the model; throws Error.
  explicit EngineTarget(const serve::LoadOptions& options);
  ~EngineTarget() override;

  /// Made-up tokens are first_id() + number, numbers below words(): ordinary pieces as far as the
  /// vocabulary allows.
  int words() const { return words_; }
  const serve::LoadedModel& model() const;
  /// Why the first request was refused; "" when none was.
  std::string message() const;

  double now_s() override;
  void send(std::uint32_t stream, const load::Request& request) override;
  void cancel(std::uint32_t stream) override;
  void wait(double until_s, load::Sink& sink) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
  int words_ = 0, first_id_ = 0;
};

}  // namespace aisp::app
