# Writes OUTPUT, a header with what this build is made of; run at every build, rewritten only when something changed.
execute_process(COMMAND git rev-parse --short=12 HEAD WORKING_DIRECTORY ${SOURCE_DIR}
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
set(dirty false)
if(failed)
  set(commit "unknown")
else()
  execute_process(COMMAND git status --porcelain --untracked-files=no WORKING_DIRECTORY ${SOURCE_DIR}
                  OUTPUT_VARIABLE changes ERROR_QUIET)
  if(changes)
    set(dirty true)
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT [[
// Made by cmake/BuildVersion.cmake.
#pragma once
namespace stepbench {
inline constexpr const char* kVersion = "@VERSION@";
inline constexpr const char* kGitCommit = "@commit@";
inline constexpr bool kGitDirty = @dirty@;
inline constexpr const char* kCompiler = "@COMPILER@";
inline constexpr const char* kCompileFlags = "@FLAGS@";
inline constexpr bool kNativeCode = @NATIVE@;
}  // namespace stepbench
]] @ONLY)
