// How compare spells numbers. NaN is "-".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stepbench::compare {

/// `0.987`, `1.052`, `19.3`: a ratio to a tenth of a percent or so.
[[nodiscard]] std::string ratio_number(double ratio);
/// `520.3 us`, `12.31 ms`, `3.40 s`
[[nodiscard]] std::string time_number(double seconds);
/// Four significant digits.
[[nodiscard]] std::string short_number(double value);
/// Two significant digits, with the sign; `0` for none.
[[nodiscard]] std::string signed_number(double value);
/// `1.2%`
[[nodiscard]] std::string percent_number(double fraction);
[[nodiscard]] std::string join_numbers(const std::vector<std::uint64_t>& values);

}  // namespace stepbench::compare
