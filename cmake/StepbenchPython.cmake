# stepbench_find_python(variable module...): the first interpreter that has all modules, or an empty string.
# `python3` on the PATH may be one without them (Debian's packages belong to /usr/bin/python3), so both are tried.
function(stepbench_find_python variable)
  list(JOIN ARGN ", " modules)
  set(${variable} "" PARENT_SCOPE)
  foreach(candidate /usr/bin/python3 python3)
    execute_process(COMMAND ${candidate} -c "import ${modules}" RESULT_VARIABLE lacks OUTPUT_QUIET ERROR_QUIET)
    if(lacks STREQUAL "0")
      set(${variable} ${candidate} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(WARNING "No Python with ${modules}: the tests in ${CMAKE_CURRENT_SOURCE_DIR} that need it are left out")
endfunction()
