// INI text to entries with their line numbers: sections, `key = value`, comments. Knows no key and no type.
//
// Boost.Program_options does the key = value parsing; what its 1.74 parser gets wrong is done here before and after it
// (`#` cuts values even inside quotes, quotes are kept, a BOM or `[ spaced ]` header fails, no line numbers).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stepbench {

struct IniEntry {
  std::string key;   // section and key: `training.batch_size`, `sweep.training.batch_size`
  std::string text;  // never empty; trimmed, or what stands between double quotes
  int line = 0;      // from 1
};

struct IniSection {
  std::string name;
  int line = 0;
};

struct IniFile {
  std::vector<IniSection> sections;  // every header, in file order
  std::vector<IniEntry> entries;     // in file order; no key twice
};

/// `#` and `;` start a comment line; `#` after a blank starts a comment behind a value, except inside double quotes.
/// Throws InputError `NAME:LINE: ...`.
[[nodiscard]] IniFile parse_ini(std::string_view text, const std::string& name);

/// A value as written: trimmed, surrounding double quotes removed.
[[nodiscard]] std::string_view unquoted(std::string_view text);

/// What keeps `text` from being text, in words (`a NUL byte`), and where; nullptr when nothing does.
struct TextFault {
  const char* what = nullptr;
  std::size_t offset = 0;
};
[[nodiscard]] TextFault find_text_fault(std::string_view text);

}  // namespace stepbench
