// The lab: what guesses are worth when the model checks several in one step. See README.md.
#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "base/rng.h"
#include "labs/ch18_attention_decoding/speculative_decoding/problem.h"
#include "model/batch_rows.h"
#include "model/reference.h"
#include "model/shapes.h"
#include "serve/model_executor.h"
#include "serve/oracle_drafter.h"
#include "serve/solo_run.h"

namespace aisp::labs::ch18::speculative_decoding {

using bench::Io;
using bench::Params;

namespace {

// What the engine measures when it loads a model is computed here from the sizes, because a plan
// has no model: the rates of one core in the prediction. Corrected as the engine does, by its
// steps.
constexpr double kBytesPerS = 24e9, kFlopsPerS = 90e9;
model::ModelConfig shape_of(const Params& p, std::int64_t layers) {
  const model::ModelConfig whole = p["M"] == 0   ? *model::tiny_shape("llama")
                                   : p["M"] == 1 ? *model::shape_of_name("qwen2.5-0.5b")
                                                 : *model::shape_of_name("stories-15m");
  return model::cut_shape(whole, layers, p["V"]);
}

serve::Config config_of(const Shape& shape, int most_drafts) {
  const model::ModelConfig& c = shape.model.config();
  serve::Config config;
  config.slots = config.max_running = 1;
  config.max_rows = static_cast<int>(shape.prompt) + 1 + kMostDrafts;
  config.max_drafts = most_drafts;
  config.block_tokens = static_cast<int>(model::kBlockTokens);
  config.device_blocks = shape.blocks();
  config.share_prefixes = false;  // nothing may be left for the next call
  config.time.step_s = static_cast<double>(shape.model.packed_bytes()) / kBytesPerS;
  config.time.prompt_token_s =
      2.0 * static_cast<double>(model::parameter_count(c, true)) / kFlopsPerS;
  // A row more costs what its arithmetic does not hide behind the reading of the weights.
  config.time.decode_row_s = config.time.prompt_token_s / 2.0;
  config.time.context_token_s = 0.0;  // of a hundred tokens
  return config;
}

}  // namespace

Shape::Shape(const Params& p)
    : prompt(p["P"]),
      steps(p["S"]),
      model(shape_of(p, p["L"]), "bf16"),
      draft(shape_of(p, p["D"]), "bf16") {}

std::int32_t Shape::blocks() const {
  const std::int64_t tokens = prompt + steps + kMostDrafts + 1;
  return static_cast<std::int32_t>((tokens + model::kBlockTokens - 1) / model::kBlockTokens) + 1;
}

State::State(const Params& params, int most_drafts)
    : shape(params), engine(config_of(shape, most_drafts)) {}

void decode(State& state, const Io& io, serve::Drafter* drafter) {
  const model::LentModel& lent = state.shape.model;
  const auto bytes = std::as_bytes(io.in<std::uint8_t>(kModel));
  const model::TensorFile file = lent.file(bytes);
  const model::ModelTensors tensors = find_tensors(file, lent.config());
  const model::Weights weights(tensors, lent.config(), lent.packed(bytes));
  const serve::Config& config = state.engine.config;
  serve::ModelExecutor executor(weights, state.pool,
                                {.kv_type = model::KvType::kF32,
                                 .device_blocks = config.device_blocks,
                                 .max_rows = config.max_rows,
                                 .drafter = drafter});
  serve::Request request;
  const auto prompt = io.in<std::int32_t>(kPrompt);
  request.prompt.assign(prompt.begin(), prompt.end());
  request.max_tokens = static_cast<int>(state.shape.steps);
  request.sampling.temperature = 0.0f;
  const serve::SoloRun run = serve::run_alone(executor, state.engine, std::move(request));
  std::ranges::copy(run.tokens, io.out<std::int32_t>(kTokens).begin());
}

bench::Technique with_oracle(const char* name, const char* summary, double acceptance) {
  return {.name = name, .summary = summary, .plan = [acceptance](const Params& params) {
            auto state = std::make_shared<State>(params);
            return bench::plan_of([state, acceptance](const Io& io) {
              const auto answer = io.in<std::int32_t>(kAnswer);
              serve::OracleDrafter oracle(
                  {answer.begin(), answer.end()}, acceptance,
                  static_cast<std::uint64_t>(io.in<std::int32_t>(kLuck).front()));
              decode(*state, io, &oracle);
            });
          }};
}

namespace {

bench::Problem problem(const Params& params) {
  const Shape s(params);
  const auto ids = [](const char* name, std::int64_t count) {
    return bench::TensorSpec{
        .name = name, .dtype = DType::kI32, .shape = {count}, .structured = true};
  };
  const auto weights = [](const char* name, std::int64_t bytes) {
    return bench::TensorSpec{
        .name = name, .dtype = DType::kU8, .shape = {bytes}, .structured = true};
  };
  return {.inputs = {weights("model", s.model.bytes()), weights("draft", s.draft.bytes()),
                     ids("prompt", s.prompt), ids("answer", s.steps), ids("luck", 1)},
          .outputs = {{.name = "tokens", .dtype = DType::kI32, .shape = {s.steps}}}};
}

std::span<std::byte> bytes_of(std::span<std::byte> memory, const model::Tensor& tensor) {
  return memory.subspan(static_cast<std::size_t>(tensor.bytes.data() - memory.data()),
                        tensor.bytes.size());
}

// Matrices that write into the residual stream, of the layers above the draft's, by an eighth: bf16
// numbers lose three from their exponents.
void quieten_upper_layers(const Shape& s, std::span<std::byte> memory) {
  const model::TensorFile file = s.model.file(memory);
  for (std::int64_t layer = s.draft.config().layers; layer < s.model.config().layers; ++layer) {
    for (const char* const name : {"attn_output", "ffn_down"}) {
      const model::Tensor* const tensor =
          file.find("blk." + std::to_string(layer) + "." + name + ".weight");
      const std::span<std::byte> bytes = bytes_of(memory, *tensor);
      for (std::size_t i = 0; i + 2 <= bytes.size(); i += 2) {
        std::uint16_t bits;
        std::memcpy(&bits, bytes.data() + i, 2);
        const float value = std::bit_cast<float>(std::uint32_t{bits} << 16) * 0.125f;
        bits = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
        std::memcpy(bytes.data() + i, &bits, 2);
      }
    }
  }
  s.model.pack(memory);
}

// The draft model's tensors are the model's of the same names.
void copy_draft(const Shape& s, std::span<const std::byte> model, std::span<std::byte> memory) {
  const model::TensorFile whole = s.model.file(model), part = s.draft.file(memory);
  for (const model::Tensor& tensor : part.tensors()) {
    std::ranges::copy(whole.find(tensor.name)->bytes, bytes_of(memory, tensor).begin());
  }
  s.draft.pack(memory);
}

// Greedy, one row a step: the largest logit, the lowest id among equals.
void record_answer(const Shape& s, const Io& io) {
  machine::ThreadPool pool(1);
  model::KvCache cache(s.model.config(), model::KvType::kF32, s.blocks());
  std::vector<std::int32_t> blocks(static_cast<std::size_t>(s.blocks()));
  std::iota(blocks.begin(), blocks.end(), 0);
  model::LentTransformer lent(s.model, cache, pool, s.prompt);
  model::Transformer& model = lent.on(std::as_bytes(io.in<std::uint8_t>(kModel)));
  model::BatchRows rows;
  std::vector<float> logits(static_cast<std::size_t>(s.model.config().vocab));
  std::span<const std::int32_t> next = io.in<std::int32_t>(kPrompt);
  std::int64_t context = 0;
  for (std::int32_t& token : io.fill<std::int32_t>(kAnswer)) {
    rows.clear();
    rows.add(next, context, blocks, 1);
    model.forward(rows.batch(), logits);
    token = static_cast<std::int32_t>(std::ranges::max_element(logits) - logits.begin());
    context += static_cast<std::int64_t>(next.size());
    next = {&token, 1};
  }
}

void prepare(const Params& params, std::uint64_t seed, const Io& io) {
  const Shape s(params);
  const auto model = std::as_writable_bytes(io.fill<std::uint8_t>(kModel));
  s.model.fill(derive_seed(seed, 1), model);
  quieten_upper_layers(s, model);
  copy_draft(s, model, std::as_writable_bytes(io.fill<std::uint8_t>(kDraft)));
  s.model.fill_tokens(derive_seed(seed, 2), io.fill<std::int32_t>(kPrompt));
  io.fill<std::int32_t>(kLuck).front() = static_cast<std::int32_t>(derive_seed(seed, 3) >> 33);
  record_answer(s, io);
}

/// Each token but the last once, logits for those that are answered; the packed weights once.
bench::Work work(const Params& params) {
  const Shape s(params);
  const auto steps = static_cast<double>(s.steps);
  return {.flops = s.model.operations(s.computed(), s.steps),
          .bytes_read = static_cast<double>(s.model.packed_bytes()),
          .bytes_written = 4.0 * steps,
          .items = steps,
          .item_name = "tokens"};
}

/// The recorded answer, after the reference of model/ has judged it: each of its tokens must have
/// the largest logit, or be within kTie of it.
void reference(const Params& params, const Io& io, bench::Expected& expected) {
  const Shape s(params);
  const model::ModelConfig& c = s.model.config();
  const model::TensorFile file = s.model.file(std::as_bytes(io.in<std::uint8_t>(kModel)));
  const auto prompt = io.in<std::int32_t>(kPrompt), answer = io.in<std::int32_t>(kAnswer);
  std::vector<std::int32_t> tokens(prompt.begin(), prompt.end());
  tokens.insert(tokens.end(), answer.begin(), answer.end() - 1);
  const std::vector<double> logits =
      reference_logits(find_tensors(file, c), c, tokens, {.first = s.prompt - 1});
  for (std::size_t i = 0; i < answer.size(); ++i) {
    const auto row = std::span(logits).subspan(i * static_cast<std::size_t>(c.vocab),
                                               static_cast<std::size_t>(c.vocab));
    const auto largest = std::ranges::max_element(row);
    const bool right = row[static_cast<std::size_t>(answer[i])] >= *largest - kTie;
    expected.outputs[kTokens].value[i] =
        right ? answer[i] : static_cast<double>(largest - row.begin());
  }
}

Tolerance tolerance(const Params&) { return {}; }  // tokens are equal

Params sizes(std::int64_t m, std::int64_t l, std::int64_t d, std::int64_t v, std::int64_t p,
             std::int64_t s) {
  return {{"M", m}, {"L", l}, {"D", d}, {"V", v}, {"P", p}, {"S", s}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question =
          "What do guesses at the next tokens gain, how many of them must be right, and what do "
          "they cost when they are wrong?",
      .targets = {"ch18:speculative_decoding"},
      .tags = {"transformer", "serving", "speculation"},
      .cases = {{.name = "qwen25_05b_4_layers",
                 .origin = "Qwen2.5-0.5B, 4 of its 24 layers, 1024 pieces: 122 MB of weights",
                 .smoke = sizes(0, 2, 1, 260, 5, 12),
                 .full = sizes(1, 4, 1, 1024, 4, 24)},
                {.name = "stories15m_in_cache",
                 .origin = "stories15M of llama2.c, 512 pieces: 12 MB of weights, in the cache",
                 .smoke = sizes(0, 2, 1, 260, 9, 20),
                 .full = sizes(2, 6, 2, 512, 8, 64)}},
      .ragged = {sizes(0, 1, 1, 260, 1, 1), sizes(0, 2, 1, 261, 3, 2), sizes(0, 2, 2, 260, 33, 9)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {plain(), prompt_lookup(), draft_model(), oracle_30(), oracle_60(),
                     oracle_90()},
      .baseline = "plain",
  };
}

}  // namespace aisp::labs::ch18::speculative_decoding
