// From settings and lists of values to the trials: the Cartesian product, the names of its cells, and the rules that a
// cell as a whole has to obey. Internal to core/config: experiment.hpp is what others see.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/keys.hpp"

namespace stepbench {

/// A key that the config sets, once.
struct Assignment {
  const Key* key = nullptr;
  std::string text;  // a value; in [sweep] a list of them
  bool in_sweep = false;
  std::string location;  // `quick.cfg:12:` or `--set`

  [[nodiscard]] std::string where() const { return location + " " + std::string(key->name) + ": "; }
};

/// Sets one value, checked. Throws InputError with what was found and what is allowed.
void set_value(const Assignment& assignment, std::string_view text, TrialSettings& trial, const KeyTable& table);

/// Fills `trials` and `swept` of an experiment whose `origins` are known, from the settings that all trials share and
/// the lists in [sweep] (assignments outside it are passed over).
void expand(const TrialSettings& shared, std::span<const Assignment> assignments, const KeyTable& table,
            Experiment& experiment);

/// The rules between keys of a trial. Throws InputError at the key to change.
void check_trial(const TrialSettings& trial, const Experiment& experiment, const KeyTable& table);

}  // namespace stepbench
