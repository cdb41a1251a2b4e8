// Lists of strings as one line of JSON text, for what HDF5's text cannot hold: it ends at the first NUL and is UTF-8.
// Not here: any other JSON.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stepbench {

/// An array of strings. Control characters are escaped; a byte that is no part of valid UTF-8 becomes the lone
/// surrogate
/// `\udc80` .. `\udcff` (Python's `surrogateescape`), so any bytes come back as they were.
[[nodiscard]] std::string to_json(std::span<const std::string> strings);

/// The inverse; also reads what other writers may make of the same array (white space, any escape). Throws InputError
/// for text that is no JSON array of strings.
[[nodiscard]] std::vector<std::string> strings_from_json(std::string_view text);

}  // namespace stepbench
