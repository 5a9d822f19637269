// Hostile bytes become printable; widths and cuts count columns, not bytes.
#include "base/text.h"

#include <gtest/gtest.h>

namespace aisp {
namespace {

TEST(Text, PrintableReplacesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("plain µs"), "plain µs");
  EXPECT_EQ(printable("\x1b[2J"), "\xEF\xBF\xBD[2J");
  EXPECT_EQ(printable("a\nb\tc"), "a b c");
  EXPECT_EQ(printable("a\nb\tc\r", true), "a\nb\tc\xEF\xBF\xBD");
  EXPECT_EQ(printable("\xE2\x80\xAE"
                      "evil"),
            "\xEF\xBF\xBD"
            "evil");  // right-to-left override
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\xEF\xBF\xBD");
}

TEST(Text, PrintableReplacesInvalidUtf8ByteByByte) {
  EXPECT_EQ(printable("\xFF"), "\xEF\xBF\xBD");
  EXPECT_EQ(printable("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");  // overlong "/"
  EXPECT_EQ(printable("\xE2\x82"), "\xEF\xBF\xBD\xEF\xBF\xBD");  // cut short
  EXPECT_EQ(printable("\xED\xA0\x80").size(), 9u);               // surrogate
  EXPECT_EQ(printable("\xF4\x90\x80\x80").size(), 12u);          // beyond U+10FFFF
}

TEST(Text, WidthCountsColumns) {
  EXPECT_EQ(display_width(""), 0);
  EXPECT_EQ(display_width("µs"), 2);
  EXPECT_EQ(display_width("行列"), 4);
  EXPECT_EQ(display_width("e\xCC\x81"), 1);  // e and a combining acute
}

TEST(Text, CutsAndPadsByColumns) {
  EXPECT_EQ(cut_to_width("abcdef", 6), "abcdef");
  EXPECT_EQ(cut_to_width("abcdef", 4), "abc…");
  EXPECT_EQ(cut_to_width("行列行列", 4), "行…");
  EXPECT_EQ(cut_to_width("abc", 0), "");
  EXPECT_EQ(pad_right("µs", 4), "µs  ");
  EXPECT_EQ(pad_left("µs", 4), "  µs");
  EXPECT_EQ(pad_left("abcdef", 4), "abcdef");
}

}  // namespace
}  // namespace aisp
