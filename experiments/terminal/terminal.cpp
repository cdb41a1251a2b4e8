#include "experiments/terminal/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <limits>

namespace stepbench {

bool can_redraw(int descriptor) {
  const char* term = std::getenv("TERM");
  if (term == nullptr || *term == '\0' || std::string_view(term) == "dumb") return false;
  return isatty(descriptor) != 0;
}

std::size_t terminal_columns(int descriptor) {
  constexpr std::size_t kUsual = 80;
  winsize size{};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsual;
}

std::size_t output_columns() {
  return isatty(STDOUT_FILENO) != 0 ? terminal_columns(STDOUT_FILENO) : std::numeric_limits<std::size_t>::max();
}

std::string_view cut_to(std::string_view text, std::size_t columns) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins_code_point = (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
    if (!begins_code_point) continue;
    if (columns == 0) return text.substr(0, i);
    --columns;
  }
  return text;
}

}  // namespace stepbench
