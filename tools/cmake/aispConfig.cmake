# find_package(aisp): the instrument's libraries, and aisp_lab_module() to make labs with them.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(fmt)
find_dependency(nlohmann_json 3.9)
include(${CMAKE_CURRENT_LIST_DIR}/plain_libraries.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/aispTargets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/lab_module.cmake)
