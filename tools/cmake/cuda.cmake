# CUDA where there is a compiler for it: AISP_CUDA is AUTO, ON (an error without) or OFF. Device
# code is built for AISP_CUDA_ARCHS; AUTO is the cards in this machine, or, to see that it compiles,
# 9.0a where there is none. The runtime is linked statically, and the driver, NVML and the math
# libraries are found at run time, so that one program runs with and without a GPU.
set(AISP_CUDA AUTO CACHE STRING "Build device code: AUTO, ON or OFF")
set(AISP_CUDA_ARCHS AUTO CACHE STRING
  "Architectures of device code: AUTO, or a list such as 80-virtual;90a-real")
set(AISP_HAVE_CUDA OFF)
if(NOT AISP_CUDA STREQUAL "OFF" AND NOT AISP_SANITIZE)
  include(CheckLanguage)
  if(NOT CMAKE_CUDA_COMPILER AND EXISTS /usr/local/cuda/bin/nvcc)
    set(CMAKE_CUDA_COMPILER /usr/local/cuda/bin/nvcc)
  endif()
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    set(CMAKE_CUDA_ARCHITECTURES OFF)  # set by flags below: CMake 3.22 to 3.25 know fewer names
    set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
    enable_language(CUDA)
    find_package(CUDAToolkit REQUIRED)
    set(AISP_HAVE_CUDA ON)
  elseif(AISP_CUDA STREQUAL "ON")
    message(FATAL_ERROR "AISP_CUDA=ON, but no nvcc: install the CUDA toolkit or set CUDACXX")
  endif()
endif()

# "9.0" as "90a-real": from 9.0 on the letter's instructions (wgmma, tcgen05) are those of one card.
function(aisp_cards out)
  set(cards)
  execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
    OUTPUT_VARIABLE capabilities ERROR_QUIET RESULT_VARIABLE failed)
  string(REGEX MATCHALL "[0-9]+\\.[0-9]" capabilities "${capabilities}")
  foreach(capability ${capabilities})
    string(REPLACE "." "" number ${capability})
    if(number GREATER_EQUAL 90)
      set(number ${number}a)
    endif()
    list(APPEND cards ${number}-real)
  endforeach()
  list(REMOVE_DUPLICATES cards)
  if(failed OR NOT cards)
    set(cards 90a-real)
  endif()
  set(${out} "${cards}" PARENT_SCOPE)
endfunction()
set(archs ${AISP_CUDA_ARCHS})
if(archs STREQUAL "AUTO")
  aisp_cards(archs)
endif()
message(STATUS "Device code: ${AISP_HAVE_CUDA} ${CMAKE_CUDA_COMPILER} ${archs}")
# Everything that nvcc compiles, and nothing else: what the preset device-all builds.
add_custom_target(device_code)

# The flags of device code for one list of architectures.
function(aisp_device_flags out)
  # CMake 3.25 ignores CMAKE_CUDA_STANDARD 20. 177: unused device functions of headers.
  set(flags -std=c++20 --expt-relaxed-constexpr -diag-suppress=177)
  foreach(arch ${ARGN})
    string(REGEX REPLACE "-.*" "" number ${arch})
    if(arch MATCHES "-virtual$")
      list(APPEND flags -gencode=arch=compute_${number},code=compute_${number})
    else()
      list(APPEND flags -gencode=arch=compute_${number},code=sm_${number})
    endif()
  endforeach()
  set(${out} "${flags}" PARENT_SCOPE)
endfunction()

# Adds a room's .cu files to its library; without CUDA, the *_absent.cc beside them stay instead.
# They are libraries of objects, because the host compiler's options are not nvcc's. Files named
# *_sm90.cu use what only sm_90a has (wgmma) and are built for it alone; files named *_rdc.cu launch
# kernels from kernels: relocatable code, linked for the device in a library of their own. No fmt in
# them: nvcc 13.0 does not take the compile-time checks of fmt 9 in C++20.
function(aisp_device_code library sources)
  if(NOT AISP_HAVE_CUDA OR NOT ${sources})
    return()
  endif()
  set(any ${${sources}})
  set(sm90 ${${sources}})
  set(rdc ${${sources}})
  list(FILTER any EXCLUDE REGEX "_(sm90|rdc)\\.cu$")
  list(FILTER sm90 INCLUDE REGEX "_sm90\\.cu$")
  list(FILTER rdc INCLUDE REGEX "_rdc\\.cu$")
  aisp_device_flags(flags_any ${archs})
  aisp_device_flags(flags_sm90 90a-real)
  foreach(kind any sm90)
    if(${kind})
      set(device ${library}_device_${kind})
      add_library(${device} OBJECT ${${kind}})
      target_include_directories(${device} PRIVATE ${CMAKE_SOURCE_DIR})
      target_link_libraries(${device} PRIVATE CUDA::cudart_static)
      set_target_properties(${device} PROPERTIES COMPILE_OPTIONS "${flags_${kind}}"
        CUDA_STANDARD_REQUIRED OFF)
      target_sources(${library} PRIVATE $<TARGET_OBJECTS:${device}>)
      add_dependencies(device_code ${device})
    endif()
  endforeach()
  if(rdc)
    set(device ${library}_device_rdc)
    add_library(${device} STATIC ${rdc})
    target_include_directories(${device} PRIVATE ${CMAKE_SOURCE_DIR})
    find_library(AISP_CUDADEVRT cudadevrt REQUIRED HINTS ${CUDAToolkit_LIBRARY_DIR})
    target_link_libraries(${device} PRIVATE ${AISP_CUDADEVRT} CUDA::cudart_static)
    string(REPLACE "," "$<COMMA>" link_flags "${flags_any}")
    target_link_options(${device} PRIVATE "$<DEVICE_LINK:${link_flags}>")
    set_target_properties(${device} PROPERTIES COMPILE_OPTIONS "${flags_any}"
      CUDA_STANDARD_REQUIRED OFF CUDA_SEPARABLE_COMPILATION ON CUDA_RESOLVE_DEVICE_SYMBOLS ON)
    target_link_libraries(${library} PUBLIC ${device})
    add_dependencies(device_code ${device})
  endif()
  # Link only: the toolkit is nothing for the host compiler to include.
  # By its path, so that who links an installed aisp need not look for the toolkit.
  get_target_property(runtime CUDA::cudart_static IMPORTED_LOCATION)
  target_link_libraries(${library} INTERFACE ${runtime} ${CMAKE_DL_LIBS} rt Threads::Threads)
endfunction()
