// The lab: a long prompt arrives while streams are running. See README.md.
#include "labs/ch16_production_inference/runtime_scheduler/problem.h"

namespace aisp::labs::ch16::runtime_scheduler {

using bench::Params;

recorded::Shape shape_of(const Params& p) {
  recorded::Shape shape(p);
  const std::int64_t answer = p["A"];
  const bool everybody = p["W"] == kEverybody;
  for (std::int64_t stream = 0; stream < p["N"]; ++stream) {
    shape.add(1, answer, everybody ? answer : p["W"] == kNextToken ? 2 : 0);
  }
  shape.add(p["P"], answer, everybody ? answer : p["W"] == kFirstToken ? 1 : 0);
  return shape;
}

State::State(const Params& p)
    : shape(shape_of(p)),
      newcomer(p["N"]),
      steps(shape, shape.count() * recorded::Shape::blocks_for(shape.longest),
            shape.count() + shape.longest_prompt, shape.count()) {}

Fixed::Fixed(State& state)
    : state_(state), computed_(static_cast<std::size_t>(state.shape.count())) {}

bool Fixed::add(std::int64_t request) {
  const recorded::Request& own = state_.shape.request(request);
  std::int64_t& computed = computed_[static_cast<std::size_t>(request)];
  if (computed == own.tokens() - 1) return false;  // the last token need not be computed
  const std::int64_t count = computed == 0 ? own.prompt : 1;
  const std::int64_t each = recorded::Shape::blocks_for(state_.shape.longest);
  state_.steps.add(request, computed, count, state_.steps.place(request, each));
  computed += count;
  return true;
}

bool Fixed::add_streams() {
  bool any = false;
  for (std::int64_t stream = 0; stream < state_.newcomer; ++stream) any = add(stream) || any;
  return any;
}

bench::Technique by_rule(const char* name, const char* summary, AddRows add_rows) {
  bench::Technique technique;
  technique.name = name;
  technique.summary = summary;
  technique.plan = [add_rows](const Params& params) {
    return bench::plan_of([add_rows, state = std::make_shared<State>(params)](const bench::Io& io) {
      state->steps.begin(io);
      Fixed server(*state);
      server.add_streams();
      state->steps.forward();
      while (!state->steps.done()) {
        add_rows(server);
        state->steps.forward();
      }
    });
  };
  return technique;
}

bench::Technique by_engine(const char* name, const char* summary, Configure configure) {
  bench::Technique technique;
  technique.name = name;
  technique.summary = summary;
  technique.plan = [configure](const Params& params) {
    auto state = std::make_shared<State>(params);
    return bench::plan_of([state, config = configure(state->shape)](const bench::Io& io) {
      state->steps.begin(io);
      recorded::Server server(state->steps, config);
      for (std::int64_t r = 0; r < state->newcomer; ++r) server.submit(r);
      server.step();
      server.submit(state->newcomer);
      while (!state->steps.done() && server.step()) {
      }
    });
  };
  return technique;
}

namespace {

Params sizes(std::int64_t m, std::int64_t l, std::int64_t v, std::int64_t n, std::int64_t p,
             std::int64_t a, Awaited awaited) {
  return {{"M", m}, {"L", l}, {"V", v}, {"N", n}, {"P", p}, {"A", a}, {"W", awaited}};
}

bench::Case one_case(const char* name, const char* who, Awaited awaited) {
  return {.name = name,
          .origin = std::string("stories15M of llama2.c, 3 of its 6 layers, 512 pieces: 4 streams "
                                "of 24 tokens, a prompt of 192 arrives; until ") +
                    who,
          .smoke = sizes(0, 1, 260, 3, 40, 5, awaited),
          .full = sizes(1, 3, 512, 4, 192, 24, awaited)};
}

}  // namespace

bench::Lab describe() {
  return recorded::lab_of(
      shape_of,
      {
          .question = "Who waits for whom when a long prompt arrives while other answers stream?",
          .targets = {"ch16:runtime_scheduler"},
          .tags = {"transformer", "scheduling", "serving", "latency"},
          .cases = {one_case("next_token", "every stream has its next token", kNextToken),
                    one_case("first_token", "the newcomer has its first", kFirstToken),
                    one_case("everybody", "all answers are whole", kEverybody)},
          // One stream; a prompt of one token; answers of two and of one.
          .ragged = {sizes(0, 1, 260, 1, 33, 3, kNextToken), sizes(0, 1, 260, 2, 1, 4, kEverybody),
                     sizes(0, 1, 260, 2, 31, 2, kFirstToken),
                     sizes(0, 1, 261, 3, 7, 1, kEverybody)},
          .techniques = {prompt_first(), streams_first(), whole_beside(), engine_pieces(),
                         engine_longer_steps()},
          .baseline = "prompt_first",
      });
}

}  // namespace aisp::labs::ch16::runtime_scheduler
