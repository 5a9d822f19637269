// See cmd_model.h. Showing is in cmd_model_show.cc.
#include "app/cmd_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "app/cmd_bench.h"
#include "app/progress.h"
#include "base/error.h"
#include "base/units.h"
#include "bench/supervisor.h"
#include "model/convert.h"
#include "model/make_model.h"
#include "model/reference.h"
#include "model/shapes.h"
#include "model/tokenizer_of.h"
#include "model/weights.h"
#include "text/train_tokenizer.h"

namespace aisp::app {
namespace {

constexpr std::int64_t kMostLayers = 2000;  // as check_config

// A bar in tenths of a GB on standard error, and the end when Ctrl-C was pressed.
class WrittenBytes {
 public:
  WrittenBytes() { bench::catch_interrupts(); }

  model::WriteProgress shown() {
    return [this](std::int64_t done, std::int64_t all) {
      const std::int64_t step = std::max<std::int64_t>(1, all / 20);
      bar_.show(static_cast<std::size_t>(std::min<std::int64_t>(done / step, 19)), 20,
                fmt::format("{} of {}", format_bytes(static_cast<double>(done)),
                            format_bytes(static_cast<double>(all))));
      return !bench::interrupted();
    };
  }

 private:
  Progress bar_;
};

void say_written(const std::string& path, std::chrono::steady_clock::time_point begin) {
  const model::TensorFile file = model::open_model(path);  // also: it can be read
  const model::ModelConfig config = model::config_of(file);
  model::find_tensors(file, config);
  fmt::print("{}: {}, {} parameters, {} in {:.1f} s\n", path, config.architecture,
             model::parameter_count(config), format_bytes(static_cast<double>(file.mapped_bytes())),
             std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
}

void replace_sizes(const ModelMakeOptions& o, model::ModelConfig& c) {
  const auto take = [](std::int64_t wanted, std::int64_t& size) {
    if (wanted > 0) size = wanted;
  };
  take(o.layers, c.layers);
  take(o.width, c.width);
  take(o.ff_size, c.ff_size);
  take(o.heads, c.heads);
  take(o.kv_heads, c.kv_heads);
  take(o.vocab, c.vocab);
  take(o.context, c.context);
  take(o.experts, c.experts.count);
  take(o.used_experts, c.experts.used);
  take(o.expert_size, c.experts.size);
  if (o.head_size > 0 && o.head_size != c.head_size) {
    c.head_size = o.head_size;
    for (model::Rope* rope : {&c.rope, &c.local_rope}) {
      rope->size = c.head_size;
      rope->divisors.clear();  // they belong to the shape's own heads
    }
    c.attention_scale = 1.0 / std::sqrt(static_cast<double>(c.head_size));
  }
  if (c.layers > kMostLayers) {
    throw UsageError("more than " + std::to_string(kMostLayers) + " layers", "--layers",
                     "give fewer");
  }
  // A longer model repeats the pattern of the windows it has.
  const std::vector<std::int64_t> pattern = c.windows;
  c.windows.clear();
  for (std::int64_t i = 0; i < c.layers; ++i) {
    c.windows.push_back(pattern[static_cast<std::size_t>(i) % pattern.size()]);
  }
  if (c.architecture.starts_with("gemma")) {
    c.embedding_scale = std::sqrt(static_cast<double>(c.width));
  }
}

// Bytes and made-up words, or learnt: scored pairs for llama and gemma, byte pairs for qwen, as
// the published ones.
model::Metadata wanted_tokenizer(const ModelMakeOptions& o, const model::ModelConfig& config) {
  if (o.tokenizer_text.empty()) return model::byte_vocabulary(config.vocab);
  const model::MappedFile file(o.tokenizer_text);
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()),
                              file.bytes().size());
  text::TrainOptions how{.vocabulary = static_cast<std::int32_t>(config.vocab)};
  const bool pairs = config.architecture.starts_with("qwen");
  if (pairs) how.control = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
  text::TokenizerSpec spec =
      pairs ? text::train_byte_pairs({&text, 1}, how) : text::train_scored_pairs({&text, 1}, how);
  if (pairs) {
    const auto end = std::find(spec.pieces.begin(), spec.pieces.end(), "<|im_end|>");
    spec.eos = static_cast<std::int32_t>(end - spec.pieces.begin());
  }
  model::Metadata values = model::tokenizer_values(spec, how.pre_tokenizer);
  const model::Metadata bytes = model::byte_vocabulary(300);
  values.set("tokenizer.chat_template", *bytes.find("tokenizer.chat_template"));
  return values;
}

}  // namespace

