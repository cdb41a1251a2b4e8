#include "experiments/machine/resident.hpp"

#include <malloc.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>

namespace stepbench {

double ResidentMemory::field(const char* name) const {
  std::ifstream file(process_ / "status");
  const std::string key = std::string(name) + ":";
  for (std::string line; std::getline(file, line);) {  // `VmRSS:     5124 kB`
    if (line.starts_with(key)) return 1024 * std::strtod(line.c_str() + key.size(), nullptr);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

double ResidentMemory::now() const { return field("VmRSS"); }
double ResidentMemory::peak() const { return field("VmHWM"); }

bool ResidentMemory::reset_peak() const {
  std::ofstream file(process_ / "clear_refs");
  file << "5" << std::flush;
  return file.good();
}

void TrialMemory::begin_making() {
  malloc_trim(0);
  before_ = process_.now();
}

void TrialMemory::end_making() {
  malloc_trim(0);
  held_ = process_.now() - before_;
  peak_ = held_;
}

void TrialMemory::begin_block() {
  was_reset_ = process_.reset_peak();
  before_ = process_.now();
}

void TrialMemory::end_block() {
  const double after = process_.now();
  const double most = was_reset_ ? process_.peak() : after;
  peak_ = std::fmax(peak_, held_ + most - before_);
  held_ += after - before_;
}

}  // namespace stepbench
