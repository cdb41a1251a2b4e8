// A config's [expect]: `NAME = CLAIM`, `NAME.published = ...`, `NAME.tolerance = ...`, what --set says of them, and
// whether the sweep has the trials that they are about. Internal to core/config; a claim's grammar is core/expect's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/experiment.hpp"

namespace stepbench {

inline constexpr std::string_view kExpectSection = "expect";

[[nodiscard]] inline bool is_expect_key(std::string_view full_key) { return full_key.starts_with("expect."); }

/// The lines of the section, in the config's order.
class ExpectLines {
 public:
  /// `full_key`: `expect.learns.tolerance`; `location` begins messages. A key that is there has its text replaced; an
  /// empty text takes it away, with the attributes of an expectation. Throws InputError.
  void set(std::string_view full_key, std::string_view text, const std::string& location, bool given = false);

  /// Parsed, and held against the trials. Throws InputError; not where --set has left the sweep without the trials that
  /// a line of the file is about (`overridden`): it is judged then, as what cannot be told.
  [[nodiscard]] std::vector<Expectation> expectations(const Experiment& experiment, const KeyTable& table,
                                                      bool overridden) const;

 private:
  struct Line {
    std::string name, attribute, text, where;
    bool given = false;  // by --set
  };
  [[nodiscard]] const Line* find(std::string_view name, std::string_view attribute) const;
  std::vector<Line> lines_;
};

}  // namespace stepbench
