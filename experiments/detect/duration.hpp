// Times as people write them: `90s`, `10min`, `1.5h`.
#pragma once

#include <string>
#include <string_view>

namespace stepbench::detect {

/// s. Throws InputError that begins with `where` for anything else, and for what is not above 0.
[[nodiscard]] double parse_duration(std::string_view text, std::string_view where);

/// `40 s`, `12 min`, `3.5 h`: two digits, as a plan is not surer than that.
[[nodiscard]] std::string duration_text(double seconds);

}  // namespace stepbench::detect
