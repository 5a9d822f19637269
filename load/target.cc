// Names of outcomes, as tables and records show them.
#include "load/target.h"

namespace aisp::load {

const char* name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAnswered:
      return "answered";
    case Outcome::kTooManyRequests:
      return "429";
    case Outcome::kUnavailable:
      return "503";
    case Outcome::kOtherStatus:
      return "other status";
    case Outcome::kNotAStream:
      return "not a stream";
    case Outcome::kServerError:
      return "server error";
    case Outcome::kNotConnected:
      return "not connected";
    case Outcome::kClosedEarly:
      return "closed early";
    case Outcome::kBroken:
      return "broken";
    case Outcome::kTimedOut:
      return "timed out";
    case Outcome::kNoSocket:
      return "no socket";
    case Outcome::kCut:
      return "cut";
  }
  return "";
}

}  // namespace aisp::load
