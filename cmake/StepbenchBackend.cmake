# stepbench_backend(folder SOURCES ... LIBRARIES ... [NEEDS target PACKAGE package ROWS name summary ...])
# The library of a folder of backends, which the registry links. Where the imported target that it NEEDS was not found, its
# rows stand for backends that are absent: each `name_backend()` says which package to install, and nothing else of the
# folder is compiled.
function(stepbench_backend folder)
  cmake_parse_arguments(ARG "" "NEEDS;PACKAGE" "SOURCES;LIBRARIES;ROWS" ${ARGN})
  # Looked at where nothing is missing, too: a semicolon in a summary would make two of it.
  list(LENGTH ARG_ROWS words)
  math(EXPR odd "${words} % 2")
  if(odd)
    message(FATAL_ERROR "${folder}: ROWS are names and summaries, these are not: ${ARG_ROWS}")
  endif()
  if(ARG_NEEDS AND NOT TARGET ${ARG_NEEDS})
    set(functions "")
    while(ARG_ROWS)
      list(POP_FRONT ARG_ROWS name summary)
      message(STATUS "Backend ${name} is absent: no ${ARG_PACKAGE}")
      string(APPEND functions "Backend ${name}_backend() { return absent_backend(\"${name}\", \"${summary}\"); }\n")
    endwhile()
    file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/absent.cpp @ONLY CONTENT [[
// Made by cmake/StepbenchBackend.cmake: the build has no @ARG_NEEDS@.
#include "variants/backend.hpp"
namespace stepbench {
static Backend absent_backend(std::string_view name, std::string_view summary) {
  Backend backend{name, summary, kAnyThreads, false, nullptr, nullptr};
  backend.absent = "install @ARG_PACKAGE@ and build again";
  return backend;
}
@functions@}  // namespace stepbench
]])
    set(ARG_SOURCES ${CMAKE_CURRENT_BINARY_DIR}/absent.cpp)
    set(ARG_LIBRARIES "")
  endif()
  stepbench_library(stepbench_${folder} SOURCES ${ARG_SOURCES} PUBLIC stepbench_base stepbench_models stepbench_backend
                    PRIVATE ${ARG_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY STEPBENCH_BACKENDS stepbench_${folder})
endfunction()
