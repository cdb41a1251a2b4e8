// What a run says while it goes on: to stderr, so that tables on stdout stay clean. What cannot be written is not said.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

namespace stepbench {

enum class Verbosity { quiet, normal, verbose };

/// A bar with the time left, no wider than the terminal, where a line can be drawn anew; plain lines, at most one every
/// few seconds, elsewhere; nothing when quiet. Warnings are always printed.
class Progress {
 public:
  /// `total_work`: in any unit; advance() counts up to it.
  Progress(std::FILE* stream, Verbosity verbosity, double total_work);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  void status(const std::string& what);
  void advance(double work);
  void skip(double work);              // of the total: it is not to be done after all
  void note(const std::string& text);  // a line of its own, when verbose
  void say(const std::string& text);   // a line of its own, unless quiet
  void warn(const std::string& text);

 private:
  void draw(bool now);
  void clear();
  void write(std::string_view text);

  std::FILE* stream_;
  Verbosity verbosity_;
  bool terminal_;
  double total_, done_ = 0;
  std::string status_;
  std::chrono::steady_clock::time_point begin_, last_drawn_;
  bool drawn_ = false;
};

}  // namespace stepbench
