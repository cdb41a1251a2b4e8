// Energy that the machine's processors took, as their own counters say (RAPL, /sys/class/powercap).
#pragma once

#include <string>
#include <vector>

#include "experiments/machine/probes.hpp"

namespace stepbench {

/// Of whole processors: whoever else computes on them is in it, too.
class EnergyMeter {
 public:
  /// `root`: of /sys, or of a made-up tree.
  explicit EnergyMeter(const Root& root = "/");

  /// Why there is nothing to read, and what would change it; empty where there is.
  [[nodiscard]] const std::string& why_not() const { return why_not_; }
  [[nodiscard]] const std::string& advice() const { return advice_; }

  /// The counters as they stand, in microjoules; one each processor.
  using Reading = std::vector<double>;
  [[nodiscard]] Reading read() const;
  /// J between two readings, in which a counter may have begun anew once; NaN where one could not be read. Two of them
  /// in one interval cannot be told: at 200 W they are many minutes apart.
  [[nodiscard]] double between(const Reading& before, const Reading& after) const;

 private:
  struct Domain {
    Root energy;   // the file
    double range;  // uJ: where the counter begins anew
  };
  std::vector<Domain> domains_;
  std::string why_not_, advice_;
};

}  // namespace stepbench
