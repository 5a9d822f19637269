# Script mode: writes a .cc that holds the files of a page as string literals, each script with its
# SHA-256 in base64, as a content security policy wants it. Nothing is downloaded or minified here.
# STYLE is a path below ROOT, SCRIPTS a list of them.

# The bytes of a hexadecimal text in base64, three bytes (six digits) at a time.
function(to_base64 hex out)
  set(letters ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/)
  set(text "")
  while(NOT hex STREQUAL "")
    string(LENGTH "${hex}" left)
    string(SUBSTRING "${hex}0000" 0 6 group)
    math(EXPR bits "0x${group}")
    set(count 4)
    if(left LESS 6)
      math(EXPR count "${left} / 2 + 1")
      set(hex "")
    else()
      string(SUBSTRING "${hex}" 6 -1 hex)
    endif()
    set(four "")
    foreach(shift 18 12 6 0)
      math(EXPR at "(${bits} >> ${shift}) & 63")
      string(SUBSTRING ${letters} ${at} 1 letter)
      string(APPEND four ${letter})
    endforeach()
    string(SUBSTRING ${four} 0 ${count} four)
    string(APPEND text ${four})
  endwhile()
  string(LENGTH "${text}" length)
  math(EXPR missing "(4 - ${length} % 4) % 4")
  string(REPEAT "=" ${missing} padding)
  set(${out} "${text}${padding}" PARENT_SCOPE)
endfunction()

# The text of a file as a raw literal; refuses what would end the literal or its place in the page.
function(literal path out)
  file(READ ${ROOT}/${path} text)
  foreach(forbidden ")embedded\"" "</script" "</style" "<!--" "\r")
    string(FIND "${text}" "${forbidden}" found)
    if(NOT found EQUAL -1)
      message(FATAL_ERROR "${path} holds '${forbidden}': it cannot be put into a page")
    endif()
  endforeach()
  set(${out} "R\"embedded(${text})embedded\"sv" PARENT_SCOPE)
endfunction()

literal(${STYLE} style)
set(rows "")
foreach(path ${SCRIPTS})
  literal(${path} text)
  file(SHA256 ${ROOT}/${path} hex)
  to_base64(${hex} hash)
  string(APPEND rows "    {\"${path}\"sv, ${text}, \"${hash}\"sv},\n")
endforeach()
file(WRITE ${OUT}.tmp "// Generated from the files of the page. Do not edit.
#include \"report/assets.h\"

namespace aisp::report {
namespace {
using namespace std::string_view_literals;
constexpr std::string_view kStyle = ${style};
constexpr Script kScripts[] = {\n${rows}};
}  // namespace
std::string_view page_style() { return kStyle; }
std::span<const Script> page_scripts() { return kScripts; }
}  // namespace aisp::report
")
execute_process(COMMAND ${CMAKE_COMMAND} -E copy_if_different ${OUT}.tmp ${OUT})
file(REMOVE ${OUT}.tmp)
file(TOUCH_NOCREATE ${OUT})
