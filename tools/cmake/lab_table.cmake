# Script mode: writes the table of labs. Folder labs/ch07_memory_access/transpose has its describe()
# in namespace aisp::labs::ch07::transpose; bench/attacks/replay_pointer in
# aisp::attacks::replay_pointer.
set(declarations "")
set(rows "")
foreach(folder ${FOLDERS})
  file(GLOB sources ${ROOT}/${folder}/*.cc ${ROOT}/${folder}/*.h ${ROOT}/${folder}/*.inc
    ${ROOT}/${folder}/*.cu ${ROOT}/${folder}/*.cuh)
  list(SORT sources)
  set(all "")
  foreach(source ${sources})
    file(SHA256 ${source} one)
    string(APPEND all "${one}\n")
  endforeach()
  string(SHA256 hash "${all}")
  get_filename_component(name ${folder} NAME)
  if(folder MATCHES "labs/(ch[0-9]+)")
    set(chapter ${CMAKE_MATCH_1})
    set(space aisp::labs::${chapter}::${name})
  else()
    get_filename_component(parent ${folder} DIRECTORY)
    get_filename_component(chapter ${parent} NAME)
    set(space aisp::${chapter}::${name})
  endif()
  string(APPEND declarations "namespace ${space} { aisp::bench::Lab describe(); }\n")
  string(APPEND rows
    "    {\"${chapter}\", \"${name}\", \"${folder}\", \"${hash}\", &${space}::describe},\n")
endforeach()
set(text "// Generated from folder names. Do not edit.\n#include \"bench/lab_table.h\"\n\n")
string(APPEND text "${declarations}\n")
if(MODULE)
  string(APPEND text "extern \"C\" __attribute__((visibility(\"default\")))\n"
    "const aisp::bench::LabEntry* aisp_lab_module(int abi, int* count) {\n"
    "  static const aisp::bench::LabEntry rows[] = {\n${rows}  };\n"
    "  if (abi != aisp::bench::kLabAbi) return nullptr;\n"
    "  *count = static_cast<int>(sizeof(rows) / sizeof(rows[0]));\n  return rows;\n}\n")
else()
  string(APPEND text "namespace aisp::bench {\nconst std::vector<LabEntry>& ${FUNCTION}() {\n"
    "  static const std::vector<LabEntry> rows = {\n${rows}  };\n  return rows;\n}\n"
    "}  // namespace aisp::bench\n")
endif()
file(WRITE ${OUT}.tmp "${text}")
execute_process(COMMAND ${CMAKE_COMMAND} -E copy_if_different ${OUT}.tmp ${OUT})
file(REMOVE ${OUT}.tmp)
file(TOUCH_NOCREATE ${OUT})
