// What became of guesses, for how many are worth their cost next time (set_drafts and wanted_drafts
// of scheduler.h). Inside of the scheduler; nobody else includes it.
#pragma once

#include "serve/scheduler.h"

namespace aisp::serve {

/// Of `drafts` guesses in a step of this slot, the first `right` ones were.
void judge_drafts(State& state, Slot& slot, int drafts, int right);

/// Guesses at what follows the known tokens were made.
void drafted_now(State& state, Slot& slot);

}  // namespace aisp::serve
