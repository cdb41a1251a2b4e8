// From config text to the list of trials. A config is INI text with sections [experiment] [dataset] [model] [training]
// [measure] [record] [sweep] [expect]; `[sweep]` holds lists, and their Cartesian product makes the trials; `[expect]`
// says what should come out (core/expect).
//
// Not here: whether a backend exists or supports a trial (the registry knows), whether layer sizes fit the data (known
// after loading). Both can ask `where()` for a prefix in the form of this file's own errors.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/expect/expectation.hpp"
#include "core/settings.hpp"
#include "core/value.hpp"

namespace stepbench {

/// The `dataset.*` keys, without the section, that a kind of data set uses besides those that all kinds have (`kind`,
/// `shuffle`, `train_samples`, `validation_samples`): the columns of data/dataset.hpp's table that a config is checked
/// against. A kind that uses `path` needs one.
struct DatasetKeys {
  std::string_view kind;
  std::vector<std::string_view> keys;
};

class KeyTable;  // of all keys: config/keys.hpp

/// A parsed and expanded config.
struct Experiment {
  std::filesystem::path file;
  std::string text;                   // the config as read, then one `# --set key=value` line per override
  ExperimentSettings settings;        // of the experiment itself
  std::vector<TrialSettings> trials;  // in sweep order: the first swept key varies slowest; backend and threads fastest
  std::vector<std::string> swept;     // keys with more than one value, in sweep order; `backend`, `threads`, `seed` too

  std::vector<Expectation> expectations;  // of [expect], in its order; each has its trials, but for --set

  /// `quick.cfg:12: training.batch_size: ` for a key that the file sets, `--set training.batch_size: ` for an override,
  /// `quick.cfg: training.batch_size: ` for one that is absent. `backend`, `threads` and `seed` may stand
  /// without their `sweep.`.
  [[nodiscard]] std::string where(std::string_view key) const;

  std::map<std::string, std::string, std::less<>> origins;  // full key -> where() prefix
};

/// Reads, overrides (`section.key=value`, later ones win; `sweep.` keys too), checks and expands. Throws InputError
/// with one line `FILE:LINE: section.key: what was found, what is allowed`; also when a key that is set is used by no
/// trial.
[[nodiscard]] Experiment load_experiment(const std::filesystem::path& file, std::span<const std::string> overrides,
                                         const KeyTable& table);

/// Every value that applies to the trial, by full key, typed, defaults included; without backend, threads and seed, and
/// without optional values that are not set. For the results file and for telling trials apart.
[[nodiscard]] KeyValues setting_values(const TrialSettings& trial, const KeyTable& table);

/// Of what its backend has for itself, what is set, by name (`shard_rows`).
[[nodiscard]] KeyValues own_settings(const TrialSettings& trial);

/// One line per key for `stepbench list keys`. `default_text` is empty where there is no default, `applies_with` where
/// the key always applies.
struct KeyDescription {
  std::string key, allowed, default_text, help, applies_with;
};
[[nodiscard]] std::vector<KeyDescription> describe_keys(const KeyTable& table);

}  // namespace stepbench
