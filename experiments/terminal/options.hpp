// Command lines, read with Boost.Program_options; errors name the word that is wrong and what is allowed.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace stepbench {

/// An option of a command. `argument` is its value's name in the help; empty for a flag.
struct Option {
  std::string name;  // `output`
  char letter;       // `q` for -q; 0 for none
  std::string argument;
  std::string help;
};

/// What a command takes.
struct CommandLine {
  std::string usage;       // `run CONFIG [options]`
  std::string summary;     // the first line, a sentence, stands in the program's help
  std::string positional;  // name of its one positional argument; empty for none
  bool positional_required;
  std::vector<Option> options;
  std::size_t most_positionals = 1;  // with `positional`
  std::string example = {};          // a whole command line
};

struct ParsedCommandLine {
  std::string positional;                                  // empty when left out
  std::vector<std::string> more_positionals = {};          // those after the first
  std::map<std::string, std::vector<std::string>> values;  // of the options given; a flag's is {""}
  bool help = false;
  [[nodiscard]] bool has(const std::string& option) const { return values.contains(option); }
  [[nodiscard]] std::vector<std::string> all(const std::string& option) const;
  [[nodiscard]] std::string last(const std::string& option, const std::string& otherwise) const;
};

/// Throws InputError.
[[nodiscard]] ParsedCommandLine parse_command_line(const CommandLine& command,
                                                   const std::vector<std::string>& arguments);

[[nodiscard]] std::string help_text(const CommandLine& command);

}  // namespace stepbench
