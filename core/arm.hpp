// An arm: who computes. The trials of a group have all else in common, and are measured against each other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stepbench {

struct Arm {
  std::string backend;
  std::int64_t threads = 1;
  std::string settings;  // what the sweep varies of how it computes: `-shard_rows32`, `-pinnone`; empty: nothing

  /// `tbb-t2`, `tbb-t2-shard_rows32`
  [[nodiscard]] std::string name() const;

  /// Whether a user who writes `text` may mean it: `tbb` (any number of threads), `tbb-t2` (any settings), or its name.
  [[nodiscard]] bool is_called(std::string_view text) const;

  friend bool operator==(const Arm&, const Arm&) = default;
};

/// Whether the two are one backend with one setting, be it on other numbers of threads.
[[nodiscard]] inline bool same_but_threads(const Arm& first, const Arm& second) {
  return first.backend == second.backend && first.settings == second.settings;
}

/// A backend's own settings are keys of sections `backend.NAME`.
inline constexpr std::string_view kOwnSettingPrefix = "backend.";
/// On which CPUs it computes.
inline constexpr std::string_view kPinKey = "measure.pin";

/// Of what a trial is set to, whether it is part of its arm, and where it varies of the arm's name.
[[nodiscard]] inline bool is_of_arm(std::string_view key) {
  return key.starts_with(kOwnSettingPrefix) || key == kPinKey;
}

/// The id of the arm's trial in the group.
[[nodiscard]] std::string trial_id(const Arm& arm, std::string_view group);

/// The inverse, for a trial of these parts; an id that is made otherwise says nothing of settings.
[[nodiscard]] Arm arm_of_trial(std::string_view backend, std::int64_t threads, std::string_view id,
                               std::string_view group);

/// Of a trial's settings or of its record.
template <typename Trial>
[[nodiscard]] Arm arm_of(const Trial& trial) {
  return arm_of_trial(trial.backend, trial.threads, trial.id, trial.group);
}

/// Whether there can be an arm that is called so.
[[nodiscard]] bool may_name_arm(std::string_view text);

/// A name as in the registry of backends: a lower-case letter, then lower-case letters, digits, `_`.
[[nodiscard]] bool may_name_backend(std::string_view text);

}  // namespace stepbench
