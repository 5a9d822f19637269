// The compiled form of a grammar: states with steps over ranges of bytes, free steps, and calls of
// rules; a rule's last state returns to its caller.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace aisp::text::grammar {

struct Automaton {
  struct Step {
    std::uint8_t first, last;  // bytes
    std::int32_t to;
  };
  struct Call {
    std::int32_t rule, back;  // back: the state after it
  };
  struct State {
    std::vector<Step> steps;
    std::vector<std::int32_t> free;  // without reading a byte
    std::vector<Call> calls;
    bool ends_rule = false;
    bool alive = false;  // the rule's end can be reached
    // Nothing comes before the rule's end: a call that comes back here needs no place on the stack.
    bool only_returns = false;
  };
  std::vector<State> states;
  std::vector<std::int32_t> starts;  // of each rule; rule 0 is the text
  // Bytes that every step takes or leaves together have one class.
  std::array<std::uint8_t, 256> class_of{};
  std::vector<std::uint8_t> byte_of_class;
};

}  // namespace aisp::text::grammar
