// GGUF files: what was written is read, what is damaged is refused in one line.
#include "model/gguf.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "base/error.h"
#include "model/temporary_folder.h"

namespace aisp::model {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

Metadata every_type() {
  using Integers = std::vector<std::int64_t>;
  Metadata m;
  m.set("u8", {MetaType::kU8, false, std::int64_t{255}});
  m.set("i8", {MetaType::kI8, false, std::int64_t{-128}});
  m.set("u16", {MetaType::kU16, false, std::int64_t{65535}});
  m.set("i16", {MetaType::kI16, false, std::int64_t{-3}});
  m.set("u32", MetaValue::u32(4000000000));
  m.set("i32", {MetaType::kI32, false, std::int64_t{-7}});
  m.set("u64", {MetaType::kU64, false, std::int64_t{1} << 40});
  m.set("i64", {MetaType::kI64, false, -(std::int64_t{1} << 40)});
  m.set("f32", MetaValue::f32(0.5));
  m.set("f64", {MetaType::kF64, false, 0.1});
  m.set("bool", MetaValue::boolean(true));
  m.set("text", MetaValue::text("gr\xc3\xbc\xc3\x9f"));
  m.set("texts", {MetaType::kString, true, std::vector<std::string>{"a", "", "ccc"}});
  m.set("u8s", {MetaType::kU8, true, Integers{1, 2, 3}});
  m.set("i32s", {MetaType::kI32, true, Integers{-1, 7}});
  m.set("bools", {MetaType::kBool, true, Integers{1, 0}});
  m.set("f32s", {MetaType::kF32, true, std::vector<double>{1.5, -2.0}});
  m.set("none", {MetaType::kF64, true, std::vector<double>{}});
  return m;
}

// Two tensors of 3 x 32 q8_0 and 5 f32, bytes counted up.
std::string small_file(const TemporaryFolder& folder, const Metadata& metadata,
                       const std::string& name = "m.gguf", const std::string& prefix = "") {
  GgufWriter writer(folder.path(name));
  writer.metadata() = metadata;
  writer.declare(prefix + "a", BlockType::kQ8_0, {3, 32});
  writer.declare(prefix + "b", BlockType::kF32, {5});
  writer.begin();
  std::vector<std::byte> a(3 * 34), b(20);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<std::byte>(i);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<std::byte>(200 + i);
  writer.append(std::span(a).first(50));
  writer.append(std::span(a).subspan(50));
  writer.append(b);
  writer.finish();
  return folder.path(name);
}

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& problem) {
    return problem.what();
  }
  return "nothing was thrown";
}

TEST(Gguf, ReadsWhatItWrites) {
  const TemporaryFolder folder;
  const TensorFile file = open_model(small_file(folder, every_type()));
  EXPECT_EQ(file.format(), TensorFile::Format::kGguf);
  EXPECT_EQ(file.metadata().all(), every_type().all());
  ASSERT_EQ(file.tensors().size(), 2u);
  const Tensor* a = file.find("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->shape, (std::vector<std::int64_t>{3, 32}));
  ASSERT_EQ(a->bytes.size(), 102u);
  EXPECT_EQ(a->bytes[101], std::byte{101});
  EXPECT_EQ(file.find("b")->bytes[0], std::byte{200});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file.find("b")->bytes.data()) % 32, 0u);
  EXPECT_EQ(file.find("c"), nullptr);
  EXPECT_EQ(file.metadata().number("u8", 0), 255.0);
  EXPECT_EQ(file.metadata().integer("absent", 9), 9);
  EXPECT_NE(message_of([&] { file.metadata().integer("text", 0); }).find("text: is string"),
            std::string::npos);
}

TEST(Gguf, NothingIsLeftOfAnUnfinishedFile) {
  const TemporaryFolder folder;
  {
    GgufWriter writer(folder.path("half.gguf"));
    writer.declare("a", BlockType::kF32, {5});
    writer.begin();
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path("")));
  EXPECT_NE(message_of([&] { GgufWriter(folder.path("no/such")); }).find("cannot be written"),
            std::string::npos);
}

TEST(Gguf, ReadsSplitModels) {
  const TemporaryFolder folder;
  for (int part = 0; part < 2; ++part) {
    Metadata m;
    m.set("split.no", {MetaType::kU16, false, std::int64_t{part}});
    m.set("split.count", {MetaType::kU16, false, std::int64_t{2}});
    m.set("split.tensors.count", {MetaType::kI32, false, std::int64_t{4}});
    small_file(folder, m, "m-0000" + std::to_string(part + 1) + "-of-00002.gguf",
               std::to_string(part));
  }
  const TensorFile file = open_model(folder.path("m-00001-of-00002.gguf"));
  EXPECT_EQ(file.tensors().size(), 4u);
  EXPECT_NE(file.find("1b"), nullptr);
  EXPECT_NE(message_of([&] {
              open_model(folder.path("m-00002-of-00002.gguf"));
            }).find("-00001-of-00002.gguf"),
            std::string::npos);
  std::filesystem::rename(folder.path("m-00002-of-00002.gguf"), folder.path("away"));
  EXPECT_NE(message_of([&] {
              open_model(folder.path("m-00001-of-00002.gguf"));
            }).find("m-00002-of-00002.gguf: cannot be read"),
            std::string::npos);
}

