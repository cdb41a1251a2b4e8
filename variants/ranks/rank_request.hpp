// What ranks are told of their network besides what every peer is (scripts/peers/PROTOCOL.md): `more` of `make`. What
// they say besides: `processes`, those of rank 0's host.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/settings.hpp"

namespace stepbench {

/// How many ranks there should be: a launcher of another MPI starts as many processes that are alone.
inline constexpr const char* kRanksVariable = "STEPBENCH_RANKS";

struct RankRequest {
  std::string backend;
  Reduction reduction = Reduction::exact;
  bool overlap = true;
  bool independent = false;
  std::vector<int> cpus;  // of all ranks' threads, as NetworkSettings has them
  KeyValues own;          // the same
};

[[nodiscard]] nlohmann::json to_json(const RankRequest& request);
[[nodiscard]] RankRequest rank_request_from(const nlohmann::json& more);

/// `settings` of `make`, as a peer is told them, back into ours; `outputs`: as `make` says.
[[nodiscard]] TrialSettings trial_settings_from(const nlohmann::json& settings, std::int64_t outputs);

}  // namespace stepbench
