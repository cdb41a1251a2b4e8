#include "variants/ranks/ranks.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/error.hpp"
#include "core/text/text.hpp"
#include "variants/peers/peer_network.hpp"
#include "variants/ranks/rank_request.hpp"

namespace stepbench {
namespace {

namespace fs = std::filesystem;

/// The program that each rank runs: beside this one, or beside those that the tests are made from.
fs::path rank_program() {
  std::error_code failed;
  const fs::path here = fs::read_symlink("/proc/self/exe", failed).parent_path();
  for (fs::path folder = here; !failed && folder.has_relative_path(); folder = folder.parent_path()) {
    if (access((folder / STEPBENCH_RANK_PROGRAM).c_str(), X_OK) == 0) return folder / STEPBENCH_RANK_PROGRAM;
    if (fs::exists(folder / "CMakeCache.txt", failed)) break;  // the end of a build
  }
  return {};
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

/// Where a shell would find it; empty: nowhere.
fs::path find_program(const std::string& name) {
  if (name.find('/') != name.npos) return access(name.c_str(), X_OK) == 0 ? fs::path(name) : fs::path();
  const char* path = std::getenv("PATH");
  std::string_view folders = path == nullptr ? "/usr/bin:/bin" : path;
  while (!folders.empty()) {
    const std::size_t end = std::min(folders.find(':'), folders.size());
    const fs::path candidate = fs::path(folders.substr(0, end)) / name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    folders.remove_prefix(std::min(end + 1, folders.size()));
  }
  return {};
}

/// The launcher's words with their number for {ranks}, then the program.
std::vector<std::string> command_of(const RankSettings& ranks) {
  constexpr std::string_view kRanks = "{ranks}";
  std::vector<std::string> words = words_of(ranks.launcher);
  for (std::string& word : words) {
    for (std::size_t at = 0; (at = word.find(kRanks)) != word.npos;) {
      word.replace(at, kRanks.size(), std::to_string(ranks.count));
    }
  }
  words.front() = find_program(words.front()).string();
  words.push_back(rank_program().string());
  return words;
}

/// What Open MPI is to do that another MPI does by itself, unless the user has said otherwise: more ranks than cores,
/// which then yield to each other; no rank bound to one core, as their threads are bound by us; and root, as whom
/// containers run.
PeerSetting launcher_variables(std::int64_t ranks) {
  PeerSetting variables = {{kRanksVariable, std::to_string(ranks)}};
  const auto set = [&variables](const char* name, const char* value) {
    if (std::getenv(name) == nullptr) variables.emplace_back(name, value);
  };
  set("OMPI_MCA_rmaps_base_oversubscribe", "1");
  set("OMPI_MCA_mpi_yield_when_idle", "1");
  set("OMPI_MCA_hwloc_base_binding_policy", "none");
  if (geteuid() == 0) {
    set("OMPI_ALLOW_RUN_AS_ROOT", "1");
    set("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
  }
  return variables;
}

PeerProgram program_for(const Backend& backend, const NetworkSettings& settings) {
  const RankSettings& ranks = settings.ranks;
  PeerProgram program{.name = std::string(backend.name), .script = {}, .describes_itself = false};
  program.command = command_of(ranks);
  program.variables = launcher_variables(ranks.count);
  program.called = fmt::format("{} on {} rank{}", backend.name, ranks.count, ranks.count == 1 ? "" : "s");
  program.limit = "ranks.time_limit";
  program.more = to_json(RankRequest{.backend = std::string(backend.name),
                                     .reduction = ranks.reduction,
                                     .overlap = ranks.overlap,
                                     .independent = settings.independent_ranks,
                                     .cpus = settings.cpus,
                                     .own = settings.own});
  return program;
}

}  // namespace

std::string ranks_unsupported(const Backend& backend, const NetworkSettings& settings) {
  if (backend.own_process) return "trains in a process of its own, which has no ranks";
  if (settings.training.update_order == UpdateOrder::layerwise) {
    return "ranks form all gradients before they update: training.update_order = layerwise is not supported";
  }
  if (settings.training.micro_batch) return "ranks share whole batches: training.micro_batch is not supported";
  if (rank_program().empty()) {
    return fmt::format("absent from this build: install an MPI (libopenmpi-dev) and build again ({} is not there)",
                       STEPBENCH_RANK_PROGRAM);
  }
  const std::vector<std::string> words = words_of(settings.ranks.launcher);
  if (words.empty() || find_program(words.front()).empty()) {
    return fmt::format("ranks.launcher: there is no program \"{}\" (Debian: openmpi-bin)",
                       words.empty() ? "" : printable(words.front()));
  }
  return "";
}

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_network(const Backend& backend, const NetworkSettings& settings) {
  if (settings.ranks.count == 0) return backend.make<Scalar>(settings);
  std::string reason = unsupported_reason(backend, settings);
  if (reason.empty()) reason = ranks_unsupported(backend, settings);
  if (!reason.empty()) throw UnsupportedError(reason);
  return make_peer_network<Scalar>(program_for(backend, settings), settings,
                                   std::chrono::seconds(settings.ranks.time_limit));
}

template std::unique_ptr<Network<float>> make_network<float>(const Backend&, const NetworkSettings&);
template std::unique_ptr<Network<double>> make_network<double>(const Backend&, const NetworkSettings&);

}  // namespace stepbench
