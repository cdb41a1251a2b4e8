// One of the programs in a race: a trial run in a process of its own, by the protocol. Every way in which a worker can
// break the protocol is one clear error here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "experiments/measure/trial_run.hpp"
#include "core/process/child_process.hpp"
#include "experiments/race/protocol.hpp"

namespace stepbench::race {

/// What a worker is started for.
struct Entry {
  std::string name;  // `OLD`, `NEW`, `OLD's twin`
  std::filesystem::path program;
};

/// The backend of a build did not pass the correctness gate.
class GateError : public Error {
 public:
  using Error::Error;
};

class Racer final : public TrialRun {
 public:
  /// Starts `program race-worker ARGUMENTS...` and waits until it is ready. Throws InputError: the program cannot be
  /// run, is not a stepbench, is too old or too new to race, or refuses the config; GateError; Error.
  Racer(Entry entry, std::span<const std::string> arguments);

  [[nodiscard]] const std::string& build() const { return build_; }

  [[nodiscard]] std::int64_t total_steps() const override { return total_steps_; }
  [[nodiscard]] bool can_train() const override { return std::ssize(losses_) < total_steps_ && !fell_short_; }
  /// Waits until the worker has trained. Throws Error.
  Block train(std::int64_t count, std::int64_t round) override;
  /// Ends the worker: its losses, and the digest of its final parameters. Throws Error.
  [[nodiscard]] TrialRecord record() override;

 private:
  void greet();
  std::string expect_line(std::int64_t steps, const char* what);
  [[noreturn]] void reject(const std::string& line, const char* what) const;
  [[noreturn]] void report_end();
  [[nodiscard]] std::string prefix() const;

  Entry entry_;
  ChildProcess child_;
  std::string build_;
  std::int64_t total_steps_ = 0;
  std::vector<double> losses_;
  bool fell_short_ = false;
};

}  // namespace stepbench::race
