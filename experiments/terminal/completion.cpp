#include "experiments/terminal/completion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace stepbench {
namespace {

// Words that the shell splits at `=` and `:` are put together again: `--set training.epochs=1` is one value, and
// `--output=FILE` an option with its value. The program that is being completed names the experiments itself, since
// they depend on the folder.
constexpr std::string_view kFunctions = R"bash(
_stepbench_files() {  # GLOB WORD
  compopt -o filenames 2>/dev/null
  mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -X "!$1" -- "$2"; compgen -d -- "$2")
}

_stepbench_value() {  # KIND WORD PROGRAM
  case $1 in
    CONFIG)
      mapfile -t COMPREPLY < <(compgen -W "$("$3" completion experiments 2>/dev/null)" -- "$2")
      _stepbench_files '*.cfg' "$2" ;;
    KEY=VALUE)
      compopt -o nospace 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -S = -W "$_stepbench_keys" -- "$2") ;;
    *'|'*) mapfile -t COMPREPLY < <(compgen -W "${1//|/ }" -- "$2") ;;
    *.h5 | *.h5...) _stepbench_files '*.h5' "$2" ;;
    OLD | NEW) _stepbench_files '*' "$2" ;;
  esac
}

_stepbench() {
  local -a words=() positionals=()
  local word last=
  for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    if ((${#words[@]} > 2)) && [[ $word == [=:] || $last == [=:] ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
    last=$word
  done
  COMPREPLY=()
  local program=${words[0]/#\~/$HOME} command=${words[1]} current=${words[-1]} option= i=2 passed=0
  if ((${#words[@]} == 2)); then
    mapfile -t COMPREPLY < <(compgen -W "${!_stepbench_options[*]} --help --version" -- "$current")
    return
  fi
  read -ra positionals <<<"${_stepbench_positionals[$command]}"
  for ((; i < ${#words[@]} - 1; ++i)); do
    option=
    if [[ -n ${_stepbench_arguments["$command ${words[i]}"]} ]]; then
      option=${words[i++]}
    elif [[ ${words[i]} != -* ]]; then
      ((++passed))
    fi
  done
  if ((i == ${#words[@]})); then
    _stepbench_value "${_stepbench_arguments["$command $option"]}" "$current" "$program"
  elif [[ $current == --*=* ]]; then
    _stepbench_value "${_stepbench_arguments["$command ${current%%=*}"]}" "${current#*=}" "$program"
  elif [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "${_stepbench_options[$command]}" -- "$current")
  else
    if ((${#positionals[@]} && passed >= ${#positionals[@]})) && [[ ${positionals[-1]} == *... ]]; then
      passed=$((${#positionals[@]} - 1))
    fi
    _stepbench_value "${positionals[passed]}" "$current" "$program"
  fi
}

complete -F _stepbench stepbench
)bash";

/// `compare FILE.h5 [BASELINE.h5] [options]`: compare; FILE.h5 BASELINE.h5.
struct Usage {
  std::string name;
  std::vector<std::string> positionals;
};

Usage parse_usage(const std::string& usage) {
  Usage parsed;
  std::string word;
  for (const char c : usage + " ") {
    if (c == '[' || c == ']') continue;
    if (c != ' ') {
      word += c;
      continue;
    }
    if (parsed.name.empty()) {
      parsed.name = word;
    } else if (word != "options") {
      parsed.positionals.push_back(word);
    }
    word.clear();
  }
  return parsed;
}

}  // namespace

std::string bash_completion(std::span<const CommandLine> commands, std::span<const KeyDescription> keys) {
  std::string options, arguments, positionals;
  for (const CommandLine& command : commands) {
    const Usage usage = parse_usage(command.usage);
    std::vector<std::string> names = {"--help"};
    for (const Option& option : command.options) {
      std::vector<std::string> spellings = {"--" + option.name};
      if (option.letter != 0) spellings.push_back({'-', option.letter});
      for (const std::string& spelling : spellings) {
        if (!option.argument.empty()) {
          arguments += fmt::format("  [\"{} {}\"]='{}'\n", usage.name, spelling, option.argument);
        }
        names.push_back(spelling);
      }
    }
    options += fmt::format("  [{}]='{}'\n", usage.name, fmt::join(names, " "));
    positionals += fmt::format("  [{}]='{}'\n", usage.name, fmt::join(usage.positionals, " "));
  }
  std::string key_names;
  for (const KeyDescription& key : keys) key_names += key.key + "\n";
  return fmt::format(
      "# Completion of stepbench for bash 4 and later, made by `stepbench completion bash`:\n"
      "#   source <(stepbench completion bash)\n\n"
      "declare -gA _stepbench_options=(\n{})\n\ndeclare -gA _stepbench_arguments=(\n{})\n\n"
      "declare -gA _stepbench_positionals=(\n{})\n\n_stepbench_keys='{}'\n{}",
      options, arguments, positionals, key_names, kFunctions);
}

}  // namespace stepbench
