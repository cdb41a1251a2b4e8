// What each signal does to a run, in processes of their own. The whole program under signals: tests/durability.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>

#include "experiments/terminal/interrupt.hpp"

namespace stepbench::testing {
namespace {

using std::chrono::milliseconds;

constexpr int kLived = 42;

struct End {
  int code;  // 128 and the signal's number when one killed it
  std::string said;
};

/// How a process ends that calls `live` while it takes signals: kLived when nothing stopped it there.
End end_of(void (*live)(StopOnSignal&)) {
  int said[2];
  REQUIRE(pipe(said) == 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(said[1], STDERR_FILENO);
    for (const int signal_number : {SIGINT, SIGTERM, SIGUSR1, SIGHUP}) signal(signal_number, SIG_DFL);
    {
      StopOnSignal signals;
      live(signals);
    }
    _exit(kLived);
  }
  close(said[1]);
  End end{0, ""};
  char buffer[512];
  for (ssize_t count; (count = read(said[0], buffer, sizeof buffer)) > 0;) {
    end.said.append(buffer, static_cast<std::size_t>(count));
  }
  close(said[0]);
  int status = 0;
  waitpid(child, &status, 0);
  end.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return end;
}

[[noreturn]] void hang() {
  for (volatile bool on = true; on;) {
  }
  _exit(1);
}

}  // namespace

TEST_CASE("no signal, no stop") {
  CHECK(end_of([](StopOnSignal&) {
          if (stop_requested()) _exit(1);
        }).code == kLived);
}

TEST_CASE("any of the signals asks for a stop") {
  const auto end = end_of([](StopOnSignal&) {
    for (const int number : {SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGXCPU}) {
      const StopOnSignal again;
      raise(number);
      if (!stop_requested()) _exit(number);
    }
  });
  CHECK(end.code == kLived);
}

TEST_CASE("where a round may come to its end, SIGTERM and SIGUSR1 let it, and other signals do not") {
  const auto end = end_of([](StopOnSignal&) {
    for (const int number : {SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGXCPU}) {
      const StopOnSignal again;
      const bool waits = number == SIGTERM || number == SIGUSR1;
      {
        const FinishRound finish;
        if (stop_after_round_requested()) _exit(1);
        raise(number);
        if (stop_requested() == waits || !stop_after_round_requested()) _exit(number);
      }
      if (!stop_requested()) _exit(100 + number);  // the round is over
    }
  });
  CHECK(end.code == kLived);
}

TEST_CASE("Ctrl-C does not wait for the round that SIGTERM waits for, and a second one stops at once") {
  const auto end = end_of([](StopOnSignal&) {
    const FinishRound finish;
    raise(SIGTERM);
    raise(SIGTERM);  // batch systems send two
    if (stop_requested()) _exit(1);
    raise(SIGINT);
    if (!stop_requested()) _exit(2);
    raise(SIGINT);
  });
  CHECK(end.code == 130);
  CHECK(end.said ==
        "stepbench: stopping after this round; Ctrl-C stops after this step\n"
        "stepbench: stopping after this step; a second Ctrl-C stops at once\n");
}

TEST_CASE("a SIGTERM that comes late after a warning stops after the step") {
  const auto end = end_of([](StopOnSignal&) {
    const FinishRound finish;
    expect_step(100);
    raise(SIGUSR1);
    std::this_thread::sleep_for(milliseconds(5100));
    if (stop_requested()) _exit(1);
    raise(SIGTERM);
    if (!stop_requested()) _exit(2);
  });
  CHECK(end.code == kLived);
}

TEST_CASE("a round that hangs ends the program, and one that goes on has its time") {
  const auto lived = end_of([](StopOnSignal&) {
    const FinishRound finish;
    raise(SIGTERM);
    for (int step = 0; step < 3; ++step) {  // each longer than half of what a step that was not announced may take
      std::this_thread::sleep_for(milliseconds(1200));
      if (stop_requested()) _exit(1);
    }
  });
  CHECK(lived.code == kLived);
  CHECK(end_of([](StopOnSignal&) {
          const FinishRound finish;
          raise(SIGTERM);
          hang();
        }).code == 130);
}

TEST_CASE("a second Ctrl-C ends the program at once") {
  CHECK(end_of([](StopOnSignal&) {
          raise(SIGINT);
          raise(SIGINT);
        }).code == 130);
}

TEST_CASE("a second SIGTERM that comes soon is not taken for impatience") {
  CHECK(end_of([](StopOnSignal&) {
          raise(SIGTERM);
          raise(SIGTERM);
          raise(SIGHUP);
          raise(SIGINT);  // the first of its kind
        }).code == kLived);
}

TEST_CASE("a second SIGTERM that comes late ends the program at once") {
  const auto end = end_of([](StopOnSignal&) {
    expect_step(100);
    raise(SIGTERM);
    std::this_thread::sleep_for(milliseconds(5100));
    raise(SIGTERM);
  });
  CHECK(end.code == 130);
  CHECK(end.said == "stepbench: stopping after this step\n");
}

TEST_CASE("a step that is longer than it may be ends the program with its last words") {
  const auto end = end_of([](StopOnSignal& signals) {
    signals.set_last_words("interrupted: others");
    signals.set_last_words("interrupted: 2 of 3 trials are finished");
    raise(SIGTERM);
    hang();
  });
  CHECK(end.code == 130);
  CHECK(end.said == "stepbench: stopping after this step\nstepbench: interrupted: 2 of 3 trials are finished\n");
}

TEST_CASE("a step has the time that it was expected to take") {
  const auto end = end_of([](StopOnSignal&) {
    expect_step(2.5);
    raise(SIGTERM);
    std::this_thread::sleep_for(milliseconds(2500));
  });
  CHECK(end.code == kLived);
}

TEST_CASE("who has noticed the stop has time to write") {
  const auto end = end_of([](StopOnSignal&) {
    raise(SIGTERM);
    if (!stop_requested()) _exit(1);
    std::this_thread::sleep_for(milliseconds(2500));
  });
  CHECK(end.code == kLived);
}

TEST_CASE("a signal that was to be ignored asks for nothing") {
  CHECK(end_of([](StopOnSignal&) {
          signal(SIGHUP, SIG_IGN);
          const StopOnSignal again;
          raise(SIGHUP);
          if (stop_requested()) _exit(1);
        }).code == kLived);
}

TEST_CASE("last words of any length are one line") {
  const auto end = end_of([](StopOnSignal& signals) {
    signals.set_last_words(std::string(5000, 'x'));
    raise(SIGTERM);
    hang();
  });
  CHECK(end.said.size() == sizeof("stepbench: stopping after this step\n") - 1 + 1024);
  CHECK(end.said.back() == '\n');
}

}  // namespace stepbench::testing
