// Fields of CSV as RFC 4180 has them.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>

namespace stepbench {

/// Quoted where it has to be.
[[nodiscard]] inline std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}
/// In the shortest form that reads back the same; empty for what is not finite.
[[nodiscard]] inline std::string csv_field(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "";
}

}  // namespace stepbench
