#include "experiments/machine/energy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <system_error>

namespace stepbench {
namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

double number_in(const Root& file) {
  std::ifstream stream(file);
  double number = kNotANumber;
  if (!(stream >> number)) return kNotANumber;
  return number;
}

std::string word_in(const Root& file) {
  std::ifstream stream(file);
  std::string word;
  stream >> word;
  return word;
}

}  // namespace

EnergyMeter::EnergyMeter(const Root& root) {
  const Root folder = root / "sys/class/powercap";
  std::error_code error;
  std::vector<Root> zones;
  for (const auto& zone : std::filesystem::directory_iterator(folder, error)) zones.push_back(zone.path());
  std::ranges::sort(zones);
  for (const Root& zone : zones) {
    // A package's own parts, core and dram, stand beside it by other names.
    if (!word_in(zone / "name").starts_with("package")) continue;
    if (number_in(zone / "energy_uj") >= 0) {
      domains_.push_back({zone / "energy_uj", number_in(zone / "max_energy_range_uj")});
    } else {
      why_not_ = fmt::format("{} cannot be read: since Linux 5.10 only root may", (zone / "energy_uj").string());
      advice_ = "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj";
    }
  }
  if (!why_not_.empty()) domains_.clear();  // a part of the processors would be taken for all
  if (domains_.empty() && why_not_.empty()) {
    why_not_ = fmt::format("no processor in {}: a virtual machine, or a kernel without intel_rapl", folder.string());
    advice_ = "sudo modprobe intel_rapl_msr; a virtual machine's host keeps them to itself";
  }
}

EnergyMeter::Reading EnergyMeter::read() const {
  Reading reading;
  for (const Domain& domain : domains_) reading.push_back(number_in(domain.energy));
  return reading;
}

double EnergyMeter::between(const Reading& before, const Reading& after) const {
  if (domains_.empty()) return kNotANumber;
  double joules = 0;
  for (std::size_t i = 0; i < domains_.size(); ++i) {
    const double difference = after[i] - before[i];
    joules += 1e-6 * (difference < 0 ? difference + domains_[i].range : difference);
  }
  return joules;
}

}  // namespace stepbench
