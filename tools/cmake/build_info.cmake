# Script mode: writes build_info.cc with the commit that is checked out now, if it changed.
execute_process(COMMAND git -C ${ROOT} rev-parse HEAD OUTPUT_VARIABLE commit
  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
set(dirty false)
if(failed)
  set(commit "unknown")
else()
  execute_process(COMMAND git -C ${ROOT} status --porcelain --untracked-files=no
    OUTPUT_VARIABLE changes ERROR_QUIET)
  if(NOT changes STREQUAL "")
    set(dirty true)
  endif()
endif()
file(WRITE ${OUT}.tmp "// Generated. Do not edit.
#include \"bench/run.h\"

namespace aisp::bench {
Json build_info() {
  return {{\"version\", \"${VERSION}\"}, {\"git_commit\", \"${commit}\"}, {\"git_dirty\", ${dirty}},
          {\"compiler\", \"${COMPILER}\"}, {\"flags\", \"${FLAGS}\"},
          {\"build_type\", \"${BUILD_TYPE}\"}};
}
}  // namespace aisp::bench
")
execute_process(COMMAND ${CMAKE_COMMAND} -E copy_if_different ${OUT}.tmp ${OUT})
file(REMOVE ${OUT}.tmp)