model::ModelConfig wanted_config(const ModelMakeOptions& o) {
  std::optional<model::ModelConfig> config;
  if (o.shape.empty() || o.shape == "tiny") {
    if (o.arch.empty()) {
      throw UsageError("neither a shape nor an architecture is named", "aisp model make",
                       "name --shape (" + model::shape_names() + ") or --arch (" +
                           model::tiny_shape_names() + ")");
    }
    config = model::tiny_shape(o.arch);
    if (!config) {
      throw UsageError("architecture \"" + o.arch + "\" is not known", "--arch",
                       "known are " + model::tiny_shape_names());
    }
  } else {
    config = model::shape_of_name(o.shape);
    if (!config) {
      throw UsageError("shape \"" + o.shape + "\" is not known", "--shape",
                       "known are tiny (with --arch), " + model::shape_names());
    }
    const auto named = model::tiny_shape(o.arch);
    if (!o.arch.empty() && (!named || named->architecture != config->architecture)) {
      throw UsageError("shape " + o.shape + " is of architecture " + config->architecture, "--arch",
                       "leave --arch out");
    }
  }
  replace_sizes(o, *config);
  if (config->rope.size % 2 != 0 || (o.experts > 0 && config->experts.used == 0)) {
    throw UsageError("the sizes do not make a model", "aisp model make",
                     "heads have an even size; experts need --used-experts and --expert-size");
  }
  try {
    model::check_config(*config, "aisp model make");
  } catch (const Error& problem) {  // sizes of options, not of a file
    throw UsageError(problem.problem(), problem.where(), problem.remedy());
  }
  return *config;
}

int cmd_model_make(const ModelMakeOptions& o) {
  model::MakeOptions options;
  options.config = wanted_config(o);
  options.name = fmt::format("random-{}-{}", o.shape.empty() ? "tiny-" + o.arch : o.shape, o.seed);
  options.type = o.type;
  options.seed = o.seed;
  options.outliers = o.outliers;
  options.threads = o.threads;
  options.tokenizer = wanted_tokenizer(o, options.config);
  const auto begin = std::chrono::steady_clock::now();
  {
    WrittenBytes written;
    options.progress = written.shown();
    model::make_model(options, o.out);
  }
  say_written(o.out, begin);
  return 0;
}

int cmd_model_quantize(const ModelQuantizeOptions& o) {
  const model::TensorFile file = model::open_model(o.in);
  const auto begin = std::chrono::steady_clock::now();
  {
    WrittenBytes written;
    model::convert_model(file, {.type = o.type, .threads = o.threads, .progress = written.shown()},
                         o.out);
  }
  say_written(o.out, begin);
  return 0;
}

int cmd_model_logits(const ModelLogitsOptions& o) {
  const model::TensorFile file = model::open_model(o.file);
  const model::ModelConfig config = model::config_of(file);
  const model::ModelTensors tensors = model::find_tensors(file, config);
  for (const std::int32_t token : o.tokens) {
    if (token < 0 || token >= config.vocab) {
      throw UsageError(
          fmt::format("token {} is none of the {} of the vocabulary", token, config.vocab),
          "--tokens", "name tokens by their numbers");
    }
  }
  const auto count = static_cast<std::int64_t>(o.tokens.size());
  const std::vector<double> logits =
      model::reference_logits(tensors, config, o.tokens, {.first = o.last ? count - 1 : 0});
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const bool end = (i + 1) % static_cast<std::size_t>(config.vocab) == 0;
    fmt::print("{:.9g}{}", logits[i], end ? "\n" : " ");
  }
  return 0;
}

int cmd_model_check(const ModelCheckOptions& o) {
  const model::TensorFile file = model::open_model(o.file);
  const model::ModelConfig config = model::config_of(file);
  const model::ModelTensors tensors = model::find_tensors(file, config);
  model::tokenizer_of(file);
  fmt::print("{}: {}, {} tensors, all in their places\n", o.file, config.architecture,
             file.tensors().size());
  machine::ThreadPool pool(o.threads);
  const model::PackedCheck packed = model::check_packed(file, tensors, pool);
  if (!packed.there) {
    fmt::print("{}: no packed weights are kept\n", packed.path);
  } else {
    fmt::print("{}: {}\n", packed.path,
               packed.fault.empty() ? "every byte is what packing makes" : packed.fault);
  }
  return packed.fault.empty() ? 0 : kExitWrong;
}

