# A room is a folder: every .cc in it (up to three levels) is in its library, every *_test.cc in its
# one test binary. Adding a file and running ninja is all.

# QUICK_BUILD: nothing in the room is worth waiting for an optimizer. -O1 takes two thirds of the
# time of -O3 there, which is spent on templates of JSON.
function(aisp_room name)
  cmake_parse_arguments(room "QUICK_BUILD" "EXECUTABLE" "DEPENDS" ${ARGN})
  # Relative, so that the filters below see our folders and not those that hold the checkout.
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}
    ${CMAKE_SOURCE_DIR}/${name}/*.cc)
  list(FILTER sources EXCLUDE REGEX "^(bench/(attacks|device_attacks|layout|peers)|machine/fakes)/")
  file(GLOB_RECURSE device_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${name}/*.cu)
  list(FILTER device_sources EXCLUDE REGEX "/bench/device_attacks/")
  if(AISP_HAVE_CUDA)
    list(FILTER sources EXCLUDE REGEX "_absent\.cc$")
  endif()
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(room_EXECUTABLE)
    list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  endif()
  if(sources)
    add_library(aisp_${name} STATIC ${sources})
    target_include_directories(aisp_${name} PUBLIC
      $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}> $<INSTALL_INTERFACE:include/aisp>)
    target_link_libraries(aisp_${name} PUBLIC ${room_DEPENDS})
    if(room_QUICK_BUILD)
      target_compile_options(aisp_${name} PRIVATE $<$<CONFIG:Release>:-O1>)
    endif()
    aisp_device_code(aisp_${name} device_sources)
  else()
    add_library(aisp_${name} INTERFACE)
    target_include_directories(aisp_${name} INTERFACE
      $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}> $<INSTALL_INTERFACE:include/aisp>)
    target_link_libraries(aisp_${name} INTERFACE ${room_DEPENDS})
  endif()
  add_library(aisp::${name} ALIAS aisp_${name})
  set_target_properties(aisp_${name} PROPERTIES EXPORT_NAME ${name})
  if(room_EXECUTABLE)
    add_executable(${room_EXECUTABLE} ${CMAKE_SOURCE_DIR}/${name}/main.cc)
    target_link_libraries(${room_EXECUTABLE} PRIVATE aisp_${name})
    # Lab modules loaded at run time share nothing with us but plain data; no exported symbols.
  endif()
  if(AISP_TESTS AND tests)
    aisp_test(${name}_test ${tests})
    if(room_QUICK_BUILD OR NOT name MATCHES "^(kernels|model)$")  # those two compute references
      target_compile_options(${name}_test PRIVATE $<$<CONFIG:Release>:-O1>)
    endif()
    target_link_libraries(${name}_test PRIVATE aisp_${name})
    if(room_EXECUTABLE)
      add_dependencies(${name}_test ${room_EXECUTABLE})
      target_compile_definitions(${name}_test PRIVATE
        AISP_BINARY="$<TARGET_FILE:${room_EXECUTABLE}>" AISP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    endif()
  endif()
endfunction()

# One GoogleTest binary, one CTest entry for each test case in it. SERIAL: never beside other tests.
function(aisp_test name)
  cmake_parse_arguments(test "SERIAL" "" "" ${ARGN})
  set(serial FALSE)
  if(test_SERIAL)
    set(serial TRUE)
  endif()
  add_executable(${name} ${test_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE GTest::gtest GTest::gtest_main)
  # Suites named *Cuda need a GPU; without one each says so and is skipped.
  foreach(label unit gpu)
    if(label STREQUAL unit)
      set(filter "-*Cuda.*:*Cuda/*")
    else()
      set(filter "*Cuda.*:*Cuda/*")
    endif()
    gtest_discover_tests(${name} TEST_FILTER "${filter}" TEST_LIST ${name}_${label}
      PROPERTIES LABELS ${label} TIMEOUT 300 RUN_SERIAL ${serial}
      DISCOVERY_TIMEOUT 60 DISCOVERY_MODE PRE_TEST)
  endforeach()
endfunction()

# Every labs/chNN_topic/<lab>/ with a lab.cc becomes an object library and a row of the table.
function(aisp_labs)
  file(GLOB lab_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/labs/ch*/*/lab.cc)
  set(folders)
  set(tests)
  set(objects)
  set(device_sources)
  string(REPLACE "*" ".*" wanted "${AISP_LABS}")
  foreach(lab_file ${lab_files})
    get_filename_component(folder ${lab_file} DIRECTORY)
    file(RELATIVE_PATH short ${CMAKE_SOURCE_DIR}/labs ${folder})
    if(NOT short MATCHES "^${wanted}$")
      continue()
    endif()
    file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cc)
    set(lab_tests ${sources})
    list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
    list(FILTER lab_tests INCLUDE REGEX "_test\\.cc$")
    list(APPEND tests ${lab_tests})
    string(REPLACE "/" "_" target "lab_${short}")
    add_library(${target} OBJECT ${sources})
    target_link_libraries(${target} PUBLIC aisp_recorded aisp::uring)
    list(APPEND objects $<TARGET_OBJECTS:${target}>)
    file(GLOB lab_device CONFIGURE_DEPENDS ${folder}/*.cu)
    list(APPEND device_sources ${lab_device})
    list(APPEND folders labs/${short})
  endforeach()
  set(table ${CMAKE_BINARY_DIR}/lab_table.cc)
  aisp_lab_table(${table} builtin_labs FOLDERS ${folders})
  add_library(aisp_labs STATIC ${table} ${objects})
  target_include_directories(aisp_labs PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(aisp_labs PUBLIC aisp_recorded aisp::uring)
  aisp_device_code(aisp_labs device_sources)
  if(AISP_TESTS AND tests)
    aisp_test(labs_test ${tests})
    target_link_libraries(labs_test PRIVATE aisp_labs)
  endif()
endfunction()


# Adds the generated build_info.cc (commit, compiler, flags) to a library; refreshed at every build.
function(aisp_build_info library)
  set(out ${CMAKE_BINARY_DIR}/build_info.cc)
  string(TOUPPER ${CMAKE_BUILD_TYPE} upper)
  get_directory_property(options COMPILE_OPTIONS)
  string(REPLACE ";" " " options "${options}")
  string(STRIP "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${upper}} ${options}" flags)
  add_custom_target(aisp_build_info_source BYPRODUCTS ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DROOT=${CMAKE_SOURCE_DIR} -DVERSION=${PROJECT_VERSION}
      "-DCOMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}" "-DFLAGS=${flags}"
      -DBUILD_TYPE=${CMAKE_BUILD_TYPE} -P ${CMAKE_SOURCE_DIR}/tools/cmake/build_info.cmake VERBATIM)
  set_source_files_properties(${out} PROPERTIES GENERATED TRUE)
  target_sources(${library} PRIVATE ${out})
  add_dependencies(${library} aisp_build_info_source)
endfunction()

# Adds files of a page to a library as text (tools/cmake/embed.cmake), in the order given.
function(aisp_embed library)
  cmake_parse_arguments(embed "" "STYLE" "SCRIPTS" ${ARGN})
  set(out ${CMAKE_BINARY_DIR}/${library}_assets.cc)
  set(files ${embed_STYLE} ${embed_SCRIPTS})
  list(TRANSFORM files PREPEND ${CMAKE_SOURCE_DIR}/)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DROOT=${CMAKE_SOURCE_DIR} -DSTYLE=${embed_STYLE}
      "-DSCRIPTS=${embed_SCRIPTS}" -P ${CMAKE_SOURCE_DIR}/tools/cmake/embed.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/tools/cmake/embed.cmake VERBATIM)
  target_sources(${library} PRIVATE ${out})
endfunction()

# aisp_embed_text(library NAMESPACE n TEXTS function=path ...): texts of files as functions.
function(aisp_embed_text library)
  cmake_parse_arguments(embed "" "NAMESPACE" "TEXTS" ${ARGN})
  set(out ${CMAKE_BINARY_DIR}/${library}_texts.cc)
  set(files ${embed_TEXTS})
  list(TRANSFORM files REPLACE "^.*=" "${CMAKE_SOURCE_DIR}/")
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DROOT=${CMAKE_SOURCE_DIR}
      -DNAMESPACE=${embed_NAMESPACE} "-DTEXTS=${embed_TEXTS}"
      -P ${CMAKE_SOURCE_DIR}/tools/cmake/embed_text.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/tools/cmake/embed_text.cmake VERBATIM)
  target_sources(${library} PRIVATE ${out})
endfunction()
