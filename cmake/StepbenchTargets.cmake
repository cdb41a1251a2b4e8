# How our own targets are compiled. Third-party headers come in as system includes and are not warned about.

set(STEPBENCH_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-align -Wnon-virtual-dtor
    -Woverloaded-virtual -Wold-style-cast -Wdouble-promotion -Wformat=2 -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # -Wrestrict is wrong about std::string in GCC 12 (PR 105651).
  list(APPEND STEPBENCH_WARNINGS -Wduplicated-cond -Wlogical-op -Wuseless-cast -Wno-restrict)
endif()

if(STEPBENCH_SANITIZE AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  list(APPEND STEPBENCH_WARNINGS -Wno-pass-failed)  # a sanitizer's checks are in the way of `omp simd`
endif()

set(STEPBENCH_CODE_GENERATION "")
if(STEPBENCH_NATIVE)
  list(APPEND STEPBENCH_CODE_GENERATION -march=native)
endif()
if(STEPBENCH_SANITIZE)
  list(APPEND STEPBENCH_CODE_GENERATION -fsanitize=${STEPBENCH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
       -DSTEPBENCH_SANITIZED)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # With sanitizers, GCC's manual says, this one has more false alarms; here about std::variant.
    list(APPEND STEPBENCH_WARNINGS -Wno-maybe-uninitialized)
  endif()
endif()

if(STEPBENCH_FUZZ)
  list(APPEND STEPBENCH_CODE_GENERATION -fsanitize=fuzzer-no-link)
endif()

function(stepbench_configure_target target)
  target_compile_options(${target} PRIVATE ${STEPBENCH_WARNINGS} ${STEPBENCH_CODE_GENERATION})
  target_link_options(${target} PRIVATE ${STEPBENCH_CODE_GENERATION})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
endfunction()

# stepbench_library(name SOURCES ... [PUBLIC libs...] [PRIVATE libs...])
function(stepbench_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  stepbench_configure_target(${name})
  target_link_libraries(${name} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()
