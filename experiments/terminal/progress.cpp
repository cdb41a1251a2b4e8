#include "experiments/terminal/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/terminal/terminal.hpp"

namespace stepbench {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr Seconds kTerminalInterval{0.1};
constexpr Seconds kPlainInterval{10};
constexpr std::size_t kRoomy = 80;       // columns; in fewer, what is going on needs the room more than the bar
constexpr int kBar = 24, kShortBar = 8;  // columns

std::string clock_text(double seconds) {
  const auto whole = std::lround(seconds);
  return whole < 3600 ? fmt::format("{}:{:02}", whole / 60, whole % 60)
                      : fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

Progress::Progress(std::FILE* stream, Verbosity verbosity, double total_work)
    : stream_(stream),
      verbosity_(verbosity),
      terminal_(can_redraw(fileno(stream))),
      total_(total_work),
      begin_(std::chrono::steady_clock::now()),
      last_drawn_(begin_) {}

Progress::~Progress() { clear(); }

void Progress::status(const std::string& what) {
  status_ = what;
  draw(false);
}

void Progress::advance(double work) {
  done_ += work;
  draw(false);
}

void Progress::skip(double work) { total_ -= work; }

void Progress::note(const std::string& text) {
  if (verbosity_ != Verbosity::verbose) return;
  clear();
  write(text + "\n");
}

void Progress::say(const std::string& text) {
  if (verbosity_ == Verbosity::quiet) return;
  clear();
  write(fmt::format("stepbench: {}\n", text));
}

void Progress::warn(const std::string& text) {
  clear();
  write(fmt::format("stepbench: warning: {}\n", text));
  draw(true);
}

void Progress::draw(bool now) {
  if (verbosity_ == Verbosity::quiet) return;
  const auto time = std::chrono::steady_clock::now();
  if (!now && time - last_drawn_ < (terminal_ ? kTerminalInterval : kPlainInterval)) return;
  if (!terminal_ && now) return;
  last_drawn_ = time;
  const double share = total_ > 0 ? std::clamp(done_ / total_, 0.0, 1.0) : 0;
  const double elapsed = Seconds(time - begin_).count();
  const std::string left = share > 0.01 ? clock_text(elapsed * (1 - share) / share) + " left" : "";
  if (terminal_) {
    const std::size_t columns = terminal_columns(fileno(stream_));
    const int bar = columns < kRoomy ? kShortBar : kBar, filled = static_cast<int>(share * bar);
    const std::string line =
        fmt::format("[{:#<{}}{:.<{}}] {:3.0f}%  {:>10}  {}", "", filled, "", bar - filled, 100 * share, left, status_);
    // The last column stays free: many terminals go on to the next line once it is filled.
    write(fmt::format("\r\x1b[K{}", cut_to(line, columns - 1)));
    drawn_ = true;
  } else {
    write(fmt::format("{:3.0f}%  {}  {}\n", 100 * share, left, status_));
  }
}

void Progress::clear() {
  if (!drawn_) return;
  write("\r\x1b[K");
  drawn_ = false;
}

void Progress::write(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stream_);
  std::fflush(stream_);
}

}  // namespace stepbench
