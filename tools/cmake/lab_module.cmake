# Labs as a module that `aisp bench run --labs NAME.so` loads: in this tree, and in any project
# after find_package(aisp). Folder mine/axpy has its describe() in namespace aisp::mine::axpy and is
# called mine:axpy.
set(AISP_LAB_TABLE_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/lab_table.cmake)

# What our own code is compiled with, for the reasons given in its CMakeLists.txt: functions and
# loops on cache lines, no contraction.
set(AISP_LAB_OPTIONS -falign-functions=64 -falign-loops=64 -ffp-contract=off)

# A table of lab entries, generated from folders: OUT is the .cc. FOLDERS are relative to the source
# folder and must hold lab.cc.
# Regenerated when any source changes, because it carries a hash of each folder's sources.
function(aisp_lab_table out function_name)
  cmake_parse_arguments(table "MODULE" "" "FOLDERS" ${ARGN})
  set(all_sources)
  foreach(folder ${table_FOLDERS})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cc
      ${CMAKE_SOURCE_DIR}/${folder}/*.h ${CMAKE_SOURCE_DIR}/${folder}/*.inc
      ${CMAKE_SOURCE_DIR}/${folder}/*.cu)
    list(APPEND all_sources ${sources})
  endforeach()
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DROOT=${CMAKE_SOURCE_DIR} "-DFOLDERS=${table_FOLDERS}"
      -DFUNCTION=${function_name} -DMODULE=${table_MODULE}
      -P ${AISP_LAB_TABLE_SCRIPT}
    DEPENDS ${all_sources} ${AISP_LAB_TABLE_SCRIPT} VERBATIM)
endfunction()

# A module of labs, loaded with `aisp bench run --labs <file>`: a shared object that exports one
# function, its table, and shares nothing with the program but plain data. Each of FOLDERS (relative
# to the source folder) holds lab.cc with describe() in the namespace that lab_table.cmake derives
# from the folder's name; HEADERS are shared files that the labs of the module include.
function(aisp_lab_module name)
  cmake_parse_arguments(module "" "" "FOLDERS;HEADERS" ${ARGN})
  set(sources)
  foreach(folder ${module_FOLDERS})
    if(NOT EXISTS ${CMAKE_SOURCE_DIR}/${folder}/lab.cc)
      message(FATAL_ERROR "aisp_lab_module(${name}): ${folder} has no lab.cc")
    endif()
    file(GLOB found CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cc)
    list(FILTER found EXCLUDE REGEX "_test\\.cc$")
    list(APPEND sources ${found})
  endforeach()
  set(table ${CMAKE_CURRENT_BINARY_DIR}/${name}_table.cc)
  aisp_lab_table(${table} ${name} MODULE FOLDERS ${module_FOLDERS})
  add_library(${name} MODULE ${table} ${sources} ${module_HEADERS})
  set_target_properties(${name} PROPERTIES PREFIX "" CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
  target_link_libraries(${name} PRIVATE aisp::kernels aisp::bench)
  target_compile_features(${name} PRIVATE cxx_std_20)
  target_compile_options(${name} PRIVATE ${AISP_LAB_OPTIONS})
  # Symbols of our own libraries stay inside: the program has copies under the same names.
  target_link_options(${name} PRIVATE LINKER:--exclude-libs,ALL)
endfunction()
