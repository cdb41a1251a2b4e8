// The hidden command `race-worker`: one trial, trained block by block as the parent of a race asks for it.
#pragma once

#include "core/config/experiment.hpp"

namespace stepbench::race {

/// The first line to the parent. To be said before the config is read, which may take a while.
void greet_parent();

/// Serves the parent on stdin and stdout, until it says `finish` or is gone. Returns the program's exit code: 5, with
/// the reason on stderr, for a backend that does not pass the gate. Throws InputError: no such trial, or one that its
/// backend cannot do.
[[nodiscard]] int serve(const Experiment& experiment, const std::string& trial);

}  // namespace stepbench::race
