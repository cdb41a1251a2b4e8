// What a shell completes on a `stepbench` command line. The script is made from the program's own tables, so that a new
// command, option or config key completes by itself; shells other than bash are left out.
#pragma once

#include <span>
#include <string>

#include "core/config/experiment.hpp"
#include "experiments/terminal/options.hpp"

namespace stepbench {

/// A bash script that defines and registers the completion of `stepbench`. What may stand at a place is told by the
/// name that the command line's usage and options give it: `CONFIG`, `KEY=VALUE`, `...h5`, alternatives with `|`
/// between them.
[[nodiscard]] std::string bash_completion(std::span<const CommandLine> commands, std::span<const KeyDescription> keys);

}  // namespace stepbench
