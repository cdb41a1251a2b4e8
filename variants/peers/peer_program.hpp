// The program of a peer: where it is, what runs it, and what it says of itself before any network is made.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace stepbench {

/// Environment variables that a library is set up by.
using PeerSetting = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] std::string to_text(const PeerSetting& setting);  // `OMP_WAIT_POLICY=active`; `as it comes`

/// A peer as its row, or a config, names it.
struct PeerProgram {
  std::string name;    // of its backend
  std::string script;  // in scripts/peers, or the path of one's own; `*.py` is run by python(), others by themselves
  std::vector<std::string> arguments = {};
  bool describes_itself = true;  // with --describe
  // Of one that is no script: its words, the first a program's path; its variables; how errors call it; the key of its
  // time limit; and what it is told besides to make a network.
  std::vector<std::string> command = {};
  PeerSetting variables = {};
  std::string called = {}, limit = {};
  nlohmann::json more = {};

  [[nodiscard]] std::string title() const { return called.empty() ? "the peer " + name : called; }
  [[nodiscard]] std::string limit_key() const { return limit.empty() ? "backend." + name + ".time_limit" : limit; }
};

struct PeerDescription {
  std::string missing;                // why it cannot run here, with what to do; empty: it can
  std::vector<PeerSetting> settings;  // worth to be tried, one at least
};

/// What runs a peer.
struct PeerCommand {
  std::filesystem::path program;
  std::vector<std::string> arguments;
};

/// Throws InputError: no such script, no Python.
[[nodiscard]] PeerCommand command_of(const PeerProgram& program);

/// Asked once in the life of this process. Never throws for a peer that cannot run.
[[nodiscard]] const PeerDescription& describe(const PeerProgram& program);

/// Where the shipped peers and the module that they share are.
[[nodiscard]] std::filesystem::path peer_folder();

/// STEPBENCH_PYTHON; else that of the environment that scripts/peers/install makes; else the system's. Throws
/// InputError where there is none.
[[nodiscard]] std::filesystem::path python();

}  // namespace stepbench
