#include "experiments/terminal/interrupt.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <exception>

#include "experiments/terminal/exit_code.hpp"

namespace stepbench {
namespace {

constexpr std::int64_t kImpatience = 5000;  // ms between two signals that are not one
constexpr unsigned kGrace = 2;              // s beyond a step
constexpr unsigned kToLeave = 10;           // s to write what there is, from when a stop was noticed
constexpr unsigned kBetweenSteps = 10;  // s beyond a step in a round that comes to its end: evaluations, first steps
constexpr unsigned kToSave = 60;        // s to write a checkpoint, which may be large

std::atomic<std::int64_t> stopped_at{0};  // of the first signal, ms of the monotonic clock; 0: none came
std::atomic<bool> noticed{false};
std::atomic<bool> finishes_rounds{false};  // a FinishRound lives
std::atomic<bool> after_round{false};      // the signal that came lets the round come to its end
std::atomic<int> interrupts{0};
std::atomic<unsigned> step_seconds{0};
static_assert(std::atomic<std::int64_t>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "a signal handler may not wait for a lock");

bool on_terminal = false;  // stderr; written before the handler can run

/// The last words: a line is written where no handler reads it, and then is the one.
struct Words {
  std::array<char, 1024> text;
  std::size_t length;
};
std::array<Words, 2> last_words{};
std::atomic<std::size_t> current_words{0};

constexpr std::string_view kAfterStep = "stepbench: stopping after this step\n";
constexpr std::string_view kAfterStepOfUser = "stepbench: stopping after this step; a second Ctrl-C stops at once\n";
constexpr std::string_view kAfterRound = "stepbench: stopping after this round; Ctrl-C stops after this step\n";

// Below, what a handler calls: only what signal-safety(7) allows.

void tell(std::string_view line) {
  // On a terminal a progress bar or `^C` stands on the line.
  ssize_t ignored = on_terminal ? write(STDERR_FILENO, "\n", 1) : 0;
  ignored = write(STDERR_FILENO, line.data(), line.size());
  static_cast<void>(ignored);
}

std::int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::max<std::int64_t>(1, std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000);
}

/// A signal that is not the first.
void insist(int signal, std::int64_t first) {
  const bool impatient = signal == SIGINT && interrupts.fetch_add(1) > 0;
  const bool late = signal != SIGINT && now() - first > kImpatience;
  if (finishes_rounds && after_round && (signal == SIGINT || late)) {
    after_round = false;
    stopped_at = now();
    alarm(step_seconds + kGrace);
    tell(signal == SIGINT ? kAfterStepOfUser : kAfterStep);
  } else if (impatient || late) {
    _exit(kExitInterrupted);
  }
}

void stop(int signal) {
  const int error_number = errno;
  std::int64_t first = 0;
  if (!stopped_at.compare_exchange_strong(first, now())) {
    insist(signal, first);
  } else {
    if (signal == SIGINT) interrupts = 1;
    after_round = finishes_rounds && (signal == SIGTERM || signal == SIGUSR1);
    alarm(step_seconds + kGrace);
    tell(after_round ? kAfterRound : signal == SIGINT ? kAfterStepOfUser : kAfterStep);
  }
  errno = error_number;
}

void give_up(int /*signal*/) {
  const Words& words = last_words[current_words];
  tell({words.text.data(), words.length});
  _exit(kExitInterrupted);
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

bool stop_requested() {
  if (stopped_at.load(std::memory_order_relaxed) == 0) return false;
  if (finishes_rounds && after_round) {
    alarm(step_seconds + kBetweenSteps);  // who asks is alive
    return false;
  }
  if (!noticed.exchange(true)) alarm(kToLeave);
  return true;
}

FinishRound::FinishRound() { finishes_rounds = true; }
FinishRound::~FinishRound() { finishes_rounds = false; }

bool stop_after_round_requested() {
  if (stopped_at == 0) return false;
  alarm(kToSave);
  return true;
}

void expect_step(double seconds) {
  step_seconds.store(static_cast<unsigned>(std::clamp(seconds, 0.0, 1e9)), std::memory_order_relaxed);
}

StopOnSignal::StopOnSignal() {
  stopped_at = 0;
  noticed = false;
  after_round = false;
  interrupts = 0;
  step_seconds = 0;
  on_terminal = isatty(STDERR_FILENO) != 0;
  set_last_words("interrupted");
  handle(SIGALRM, give_up);
  sigset_t own;
  sigemptyset(&own);
  sigaddset(&own, SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &own, nullptr);  // a parent may have left it blocked
  for (std::size_t i = 0; i < kStopSignals.size(); ++i) {
    sigaction(kStopSignals[i], nullptr, &before_[i]);
    if (before_[i].sa_handler != SIG_IGN) handle(kStopSignals[i], stop);
  }
}

StopOnSignal::~StopOnSignal() {
  for (std::size_t i = 0; i < kStopSignals.size(); ++i) sigaction(kStopSignals[i], &before_[i], nullptr);
  // After a stop, the end of the program has its time, too: its libraries may hang there.
  if (std::uncaught_exceptions() == 0) alarm(0);
  stopped_at = 0;
}

void StopOnSignal::set_last_words(std::string_view line) {
  const std::size_t next = 1 - current_words;
  Words& words = last_words[next];
  const auto append = [&words](std::string_view part) {
    const std::size_t count = std::min(part.size(), words.text.size() - words.length);
    std::memcpy(words.text.data() + words.length, part.data(), count);
    words.length += count;
  };
  words.length = 0;
  append("stepbench: ");
  append(line.substr(0, words.text.size() - words.length - 1));
  append("\n");
  current_words = next;
}

}  // namespace stepbench
