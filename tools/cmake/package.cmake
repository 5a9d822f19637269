# `cmake --install`: the program, and what find_package(aisp) needs to make labs elsewhere.
include(CMakePackageConfigHelpers)
set(config lib/cmake/aisp)
install(TARGETS aisp RUNTIME DESTINATION bin)
install(TARGETS aisp_base aisp_machine aisp_kernels aisp_bench EXPORT aispTargets
  ARCHIVE DESTINATION lib)
install(EXPORT aispTargets NAMESPACE aisp:: DESTINATION ${config})
install(DIRECTORY base machine kernels bench DESTINATION include/aisp FILES_MATCHING PATTERN "*.h"
  PATTERN attacks EXCLUDE PATTERN layout EXCLUDE PATTERN peers EXCLUDE)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/aispConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES tools/cmake/aispConfig.cmake ${CMAKE_BINARY_DIR}/aispConfigVersion.cmake
  tools/cmake/plain_libraries.cmake tools/cmake/lab_module.cmake tools/cmake/lab_table.cmake
  DESTINATION ${config})
