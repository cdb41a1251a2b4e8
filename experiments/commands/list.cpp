// `stepbench list`: what there is to choose from.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>

#include "core/config/experiment.hpp"
#include "core/data/dataset.hpp"
#include "core/error.hpp"
#include "core/models/model_kinds.hpp"
#include "core/text/suggestion.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/plan/data_folders.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "experiments/terminal/standard_streams.hpp"
#include "experiments/terminal/terminal.hpp"
#include "experiments/terminal/text_table.hpp"
#include "variants/registry.hpp"

namespace stepbench {
namespace {

namespace fs = std::filesystem;

/// The comment lines at the top of a config, joined.
std::string question_of(const fs::path& config) {
  std::ifstream file(config);
  std::string text;
  for (std::string line; std::getline(file, line) && line.starts_with('#');) {
    if (line.size() > 2) text += (text.empty() ? "" : " ") + line.substr(2);
  }
  return text;
}

void list_backends() {
  TextTable table;
  for (const char* heading : {"backend", "threads", "what it is"}) table.add_column(heading, TextTable::Align::left);
  for (const Backend& backend : backends()) {
    std::string absent = backend.absent.empty() ? "" : fmt::format(" (absent: {})", backend.absent);
    if (backend.missing != nullptr) {
      if (const std::string why = backend.missing(); !why.empty())
        absent = fmt::format(" (not on this machine: {})", why);
    }
    const std::string threads = !absent.empty() ? "-" : backend.max_threads == 1 ? "1" : "any";
    table.add_row({std::string(backend.name), threads, std::string(backend.summary) + absent});
  }
  write_output(table.text(output_columns()));
}

void list_datasets() {
  TextTable table;
  for (const char* heading : {"dataset.kind", "what it is"}) table.add_column(heading, TextTable::Align::left);
  for (const DatasetKind& kind : dataset_kinds()) table.add_row({std::string(kind.name), std::string(kind.summary)});
  write_output(table.text(output_columns()));
}

void list_models() {
  TextTable table;
  for (const char* heading : {"model.kind", "what it is"}) table.add_column(heading, TextTable::Align::left);
  for (const ModelKindRow& kind : model_kinds()) table.add_row({std::string(kind.name), std::string(kind.summary)});
  write_output(table.text(output_columns()));
}

void list_experiments() {
  TextTable table;
  for (const char* heading : {"experiment", "what it asks"}) table.add_column(heading, TextTable::Align::left);
  std::set<fs::path> folders;
  for (const fs::path& config : shipped_configs()) {
    table.add_row({config.stem().string(), question_of(config)});
    folders.insert(config.parent_path());
  }
  write_output(table.text(output_columns()));
  for (const fs::path& folder : folders) write_output(fmt::format("configs: {}\n", folder.string()));
}

void list_keys() {
  TextTable table;
  for (const char* heading : {"key", "default", "allowed", "what it is"}) {
    table.add_column(heading, TextTable::Align::left);
  }
  for (const KeyDescription& key : describe_keys(key_table())) {
    std::string help = key.help;
    if (!key.applies_with.empty()) help += " (" + key.applies_with + ")";
    table.add_row({key.key, key.default_text, key.allowed, help});
  }
  write_output(table.text(output_columns()));
}

struct Listing {
  std::string_view name;
  void (*print)();
};
constexpr std::array kListings = {Listing{"backends", list_backends}, Listing{"datasets", list_datasets},
                                  Listing{"models", list_models}, Listing{"experiments", list_experiments},
                                  Listing{"keys", list_keys}};

std::vector<std::string_view> listing_names() {
  std::vector<std::string_view> names(kListings.size());
  std::ranges::transform(kListings, names.begin(), &Listing::name);
  return names;
}

int run_list(const ParsedCommandLine& arguments) {
  bool found = false;
  for (const Listing& listing : kListings) {
    // All but the keys, which are many, when nothing is named.
    if (arguments.positional.empty() ? listing.name == "keys" : arguments.positional != listing.name) continue;
    if (found) write_output("\n");
    listing.print();
    found = true;
  }
  if (!found) {
    const std::vector<std::string_view> names = listing_names();
    throw InputError(fmt::format("list: found \"{}\", allowed: {}{}", arguments.positional, fmt::join(names, ", "),
                                 suggestion(arguments.positional, names)));
  }
  return kExitOk;
}

}  // namespace

Command list_command() {
  return {{fmt::format("list [{}]", fmt::join(listing_names(), "|")),
           "Says what there is to choose from.\n"
           "Without a word: all but the keys. `list experiments` tells the question that each shipped config asks,\n"
           "`list keys` every config key with its default and what is allowed; [expect] has names of your own, see\n"
           "experiments/README.md.",
           "WHAT",
           false,
           {},
           1,
           "stepbench list experiments"},
          run_list};
}

}  // namespace stepbench
