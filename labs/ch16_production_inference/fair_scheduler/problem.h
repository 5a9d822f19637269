// One tenant floods the server, others come a little later with a request each. The problem is that
// of recorded/requests.h: requests 0 .. F - 1 are the flood, there at once; T more, of a tenant
// each, are there G steps later. All have P tokens of prompt; the flood's answers have A / 2 to
// 2 A tokens, the others' A. B run at a time. A call ends when those are answered who are waited
// for, so its time is theirs. Params: F, T, P, A, B, G; W: who is waited for; M, L, V as there.
#pragma once

#include "bench/lab.h"
#include "recorded/server.h"

namespace aisp::labs::ch16::fair_scheduler {

/// Values of W.
enum Awaited : std::int64_t { kOthers, kEverybody };

recorded::Shape shape_of(const bench::Params& params);

/// What the engine's scheduler is told about who asks.
struct Policy {
  bool knows_tenants = false;
  double flood_patience_s = 10.0, patience_s = 10.0;  // see serve::Request
};

/// Serves one call by the engine's scheduler, until those are answered who are waited for. Returns
/// the steps that it took.
int serve_by(const Policy& policy, const bench::Params& params, recorded::Steps& steps,
             const bench::Io& io);
bench::Technique by_policy(const char* name, const char* summary, const Policy& policy);

bench::Technique arrival_order();
bench::Technique declared_batch();
bench::Technique fair_shares();

}  // namespace aisp::labs::ch16::fair_scheduler