// Changes `size` bytes at `at` of a good file and says what the reader answers.
std::string answer(std::string bytes, std::size_t at, std::uint64_t value, std::size_t size) {
  std::memcpy(bytes.data() + at, &value, size);
  return message_of([&] { parse_gguf("m", bytes_of(bytes)); });
}

TEST(Gguf, RefusesDamagedFilesInOneLine) {
  const TemporaryFolder folder;
  small_file(folder, {});
  const std::string good = folder.get("m.gguf");
  // 24 bytes of head, then: length 8, "a", dimensions 4, extents 8 + 8, type 4, offset 8.
  EXPECT_NE(answer(good, 0, 0, 4).find("is no GGUF file"), std::string::npos);
  EXPECT_NE(answer(good, 4, 1, 4).find("version 1"), std::string::npos);
  EXPECT_NE(answer(good, 4, 0x03000000, 4).find("big-endian"), std::string::npos);
  EXPECT_NE(answer(good, 8, ~0ull, 8).find("counts more"), std::string::npos);
  EXPECT_NE(answer(good, 16, 1ull << 62, 8).find("counts more"), std::string::npos);
  EXPECT_NE(answer(good, 24, ~0ull, 8).find("longer than the file"), std::string::npos);
  EXPECT_NE(answer(good, 33, 5, 4).find("5 dimensions"), std::string::npos);
  EXPECT_NE(answer(good, 37, 33, 8).find("no whole number of q8_0"), std::string::npos);
  EXPECT_NE(answer(good, 37, 1ull << 47, 8).find("impossible shape"), std::string::npos);
  EXPECT_NE(answer(good, 45, 0, 8).find("impossible shape"), std::string::npos);
  EXPECT_NE(answer(good, 45, 4000, 8).find("beyond the end"), std::string::npos);
  EXPECT_NE(answer(good, 53, 77, 4).find("unknown type 77"), std::string::npos);
  EXPECT_NE(answer(good, 57, 7, 8).find("unaligned"), std::string::npos);
  EXPECT_NE(answer(good, 57, ~0ull << 5, 8).find("beyond the end"), std::string::npos);
  for (std::size_t size = 0; size < good.size() - 12; ++size) {  // the last 12 are padding
    EXPECT_NE(message_of([&] { parse_gguf("m", bytes_of(good).first(size)); }),
              "nothing was thrown");
  }
  std::string twice = good;
  twice[twice.find("b", 60)] = 'a';
  EXPECT_NE(message_of([&] { parse_gguf("m", bytes_of(twice)); }).find("is there twice"),
            std::string::npos);
}

TEST(Gguf, RefusesBadValues) {
  const TemporaryFolder folder;
  Metadata m;
  m.set("general.name", {MetaType::kU32, true, std::vector<std::int64_t>{1}});
  small_file(folder, m);
  const std::string good = folder.get("m.gguf");
  // 24 bytes of head, key 8 + 12, type 4, element type 4, count 8.
  EXPECT_NE(answer(good, 44, 13, 4).find("unknown type 13"), std::string::npos);
  EXPECT_NE(answer(good, 48, 9, 4).find("array of arrays"), std::string::npos);
  EXPECT_NE(answer(good, 52, 1ull << 61, 8).find("longer than the file"), std::string::npos);
  // A writer of ours never says an alignment; this value's bytes do.
  std::string aligned = good;
  aligned.replace(24 + 8, 12, "general.alig");
  EXPECT_EQ(message_of([&] { parse_gguf("m", bytes_of(aligned)); }), "nothing was thrown");
  Metadata n;
  n.set("generalXalignment", MetaValue::u32(48));
  small_file(folder, n);
  std::string odd = folder.get("m.gguf");
  odd[24 + 8 + 7] = '.';
  EXPECT_NE(message_of([&] { parse_gguf("m", bytes_of(odd)); }).find("alignment 48"),
            std::string::npos);
}

TEST(Gguf, OpensOnlyModels) {
  const TemporaryFolder folder;
  EXPECT_NE(message_of([&] { open_model(folder.path("none")); }).find("cannot be read"),
            std::string::npos);
  EXPECT_NE(message_of([&] { open_model(folder.put("x.bin", "hello")); }).find("is neither"),
            std::string::npos);
  EXPECT_NE(message_of([&] { open_model(folder.put("empty", "")); }).find("is neither"),
            std::string::npos);
  EXPECT_NE(message_of([&] { open_model("/dev/null"); }).find("no regular file"),
            std::string::npos);
}

}  // namespace
}  // namespace aisp::model
