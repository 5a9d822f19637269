// A model file of any shape with seeded random weights: for measuring and testing where no trained
// model is at hand. The weights are scaled so that activations, attention and logits have the sizes
// they have in trained models; what they say is noise.
//
// Scales, with L layers and x a normalized row (root mean square 1): matrices that read x have
// deviation 1/sqrt(width) (Q and K 1.5 of it in all, so that attention is neither flat nor a single
// point), those that write have what makes all branches together as large as the embedding; logits
// have deviation 3. The last norm has random signs: else a tied output would see its own token in
// the residual stream and say it for ever. Rows of a router are orthonormal, so that no expert wins
// by the length of its row.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "model/config.h"
#include "model/row_stream.h"
#include "model/tensor_file.h"

namespace aisp::model {

struct MakeOptions {
  ModelConfig config;         // of shape_of_name(), tiny_shape() or one's own, as of a GGUF file
  std::string name;           // general.name
  std::string type = "q8_0";  // f32, f16, bf16, q8_0, q4_0, q4_k, q6_k, or the mixture q4_k_m
  std::uint64_t seed = 1;
  double outliers = 0.0;  // share of channels that are 20 times the others after a norm
  int threads = 0;        // 0: one per core
  Metadata tokenizer;     // tokenizer.* values; its vocabulary has config.vocab pieces
  WriteProgress progress;
};

/// One tensor of such a model: `fill` gives its rows, of the last extent.
struct MadeTensor {
  std::string name;
  BlockType type;
  std::vector<std::int64_t> shape;
  FillRow fill;
};
/// All of them, in the order of the file. `options` is read now, not kept.
std::vector<MadeTensor> made_tensors(const MakeOptions& options);

/// Writes the file, streaming: memory stays below 100 MB. The same options give the same bytes on
/// every machine and for any number of threads. Throws Error: an unknown type, a full disk.
void make_model(const MakeOptions& options, const std::string& path);

/// How the matrix `name` is stored when a model is asked for as `type`: itself, but q4_k_m mixes
/// Q4_K and Q6_K as llama.cpp does, rows that are no whole blocks take the next finer type, and
/// routers and vectors stay f32. Throws Error for an unknown type.
BlockType stored_type(const std::string& type, const std::string& name, std::int64_t layers,
                      bool tied_output, const std::vector<std::int64_t>& shape);

/// The number that says it in general.file_type.
std::int64_t file_type_number(const std::string& type);

/// A SentencePiece-style vocabulary: <unk>, <s>, </s>, 256 bytes, the space, then made-up words.
/// Every text can be written in it, by bytes. vocab >= 260, else an Error.
Metadata byte_vocabulary(std::int64_t vocab);

}  // namespace aisp::model
