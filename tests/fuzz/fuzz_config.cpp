// Fuzzes the reading of configs. An input is the text of a config; lines that begin with `--set ` are taken out of it
// and become overrides.
#include <algorithm>
#include <set>

#include "core/config/experiment.hpp"
#include "core/config/keys.hpp"
#include "core/data/dataset.hpp"
#include "tests/fuzz/fuzz_program.hpp"

namespace {

using namespace stepbench;

struct Input {
  std::string config;
  std::vector<std::string> overrides;
};

Input split_input(std::string_view text) {
  constexpr std::string_view kSet = "--set ";
  Input input;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view line = text.substr(0, end);
    if (line.starts_with(kSet)) {
      input.overrides.emplace_back(line.substr(kSet.size(), line.find('\n') - kSet.size()));
    } else {
      input.config += line;
    }
    text.remove_prefix(end);
  }
  return input;
}

KeyTable make_table() {
  std::vector<DatasetKeys> kinds;
  for (const DatasetKind& kind : dataset_kinds()) kinds.push_back({kind.name, kind.keys});
  const std::vector<BackendKeys> backends = {
      {"tbb", {backend_setting("shard_rows", integer_rule(1, 1000), "rows of a shard", "as many as suit")}}};
  return {std::move(kinds), backends};
}

void check(const Experiment& experiment) {
  fuzz::require(!experiment.trials.empty(), "a config that loads has trials");
  std::set<std::string_view> ids;
  for (const TrialSettings& trial : experiment.trials) {
    fuzz::require(ids.insert(trial.id).second, "no two trials share an id");
    fuzz::require(trial.id.size() <= 200 && trial.id.find('/') == std::string::npos, "an id can be a file's name");
  }
  fuzz::require(!experiment.where("sweep.backend").empty(), "every key has a place in messages");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  static const KeyTable table = make_table();
  const std::filesystem::path file = folder / "fuzz.cfg";
  const Input input = split_input({reinterpret_cast<const char*>(data), size});
  fuzz::write_file(file, {reinterpret_cast<const std::uint8_t*>(input.config.data()), input.config.size()});
  fuzz::reads_or_refuses([&] { check(load_experiment(file, input.overrides, table)); },
                         [&](std::string_view message) {
                           return message.starts_with(file.string() + ":") || message.starts_with("--set");
                         });
  return 0;
}
