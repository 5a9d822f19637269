// The rules about documents, and the commands that documents show: bad tree, good twin.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"
#include "tools/tidy/documents.h"
#include "tools/tidy/test_tree.h"

namespace aisp::tidy {
namespace {

std::string fence(const std::string& info, const std::string& body) {
  return "```" + info + "\n" + body + "```\n";
}

TEST(Links, LeadSomewhere) {
  const auto in = [](const std::string& text) {
    return broken(check_links(tree_of({{"docs/A.md", text}, {"docs/B.md", ""}, {"LICENSE", ""}})));
  };
  EXPECT_EQ(in("x\n[b](C.md)\n"), "docs/A.md:2");
  EXPECT_EQ(in("[b](B.md#part) [l](../LICENSE) [d](../docs) [w](https://a.org) [h](#here)\n"), "");
  EXPECT_EQ(in("`[b](C.md)`\n" + fence("", "[b](C.md)\n")), "");
}

TEST(Excerpts, AreVerbatim) {
  const auto in = [](const std::string& body) {
    return broken(check_excerpts(tree_of({{"base/a.h", "// a\nint f();\nint g();\n"},
                                          {"docs/A.md", fence("cpp file=base/a.h", body)}})));
  };
  EXPECT_EQ(in("int f();\nint g();\n"), "");
  EXPECT_EQ(in("int f();\nint h();\n"), "docs/A.md:1");
  EXPECT_EQ(in(""), "docs/A.md:1");
  EXPECT_EQ(broken(check_excerpts(tree_of({{"docs/A.md", fence("cpp file=base/b.h", "x\n")}}))),
            "docs/A.md:1");
}

TEST(ShellBlocks, RunOrSayWhyNot) {
  const auto in = [](const std::string& text) {
    return broken(check_shell_blocks(tree_of({{"Makefile", "run:\n\ttrue\n"}, {"A.md", text}})));
  };
  EXPECT_EQ(in(fence("sh", "make run\n")), "");
  EXPECT_EQ(in(fence("sh", "make walk\n")), "A.md:2");
  EXPECT_EQ(in(fence("sh norun", "build/aisp\n")), "A.md:1");
  EXPECT_EQ(in(fence("sh norun takes minutes", "build/aisp\n")), "");
  EXPECT_EQ(in(fence("bash", "build/aisp\n")), "A.md:1");
}

TEST(Dependencies, EveryPackageIsArgued) {
  const Files list = {{"tools/setup/packages.txt", "# list\nlibfmt-dev | - | text\n"}};
  Files bad = list, good = list;
  bad.push_back({"docs/decisions/dependencies.md", "nothing\n"});
  good.push_back({"docs/decisions/dependencies.md", "| libfmt-dev | why |\n"});
  EXPECT_EQ(broken(check_dependencies(tree_of(bad))), "tools/setup/packages.txt:2");
  EXPECT_EQ(broken(check_dependencies(tree_of(good))), "");
}

TEST(ShownCommands, AreTheLinesOfShellBlocks) {
  const auto commands = shown_commands(
      tree_of({{"A.md", "build/aisp not in a block\n" +
                            fence("sh",
                                  "# a comment\n$ build/aisp one\nbuild/aisp two \\\n  --more\n"
                                  "build/aisp three   # exit 4\nmake run\n") +
                            fence("sh norun takes minutes", "build/aisp four\n") +
                            fence("", "build/aisp five\n")},
               {"labs/ch01_a/b/README.md", fence("sh", "build/aisp six\n")}}));
  ASSERT_EQ(commands.size(), 4u);
  EXPECT_EQ(commands[0].text, "build/aisp one");
  EXPECT_EQ(commands[0].line, 4);
  EXPECT_EQ(commands[1].text, "build/aisp two --more");
  EXPECT_EQ(commands[2].exit_status, 4);
  EXPECT_EQ(commands[3].not_run, "takes minutes");
}

TEST(ShownCommands, FailWhenTheyEndOtherwise) {
  // /bin/sh stands for the program: `build/aisp -c '...'` runs a shell.
  const auto run = [](const std::string& body) {
    return broken(
        run_shown_commands(shown_commands(tree_of({{"A.md", fence("sh", body)}})), "/bin/sh"));
  };
  EXPECT_EQ(run("build/aisp -c 'exit 0'\n"), "");
  EXPECT_EQ(run("build/aisp -c 'exit 3'\n"), "A.md:2");
  EXPECT_EQ(run("build/aisp -c 'exit 3' # exit 3\n"), "");
  EXPECT_EQ(run("build/aisp -c 'exit 0' # exit 3\n"), "A.md:2");
  EXPECT_EQ(run("build/aisp -c 'kill -9 $$'\n"), "A.md:2");
  EXPECT_EQ(run("build/aisp -c 'test -e \"$1\"' x build/sh\n"), "");  // beside the program
  EXPECT_EQ(run("build/aisp -c 'test -e \"$1\"' x build/gone_missing\n"), "A.md:2");
  // Commands of one document share a folder of their own.
  EXPECT_EQ(run("build/aisp -c 'echo 1 > made'\nbuild/aisp -c 'test -f made'\n"), "");
  EXPECT_EQ(run("build/aisp -c 'test -f made'\n"), "A.md:2");
}

TEST(TreeLoad, LeavesOutWhatGitignoreNames) {
  namespace fs = std::filesystem;
  const fs::path root = fs::path(testing::TempDir()) / "tidy_tree";
  fs::remove_all(root);
  for (const char* folder : {"base", "build-x", ".git", ".ci"})
    fs::create_directories(root / folder);
  for (const char* path : {"base/a.cc", "build-x/b.cc", ".git/c", ".ci/run"}) {
    std::ofstream(root / path) << "// x\n";
  }
  std::ofstream(root / ".gitignore") << "/build*/\n";
  std::ofstream(root / "picture.png") << std::string("\0\1", 2);
  const Tree tree = Tree::load(root.string());
  EXPECT_NE(tree.find("base/a.cc"), nullptr);
  EXPECT_NE(tree.find(".ci/run"), nullptr);
  EXPECT_NE(tree.find("picture.png"), nullptr);
  EXPECT_EQ(tree.find("build-x/b.cc"), nullptr);
  EXPECT_EQ(tree.find(".git/c"), nullptr);
  fs::remove_all(root);
}

TEST(TreeLoad, AMissingFolderIsOneClearLine) {
  EXPECT_THROW(Tree::load("/nonexistent/aisp"), Error);
}

TEST(Blanking, KeepsColumnsAndRemovesCommentsAndLiterals) {
  EXPECT_EQ(blank_comments_and_literals("a /* b */ c // d\ne"), "a         c     \ne");
  EXPECT_EQ(blank_comments_and_literals("f(\"a\\\"b\", 'x', 1'000);"), "f(\"    \", ' ', 1'000);");
  EXPECT_EQ(blank_comments_and_literals("R\"(a\"//)\" b"), "R\"     )\" b");
}

}  // namespace
}  // namespace aisp::tidy
