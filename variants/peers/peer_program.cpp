#include "variants/peers/peer_program.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "core/process/child_process.hpp"
#include "core/text/text.hpp"
#include "variants/openblas/runtime.hpp"

namespace stepbench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::chrono::seconds kPatience{60};  // for a --describe, which imports nothing large
constexpr std::size_t kLongestLine = 1 << 16;
constexpr std::size_t kReason = 300;  // characters that are shown of one

bool is_program(const fs::path& path) { return fs::is_regular_file(path) && access(path.c_str(), X_OK) == 0; }

/// Where the shipped peers can be: beside the installed program, or in the repository that it was built from.
std::vector<fs::path> peer_folders() {
  std::vector<fs::path> folders = {fs::path("scripts") / "peers"};
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  if (!failed)
    folders.push_back((program.parent_path() / STEPBENCH_DATA_FROM_PROGRAM / "scripts/peers").lexically_normal());
  folders.emplace_back(STEPBENCH_PEERS_SOURCE);
  return folders;
}

fs::path find_script(const PeerProgram& program) {
  if (fs::is_regular_file(program.script)) return fs::absolute(program.script);
  std::string looked = program.script;
  for (const fs::path& folder : peer_folders()) {
    if (fs::path(program.script).is_absolute()) break;
    const fs::path candidate = folder / program.script;
    if (fs::is_regular_file(candidate)) return fs::absolute(candidate);
    looked += ", " + candidate.string();
  }
  throw InputError(fmt::format("the script of the peer {} is not there; looked at {}", program.name, looked));
}

PeerDescription parse_description(const std::string& line) {
  const json said = json::parse(line);
  PeerDescription description;
  if (!said.at("available").get<bool>()) description.missing = printable(said.at("why").get<std::string>(), kReason);
  for (const json& variables : said.value("environments", json::array())) {
    PeerSetting setting;
    for (const auto& [name, value] : variables.items()) setting.emplace_back(name, value.get<std::string>());
    description.settings.push_back(std::move(setting));
  }
  if (description.settings.empty()) description.settings.emplace_back();
  return description;
}

PeerDescription ask(const PeerProgram& program) {
  if (!program.describes_itself) {  // a program that is not there is said now
    static_cast<void>(command_of(program));
    return {.missing = {}, .settings = {{}}};
  }
  PeerCommand command = command_of(program);
  command.arguments.emplace_back("--describe");
  ChildProcess child(command.program, command.arguments, {.environment = environment_as_started(), .own_group = true});
  const ChildProcess::Line line = child.read_line(kLongestLine, kPatience);
  if (line.reading != ChildProcess::Reading::line) {
    const std::string complaint = line.reading == ChildProcess::Reading::ended ? child.last_complaint() : "";
    throw Error(fmt::format("{} does not say what it is{}", command.arguments.front(),
                            complaint.empty() ? "" : ": " + printable(complaint, kReason)));
  }
  try {
    return parse_description(line.text);
  } catch (const json::exception&) {
    throw Error(fmt::format("{} says of itself \"{}\"", command.arguments.front(), printable(line.text)));
  }
}

}  // namespace

std::string to_text(const PeerSetting& setting) {
  std::string text;
  for (const auto& [name, value] : setting) text += (text.empty() ? "" : " ") + name + "=" + value;
  return text.empty() ? "as it comes" : text;
}

fs::path peer_folder() {
  for (const fs::path& folder : peer_folders()) {
    if (fs::is_regular_file(folder / "stepbench_peer.py")) return fs::absolute(folder);
  }
  return "";
}

fs::path python() {
  if (const char* named = std::getenv("STEPBENCH_PYTHON"); named != nullptr && *named != '\0') {
    if (is_program(named)) return named;
    throw InputError(fmt::format("STEPBENCH_PYTHON: found \"{}\", allowed: the path of a Python 3", printable(named)));
  }
  for (const fs::path& folder : peer_folders()) {
    const fs::path installed = folder / "../../build/peers/bin/python";
    // Not its canonical path: by the one that it is called with, Python knows the environment.
    if (is_program(installed)) return fs::absolute(installed).lexically_normal();
  }
  for (const char* candidate : {"/usr/bin/python3", "/usr/local/bin/python3"}) {
    if (is_program(candidate)) return candidate;
  }
  throw InputError("there is no Python: install python3, or name one by STEPBENCH_PYTHON");
}

PeerCommand command_of(const PeerProgram& program) {
  if (!program.command.empty()) {
    return {program.command.front(), {program.command.begin() + 1, program.command.end()}};
  }
  const fs::path script = find_script(program);
  PeerCommand command{script, {}};
  if (script.extension() == ".py") {
    command = {python(), {script.string()}};
  } else if (!is_program(script)) {
    throw InputError(fmt::format("{}: found \"{}\", allowed: a Python script (*.py) or a program", program.name,
                                 printable(program.script)));
  }
  command.arguments.insert(command.arguments.end(), program.arguments.begin(), program.arguments.end());
  return command;
}

const PeerDescription& describe(const PeerProgram& program) {
  static std::mutex mutex;
  static std::map<std::pair<std::string, std::vector<std::string>>, PeerDescription> known;
  const std::lock_guard lock(mutex);
  const auto [found, is_new] =
      known.try_emplace({program.script, program.command.empty() ? program.arguments : program.command});
  if (is_new) {
    try {
      found->second = ask(program);
    } catch (const std::exception& error) {
      found->second = {.missing = error.what(), .settings = {{}}};
    }
  }
  return found->second;
}

}  // namespace stepbench
