// The program, executed once more in the same process: for what a library decides while it loads, and for a process
// that is to be of the same build, whatever lies by now where the program did.
#pragma once

namespace stepbench {

/// Executes the running program anew, under its own name, with these arguments and variables. Returns where that cannot
/// be done. Calls the system only, so that it can be used before libraries are initialised, and in a forked child.
void execute_anew(char** argv, char** environment);

/// Gives the process its own name, in `ps` and `top`, where execute_anew could not: its file was replaced or removed.
void restore_name(const char* argv0);

}  // namespace stepbench
