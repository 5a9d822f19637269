// The endpoints: who may ask what, and who answers. Everything of it that is called by the server
// runs on the I/O thread and returns at once; requests go on to the workers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "front/api_error.h"
#include "front/api_request.h"
#include "front/call.h"
#include "front/http_server.h"
#include "front/keys.h"
#include "front/metrics.h"
#include "front/models.h"
#include "front/route.h"
#include "front/workers.h"

namespace aisp::front {

class Service : public Handler {
 public:
  struct Options {
    Limits limits;
    Keys keys;
    std::optional<Route> route;
    double first_token_within_s = 0.0;                 // for requests that do not say; 0: whenever
    std::function<void(const std::string& line)> log;  // any thread
  };
  Service(Models& models, Options options);

  std::optional<HttpResponse> refuse(const HttpRequest& head) override;
  void handle(const std::shared_ptr<Exchange>& exchange) override;
  HttpResponse protocol_error(int status, std::string_view why) override;

  /// For gauges of connections. Set before the server runs.
  void set_server(const HttpServer* server) { server_ = server; }
  /// From now on new requests of the API get 503.
  void drain() { draining_ = true; }
  /// Ends what is still under way, each with a word of why. I/O thread.
  void end_calls();
  /// Waits for the workers; what was waiting for them is forgotten.
  void stop() { workers_.stop(); }
  /// Loads the models again, as POST /admin/reload does. False: that is under way.
  bool reload();

 private:
  std::optional<ApiError> problem_of(const HttpRequest& head, int* client) const;
  HttpResponse status(std::string_view path) const;
  HttpResponse list_models(std::string_view path) const;
  HttpResponse metrics_page() const;
  HttpResponse start_reload();
  std::shared_ptr<Call> make_call(const std::shared_ptr<Exchange>& exchange);
  void generate(const std::shared_ptr<Call>& call, Kind kind);
  // On a worker's thread (work.cc).
  void work(const std::shared_ptr<Call>& call, Kind kind);
  void embed(const std::shared_ptr<Call>& call);
  void answer_routed(const std::shared_ptr<Call>& call, ApiRequest asked);
  void answer_by(const std::shared_ptr<Call>& call, const std::shared_ptr<Served>& served,
                 ApiRequest asked);
  std::shared_ptr<Served> find_model(const std::string& name) const;
  /// On the engine's clock; infinity: whenever.
  double first_token_by_s(const Call& call, Served& served) const;
  void closed(const std::shared_ptr<Call>& call, Closing how);
  void answer_error(Call& call, const ApiError& error);
  Seats::Answer best_seat(int client) const;
  void log_refusal(std::string_view endpoint, const TraceContext& trace, int status,
                   std::string_view why) const;
  double first_token_within_s(const HttpRequest& request) const;

  Models& models_;
  const Options options_;
  Metrics metrics_;
  const HttpServer* server_ = nullptr;
  bool draining_ = false;
  std::set<std::shared_ptr<Call>> open_;  // I/O thread
  Workers workers_;                       // last: its threads end before what they use
};

}  // namespace aisp::front
