// Configs as text, for the tests of core/config: written to a folder of their own, loaded, and the error caught.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/experiment.hpp"
#include "core/config/keys.hpp"
#include "core/error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace stepbench::testing {

/// Kinds that differ in their keys, which is all that a config knows of them.
inline const std::vector<DatasetKeys> kTestDatasets = {
    {"mnist", {"path"}},
    {"hdf5", {"path"}},
    {"spirals", {"classes", "samples", "validation_fraction", "seed"}},
    {"blobs", {"features", "classes", "samples", "validation_fraction", "seed"}},
    {"text", {"path", "vocabulary", "validation_fraction"}},
    {"names", {"path", "vocabulary", "validation_fraction"}},
    {"modular_addition", {"modulus", "seed", "validation_fraction"}},
    {"copy", {"alphabet", "length", "shortest", "samples", "seed", "validation_fraction"}}};

/// And two backends with settings of their own, one of the same name.
inline const std::vector<BackendKeys> kTestBackends = {
    {"tbb",
     {backend_setting("shard_rows", integer_rule(1, 1000), "rows of a shard", "as many as suit"),
      backend_setting("pinned", boolean_rule(), "threads keep to their cores", "false")}},
    {"threads", {backend_setting("shard_rows", integer_rule(1, 1000), "rows of a shard", "as many as suit")}}};

inline const KeyTable kTestKeys(kTestDatasets, kTestBackends);

/// A complete config, a key a line. Line numbers in tests count on it.
inline constexpr std::string_view kValid =
    "[dataset]\n"            // 1
    "kind = spirals\n"       // 2
    "[model]\n"              // 3
    "kind = mlp\n"           // 4
    "layers = 2,16,3\n"      // 5
    "[sweep]\n"              // 6
    "backend = blas\n"       // 7
    "[training]\n"           // 8
    "learning_rate = 0.1\n"  // 9
    "epochs = 3\n";          // 10: further lines of [training] start at 11

/// A folder that lives as long as the object, and is the working directory meanwhile, so that messages show the bare
/// file name.
class ConfigFolder {
 public:
  ConfigFolder() : before_(std::filesystem::current_path()) { std::filesystem::current_path(folder_.path()); }
  ~ConfigFolder() {
    std::error_code ignored;
    std::filesystem::current_path(before_, ignored);
  }
  ConfigFolder(const ConfigFolder&) = delete;
  ConfigFolder& operator=(const ConfigFolder&) = delete;

 private:
  std::filesystem::path before_;
  TemporaryFolder folder_;
};

/// Loads `text` as quick.cfg.
inline Experiment load_text(std::string_view text, const std::vector<std::string>& overrides = {}) {
  const ConfigFolder folder;
  write_text_file("quick.cfg", text);
  return load_experiment("quick.cfg", overrides, kTestKeys);
}

/// kValid with further lines, which start in [training].
inline Experiment load_with(std::string_view lines, const std::vector<std::string>& overrides = {}) {
  return load_text(std::string(kValid).append(lines), overrides);
}

inline std::string error_of_text(std::string_view text, const std::vector<std::string>& overrides = {}) {
  try {
    static_cast<void>(load_text(text, overrides));
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

inline std::string error_with(std::string_view lines, const std::vector<std::string>& overrides = {}) {
  return error_of_text(std::string(kValid).append(lines), overrides);
}

/// kValid without the lines that begin with `start`.
inline std::string valid_without(std::string_view start) {
  std::string text;
  for (std::string_view rest = kValid; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n') + 1);
    if (!line.starts_with(start)) text += line;
    rest.remove_prefix(line.size());
  }
  return text;
}

inline std::vector<std::string> ids(const Experiment& experiment) {
  std::vector<std::string> result;
  for (const TrialSettings& trial : experiment.trials) result.push_back(trial.id);
  return result;
}

}  // namespace stepbench::testing
