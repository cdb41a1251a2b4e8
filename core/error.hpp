// The exceptions of the whole program. Every message is one line that a user can act on; main() prints it after
// "stepbench: " and ends with the exit code of the class.
#pragma once

#include <new>
#include <stdexcept>
#include <string>
#include <utility>

namespace stepbench {

/// Anything that stops a command: exit code 1.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A bad command line, config, data set or input file; nothing has been written: exit code 2.
class InputError : public Error {
 public:
  using Error::Error;
};

/// An InputError about one setting, so that who has read it from a config can say where it stands there.
class SettingError : public InputError {
 public:
  /// `key`: in full, `dataset.path`.
  SettingError(std::string key, std::string problem)
      : InputError(key + ": " + problem), key_(std::move(key)), problem_(std::move(problem)) {}
  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  std::string key_, problem_;
};

/// Output that cannot be written where it was asked for: exit code 1.
class OutputError : public Error {
 public:
  using Error::Error;
};

/// What a user is told of any exception.
[[nodiscard]] inline std::string reason_of(const std::exception& error) {
  return dynamic_cast<const std::bad_alloc*>(&error) == nullptr ? error.what() : "out of memory";
}

}  // namespace stepbench