namespace {

void add_make(CLI::App* model, ModelMakeOptions& o, int* code) {
  CLI::App* make = model->add_subcommand("make", "Write a model of any shape with random weights");
  make->add_option("--arch", o.arch, "Architecture: " + model::tiny_shape_names());
  make->add_option("--shape", o.shape, "tiny, or a published one: " + model::shape_names());
  make->add_option("--type", o.type,
                   "How matrices are stored: " + model::block_type_names(true) + ", q4_k_m");
  make->add_option("--seed", o.seed, "Seed of the weights");
  make->add_option("--outliers", o.outliers,
                   "Share of channels 20 times the others after a norm, such as 0.01")
      ->check(CLI::Range(0.0, 0.5));
  make->add_option("--tokenizer-text", o.tokenizer_text,
                   "Text to learn the vocabulary from; bytes and made-up words when absent");
  make->add_option("--out", o.out, "File to write")->required();
  make->add_option("--threads", o.threads, "Threads; 0: one per core")->check(CLI::Range(0, 1024));
  const std::pair<const char*, std::int64_t*> sizes[] = {{"--layers", &o.layers},
                                                         {"--width", &o.width},
                                                         {"--ff", &o.ff_size},
                                                         {"--heads", &o.heads},
                                                         {"--kv-heads", &o.kv_heads},
                                                         {"--head-size", &o.head_size},
                                                         {"--vocab", &o.vocab},
                                                         {"--context", &o.context},
                                                         {"--experts", &o.experts},
                                                         {"--used-experts", &o.used_experts},
                                                         {"--expert-size", &o.expert_size}};
  for (const auto& [name, size] : sizes) {
    make->add_option(name, *size, "Instead of the shape's")->check(CLI::PositiveNumber);
  }
  make->callback([&o, code] { *code = cmd_model_make(o); });
}

}  // namespace

void add_model(CLI::App& root, ModelOptions& o, int* code) {
  CLI::App* model = root.add_subcommand("model", "Files of weights: made, converted, shown");
  model->require_subcommand(1);
  add_make(model, o.make, code);

  CLI::App* quantize = model->add_subcommand("quantize", "Store a GGUF model in another type");
  quantize->add_option("in", o.quantize.in, "Model")->required();
  quantize->add_option("out", o.quantize.out, "File to write")->required();
  quantize->add_option("--type", o.quantize.type, model::block_type_names(true) + " or q4_k_m");
  quantize->add_option("--threads", o.quantize.threads, "Threads; 0: one per core")
      ->check(CLI::Range(0, 1024));
  quantize->callback([&o, code] { *code = cmd_model_quantize(o.quantize); });

  CLI::App* show = model->add_subcommand("show", "What a model file holds");
  show->add_option("file", o.show.file, "A .gguf file, a .safetensors file or their folder")
      ->required();
  show->add_flag("--json", o.show.json, "As JSON");
  show->add_flag("--tensors", o.show.tensors, "Also each tensor");
  show->callback([&o, code] { *code = cmd_model_show(o.show); });

  CLI::App* check = model->add_subcommand(
      "check", "Whether a model file holds together, and the packed weights beside it are its own");
  check->add_option("file", o.check.file, "Model")->required();
  check->add_option("--threads", o.check.threads, "Threads; 0: one per core")
      ->check(CLI::Range(0, 1024));
  check->callback([&o, code] { *code = cmd_model_check(o.check); });

  CLI::App* logits = model->add_subcommand(
      "logits", "Logits of a sequence by the slow reference in double, a line for each position");
  logits->add_option("file", o.logits.file, "Model")->required();
  logits->add_option("--tokens", o.logits.tokens, "Numbers, such as 1,5,7")
      ->required()
      ->delimiter(',');
  logits->add_flag("--last", o.logits.last, "Only the last position");
  logits->callback([&o, code] { *code = cmd_model_logits(o.logits); });
}

}  // namespace aisp::app
