// Every rule fires on a small bad tree, at the right line, and is silent on the good twin that
// differs only in the mistake.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tools/tidy/rules.h"
#include "tools/tidy/test_tree.h"

namespace aisp::tidy {
namespace {

const std::pair<std::string, std::string> kRooms = {"tools/rooms.txt",
                                                    "base :\n"
                                                    "machine : base\n"
                                                    "bench : machine base\n"
                                                    "labs : bench base\n"
                                                    "report : bench/record.h base\n"
                                                    "tools : base\n"};

std::string function_of(int total) {
  return "// f\nvoid f(int a) {\n" + lines(total - 2, "  a++;") + "}\n";
}

TEST(Rooms, AForbiddenIncludeIsFoundAtItsLine) {
  const Files base = {kRooms, {"bench/lab.h", "// l\n"}, {"base/a.h", "// a\n"}};
  auto bad = base, good = base;
  bad.push_back({"machine/cpu.cc", "// cpu\n#include \"bench/lab.h\"\n"});
  good.push_back({"machine/cpu.cc", "// cpu\n#include \"base/a.h\"\n"});
  EXPECT_EQ(broken(check_rooms(tree_of(bad))), "machine/cpu.cc:2");
  EXPECT_EQ(broken(check_rooms(tree_of(good))), "");
}

TEST(Rooms, OneHeaderOfARoomCanBeAllowed) {
  const Files base = {kRooms, {"bench/record.h", "// r\n"}, {"bench/trial.h", "// t\n"}};
  auto bad = base, good = base;
  bad.push_back({"report/html.cc", "#include \"bench/trial.h\"\n"});
  good.push_back({"report/html.cc", "#include \"bench/record.h\"\n"});
  EXPECT_EQ(broken(check_rooms(tree_of(bad))), "report/html.cc:1");
  EXPECT_EQ(broken(check_rooms(tree_of(good))), "");
}

TEST(Rooms, ALabSeesNoOtherLab) {
  const Files base = {kRooms, {"labs/ch01_a/one/problem.h", ""}, {"labs/ch01_a/two/problem.h", ""}};
  auto bad = base, good = base;
  bad.push_back({"labs/ch01_a/one/lab.cc", "#include \"labs/ch01_a/two/problem.h\"\n"});
  good.push_back({"labs/ch01_a/one/lab.cc", "#include \"labs/ch01_a/one/problem.h\"\n"});
  EXPECT_EQ(broken(check_rooms(tree_of(bad))), "labs/ch01_a/one/lab.cc:1");
  EXPECT_EQ(broken(check_rooms(tree_of(good))), "");
}

TEST(Rooms, UnknownFoldersRelativeAndMissingHeaders) {
  EXPECT_EQ(broken(check_rooms(tree_of({kRooms, {"helpers/x.cc", "// x\n"}}))), "helpers/x.cc:0");
  const Files base = {kRooms, {"base/a.h", "// a\n"}};
  auto relative = base, missing = base, angle = base, comment = base;
  relative.push_back({"base/b.cc", "#include \"a.h\"\n"});
  missing.push_back({"base/b.cc", "#include \"base/gone.h\"\n"});
  angle.push_back({"base/b.cc", "#include <base/a.h>\n"});
  comment.push_back({"base/b.cc", "// #include \"bench/lab.h\"\n#include <vector>\n"});
  EXPECT_EQ(broken(check_rooms(tree_of(relative))), "base/b.cc:1");
  EXPECT_EQ(broken(check_rooms(tree_of(missing))), "base/b.cc:1");
  EXPECT_EQ(broken(check_rooms(tree_of(angle))), "base/b.cc:1");
  EXPECT_EQ(broken(check_rooms(tree_of(comment))), "");
  EXPECT_EQ(broken(check_rooms(tree_of({}))), "tools/rooms.txt:0");
}

TEST(Printing, OnlyAppAndReport) {
  const std::string prints = "// x\nvoid f() { std::printf(\"1\"); }\n";
  EXPECT_EQ(broken(check_printing(tree_of({{"bench/x.cc", prints}}))), "bench/x.cc:2");
  EXPECT_EQ(broken(check_printing(tree_of({{"app/x.cc", prints}, {"bench/x_test.cc", prints}}))),
            "");
  EXPECT_EQ(broken(check_printing(tree_of({{"bench/x.cc", "// std::printf(\n"}}))), "");
  EXPECT_EQ(broken(check_printing(tree_of({{"bench/x.cc", prints + "int main() { f(); }\n"}}))),
            "");
}

TEST(IsaFlags, NoFileIsCompiledForAWiderSet) {
  EXPECT_EQ(broken(check_isa_flags(tree_of({{"CMakeLists.txt", "\nadd(-mavx2)\n"}}))),
            "CMakeLists.txt:2");
  EXPECT_EQ(broken(check_isa_flags(tree_of({{"CMakeLists.txt", "# never -mavx2\nadd(-O3)\n"}}))),
            "");
}

TEST(Budgets, Files) {
  EXPECT_EQ(broken(check_budgets(tree_of({{"base/a.cc", lines(501)}}))), "base/a.cc:0");
  EXPECT_EQ(broken(check_budgets(tree_of({{"base/a.cc", lines(500)}}))), "");
  EXPECT_EQ(check_budgets(tree_of({{"base/a.cc", lines(301)}})).size(), 1u);  // a note
  EXPECT_EQ(check_budgets(tree_of({{"base/a.cc", lines(300)}})).size(), 0u);
}

TEST(Budgets, Lines) {
  EXPECT_EQ(broken(check_budgets(tree_of({{"base/a.cc", "\n" + std::string(101, 'x')}}))),
            "base/a.cc:2");
  EXPECT_EQ(broken(check_budgets(tree_of({{"base/a.cc", lines(2, std::string(101, 'x'))}}))),
            "base/a.cc:1 base/a.cc:2");
  EXPECT_EQ(broken(check_budgets(tree_of({{"base/a.cc", std::string(100, 'x')}}))), "");
  const std::string wide_letters = "// " + lines(1, "\xC3\xA9").substr(0, 2) + std::string(96, 'x');
  EXPECT_EQ(broken(check_budgets(tree_of({{"base/a.cc", wide_letters}}))), "");
  EXPECT_EQ(broken(check_budgets(tree_of({{"README.md", std::string(300, 'x')}}))), "");
  for (const std::string path : {"report/page.js", "report/page.css", "tools/a.py"}) {
    EXPECT_EQ(broken(check_budgets(tree_of({{path, std::string(101, 'x')}}))), path + ":1");
  }
}

TEST(Budgets, Functions) {
  EXPECT_EQ(broken(check_budgets(tree_of({{"bench/a.cc", function_of(71)}}))), "bench/a.cc:2");
  EXPECT_EQ(broken(check_budgets(tree_of({{"bench/a.cc", function_of(70)}}))), "");
  EXPECT_EQ(broken(check_budgets(tree_of({{"kernels/a/simd.cc", function_of(151)}}))),
            "kernels/a/simd.cc:2");
  EXPECT_EQ(broken(check_budgets(tree_of({{"kernels/a/simd.cc", function_of(150)}}))), "");
}

TEST(Budgets, ExceptionsCanOnlyShrink) {
  const auto with = [](int file_lines, const std::string& exception) {
    return broken(check_budgets(tree_of(
        {{"base/a.cc", lines(file_lines)}, {"tools/tidy_exceptions.txt", exception + "\n"}})));
  };
  const std::string reason = " | one table, read from top to bottom";
  const std::string list = "tools/tidy_exceptions.txt:1";
  EXPECT_EQ(with(550, "base/a.cc | file_lines | 560" + reason), "");
  EXPECT_EQ(with(561, "base/a.cc | file_lines | 560" + reason), "base/a.cc:0");   // grew
  EXPECT_EQ(with(550, "base/a.cc | file_lines | 700" + reason), list);            // too generous
  EXPECT_EQ(with(400, "base/a.cc | file_lines | 560" + reason), list);            // not needed
  EXPECT_EQ(with(400, "base/gone.cc | file_lines | 560" + reason), list);         // no such file
  EXPECT_EQ(with(550, "base/a.cc | file_lines | 560 |"), list + " base/a.cc:0");  // no reason
  EXPECT_EQ(with(820, "base/a.cc | file_lines | 820" + reason), list + " base/a.cc:0");  // hard
  EXPECT_EQ(with(820, "# nothing"), "base/a.cc:0");
}

TEST(Functions, AreFoundByTheirBraces) {
  SourceFile file;
  const std::string text =
      "namespace aisp {\n"
      "AISP_TARGET_BEGIN_AVX2\n"
      "namespace avx2 {\n"
      "template <class T, int N>\n"
      "class Box final : public Base {\n"
      " public:\n"
      "  Box(int a)\n"
      "      : a_(a), b_{a} {\n"
      "    if (a) { b_ = \"}\"[0]; }  // }\n"
      "  }\n"
      "  int size() const { return 1'000; }\n"
      "  int b_ = 0;\n"
      "};\n"
      "const int kTable[] = {\n"
      "    1, 2,\n"
      "};\n"
      "__attribute__((noinline)) void run(const Io& io) {\n"
      "  const auto f = [&](int i) { return i; };\n"
      "}\n"
      "}  // namespace avx2\n"
      "AISP_TARGET_END\n"
      "TEST(A, B) {\n"
      "}\n"
      "}  // namespace aisp\n";
  Tree tree;
  tree.add("kernels/x.cc", text);
  std::string found;
  for (const auto& one : functions_of(*tree.find("kernels/x.cc"))) {
    found += one.name + "@" + std::to_string(one.line) + "+" + std::to_string(one.lines) + " ";
  }
  EXPECT_EQ(found, "Box@6+5 size@11+1 run@17+3 TEST@22+2 ");
}

TEST(BannedWords, InIdentifiersAndFileNames) {
  const auto in = [](const std::string& code) {
    return broken(check_banned_words(tree_of({{"base/a.cc", "// a\n" + code + "\n"}})));
  };
  const std::string line = "base/a.cc:2";
  EXPECT_EQ(in("void kernel_new();"), line);
  EXPECT_EQ(in("void new_kernel();"), line);
  EXPECT_EQ(in("struct NewKernel {};"), line);
  EXPECT_EQ(in("int isFastPath = 1;"), line);
  EXPECT_EQ(in("void gemm_v2();"), line);
  EXPECT_EQ(in("void gemmV2();"), line);
  EXPECT_EQ(in("float final = 1;"), line);
  EXPECT_EQ(in("float optimized_sum(int);"), line);
  EXPECT_EQ(in("auto p = new int(1); struct X final {}; std::uint_fast8_t n = renewed;"), "");
  EXPECT_EQ(in("prctl(PR_SET_NO_NEW_PRIVS);"), "");
  EXPECT_EQ(in("#define AISP_FAST 1"), line);
  EXPECT_EQ(in("void run() final; auto h = std::new_handler();"), "");
  EXPECT_EQ(in("const char* says = \"fast new final\";  // optimized"), "");
  EXPECT_EQ(broken(check_banned_words(tree_of({{"kernels/gemm/simd_fast.cc", ""}}))),
            "kernels/gemm/simd_fast.cc:0");
  EXPECT_EQ(broken(check_banned_words(tree_of({{"kernels/gemm/breakfast.cc", ""}}))), "");
}

TEST(Unfinished, WordsOfUnfinishedWork) {
  const std::string word = std::string("TO") + "DO";
  EXPECT_EQ(broken(check_unfinished(tree_of({{"base/a.cc", "// a\n// " + word + ": later\n"}}))),
            "base/a.cc:2");
  EXPECT_EQ(broken(check_unfinished(tree_of({{"docs/A.md", "we " + word + "\n"}}))), "docs/A.md:1");
  EXPECT_EQ(broken(check_unfinished(tree_of({{"docs/A.md", "no `" + word + "` here\n"}}))), "");
  EXPECT_EQ(broken(check_unfinished(tree_of({{"base/a.cc", "mkstemp(\"x_XXXXXX\");\n"}}))), "");
}

TEST(LocalPaths, OfOneMachine) {
  const auto in = [](const std::string& text) {
    return broken(check_local_paths(tree_of({{"docs/A.md", text + "\n"}})));
  };
  EXPECT_EQ(in(std::string("see /ho") + "me/ada/aisp"), "docs/A.md:1");
  EXPECT_EQ(in(std::string("in (/wo") + "rk/aisp)"), "docs/A.md:1");
  EXPECT_EQ(in("see /tmp/x, /usr/lib, build/work/x and https://a.org/home/x"), "");
}

TEST(FileHeaders, CommentAndPragma) {
  const auto in = [](const std::string& path, const std::string& text) {
    return broken(check_file_headers(tree_of({{path, text}})));
  };
  EXPECT_EQ(in("base/a.cc", "int x;\n"), "base/a.cc:1");
  EXPECT_EQ(in("base/a.cc", "// What it is.\nint x;\n"), "");
  EXPECT_EQ(in("base/a.h", "// What it is.\nint x;\n"), "base/a.h:1");
  EXPECT_EQ(in("base/a.h", "// What it is. #pragma once\nint x;\n"), "base/a.h:1");
  EXPECT_EQ(in("base/a.h", "// What it is.\n#pragma once\n"), "");
}

TEST(Statistics, LinesAndMedianOfEachRoom) {
  const std::string table = room_statistics(
      tree_of({{"base/a.cc", lines(10)}, {"base/b.cc", lines(30)}, {"bench/c.cc", lines(5)}}));
  EXPECT_NE(table.find("base           2      40           30            30"), std::string::npos)
      << table;
  EXPECT_NE(table.find("all            3      45           10            30"), std::string::npos)
      << table;
}

TEST(Describe, NamesPlaceRuleReasonAndReplacement) {
  EXPECT_EQ(describe({"a/b.cc", 7, "rooms", "why", "what", false}),
            "a/b.cc:7: rooms: why; write instead: what");
}

}  // namespace
}  // namespace aisp::tidy
