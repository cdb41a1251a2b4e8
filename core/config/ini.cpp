#include "core/config/ini.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <map>
#include <sstream>

#include "core/error.hpp"
#include "core/text/text.hpp"

namespace stepbench {
namespace {

// Stands for `#` while Boost looks at the text. find_text_fault lets no control character in, so it is free.
constexpr char kHashStandIn = '\x01';

/// Length in bytes of the UTF-8 sequence at the start of `text` (RFC 3629), 0 when there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[i])); };
  const unsigned lead = byte(0);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xED && byte(1) > 0x9F;
  const bool beyond_unicode = lead == 0xF4 && byte(1) > 0x8F;
  return overlong || surrogate || beyond_unicode ? 0 : length;
}

/// Where a comment behind other text begins: at a `#` after a blank. The size of `text` when there is none.
std::size_t comment_start(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '#' && (text[i - 1] == ' ' || text[i - 1] == '\t')) return i;
  }
  return text.size();
}

/// Turns each line into one that Boost reads rightly, and keeps what Boost does not tell: the lines.
class Preparation {
 public:
  explicit Preparation(const std::string& name) : name_(name) {}

  void add_line(std::string_view raw) {
    ++line_;
    if (raw.ends_with('\r')) raw.remove_suffix(1);
    const std::string_view line = trimmed(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') return;
    if (line.front() == '[') {
      add_header(line);
    } else {
      add_assignment(line);
    }
  }

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::vector<int>& lines() const { return lines_; }
  [[nodiscard]] std::vector<IniSection> take_sections() { return std::move(sections_); }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw InputError(fmt::format("{}:{}: {}", name_, line_, what));
  }

  [[nodiscard]] std::string full_key(std::string_view key) const {
    return printable(fmt::format("{}.{}", sections_.back().name, key));
  }

  void add_header(std::string_view line) {
    const std::size_t end = line.find(']');
    if (end == std::string_view::npos) {
      fail(fmt::format("section header \"{}\" has no closing \"]\"", printable(line)));
    }
    const std::string_view rest = trimmed(line.substr(end + 1));
    if (!rest.empty() && rest.front() != '#' && rest.front() != ';') {
      fail(fmt::format("\"{}\" after a section header, allowed: a comment", printable(rest)));
    }
    const std::string_view section = trimmed(line.substr(1, end - 1));
    if (section.empty()) fail("a section header without a name");
    sections_.push_back({std::string(section), line_});
    emit(fmt::format("[{}]", section));
  }

  void add_assignment(std::string_view line) {
    const std::size_t equals = line.find('=');
    if (equals > comment_start(line)) {
      fail(fmt::format("\"{}\" has no \"=\", allowed: key = value", printable(line)));
    }
    const std::string_view key = trimmed(line.substr(0, equals));
    if (key.empty()) fail("nothing before \"=\", allowed: key = value");
    if (sections_.empty()) fail(fmt::format("key \"{}\" stands before the first section header", printable(key)));
    const std::string_view value = value_part(key, line.substr(equals + 1));
    if (unquoted(value).empty()) fail(fmt::format("{}: empty value, allowed: key = value", full_key(key)));
    lines_.push_back(line_);
    emit(fmt::format("{}={}", key, value));
  }

  /// The value without a comment behind it, still in its quotes.
  std::string_view value_part(std::string_view key, std::string_view after_equals) const {
    const std::string_view value = trimmed(after_equals);
    if (!value.starts_with('"')) return trimmed(after_equals.substr(0, comment_start(after_equals)));
    const std::size_t end = value.find('"', 1);
    if (end == std::string_view::npos) {
      fail(fmt::format("{}: {} has no closing quote", full_key(key), printable(value)));
    }
    const std::string_view rest = trimmed(value.substr(end + 1));
    if (!rest.empty() && rest.front() != '#') {
      fail(fmt::format("{}: \"{}\" after the closing quote, allowed: a comment", full_key(key), printable(rest)));
    }
    return value.substr(0, end + 1);
  }

  void emit(std::string line) {
    std::replace(line.begin(), line.end(), '#', kHashStandIn);
    text_ += line;
    text_ += '\n';
  }

  const std::string& name_;
  int line_ = 0;
  std::string text_;
  std::vector<int> lines_;  // of the assignments, in order
  std::vector<IniSection> sections_;
};

std::string with_hashes(std::string text) {
  std::replace(text.begin(), text.end(), kHashStandIn, '#');
  return text;
}

void check_text(std::string_view text, const std::string& name) {
  const TextFault fault = find_text_fault(text);
  if (fault.what == nullptr) return;
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(fault.offset), '\n');
  throw InputError(fmt::format("{}:{}: {}, allowed: UTF-8 text", name, line, fault.what));
}

}  // namespace

std::string_view unquoted(std::string_view text) {
  text = trimmed(text);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
  return text;
}

TextFault find_text_fault(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '\0') return {"a NUL byte", i};
    const bool line_end =
        c == '\n' || (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') || (c == '\r' && i + 1 == text.size());
    if ((static_cast<unsigned char>(c) < 0x20U && c != '\t' && !line_end) || c == '\x7F') {
      return {"a control character", i};
    }
    const std::size_t length = utf8_length(text.substr(i));
    if (length == 0) return {"bytes that are not UTF-8", i};
    i += length;
  }
  return {};
}

IniFile parse_ini(std::string_view text, const std::string& name) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  check_text(text, name);

  Preparation preparation(name);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    preparation.add_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }

  namespace po = boost::program_options;
  std::istringstream stream(preparation.text());
  const po::options_description no_options;  // known keys would bring Boost's own conversions and prefix guessing
  constexpr bool kAllowUnregistered = true;
  const po::parsed_options parsed = po::parse_config_file(stream, no_options, kAllowUnregistered);

  IniFile file;
  file.sections = preparation.take_sections();
  std::map<std::string, int> first_lines;
  for (std::size_t i = 0; i < parsed.options.size(); ++i) {
    const po::option& option = parsed.options[i];
    const int line = preparation.lines().at(i);
    const std::string key = with_hashes(option.string_key);
    const auto [first, is_new] = first_lines.emplace(key, line);
    if (!is_new)
      throw InputError(
          fmt::format("{}:{}: {}: set twice, first on line {}", name, line, printable(key), first->second));
    file.entries.push_back({key, std::string(unquoted(with_hashes(option.value.at(0)))), line});
  }
  return file;
}

}  // namespace stepbench
