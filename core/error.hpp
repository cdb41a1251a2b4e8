// The exceptions of the whole program. Every message is one line that a user can act on; main() prints it after
// "stepbench: " and ends with the exit code of the class.
#pragma once

#include <stdexcept>
#include <string>

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

/// Output that cannot be written where it was asked for: exit code 1.
class OutputError : public Error {
 public:
  using Error::Error;
};

}  // namespace stepbench
