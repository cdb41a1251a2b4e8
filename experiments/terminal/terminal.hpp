// What a terminal can do, and how wide it is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace stepbench {

/// Whether the descriptor is a terminal on which a line can be drawn anew and coloured: not where TERM is unset or
/// `dumb`.
[[nodiscard]] bool can_redraw(int descriptor);

/// Its width now; 80 where it is no terminal or does not say.
[[nodiscard]] std::size_t terminal_columns(int descriptor);

/// The width of the terminal that standard output is; unlimited where it is none.
[[nodiscard]] std::size_t output_columns();

/// As much of the UTF-8 text as fits into so many columns, one for each code point.
[[nodiscard]] std::string_view cut_to(std::string_view text, std::size_t columns);

}  // namespace stepbench
