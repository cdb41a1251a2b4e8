// An arm: who computes. The trials of a group have all else in common, and are measured against each other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/settings.hpp"

namespace stepbench {

struct Arm {
  std::string backend;
  std::int64_t threads = 1;
  std::string settings;    // what the sweep varies of how it computes: `-shard_rows32`, `-pinnone`; empty: nothing
  std::int64_t ranks = 0;  // processes, of as many threads each; 0: it computes in this process

  /// `tbb-t2`, `tbb-t2-shard_rows32`, `tbb-r4-t2`
  [[nodiscard]] std::string name() const;

  /// Whether a user who writes `text` may mean it: `tbb` (any number of threads), `tbb-t2` (any settings), or its name.
  [[nodiscard]] bool is_called(std::string_view text) const;

  friend bool operator==(const Arm&, const Arm&) = default;
};

/// Whether the two are one backend with one setting, be it on other numbers of threads, or of ranks if both have some.
[[nodiscard]] inline bool same_but_threads(const Arm& first, const Arm& second) {
  return first.backend == second.backend && first.settings == second.settings &&
         (first.ranks > 0) == (second.ranks > 0);
}

/// Whether the two are one arm on other numbers of workers of a study of scaling: of ranks if both have some, with as
/// many threads each, else of threads.
[[nodiscard]] inline bool same_but_workers(const Arm& first, const Arm& second) {
  return same_but_threads(first, second) && (first.ranks == 0 || first.threads == second.threads);
}

/// A backend's own settings are keys of sections `backend.NAME`.
inline constexpr std::string_view kOwnSettingPrefix = "backend.";
/// How the ranks of an arm that has some work together are keys of this section.
inline constexpr std::string_view kRanksPrefix = "ranks.";
/// On which CPUs it computes.
inline constexpr std::string_view kPinKey = "measure.pin";

/// Of what a trial is set to, whether it is part of its arm, and where it varies of the arm's name.
[[nodiscard]] inline bool is_of_arm(std::string_view key) {
  return key.starts_with(kOwnSettingPrefix) || key.starts_with(kRanksPrefix) || key == kPinKey;
}

/// The id of the arm's trial in the group.
[[nodiscard]] std::string trial_id(const Arm& arm, std::string_view group);

/// The inverse, for a trial of these parts; an id that is made otherwise says nothing of settings.
[[nodiscard]] Arm arm_of_trial(std::string_view backend, std::int64_t ranks, std::int64_t threads, std::string_view id,
                               std::string_view group);

/// Of a trial's settings and of its record.
[[nodiscard]] inline std::int64_t count_of_ranks(const RankSettings& ranks) { return ranks.count; }
[[nodiscard]] inline std::int64_t count_of_ranks(std::int64_t ranks) { return ranks; }

/// Of a trial's settings or of its record.
template <typename Trial>
[[nodiscard]] Arm arm_of(const Trial& trial) {
  return arm_of_trial(trial.backend, count_of_ranks(trial.ranks), trial.threads, trial.id, trial.group);
}

/// Whether there can be an arm that is called so.
[[nodiscard]] bool may_name_arm(std::string_view text);

/// A name as in the registry of backends: a lower-case letter, then lower-case letters, digits, `_`.
[[nodiscard]] bool may_name_backend(std::string_view text);

}  // namespace stepbench
