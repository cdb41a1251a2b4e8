#include "experiments/terminal/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>

#include "core/config/experiment.hpp"
#include "core/error.hpp"
#include "core/text/suggestion.hpp"

namespace stepbench {
namespace {

namespace po = boost::program_options;

std::string spelling(const Option& option) {
  std::string text = option.letter == 0 ? "    " : fmt::format("-{}, ", option.letter);
  text += "--" + option.name;
  return option.argument.empty() ? text : text + " " + option.argument;
}

std::string command_name(const CommandLine& command) { return command.usage.substr(0, command.usage.find(' ')); }

[[noreturn]] void reject(const CommandLine& command, const std::string& problem) {
  throw InputError(fmt::format("{}; usage: stepbench {}", problem, command.usage));
}

}  // namespace

std::vector<std::string> ParsedCommandLine::all(const std::string& option) const {
  const auto found = values.find(option);
  return found == values.end() ? std::vector<std::string>{} : found->second;
}

std::string ParsedCommandLine::last(const std::string& option, const std::string& otherwise) const {
  const auto found = values.find(option);
  return found == values.end() ? otherwise : found->second.back();
}

ParsedCommandLine parse_command_line(const CommandLine& command, const std::vector<std::string>& arguments) {
  po::options_description description;
  description.add_options()("help,h", "")("positional", po::value<std::vector<std::string>>(), "");
  for (const Option& option : command.options) {
    const std::string names = option.letter == 0 ? option.name : option.name + "," + option.letter;
    if (option.argument.empty()) {
      description.add_options()(names.c_str(), "");
    } else {
      description.add_options()(names.c_str(), po::value<std::vector<std::string>>(), "");
    }
  }
  po::positional_options_description positionals;
  positionals.add("positional", -1);
  ParsedCommandLine parsed;
  std::vector<std::string> words;
  try {
    const po::parsed_options result =
        po::command_line_parser(arguments)
            .options(description)
            .style(po::command_line_style::default_style & ~po::command_line_style::allow_guessing)
            .positional(positionals)
            .allow_unregistered()
            .run();
    for (const po::option& option : result.options) {
      if (option.unregistered) {
        std::vector<std::string_view> known = {"--help"};
        std::vector<std::string> spelled;
        for (const Option& o : command.options) spelled.push_back("--" + o.name);
        known.insert(known.end(), spelled.begin(), spelled.end());
        const std::string& word = option.original_tokens.front();
        reject(command,
               fmt::format("{}: unknown option \"{}\"{}", command_name(command), word, suggestion(word, known)));
      }
      if (option.position_key >= 0) {
        words.insert(words.end(), option.value.begin(), option.value.end());
        continue;
      }
      std::vector<std::string>& values = parsed.values[option.string_key];
      values.push_back(option.value.empty() ? "" : option.value.front());
    }
  } catch (const po::error& error) {
    reject(command, fmt::format("{}: {}", command_name(command), error.what()));
  }
  parsed.help = parsed.has("help");
  if (words.size() > (command.positional.empty() ? 0U : command.most_positionals)) {
    reject(command, fmt::format("{}: unexpected \"{}\"", command_name(command), words.back()));
  }
  if (!words.empty()) {
    parsed.positional = words.front();
    parsed.more_positionals.assign(words.begin() + 1, words.end());
  }
  if (words.empty() && command.positional_required && !parsed.help) {
    reject(command, fmt::format("{}: {} is missing", command_name(command), command.positional));
  }
  return parsed;
}

std::string help_text(const CommandLine& command) {
  std::string text = fmt::format("stepbench {}\n\n{}\n", command.usage, command.summary);
  text += "\nOptions:\n";
  std::vector<Option> options = command.options;
  options.push_back({"help", 'h', "", "print this"});
  std::size_t width = 32;
  for (const Option& option : options) width = std::max(width, spelling(option).size() + 2);
  for (const Option& option : options) text += fmt::format("  {:<{}}{}\n", spelling(option), width, option.help);
  return command.example.empty() ? text : text + "\nExample:\n  " + command.example + "\n";
}

}  // namespace stepbench
