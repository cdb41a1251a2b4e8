#include "experiments/race/racer.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <string_view>
#include <utility>

#include "core/text/text.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "variants/openblas/runtime.hpp"

namespace stepbench::race {
namespace {

// A worker greets before it does anything else: this long only to wait no longer for a program that never will.
constexpr std::chrono::seconds kPatienceForGreeting{30};

constexpr std::string_view kProgramPrefix = "stepbench: ";

std::vector<std::string> worker_command(std::span<const std::string> arguments) {
  std::vector<std::string> words = {"race-worker"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

/// Without what the program puts before every message of its own.
std::string without_prefix(const std::string& text) {
  return text.starts_with(kProgramPrefix) ? text.substr(kProgramPrefix.size()) : text;
}

/// A file name without a slash is one in this folder, not one on the PATH.
const std::filesystem::path& require_program(const Entry& entry) {
  if (std::filesystem::is_regular_file(entry.program) && access(entry.program.c_str(), X_OK) == 0) return entry.program;
  throw InputError(fmt::format("race: {}: found \"{}\", allowed: the path of a stepbench program", entry.name,
                               printable(entry.program.string())));
}

}  // namespace

Racer::Racer(Entry entry, std::span<const std::string> arguments)
    : entry_(std::move(entry)),
      child_(require_program(entry_), worker_command(arguments), {.environment = environment_as_started()}) {
  greet();
  const std::string line = expect_line(0, "ready");
  const std::optional<std::int64_t> steps = parse_ready(line);
  if (!steps) reject(line, "\"ready\" and its number of steps");
  total_steps_ = *steps;
}

void Racer::greet() {
  const ChildProcess::Line line = child_.read_line(longest_line(0), kPatienceForGreeting);
  const std::optional<Greeting> greeting =
      line.reading == ChildProcess::Reading::line ? parse_greeting(line.text) : std::nullopt;
  if (greeting) {
    if (greeting->protocol != kProtocol) {
      throw InputError(
          fmt::format("{} speaks version {} of the race protocol, this program version {}: race with the "
                      "newer of the two",
                      prefix(), greeting->protocol, kProtocol));
    }
    build_ = printable(greeting->build);
    return;
  }
  if (line.reading == ChildProcess::Reading::timed_out) {
    throw InputError(fmt::format("{} says nothing: is it a stepbench program?", prefix()));
  }
  if (line.reading != ChildProcess::Reading::ended || !line.text.empty()) {
    throw InputError(fmt::format("{} is not a stepbench program that can race: it greets with \"{}\"", prefix(),
                                 printable(line.text)));
  }
  const int code = child_.wait();
  const std::string complaint = without_prefix(child_.last_complaint());
  if (complaint.starts_with("unknown command")) {
    throw InputError(prefix() + " is too old to race: it does not know the command race-worker");
  }
  throw InputError(fmt::format("{} is not a stepbench program that can race: it ends with exit code {}{}", prefix(),
                               code, complaint.empty() ? "" : ", " + printable(complaint)));
}

Block Racer::train(std::int64_t count, std::int64_t round) {
  if (!child_.write_line(train_line({count, round}))) report_end();
  const std::string line = expect_line(count, "block");
  std::optional<Block> block = parse_block(line);
  if (!block || std::ssize(block->losses) > count) reject(line, "the times and losses of a block");
  losses_.insert(losses_.end(), block->losses.begin(), block->losses.end());
  fell_short_ = std::ssize(block->losses) < count;
  return *std::move(block);
}

TrialRecord Racer::record() {
  if (!child_.write_line(kFinishLine)) report_end();
  const std::string line = expect_line(0, "done");
  std::optional<std::string> digest = parse_done(line);
  if (!digest) reject(line, "\"done\" and the digest of its parameters");
  TrialRecord record;
  record.steps.train_loss = losses_;
  record.parameter_digest = *std::move(digest);
  return record;
}

/// No time limit: a block lasts as long as it has to, and a worker that dies is noticed at once.
std::string Racer::expect_line(std::int64_t steps, const char* what) {
  ChildProcess::Line line = child_.read_line(longest_line(steps));
  if (line.reading == ChildProcess::Reading::too_long) reject(line.text, what);
  if (line.reading != ChildProcess::Reading::line) report_end();
  return std::move(line.text);
}

void Racer::reject(const std::string& line, const char* what) const {
  throw Error(
      fmt::format("{} breaks the race protocol: it said \"{}\" where {} was due", prefix(), printable(line), what));
}

void Racer::report_end() {
  const int code = child_.wait();
  const std::string complaint = without_prefix(child_.last_complaint());
  if (code == kExitGateFailed) throw GateError(fmt::format("{}: {}", entry_.name, complaint));
  if (code == kExitUsage) throw InputError(fmt::format("{} refuses this race: {}", prefix(), complaint));
  constexpr int kSignalled = 128;
  const std::string how =
      code > kSignalled ? fmt::format("killed by signal {}", code - kSignalled) : fmt::format("exit code {}", code);
  throw Error(fmt::format("{} ended in the middle of the race: {}{}", prefix(), how,
                          complaint.empty() ? "" : ", " + complaint));
}

std::string Racer::prefix() const {
  return fmt::format("race: {} ({})", entry_.name, printable(entry_.program.string()));
}

}  // namespace stepbench::race
