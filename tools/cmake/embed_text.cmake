# Script mode: writes a .cc with functions that return the text of files. ROOT, OUT, NAMESPACE;
# TEXTS is a list of "function=path".
set(body "")
foreach(entry ${TEXTS})
  string(REPLACE "=" ";" pair ${entry})
  list(GET pair 0 function)
  list(GET pair 1 path)
  file(READ ${ROOT}/${path} text)
  string(FIND "${text}" ")embedded\"" found)
  if(NOT found EQUAL -1)
    message(FATAL_ERROR "${path} ends its own literal")
  endif()
  string(APPEND body "std::string_view ${function}() { return R\"embedded(${text})embedded\"; }\n")
endforeach()
file(WRITE ${OUT}.tmp "// Generated from text files. Do not edit.
#include <string_view>
namespace ${NAMESPACE} {
${body}}  // namespace ${NAMESPACE}
")
execute_process(COMMAND ${CMAKE_COMMAND} -E copy_if_different ${OUT}.tmp ${OUT})
file(REMOVE ${OUT}.tmp)
file(TOUCH_NOCREATE ${OUT})
