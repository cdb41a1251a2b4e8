// A peer's process, as long as a network needs it: requests and answers of scripts/peers/PROTOCOL.md, and every way in
// which a peer can break it as one clear error. Between answers the process is stopped.
#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "core/process/child_process.hpp"
#include "core/process/other_process.hpp"
#include "core/process/shared_arrays.hpp"
#include "variants/peers/peer_program.hpp"

namespace stepbench {

class PeerProcess {
 public:
  /// Starts it and waits for its greeting. `threads`: for the variables by which libraries are told; `cpus`: that all
  /// its threads may run on, none: all of ours. Throws Error and InputError.
  PeerProcess(const PeerProgram& program, const PeerSetting& setting, std::int64_t threads, std::span<const int> cpus,
              std::chrono::seconds time_limit);

  /// Its answer, which says `ok`. Throws UnsupportedError where it says `unsupported`, else Error. `look`: may be null;
  /// called now and then while it waits.
  nlohmann::json ask(const nlohmann::json& request, const std::function<void()>& look = nullptr);

  [[nodiscard]] pid_t id() const { return child_.id(); }

  /// These, which it has started in groups of their own, are stopped with it from now on.
  void stop_with_it(std::span<const pid_t> processes);

 private:
  void pause() const;
  void resume() const;
  nlohmann::json read_message(const char* what, const std::function<void()>& look);
  [[noreturn]] void report(const ChildProcess::Line& line, const char* what);

  std::string name_, limit_key_;
  std::chrono::seconds time_limit_;
  ChildProcess child_;
  std::vector<OtherProcess> others_;
};

/// What a request says of arrays.
[[nodiscard]] nlohmann::json to_json(const SharedArrays& arrays);

}  // namespace stepbench
