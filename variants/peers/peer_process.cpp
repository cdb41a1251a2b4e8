#include "variants/peers/peer_process.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "core/affinity.hpp"
#include "core/error.hpp"
#include "core/text/text.hpp"
#include "variants/backend.hpp"
#include "variants/openblas/runtime.hpp"

namespace stepbench {
namespace {

using nlohmann::json;

constexpr std::int64_t kProtocol = 1;
constexpr std::size_t kLongestLine = 1 << 16;  // an answer's numbers go by the arrays
constexpr std::chrono::milliseconds kLook{50};
constexpr std::size_t kReason = 300;  // characters that are shown of one

/// The kernels that OpenBLAS, should the peer use one, is to take: those that run here. In float and double those of
/// the newer cores are SkylakeX's, and that name every OpenBLAS knows.
std::string blas_core() {
  const std::string core = blas_runtime().core;
  return core == "Cooperlake" || core == "SapphireRapids" ? "SkylakeX" : core;
}

std::vector<std::string> environment_for(const PeerSetting& setting, std::int64_t threads) {
  const char* modules = std::getenv("PYTHONPATH");  // with ours, so that a script of one's own can lie anywhere
  PeerSetting variables = {
      {"PYTHONDONTWRITEBYTECODE", "1"},
      {"PYTHONPATH", peer_folder().string() + (modules == nullptr ? "" : std::string(":") + modules)}};
  for (const char* library : {"OMP", "OPENBLAS", "MKL"}) {
    variables.emplace_back(fmt::format("{}_NUM_THREADS", library), std::to_string(threads));
  }
  std::vector<std::string> environment = environment_as_started();
  const auto is_set = [&environment](const std::string& name) {
    return std::ranges::any_of(environment, [&](const std::string& text) { return text.starts_with(name + "="); });
  };
  if (!is_set("OPENBLAS_CORETYPE") && !blas_core().empty()) variables.emplace_back("OPENBLAS_CORETYPE", blas_core());
  variables.insert(variables.end(), setting.begin(), setting.end());
  for (const auto& [name, value] : variables) {
    std::erase_if(environment, [&name = name](const std::string& text) { return text.starts_with(name + "="); });
    environment.push_back(name + "=" + value);
  }
  return environment;
}

ChildProcess start(const PeerProgram& program, PeerSetting setting, std::int64_t threads, std::span<const int> cpus) {
  setting.insert(setting.end(), program.variables.begin(), program.variables.end());
  const PeerCommand command = command_of(program);
  const BoundThread where_it_runs(cpus);
  return ChildProcess(command.program, command.arguments,
                      {.environment = environment_for(setting, threads), .own_group = true});
}

}  // namespace

PeerProcess::PeerProcess(const PeerProgram& program, const PeerSetting& setting, std::int64_t threads,
                         std::span<const int> cpus, std::chrono::seconds time_limit)
    : name_(program.title()),
      limit_key_(program.limit_key()),
      time_limit_(time_limit),
      child_(start(program, setting, threads, cpus)) {
  const json greeting = read_message("its greeting", nullptr);
  if (const auto error = greeting.find("error"); error != greeting.end() && error->is_string()) {
    throw Error(fmt::format("{}: {}", name_, printable(error->get<std::string>(), kReason)));
  }
  const auto version = greeting.find("stepbench_peer");
  if (version == greeting.end() || !version->is_number_integer()) {
    throw Error(fmt::format("{} greets with \"{}\": is it a peer?", name_, printable(greeting.dump())));
  }
  if (*version != kProtocol) {
    throw Error(fmt::format("{} speaks version {} of the protocol, this program version {}", name_, version->dump(),
                            kProtocol));
  }
  pause();
}

json PeerProcess::ask(const json& request, const std::function<void()>& look) {
  resume();
  // Not a failure yet where it is gone: what it said before stands to be read.
  static_cast<void>(child_.write_line(request.dump()));
  json answer = read_message("an answer", look);
  pause();
  const auto text_of = [&answer](const char* key) {
    const auto found = answer.find(key);
    return found != answer.end() && found->is_string() ? printable(found->get<std::string>(), kReason) : std::string();
  };
  if (const std::string why = text_of("unsupported"); !why.empty()) throw UnsupportedError(why);
  if (const std::string why = text_of("error"); !why.empty()) throw Error(fmt::format("{}: {}", name_, why));
  const auto ok = answer.find("ok");
  if (ok == answer.end() || *ok != true) {
    throw Error(fmt::format("{} answers \"{}\"", name_, printable(answer.dump())));
  }
  return answer;
}

void PeerProcess::stop_with_it(std::span<const pid_t> processes) {
  others_.clear();
  for (const pid_t process : processes) others_.emplace_back(process);
  pause();
}

void PeerProcess::pause() const {
  for (const OtherProcess& other : others_) other.send(SIGSTOP);
  child_.pause();
}

void PeerProcess::resume() const {
  child_.resume();
  for (const OtherProcess& other : others_) other.send(SIGCONT);
}

json PeerProcess::read_message(const char* what, const std::function<void()>& look) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point limit = Clock::now() + time_limit_;
  for (;;) {
    ChildProcess::Line line = child_.read_line(kLongestLine, kLook);
    if (line.reading == ChildProcess::Reading::timed_out && Clock::now() < limit) {
      if (look) look();
      continue;
    }
    if (line.reading != ChildProcess::Reading::line) report(line, what);
    json message = json::parse(line.text, nullptr, /*allow_exceptions=*/false);
    if (!message.is_object()) {
      throw Error(fmt::format("{} says \"{}\" where {} was due", name_, printable(line.text), what));
    }
    return message;
  }
}

void PeerProcess::report(const ChildProcess::Line& line, const char* what) {
  if (line.reading == ChildProcess::Reading::timed_out) {
    throw Error(
        fmt::format("{} says nothing for {} s where {} was due ({})", name_, time_limit_.count(), what, limit_key_));
  }
  if (line.reading == ChildProcess::Reading::too_long) {
    throw Error(fmt::format("{} says \"{}\" where {} was due", name_, printable(line.text), what));
  }
  const int code = child_.wait();
  const std::string complaint = child_.last_complaint();
  constexpr int kSignalled = 128;
  const std::string how =
      code > kSignalled ? fmt::format("killed by signal {}", code - kSignalled) : fmt::format("exit code {}", code);
  throw Error(
      fmt::format("{} has ended: {}{}", name_, how, complaint.empty() ? "" : ", " + printable(complaint, kReason)));
}

json to_json(const SharedArrays& arrays) {
  json described = json::object();
  for (const SharedArray& array : arrays.arrays()) {
    described[array.name] = {
        {"file", arrays.path()}, {"offset", array.offset}, {"type", array.type}, {"shape", array.shape}};
  }
  return described;
}

}  // namespace stepbench
