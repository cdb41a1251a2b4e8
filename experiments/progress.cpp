#include "experiments/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace stepbench {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr Seconds kTerminalInterval{0.1};
constexpr Seconds kPlainInterval{10};
constexpr int kBarWidth = 24;

std::string clock_text(double seconds) {
  const auto whole = std::lround(seconds);
  return whole < 3600 ? fmt::format("{}:{:02}", whole / 60, whole % 60)
                      : fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

Progress::Progress(std::FILE* stream, Verbosity verbosity, double total_work)
    : stream_(stream),
      verbosity_(verbosity),
      terminal_(isatty(fileno(stream)) != 0),
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
  fmt::print(stream_, "{}\n", text);
}

void Progress::say(const std::string& text) {
  if (verbosity_ == Verbosity::quiet) return;
  clear();
  fmt::print(stream_, "stepbench: {}\n", text);
}

void Progress::warn(const std::string& text) {
  clear();
  fmt::print(stream_, "stepbench: warning: {}\n", text);
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
    const int filled = static_cast<int>(share * kBarWidth);
    fmt::print(stream_, "\r\x1b[K[{:#<{}}{:.<{}}] {:3.0f}%  {:>10}  {}", "", filled, "", kBarWidth - filled,
               100 * share, left, status_);
    drawn_ = true;
  } else {
    fmt::print(stream_, "{:3.0f}%  {}  {}\n", 100 * share, left, status_);
  }
  std::fflush(stream_);
}

void Progress::clear() {
  if (!drawn_) return;
  fmt::print(stream_, "\r\x1b[K");
  std::fflush(stream_);
  drawn_ = false;
}

}  // namespace stepbench
